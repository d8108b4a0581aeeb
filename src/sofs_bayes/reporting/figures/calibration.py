"""The dispersion of the ranks of several analyses, one strip for each."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from sofs_bayes.checks.calibration import Calibrated
from sofs_bayes.reporting.contents.calibration import REPORTED
from sofs_bayes.reporting.figures.coverage import LOOKS, OUT, kinds_key
from sofs_bayes.reporting.figures.drawing import Drawing
from sofs_bayes.reporting.figures.numbers import (
    listed,
    ratio_ticks,
    refuse_empty,
    refuse_repeats,
)
from sofs_bayes.reporting.figures.page import (
    CONVERGED,
    KeyEntry,
    Page,
    add_axes,
    blank_page,
    set_ticks,
    write,
)
from sofs_bayes.reporting.figures.rank_bands import (
    DispersionRow,
    dispersion_rows,
)
from sofs_bayes.reporting.figures.style import (
    GUIDE,
    NO_EFFECT,
    STYLE,
    line_height,
    widest,
    wrap,
)
from sofs_bayes.spec import Evidence

HEAD, AXIS = 0.28, 0.52
LANE, ROW = 0.13, 0.4  # inches between the lanes of a strip, and of a strip
NAMED = 4  # quantities that are out, written below a strip or in an alt text
LONGEST_LABEL = 2.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One analysis: its rows, label and names of what is out in lines, inches, and where."""

    rows: tuple[DispersionRow, ...]
    label: tuple[str, ...]
    out: tuple[str, ...]
    top: float
    height: float


def dispersion_strips(
    found: Sequence[Calibrated], *, title: str, evidence: Evidence, name: str = "dispersion"
) -> Drawing:
    """The dispersion of every quantity of several analyses; those out are marked and named.

    Parameters
    ----------
    found
        Calibrations, each with ranks.
    title, evidence, name
        Title, evidence line, and stem of the files.

    Raises
    ------
    BadInput
        No calibration with ranks, or two of one analysis.
    """
    by_analysis = [rows for each in found if (rows := dispersion_rows(each))]
    refuse_empty(name, by_analysis)
    refuse_repeats(name, [each.analysis.name for each in found], "analysis")
    labels = [wrap(rows[0].analysis, STYLE.small, LONGEST_LABEL) for rows in by_analysis]
    counts = [_count(rows) for rows in by_analysis]
    left = widest([line for label in labels for line in label], STYLE.small) + 0.16
    right = widest(counts, STYLE.small, bold=True) + 0.12
    width = STYLE.width - 2 * STYLE.margin - left - right
    strips = _strips(by_analysis, labels, width)
    body = strips[-1].top + strips[-1].height
    rows = tuple(row for own in by_analysis for row in own)
    unranked = [each.analysis.name for each in found if not each.verdict.tests]
    page = blank_page(
        HEAD + body + AXIS,
        title=title,
        evidence=(evidence,),
        status=CONVERGED,
        notes=_strip_notes(unranked),
        key=[
            KeyEntry(name="95% of right posteriors", fill=STYLE.fill),
            *kinds_key({row.kind for row in rows if row.verdict == "in"}),
            *([KeyEntry(name="out", line=OUT)] if any(r.verdict == "out" for r in rows) else []),
        ],
    )
    axes = add_axes(page, left=left, top=HEAD, width=width, height=body)
    _limit(axes, rows, body)
    for strip, count in zip(strips, counts, strict=True):
        _draw_strip(page, axes, strip, count, left=left)
    size, colour, end = STYLE.small, STYLE.soft, left + width
    write(page, left, HEAD / 2, "← posteriors too wide", size=size, colour=colour)
    write(page, end, HEAD / 2, "too narrow →", size=size, colour=colour, ha="right")
    below = HEAD + body + AXIS - 0.14
    write(page, left + width / 2, below, "dispersion of ranks (log scale)", ha="center")
    alt = _strips_alt(by_analysis)
    return Drawing(name=name, figure=page.figure, alt=alt, data=(DispersionRow, rows))


def _count(rows: Sequence[DispersionRow]) -> str:
    out = sum(row.verdict == "out" for row in rows)
    return f"{out} of {len(rows)} out" if out else f"all {len(rows)} in"


def _strips(
    by_analysis: Sequence[Sequence[DispersionRow]], labels: Sequence[Sequence[str]], width: float
) -> list[Strip]:
    strips, top = [], 0.0
    for rows, label in zip(by_analysis, labels, strict=True):
        said = [f"{r.quantity}: {r.dispersion:.2f}" for r in rows if r.verdict == "out"]
        more = [f"{len(said) - NAMED} more"] if len(said) > NAMED else []
        text = f"out: {'; '.join([*said[:NAMED], *more])}"
        out = wrap(text, STYLE.small, width) if said else []
        height = max(ROW, len(label) * line_height(STYLE.small) + 0.1)
        height += len(out) * line_height(STYLE.small)
        strips.append(
            Strip(rows=tuple(rows), label=tuple(label), out=tuple(out), top=top, height=height)
        )
        top += height
    return strips


def _limit(axes: Axes, rows: Sequence[DispersionRow], body: float) -> None:
    """A logarithmic axis for all dispersions, and inches from the top down."""
    values = [value for row in rows for value in (row.dispersion, row.lower, row.upper)]
    lower, upper = min(values) / 1.03, max(values) * 1.03
    axes.set_xscale("log")
    axes.set_xlim(lower, upper)
    axes.set_ylim(body, 0.0)
    marks = ratio_ticks(lower, upper, 7)
    set_ticks(axes, "x", marks, [f"{mark:g}" for mark in marks])
    set_ticks(axes, "y", [], [])


def _draw_strip(page: Page, axes: Axes, strip: Strip, count: str, *, left: float) -> None:
    """What is reported on the upper lane, other parameters on the lower one."""
    height = strip.height - len(strip.out) * line_height(STYLE.small)
    middle = strip.top + height / 2
    label = "\n".join(strip.label)
    write(page, left - 0.12, HEAD + middle, label, size=STYLE.small, ha="right")
    refused = bool(strip.out)
    colour = STYLE.mark if refused else STYLE.soft
    right, down, size = page.inner, HEAD + middle, STYLE.small
    write(page, right, down, count, size=size, ha="right", colour=colour, bold=refused)
    first = strip.rows[0]
    half = height / 2 - 0.04
    axes.fill_between(
        [first.lower, first.upper],
        middle - half,
        middle + half,
        color=STYLE.fill,
        linewidth=0,
        zorder=0,
    )
    axes.plot([1.0, 1.0], [middle - half, middle + half], **{**NO_EFFECT, "linewidth": 0.8})
    for row in strip.rows:
        lane = -LANE / 2 if row.kind in REPORTED else LANE / 2
        look = LOOKS[row.kind][1] if row.verdict == "in" else OUT
        axes.plot([row.dispersion], [middle + lane], zorder=3 + (row.verdict == "out"), **look)
    under = HEAD + strip.top + height
    write(page, left, under, "\n".join(strip.out), size=STYLE.small, va="top", colour=STYLE.mark)
    axes.axhline(strip.top + strip.height, **GUIDE)


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


def _strips_alt(by_analysis: Sequence[Sequence[DispersionRow]]) -> str:
    rows = [row for own in by_analysis for row in own]
    values = [row.dispersion for row in rows]
    out = [
        f"{row.quantity} of {row.analysis} ({row.dispersion:.2f})"
        for row in rows
        if row.verdict == "out"
    ]
    more = [f"{len(out) - NAMED} more"] if len(out) > NAMED else []
    found = f"out are {listed([*out[:NAMED], *more])}" if out else "none is out"
    return (
        f"Dispersion of the ranks of {len(rows)} quantities of {len(by_analysis)} analyses, 1 if"
        f" posteriors are right: {min(values):.2f} to {max(values):.2f}; {found}."
    )
