"""An empty picture: title, key, body of a given height, notes and evidence, all measured.

Everything is placed in inches and every text is wrapped to the width it has, so that nothing
is cut off or overlaps whatever the number of rows. Style is passed as arguments throughout:
matplotlib's global parameters are neither read on purpose nor changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import atan2, cos, degrees, radians, sin
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from sofs_bayes.reporting.figures.style import STYLE, Look, line_height, width_of, wrap
from sofs_bayes.reporting.tables import EVIDENCE_LINES
from sofs_bayes.spec import Evidence

CONVERGED = "converged"
MARK = "NOT CONVERGED"
SIMULATED = "Simulated children"
BASELINE = 0.76  # of a line's height from its top; capitals then stand in its middle


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    """A sample of a line (`line`: arguments of Line2D) or of a fill, and its name."""

    name: str
    line: Look = field(default_factory=dict)
    fill: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A figure and the inches left for its body: from `top` down, between the margins."""

    figure: Figure
    width: float
    height: float
    top: float
    inner: float


def blank_page(
    body: float,
    *,
    title: str,
    evidence: Sequence[Evidence],
    status: str,
    notes: Sequence[str] = (),
    key: Sequence[KeyEntry] = (),
) -> Page:
    """A figure with title and key above, notes and evidence below, and `body` inches between.

    A status other than `converged` is written into the title and across the picture; that the
    children are simulated is written into the title too.
    """
    inner = STYLE.width - 2 * STYLE.margin
    caption = f"{SIMULATED}: {title}" if "synthetic" in evidence else title
    caption = caption if status == CONVERGED else f"{MARK}: {caption}"
    head = wrap(caption, STYLE.title, inner, bold=True)
    strips = _key_strips(key, inner)
    below = [*notes, *(EVIDENCE_LINES[kind] for kind in evidence)]
    foot = [line for note in below for line in wrap(note, STYLE.small, inner)]
    above = STYLE.margin + len(head) * line_height(STYLE.title) + 0.06
    top = above + (len(strips) * line_height(STYLE.text) * 1.1 + 0.06 if strips else 0.0)
    height = top + body + 0.1 + len(foot) * line_height(STYLE.small) + STYLE.margin
    figure = Figure(
        figsize=(STYLE.width, height),
        dpi=STYLE.dpi,
        facecolor="white",
        edgecolor="white",
        linewidth=0.0,
    )
    figure.set_layout_engine("none")
    FigureCanvasAgg(figure)
    page = Page(figure=figure, width=STYLE.width, height=height, top=top, inner=inner)
    lines = "\n".join(head)
    write(page, 0.0, STYLE.margin - top, lines, size=STYLE.title, va="top", bold=True)
    for i, strip in enumerate(strips):
        _draw_strip(page, strip, above - top + (i + 0.5) * line_height(STYLE.text) * 1.1)
    write(page, 0.0, body + 0.1, "\n".join(foot), size=STYLE.small, va="top", colour=STYLE.soft)
    if status != CONVERGED:
        _mark(page)
    return page


def write(
    page: Page,
    x: float,
    y: float,
    text: str,
    *,
    size: float = STYLE.text,
    ha: Literal["left", "center", "right"] = "left",
    va: Literal["top", "center", "bottom"] = "center",
    colour: str = STYLE.ink,
    bold: bool = False,
) -> None:
    """Lines of text at x inches right and y inches below the body's upper left corner.

    Every line is set on its own baseline: placed by their ink, lines with and without
    descenders would not stand level.
    """
    lines = text.split("\n")
    step = line_height(size)
    block = len(lines) * step
    first = y - {"top": 0.0, "center": block / 2, "bottom": block}[va]
    for i, line in enumerate(lines):
        page.figure.text(
            (STYLE.margin + x) / page.width,
            1 - (page.top + first + i * step + BASELINE * step) / page.height,
            line,
            fontsize=size,
            fontfamily=STYLE.family,
            fontweight="bold" if bold else "normal",
            color=colour,
            ha=ha,
            va="baseline",
            parse_math=False,  # a dollar sign in a name is a dollar sign
        )


def add_axes(page: Page, *, left: float, top: float, width: float, height: float) -> Axes:
    """Axes of that size in inches, placed from the upper left corner of the page's body."""
    axes = page.figure.add_axes(
        (
            (STYLE.margin + left) / page.width,
            1 - (page.top + top + height) / page.height,
            width / page.width,
            height / page.height,
        ),
        facecolor="none",
    )
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
        direction="out",
        length=3.0,
        width=0.8,
        pad=3.0,
        color=STYLE.soft,
        labelcolor=STYLE.ink,
    )
    return axes


def set_ticks(
    axes: Axes,
    which: Literal["x", "y"],
    values: Sequence[float],
    labels: Sequence[str],
    *,
    size: float = STYLE.small,
) -> None:
    """Ticks with these labels and no others."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_ticks(values, labels=labels, fontsize=size, fontfamily=STYLE.family, parse_math=False)
    axis.set_ticks([], minor=True)


def _key_strips(key: Sequence[KeyEntry], width: float) -> list[list[tuple[float, KeyEntry]]]:
    """The entries' places: lines of (inches from the left, entry)."""
    strips: list[list[tuple[float, KeyEntry]]] = []
    x = width + 1
    for entry in key:
        own = _sample(entry) + 0.08 + width_of(entry.name, STYLE.text)
        if x + own > width:
            strips.append([])
            x = 0.0
        strips[-1].append((x, entry))
        x += own + 0.25
    return strips


def _sample(entry: KeyEntry) -> float:
    """Inches of a sample: short for a marker alone."""
    return 0.12 if entry.line.get("linestyle") == "None" else 0.34


def _draw_strip(page: Page, strip: Sequence[tuple[float, KeyEntry]], y: float) -> None:
    for x, entry in strip:
        sample = _sample(entry)
        add_sample(page, x, y, sample, entry.line, fill=entry.fill)
        write(page, x + sample + 0.08, y, entry.name)


def add_sample(
    page: Page, x: float, y: float, width: float, look: Look, *, fill: str | None = None
) -> None:
    """A short piece of a line, with its marker in the middle, on a fill if one is given."""
    height = 1 - (page.top + y) / page.height
    start, end = ((STYLE.margin + x + edge) / page.width for edge in (0.0, width))
    if fill is not None:
        half = 0.055 / page.height
        corner, size = (start, height - half), (end - start, 2 * half)
        page.figure.add_artist(Rectangle(corner, *size, facecolor=fill, linewidth=0))
    if look:
        whole = {"solid_capstyle": "butt", "markevery": [1], **look}
        across = [start, (start + end) / 2, end]
        page.figure.add_artist(Line2D(across, [height] * 3, **whole))


def _mark(page: Page) -> None:
    """The mark across the picture, repeated down a long one, as large as it fits."""
    times = max(1, round(page.height / 6))
    share = page.height / times
    angle = min(25.0, 0.7 * degrees(atan2(share, page.width)))
    size = 48.0
    long, high = width_of(MARK, size, bold=True), size / 72
    across = long * cos(radians(angle)) + high * sin(radians(angle))
    down = long * sin(radians(angle)) + high * cos(radians(angle))
    for i in range(times):
        page.figure.text(
            0.5,
            (i + 0.5) / times,
            MARK,
            fontsize=size * min(1.0, 0.92 * page.width / across, 0.92 * share / down),
            fontfamily=STYLE.family,
            fontweight="bold",
            color=STYLE.mark,
            alpha=0.4,
            rotation=angle,
            ha="center",
            va="center",
            zorder=100,
            gid="not-converged",
        )
