"""What each prior made of the evidence: prior and posterior density, panel by panel."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Unpack

import numpy as np

from sofs_bayes.errors import counted
from sofs_bayes.estimands import DensityRow
from sofs_bayes.figures.canvas import Canvas, KeyEntry, Said, name_of
from sofs_bayes.figures.curves import Panel, curves
from sofs_bayes.figures.drawing import Drawing, drawn
from sofs_bayes.figures.marks import Axis, Mark, Rule, Series
from sofs_bayes.figures.numbers import (
    ShownScale,
    amount,
    decimals_for,
    listed,
    minus,
)
from sofs_bayes.figures.refusals import check_rows, shown_scale
from sofs_bayes.figures.style import (
    DASHED,
    DOTTED,
    NO_EFFECT,
    STYLE,
    Look,
    line_height,
    wrapped,
)
from sofs_bayes.spec import Statement
from sofs_bayes.spec.terms import CHILDREN

PRIOR: Look = {"color": STYLE.second, "linewidth": 1.3, "linestyle": DASHED}
POSTERIOR: Look = {"color": STYLE.strong, "linewidth": 1.6}
BOUND: Look = {"color": STYLE.soft, "linewidth": 0.8, "linestyle": DOTTED}
KEY = (
    KeyEntry(name="prior", line=PRIOR),
    KeyEntry(name="posterior", line=POSTERIOR, fill=STYLE.fill),
)
MANY = 6  # panels, beyond which the alt text gives their range and not each
SIDE = 1.4  # inches for the labels at the left
HEIGHT = 1.05
NEGLIGIBLE = 0.01  # of a posterior's peak: where all are below it, the axes end

Own = dict[tuple[str, str], list[DensityRow]]  # of each prior under each variant


def prior_posterior(
    rows: Sequence[DensityRow], *, thresholds: Sequence[Statement], **said: Unpack[Said]
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
    said
        `title`, `evidence`, `status` and, if not the usual one, `name`; as `Said` has them.

    Raises
    ------
    BadInput
        No rows, a density that is no finite number, or more than one scale.
    """
    name = name_of(said, Said, "prior-posterior")
    check_rows(name, rows, finite=("value", "prior_density", "posterior_density"))
    scale = shown_scale(name, rows, said.get("whom", CHILDREN))
    bounds = threshold_values(thresholds, rows[0].scale)
    own: Own = {}
    for row in rows:
        own.setdefault((_heading(row), row.prior), []).append(row)
    panels = _panels(own, scale, bounds)
    columns = 1 if len({variant for variant, _ in own}) == 1 else len({prior for _, prior in own})
    shared = ", on the same axes in all panels" if len(panels) > 1 else ""
    notes = [
        f"Solid vertical line: {minus(f'{scale.null:g}')}{bounds_text(bounds, scale, 1)}."
        f" Height of the curves: density{shared}."
    ]
    label = scale.axis.removesuffix(", logarithmic axis")
    canvas = Canvas.of(said, name, finding=_finding(own, scale), below=label, notes=notes, key=KEY)
    high = max(panel.side.count("\n") + 1 for panel in panels) * line_height(STYLE.text)
    chart = partial(curves, panels=panels, height=max(HEIGHT, high), columns=columns, shared="xy")
    return drawn(canvas, chart, _alt(own, scale), DensityRow, rows)


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


def bounds_text(bounds: Sequence[float], scale: ShownScale, most: int) -> str:
    """What the dotted lines are, with at most so many decimals unless more are needed."""
    others = [scale.factor * bound for bound in bounds if bound != scale.null]
    if not others:
        return ""
    places = [d for d in (0, most) if all(abs(x - round(x, d)) < 1e-7 for x in others)]
    named = listed([amount(x, scale, places[0] if places else 2) for x in others])
    return f"; dotted: {named} {scale.unit}"


def bound_rules(bounds: Sequence[float], scale: ShownScale, zorder: float = 2.0) -> list[Mark]:
    """Lines at the bounds and, on them, at no effect."""
    looks = {**dict.fromkeys(bounds, BOUND), scale.null: NO_EFFECT}
    return [Rule(at=scale.factor * at, look=look, zorder=zorder) for at, look in looks.items()]


def _panels(own: Own, scale: ShownScale, bounds: Sequence[float]) -> list[Panel]:
    variants, priors = (list(dict.fromkeys(each)) for each in zip(*own, strict=True))
    single = len(variants) == 1
    order = own if single else [(v, p) for v in variants for p in priors if (v, p) in own]
    x, top = _ends(own, scale, bounds)
    lines = bound_rules(bounds, scale, zorder=2.5)
    panels = []
    for variant, prior in order:
        panels.append(
            Panel(
                x=Axis(ends=x, kind="number" if scale.logarithmic else "signed"),
                y=Axis(ends=(0.0, top), ticks={}),
                marks=[*lines, *_both(own[variant, prior], scale)],
                heading="" if single else prior,
                side=wrapped(prior if single else variant, STYLE.text, SIDE),
            )
        )
    return panels


def _both(rows: Sequence[DensityRow], scale: ShownScale) -> tuple[Series, Series]:
    """The posterior, filled, and the prior."""
    x = [scale.factor * row.value for row in rows]
    posterior = [row.posterior_density for row in rows]
    zeros = [0.0] * len(x)
    return (
        Series(x=x, y=posterior, look=POSTERIOR, lower=zeros, upper=posterior, zorder=4.0),
        Series(x=x, y=[row.prior_density for row in rows], look=PRIOR),
    )


def _ends(
    own: Own, scale: ShownScale, bounds: Sequence[float]
) -> tuple[tuple[float, float], float]:
    """Effects from and to which, and the density up to which, all panels are drawn.

    They hold all posteriors and bounds; the tails of a wide prior run out of the picture.
    """
    shown = [scale.null, *bounds]
    for rows in own.values():
        peak = max(row.posterior_density for row in rows)
        shown += [r.value for r in rows if r.posterior_density > NEGLIGIBLE * peak]
    every = [row for rows in own.values() for row in rows]
    lower = max(min(shown), min(row.value for row in every))
    upper = min(max(shown), max(row.value for row in every))
    inside = [row for row in every if lower <= row.value <= upper]
    top = max(max(row.prior_density, row.posterior_density) for row in inside)
    return (scale.factor * lower, scale.factor * upper), 1.08 * top


def _peaks(own: Own, scale: ShownScale) -> list[float]:
    """Where each panel's posterior is highest."""
    highest = (max(rows, key=lambda row: row.posterior_density) for rows in own.values())
    return [scale.factor * row.value for row in highest]


def _finding(own: Own, scale: ShownScale) -> str:
    """From where to where the posteriors are highest, for a title."""
    peaks = sorted(_peaks(own, scale))
    decimals = decimals_for(peaks, scale)
    ends = [amount(peak, scale, decimals) for peak in (peaks[0], peaks[-1])]
    return f"The effect is most likely {' to '.join(dict.fromkeys(ends))} {scale.unit}"


def _alt(own: Own, scale: ShownScale) -> str:
    several = len({variant for variant, _ in own}) > 1
    labels = [f"{prior} ({variant})" if several else prior for variant, prior in own]
    peaks = _peaks(own, scale)
    above = [_share_above(rows, scale.null) for rows in own.values()]
    decimals = decimals_for(peaks, scale)
    shown = [amount(peak, scale, decimals) for peak in peaks]
    null = f"{scale.null:g}"
    opening = (
        f"Prior and posterior densities of the effect in {scale.unit},"
        f" {counted(len(own), 'panel')}."
    )
    if len(own) <= MANY:
        parts = [
            f"{label}: peak at {s}, {a:.0%} of its area above {null}"
            for label, s, a in zip(labels, shown, above, strict=True)
        ]
        return f"{opening} Posterior under each prior: {'; '.join(parts)}."
    low, high = int(np.argmin(peaks)), int(np.argmax(peaks))
    return (
        f"{opening} The posteriors' peaks lie between {shown[low]} ({labels[low]}) and"
        f" {shown[high]} ({labels[high]}), and the shares of their areas above {null}"
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
