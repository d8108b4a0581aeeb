"""An analysis of open counts and its panel → a Run."""

from collections.abc import Mapping, MutableMapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from sofs_bayes.checks.sensitivity import MAIN, LeaveOut, Variant, headline, variants
from sofs_bayes.estimands import POOLED, DensityRow, EffectRow, Label, ProbabilityRow
from sofs_bayes.estimands.rows import ThresholdRow
from sofs_bayes.pipeline.watching import Progress, silent, timed
from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.spec import Evidence, OpenAnalysis

if TYPE_CHECKING:
    import xarray as xr

    from sofs_bayes.bayes.did_arrays import DidArrays, Floats
    from sofs_bayes.bayes.hierarchical import Structure
    from sofs_bayes.bayes.sampling import Compiled
    from sofs_bayes.checks.diagnostics import Gate
    from sofs_bayes.matching.choice import Choice
    from sofs_bayes.records.panel import Panel

Programs = MutableMapping["Structure", "Compiled"]

NOT = "not converged"

# What may be stored of a posterior: parameters. Never counts, and never a cell's log-odds.
STORED = (
    "intercept",
    "year_effect",
    "pilot_difference",
    "authority_sd",
    "effect",
    "pilot_effect_sd",
    "pilot_deviation",
    "shock_sd",
    "shock_correlation",
)
BY_YEAR = "by year"
DENSITY_DRAWS = 4000  # of a prior


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFit:
    """One fit of open counts: draws, the effects derived from them, and the verdict."""

    posterior: "xr.Dataset"
    answers: Mapping[Any, "xr.DataArray"]
    gate: "Gate"


@dataclass(slots=True, kw_only=True)
class _Collected:
    """What the fits of one analysis add up to; filled as they come."""

    analysis: OpenAnalysis
    evidence: Evidence
    effects: list[EffectRow] = field(default_factory=list)
    probabilities: list[ProbabilityRow] = field(default_factory=list)
    sensitivity: list[EffectRow] = field(default_factory=list)
    verdicts: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[Label, Mapping[Any, "xr.DataArray"]]] = field(default_factory=list)

    def add(self, fit: OpenFit, *, prior: str, variant: str, pooled_only: bool = False) -> None:
        """Rows of a fit: all of its effects, or (for a refit) the pooled ones alone."""
        from sofs_bayes.estimands import did

        label = Label(prior=prior, variant=variant, evidence=self.evidence, status=fit.gate.status)
        wanted = self.analysis.estimands
        rows = did.effect_rows(fit.answers, wanted, label)
        if pooled_only:
            self.sensitivity += [row for row in rows if row.target == "pooled"]
        else:
            self.effects += rows
            self.probabilities += did.probability_rows(fit.answers, wanted, label)
            self.probabilities += did.largest_pilot_rows(fit.answers, label)
            if variant == MAIN:
                self.asked.append((label, fit.answers))
        self.verdicts[f"{variant} / {prior}"] = asdict(fit.gate) | {"status": fit.gate.status}

    @property
    def thresholds(self) -> list[ThresholdRow]:
        """The main fits' effects above each threshold."""
        from sofs_bayes.estimands.thresholds import drawn_threshold_rows

        return drawn_threshold_rows(self.asked, self.analysis, model_scale="log-odds")

    @property
    def status(self) -> str:
        """`converged` if every fit was."""
        return (
            "converged" if all(v["status"] == "converged" for v in self.verdicts.values()) else NOT
        )


def fit_open(
    analysis: OpenAnalysis,
    panel: "Panel",
    *,
    leave_out: LeaveOut = "pilots",
    progress: Progress = silent,
    programs: Programs | None = None,
) -> Run:
    """The hierarchical DiD of open counts: every prior, the event study, and the refits.

    Parameters
    ----------
    analysis, panel
        The analysis, and counts that `records.open_data.read_panel` read for it.
    leave_out
        Whether the fit is repeated without each pilot, without each authority, or not at all.
    programs
        Compiled graphs by structure, filled as they are made; pass one mapping to several
        analyses so that those of one structure are compiled once.

    Returns
    -------
    Run
        Evidence `open-data`, or `unknown-origin` where a file is not the Department's. The
        headline is the first effect prior; the refits and the event
        study use it too.
    """
    from sofs_bayes.bayes.did_arrays import did_arrays
    from sofs_bayes.matching.authorities import choose_comparators, did_cells

    programs = {} if programs is None else programs
    seconds: dict[str, float] = {}
    choice = choose_comparators(panel, analysis.design, file=analysis.name)
    cells = did_cells(panel, choice, analysis.design, include_breaks=True)
    first = next(iter(analysis.effect_priors))
    found = _Collected(analysis=analysis, evidence=panel.evidence)

    arrays = did_arrays(cells, effect="constant")
    main = headline(arrays, analysis.design)
    progress(f"{analysis.name}: compiling")
    with timed(seconds, "compile"):
        compiled = compiled_graph(analysis, main.arrays, programs)
    main_fit = None
    for name in analysis.effect_priors:
        progress(f"{analysis.name}: {name} prior")
        with timed(seconds, "sample"):
            fit = one_open_fit(analysis, compiled, main, name)
        found.add(fit, prior=name, variant=MAIN)
        main_fit = main_fit or fit
    assert main_fit is not None  # an analysis has at least one effect prior
    for variant in variants(arrays, analysis.design, choice, leave_out=leave_out):
        progress(f"{analysis.name}: {variant.name}")
        with timed(seconds, "refits"):
            fit = one_open_fit(analysis, compiled, variant, first)
        found.add(fit, prior=first, variant=variant.name, pooled_only=True)
    progress(f"{analysis.name}: event study")
    by_year = headline(did_arrays(cells, effect=BY_YEAR), analysis.design)
    with timed(seconds, "event study"):
        fit = one_open_fit(analysis, compiled, Variant(name=BY_YEAR, arrays=by_year.arrays), first)
    found.add(fit, prior=first, variant=BY_YEAR)
    return Run(
        analysis=analysis,
        evidence=panel.evidence,
        status=found.status,
        effects=tuple(found.effects),
        probabilities=tuple(found.probabilities),
        extra={
            "sensitivity": (EffectRow, tuple(found.sensitivity)),
            "thresholds": (ThresholdRow, tuple(found.thresholds)),
            "densities": (DensityRow, tuple(_densities(analysis, main.arrays, found.asked))),
        }
        | _shown_beside(analysis, panel, choice, main, main_fit),
        diagnostics={"method": "nutpie", "status": found.status, "fits": found.verdicts},
        posterior=_stripped(main_fit.posterior),
        inputs={source.file: source.sha256 for source in panel.sources},
        seconds=seconds,
        options={"leave_out": leave_out},
    )


def compiled_graph(analysis: OpenAnalysis, arrays: "DidArrays", programs: Programs) -> "Compiled":
    """The compiled graph for these counts: one already at hand if its structure is the same."""
    from sofs_bayes.bayes.hierarchical import build_model, structure_of
    from sofs_bayes.bayes.sampling import compile_graph

    structure = structure_of(arrays, analysis.model)
    if structure not in programs:
        data = _data(analysis, arrays, next(iter(analysis.effect_priors)))
        programs[structure] = compile_graph(build_model(structure, data))
    return programs[structure]


def _data(analysis: OpenAnalysis, arrays: "DidArrays", prior: str) -> "dict[str, Floats]":
    from sofs_bayes.bayes.hierarchical import model_data

    return model_data(
        arrays,
        model=analysis.model,
        priors=analysis.priors,
        effect_prior=analysis.effect_priors[prior],
    )


def one_open_fit(
    analysis: OpenAnalysis, compiled: "Compiled", variant: Variant, prior: str
) -> OpenFit:
    """One fit of an analysis's counts, or of a variant of them, under a named effect prior."""
    from sofs_bayes.bayes.did_draws import labelled
    from sofs_bayes.bayes.sampling import sample, stage_seed
    from sofs_bayes.checks.diagnostics import gate
    from sofs_bayes.estimands.did import did_effects

    stage = f"{variant.name} / {prior}"
    data = _data(analysis, variant.arrays, prior)
    draws = sample(compiled, analysis.sampler, data=data, stage=stage)
    posterior = labelled(draws["posterior"].to_dataset(), variant.arrays)
    seed = stage_seed(analysis.sampler.seed, f"new authority / {stage}")
    answers = did_effects(posterior, variant.arrays, seed=seed)
    derived = {" / ".join(asdict(question).values()): each for question, each in answers.items()}
    verdict = gate(
        posterior[[name for name in STORED if name in posterior]],
        derived,
        draws["sample_stats"].to_dataset(),
    )
    return OpenFit(posterior=posterior, answers=answers, gate=verdict)


def _stripped(posterior: "xr.Dataset") -> "xr.DataTree":
    """Group `posterior` with the whitelisted parameters, and nothing else."""
    import xarray as xr

    kept = posterior[[name for name in STORED if name in posterior]]
    return xr.DataTree.from_dict({"posterior": kept.drop_attrs()})


def _densities(
    analysis: OpenAnalysis,
    arrays: "DidArrays",
    asked: list[tuple[Label, Mapping[Any, "xr.DataArray"]]],
) -> list[DensityRow]:
    """The pooled effect's density in log-odds before and after the data, by prior."""
    from sofs_bayes.bayes.did_arrays import AFTER
    from sofs_bayes.bayes.did_draws import prior_of_pooled
    from sofs_bayes.bayes.sampling import stage_seed
    from sofs_bayes.estimands.densities import drawn_density_rows
    from sofs_bayes.estimands.did import Estimand

    pooled = Estimand(estimand=f"effect {AFTER}", target=POOLED, scale="log-odds")
    rows = []
    for label, answers in asked:
        seed = stage_seed(analysis.sampler.seed, f"prior density / {label.prior}")
        before = prior_of_pooled(analysis, arrays, label.prior, draws=DENSITY_DRAWS, seed=seed)
        rows += drawn_density_rows(
            before, answers[pooled], variant=MAIN, prior=label.prior, scale="log-odds"
        )
    return rows


def _shown_beside(
    analysis: OpenAnalysis, panel: "Panel", choice: "Choice", main: Variant, fit: OpenFit
) -> dict[str, tuple[type, tuple[Any, ...]]]:
    """What is shown beside the effects: rates, predictions, the choice and what was noticed."""
    from sofs_bayes.bayes.sampling import stage_seed
    from sofs_bayes.checks.diagnostics import PredictiveCell, PredictiveStatistic, predictive_check
    from sofs_bayes.estimands import RateRow
    from sofs_bayes.estimands.authority_sizes import open_size_rows
    from sofs_bayes.estimands.rates import rate_rows
    from sofs_bayes.estimands.rows import AuthoritySizeRow
    from sofs_bayes.matching.choice import LeftOut, Match
    from sofs_bayes.matching.pre_trend import PreTrendRow, pre_trend_fit, pre_trend_rows
    from sofs_bayes.records.notices import Notice

    posterior = fit.posterior
    wanted = analysis.estimands
    predicted = predictive_check(
        posterior,
        main.arrays,
        level=wanted.level,
        seed=stage_seed(analysis.sampler.seed, "posterior predictive"),
    )
    rates = rate_rows(posterior, main.arrays, panel.counts, wanted)
    trend = pre_trend_rows(pre_trend_fit(panel, choice, analysis.design))
    # A disclosure check needs them where the counts are not known to be published.
    sizes = () if panel.evidence == "open-data" else tuple(open_size_rows(main.arrays))
    return {
        **({"authority_sizes": (AuthoritySizeRow, sizes)} if sizes else {}),
        "rates": (RateRow, tuple(rates)),
        "predictive": (PredictiveCell, predicted.cells),
        "predictive_statistics": (PredictiveStatistic, predicted.statistics),
        "pre_trend": (PreTrendRow, tuple(trend)),
        "matches": (Match, choice.matches),
        "left_out": (LeftOut, (*choice.left_out, *choice.unmatched)),
        "notices": (Notice, panel.notices),
    }
