"""What can be drawn in axes: lines with bands, dots with bars, rules, shaded spans and words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from sofs_bayes.figures.sheet import SHARE, font, write_at
from sofs_bayes.figures.style import STYLE, Look, line_of, thickened, wrapped
from sofs_bayes.figures.ticks import Kind, RoomyLocator, RowFormatter
from sofs_bayes.spec.years import FINANCIAL, Years

Which = Literal["x", "y"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis: where it ends, what it is called, and its ticks; by default round numbers.

    `years` name those of the kind `year`.
    """

    ends: tuple[float, float]
    name: str = ""
    kind: Kind = "number"
    ticks: dict[float, str] | None = None
    guides: bool = False
    years: Years = FINANCIAL

    def put(self, axes: Axes, which: Which, room: float) -> None:
        """Give one of the axes these ends, ticks and guides, and its name in `room` inches."""
        own: Any = axes.xaxis if which == "x" else axes.yaxis
        if self.kind == "ratio":
            (axes.set_xscale if which == "x" else axes.set_yscale)("log")
        (axes.set_xlim if which == "x" else axes.set_ylim)(*self.ends)
        own.set_minor_locator(NullLocator())
        if self.ticks is None:
            own.set_major_locator(RoomyLocator(self.kind, self.years))
            own.set_major_formatter(RowFormatter(self.kind, self.years))
        else:
            own.set_ticks(list(self.ticks), labels=list(self.ticks.values()), parse_math=False)
        if self.name:
            own.set_label_text(wrapped(self.name, STYLE.text, room), **font(STYLE.text))
            own.labelpad = 5.0
        if self.guides:
            look = {"color": STYLE.faint, "linewidth": 0.6, "linestyle": "solid", "alpha": 1.0}
            axes.grid(visible=True, which="major", axis=which, **look)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A line through points, with a band from `lower` to `upper` if these are given.

    `name` stands at its right end, at the height `at`; `called` is what it is in all panels.
    """

    x: Sequence[float]
    y: Sequence[float] = ()
    look: Look = field(default_factory=dict)
    lower: Sequence[float] = ()
    upper: Sequence[float] = ()
    fill: str = STYLE.fill
    edge: Look = field(default_factory=lambda: {"linewidth": 0.0})
    name: str = ""
    called: str = ""
    at: float = math.nan
    zorder: float = 3.0

    def draw(self, axes: Axes) -> None:
        """The band, below all lines, and the line on it."""
        if len(self.lower):
            edge = {"edgecolor": self.fill, "zorder": self.zorder - 3.5, **self.edge}
            axes.fill_between(self.x, self.lower, self.upper, facecolor=self.fill, **edge)
        if self.look:
            look = line_of(self.look)
            whole = look["marker"] != "None"  # half a marker at an edge looks like another one
            axes.plot(self.x, self.y, zorder=self.zorder, clip_on=not whole, **look)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A value at a place of the other axis, with a bar from `lower` to `upper`; either may lack.

    `inner` is a stretch of the bar that is drawn thick; `across` puts the values on the horizontal
    axis.
    """

    at: float = 0.0
    value: float = math.nan
    lower: float = math.nan
    upper: float = math.nan
    inner: tuple[float, float] | None = None
    look: Look = field(default_factory=dict)
    bar: Look = field(default_factory=dict)
    zorder: float = 3.0
    across: bool = False

    def draw(self, axes: Axes) -> None:
        """The bar, its thick stretch on it and, on both, the value."""
        thick = thickened(self.bar) if self.bar and self.inner else {}
        stretches = ((self.lower, self.upper), self.bar), (self.inner or (), thick)
        for values, look in (*stretches, ((self.value,), self.look)):
            if not look:
                continue
            at = [self.at] * len(values)
            line = {"solid_capstyle": "butt", **line_of(look)}
            if look is self.look:
                line |= {"linestyle": "None", "clip_on": False}
            zorder = self.zorder + (look is self.look)
            axes.plot(*((values, at) if self.across else (at, values)), zorder=zorder, **line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A text at a place of a panel, shifted by so many points.

    `shares` says whether x and y are shares of the panel, rather than values on its axes.
    """

    text: str
    x: float
    y: float
    shares: tuple[bool, bool] = (False, False)
    shift: tuple[float, float] = (0.0, 0.0)
    ha: Literal["left", "center", "right"] = "center"
    va: Literal["top", "center", "bottom"] = "center"
    colour: str = STYLE.soft

    def draw(self, axes: Axes) -> None:
        """The text, for which the layout finds room."""
        across, up = (SHARE if is_share else "data" for is_share in self.shares)
        style: dict[str, Any] = {"ha": self.ha, "va": self.va, "colour": self.colour}
        write_at(axes, self.text, (self.x, self.y), coords=(across, up), shift=self.shift, **style)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A straight line from end to end, at a value of an axis; its name stands at its end."""

    at: float
    look: Look
    which: Which = "x"
    name: str = ""
    zorder: float = 2.0

    def draw(self, axes: Axes) -> None:
        """The line, and its name above it or at its right."""
        across = self.which == "x"
        line = axes.axvline if across else axes.axhline
        line(self.at, zorder=self.zorder, **line_of(self.look))
        if across:
            above(self.name, self.at).draw(axes)
        else:
            right = Words(text=self.name, x=1.0, y=self.at, shares=(True, False), ha="left")
            replace(right, shift=(8.0, 0.0)).draw(axes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A shaded stretch of the horizontal axis, named above it."""

    ends: tuple[float, float]
    name: str = ""

    def draw(self, axes: Axes) -> None:
        """The stretch, behind everything, and its name."""
        axes.axvspan(*self.ends, facecolor=STYLE.shade, linewidth=0, zorder=0)
        above(self.name, sum(self.ends) / 2).draw(axes)


Mark = Series | Dot | Rule | Span | Words


def above(text: str, x: float) -> Words:
    """A text above a panel."""
    return Words(text=text, x=x, y=1.0, shares=(False, True), shift=(0.0, 6.0), va="bottom")


def is_named_above(mark: Mark) -> bool:
    """Whether a mark's name stands above the panel."""
    match mark:
        case Span(name=name) | Rule(which="x", name=name):
            return bool(name)
        case _:
            return False


def at_end(text: str, end: Literal["left", "right"]) -> Words:
    """A text above one end of a panel."""
    x = 0.0 if end == "left" else 1.0
    return replace(above(text, x), shares=(True, True), ha=end)


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
