"""The dispersion of the ranks of several analyses, one strip for each."""

from collections.abc import Sequence

from sofs_bayes.checks.calibration import Calibrated
from sofs_bayes.reporting.contents.calibration import REPORTED
from sofs_bayes.reporting.figures.canvas import Canvas, KeyEntry
from sofs_bayes.reporting.figures.coverage import LOOKS, OUT, kinds_key
from sofs_bayes.reporting.figures.dots import Beside, Row, dots
from sofs_bayes.reporting.figures.drawing import Drawing, drawn
from sofs_bayes.reporting.figures.marks import Axis, Dot
from sofs_bayes.reporting.figures.numbers import listed, named
from sofs_bayes.reporting.figures.rank_bands import DispersionRow, dispersion_rows
from sofs_bayes.reporting.figures.refusals import check_rows
from sofs_bayes.reporting.figures.style import STYLE
from sofs_bayes.spec import Evidence

LANE, LANES = 0.13, 0.32  # inches between the lanes of a strip, and of all of them
NAMED = 4  # quantities that are out, written below a strip


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
    strips = [own for each in found if (own := dispersion_rows(each))]
    check_rows(name, strips, once=("analysis", [each.analysis.name for each in found]))
    rows = [row for own in strips for row in own]
    canvas = Canvas(
        name=name,
        title=title,
        evidence=(evidence,),
        notes=_notes([each.analysis.name for each in found if not each.verdict.tests]),
        key=[
            KeyEntry(name="95% of right posteriors", fill=STYLE.fill),
            *kinds_key({row.kind for row in rows if row.verdict == "in"}),
            *([KeyEntry(name="out", line=OUT)] if any(r.verdict == "out" for r in rows) else []),
        ],
    )
    values = [value for row in rows for value in (row.dispersion, row.lower, row.upper)]
    figure = dots(
        canvas,
        [_strip(own) for own in strips],
        Axis(
            ends=(min(values) / 1.03, max(values) * 1.03),
            name="dispersion of ranks (log scale)",
            kind="ratio",
        ),
        ends=("← posteriors too wide", "too narrow →"),
        size=STYLE.small,
    )
    return drawn(canvas, figure, _alt(rows, len(strips)), DispersionRow, rows)


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
                look=LOOKS[row.kind][1] if row.verdict == "in" else OUT,
                zorder=3.0 + (row.verdict == "out"),
            )
            for row in rows
        ],
        beside=[Beside(text=count, colour=colour, bold=bool(out))],
        lanes=LANES,
        band=(rows[0].lower, rows[0].upper),
        below=f"out: {'; '.join([*out[:NAMED], *more])}" if out else "",
    )


def _notes(unranked: Sequence[str]) -> list[str]:
    notes = [
        "Upper dots: effects, spreads, log likelihood; lower ones: other parameters. About one"
        " right quantity in twenty is outside the band; 'out' is the verdict of all tests of an"
        " analysis together, and may be due to a shift or a shape rather than to the dispersion.",
        "All ranks come from simulated data.",
    ]
    if unranked:
        notes.append(f"Not drawn, as no replicate has ranks: {listed(unranked)}.")
    return notes


def _alt(rows: Sequence[DispersionRow], analyses: int) -> str:
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
