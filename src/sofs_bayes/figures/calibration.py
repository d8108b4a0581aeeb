"""Calibrations: how often intervals held the truth at every level, and dispersions of ranks."""

from collections.abc import Sequence
from functools import partial
from typing import Unpack

from sofs_bayes.checks.calibration import Calibrated
from sofs_bayes.checks.ranks import Kind, RankVerdict
from sofs_bayes.figures.canvas import Canvas, KeyEntry, ToldBelow, name_of
from sofs_bayes.figures.curves import Panel, curves
from sofs_bayes.figures.dots import Beside, Row, dots
from sofs_bayes.figures.drawing import Drawing, drawn
from sofs_bayes.figures.marks import Axis, Dot, Mark, Rule, Series, at_end
from sofs_bayes.figures.numbers import listed, named, padded, percent
from sofs_bayes.figures.rank_bands import (
    AttainedRow,
    DispersionRow,
    attained_rows,
    dispersion_rows,
)
from sofs_bayes.figures.refusals import check_rows
from sofs_bayes.figures.style import STYLE, THIN, Look, marker
from sofs_bayes.tables.contents.calibration import REPORTED

OUT: Look = marker("D", 6.0, STYLE.mark, "white", 1.8)
LOOKS: dict[Kind, tuple[str, Look]] = {
    "effect": ("effect", marker("o", 4.0, "white", STYLE.strong, 0.6)),
    "spread": ("spread", marker("^", 5.0, "white", STYLE.strong, 0.6)),
    "likelihood": ("log likelihood", marker("s", 4.0, "white", STYLE.strong, 0.6)),
    "parameter": ("other parameter", marker("o", 2.4, STYLE.soft, "white", 0.6)),
}
HEIGHT = 2.3
HALF = 0.44  # of the bands of a level
LANE, LANES = 0.13, 0.32  # inches between the lanes of a strip, and of all of them
NAMED = 4  # quantities that are out, named in an alt text or below a strip


def coverage_levels(verdict: RankVerdict, **said: Unpack[ToldBelow]) -> Drawing:
    """Attained minus nominal coverage of every quantity at every level, with binomial bands.

    Parameters
    ----------
    verdict
        On a calibration; all its quantities are drawn.
    said
        `title`, `evidence` and, where wanted, `mark`, `notes` and `name`; as `ToldBelow` has them.

    Raises
    ------
    BadInput
        No quantity with ranks.
    """
    name, rows = name_of(said, ToldBelow, "coverage"), attained_rows(verdict)
    check_rows(name, rows)
    outside = [row for row in rows if not row.inside]
    notes = ["Within a level quantities stand side by side in the order of the tables."]
    if outside:
        notes.append(f"Outside both bands: {_shares(outside, 8)}.")
    canvas = Canvas.of(
        said,
        name,
        finding=_shares_out(rows, outside),
        subtitle="Truths inside their interval, minus the nominal level, % points",
        notes=notes,
        key=[
            KeyEntry(name="95% band of one share", fill=STYLE.fill),
            KeyEntry(name=f"of all {len(rows)} together", fill=STYLE.shade),
            *kinds_key({row.kind for row in rows}),
            *([KeyEntry(name="outside both", line=OUT)] if outside else []),
        ],
    )
    levels = {level: slot for slot, level in enumerate(sorted({row.level for row in rows}))}
    marks: list[Mark] = [Rule(at=0.0, look=THIN, which="y")]
    for level, slot in levels.items():
        marks += _level(slot, [row for row in rows if row.level == level])
    edges = [
        100 * (edge - row.level)
        for row in rows
        for edge in (row.lower_all, row.upper_all, row.coverage)
    ]
    x = Axis(
        ends=(-0.5, len(levels) - 0.5),
        name="nominal level of the interval",
        ticks={float(slot): percent(level) for level, slot in levels.items()},
    )
    panel = Panel(x=x, y=Axis(ends=padded(edges), kind="signed"), marks=marks)
    chart = partial(curves, panels=[panel], height=HEIGHT)
    return drawn(canvas, chart, _alt(rows, outside), AttainedRow, rows)


def _shares_out(rows: Sequence[AttainedRow], outside: Sequence[AttainedRow]) -> str:
    if not outside:
        enough = f"as far as {rows[0].replicates:,} replicates can tell"
        return f"Intervals hold the truth as often as they say, {enough}"
    return (
        f"{len(outside)} of {len(rows)} shares of truths inside intervals are not those of right"
        " posteriors"
    )


def _level(slot: int, rows: Sequence[AttainedRow]) -> list[Mark]:
    """One level's bands, and its quantities side by side in their order."""
    first, x = rows[0], (slot - HALF, slot + HALF)
    marks: list[Mark] = [
        Series(
            x=x,
            lower=[100 * (low - first.level)] * 2,
            upper=[100 * (high - first.level)] * 2,
            fill=colour,
        )
        for low, high, colour in (
            (first.lower_all, first.upper_all, STYLE.shade),
            (first.lower, first.upper, STYLE.fill),
        )
    ]
    for i, row in enumerate(rows):
        at = slot + 0.92 * HALF * (2 * (i + 0.5) / len(rows) - 1)
        look = LOOKS[row.kind][1] if row.inside else OUT
        value = 100 * (row.coverage - row.level)
        marks.append(Dot(at=at, value=value, look=look, zorder=3.0 + (not row.inside)))
    return marks


def kinds_key(found: set[Kind]) -> list[KeyEntry]:
    """The key of the kinds of quantity that are there."""
    return [KeyEntry(name=name, line=look) for kind, (name, look) in LOOKS.items() if kind in found]


def _shares(rows: Sequence[AttainedRow], most: int) -> str:
    said = [f"{row.quantity}, {percent(row.coverage)} at {percent(row.level)}" for row in rows]
    more = [f"{len(said) - most} more (see the data)"] if len(said) > most else []
    return "; ".join([*said[:most], *more])


def _alt(rows: Sequence[AttainedRow], outside: Sequence[AttainedRow]) -> str:
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


def dispersion_strips(found: Sequence[Calibrated], **said: Unpack[ToldBelow]) -> Drawing:
    """The dispersion of every quantity of several analyses; those out are marked and named.

    Parameters
    ----------
    found
        Calibrations, each with ranks.
    said
        `title`, `evidence` and, where wanted, `mark`, `notes` and `name`; as `ToldBelow` has them.

    Raises
    ------
    BadInput
        No calibration with ranks, or two of one analysis.
    """
    name = name_of(said, ToldBelow, "dispersion")
    strips = [own for each in found if (own := dispersion_rows(each))]
    check_rows(name, strips, once=("analysis", [each.analysis.name for each in found]))
    rows = [row for own in strips for row in own]
    out = sum(row.verdict == "out" for row in rows)
    canvas = Canvas.of(
        said,
        name,
        finding=f"Of {len(rows)} quantities {out or 'none'} {'are' if out > 1 else 'is'} out",
        notes=_strip_notes([each.analysis.name for each in found if not each.verdict.tests]),
        key=[
            KeyEntry(name="95% of right posteriors", fill=STYLE.fill),
            *kinds_key({row.kind for row in rows if row.verdict != "out"}),
            *([KeyEntry(name="out", line=OUT)] if out else []),
        ],
    )
    values = [value for row in rows for value in (row.dispersion, row.lower, row.upper)]
    chart = partial(
        dots,
        rows=[_strip(own) for own in strips],
        axis=Axis(
            ends=(min(values) / 1.03, max(values) * 1.03),
            name="dispersion of ranks (log scale)",
            kind="ratio",
        ),
        marks=[at_end("← posteriors too wide", "left"), at_end("too narrow →", "right")],
        size=STYLE.small,
    )
    return drawn(canvas, chart, _strips_alt(rows, len(strips)), DispersionRow, rows)


def _strip(rows: Sequence[DispersionRow]) -> Row:
    """What is reported on the upper lane, other parameters on the lower one."""
    out = [f"{row.quantity}: {row.dispersion:.2f}" for row in rows if row.verdict == "out"]
    more = [f"{len(out) - NAMED} more"] if len(out) > NAMED else []
    count = f"{len(out)} of {len(rows)} out" if out else f"all {len(rows)} in"
    colour = STYLE.mark if out else STYLE.soft
    return Row(
        label=rows[0].analysis,
        dots=[
            Dot(
                at=-LANE / 2 if row.kind in REPORTED else LANE / 2,
                value=row.dispersion,
                look=LOOKS[row.kind][1] if row.verdict != "out" else OUT,
                zorder=3.0 + (row.verdict == "out"),
            )
            for row in rows
        ],
        beside=[Beside(text=count, colour=colour, bold=bool(out))],
        lanes=LANES,
        band=(rows[0].lower, rows[0].upper),
        below=f"out: {'; '.join([*out[:NAMED], *more])}" if out else "",
    )


def _strip_notes(unranked: Sequence[str]) -> list[str]:
    notes = [
        "Upper dots: effects, spreads, log likelihood; lower ones: other parameters. About one"
        " right quantity in twenty is outside the band; 'out' is the verdict of all tests of an"
        " analysis together, and may be due to a shift or a shape rather than to the dispersion.",
        "All ranks come from simulated data.",
    ]
    if unranked:
        notes.append(f"Not drawn, as no replicate has ranks: {listed(unranked)}.")
    return notes


def _strips_alt(rows: Sequence[DispersionRow], analyses: int) -> str:
    values = [row.dispersion for row in rows]
    out = [
        f"{row.quantity} of {row.analysis} ({row.dispersion:.2f})"
        for row in rows
        if row.verdict == "out"
    ]
    return (
        f"Dispersion of the ranks of {len(rows)} quantities of {analyses} analyses, 1 if"
        f" posteriors are right: {min(values):.2f} to {max(values):.2f};"
        f" {f'out are {named(out)}' if out else 'none is out'}."
    )
