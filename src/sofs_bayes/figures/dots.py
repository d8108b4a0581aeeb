"""Dots with intervals, a labelled row for each, with their numbers at the right."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sofs_bayes.figures.canvas import Canvas
from sofs_bayes.figures.marks import Axis, Dot, Rule, Words, bare_axes
from sofs_bayes.figures.sheet import SHARE, begin, fit, left_of, write_at
from sofs_bayes.figures.style import STYLE, THIN, Look, line_height, widest, wrapped

GUIDE: Look = {"color": STYLE.faint, "linewidth": 0.6}
PAD = 0.08  # inches between rows
APART = 0.16  # inches before a row that is set apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A text in a column at the right of a row, `lane` inches below its middle."""

    text: str
    column: int = 0
    lane: float = 0.0
    colour: str = STYLE.ink
    bold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A label and its dots, whose `at` is inches below the row's middle; a heading has no dots.

    Attributes
    ----------
    lanes
        Inches its dots take.
    band
        From where to where the row is shaded.
    below
        What is written below its dots.
    """

    label: str
    dots: Sequence[Dot] = ()
    beside: Sequence[Beside] = ()
    colour: str = STYLE.ink
    bold: bool = False
    apart: bool = False
    lanes: float = 0.0
    band: tuple[float, float] | None = None
    below: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A row at its place: label and what is below in lines, inches from the top, and inches.

    `head` is what the label takes where it stands above the dots.
    """

    row: Row
    label: str
    below: str
    top: float
    height: float
    head: float = 0.0

    @property
    def middle(self) -> float:
        """Inches from the top to the dots' middle."""
        lines = self.below.count("\n") + 1 if self.below else 0
        left = self.height - self.head - lines * line_height(STYLE.small)
        return self.top + self.head + left / 2


def dots(
    canvas: Canvas,
    rows: Sequence[Row],
    axis: Axis,
    *,
    marks: Sequence[Rule | Words] = (),
    columns: Sequence[str] = ("",),
    size: float = STYLE.text,
    longest: float = 0.345,
) -> Figure:
    """The rows from top to bottom, on one horizontal axis.

    Where it is narrow, a label stands above its dots, and what is written at the right beside it;
    rows of several lanes keep the first column beside their dots, and name the others' texts.

    Parameters
    ----------
    marks
        Vertical lines through all rows, and what is written above them.
    columns
        Headings of what stands at the right of the rows.
    size
        Of labels, in points.
    longest
        Share of the page that a label may take, then it is wrapped.
    """
    first = int(any(row.lanes for row in rows)) if canvas.is_narrow else len(columns)
    rows = [
        replace(row, beside=[_named(each, columns, first) for each in row.beside]) for row in rows
    ]
    widths = []
    for i, heading in enumerate(columns):
        own = [each.text for row in rows for each in row.beside if each.column == i]
        widths.append(0.15 + widest([heading, *own], STYLE.small, bold=True))
    beside, above = sum(widths[:first]), sum(widths[first:])
    ends = [sum(widths[: i + 1]) - (above if i >= first else 0.0) for i in range(len(widths))]
    room = canvas.inner - max(beside, above) if canvas.is_narrow else longest * canvas.inner
    lanes = _lanes(canvas, rows, size, room, beside)
    height = lanes[-1].top + lanes[-1].height + 0.04
    sheet = begin(canvas, height)
    axes = bare_axes(sheet.figure, sheet.figure.add_gridspec(1, 1)[0, 0])
    axes.set_ylim(height, 0)  # inches from the top
    axes.set_yticks([])
    axis.put(axes, "x", (0.62 if beside else 0.85) * canvas.inner)
    for mark in marks:
        mark.draw(axes)
    for i, heading in enumerate(columns[:first]):
        words = Beside(text=heading, column=i, colour=STYLE.soft)
        _write_right(axes, (1.0, 1.0), words, ends, heading=True)
    for lane in lanes:
        _draw_lane(axes, lane, size, ends, first=first)
    return fit(sheet, axes, rows=1, height=height)


def _named(each: Beside, columns: Sequence[str], first: int) -> Beside:
    """A text with its column's heading before it, where that is not written above the rows."""
    named = each.column >= max(1, first)
    return replace(each, text=f"{columns[each.column]} {each.text}") if named else each


def _lanes(
    canvas: Canvas, rows: Sequence[Row], size: float, longest: float, beside: float
) -> list[Lane]:
    """The rows at their places; labels stand at the left of dots, or above where it is narrow."""
    lanes, top = [], 0.05
    labels = [wrapped(row.label, size, longest, bold=row.bold) for row in rows]
    room = canvas.inner - beside - 0.4
    room -= 0.0 if canvas.is_narrow else widest(labels, size, bold=True)
    for row, label in zip(rows, labels, strict=True):
        below = wrapped(row.below, STYLE.small, room) if row.below else ""
        high = (label.count("\n") + 1) * line_height(size)
        head = high if canvas.is_narrow and row.dots else 0.0
        height = head + max(line_height(size) if head else high, row.lanes) + PAD
        height += (below.count("\n") + 1) * line_height(STYLE.small) if below else 0.0
        top += APART if row.apart else 0.0
        lanes.append(Lane(row=row, label=label, below=below, top=top, height=height, head=head))
        top += height
    return lanes


def _draw_lane(axes: Axes, lane: Lane, size: float, ends: Sequence[float], *, first: int) -> None:
    row, y, end = lane.row, lane.middle, lane.top + lane.height
    write = partial(write_at, axes, lane.label, size=size, bold=row.bold, colour=row.colour)
    at_margin = partial(write, coords=(left_of(axes), "data"), behind="white", in_layout=False)
    if not row.dots:
        at_margin((0.0, y))
        return
    head = lane.top + lane.head / 2
    if lane.head:
        at_margin((0.0, head))  # rules run behind it
    else:
        write((0.0, y), coords=(SHARE, "data"), shift=(-10.0, 0.0), ha="right")
    Rule(at=end if row.lanes else y, look=GUIDE, which="y", zorder=0.0).draw(axes)
    half = y - lane.top - lane.head - PAD / 2
    if row.band is not None:
        axes.fill_between(row.band, y - half, y + half, color=STYLE.fill, linewidth=0, zorder=0)
        Dot(at=1.0, lower=y - half, upper=y + half, bar=THIN).draw(axes)
    for dot in row.dots:
        replace(dot, at=y + dot.at, across=True).draw(axes)
    for each in row.beside:
        _write_right(axes, (1.0, head if each.column >= first else y + each.lane), each, ends)
    if lane.below:
        place, shift = (0.0, y + half), (0.0, -1.0)
        write_at(
            axes, lane.below, place, coords=(SHARE, "data"), shift=shift, va="top",
            colour=STYLE.mark,
        )  # fmt: skip


def _write_right(
    axes: Axes,
    place: tuple[float, float],
    words: Beside,
    ends: Sequence[float],
    *,
    heading: bool = False,
) -> None:
    """A text of a column, its right end where the column ends; headings stand above the rows."""
    write_at(
        axes,
        words.text,
        place,
        coords=(SHARE, SHARE if heading else "data"),
        shift=(72 * ends[words.column], 4.0 if heading else 0.0),
        ha="right",
        va="bottom" if heading else "center",
        bold=words.bold,
        colour=words.colour,
        behind="none" if heading else "white",
    )
