"""All sources on all outcomes in one picture, as odds ratios."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from sofs_bayes.errors import counted
from sofs_bayes.figures.canvas import CONVERGED, MARK, Canvas
from sofs_bayes.figures.dots import Beside, Row, dots
from sofs_bayes.figures.drawing import Drawing, drawn
from sofs_bayes.figures.intervals import dot_of, drawn_name, effect_axis
from sofs_bayes.figures.marks import Rule, at_end
from sofs_bayes.figures.numbers import SCALES, percent
from sofs_bayes.figures.refusals import check_rows
from sofs_bayes.figures.style import NO_EFFECT, STYLE, marker
from sofs_bayes.spec import Evidence
from sofs_bayes.spec.terms import CHILDREN

# By evidence a colour and a shape, so that neither is needed alone.
LOOKS: dict[Evidence, tuple[str, str]] = {
    "records": (STYLE.ink, "D"),
    "published-inferred": (STYLE.strong, "o"),
    "open-data": (STYLE.third, "s"),
    "unknown-origin": (STYLE.third, "^"),
    "synthetic": (STYLE.mark, "v"),
}
RANGE = (STYLE.light, "|")
AT_BASE = (
    "1: no effect. From print a change in risk is shown as the odds ratio that it is at the {rate}."
)
OF_SETS = " Authorities that were no pilots: these shares of the estimates of random sets of them."


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """One source's odds ratio on one outcome, as the figure shows it.

    `is_range` where the interval is that of estimates of many sets, and no credible interval.
    """

    outcome: str
    source: str
    evidence: Evidence
    median: float
    lower: float
    upper: float
    lower_50: float | None = None
    upper_50: float | None = None
    level: float
    status: str = "converged"
    is_range: bool = False


def sources_figure(
    rows: "Sequence[SourceRow]", *, whom: str = CHILDREN, name: str = "answer"
) -> Drawing:
    """A heading for each outcome, a line for each source; its title says what they allow.

    `whom` is empty where it is not children that are counted.

    Raises
    ------
    BadInput
        No rows, or a number that is not finite.
    """
    check_rows(name, rows, finite=("median", "lower", "upper"))
    scale = SCALES["odds ratio"]
    level = percent(rows[0].level)
    lines: list[Row] = []
    for outcome in dict.fromkeys(row.outcome for row in rows):
        lines.append(Row(label=outcome, bold=True, apart=bool(lines)))
        lines += [_line(row) for row in rows if row.outcome == outcome]
    found = [(row.median, row.lower, row.upper) for row in rows]
    title = _finding(rows)
    note = AT_BASE.format(rate=f"rate of all {whom}" if whom else "base rate")
    canvas = Canvas(
        name=name,
        title=title,
        evidence=tuple(dict.fromkeys(row.evidence for row in rows)),
        subtitle=f"Odds ratio of the outcome: {drawn_name(rows, 'credible')}",
        notes=(note + (OF_SETS if any(row.is_range for row in rows) else ""),),
    )
    chart = partial(
        dots,
        rows=lines,
        axis=effect_axis(found, scale, "odds ratio"),
        marks=[
            Rule(at=scale.null, look=NO_EFFECT),
            at_end(f"fewer {whom}".strip(), "left"),
            at_end(f"more {whom}".strip(), "right"),
        ],
        columns=[f"median [{level}]"],
    )
    told = "; ".join(f"{row.outcome}, {row.source.lower()}: {_numbers(row)}" for row in rows)
    return drawn(canvas, chart, f"{title}. Odds ratios: {told}.", type(rows[0]), rows)


def _finding(rows: "Sequence[SourceRow]") -> str:
    """What the intervals allow, in a sentence."""
    sound = [row for row in rows if row.status == CONVERGED]
    if not sound:
        return "No source has a result that can be used"
    sources = [row for row in sound if row.evidence != "synthetic"] or sound
    open_ended = [row for row in sources if row.lower < 1.0 < row.upper]
    if len(open_ended) == len(sources):
        return "No source settles whether the outcomes rose or fell"
    if not open_ended:
        return "Every source settles a direction"
    return (
        f"{len(open_ended)} of {counted(len(sources), 'source')} do not settle whether the"
        " outcome rose"
    )


def _line(row: "SourceRow") -> Row:
    colour, shape = RANGE if row.is_range else LOOKS.get(row.evidence, LOOKS["open-data"])
    bar = {"color": colour, "linewidth": 2.0}
    refused = row.status != CONVERGED
    if refused:
        colour = STYLE.mark
        bar = {"color": colour, "linewidth": 2.0, "linestyle": (0, (2, 1))}
    size = 11.0 if row.is_range else 6.0  # an upright line, which a thick bar would hide
    look = marker(shape, size, colour, "white" if refused else "")
    return Row(
        label=f"{row.source}: {MARK}" if refused else row.source,
        colour=STYLE.mark if refused else STYLE.ink,
        dots=[dot_of(row, SCALES["odds ratio"], look=look, bar=bar)],
        beside=[Beside(text=_numbers(row))],
    )


def _numbers(row: "SourceRow") -> str:
    return f"{row.median:.2f} [{row.lower:.2f}, {row.upper:.2f}]"
