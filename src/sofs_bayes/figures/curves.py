"""Curves with bands, and dots over years: a grid of panels, all of one height."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend

from sofs_bayes.figures.canvas import Canvas, KeyEntry
from sofs_bayes.figures.marks import Axis, Mark, Series, bare_axes, is_named_above
from sofs_bayes.figures.sheet import SHARE, begin, fit, left_of, legend_style, write_at
from sofs_bayes.figures.style import STYLE, balanced, line_height, widest, wrapped

NAMES = 1.75  # inches for names at the right ends of lines, then they are wrapped
GAP = 0.05  # inches between names


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One set of axes and all that is in it.

    Attributes
    ----------
    heading, note
        Lines above it; the note is the lower one.
    side
        At its left; in a grid, the label of its row.
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
    """A panel in the grid, its heading in lines, and how many the longest of its row has."""

    panel: Panel
    row: int
    column: int
    heading: str
    lines: int = 1
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
    if canvas.is_narrow:
        (canvas, panels), columns = _narrowed(canvas, panels), min(columns, 2)
    else:
        panels = _labelled_once(panels, columns)
    places = _places(panels, columns, canvas.inner - 0.45)
    rows, room = places[-1].row + 1, 0.75 * canvas.inner
    sheet = begin(canvas, rows * (height + 1.0))
    grid = sheet.figure.add_gridspec(rows, columns)
    sides = widest([panel.side for panel in panels], STYLE.text, bold=True)
    for place in places:
        across = slice(None) if place.panel.wide else place.column
        axes = bare_axes(sheet.figure, grid[place.row, across])
        place.panel.x.put(axes, "x", room)
        place.panel.y.put(axes, "y", room)
        for mark in place.panel.marks:
            mark.draw(axes)
        named = [mark for mark in place.panel.marks if isinstance(mark, Series) and mark.name]
        _name_series(axes, [] if canvas.is_narrow else named, height)
        _write_around(axes, place, sides)
        axes.tick_params(axis="x", labelbottom=place.lowest or not shared)
        axes.tick_params(axis="y", labelleft=place.column == 0 or "y" not in shared)
    return fit(sheet, sheet.figure.axes[0], rows=rows, height=height)


def _narrowed(canvas: Canvas, panels: Sequence[Panel]) -> tuple[Canvas, list[Panel]]:
    """Where it is narrow, lines are named in the key, and what stands at the left above."""
    series = [mark for panel in panels for mark in panel.marks if isinstance(mark, Series)]
    names = [each.name if len(panels) == 1 else each.called or each.name for each in series]
    named = {name: each for name, each in zip(names, series, strict=True) if name}
    entries = [
        KeyEntry(name=name, line=each.look, fill=each.fill if len(each.lower) else None)
        for name, each in named.items()
    ]
    above = [
        replace(
            panel,
            side="",
            heading=": ".join(filter(None, (panel.side.replace("\n", " "), panel.heading))),
        )
        for panel in panels
    ]
    return replace(canvas, key=(*canvas.key, *entries)), above


def _labelled_once(panels: Sequence[Panel], columns: int) -> list[Panel]:
    """Of a grid: labels of rows at the left alone, headings above the first row alone."""
    return [
        replace(
            panel,
            side="" if i % columns else panel.side,
            heading="" if i >= columns else panel.heading,
        )
        if panel.side
        else panel
        for i, panel in enumerate(panels)
    ]


def _places(panels: Sequence[Panel], columns: int, inner: float) -> list[Place]:
    places: list[Place] = []
    row, column = -1, columns
    for panel in panels:
        if panel.group or panel.wide or column == columns:
            row, column = row + 1, 0
        width = inner if panel.wide else inner / columns - 0.2
        heading = wrapped(panel.heading, STYLE.small, width, bold=panel.bold)
        places.append(Place(panel=panel, row=row, column=column, heading=heading))
        column = columns if panel.wide else column + 1
    groups = [i for i, place in enumerate(places) if place.panel.group]
    found = []
    for i, place in enumerate(places):
        end = next((start for start in groups if start > i), len(places))
        lines = [each.heading.count("\n") + 1 for each in places if each.row == place.row]
        below = [p for p in places[i + 1 : end] if p.column == place.column]
        found.append(replace(place, lines=max(lines), lowest=not below))
    return found


def _write_around(axes: Axes, place: Place, sides: float) -> None:
    """Headings above the axes and the label at their left."""
    panel, step, up = place.panel, 72 * line_height(STYLE.small), 3.0
    write = partial(write_at, axes, coords=(SHARE, SHARE))
    if any(map(is_named_above, panel.marks)):
        up += step + 6.0
    if panel.note:
        colour, bold = (STYLE.mark, True) if panel.alarming else (STYLE.soft, False)
        write(panel.note, (0.0, 1.0), shift=(0.0, up), va="bottom", colour=colour, bold=bold)
        up += step
    if panel.heading:
        write(place.heading, (0.0, 1.0), shift=(0.0, up), va="bottom", bold=panel.bold)
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
    lower, upper = axes.get_ylim()
    texts = [balanced(each.name, STYLE.small, NAMES) for each in series]
    wanted = [height * (upper - each.at) / (upper - lower) for each in series]
    heights = [(text.count("\n") + 1) * line_height(STYLE.small) + GAP for text in texts]
    places = moved_apart(wanted, heights, 0.0, height)
    for each, text, y in zip(series, texts, places, strict=True):
        fill = each.fill if len(each.lower) else None
        entry = KeyEntry(name=each.name, line=each.look, fill=fill)
        legend = Legend(
            axes,
            [entry.sample],
            [text],
            loc="center left",
            bbox_to_anchor=(1.0, 1 - y / height),
            bbox_transform=axes.transAxes,
            **{**legend_style(entry, STYLE.small), "handlelength": 3.0, "borderaxespad": 0.9},
        )
        legend.get_texts()[0].set_parse_math(False)
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
