"""The probability that an effect exceeds a threshold, for every threshold, by prior."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Unpack

import numpy as np

from sofs_bayes.estimands.rows import ThresholdRow
from sofs_bayes.figures.canvas import Canvas, Said, name_of
from sofs_bayes.figures.curves import Panel, curves
from sofs_bayes.figures.densities import bound_rules, bounds_text, threshold_values
from sofs_bayes.figures.drawing import Drawing, drawn
from sofs_bayes.figures.marks import Axis, Series, Span
from sofs_bayes.figures.numbers import ShownScale, minus
from sofs_bayes.figures.refusals import check_rows, shown_scale
from sofs_bayes.figures.style import LINES
from sofs_bayes.figures.ticks import Kind
from sofs_bayes.spec import Equivalence, Statement
from sofs_bayes.spec.terms import CHILDREN

HIGH, LOW = {1: 3.2, 2: 2.0}, 1.5  # inches of a panel, by their number; of one of many
SHARES = {share: f"{share:.0%}" for share in (0.0, 0.25, 0.5, 0.75, 1.0)}
FLAT = 0.002  # a curve so near 0 or 1 runs out of the picture

Curve = Sequence[ThresholdRow]
Grid = Mapping[str, Mapping[str, Curve]]  # panel by panel, prior by prior


def threshold_curve(
    rows: Sequence[ThresholdRow],
    *,
    statements: Sequence[Statement],
    equivalence: Equivalence | None = None,
    **said: Unpack[Said],
) -> Drawing:
    """For every value the probability that the effect is above it, a line for each prior.

    Each variant (or, where there are several, each effect) has a panel, all on the same axes.
    Beside it stands the probability of an effect above none under each prior. That of an effect
    below a value is what is left to certainty.

    Parameters
    ----------
    rows
        Of one target and scale.
    statements
        Those whose bounds are marked, where they are on the rows' scale.
    equivalence
        The region of practical equivalence, shaded where it is on the rows' scale.
    said
        `title`, `evidence`, `status` and, if not the usual one, `name`; as `Said` has them.

    Raises
    ------
    BadInput
        No rows, a number that is not finite, more than one target or scale, or a threshold twice
        in one line.
    """
    name = name_of(said, Said, "threshold-curve")
    check_rows(name, rows, finite=("threshold", "above"), same=("target",))
    scale, grid = shown_scale(name, rows, said.get("whom", CHILDREN)), _grid(name, rows)
    bounds = threshold_values(statements, rows[0].scale)
    region = equivalence if equivalence and equivalence.scale == rows[0].scale else None
    canvas = Canvas.of(
        said,
        name,
        finding=_finding(grid, scale),
        subtitle="Probability that the effect is above the value on the axis",
        notes=_notes(bounds, scale, region),
    )
    panels = _panels(rows, grid, scale, bounds, region)
    chart = partial(curves, panels=panels, height=HIGH.get(len(grid), LOW), shared="x")
    return drawn(canvas, chart, _alt(grid, scale, bounds), ThresholdRow, rows)


def _grid(figure: str, rows: Sequence[ThresholdRow]) -> Grid:
    """Rows by panel and prior, in order of thresholds."""
    effects = len({row.estimand for row in rows}) > 1
    panels: dict[str, dict[str, list[ThresholdRow]]] = {}
    for row in rows:
        heading = str(row.estimand if effects else row.variant)
        panels.setdefault(heading, {}).setdefault(row.prior, []).append(row)
    for heading, own in panels.items():
        for prior, curve in own.items():
            labels = [f"{heading}, {prior}: {row.threshold:g}" for row in curve]
            check_rows(figure, curve, once=("threshold", labels))
            curve.sort(key=lambda row: row.threshold)
    return panels


def above(curve: Curve, value: float) -> float:
    """The probability at a value, read off between the curve's thresholds."""
    x, p = ([getattr(row, column) for row in curve] for column in ("threshold", "above"))
    return float(np.interp(value, x, p))


def _panels(
    rows: Sequence[ThresholdRow],
    grid: Grid,
    scale: ShownScale,
    bounds: Sequence[float],
    region: Equivalence | None,
) -> list[Panel]:
    """A panel for each heading, on axes where any curve still moves, with all bounds."""
    moving = [row.threshold for row in rows if FLAT < row.above < 1.0 - FLAT]
    shown = [scale.null, *bounds, *(moving or [row.threshold for row in rows])]
    ends = scale.factor * min(shown), scale.factor * max(shown)
    looks = dict(zip(dict.fromkeys(row.prior for row in rows), LINES * len(rows), strict=False))
    lines = bound_rules(bounds, scale)
    if region is not None:
        lower, upper = (scale.factor * bound for bound in region.within)
        lines.append(Span(ends=(lower, upper)))
    kind: Kind = "ratio" if scale.logarithmic else "signed"
    y = Axis(ends=(-0.01, 1.01), ticks=SHARES, guides=True)
    panels = []
    for heading, own in grid.items():
        name = scale.axis if heading == list(grid)[-1] else ""
        series = [_series(prior, curve, scale, ends) for prior, curve in own.items()]
        drawn_over = [
            replace(each, look=looks[prior], zorder=4.0 - 0.1 * n)
            for n, (prior, each) in enumerate(zip(own, series, strict=True))
        ]
        panels.append(
            Panel(
                x=Axis(ends=ends, name=name, kind=kind),
                y=y,
                marks=[*lines, *drawn_over],
                heading=heading if len(grid) > 1 else "",
            )
        )
    return panels


def _series(prior: str, curve: Curve, scale: ShownScale, ends: tuple[float, float]) -> Series:
    """The curve from one end of the axis to the other: beyond its thresholds it is flat."""
    x = [scale.factor * row.threshold for row in curve]
    p = [row.above for row in curve]
    at = above(curve, scale.null)
    return Series(
        x=[min(ends[0], x[0]), *x, max(ends[1], x[-1])],
        y=[p[0], *p, p[-1]],
        name=f"{prior}: {_share(at)} above {scale.null:g}",
        called=prior,
        at=at,
    )


def _share(probability: float) -> str:
    """Whole per cent, and never the certainty that no posterior has."""
    if probability < 0.005:
        return "below 1%"
    return "over 99%" if probability > 0.995 else f"{probability:.0%}"


def _finding(grid: Grid, scale: ShownScale) -> str:
    """The probabilities of an effect above none, from the lowest to the highest."""
    found = sorted(above(curve, scale.null) for own in grid.values() for curve in own.values())
    ends = " to ".join(dict.fromkeys((_share(found[0]), _share(found[-1]))))
    priors = ", by prior" * (len(found) > 1)
    return f"The effect is above {scale.null:g} with probability {ends}{priors}"


def _notes(bounds: Sequence[float], scale: ShownScale, region: Equivalence | None) -> list[str]:
    notes = [
        f"Solid vertical line: no effect ({scale.null:g}){bounds_text(bounds, scale, 2)}. The"
        " rest, up to 100%, is the probability of a smaller effect."
    ]
    if region is not None:
        lower, upper = (minus(f"{scale.factor * bound:g}") for bound in region.within)
        notes.append(
            f"Shaded: {lower} to {upper} {scale.unit}, declared beforehand to be practically none."
        )
    return notes


def _alt(grid: Grid, scale: ShownScale, bounds: Sequence[float]) -> str:
    parts = []
    for heading, curves_of in grid.items():
        told = [
            f"{prior} "
            + ", ".join(
                f"{_share(above(curve, value))} above {minus(f'{scale.factor * value:g}')}"
                for value in bounds or (scale.null,)
            )
            for prior, curve in curves_of.items()
        ]
        own = "; ".join(told)
        parts.append(own if len(grid) == 1 else f"{heading}: {own}")
    return (
        "Curves that fall from 100% to 0%: the probability that the effect is above each value,"
        f" in {scale.unit}. By prior: {'. '.join(parts)}."
    )
