"""Curves with bands, and dots over years: a grid of panels, all of one height."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.ticker import NullLocator

from sofs_bayes.reporting.figures.canvas import (
    Canvas,
    KeyEntry,
    begin,
    fit,
    font,
    left_of,
    legend_style,
    write_at,
)
from sofs_bayes.reporting.figures.style import (
    STYLE,
    Look,
    line_height,
    line_of,
    widest,
    wrapped,
)
from sofs_bayes.reporting.figures.ticks import Kind, RoomyLocator, RowFormatter

NAMES = 1.5  # inches for names at the right ends of lines, then they are wrapped
SHARE = "axes fraction"
ABOVE, BESIDE = (False, True), (True, False)  # which places are shares of a panel
GAP = 0.05  # inches between what is written at an axis and the axis


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis: where it ends, what it is called, and its ticks; by default round numbers."""

    ends: tuple[float, float]
    name: str = ""
    kind: Kind = "number"
    ticks: dict[float, str] | None = None
    guides: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A line through points, with a band from `lower` to `upper` if these are given.

    `name` stands at its right end, at the height `at`.
    """

    x: Sequence[float]
    y: Sequence[float] = ()
    look: Look = field(default_factory=dict)
    lower: Sequence[float] = ()
    upper: Sequence[float] = ()
    fill: str = STYLE.fill
    edge: Look = field(default_factory=lambda: {"linewidth": 0.0})
    name: str = ""
    at: float = math.nan
    zorder: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A value at a place of the other axis, with a bar from `lower` to `upper`; either may lack."""

    at: float = 0.0
    value: float = math.nan
    lower: float = math.nan
    upper: float = math.nan
    look: Look = field(default_factory=dict)
    bar: Look = field(default_factory=dict)
    zorder: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A straight line from end to end, at a value of an axis; its name stands at its end."""

    at: float
    look: Look
    which: Literal["x", "y"] = "x"
    name: str = ""
    zorder: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A shaded stretch of the horizontal axis, named above it."""

    ends: tuple[float, float]
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A text at a place of a panel, shifted by so many points.

    `shares` says whether x and y are shares of the panel, rather than values on its axes.
    """

    text: str
    x: float
    y: float
    shift: tuple[float, float] = (0.0, 0.0)
    ha: Literal["left", "center", "right"] = "center"
    va: Literal["top", "center", "bottom"] = "center"
    colour: str = STYLE.soft
    shares: tuple[bool, bool] = (False, False)


Mark = Series | Dot | Rule | Span | Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One set of axes and all that is in it.

    Attributes
    ----------
    heading, note
        Lines above it; the note is the lower one.
    side
        At its left.
    group
        A heading above this and the panels that follow, which begins a row.
    wide
        Whether it has a row of its own.
    """

    x: Axis
    y: Axis
    marks: Sequence[Mark]
    heading: str = ""
    bold: bool = True
    note: str = ""
    alarming: bool = False
    side: str = ""
    group: str = ""
    wide: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A panel in the grid, and the lines the longest heading of its row has."""

    panel: Panel
    row: int
    column: int
    lines: int = 0
    lowest: bool = True


def curves(
    canvas: Canvas,
    panels: Sequence[Panel],
    *,
    height: float,
    columns: int = 1,
    shared: Literal["", "x", "xy"] = "",
) -> Figure:
    """The panels row by row.

    Parameters
    ----------
    height
        Of each panel, in inches.
    shared
        The axes that are labelled only in the last row, or first column, of a group.
    """
    width = (canvas.inner - 0.45) / columns - 0.2
    places = _places(panels, columns, width)
    rows = places[-1].row + 1
    sheet = begin(canvas, rows * (height + 1.0))
    grid = sheet.figure.add_gridspec(rows, columns)
    sides = widest([panel.side for panel in panels], STYLE.text, bold=True)
    for place in places:
        across = slice(None) if place.panel.wide else place.column
        axes = bare_axes(sheet.figure, grid[place.row, across])
        _draw(axes, place.panel, height)
        _write_around(axes, place, width, sides)
        axes.tick_params(axis="x", labelbottom=place.lowest or not shared)
        axes.tick_params(axis="y", labelleft=place.column == 0 or "y" not in shared)
    return fit(sheet, sheet.figure.axes[0], rows=rows, height=height)


def _places(panels: Sequence[Panel], columns: int, width: float) -> list[Place]:
    places: list[Place] = []
    row, column = -1, columns
    for panel in panels:
        if panel.group or panel.wide or column == columns:
            row, column = row + 1, 0
        places.append(Place(panel=panel, row=row, column=column))
        column = columns if panel.wide else column + 1
    groups = [i for i, place in enumerate(places) if place.panel.group]
    found = []
    for i, place in enumerate(places):
        end = next((start for start in groups if start > i), len(places))
        row = place.row
        lines = [_heading(p.panel, width).count("\n") + 1 for p in places if p.row == row]
        below = [p for p in places[i:end] if p.row > row and p.column == place.column]
        found.append(replace(place, lines=max(lines), lowest=not below))
    return found


def _heading(panel: Panel, width: float) -> str:
    size, room = STYLE.small, STYLE.width if panel.wide else width
    return wrapped(panel.heading, size, room, bold=panel.bold)


def bare_axes(figure: Figure, where: Any) -> Axes:
    """Axes with a line below and nothing else."""
    axes = figure.add_subplot(where, facecolor="none")
    for side, spine in axes.spines.items():
        spine.set(visible=side == "bottom", color=STYLE.soft, linewidth=0.8)
    axes.grid(visible=False)
    axes.set_axisbelow(True)
    axes.tick_params(
        axis="both",
        which="both",
        top=False,
        right=False,
        left=False,
        bottom=True,
        labeltop=False,
        labelright=False,
        labelleft=True,
        labelbottom=True,
        direction="out",
        length=3.0,
        width=0.8,
        pad=3.0,
        color=STYLE.soft,
        labelcolor=STYLE.ink,
        labelsize=STYLE.small,
        labelfontfamily=STYLE.family,
    )
    return axes


def set_axis(axes: Axes, which: Literal["x", "y"], axis: Axis) -> None:
    """Give one of the axes its ends, ticks, name and guides."""
    own: Any = axes.xaxis if which == "x" else axes.yaxis
    if axis.kind == "ratio":
        (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    (axes.set_xlim if which == "x" else axes.set_ylim)(*axis.ends)
    own.set_minor_locator(NullLocator())
    if axis.ticks is None:
        own.set_major_locator(RoomyLocator(axis.kind))
        own.set_major_formatter(RowFormatter(axis.kind))
    else:
        own.set_ticks(list(axis.ticks), labels=list(axis.ticks.values()), parse_math=False)
    if axis.name:
        own.set_label_text(axis.name, **font(STYLE.text))
        own.labelpad = 5.0
    if axis.guides:
        look = {"color": STYLE.faint, "linewidth": 0.6, "linestyle": "solid", "alpha": 1.0}
        axes.grid(visible=True, which="major", axis=which, **look)


def _draw(axes: Axes, panel: Panel, height: float) -> None:
    set_axis(axes, "x", panel.x)
    set_axis(axes, "y", panel.y)
    for mark in panel.marks:
        match mark:
            case Series():
                _draw_series(axes, mark)
            case Dot():
                draw_dot(axes, mark, upright=True)
            case Rule():
                draw_rule(axes, mark)
            case Span():
                axes.axvspan(*mark.ends, facecolor=STYLE.shade, linewidth=0, zorder=0)
                middle = sum(mark.ends) / 2
                words = Words(
                    text=mark.name, x=middle, y=1.0, shares=ABOVE, shift=(0.0, 4.0), va="bottom"
                )
                _write(axes, words)
            case Words():
                _write(axes, mark)
    _name_series(axes, [mark for mark in panel.marks if isinstance(mark, Series)], height)


def _draw_series(axes: Axes, series: Series) -> None:
    if len(series.lower):
        axes.fill_between(
            series.x,
            series.lower,
            series.upper,
            facecolor=series.fill,
            zorder=series.zorder - 3.5,
            **{"edgecolor": series.fill, **series.edge},
        )
    if series.look:
        look = line_of(series.look)
        whole = look["marker"] != "None"  # half a marker at an edge looks like another one
        axes.plot(series.x, series.y, zorder=series.zorder, clip_on=not whole, **look)


def draw_dot(axes: Axes, dot: Dot, *, upright: bool) -> None:
    """A bar and, on it, its value."""
    if dot.bar:
        along, at = [dot.lower, dot.upper], [dot.at, dot.at]
        look = {"solid_capstyle": "butt", **line_of(dot.bar)}
        axes.plot(*((at, along) if upright else (along, at)), zorder=dot.zorder, **look)
    if dot.look:
        place = (dot.at, dot.value) if upright else (dot.value, dot.at)
        look = {**line_of(dot.look), "linestyle": "None"}
        axes.plot(*([each] for each in place), zorder=dot.zorder + 1, clip_on=False, **look)


def draw_rule(axes: Axes, rule: Rule) -> None:
    """A straight line from end to end."""
    line = axes.axvline if rule.which == "x" else axes.axhline
    line(rule.at, zorder=rule.zorder, **line_of(rule.look))
    if rule.name and rule.which == "x":
        _write(
            axes,
            Words(text=rule.name, x=rule.at, y=1.0, shares=ABOVE, shift=(0.0, 4.0), va="bottom"),
        )
    elif rule.name:
        words = Words(text=rule.name, x=1.0, y=rule.at, shares=BESIDE, shift=(8.0, 0.0))
        _write(axes, replace(words, ha="left"))


def _write(axes: Axes, words: Words) -> None:
    across, up = (SHARE if is_share else "data" for is_share in words.shares)
    shift = words.shift[0], words.shift[1] + (2.0 if words.va == "bottom" else 0.0)
    write_at(
        axes,
        words.text,
        (words.x, words.y),
        coords=(across, up),
        shift=shift,
        ha=words.ha,
        va=words.va,
        colour=words.colour,
    )


def _write_around(axes: Axes, place: Place, width: float, sides: float) -> None:
    """Headings above the axes and the label at their left."""
    panel, step, up = place.panel, 72 * line_height(STYLE.small), 3.0
    write = partial(write_at, axes, coords=(SHARE, SHARE))
    if panel.note:
        colour, bold = (STYLE.mark, True) if panel.alarming else (STYLE.soft, False)
        write(panel.note, (0.0, 1.0), shift=(0.0, up), va="bottom", colour=colour, bold=bold)
        up += step
    if panel.heading:
        text = _heading(panel, width)
        write(text, (0.0, 1.0), shift=(0.0, up), va="bottom", bold=panel.bold)
        up += step * place.lines
    if panel.group:
        coords, shift = (left_of(axes), SHARE), (0.0, up + 4.0)
        write(
            panel.group, (0.0, 1.0), coords=coords, shift=shift, va="bottom", size=STYLE.text,
            bold=True,
        )  # fmt: skip
    if panel.side:
        write(panel.side, (0.0, 0.5), shift=(-72 * sides - 12, 0.0), size=STYLE.text)


def _name_series(axes: Axes, series: Sequence[Series], height: float) -> None:
    """Each line's name with a sample beside its right end, moved apart where they would overlap."""
    named = [each for each in series if each.name]
    lower, upper = axes.get_ylim()
    texts = [wrapped(each.name, STYLE.small, NAMES) for each in named]
    wanted = [height * (upper - each.at) / (upper - lower) for each in named]
    heights = [(text.count("\n") + 1) * line_height(STYLE.small) + GAP for text in texts]
    places = moved_apart(wanted, heights, 0.0, height)
    for each, text, y in zip(named, texts, places, strict=True):
        fill = each.fill if len(each.lower) else None
        legend = Legend(
            axes,
            [KeyEntry(name=each.name, line=each.look, fill=fill).sample],
            [text],
            loc="center left",
            bbox_to_anchor=(1.0, 1 - y / height),
            bbox_transform=axes.transAxes,
            **{**legend_style(STYLE.small), "borderaxespad": 0.9},
        )
        legend.get_texts()[0].set(linespacing=1.3, parse_math=False)
        legend.set_clip_on(False)
        axes.add_artist(legend)


def moved_apart(
    wanted: Sequence[float], heights: Sequence[float], top: float, bottom: float
) -> list[float]:
    """Middles as near as may be to those wanted, without overlap, between top and bottom.

    In order of the places wanted: pushed down by the one before, then up by the one after.
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed, edge = list(wanted), top
    for i in order:
        placed[i] = max(placed[i], edge + heights[i] / 2)
        edge = placed[i] + heights[i] / 2
    edge = bottom
    for i in reversed(order):
        placed[i] = min(placed[i], edge - heights[i] / 2)
        edge = placed[i] - heights[i] / 2
    return placed
