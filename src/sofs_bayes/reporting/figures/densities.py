"""What each prior made of the evidence: prior and posterior density, panel by panel."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from sofs_bayes.estimands import DensityRow
from sofs_bayes.reporting.figures.drawing import Drawing
from sofs_bayes.reporting.figures.numbers import (
    ShownScale,
    amount,
    counted,
    decimals_for,
    listed,
    minus,
    not_converged,
    refuse_empty,
    refuse_gaps,
    shown_scale,
    tick_labels,
)
from sofs_bayes.reporting.figures.page import KeyEntry, add_axes, blank_page, set_ticks, write
from sofs_bayes.reporting.figures.placing import roomy_ticks
from sofs_bayes.reporting.figures.style import NO_EFFECT, STYLE, Look, line_height, widest, wrap
from sofs_bayes.spec import Evidence, Statement

PRIOR_LINE: Look = {"color": STYLE.second, "linewidth": 1.3, "linestyle": (0, (4, 2))}
POSTERIOR_LINE: Look = {"color": STYLE.strong, "linewidth": 1.6, "linestyle": "solid"}
BOUND_LINE: Look = {
    "color": STYLE.soft,
    "linewidth": 0.8,
    "linestyle": (0, (1, 1.6)),
    "marker": "None",
    "zorder": 2.5,
}
KEY = (
    KeyEntry(name="prior", line=PRIOR_LINE),
    KeyEntry(name="posterior", line=POSTERIOR_LINE, fill=STYLE.fill),
)
MANY = 6  # panels, beyond which the alt text gives their range and not each
SIDE, GAP, AXIS = 1.4, 0.14, 0.3
NEGLIGIBLE = 0.01  # of a posterior's peak: where all are below it, the axes end


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One prior under one variant, at its place in the grid."""

    down: int
    across: int
    label: str
    rows: tuple[DensityRow, ...]


def prior_posterior(
    rows: Sequence[DensityRow],
    *,
    thresholds: Sequence[Statement],
    title: str,
    evidence: Evidence,
    status: str,
    name: str = "prior-posterior",
) -> Drawing:
    """Prior (dashed) and posterior (filled) densities, all panels on the same axes.

    With one variant the priors stand one under the other; with several, each variant is a
    row of panels and each prior a column.

    Parameters
    ----------
    rows
        Densities on one scale, in the order they are to be shown.
    thresholds
        Statements whose bounds are drawn where they are on the rows' scale; odds ratios are
        turned into log-odds, and the reverse.
    title, evidence, status, name
        Title, evidence line, `converged` or not, and stem of the files.

    Raises
    ------
    BadInput
        No rows, a density that is no finite number, or more than one scale.
    """
    refuse_empty(name, rows)
    refuse_gaps(name, rows, ("value", "prior_density", "posterior_density"))
    scale = shown_scale(name, rows)
    bounds = threshold_values(thresholds, rows[0].scale)
    sides, heads, panels = _grid(rows)
    wrapped = [wrap(side, STYLE.text, SIDE) for side in sides]
    left = widest([line for lines in wrapped for line in lines], STYLE.text, bold=True) + 0.1
    high = max(1.05, max(map(len, wrapped)) * line_height(STYLE.text))
    top = 0.26 if heads else 0.0
    body = top + len(sides) * (high + GAP) + AXIS
    notes = _notes(bounds, scale, len(panels))
    page = blank_page(body, title=title, evidence=(evidence,), status=status, notes=notes, key=KEY)
    across = max(1, len(heads))
    width = (page.inner - left - GAP * (across - 1)) / across
    for i, lines in enumerate(wrapped):
        write(page, 0.0, top + i * (high + GAP) + high / 2, "\n".join(lines), bold=not heads)
    for j, head in enumerate(heads):
        middle = left + j * (width + GAP) + width / 2
        write(page, middle, top / 2 - 0.03, head, ha="center", bold=True)
    limits = _limits(panels, bounds, scale.null)
    for panel in panels:
        axes = add_axes(
            page,
            left=left + panel.across * (width + GAP),
            top=top + panel.down * (high + GAP),
            width=width,
            height=high,
        )
        _draw_panel(axes, panel.rows, scale, bounds)
        _share_limits(axes, limits, scale, width, labelled=panel.down == len(sides) - 1)
    write(page, (left + page.inner) / 2, body, _axis_label(scale), ha="center", va="bottom")
    alt = _alt(panels, scale, status)
    return Drawing(name=name, figure=page.figure, alt=alt, data=(DensityRow, tuple(rows)))


def threshold_values(statements: Sequence[Statement], scale: str) -> tuple[float, ...]:
    """The bounds of the statements on a scale, in order; those that cannot be put on it not."""
    change = {("odds ratio", "log-odds"): math.log, ("log-odds", "odds ratio"): math.exp}
    found = set()
    for statement in statements:
        bounds = (statement.above, statement.below, *(statement.within or ()))
        for bound in (bound for bound in bounds if bound is not None):
            if statement.scale == scale:
                found.add(bound)
            elif (statement.scale, scale) in change:
                found.add(change[statement.scale, scale](bound))
    return tuple(sorted(found))


def _heading(row: DensityRow) -> str:
    """What tells panels apart: the reading of the stars, or else the effect."""
    return row.reading or str(row.estimand)


def _grid(rows: Sequence[DensityRow]) -> tuple[list[str], list[str], list[Panel]]:
    """Labels beside the rows of panels, those above the columns, and the panels."""
    variants = list(dict.fromkeys(map(_heading, rows)))
    priors = list(dict.fromkeys(row.prior for row in rows))
    single = len(variants) == 1
    panels = []
    for v, p in dict.fromkeys((_heading(row), row.prior) for row in rows):
        down, across = (priors.index(p), 0) if single else (variants.index(v), priors.index(p))
        own = tuple(row for row in rows if (_heading(row), row.prior) == (v, p))
        label = p if single else f"{p} ({v})"
        panels.append(Panel(down=down, across=across, label=label, rows=own))
    return (priors, [], panels) if single else (variants, priors, panels)


def _draw_panel(
    axes: Axes, rows: Sequence[DensityRow], scale: ShownScale, bounds: Sequence[float]
) -> None:
    x = [scale.factor * row.value for row in rows]
    posterior = [row.posterior_density for row in rows]
    for bound in bounds:
        if bound != scale.null:
            axes.axvline(scale.factor * bound, **BOUND_LINE)
    axes.axvline(scale.factor * scale.null, **{**NO_EFFECT, "zorder": 2.5})
    axes.fill_between(x, posterior, color=STYLE.fill, linewidth=0, zorder=2)
    axes.plot(x, posterior, **POSTERIOR_LINE, marker="None", zorder=4)
    prior = [row.prior_density for row in rows]
    axes.plot(x, prior, **PRIOR_LINE, marker="None", zorder=3)


def _limits(
    panels: Sequence[Panel], bounds: Sequence[float], null: float
) -> tuple[float, float, float]:
    """Effects from and to which, and the density up to which, all panels are drawn.

    They hold all posteriors and bounds; the tails of a wide prior run out of the picture.
    """
    shown = [null, *bounds]
    for panel in panels:
        peak = max(row.posterior_density for row in panel.rows)
        shown += [r.value for r in panel.rows if r.posterior_density > NEGLIGIBLE * peak]
    effects = [row.value for panel in panels for row in panel.rows]
    lower, upper = max(min(shown), min(effects)), min(max(shown), max(effects))
    inside = [row for panel in panels for row in panel.rows if lower <= row.value <= upper]
    top = max(max(row.prior_density, row.posterior_density) for row in inside)
    return lower, upper, 1.08 * top


def _share_limits(
    axes: Axes,
    limits: tuple[float, float, float],
    scale: ShownScale,
    width: float,
    *,
    labelled: bool,
) -> None:
    lower, upper = scale.factor * limits[0], scale.factor * limits[1]
    axes.set_xlim(lower, upper)
    axes.set_ylim(0, limits[2])
    inside = (lower + 0.02 * (upper - lower), upper - 0.02 * (upper - lower))
    values = roomy_ticks(*inside, width, signed=not scale.logarithmic)
    labels = tick_labels(values, signed=not scale.logarithmic)
    set_ticks(axes, "x", values, labels if labelled else [""] * len(values))
    set_ticks(axes, "y", [], [])


def _axis_label(scale: ShownScale) -> str:
    return scale.axis.removesuffix(", logarithmic axis")


def _notes(bounds: Sequence[float], scale: ShownScale, panels: int) -> list[str]:
    null = minus(f"{scale.null:g}")
    lines = f"Solid vertical line: {null}"
    others = [scale.factor * bound for bound in bounds if bound != scale.null]
    if others:
        decimals = 2 if any(abs(10 * x - round(10 * x)) > 1e-6 for x in others) else 1
        decimals = 0 if all(abs(x - round(x)) < 1e-6 for x in others) else decimals
        named = listed([amount(x, scale, decimals) for x in others])
        lines += f"; dotted: {named} {scale.unit}"
    shared = ", on the same axes in all panels" if panels > 1 else ""
    return [f"{lines}. Height of the curves: density{shared}."]


def _alt(panels: Sequence[Panel], scale: ShownScale, status: str) -> str:
    peaks = [max(p.rows, key=lambda r: r.posterior_density).value * scale.factor for p in panels]
    above = [_share_above(panel.rows, scale.null) for panel in panels]
    decimals = decimals_for(peaks, scale)
    shown = [amount(peak, scale, decimals) for peak in peaks]
    null = f"{scale.null:g}"
    opening = (
        f"{not_converged(status)}Prior and posterior densities of the effect in {scale.unit},"
        f" {counted(len(panels), 'panel')}."
    )
    if len(panels) <= MANY:
        parts = [
            f"{p.label}: peak at {s}, {a:.0%} of its area above {null}"
            for p, s, a in zip(panels, shown, above, strict=True)
        ]
        return f"{opening} Posterior under each prior: {'; '.join(parts)}."
    low, high = int(np.argmin(peaks)), int(np.argmax(peaks))
    return (
        f"{opening} The posteriors' peaks lie between {shown[low]} ({panels[low].label}) and"
        f" {shown[high]} ({panels[high].label}), and the shares of their areas above {null}"
        f" between {min(above):.0%} and {max(above):.0%}."
    )


def _share_above(rows: Sequence[DensityRow], null: float) -> float:
    """The share of the area under the posterior to the right of no effect, by trapezia."""
    order = sorted(rows, key=lambda row: row.value)
    x = np.array([row.value for row in order])
    density = np.array([row.posterior_density for row in order])
    total = np.trapezoid(density, x)
    right = x > null
    if not total > 0 or not right.any():
        return 0.0
    at_null = np.interp(null, x, density)
    area = np.trapezoid(np.r_[at_null, density[right]], np.r_[max(null, x[0]), x[right]])
    return float(min(1.0, area / total))
