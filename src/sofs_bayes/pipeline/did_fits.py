"""A hierarchical analysis and its data, children or counts → a Run."""

import json
from collections.abc import Callable, Collection, Mapping, MutableMapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sofs_bayes.checks import registry
from sofs_bayes.checks.registry import Fits, PosteriorFit, Refit
from sofs_bayes.errors import BadParameter
from sofs_bayes.estimands import EffectRow, Label, ProbabilityRow
from sofs_bayes.estimands.rows import fit_of
from sofs_bayes.folders.store import Store, from_bytes, to_bytes
from sofs_bayes.pipeline.did_sources import Source
from sofs_bayes.pipeline.refits import refits, setting_of
from sofs_bayes.pipeline.run_draws import run_draws
from sofs_bayes.pipeline.watching import Progress, silent, timed
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import DidAnalysis, Evidence, Sampler
from sofs_bayes.spec.keys import BY_YEAR, HEADLINE, POOLED, Kind, LeaveOut, Variant
from sofs_bayes.spec.study import words_of

if TYPE_CHECKING:
    import xarray as xr

    from sofs_bayes.bayes.blocks import Blocks, Setting
    from sofs_bayes.bayes.cell_data import CellData
    from sofs_bayes.bayes.did_model import Form
    from sofs_bayes.bayes.sampling import Compiled

Programs = MutableMapping["Form", "Compiled"]

# What is stored of a posterior: parameters, never a cell's or an authority-year's.
PRIOR_DRAWS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What fits of one analysis share: compiled graphs, finished draws, who watches.

    Attributes
    ----------
    programs
        Compiled graphs by form, filled as they are made; pass one mapping to several analyses.
    store
        Where finished draws are kept, so that an interrupted analysis goes on; None for nowhere.
    seconds
        Time by stage, filled.
    longer
        By the name of a fit, with which sampler it is made again.
    """

    analysis: DidAnalysis
    programs: Programs
    store: Store | None
    seconds: dict[str, float]
    progress: Progress = silent
    longer: Mapping[str, Sampler] = field(default_factory=dict)


def fit_did(
    analysis: DidAnalysis,
    source: Source,
    *,
    leave_out: LeaveOut = "pilots",
    quick: bool = False,
    kinds: Collection[Kind] | None = None,
    again: Sequence[str] = (),
    draws: int | Mapping[str, int] | None = None,
    store: Store | None = None,
    programs: Programs | None = None,
    progress: Progress = silent,
) -> Run:
    """The hierarchical DiD: every prior, the checks, and the refits.

    Fits under other priors, and to counts without an authority, are the headline's draws
    weighted anew where that can be trusted, and sampled elsewhere; `diagnostics` says which.

    Parameters
    ----------
    source
        As `did_sources.source_of` reads it.
    leave_out
        Whether the fit is repeated without each pilot, without each authority, or not at all.
    quick
        Whether all refits but those with other effect priors are left out.
    kinds
        Which kinds of refits are made; None for all.
    again, draws
        Effect priors or changes whose fit is sampled anew with so many draws a chain, also by
        name (twice the analysis's by default), while all others are taken from the store.
    store, programs
        As in `Workshop`.

    Returns
    -------
    Run
        With the source's evidence. The headline is the first effect prior; refits use it too.
    """
    wanted = {} if quick else refits(analysis, source, leave_out=leave_out)
    if source.by_year is not None:
        setting = setting_of(analysis, analysis.headline_prior, source.departure)
        wanted[BY_YEAR] = (source.by_year, setting)
    if kinds is not None:
        wanted = {variant: fit for variant, fit in wanted.items() if variant.kind in kinds}
    shop = Workshop(
        analysis=analysis,
        programs={} if programs is None else programs,
        store=store,
        seconds={},
        progress=progress,
        longer=_longer(analysis, [*wanted], again, draws),
    )
    found = _Collected(analysis=analysis, evidence=source.evidence)
    mains, others = _fitted(shop, source, wanted, found)
    progress(f"{analysis.name}: checks")
    with timed(shop.seconds, "checks"):
        # Of whole authorities there are too many for a refit of each that is badly predicted.
        none = quick or kinds is not None or source.by_year is not None
        fits = _checked(shop, source, mains, others, None if none else found)
        beside = {**registry.made(fits), **source.beside}
        tree = run_draws(analysis, mains, others, fits.prior, fits.left_out.log_density)
    return Run(
        analysis=analysis,
        evidence=found.evidence,
        status=found.status,
        effects=tuple(found.effects),
        probabilities=tuple(found.probabilities),
        sensitivity=tuple(found.sensitivity),
        beside=beside,
        diagnostics={"method": "nutpie", "status": found.status, "fits": found.verdicts},
        posterior=tree,
        inputs=source.inputs,
        seconds=shop.seconds,
        options={"leave_out": leave_out, "quick": "yes" if quick else "no"}
        | ({} if kinds is None else {"refits": ", ".join(kinds) or "none"})
        | {f"draws of {name}": str(each.draws) for name, each in shop.longer.items()},
    )


def _fitted(
    shop: Workshop,
    source: Source,
    wanted: "Mapping[Variant, tuple[CellData, Setting]]",
    found: "_Collected",
) -> "tuple[dict[str, PosteriorFit], dict[Variant, Refit]]":
    """The main fit under each effect prior, and what the headline is compared with."""
    analysis, first = shop.analysis, shop.analysis.headline_prior
    mains: dict[str, PosteriorFit] = {}
    for name in analysis.effect_priors:
        setting = setting_of(analysis, name, source.departure)
        headline = next(iter(mains.values()), None)
        mains[name] = one_fit(shop, source.data, setting, f"{HEADLINE} / {name}", like=headline)
        found.add(mains[name], prior=name, variant=HEADLINE)
    others: dict[Variant, Refit] = {}
    for variant, (data, setting) in wanted.items():
        others[variant] = refit(shop, data, setting, _named(analysis, variant), like=mains[first])
        found.add(others[variant], prior=first, variant=variant)
    return mains, others


def _checked(
    shop: Workshop,
    source: Source,
    mains: Mapping[str, PosteriorFit],
    others: Mapping[Variant, Refit],
    found: "_Collected | None",
) -> Fits:
    """What checks are made from; without `found` no authority is left out by a refit."""
    from sofs_bayes.checks.loo import loo_cells

    analysis = shop.analysis
    main = mains[analysis.headline_prior]
    return Fits(
        analysis=analysis,
        evidence=source.evidence,
        mains=mains,
        others=others,
        refit=None if found is None else _left_out(shop, main, found),
        prior=_before(analysis, main),
        left_out=loo_cells(main.posterior, main.data, main.blocks, analysis),
        leads=source.leads,
        settling_in=source.settling_in,
        sizes=source.sizes,
    )


def _before(analysis: DidAnalysis, main: PosteriorFit) -> "xr.Dataset":
    """Named draws of the headline's priors."""
    from sofs_bayes.checks.thinned_draws import prior_draws
    from sofs_bayes.spec.seeds import stage_seed

    seed = stage_seed(analysis.sampler.seed, "prior draws")
    return prior_draws(analysis, main.data, main.blocks, draws=PRIOR_DRAWS, seed=seed)


def _longer(
    analysis: DidAnalysis,
    wanted: Sequence[Variant],
    again: Sequence[str],
    draws: int | Mapping[str, int] | None,
) -> dict[str, Sampler]:
    """By the name of a fit, the sampler it is to be made again with."""
    names = {each: f"{HEADLINE} / {each}" for each in analysis.effect_priors}
    names |= {str(each): _named(analysis, each) for each in wanted}
    if unknown := [each for each in again if each not in names]:
        raise BadParameter("again", repr(unknown[0]), ", ".join(names))
    if not isinstance(draws, Mapping):
        draws = dict.fromkeys(again, draws or analysis.sampler.draws * 2)
    return {names[each]: replace(analysis.sampler, draws=draws[each]) for each in again}


def _named(analysis: DidAnalysis, variant: Variant) -> str:
    """What a fit of the headline's prior is called: see `one_fit`."""
    return f"{variant} / {analysis.headline_prior}"


def _left_out(
    shop: Workshop, main: PosteriorFit, found: "_Collected"
) -> "Callable[[CellData, Variant], xr.Dataset]":
    """A function that fits the headline's model to other data, and gives the named draws."""

    def again(data: "CellData", variant: Variant) -> "xr.Dataset":
        fit = one_fit(shop, data, main.setting, _named(shop.analysis, variant))
        found.judge(fit, prior=shop.analysis.headline_prior, variant=variant)
        return fit.posterior

    return again


@dataclass(slots=True, kw_only=True)
class _Collected:
    """What the fits of one analysis add up to; filled as they come."""

    analysis: DidAnalysis
    evidence: Evidence
    effects: list[EffectRow] = field(default_factory=list)
    probabilities: list[ProbabilityRow] = field(default_factory=list)
    sensitivity: list[EffectRow] = field(default_factory=list)
    verdicts: dict[str, Any] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def add(self, fit: Refit, *, prior: str, variant: Variant) -> None:
        """Rows of a fit: all of its effects, or (for a refit) the pooled ones alone."""
        from sofs_bayes.estimands import effects

        status = fit.gate.status
        label = Label(prior=prior, variant=variant, evidence=self.evidence, status=status)
        wanted = self.analysis.estimands
        rows = effects.effect_rows(fit.effects, wanted, label)
        if variant in (HEADLINE, BY_YEAR):
            self.effects.extend(rows)
            self.probabilities.extend(effects.probability_rows(fit.effects, wanted, label))
            self.probabilities.extend(effects.largest_pilot_rows(fit.effects, label))
        else:
            self.sensitivity.extend(row for row in rows if row.target == POOLED)
        self.judge(fit, prior=prior, variant=variant)

    def judge(self, fit: Refit, *, prior: str, variant: Variant) -> None:
        """Keep the gate's verdict on a fit: the headline's refuses the run, or one far off.

        One that just missed marks its own rows alone.
        """
        status = fit.gate.status
        label = Label(prior=prior, variant=variant, evidence=self.evidence, status=status)
        how = {"status": status, "pareto_k": fit.pareto_k}
        name = f"{variant} / {prior}"
        self.verdicts[name] = fit_of(label) | asdict(fit.gate) | how
        main = name == f"{HEADLINE} / {self.analysis.headline_prior}"
        if not (fit.gate.passed if main else fit.gate.near):
            self.refused.append(name)

    @property
    def status(self) -> str:
        """`converged` if the headline was, and every other fit at least nearly."""
        return "not converged" if self.refused else "converged"


def one_fit(
    shop: Workshop,
    data: "CellData",
    setting: "Setting",
    name: str,
    *,
    like: PosteriorFit | None = None,
) -> PosteriorFit:
    """One fit of an analysis: weighted anew, taken from the store, or sampled.

    Parameters
    ----------
    name
        Of the fit: it decides the random numbers, and finds the draws in the store.
    like
        Another fit. Its draws are weighted where this one differs in priors alone, or in counts
        of authorities that are left out, and the weights are such that the gate passes what they
        give.
    """
    from sofs_bayes.bayes.blocks import blocks

    design = blocks(data, shop.analysis, setting)
    if fit := _reweighted(shop, data, setting, design, name=name, like=like):
        return fit
    sampler, kept = _sampler_of(shop, name)
    stored = shop.store.get(kept) if shop.store else None
    draws = _unpacked(stored) if stored else _sampled(shop, data, design, name, sampler)
    if shop.store and not stored:
        shop.store.put(kept, _packed(posterior=draws[0], sample_stats=draws[1]))
    return _judged(shop, data, setting, design, name=name, draws=draws)


def refit(
    shop: Workshop,
    data: "CellData",
    setting: "Setting",
    name: str,
    *,
    like: PosteriorFit | None = None,
) -> Refit:
    """A fit of which the effects alone are wanted, sampled for as short as the gate allows.

    Parameters
    ----------
    name, like
        As `one_fit` takes them.
    """
    from sofs_bayes.bayes.blocks import blocks
    from sofs_bayes.checks.diagnostics import gate_of
    from sofs_bayes.checks.short_fits import brief
    from sofs_bayes.estimands.effects import Effects

    design, usual = blocks(data, shop.analysis, setting), shop.analysis.sampler
    if fit := _reweighted(shop, data, setting, design, name=name, like=like):
        return fit
    own, place = _sampler_of(shop, name)
    if stored := shop.store.get(place) if shop.store else None:
        kept = from_bytes(stored)["effects"].to_dataset()
        verdict = gate_of(json.loads(kept.attrs["gate"]))
        return Refit(effects=Effects(kept["effects"]), gate=verdict)
    fit = None
    for sampler in [own] if own else dict.fromkeys((brief(usual), usual)):
        if fit is None or not fit.gate.passed:
            draws = _sampled(shop, data, design, name, sampler)
            fit = _judged(shop, data, setting, design, name=name, draws=draws)
    assert fit is not None
    if shop.store:
        effects = fit.effects.array.to_dataset().assign_attrs(gate=json.dumps(asdict(fit.gate)))
        shop.store.put(place, _packed(effects=effects))
    return Refit(effects=fit.effects, gate=fit.gate)


def _sampler_of(shop: Workshop, name: str) -> tuple[Sampler | None, str]:
    """The sampler of a fit that is made again, and where its draws are kept."""
    sampler = shop.longer.get(name)
    return sampler, name if sampler is None else f"{name}, {sampler.draws} draws"


def _reweighted(
    shop: Workshop,
    data: "CellData",
    setting: "Setting",
    design: "Blocks",
    *,
    name: str,
    like: PosteriorFit | None,
) -> PosteriorFit | None:
    """The draws of another fit, where they can be weighted to be those of this one."""
    from sofs_bayes.bayes.reweighting import reweighted

    if like is None or name in shop.longer:
        return None
    with timed(shop.seconds, "reweight"):
        ratio = _log_ratio(shop.analysis, like, data, setting, design)
        found = None if ratio is None else reweighted(like.posterior, ratio)
    if found is None:
        return None
    draws, k = found
    fit = _judged(shop, data, setting, design, name=name, draws=(draws, None), pareto_k=k)
    return fit if fit.gate.passed else None


def _log_ratio(
    analysis: DidAnalysis,
    like: PosteriorFit,
    data: "CellData",
    setting: "Setting",
    design: "Blocks",
) -> "xr.DataArray | None":
    """The density of a fit over that of another, in logs, (chain, draw).

    None where more differs than priors, or than authorities of counts that are left out.
    """
    from sofs_bayes.bayes.cell_data import left_out
    from sofs_bayes.bayes.reweighting import log_prior_ratio
    from sofs_bayes.checks.authority_density import log_ratio_without

    if data is like.data:
        return log_prior_ratio(like.posterior, analysis, like.blocks, design)
    if setting != like.setting or not (gone := left_out(like.data, data)):
        return None
    return log_ratio_without(like.posterior, like.data, like.blocks, analysis, gone)


def _judged(
    shop: Workshop,
    data: "CellData",
    setting: "Setting",
    design: "Blocks",
    *,
    name: str,
    draws: "tuple[xr.Dataset, xr.Dataset | None]",
    pareto_k: float | None = None,
) -> PosteriorFit:
    """Draws with the effects derived from them, and the gate's verdict on both."""
    from sofs_bayes.bayes.did_draws import in_use
    from sofs_bayes.checks.diagnostics import gate, judged_parameters
    from sofs_bayes.estimands.did_effects import did_effects
    from sofs_bayes.spec.seeds import stage_seed

    analysis, (posterior, statistics) = shop.analysis, draws
    seed = stage_seed(analysis.sampler.seed, f"new authority / {name}")
    with timed(shop.seconds, "effects"):
        tails = analysis.model.degrees_of_freedom if analysis.model.tails == "student t" else None
        per = analysis.estimands.per
        effects = did_effects(posterior, data, design, seed=seed, degrees_of_freedom=tails, per=per)
        judged = judged_parameters(in_use(posterior, design), analysis)
        verdict = gate(judged, effects, statistics, whom=words_of(analysis).whom)
    return PosteriorFit(
        data=data,
        blocks=design,
        setting=setting,
        posterior=posterior,
        statistics=statistics,
        effects=effects,
        gate=verdict,
        pareto_k=pareto_k,
    )


def _sampled(
    shop: Workshop,
    data: "CellData",
    design: "Blocks",
    name: str,
    sampler: Sampler | None = None,
) -> "tuple[xr.Dataset, xr.Dataset]":
    """Named draws and the sampler's statistics; with the analysis's sampler unless told."""
    from sofs_bayes.bayes.compiled_model import compile_model
    from sofs_bayes.bayes.did_draws import named
    from sofs_bayes.bayes.did_model import form_of, model_data
    from sofs_bayes.bayes.sampling import sample
    from sofs_bayes.spec.seeds import stage_seed

    analysis = shop.analysis
    form, arrays = form_of(data, design, analysis), model_data(data, design, analysis)
    if form not in shop.programs:
        shop.progress(f"{analysis.name}: compiling")
        with timed(shop.seconds, "compile"):
            shop.programs[form] = compile_model(form, arrays)
    shop.progress(f"{analysis.name}: {name}")
    with timed(shop.seconds, "sample"):
        tree = sample(shop.programs[form], sampler or analysis.sampler, data=arrays, stage=name)
    raw, statistics = (tree[group].to_dataset() for group in ("posterior", "sample_stats"))
    seed = stage_seed(analysis.sampler.seed, f"effects / {name}")
    with timed(shop.seconds, "effects"):
        posterior = named(raw, data, design, arrays, seed=seed)
    return posterior, statistics[["diverging", "energy"]]


def _packed(**groups: "xr.Dataset") -> bytes:
    import xarray as xr

    return to_bytes(xr.DataTree.from_dict(groups))


def _unpacked(content: bytes) -> "tuple[xr.Dataset, xr.Dataset]":
    """Draws and the sampler's statistics, as `one_fit` kept them."""
    tree = from_bytes(content)
    return tree["posterior"].to_dataset(), tree["sample_stats"].to_dataset()
