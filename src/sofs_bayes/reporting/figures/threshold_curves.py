"""The probability that an effect exceeds a threshold, for every threshold, by prior."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from sofs_bayes.estimands.rows import ThresholdRow
from sofs_bayes.reporting.figures.densities import BOUND_LINE, threshold_values
from sofs_bayes.reporting.figures.drawing import Drawing
from sofs_bayes.reporting.figures.numbers import (
    ShownScale,
    amount,
    listed,
    minus,
    not_converged,
    only_value,
    refuse_empty,
    refuse_gaps,
    refuse_repeats,
    shown_scale,
    tick_labels,
)
from sofs_bayes.reporting.figures.page import (
    Page,
    add_axes,
    add_sample,
    blank_page,
    set_ticks,
    write,
)
from sofs_bayes.reporting.figures.placing import moved_apart, roomy_ticks
from sofs_bayes.reporting.figures.style import (
    GUIDE,
    LINES,
    NO_EFFECT,
    STYLE,
    Look,
    line_height,
    widest,
    wrap,
)
from sofs_bayes.spec import Equivalence, Evidence, Statement

HEAD, TITLE, AXIS, GAP, LEFT = 0.26, 0.26, 0.42, 0.12, 0.42
HIGH = {1: 3.2, 2: 2.0}  # inches of a panel, by their number
LOW = 1.5
LABELS, SAMPLE = 1.75, 0.36
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
FLAT = 0.002  # a curve so near 0 or 1 runs out of the picture

Curve = Sequence[ThresholdRow]


def threshold_curve(
    rows: Sequence[ThresholdRow],
    *,
    statements: Sequence[Statement],
    title: str,
    evidence: Evidence,
    status: str,
    equivalence: Equivalence | None = None,
    name: str = "threshold-curve",
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
    title, evidence, status, name
        Title, evidence line, `converged` or not, and stem of the files.

    Raises
    ------
    BadInput
        No rows, a number that is not finite, more than one target or scale, or a threshold twice
        in one line.
    """
    refuse_empty(name, rows)
    refuse_gaps(name, rows, ("threshold", "above"))
    only_value(name, rows, "target")
    scale = shown_scale(name, rows)
    panels = _panels(name, rows)
    bounds = threshold_values(statements, rows[0].scale)
    looks = {prior: LINES[i % len(LINES)] for i, prior in enumerate(_priors(rows))}
    several = len(panels) > 1
    high = HIGH.get(len(panels), LOW)
    each = (TITLE if several else 0.0) + high + GAP
    body = HEAD + len(panels) * each + AXIS - GAP
    region = equivalence if equivalence and equivalence.scale == rows[0].scale else None
    page = blank_page(
        body,
        title=title,
        evidence=(evidence,),
        status=status,
        notes=_notes(bounds, scale, region),
    )
    write(page, 0.0, 0.1, "Probability that the effect is above the value on the axis")
    names = _names(panels, scale)
    right = min(LABELS, widest(_lines(names), STYLE.small)) + SAMPLE + 0.12
    width = page.inner - LEFT - right
    limits = _limits(panels, bounds, scale)
    for i, (heading, curves) in enumerate(panels.items()):
        top = HEAD + i * each
        if several:
            write(page, 0.0, top + TITLE / 2, heading, bold=True)
            top += TITLE
        axes = add_axes(page, left=LEFT, top=top, width=width, height=high)
        _set_axes(axes, limits, scale, width, labelled=i == len(panels) - 1)
        _mark(axes, scale, bounds, region)
        for n, (prior, curve) in enumerate(curves.items()):
            axes.plot(*_run(curve, scale, limits), zorder=4 - 0.1 * n, **looks[prior])
        _name_curves(page, curves, looks, names[heading], scale, x=LEFT + width, top=top, high=high)
    write(page, LEFT + width / 2, body, scale.axis, ha="center", va="bottom")
    alt = _alt(panels, scale, bounds, status)
    return Drawing(name=name, figure=page.figure, alt=alt, data=(ThresholdRow, tuple(rows)))


def _priors(rows: Sequence[ThresholdRow]) -> list[str]:
    return list(dict.fromkeys(row.prior for row in rows))


def _panels(figure: str, rows: Sequence[ThresholdRow]) -> dict[str, dict[str, Curve]]:
    """Rows by panel and prior, in order of thresholds."""
    effects = len({row.estimand for row in rows}) > 1
    panels: dict[str, dict[str, list[ThresholdRow]]] = {}
    for row in rows:
        heading = str(row.estimand if effects else row.variant)
        panels.setdefault(heading, {}).setdefault(row.prior, []).append(row)
    for heading, curves in panels.items():
        for prior, own in curves.items():
            labels = [f"{heading}, {prior}: {row.threshold:g}" for row in own]
            if len(set(labels)) < len(labels):
                refuse_repeats(figure, labels, "threshold")
            own.sort(key=lambda row: row.threshold)
    return {heading: dict(curves) for heading, curves in panels.items()}


def above(curve: Curve, value: float) -> float:
    """The probability at a value, read off between the curve's thresholds."""
    x, p = ([getattr(row, column) for row in curve] for column in ("threshold", "above"))
    return float(np.interp(value, x, p))


def _limits(
    panels: Mapping[str, Mapping[str, Curve]], bounds: Sequence[float], scale: ShownScale
) -> tuple[float, float]:
    """Where any curve still moves, and all bounds."""
    curves = [curve for own in panels.values() for curve in own.values()]
    moving = [row.threshold for curve in curves for row in curve if FLAT < row.above < 1.0 - FLAT]
    every = [row.threshold for curve in curves for row in curve]
    shown = [scale.null, *bounds, *(moving or every)]
    return scale.factor * min(shown), scale.factor * max(shown)


def _set_axes(
    axes: Axes, limits: tuple[float, float], scale: ShownScale, width: float, *, labelled: bool
) -> None:
    if scale.logarithmic:
        axes.set_xscale("log")
    axes.set_xlim(*limits)
    axes.set_ylim(-0.01, 1.01)
    set_ticks(axes, "y", SHARES, [f"{share:.0%}" for share in SHARES])
    for share in SHARES:
        axes.axhline(share, **GUIDE)
    values = roomy_ticks(*limits, width, signed=not scale.logarithmic)
    labels = tick_labels(values, signed=not scale.logarithmic)
    set_ticks(axes, "x", values, labels if labelled else [""] * len(values))


def _run(
    curve: Curve, scale: ShownScale, limits: tuple[float, float]
) -> tuple[list[float], list[float]]:
    """The curve from one end of the axis to the other: beyond its thresholds it is flat."""
    x = [scale.factor * row.threshold for row in curve]
    p = [row.above for row in curve]
    first, last = min(limits[0], x[0]), max(limits[1], x[-1])
    return [first, *x, last], [p[0], *p, p[-1]]


def _mark(
    axes: Axes, scale: ShownScale, bounds: Sequence[float], region: Equivalence | None
) -> None:
    """No effect, the statements' bounds, and the region of practical equivalence."""
    if region is not None:
        lower, upper = (scale.factor * bound for bound in region.within)
        axes.axvspan(lower, upper, facecolor=STYLE.shade, linewidth=0, zorder=0)
    for bound in bounds:
        if bound != scale.null:
            axes.axvline(scale.factor * bound, **BOUND_LINE)
    axes.axvline(scale.factor * scale.null, **NO_EFFECT)


def _names(
    panels: Mapping[str, Mapping[str, Curve]], scale: ShownScale
) -> dict[str, dict[str, str]]:
    """What is written beside each curve: its prior, and the probability above no effect."""
    null = f"{scale.null:g}"
    return {
        heading: {
            prior: f"{prior}: {_share(above(curve, scale.null))} above {null}"
            for prior, curve in curves.items()
        }
        for heading, curves in panels.items()
    }


def _lines(names: Mapping[str, Mapping[str, str]]) -> list[str]:
    return [
        line
        for own in names.values()
        for text in own.values()
        for line in wrap(text, STYLE.small, LABELS)
    ]


def _share(probability: float) -> str:
    """Whole per cent, and never the certainty that no posterior has."""
    if probability < 0.005:
        return "below 1%"
    return "over 99%" if probability > 0.995 else f"{probability:.0%}"


def _name_curves(
    page: Page,
    curves: Mapping[str, Curve],
    looks: Mapping[str, Look],
    names: Mapping[str, str],
    scale: ShownScale,
    *,
    x: float,
    top: float,
    high: float,
) -> None:
    """Each curve's name at the height at which it crosses no effect, moved apart."""
    wrapped = [wrap(names[prior], STYLE.small, LABELS) for prior in curves]
    wanted = [high * (1.0 - above(curve, scale.null)) for curve in curves.values()]
    heights = [len(lines) * line_height(STYLE.small) + 0.05 for lines in wrapped]
    places = moved_apart(wanted, heights, 0.0, high)
    for prior, lines, y in zip(curves, wrapped, places, strict=True):
        add_sample(page, x + 0.06, top + y, 0.3, looks[prior])
        text = "\n".join(lines)
        write(page, x + 0.06 + SAMPLE, top + y, text, size=STYLE.small)


def _notes(bounds: Sequence[float], scale: ShownScale, region: Equivalence | None) -> list[str]:
    others = [scale.factor * bound for bound in bounds if bound != scale.null]
    lines = f"Solid vertical line: no effect ({scale.null:g})"
    if others:
        decimals = 0 if all(abs(x - round(x)) < 1e-6 for x in others) else 2
        named = listed([amount(x, scale, decimals) for x in others])
        lines += f"; dotted: {named} {scale.unit}"
    notes = [f"{lines}. What is left to 100% is the probability of an effect below."]
    if region is not None:
        lower, upper = (minus(f"{scale.factor * bound:g}") for bound in region.within)
        notes.append(
            f"Shaded: {lower} to {upper} {scale.unit}, declared beforehand to be practically none."
        )
    return notes


def _alt(
    panels: Mapping[str, Mapping[str, Curve]],
    scale: ShownScale,
    bounds: Sequence[float],
    status: str,
) -> str:
    opening = (
        f"{not_converged(status)}Curves that fall from 100% to 0%: the probability that the effect"
        f" is above each value, in {scale.unit}."
    )
    values = bounds or (scale.null,)
    parts = []
    for heading, curves in panels.items():
        told = [
            f"{prior} "
            + ", ".join(
                f"{_share(above(curve, value))} above {minus(f'{scale.factor * value:g}')}"
                for value in values
            )
            for prior, curve in curves.items()
        ]
        own = "; ".join(told)
        parts.append(own if len(panels) == 1 else f"{heading}: {own}")
    return f"{opening} By prior: {'. '.join(parts)}."
