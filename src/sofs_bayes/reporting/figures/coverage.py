"""How often intervals held the truth, at every level, beside what right ones would."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from sofs_bayes.checks.ranks import Kind, RankVerdict
from sofs_bayes.reporting.figures.drawing import Drawing
from sofs_bayes.reporting.figures.numbers import (
    listed,
    padded,
    percent,
    refuse_empty,
    tick_labels,
    ticks,
)
from sofs_bayes.reporting.figures.page import (
    CONVERGED,
    KeyEntry,
    add_axes,
    blank_page,
    set_ticks,
    write,
)
from sofs_bayes.reporting.figures.rank_bands import (
    AttainedRow,
    attained_rows,
)
from sofs_bayes.reporting.figures.style import (
    NO_EFFECT,
    STYLE,
    Look,
)
from sofs_bayes.spec import Evidence

ANSWER: Look = {
    "linestyle": "None",
    "marker": "o",
    "markersize": 4.0,
    "markeredgewidth": 0.6,
    "markeredgecolor": "white",
    "markerfacecolor": STYLE.strong,
}
SPREAD: Look = {**ANSWER, "marker": "^", "markersize": 5.0}
LIKELIHOOD: Look = {**ANSWER, "marker": "s"}
OTHER: Look = {
    **ANSWER,
    "markersize": 2.4,
    "markeredgecolor": STYLE.soft,
    "markerfacecolor": "white",
}
OUT: Look = {
    **ANSWER,
    "marker": "D",
    "markersize": 6.0,
    "markeredgewidth": 1.8,
    "markeredgecolor": STYLE.mark,
    "markerfacecolor": "white",
}
LOOKS: dict[Kind, tuple[str, Look]] = {
    "effect": ("effect", ANSWER),
    "spread": ("spread", SPREAD),
    "likelihood": ("log likelihood", LIKELIHOOD),
    "parameter": ("other parameter", OTHER),
}
HEAD, LEFT, COVERAGE, AXIS = 0.28, 0.46, 2.3, 0.52
NAMED = 4  # shares an alt text names


def coverage_levels(
    verdict: RankVerdict,
    *,
    title: str,
    evidence: Evidence,
    notes: Sequence[str] = (),
    name: str = "coverage",
) -> Drawing:
    """Attained minus nominal coverage of every quantity at every level, with binomial bands.

    Parameters
    ----------
    verdict
        On a calibration; all its quantities are drawn.
    title, evidence, notes, name
        Title, evidence line, further notes (on where the ranks come from), stem of the files.

    Raises
    ------
    BadInput
        No quantity with ranks.
    """
    rows = attained_rows(verdict)
    refuse_empty(name, rows)
    outside = [row for row in rows if not row.inside]
    page = blank_page(
        HEAD + COVERAGE + AXIS,
        title=title,
        evidence=(evidence,),
        status=CONVERGED,
        notes=[*_coverage_notes(outside), *notes],
        key=[
            KeyEntry(name="95% band of one share", fill=STYLE.fill),
            KeyEntry(name=f"of all {len(rows)} together", fill=STYLE.shade),
            *kinds_key({row.kind for row in rows}),
            *([KeyEntry(name="outside both", line=OUT)] if outside else []),
        ],
    )
    write(page, 0.0, HEAD / 2, "Truths inside their interval, minus the nominal level, % points")
    axes = add_axes(page, left=LEFT, top=HEAD, width=page.inner - LEFT, height=COVERAGE)
    levels = sorted({row.level for row in rows})
    for slot, level in enumerate(levels):
        _draw_level(axes, slot, [row for row in rows if row.level == level])
    axes.axhline(0.0, **{**NO_EFFECT, "linewidth": 0.8})
    edges = [row.lower_all - row.level for row in rows]
    edges += [row.upper_all - row.level for row in rows]
    edges += [row.coverage - row.level for row in rows]
    axes.set_ylim(*padded([100 * edge for edge in edges]))
    axes.set_xlim(-0.5, len(levels) - 0.5)
    marks = ticks(*axes.get_ylim(), 6)
    set_ticks(axes, "y", marks, tick_labels(marks, signed=True))
    set_ticks(axes, "x", range(len(levels)), [percent(level) for level in levels])
    under = HEAD + COVERAGE + AXIS - 0.14
    write(page, LEFT + (page.inner - LEFT) / 2, under, "nominal level of the interval", ha="center")
    alt = _coverage_alt(rows, outside)
    return Drawing(name=name, figure=page.figure, alt=alt, data=(AttainedRow, rows))


def _draw_level(axes: Axes, slot: int, rows: Sequence[AttainedRow]) -> None:
    """One level's bands, and its quantities side by side in their order."""
    half = 0.44
    first = rows[0]
    for low, high, colour in (
        (first.lower_all, first.upper_all, STYLE.shade),
        (first.lower, first.upper, STYLE.fill),
    ):
        below, above = 100 * (low - first.level), 100 * (high - first.level)
        across = [slot - half, slot + half]
        axes.fill_between(across, below, above, color=colour, linewidth=0, zorder=0)
    for i, row in enumerate(rows):
        x = slot + 0.92 * half * (2 * (i + 0.5) / len(rows) - 1)
        look = LOOKS[row.kind][1] if row.inside else OUT
        axes.plot([x], [100 * (row.coverage - row.level)], zorder=3 + (not row.inside), **look)


def kinds_key(found: set[Kind]) -> list[KeyEntry]:
    """The key of the kinds of quantity that are there."""
    return [KeyEntry(name=name, line=look) for kind, (name, look) in LOOKS.items() if kind in found]


def _coverage_notes(outside: Sequence[AttainedRow]) -> list[str]:
    notes = ["Within a level quantities stand side by side in the order of the tables."]
    if outside:
        notes.append(f"Outside both bands: {_shares(outside, 8)}.")
    return notes


def _shares(rows: Sequence[AttainedRow], most: int) -> str:
    said = [f"{row.quantity}, {percent(row.coverage)} at {percent(row.level)}" for row in rows]
    more = [f"{len(said) - most} more (see the data)"] if len(said) > most else []
    return "; ".join([*said[:most], *more])


def _coverage_alt(rows: Sequence[AttainedRow], outside: Sequence[AttainedRow]) -> str:
    parts = []
    for level in sorted({row.level for row in rows}):
        own = [row.coverage for row in rows if row.level == level]
        parts.append(f"{percent(level)}: {percent(min(own))} to {percent(max(own))}")
    found = f"outside are {_shares(outside, NAMED)}" if outside else "none is outside"
    return (
        f"Share of truths inside their intervals, lowest and highest of"
        f" {len({row.quantity for row in rows})} quantities, by nominal level: {listed(parts)}."
        f" Of the 95% band of all of them together {found}."
    )
