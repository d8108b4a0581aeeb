"""The standard errors that printed stars allow, beside those of independent children."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sofs_bayes.errors import counted
from sofs_bayes.figures.canvas import CONVERGED, Canvas, KeyEntry
from sofs_bayes.figures.dots import Beside, Row, dots
from sofs_bayes.figures.drawing import Drawing, drawn
from sofs_bayes.figures.marks import Axis, Dot, Rule
from sofs_bayes.figures.numbers import minus
from sofs_bayes.figures.refusals import check_rows, refuse
from sofs_bayes.figures.style import NO_EFFECT, SOLID, STYLE, Look, marker
from sofs_bayes.published.stars import ChildLevel, StarBracket
from sofs_bayes.spec import Evidence

PRINTED: Look = {"color": STYLE.strong, "linewidth": 2.2, "linestyle": SOLID}
ASSUMED: Look = {"color": STYLE.second, "linewidth": 1.6, "linestyle": (0, (2.5, 1))}


@dataclass(frozen=True, slots=True, kw_only=True)
class BracketRow:
    """A bracket as one line of a CSV; `child_level_se` is NaN where none can be worked out."""

    table: int
    row: str
    column: str
    unit: str
    coefficient: float
    stars: int
    se_lower: float
    se_upper: float
    child_level_se: float
    basis: str
    assumed: bool


def audit_brackets(
    brackets: Sequence[StarBracket],
    *,
    title: str,
    evidence: Evidence = "published-inferred",
    status: str = CONVERGED,
    name: str = "audit-brackets",
) -> Drawing:
    """Each coefficient's range of standard errors as a multiple of the child-level error.

    Ends the stars leave open are arrows. Dashed where the child-level error rests on an
    assumption about numbers of children. Brackets without such an error are counted below the
    picture, not drawn.

    Parameters
    ----------
    brackets
        In the order they are to be shown; tables are kept together.
    title, evidence, status, name
        What is shown (below the finding, which is the title), evidence line, `converged` or not,
        and stem of the files.

    Raises
    ------
    BadInput
        No brackets, none with a child-level error, or a number that is NaN.
    """
    shown = _with_errors(name, brackets)
    finite = [r for bracket in shown for r in _ratios(bracket) if 0 < r < math.inf]
    ends = min([1.0, *finite]) / 1.7, max([1.0, *finite]) * 1.7
    label = "standard error the stars allow,\nmultiple of the child-level one (logarithmic axis)"
    rows = []
    for table in dict.fromkeys(bracket.table for bracket in shown):
        rows.append(Row(label=f"Table {table}", bold=True))
        rows += [_line(bracket, ends) for bracket in shown if bracket.table == table]
    canvas = Canvas(
        name=name,
        title=_finding(shown),
        evidence=(evidence,),
        status=status,
        subtitle=title,
        notes=_notes(len(brackets) - len(shown)),
        key=_key(shown),
    )
    chart = partial(
        dots,
        rows=rows,
        axis=Axis(ends=ends, name=label, kind="ratio"),
        marks=[Rule(at=1.0, look=NO_EFFECT, name="1 = child-level")],
        size=STYLE.small,
        longest=0.54,
    )
    data = [bracket_row(bracket) for bracket in brackets]
    return drawn(canvas, chart, _alt(shown, len(brackets)), BracketRow, data)


def _with_errors(figure: str, brackets: Sequence[StarBracket]) -> list[StarBracket]:
    """The brackets that have a child-level error; what cannot be drawn is refused."""
    check_rows(figure, brackets)
    for bracket in brackets:
        if any(map(math.isnan, (bracket.coefficient, bracket.se_lower, bracket.se_upper))):
            place = f"{bracket.row}, {bracket.column}"
            raise refuse(figure, place, "NaN", "numbers; 0 and infinity where open")
    shown = [bracket for bracket in brackets if bracket.child_level is not None]
    if not shown:
        allowed = "one or more with a child-level error"
        raise refuse(figure, "brackets", "none with a child-level error", allowed)
    return shown


def bracket_row(bracket: StarBracket) -> BracketRow:
    """The bracket as one line of a CSV."""
    same = ("table", "row", "column", "unit", "coefficient", "stars", "se_lower", "se_upper")
    printed: dict[str, Any] = {column: getattr(bracket, column) for column in same}
    child = bracket.child_level or ChildLevel(se=math.nan, basis="", assumed=False)
    return BracketRow(**printed, child_level_se=child.se, basis=child.basis, assumed=child.assumed)


def _ratios(bracket: StarBracket) -> tuple[float, float]:
    assert bracket.ratio_lower is not None
    assert bracket.ratio_upper is not None
    return bracket.ratio_lower, bracket.ratio_upper


def _label(bracket: StarBracket) -> str:
    return f"{bracket.row}, {bracket.column}: {minus(bracket.printed)}"


def _range(bracket: StarBracket) -> str:
    """The bracket in numbers, as in "14 to 17", "over 7.1", "under 3.2"."""
    lower, upper = (f"{ratio:.2g}" for ratio in _ratios(bracket))
    if math.isinf(_ratios(bracket)[1]):
        return "any" if _ratios(bracket)[0] == 0 else f"over {lower}"
    return f"under {upper}" if _ratios(bracket)[0] == 0 else f"{lower} to {upper}"


def _line(bracket: StarBracket, limits: tuple[float, float]) -> Row:
    """A bar with an end where the stars set one, and an arrow where they do not."""
    look = ASSUMED if _assumed(bracket) else PRINTED
    ratios = _ratios(bracket)
    lower, upper = (min(max(ratio, limits[0]), limits[1]) for ratio in ratios)
    shown = [Dot(lower=lower, upper=upper, bar=look)]
    for ratio, end, arrow in zip(ratios, (lower, upper), ("<", ">"), strict=True):
        if 0 < ratio < math.inf:
            shown.append(Dot(value=end, look=marker("|", 7.0, look["color"], width=1.8)))
        else:
            shown.append(Dot(value=end, look=marker(arrow, 5.0, look["color"], width=0.5)))
    return Row(label=_label(bracket), dots=shown, beside=[Beside(text=_range(bracket))])


def _assumed(bracket: StarBracket) -> bool:
    return bracket.child_level is not None and bracket.child_level.assumed


def _key(shown: Sequence[StarBracket]) -> list[KeyEntry]:
    assumed = [_assumed(bracket) for bracket in shown]
    printed = KeyEntry(name="numbers of children printed", line=PRINTED)
    partly = KeyEntry(name="numbers of children partly assumed", line=ASSUMED)
    return [printed] * (not all(assumed)) + [partly] * any(assumed)


def _notes(left_out: int) -> list[str]:
    notes = ["Arrows: the stars set no limit on that side."]
    if left_out:
        notes.append(
            f"Not drawn: {counted(left_out, 'coefficient')} whose child-level error cannot be"
            " worked out from what is printed."
        )
    return notes


def _finding(shown: Sequence[StarBracket]) -> str:
    above = sum(_ratios(bracket)[0] > 1 for bracket in shown)
    return (
        f"The stars of {above or 'none'} of {counted(len(shown), 'coefficient')} need a larger"
        " standard error than independent children would give"
    )


def _alt(shown: Sequence[StarBracket], every: int) -> str:
    above = [bracket for bracket in shown if _ratios(bracket)[0] > 1]
    below = [bracket for bracket in shown if _ratios(bracket)[1] < 1]
    text = (
        f"Ranges of standard errors that the stars of {len(shown)} of"
        f" {counted(every, 'coefficient')} allow, as multiples of the child-level error:"
        f" {len(above)} lie wholly above it, {len(below)} wholly below,"
        f" {len(shown) - len(above) - len(below)} include it."
    )
    if not above:
        return text
    far = max(above, key=lambda bracket: _ratios(bracket)[0])
    return f"{text} The furthest above is {_label(far)}, {_range(far)} times the child-level error."
