"""How methods recover known effects: coverage, power, width, and probabilities that are right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from sofs_bayes.reporting.figures.drawing import Drawing
from sofs_bayes.reporting.figures.numbers import refuse_empty, refuse_gaps, tick_labels, ticks
from sofs_bayes.reporting.figures.page import KeyEntry, Page, add_axes, blank_page, set_ticks, write
from sofs_bayes.reporting.figures.style import GUIDE, STYLE, Look, widest

# By method, in the order of the key: no two have the same marker, nor the same lightness.
LOOKS: tuple[Look, ...] = (
    {"color": STYLE.strong, "linestyle": "solid", "marker": "o", "linewidth": 2.0},
    {"color": STYLE.second, "linestyle": (0, (5, 2)), "marker": "s", "linewidth": 1.4},
    {"color": STYLE.light, "linestyle": (0, (3, 1.5, 1, 1.5)), "marker": "^", "linewidth": 1.4},
    {"color": STYLE.ink, "linestyle": (0, (1, 1.6)), "marker": "v", "linewidth": 1.4},
    {"color": STYLE.mark, "linestyle": (0, (6, 1.5, 1, 1.5)), "marker": "D", "linewidth": 1.4},
)
TARGET: Look = {"color": STYLE.soft, "linestyle": (0, (4, 3)), "linewidth": 1.0, "marker": "None"}
HEIGHT, HEAD, AXIS, LEFT = 2.9, 0.3, 0.42, 0.5
BARS = 1.96  # Monte Carlo errors are shown as so many standard errors either way


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """A point of one method's curve, with its Monte Carlo standard error."""

    method: str
    x: float
    y: float
    mcse: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveragePoint:
    """One method's coverage of the 95% interval in one kind of scenario."""

    scenario: str
    method: str
    coverage: float
    mcse: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveAxes:
    """What is written at the axes of curves, and where they end.

    Attributes
    ----------
    x, y
        Their names.
    y_range, y_ticks
        None for the curves' own.
    x_ticks
        Places and labels; None for round numbers.
    level
        A level at which a horizontal line is drawn; None for none.
    diagonal
        Whether a line y = x is drawn.
    """

    x: str
    y: str
    y_range: tuple[float, float] | None = None
    y_ticks: tuple[float, ...] | None = None
    x_ticks: Mapping[float, str] | None = None
    level: float | None = None
    diagonal: bool = False


def method_curves(
    points: Sequence[CurvePoint],
    axes: CurveAxes,
    *,
    title: str,
    name: str,
    alt: str,
    notes: Sequence[str] = (),
) -> Drawing:
    """Each method's curve through its points, with bars of Monte Carlo error.

    Parameters
    ----------
    points
        Methods in the order of the key.
    alt
        What it shows, with its main numbers.

    Raises
    ------
    BadInput
        No points, or a number that is not finite.
    """
    refuse_empty(name, points)
    refuse_gaps(name, points, ("x", "y", "mcse"))
    methods = list(dict.fromkeys(point.method for point in points))
    body = HEAD + HEIGHT + AXIS
    key = [KeyEntry(name=m, line=_marked(i)) for i, m in enumerate(methods)]
    page = blank_page(
        body, title=title, evidence=("synthetic",), status="converged", notes=notes,
        key=key if len(methods) > 1 else (),
    )  # fmt: skip
    write(page, 0.0, 0.1, axes.y)
    width = page.inner - LEFT
    drawn = add_axes(page, left=LEFT, top=HEAD, width=width, height=HEIGHT)
    _limits(drawn, points, axes)
    spread = drawn.get_xlim()
    step = 0.006 * (spread[1] - spread[0])
    for i, method in enumerate(methods):
        own = sorted((p for p in points if p.method == method), key=lambda p: p.x)
        shift = (i - (len(methods) - 1) / 2) * step if len(methods) > 1 else 0.0
        at = [point.x + shift for point in own]
        for x, point in zip(at, own, strict=True):
            _bar(drawn, [x, x], _ends(point.y, point.mcse), i)
        drawn.plot(at, [point.y for point in own], zorder=3 + (i == 0), clip_on=False, **_marked(i))
    write(page, LEFT + width / 2, body, axes.x, ha="center", va="bottom")
    return Drawing(name=name, figure=page.figure, alt=alt, data=(CurvePoint, tuple(points)))


def coverage_of_methods(
    points: Sequence[CoveragePoint], *, title: str, name: str, alt: str, notes: Sequence[str] = ()
) -> Drawing:
    """Coverage of 95% intervals: a line for each kind of scenario, a marker for each method.

    Raises
    ------
    BadInput
        No points, or a number that is not finite.
    """
    refuse_empty(name, points)
    refuse_gaps(name, points, ("coverage", "mcse"))
    methods = list(dict.fromkeys(point.method for point in points))
    kinds = list(dict.fromkeys(point.scenario for point in points))
    lane = 0.115
    row = lane * len(methods) + 0.16
    body = 0.1 + row * len(kinds) + AXIS
    key = [
        KeyEntry(name=m, line={**_marked(i), "linestyle": "None"}) for i, m in enumerate(methods)
    ]
    page = blank_page(
        body, title=title, evidence=("synthetic",), status="converged", notes=notes, key=key
    )
    left = widest([line for kind in kinds for line in kind.split("\n")], STYLE.text) + 0.2
    height = body - AXIS
    axes = add_axes(page, left=left, top=0.0, width=page.inner - left - 0.1, height=height)
    lowest = min(0.85, *(point.coverage - BARS * point.mcse for point in points))
    axes.set_xlim(max(0.0, 100 * lowest - 3), 100.6)
    axes.set_ylim(height, 0.0)
    axes.set_yticks([])
    values = ticks(*axes.get_xlim(), 8)
    set_ticks(axes, "x", values, tick_labels(values))
    for value in values:
        axes.axvline(value, **GUIDE)
    axes.axvline(95.0, zorder=1, **TARGET)
    for k, kind in enumerate(kinds):
        top = 0.1 + k * row
        write(page, 0.0, top + (row - 0.16) / 2, kind)
        if k:
            axes.axhline(top - 0.08, **GUIDE)
        for point in (each for each in points if each.scenario == kind):
            i = methods.index(point.method)
            y = top + (i + 0.5) * lane
            ends = [100 * end for end in _ends(point.coverage, point.mcse, highest=1.0)]
            _bar(axes, ends, [y, y], i)
            look = {**_marked(i), "linestyle": "None"}
            axes.plot([100 * point.coverage], [y], zorder=3, clip_on=False, **look)
    _below(page, left, body, "intervals of 95% that hold the truth, %")
    return Drawing(name=name, figure=page.figure, alt=alt, data=(CoveragePoint, tuple(points)))


def _below(page: Page, left: float, body: float, text: str) -> None:
    middle = left + (page.inner - left - 0.1) / 2
    write(page, middle, body, text, ha="center", va="bottom")


def _marked(i: int) -> Look:
    colour = LOOKS[i]["color"]
    return {
        **LOOKS[i],
        "markersize": 5.0,
        "markeredgecolor": colour,
        "markerfacecolor": colour if i == 0 else "white",
        "markeredgewidth": 1.2,
    }


def _bar(axes: Axes, x: Sequence[float], y: Sequence[float], i: int) -> None:
    axes.plot(
        x, y, color=LOOKS[i]["color"], linewidth=1.0, linestyle="solid", marker="None", zorder=2
    )


def _ends(value: float, mcse: float, highest: float = float("inf")) -> list[float]:
    return [value - BARS * mcse, min(value + BARS * mcse, highest)]


def _limits(drawn: Axes, points: Sequence[CurvePoint], axes: CurveAxes) -> None:
    across = [point.x for point in points]
    extra = 0.04 * (max(across) - min(across)) or 0.5
    drawn.set_xlim(min(across) - extra, max(across) + extra)
    if axes.diagonal:
        drawn.set_xlim(-2.0, 102.0)
    if axes.x_ticks is None:
        values = ticks(*drawn.get_xlim(), 9)
        set_ticks(drawn, "x", values, tick_labels(values))
    else:
        set_ticks(drawn, "x", list(axes.x_ticks), list(axes.x_ticks.values()))
    top = max(point.y + BARS * point.mcse for point in points)
    drawn.set_ylim(*(axes.y_range or (0.0, 1.06 * top)))
    marks = list(axes.y_ticks or ticks(*drawn.get_ylim(), 6))
    set_ticks(drawn, "y", marks, tick_labels(marks))
    for mark in marks:
        drawn.axhline(mark, **GUIDE)
    if axes.level is not None:
        drawn.axhline(axes.level, zorder=1, **TARGET)
    if axes.diagonal:
        drawn.plot([0.0, 100.0], [0.0, 100.0], zorder=1, **TARGET)
