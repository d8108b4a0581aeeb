"""How methods recover known effects: coverage, power, width, and probabilities that are right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sofs_bayes.figures.canvas import Canvas, KeyEntry
from sofs_bayes.figures.curves import Panel, curves
from sofs_bayes.figures.dots import Row, dots
from sofs_bayes.figures.drawing import Drawing, drawn
from sofs_bayes.figures.marks import Axis, Dot, Mark, Rule, Series
from sofs_bayes.figures.refusals import check_rows
from sofs_bayes.figures.style import DOTTED, STYLE, Look, marker

# By method, in the order of the key: no two have the same marker, nor the same lightness.
METHODS: tuple[Look, ...] = tuple(
    {**marker(shape, 5.0, colour, face), "linestyle": dashes, "linewidth": 1.4}
    for shape, colour, face, dashes in (
        ("o", STYLE.strong, "", "solid"),
        ("s", STYLE.second, "white", (0, (5, 2))),
        ("^", STYLE.light, "white", (0, (3, 1.5, 1, 1.5))),
        ("v", STYLE.ink, "white", DOTTED),
        ("D", STYLE.mark, "white", (0, (6, 1.5, 1, 1.5))),
    )
)
TARGET: Look = {"color": STYLE.soft, "linestyle": (0, (4, 3)), "linewidth": 1.0}
HEIGHT = 2.9
LANE = 0.115  # inches between methods in a kind of scenario
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
    check_rows(name, points, finite=("x", "y", "mcse"))
    looks = _looks([point.method for point in points])
    key = [KeyEntry(name=method, line=look) for method, look in looks.items()]
    canvas = Canvas(
        name=name, title=title, evidence=("synthetic",), subtitle=axes.y, notes=notes,
        key=key if len(key) > 1 else (),
    )  # fmt: skip
    across = [point.x for point in points]
    extra = 0.04 * (max(across) - min(across)) or 0.5
    x = (-2.0, 102.0) if axes.diagonal else (min(across) - extra, max(across) + extra)
    marks = _method_marks(points, looks, step=0.006 * (x[1] - x[0]))
    if axes.level is not None:
        marks.append(Rule(at=axes.level, look=TARGET, which="y", zorder=1.0))
    if axes.diagonal:
        marks.append(Series(x=(0.0, 100.0), y=(0.0, 100.0), look=TARGET, zorder=1.0))
    y = axes.y_range or (0.0, 1.06 * max(_end(point.y, point.mcse) for point in points))
    labels = {mark: f"{mark:g}" for mark in axes.y_ticks} if axes.y_ticks else None
    panel = Panel(
        x=Axis(ends=x, name=axes.x, ticks=dict(axes.x_ticks) if axes.x_ticks else None),
        y=Axis(ends=y, ticks=labels, guides=True),
        marks=marks,
    )
    chart = partial(curves, panels=[panel], height=HEIGHT)
    return drawn(canvas, chart, alt, CurvePoint, points)


def _method_marks(
    points: Sequence[CurvePoint], looks: Mapping[str, Look], *, step: float
) -> list[Mark]:
    """Each method's line with its bars, the methods `step` beside each other."""
    marks: list[Mark] = []
    for i, (method, look) in enumerate(looks.items()):
        own = sorted((p for p in points if p.method == method), key=lambda p: p.x)
        shift = (i - (len(looks) - 1) / 2) * step
        bar = {"color": look["color"], "linewidth": 1.0}
        marks += [
            Dot(at=p.x + shift, lower=_end(p.y, -p.mcse), upper=_end(p.y, p.mcse), bar=bar)
            for p in own
        ]
        at = [point.x + shift for point in own]
        marks.append(Series(x=at, y=[p.y for p in own], look=look, zorder=4.0 - 0.1 * i))
    return marks


def coverage_of_methods(
    points: Sequence[CoveragePoint],
    *,
    title: str,
    subtitle: str,
    name: str,
    alt: str,
    notes: Sequence[str] = (),
) -> Drawing:
    """Coverage of 95% intervals: a line for each kind of scenario, a marker for each method.

    Raises
    ------
    BadInput
        No points, or a number that is not finite.
    """
    check_rows(name, points, finite=("coverage", "mcse"))
    looks = _looks([point.method for point in points])
    canvas = Canvas(
        name=name,
        title=title,
        evidence=("synthetic",),
        subtitle=subtitle,
        notes=notes,
        key=[KeyEntry(name=m, line={**look, "linestyle": "None"}) for m, look in looks.items()],
    )
    lowest = min(0.85, *(_end(point.coverage, -point.mcse) for point in points))
    rows = [
        Row(
            label=kind,
            dots=[_coverage(p, looks) for p in points if p.scenario == kind],
            lanes=LANE * (len(looks) + 0.4),
        )
        for kind in dict.fromkeys(point.scenario for point in points)
    ]
    chart = partial(
        dots,
        rows=rows,
        axis=Axis(
            ends=(max(0.0, 100 * lowest - 3), 100.6),
            name="intervals of 95% that hold the truth, %",
            guides=True,
        ),
        marks=[Rule(at=95.0, look=TARGET, zorder=1.0)],
    )
    return drawn(canvas, chart, alt, CoveragePoint, points)


def _looks(methods: Sequence[str]) -> dict[str, Look]:
    """A look for each method; the first one is thicker."""
    looks = dict(zip(dict.fromkeys(methods), METHODS, strict=False))
    first = next(iter(looks))
    return {**looks, first: {**looks[first], "linewidth": 2.0}}


def _end(value: float, mcse: float) -> float:
    return value + BARS * mcse


def _coverage(point: CoveragePoint, looks: Mapping[str, Look]) -> Dot:
    lane = list(looks).index(point.method) - (len(looks) - 1) / 2
    look = looks[point.method]
    return Dot(
        at=lane * LANE,
        value=100 * point.coverage,
        lower=100 * _end(point.coverage, -point.mcse),
        upper=100 * min(1.0, _end(point.coverage, point.mcse)),
        look=look,
        bar={"color": look["color"], "linewidth": 1.0},
    )
