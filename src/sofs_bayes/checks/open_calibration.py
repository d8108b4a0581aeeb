"""Simulation-based calibration of hierarchical analyses of open counts, on their real design."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.bayes.did_arrays import DidArrays
from sofs_bayes.bayes.did_draws import labelled, pilot_change
from sofs_bayes.bayes.hierarchical import build_model, model_data, structure_of
from sofs_bayes.bayes.sampling import compile_graph, sample, stage_seed
from sofs_bayes.checks.calibration import Fitted, Problem, Truths
from sofs_bayes.checks.labels import LOG_LIKELIHOOD, effects_ranked, elements
from sofs_bayes.checks.short_fits import (
    ATTEMPTS_OF_COUNTS,
    SHORT_OF_COUNTS,
    short_gate,
    shortened,
)
from sofs_bayes.estimands.did import did_effects
from sofs_bayes.spec import HalfNormal, OpenAnalysis

Floats = npt.NDArray[np.float64]

# Parameters that are ranked; the cells' log-odds, of which they are the parts, are many.
RANKED = (
    *("intercept", "year_effect", "pilot_difference", "authority_sd", "effect"),
    *("pilot_effect_sd", "pilot_deviation", "shock_sd", "shock_correlation"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDesign:
    """What replicates of an analysis share: as `children_calibration.Design`, of open counts."""

    analysis: OpenAnalysis
    prior: str
    arrays: DidArrays
    truths: xr.Dataset | None = None

    def data(self, arrays: DidArrays) -> dict[str, Floats]:
        """The data of the graph for counts of this design."""
        return model_data(
            arrays,
            model=self.analysis.model,
            priors=self.analysis.priors,
            effect_prior=self.analysis.effect_priors[self.prior],
        )


def open_problem(design: OpenDesign) -> Problem[DidArrays]:
    """Replicates of a design: the graph is compiled here, once."""
    analysis = design.analysis

    def generate(seed: int) -> tuple[Truths, DidArrays]:
        rng = np.random.default_rng(stage_seed(seed, "truth"))
        if design.truths is None:
            truth = prior_draw(analysis, design.prior, design.arrays, rng)
        else:
            truth = design.truths.isel(draw=[int(rng.integers(design.truths.sizes["draw"]))])
        made = drawn(design.arrays, truth, np.random.default_rng(stage_seed(seed, "outcomes")))
        if design.truths is not None:
            made = replace(
                made,
                events=made.events + design.arrays.events,
                denominators=made.denominators + design.arrays.denominators,
            )
        found = quantities(truth, made, seed=stage_seed(seed, "new authority"))
        return {name: float(draws[0, 0]) for name, draws in found.items()}, made

    first = design.data(generate(0)[1])
    compiled = compile_graph(build_model(structure_of(design.arrays, analysis.model), first))

    def fit(arrays: DidArrays, attempt: int, seed: int) -> Fitted | None:
        stage = f"{seed} / attempt {attempt}"
        sampler = shortened(analysis.sampler, attempt, SHORT_OF_COUNTS)
        try:
            tree = sample(compiled, sampler, data=design.data(arrays), stage=stage, cores=1)
        except RuntimeError:  # no point to start from: the caller counts it
            return None
        posterior = labelled(tree["posterior"].to_dataset(), arrays)
        draws = quantities(posterior, arrays, seed=stage_seed(seed, f"new authority of {stage}"))
        statistics = tree["sample_stats"].to_dataset()
        return Fitted(draws=draws, failures=short_gate(draws, statistics))

    return Problem(generate=generate, fit=fit, attempts=ATTEMPTS_OF_COUNTS)


def prior_draw(
    analysis: OpenAnalysis, prior: str, arrays: DidArrays, rng: np.random.Generator
) -> xr.Dataset:
    """One draw of every parameter from the priors, dims (chain, draw, …), labelled."""
    priors, model = analysis.priors, analysis.model
    pilots, years = len(arrays.pilots), np.array(arrays.years)

    def sd(scale: HalfNormal) -> float:
        return float(abs(rng.normal(0.0, scale.scale)))

    effect = analysis.effect_priors[prior]
    leads = np.array([term.startswith("-") for term in arrays.terms])
    found: dict[str, tuple[tuple[str, ...], Floats | float]] = {
        "intercept": ((), rng.normal(priors.intercept.mean, priors.intercept.sd)),
        "year_effect": (
            ("later_year",),
            rng.normal(priors.year.mean, priors.year.sd, years.size - 1),
        ),
        "pilot_difference": (
            (),
            rng.normal(priors.pilot_difference.mean, priors.pilot_difference.sd),
        ),
        "authority_sd": ((), sd(priors.authority_sd)),
        "effect": (("term",), rng.normal(np.where(leads, 0.0, effect.mean), effect.sd)),
    }
    if model.pilot_effects == "partial":
        found["pilot_effect_sd"] = ((), sd(priors.pilot_effect_sd))
        found["pilot_deviation"] = (("pilot",), rng.standard_normal(pilots))
    if model.shocks != "none":
        found["shock_sd"] = ((), sd(priors.shock_sd))
    if model.shocks == "persistent":
        beta = priors.shock_correlation
        found["shock_correlation"] = ((), rng.beta(beta.a, beta.b))
    draws = {
        name: (("chain", "draw", *dims), np.asarray(values)[None, None])
        for name, (dims, values) in found.items()
    }
    truth = labelled(xr.Dataset(draws), arrays)
    return truth.assign(cell_logit=_cells(truth, arrays, rng))


def _cells(truth: xr.Dataset, arrays: DidArrays, rng: np.random.Generator) -> xr.DataArray:
    """The cells' log-odds with new intercepts and shocks, dims (chain, draw, authority, year)."""
    shape = (len(arrays.authorities), len(arrays.years))
    logit = np.full(shape, _scalar(truth, "intercept"))
    logit[: len(arrays.pilots)] += _scalar(truth, "pilot_difference")
    logit[:, 1:] += truth["year_effect"].to_numpy()[0, 0]
    logit[: len(arrays.pilots)] += pilot_change(truth, arrays).to_numpy()[0, 0]
    logit += _scalar(truth, "authority_sd") * rng.standard_normal((shape[0], 1))
    if "shock_sd" in truth:
        noise = rng.standard_normal(shape)
        rho = _scalar(truth, "shock_correlation") if "shock_correlation" in truth else 0.0
        for t, gap in enumerate(np.diff(arrays.years), start=1):
            noise[:, t] = rho**gap * noise[:, t - 1] + np.sqrt(1 - rho ** (2 * gap)) * noise[:, t]
        logit += _scalar(truth, "shock_sd") * noise
    return xr.DataArray(
        logit[None, None],
        dims=("chain", "draw", "authority", "year"),
        coords={"authority": list(arrays.authorities), "year": list(arrays.years)},
    )


def _scalar(truth: xr.Dataset, name: str) -> float:
    return float(truth[name].item())


def drawn(arrays: DidArrays, truth: xr.Dataset, rng: np.random.Generator) -> DidArrays:
    """Binomial counts of a design given one draw of its cells' log-odds."""
    logit = truth["cell_logit"].transpose("chain", "draw", "authority", "year").to_numpy()[0, 0]
    risk = 1.0 / (1.0 + np.exp(-logit))
    events = rng.binomial(arrays.denominators.astype(np.int64), risk).astype(np.float64)
    return replace(arrays, events=events)


def log_likelihood(draws: xr.Dataset, arrays: DidArrays) -> Floats:
    """The joint log likelihood without binomial coefficients, shape (chain, draw)."""
    logit = draws["cell_logit"].transpose("chain", "draw", "authority", "year").to_numpy()
    each = arrays.events * logit - arrays.denominators * np.logaddexp(0.0, logit)
    found: Floats = each.sum((-1, -2))
    return found


def quantities(draws: xr.Dataset, arrays: DidArrays, *, seed: int) -> dict[str, Floats]:
    """What is ranked, each of shape (chain, draw): effects, parameters, log likelihood.

    Parameters
    ----------
    draws
        As `did_draws.labelled` gives them; a truth is one of them.
    seed
        Of a new authority's deviation.
    """
    found = effects_ranked(did_effects(draws, arrays, seed=seed))
    found[LOG_LIKELIHOOD] = log_likelihood(draws, arrays)
    for name in RANKED:
        if name in draws:
            found |= elements(name, draws[name])
    return found
