"""Draws of a fit of children's cells → effects on the response scale, draw by draw.

All effects are averages over treated children; none is a coefficient that is transformed after
its draws were summarised.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.bayes.cell_data import CellData, Patterns
from sofs_bayes.estimands.contrasts import Contrast, changes, contrasts, pools_nothing
from sofs_bayes.estimands.effects import Effects
from sofs_bayes.frequentist.term import DID
from sofs_bayes.spec.keys import (
    BETWEEN_AUTHORITIES,
    BETWEEN_PILOTS,
    BETWEEN_YEARS,
    MEAN_OF_PILOTS,
    POOLED,
    Estimand,
    Role,
)
from sofs_bayes.spec.terms import PER_1000, RISKS

Floats = npt.NDArray[np.float64]

# Samples at once: the odds of all patterns should stay in the processor's cache.
TOGETHER = 200


def mean_risks(
    counts: Patterns,
    child_effect: Floats,
    predictors: Sequence[Floats],
    cells: npt.NDArray[np.bool_],
) -> tuple[Floats, ...]:
    """The mean risk of each cell's children, unweighted, under each of some predictors.

    The odds of a child are those of its cell times those of its pattern, so that exponentials
    are taken by cell and by pattern, not by child.

    Parameters
    ----------
    counts
        The children, by cell and pattern.
    child_effect
        Coefficients of the children's terms, shape (samples, child terms).
    predictors
        Log-odds of cells but for the children's terms, each of shape (samples, cells).
    cells
        Those wanted, shape (cells,); others have NaN.

    Returns
    -------
    An array (samples, cells) for each predictor.
    """
    of_cell = {
        int(cell): np.flatnonzero((counts.cell == cell) & (counts.children > 0))
        for cell in np.flatnonzero(cells)
    }
    found = tuple(np.full(predictor.shape, np.nan) for predictor in predictors)
    for start in range(0, len(child_effect), TOGETHER):
        part = slice(start, start + TOGETHER)
        of_pattern = np.exp(counts.child_design @ child_effect[part].T)
        for cell, here in of_cell.items():
            odds = of_pattern[counts.pattern[here]]
            share = counts.children[here] / counts.children[here].sum()
            for predictor, risk in zip(predictors, found, strict=True):
                spared = share @ (1.0 / (1.0 + odds * np.exp(predictor[part, cell])))
                risk[part, cell] = 1.0 - spared
    return found


def did_effects(
    posterior: xr.Dataset,
    data: CellData,
    blocks: Blocks,
    *,
    seed: int,
    degrees_of_freedom: float | None = None,
    per: int | None = None,
) -> Effects:
    """The effects of a hierarchical DiD, draw by draw.

    Pooled: the change averaged over all treated children, each pilot's over its own. A new
    authority's: the pilots' treated children and untreated risks, with a new draw of the
    deviation. Every child counts once (matching weights and multiplicity play no part).

    By year since settling-in where the terms tell years apart; leads over the pilots' children
    of those years. Scores: the effect at the pilots' own scores, and that of one unit more.
    Where pilots are pooled in part, also the mean that their effects are drawn around, which R's
    lme4, brms and rstanarm print as `fixef`: on the model's scale, an average over no children.
    Practice models: two effects, against each kind of comparator. Ofsted: the effect at the
    ratings children had, and on all treated children had they had one of those that occur.

    The scales are `risk` (1 is certainty) and `children per 1,000` (1000 times that), or in their
    place `children per 10,000` where the analysis tells changes so, and, for the
    logistic model alone, `log-odds` and `odds ratio` (the exponential of the averaged change in
    log-odds). A linear model has no odds ratio, as its risks are not kept between 0 and 1.

    Parameters
    ----------
    posterior
        Named draws of the fit (`bayes.did_draws.named`).
    data, blocks
        The cells that were fitted and the fit's design; a pilot that was left out is not
        reported.
    seed
        Of the new authority's deviations.
    degrees_of_freedom
        Of these deviations' Student t; None if they are normal.
    per
        The number of children that the analysis tells changes in risk in (`Estimands.per`).

    Raises
    ------
    ValueError
        Draws of a fit of other cells.
    BadInput
        Treated children to whom no term of the effect applies, or none at all.
    """
    found = changes(posterior, data, blocks)
    samples = len(found.predictor)
    new = None
    if not pools_nothing(blocks):
        new = np.zeros(samples)
        if blocks.pilots.any():
            sd = posterior["pilot_effect_sd"].transpose("chain", "draw").to_numpy().ravel()
            new = sd * _noise(samples, seed, degrees_of_freedom)
    child_effect = posterior["child_effect"].transpose("chain", "draw", ...).to_numpy()
    child_effect = child_effect.reshape(samples, -1)
    answers: dict[Estimand, xr.DataArray] = {}
    for contrast in contrasts(found, data, blocks, new):
        answers |= {
            question: _shaped(draws, posterior)
            for question, draws in _averages(contrast, data, child_effect, per).items()
        }
    means = _mean_of_pilots(posterior, data, blocks, per)
    return Effects.of(answers | means | _spreads(posterior, data, blocks))


def _noise(samples: int, seed: int, degrees_of_freedom: float | None) -> Floats:
    rng = np.random.default_rng(seed)
    if degrees_of_freedom is None:
        return rng.standard_normal(samples)
    return rng.standard_t(degrees_of_freedom, samples)


def _averages(
    contrast: Contrast, data: CellData, child_effect: Floats, per: int | None
) -> dict[Estimand, Floats]:
    """The contrast averaged over the children of each target, on each scale, (samples,)."""
    cells = np.sum([children > 0 for children in contrast.weights.values()], axis=0) > 0
    difference = contrast.change
    if data.patterns is not None:
        untreated, treated = mean_risks(
            data.patterns,
            child_effect,
            (contrast.without, contrast.without + contrast.change),
            cells,
        )
        difference = treated - untreated
    answers = {}
    for target, children in contrast.weights.items():
        share = children[cells] / children.sum()
        risk = difference[:, cells] @ share
        on = {RISKS[per]: per * risk} if per else {"risk": risk, PER_1000: 1000.0 * risk}
        if data.patterns is not None:
            log_odds = contrast.change[:, cells] @ share
            on |= {"log-odds": log_odds, "odds ratio": np.exp(log_odds)}
        for scale, draws in on.items():
            answers[replace(contrast.estimand, target=target, scale=scale)] = draws
    return answers


def _shaped(draws: Floats, posterior: xr.Dataset) -> xr.DataArray:
    coords = {dim: posterior[dim] for dim in ("chain", "draw")}
    shape = (posterior.sizes["chain"], posterior.sizes["draw"])
    return xr.DataArray(draws.reshape(shape), dims=("chain", "draw"), coords=coords)


def _mean_of_pilots(
    posterior: xr.Dataset, data: CellData, blocks: Blocks, per: int | None
) -> dict[Estimand, xr.DataArray]:
    """The mean of the pilots' effects, where one is estimated that they differ from."""
    terms = [term for term in blocks.effect_terms if term in data.terms]
    if terms != [DID] or not blocks.pilots.any():
        return {}
    mean, linear = posterior["coefficient"].sel(term=DID, drop=True), data.patterns is None
    scale, times = (RISKS[per], per or 1) if linear else ("log-odds", 1)
    return {Estimand(role=MEAN_OF_PILOTS, target=POOLED, scale=scale): times * mean}


def _spreads(posterior: xr.Dataset, data: CellData, blocks: Blocks) -> dict[Estimand, xr.DataArray]:
    """The standard deviations of what differs, where the fit has it, on the model's scale."""
    scale = "risk" if data.patterns is None else "log-odds"
    spreads: dict[Role, tuple[str, Floats]] = {
        BETWEEN_PILOTS: ("pilot_effect_sd", blocks.pilots),
        BETWEEN_YEARS: ("shock_sd", blocks.shocks),
        BETWEEN_AUTHORITIES: ("authority_sd", blocks.authorities),
    }
    return {
        Estimand(role=role, target=POOLED, scale=scale): posterior[sd]
        for role, (sd, design) in spreads.items()
        if sd in posterior and design.any()
    }
