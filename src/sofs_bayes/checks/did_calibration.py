"""Simulation-based calibration of hierarchical analyses of children, on their real design."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.bayes.blocks import FLAT, Blocks, Setting, blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.compiled_model import compile_model
from sofs_bayes.bayes.did_draws import gaussian_log_likelihood, in_use
from sofs_bayes.bayes.did_model import form_of, model_data
from sofs_bayes.bayes.replicated import replicated, together, whole_counts
from sofs_bayes.checks.calibration import Fitted, Kind, Problem, Truths
from sofs_bayes.checks.labels import LOG_LIKELIHOOD, SPREADS, effects_ranked, elements
from sofs_bayes.checks.short_fits import attempts, sampled, short_gate, shortened
from sofs_bayes.checks.thinned_draws import prior_draws
from sofs_bayes.estimands.did_effects import did_effects
from sofs_bayes.spec import DidAnalysis
from sofs_bayes.spec.seeds import stage_seed
from sofs_bayes.spec.study import words_of

if TYPE_CHECKING:
    from sofs_bayes.bayes.sampling import Compiled

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What replicates of an analysis share.

    Attributes
    ----------
    analysis, setting
        Of the fits, with the effect prior.
    data
        The design, and the outcomes where truths are drawn `around` them.
    truths
        Named draws of the posterior of these, as many as there may be replicates; None where
        truths are drawn from the prior.
    """

    analysis: DidAnalysis
    setting: Setting
    data: CellData
    truths: xr.Dataset | None = None

    @property
    def whole(self) -> CellData:
        """The design with whole counts, of which outcomes can be drawn."""
        return whole_counts(self.data, keep_empty=self.truths is not None)

    @property
    def blocks(self) -> Blocks:
        """The design and priors of the fits; flat priors of authorities made proper.

        Truths cannot be drawn from a flat prior. An authority's own term gets the scale that
        random intercepts would have. Truths around the data come from the analysis's own
        posterior, so that fits have its own priors.
        """
        found = blocks(self.data, self.analysis, self.setting)
        if self.truths is not None:
            return found
        scale = found.sd_priors["authority_sd"]
        return replace(found, prior_sd=np.where(found.prior_sd == FLAT, scale, found.prior_sd))

    @property
    def notes(self) -> tuple[str, ...]:
        """What is done differently from the analysis itself, in sentences."""
        notes = []
        around = self.truths is not None
        if not around and (blocks(self.data, self.analysis, self.setting).prior_sd == FLAT).any():
            scale = self.blocks.sd_priors["authority_sd"]
            notes.append(
                "Authorities' own terms have flat priors in the analysis; truths and fits here"
                f" have normal ones with sd {scale:g}."
            )
        if self.data.patterns is None and not around:
            notes.append(
                "The children's terms have flat priors: their truths stay at the estimates of the"
                " design, which changes no rank (a flat prior's posterior moves with the data)."
            )
        elif self.data.patterns is not None:
            notes.append(
                "Counts are rounded to whole children, so that outcomes can be drawn; matching"
                " weights make them fractions."
            )
        return tuple(notes)


def did_problem(design: Design, compiled: "Compiled | None" = None) -> Problem[CellData]:
    """Replicates of a design: the graph is compiled here, once, unless one of its form is given."""
    analysis, whole, of_fit = design.analysis, design.whole, design.blocks

    def generate(seed: int) -> tuple[Truths, CellData]:
        truth = _truth(design, whole, of_fit, stage_seed(seed, "truth"))
        made = drawn(whole, truth, np.random.default_rng(stage_seed(seed, "outcomes")))
        data = made if design.truths is None else together(design.data, made)
        truth = truth.assign(log_likelihood=log_likelihood(data, truth))
        found, _ = quantities(truth, data, of_fit, analysis, seed=stage_seed(seed, "new authority"))
        return {name: float(draws[0, 0]) for name, draws in found.items()}, data

    if compiled is None:
        compiled = graph_of(design)
    program = compiled

    def fit(data: CellData, attempt: int, seed: int) -> Fitted | None:
        stage = f"{seed} / attempt {attempt}"
        sampler = shortened(analysis.sampler, attempt, attempts(analysis))
        found = sampled(program, data, of_fit, analysis, sampler, stage=stage, seed=seed)
        if found is None:
            return None
        posterior, statistics = found
        of_new = stage_seed(seed, f"new authority of {stage}")
        draws, kinds = quantities(posterior, data, of_fit, analysis, seed=of_new)
        return Fitted(draws=draws, kinds=kinds, failures=short_gate(draws, statistics))

    return Problem(generate=generate, fit=fit, attempts=len(attempts(analysis)) + 1)


def graph_of(design: Design) -> "Compiled":
    """The compiled graph of a design, which serves all of its form."""
    data, of_fit = design.whole, design.blocks
    if data.patterns is not None:  # the expansion of no events at all would be none
        counts = replace(data.patterns, events=0.5 * data.patterns.n)
        data = replace(data, patterns=counts)
    arrays = model_data(data, of_fit, design.analysis)
    return compile_model(form_of(data, of_fit, design.analysis), arrays)


def _truth(design: Design, whole: CellData, of_fit: Blocks, seed: int) -> xr.Dataset:
    """One named draw of everything, dims (chain, draw)."""
    if design.truths is None:
        return prior_draws(design.analysis, whole, of_fit, draws=1, seed=seed)
    there = design.truths.sizes["draw"]
    return design.truths.isel(draw=[int(np.random.default_rng(seed).integers(there))])


def drawn(data: CellData, truth: xr.Dataset, rng: np.random.Generator) -> CellData:
    """Outcomes of a design given one named draw of its parameters."""
    return replicated(
        data,
        predictor=truth["cell_predictor"].to_numpy()[0, 0],
        child_effect=truth["child_effect"].to_numpy()[0, 0],
        residual_sd=float(truth["residual_sd"][0, 0]) if "residual_sd" in truth else 1.0,
        rng=rng,
    )


def log_likelihood(data: CellData, draws: xr.Dataset) -> xr.DataArray:
    """The joint log likelihood of named draws up to a constant, dims (chain, draw)."""
    predictor = draws["cell_predictor"].transpose("chain", "draw", "cell").to_numpy()
    child = draws["child_effect"].transpose("chain", "draw", "child_term").to_numpy()
    if data.patterns is None:
        residual = draws["residual_sd"].transpose("chain", "draw").to_numpy()
        found = gaussian_log_likelihood(data, predictor, child, residual)
    else:
        counts = data.patterns
        of_pattern = child @ counts.child_design.T
        log_odds = predictor[..., counts.cell] + of_pattern[..., counts.pattern]
        found = log_odds @ counts.events - np.logaddexp(0.0, log_odds) @ counts.n
    return xr.DataArray(found, dims=("chain", "draw"))


def quantities(
    draws: xr.Dataset, data: CellData, of_fit: Blocks, analysis: DidAnalysis, *, seed: int
) -> tuple[dict[str, Floats], dict[str, Kind]]:
    """What is ranked, each of shape (chain, draw): effects, parameters in use, log likelihood.

    Beside it what each of them is.

    Parameters
    ----------
    draws
        Named draws with `log_likelihood`; a truth is one of them.
    seed
        Of a new authority's deviation.
    """
    tails = analysis.model.degrees_of_freedom if analysis.model.tails == "student t" else None
    per = analysis.estimands.per
    answers = did_effects(draws, data, of_fit, seed=seed, degrees_of_freedom=tails, per=per)
    found = effects_ranked(answers, words_of(analysis).whom)
    kinds: dict[str, Kind] = {**dict.fromkeys(found, "effect"), LOG_LIKELIHOOD: "likelihood"}
    found[LOG_LIKELIHOOD] = draws["log_likelihood"].transpose("chain", "draw").to_numpy()
    for name, values in in_use(draws, of_fit).items():
        own = elements(str(name), values)
        found |= own
        kinds |= dict.fromkeys(own, "spread" if name in SPREADS else "parameter")
    return found, kinds
