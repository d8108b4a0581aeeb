"""A figure with its words set: charts go between them, and matplotlib finds the room.

Nothing is cut off or overlaps whatever the number of rows. Style is passed as arguments
throughout: matplotlib's global parameters are neither read on purpose nor changed.
"""

from dataclasses import dataclass
from math import atan2, cos, degrees, radians, sin
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.transforms import ScaledTranslation, Transform

from sofs_bayes.figures.canvas import CONVERGED, MARK, Canvas, KeyEntry
from sofs_bayes.figures.style import STYLE, line_height, widest, width_of, wrapped
from sofs_bayes.tables.formats import EVIDENCE_LINES

SHARE = "axes fraction"
SAMPLE, MARKER = 0.34, 0.12  # inches of a line, and of a marker alone, before their names


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A figure whose words are set; inches they take above and below the charts."""

    figure: Figure
    canvas: Canvas
    above: float
    below: float


def begin(canvas: Canvas, expected: float) -> Sheet:
    """A figure with the canvas's words, and at first room for charts `expected` inches high."""
    figure = Figure(
        figsize=(canvas.width, expected + 6.0),
        dpi=STYLE.screen_dpi,
        facecolor="white",
        edgecolor="white",
        linewidth=0.0,
    )
    FigureCanvasAgg(figure)
    y = STYLE.margin + _write(figure, canvas.caption, canvas, STYLE.margin, size=STYLE.title) + 0.06
    if canvas.key:
        y += _add_key(figure, canvas, y + 0.03) + 0.05
    if canvas.subtitle:
        y += _write(figure, canvas.subtitle, canvas, y, size=STYLE.text) + 0.03
    foot = STYLE.margin
    notes = [*canvas.notes, *(EVIDENCE_LINES[kind] for kind in canvas.evidence)]
    for note in reversed(notes):
        foot += _write(figure, note, canvas, foot, size=STYLE.small, top=False)
    if canvas.below:
        y_below, size = foot + 0.06, STYLE.text
        foot = y_below + _write(
            figure, canvas.below, canvas, y_below, size=size, top=False, ha="center"
        )
    return Sheet(figure=figure, canvas=canvas, above=y, below=foot + 0.03)


def fit(sheet: Sheet, axes: Axes, *, rows: int, height: float) -> Figure:
    """The finished figure, as high as leaves each of `rows` rows of axes `height` inches.

    What labels and headings take is measured by matplotlib; the layout is then kept, so that
    all formats have the same.
    """
    figure, width = sheet.figure, sheet.canvas.width
    engine = ConstrainedLayoutEngine(h_pad=0.065, w_pad=0.045, hspace=0.0, wspace=0.0)
    figure.set_layout_engine(engine)
    edge = STYLE.margin / width
    for _ in range(3):
        high = figure.get_figheight()
        inside = 1 - (sheet.above + sheet.below) / high
        engine.set(rect=(edge, sheet.below / high, 1 - 2 * edge, inside))
        engine.execute(figure)
        missing = rows * (height - axes.get_position().height * high)
        if abs(missing) < 0.002:
            break
        figure.set_figheight(round(high + missing, 4))
    figure.set_layout_engine("none")
    for each in figure.axes:
        # The solver adds in the order of addresses in memory: its last digits are by chance.
        bounds = [round(float(bound), 6) for bound in each.get_position().bounds]
        each.set_position((bounds[0], bounds[1], bounds[2], bounds[3]))
    if sheet.canvas.status != CONVERGED:
        _mark(figure)
    return figure


def at_corner(figure: Figure, x: float, y: float, *, top: bool = True) -> Transform:
    """Inches right of, and below or above, the figure's upper or lower left corner."""
    shift = ScaledTranslation(x, -y if top else y, figure.dpi_scale_trans)
    return figure.transFigure + shift


def left_of(axes: Axes) -> Transform:
    """Where the page's left margin is, whatever the layout."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return at_corner(figure, STYLE.margin, 0.0)


def _write(
    figure: Figure,
    text: str,
    canvas: Canvas,
    y: float,
    *,
    size: float,
    top: bool = True,
    ha: Literal["left", "center"] = "left",
) -> float:
    """Text over the width of the page, `y` inches from its top or bottom; the inches it takes."""
    bold = size == STYLE.title
    lines = wrapped(text, size, canvas.inner, bold=bold)
    figure.text(
        0.0 if ha == "left" else 0.5,
        1.0 if top else 0.0,
        lines,
        transform=at_corner(figure, STYLE.margin if ha == "left" else 0.0, y, top=top),
        ha=ha,
        va="top" if top else "bottom",
        **font(size, bold=bold, colour=STYLE.ink if size > STYLE.small else STYLE.soft),
    )
    return (lines.count("\n") + 1) * line_height(size)


def write_at(
    axes: Axes,
    text: str,
    place: tuple[float, float],
    *,
    coords: tuple[Any, Any] = ("data", "data"),
    shift: tuple[float, float] = (0.0, 0.0),
    ha: Literal["left", "center", "right"] = "left",
    va: Literal["top", "center", "bottom"] = "center",
    size: float = STYLE.small,
    bold: bool = False,
    colour: str = STYLE.ink,
    behind: str = "none",
    in_layout: bool = True,
) -> None:
    """A text in or around axes, for which the layout finds room if asked; `shift` is in points."""
    found = axes.annotate(
        text,
        place,
        xycoords=coords,
        xytext=shift,
        textcoords="offset points",
        ha=ha,
        va=va,
        multialignment=ha,
        bbox={"facecolor": behind, "edgecolor": "none", "pad": 0.5 if behind == "none" else 3.5},
        **font(size, bold=bold, colour=colour),
    )
    found.set_in_layout(in_layout)


def font(size: float, *, bold: bool = False, colour: str = STYLE.ink) -> dict[str, Any]:
    """Arguments of a text; a dollar sign in a name is a dollar sign."""
    return {
        "fontsize": size,
        "fontfamily": STYLE.family,
        "fontweight": "bold" if bold else "normal",
        "color": colour,
        "linespacing": "normal",  # by the font's metrics: placed by ink, lines would not be level
        "parse_math": False,
    }


def legend_style(entry: KeyEntry, size: float) -> dict[str, Any]:
    """Arguments of a legend without a frame, of one entry; short for a marker alone."""
    sample = MARKER if entry.line.get("linestyle") == "None" else SAMPLE
    return {
        "frameon": False,
        "borderpad": 0.0,
        "borderaxespad": 0.0,
        "handlelength": sample * 72 / size,
        "handleheight": 0.8,
        "handletextpad": 0.7,
        "numpoints": 1,
        "markerscale": 1.0,
        "labelcolor": STYLE.ink,
        "prop": {"family": STYLE.family, "size": size},
    }


def _add_key(figure: Figure, canvas: Canvas, y: float) -> float:
    """The key, in as many lines as it needs; the inches it takes."""
    step, x, line, high = 1.1 * line_height(STYLE.text), 0.0, 0, 1
    for entry in canvas.key:
        style = legend_style(entry, STYLE.text)
        sample = style["handlelength"] * STYLE.text / 72 + 0.09
        name = wrapped(entry.name, STYLE.text, canvas.inner - sample)
        own = sample + widest([name], STYLE.text)
        if x > 0.0 and x + own > canvas.inner:
            x, line, high = 0.0, line + high, 1
        high = max(high, name.count("\n") + 1)
        legend = figure.legend(
            [entry.sample],
            [name],
            loc="upper left",
            bbox_to_anchor=(0.0, 1.0),
            bbox_transform=at_corner(figure, STYLE.margin + x, y + line * step),
            **style,
        )
        legend.get_texts()[0].set_parse_math(False)
        x += own + 0.25
    return (line + high) * step


def _mark(figure: Figure) -> None:
    """The mark across the picture, repeated down a long one, as large as it fits."""
    width, height = figure.get_size_inches()
    times = max(1, round(height / 6))
    share = height / times
    angle = min(25.0, 0.7 * degrees(atan2(share, width)))
    size = 48.0
    long, high = width_of(MARK, size, bold=True), size / 72
    across = long * cos(radians(angle)) + high * sin(radians(angle))
    down = long * sin(radians(angle)) + high * cos(radians(angle))
    fitting = size * min(1.0, 0.92 * width / across, 0.92 * share / down)
    for i in range(times):
        figure.text(
            0.5,
            (i + 0.5) / times,
            MARK,
            alpha=0.4,
            rotation=angle,
            ha="center",
            va="center",
            zorder=100,
            gid="not-converged",
            **font(fitting, bold=True, colour=STYLE.mark),
        )
