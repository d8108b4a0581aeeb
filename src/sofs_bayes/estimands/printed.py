"""A posterior from print → the rows of effects, probabilities and densities."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sofs_bayes.bayes.distributions import Distribution, Tabulated, summary
from sofs_bayes.bayes.from_published import PrintedPosterior, choose_prior
from sofs_bayes.bayes.printed_summaries import (
    draws,
    from_design_scale,
    posterior_summaries,
    probability,
)
from sofs_bayes.estimands.densities import rows_of_densities
from sofs_bayes.estimands.rows import (
    DensityRow,
    EffectRow,
    Label,
    ProbabilityRow,
    columns_of,
    statement_text,
)
from sofs_bayes.spec import Scale
from sofs_bayes.spec.keys import PRINTED, Estimand, Kind, Variant

if TYPE_CHECKING:
    import xarray as xr

STEPS = 201  # points through which an effect is taken to another scale,
TAIL = 1e-6  # between the quantiles that leave so much outside
DENSITY_POINTS = 241


def scales(post: PrintedPosterior) -> tuple[Scale, ...]:
    """The scales an effect is shown on: the design's own, then what it converts to."""
    own = post.analysis.design.scale
    return ("log-odds", "odds ratio", "risk") if own == "log-odds" else (own,)


def effect_on(post: PrintedPosterior, scale: Scale) -> Distribution:
    """The effect's posterior on a scale; risk differences are taken at the base rate."""
    return _effects_on(post, (scale,))[scale]


def _effects_on(post: PrintedPosterior, wanted: Sequence[Scale]) -> dict[Scale, Distribution]:
    """The same on several scales, from one tabulation of the distribution function."""
    design = post.analysis.design
    found: dict[Scale, Distribution] = {design.scale: post.effect}
    others = [scale for scale in wanted if scale != design.scale]
    if others:
        edge = post.effect.quantile([TAIL, 1 - TAIL])
        values = np.linspace(edge[0], edge[1], STEPS)
        cumulative = post.effect.cdf(values)
        cumulative = (cumulative - cumulative[0]) / (cumulative[-1] - cumulative[0])
        for scale in others:
            points = np.array([from_design_scale(float(x), scale, design) for x in values])
            found[scale] = Tabulated(points=points, cumulative=cumulative)
    return found


def label_of(
    post: PrintedPosterior, *, status: str, kind: Kind = "main", subject: str = ""
) -> Label:
    """Prior, reading, evidence and status of a posterior from print.

    Parameters
    ----------
    kind, subject
        The assumption that is exchanged, and what for.
    """
    variant = Variant(kind=kind, subject=subject, reading=post.reading.name)
    return Label(prior=post.prior, variant=variant, evidence="published-inferred", status=status)


def effect_rows(
    post: PrintedPosterior, label: Label, *, on: Sequence[Scale] | None = None
) -> list[EffectRow]:
    """The effect on each of its scales (or those given), then the nuisance parameters."""
    wanted = post.analysis.estimands
    on = scales(post) if on is None else on
    effect = _effects_on(post, on)
    found = {
        Estimand(role=PRINTED, scale=scale): summary(
            effect[scale],
            quantity=PRINTED,
            level=wanted.level,
            kind=wanted.interval,
        )
        for scale in on
    }
    for each in posterior_summaries(post):
        if each.quantity != PRINTED:
            own = each.quantity == "correlation"
            scale = "correlation" if own else post.analysis.design.scale
            found[Estimand(role=each.quantity, scale=scale)] = each
    return [
        EffectRow(
            **columns_of(question, label),
            mean=each.mean,
            median=each.median,
            sd=each.sd,
            lower=each.lower,
            upper=each.upper,
            level=wanted.level,
            interval=wanted.interval,
            lower_50=each.lower_50,
            upper_50=each.upper_50,
        )
        for question, each in found.items()
    ]


def probability_rows(post: PrintedPosterior, label: Label) -> list[ProbabilityRow]:
    """The probability of every statement; exact to quadrature, so the MCSE is 0."""
    return [
        ProbabilityRow(
            **columns_of(Estimand(role=PRINTED, scale=statement.scale), label),
            statement=statement_text(statement),
            probability=probability(post, statement),
            mcse=0.0,
        )
        for statement in post.analysis.estimands.claims
    ]


def density_rows(post: PrintedPosterior, label: Label) -> list[DensityRow]:
    """Prior and posterior density of the effect over the range that holds nearly all of both."""
    prior = choose_prior(post.analysis, post.prior)
    low, high = post.effect.quantile([0.001, 0.999])
    low = min(float(low), prior.mean - 2.5 * prior.sd)
    high = max(float(high), prior.mean + 2.5 * prior.sd)
    values = np.linspace(low, high, DENSITY_POINTS)
    before = np.exp(-0.5 * ((values - prior.mean) / prior.sd) ** 2) / (
        prior.sd * np.sqrt(2 * np.pi)
    )
    question = Estimand(role=PRINTED, scale=post.analysis.design.scale)
    return rows_of_densities(values, before, post.effect.density(values), question, label)


def draws_tree(post: PrintedPosterior, *, chains: int) -> "xr.DataTree":
    """Independent draws of s, c, β and δ as group `posterior`, dims (chain, draw)."""
    import xarray as xr

    analysis = post.analysis
    n = analysis.draws - analysis.draws % chains
    found = draws(post, n, np.random.default_rng(analysis.seed))
    named = {
        "authority_sd": found.s,
        "correlation": found.c,
        "pilot_difference": found.beta,
        "effect": found.delta,
    }
    if post.pilot_difference is None:
        del named["pilot_difference"]
    posterior = xr.Dataset(
        {name: (("chain", "draw"), each.reshape(chains, -1)) for name, each in named.items()},
        coords={"chain": range(chains), "draw": range(n // chains)},
        attrs={"prior": post.prior, "reading": post.reading.name},
    )
    return xr.DataTree.from_dict({"posterior": posterior})
