"""The standard errors that printed stars allow, beside those of independent children."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from sofs_bayes.errors import BadInput
from sofs_bayes.published.stars import StarBracket
from sofs_bayes.reporting.figures.drawing import Drawing
from sofs_bayes.reporting.figures.numbers import (
    counted,
    minus,
    not_converged,
    ratio_ticks,
    refuse_empty,
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
from sofs_bayes.reporting.figures.style import (
    GUIDE,
    NO_EFFECT,
    STYLE,
    Look,
    line_height,
    widest,
    wrap,
)
from sofs_bayes.spec import Evidence

PRINTED_LINE: Look = {"color": STYLE.strong, "linewidth": 2.2, "linestyle": "solid"}
ASSUMED_LINE: Look = {"color": STYLE.second, "linewidth": 1.6, "linestyle": (0, (2.5, 1))}
LONGEST_LABEL = 3.8  # inches, then it is wrapped
HEAD, AXIS = 0.28, 0.56


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A heading, or a bracket with its label in lines; and its height in inches."""

    label: tuple[str, ...]
    height: float
    bracket: StarBracket | None = None


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
        Title, evidence line, `converged` or not, and stem of the files.

    Raises
    ------
    BadInput
        No brackets, none with a child-level error, or a number that is NaN.
    """
    refuse_empty(name, brackets)
    drawn = [bracket for bracket in brackets if bracket.child_level is not None]
    for bracket in brackets:
        if any(map(math.isnan, (bracket.coefficient, bracket.se_lower, bracket.se_upper))):
            place = f"{bracket.row}, {bracket.column}"
            raise BadInput(f"figure {name}", place, "NaN", "numbers; 0 and infinity where open")
    if not drawn:
        allowed = "one or more with a child-level error"
        raise BadInput(f"figure {name}", "brackets", "none with a child-level error", allowed)
    lines = _lines(drawn)
    height = sum(line.height for line in lines) + 0.06
    left = 0.15 + max(widest(line.label, STYLE.small, bold=not line.bracket) for line in lines)
    right = 0.15 + widest([_range(bracket) for bracket in drawn], STYLE.small)
    body = HEAD + height + AXIS
    page = blank_page(
        body,
        title=title,
        evidence=(evidence,),
        status=status,
        notes=_notes(len(brackets) - len(drawn)),
        key=_key(drawn),
    )
    width = page.inner - left - right
    axes = add_axes(page, left=left, top=HEAD, width=width, height=height)
    axes.set_ylim(height, 0)  # inches from the top, as the labels' places
    lower, upper = _limit(axes, drawn)
    one = left + width * math.log(1 / lower) / math.log(upper / lower)
    write(page, one, HEAD / 2, "1 = child-level", size=STYLE.small, ha="center")
    y = 0.03
    for line in lines:
        _draw_line(page, axes, line, y + line.height / 2, left=left)
        y += line.height
    label = "standard error the stars allow,\nmultiple of the child-level one (logarithmic axis)"
    write(page, left + width / 2, body, label, ha="center", va="bottom")
    data = tuple(bracket_row(bracket) for bracket in brackets)
    alt = _alt(drawn, len(brackets), status)
    return Drawing(name=name, figure=page.figure, alt=alt, data=(BracketRow, data))


def bracket_row(bracket: StarBracket) -> BracketRow:
    """The bracket as one line of a CSV."""
    child = bracket.child_level
    return BracketRow(
        table=bracket.table,
        row=bracket.row,
        column=bracket.column,
        unit=bracket.unit,
        coefficient=bracket.coefficient,
        stars=bracket.stars,
        se_lower=bracket.se_lower,
        se_upper=bracket.se_upper,
        child_level_se=math.nan if child is None else child.se,
        basis="" if child is None else child.basis,
        assumed=False if child is None else child.assumed,
    )


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


def _lines(drawn: Sequence[StarBracket]) -> list[Line]:
    lines = []
    for table in dict.fromkeys(bracket.table for bracket in drawn):
        lines.append(Line(label=(f"Table {table}",), height=0.24))
        for bracket in (bracket for bracket in drawn if bracket.table == table):
            label = tuple(wrap(_label(bracket), STYLE.small, LONGEST_LABEL))
            height = len(label) * line_height(STYLE.small) + 0.05
            lines.append(Line(label=label, height=height, bracket=bracket))
    return lines


def _limit(axes: Axes, drawn: Sequence[StarBracket]) -> tuple[float, float]:
    ends = [r for b in drawn for r in _ratios(b) if 0 < r < math.inf]
    lower, upper = min([1.0, *ends]) / 1.7, max([1.0, *ends]) * 1.7
    axes.set_xscale("log")
    axes.set_xlim(lower, upper)
    values = ratio_ticks(lower, upper, 7)
    set_ticks(axes, "x", values, [f"{value:g}" for value in values])
    set_ticks(axes, "y", [], [])
    axes.axvline(1.0, **NO_EFFECT)
    return lower, upper


def _draw_line(page: Page, axes: Axes, line: Line, y: float, *, left: float) -> None:
    text = "\n".join(line.label)
    if line.bracket is None:
        write(page, 0.0, HEAD + y, text, size=STYLE.small, bold=True)
        return
    write(page, left - 0.12, HEAD + y, text, size=STYLE.small, ha="right")
    write(page, page.inner, HEAD + y, _range(line.bracket), size=STYLE.small, ha="right")
    axes.axhline(y, **GUIDE)
    ratios, limits = _ratios(line.bracket), axes.get_xlim()
    look = ASSUMED_LINE if _assumed(line.bracket) else PRINTED_LINE
    ends = [min(max(r, limits[0]), limits[1]) for r in ratios]
    axes.plot(ends, [y, y], marker="None", solid_capstyle="butt", zorder=3, **look)
    for ratio, end, arrow in zip(ratios, ends, ("<", ">"), strict=True):
        closed = 0 < ratio < math.inf
        axes.plot(
            [end],
            [y],
            linestyle="None",
            marker="|" if closed else arrow,
            markersize=7.0 if closed else 5.0,
            markeredgewidth=1.8 if closed else 0.5,
            markeredgecolor=look["color"],
            markerfacecolor=look["color"],
            clip_on=False,
            zorder=4,
        )


def _assumed(bracket: StarBracket) -> bool:
    return bracket.child_level is not None and bracket.child_level.assumed


def _key(drawn: Sequence[StarBracket]) -> list[KeyEntry]:
    entries = []
    if not all(map(_assumed, drawn)):
        entries.append(KeyEntry(name="numbers of children printed", line=PRINTED_LINE))
    if any(map(_assumed, drawn)):
        entries.append(KeyEntry(name="numbers of children partly assumed", line=ASSUMED_LINE))
    return entries


def _notes(left_out: int) -> list[str]:
    notes = ["Arrows: the stars set no limit on that side."]
    if left_out:
        notes.append(
            f"Not drawn: {counted(left_out, 'coefficient')} whose child-level error cannot be"
            " worked out from what is printed."
        )
    return notes


def _alt(drawn: Sequence[StarBracket], all_brackets: int, status: str) -> str:
    above = [bracket for bracket in drawn if _ratios(bracket)[0] > 1]
    below = [bracket for bracket in drawn if _ratios(bracket)[1] < 1]
    text = (
        f"{not_converged(status)}Ranges of standard errors that the stars of {len(drawn)} of"
        f" {counted(all_brackets, 'coefficient')} allow, as multiples of the child-level error:"
        f" {len(above)} lie wholly above it, {len(below)} wholly below,"
        f" {len(drawn) - len(above) - len(below)} include it."
    )
    if not above:
        return text
    far = max(above, key=lambda bracket: _ratios(bracket)[0])
    return f"{text} The furthest above is {_label(far)}, {_range(far)} times the child-level error."
