"""How a run answers each question of the reporting guidelines: enough or not, and in words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from sofs_bayes import spec
from sofs_bayes.bayes.limits import MIN_ESS
from sofs_bayes.checks.registry.leaving_out import LooRow
from sofs_bayes.checks.registry.power_scaling import PowerScalingRow
from sofs_bayes.checks.registry.predictions import ArmYearCheck, PredictiveCell
from sofs_bayes.checks.registry.tipping import TippingPoint
from sofs_bayes.errors import counted
from sofs_bayes.pages.page import State
from sofs_bayes.pages.words import (
    answers,
    effect_name,
    equivalence,
    main_scale,
    region_in_words,
    seed_of,
)
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import HierarchicalAnalysis, OpenAnalysis, PrintedAnalysis
from sofs_bayes.spec.keys import Variant
from sofs_bayes.spec.study import denominator_of, words_of
from sofs_bayes.spec.terms import told_in
from sofs_bayes.tables.contents.assumptions import declared_priors
from sofs_bayes.tables.contents.effects import effect_scales
from sofs_bayes.tables.contents.model_design import MEANING
from sofs_bayes.tables.formats import shown

Answer = tuple[State, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnPage:
    """What the page has: anchors, and names of the runs with figures."""

    anchors: frozenset[str]
    figures: frozenset[str]


def enough(count: int, least: int) -> State:
    """`met` from so many on, `not reported` for none."""
    return "met" if count >= least else "partly" if count else "not reported"


# ------------------------------------------------------------------------------- preamble


def reason(run: Run, _: OnPage) -> Answer:
    """The analysis's own why."""
    return "met", run.analysis.why


def goal(run: Run, _: OnPage) -> Answer:
    """The effects asked for, and the statements."""
    named = list(dict.fromkeys(effect_name(run, row) for row in answers(run)))
    said = len(run.analysis.estimands.claims)
    if not named:
        return "not reported", "no effect is reported"
    whom = words_of(run.analysis).whom
    scales = ", ".join(told_in(scale, whom) for scale in effect_scales(run))
    return "met", f"{'; '.join(named)}; scales: {scales}; probabilities of {said} statements."


# ---------------------------------------------------------------------------------- model


def data(run: Run, _: OnPage) -> Answer:
    """Number of units and the files they come from."""
    if isinstance(run.analysis, PrintedAnalysis):
        children = run.analysis.design.children
        count = "an unknown number of" if children is None else f"{children:,}"
        rows = "two printed coefficients and their stars"
        if run.analysis.as_printed is not None:
            rows = "what is printed of the effect"
            rows += " and the pilot difference" if run.analysis.has_pilot_row else ""
        return "met", f"{rows}, from {count} {denominator_of(run.analysis)}."
    files = ", ".join(run.inputs)
    cells = run.rows(PredictiveCell)
    if isinstance(run.analysis, OpenAnalysis):
        size = len(cells or run.rows(LooRow))  # of counts that may not be shown, their densities
        return enough(size, 1), f"{size} authority-years; files: {files}."
    years = _arm_years(run, "posterior")
    children = sum(row.children for row in years)
    text = f"{children:,.0f} matched rows in {len(years)} arm-years; files: {files}."
    return enough(len(years), 1), text


def _arm_years(run: Run, kind: str) -> list[Any]:
    """The rates by arm and year, without those of whole periods."""
    rows = run.rows(ArmYearCheck)
    return [row for row in rows if row.kind == kind and row.year.isdigit()]


def likelihood(run: Run, _: OnPage) -> Answer:
    """The likelihood in words."""
    analysis = run.analysis
    if isinstance(analysis, HierarchicalAnalysis):
        meant = MEANING["likelihood"][analysis.model.likelihood]
        return "met", f"{meant}; terms of the column “{analysis.column}”."
    if isinstance(analysis, OpenAnalysis):
        return "met", "binomial counts of authority-years on log-odds."
    return "met", "two normal coefficients, and stars from clustered standard errors."


def priors(run: Run, _: OnPage) -> Answer:
    """Whether every prior has a reason."""
    others = [prior for _, prior in declared_priors(run.analysis)]
    every = [*run.analysis.effect_priors.values(), *others]
    reasons = sum(bool(prior.why.strip()) for prior in every)
    state: State = "met" if reasons == len(every) else "partly" if reasons else "not reported"
    return state, f"{counted(len(every), 'prior')}, {reasons} of them with a reason."


def specification(run: Run, page: OnPage) -> Answer:
    """Whether the page has the formula."""
    digest = spec.fingerprint(run.analysis)[:12]
    if f"{run.analysis.name}-model" in page.anchors:
        return "met", f"formula on this page; analysis.toml, SHA-256 {digest}…"
    return "partly", f"no formula on this page; analysis.toml, SHA-256 {digest}…"


def prior_predictive(run: Run, _: OnPage) -> Answer:
    """Rates observed beside what the priors alone lead to."""
    return _predicted(run, "prior", "no check of what the priors alone lead to")


def _predicted(run: Run, kind: str, missing: str) -> Answer:
    rows = _arm_years(run, kind)
    inside = sum(row.lower <= row.observed <= row.upper for row in rows)
    if not rows:
        return "not reported", f"{missing}."
    level = f"{100 * rows[0].level:g}%"
    return "met", f"{inside} of {len(rows)} rates by arm and year inside their {level} interval."


# ---------------------------------------------------------------------------- computation


def software(run: Run, _: OnPage) -> Answer:
    """Versions and sampler settings."""
    if not run.versions:
        return "not reported", "no versions are known."
    listed = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    return "met", f"{_sampler(run)}; {listed}."


def _sampler(run: Run) -> str:
    if isinstance(run.analysis, PrintedAnalysis):
        return "quadrature on a grid, no sampling"
    own = run.analysis.sampler
    return f"{own.name}, {own.chains} chains of {own.draws} draws after {own.tune}"


def convergence(run: Run, _: OnPage) -> Answer:
    """The gate's worst numbers over all fits."""
    fits = run.diagnostics["fits"]
    good = sum(fit["status"] == "converged" for fit in fits.values())
    state: State = "not reported" if not fits else "met" if good == len(fits) else "partly"
    passed = f"{good} of {counted(len(fits), 'fit')} passed the gate"
    if not fits:
        return state, "no fit is known."
    if run.diagnostics["method"] == "quadrature":
        edge = max(fit["edge_mass"] for fit in fits.values())
        return state, f"{passed}; largest mass at the grid's edge {edge:.1g}."
    rhat = _worst(fits, "max_rhat", max)
    divergent = sum(fit["divergences"] for fit in fits.values())
    bfmi = _worst(fits, "min_bfmi", min)
    return state, (
        f"{passed}; max R-hat {shown(rhat, 'rhat')}, {divergent} divergences, smallest BFMI"
        f" {shown(bfmi, 'number')}."
    )


def _worst(fits: dict[str, dict[str, Any]], key: str, choose: Any) -> float | None:
    known = [fit[key] for fit in fits.values() if fit[key] is not None]
    return choose(known) if known else None


def resolution(run: Run, _: OnPage) -> Answer:
    """Effective sizes, and the Monte Carlo error of what is told."""
    if run.diagnostics["method"] == "quadrature":
        return "met", "no Monte Carlo error: the posterior is a grid."
    fits = run.diagnostics["fits"]
    bulk, tail = (_worst(fits, f"min_ess_{part}", min) for part in ("bulk", "tail"))
    sizes = (
        f"smallest bulk ESS {shown(bulk, 'integer')}, smallest tail ESS {shown(tail, 'integer')}"
    )
    chances = [row.mcse for row in run.probabilities if row.mcse == row.mcse]
    if not chances:
        return "partly", f"{sizes}; no Monte Carlo errors are known."
    enough = bulk is not None and tail is not None and min(bulk, tail) >= MIN_ESS
    largest = f"largest Monte Carlo error of a probability {max(chances):.3f}"
    return "met" if enough else "partly", f"{sizes} (at least {MIN_ESS:g} needed); {largest}."


# ------------------------------------------------------------------------------ posterior


def posterior_predictive(run: Run, _: OnPage) -> Answer:
    """Rates observed beside what the fitted model predicts."""
    cells = run.rows(PredictiveCell)
    if cells:
        inside = sum(cell.lower <= cell.observed <= cell.upper for cell in cells)
        level = f"{100 * cells[0].level:g}%"
        return "met", f"{inside:,} of {len(cells):,} authority-years inside their {level} interval."
    return _predicted(run, "posterior", "no check of what the fitted model predicts")


def summary(run: Run, _: OnPage) -> Answer:
    """How many effects have centre, interval and probabilities."""
    scale, prior = main_scale(run), run.prior
    rows = [row for row in run.effects if (row.scale, row.prior) == (scale, prior)]
    level = f"{100 * run.analysis.estimands.level:g}%"
    kind = {"eti": "equal-tailed", "hdi": "highest-density"}[run.analysis.estimands.interval]
    text = f"{len(rows)} quantities, each with median and {level} {kind} interval"
    return enough(len(rows), 1), f"{text}; {len(run.probabilities):,} probabilities."


def bayes_factors(_: Run, __: OnPage) -> Answer:
    """None, and why."""
    return "not reported", (
        "No Bayes factor was computed: effects are estimated. Probabilities of sizes of effect"
        " are given instead, which hang less on how wide a prior is."
    )


NO_DECISION = "No decision was made: no region of practical equivalence was declared."
# Kinds of refit that change a prior.
OF_PRIORS = (
    "scaled",
    "prior scale of the authority sd",
    "prior of the correlation",
    "prior sd of the pilot difference",
)


# ------------------------------------------------------------------------------ decisions


def decision_reason(run: Run, _: OnPage) -> Answer:
    """The why of the declared region."""
    region = run.analysis.estimands.equivalence
    if region is None:
        return "not reported", NO_DECISION
    return "partly", f"{region.why} What a wrong decision costs is not declared."


def criterion(run: Run, _: OnPage) -> Answer:
    """The declared region and the probability required."""
    region = run.analysis.estimands.equivalence
    if region is None:
        return "not reported", NO_DECISION
    return "met", f"{region_in_words(run)}; probability required: {region.probability:g}."


def decision(run: Run, _: OnPage) -> Answer:
    """The verdict on each effect that answers the question."""
    if run.analysis.estimands.equivalence is None:
        return "not reported", NO_DECISION
    found = [(row, equivalence(run, row)) for row in answers(run)]
    told = [
        f"{effect_name(run, row)}: {verdict[0]} (probability inside:"
        f" {shown(verdict[1], 'probability')})"
        for row, verdict in found
        if verdict is not None
    ]
    state: State = (
        "met" if told and len(told) == len(found) else "partly" if told else "not reported"
    )
    return state, "; ".join(told) or "no probability of the region is known."


# ---------------------------------------------------------------------------- sensitivity


def _refits(run: Run) -> list[Variant]:
    return list(dict.fromkeys(row.variant for row in run.sensitivity))


def _quick(run: Run) -> str:
    return " (a quick run: no refits were made)" if run.options.get("quick") == "yes" else ""


def broad_priors(run: Run, _: OnPage) -> Answer:
    """Refits with one prior narrower or wider, or power-scaling."""
    grid = [variant for variant in _refits(run) if variant.kind in OF_PRIORS]
    scaled = run.rows(PowerScalingRow)
    if grid:
        return "met", f"{len(grid)} refits with one prior changed."
    if scaled:
        return "partly", f"power-scaling alone, of {_quantities(scaled)} quantities{_quick(run)}."
    return "not reported", f"no prior but the effect's was changed{_quick(run)}."


def _quantities(rows: Sequence[Any]) -> int:
    return len({row.estimand for row in rows})


def informed_priors(run: Run, _: OnPage) -> Answer:
    """The posteriors under every effect prior."""
    named = list(dict.fromkeys(row.prior for row in run.effects))
    text = f"every result under {counted(len(named), 'prior')} of the effect: {', '.join(named)}."
    return ("met" if len(named) > 1 else "not reported"), text


def default_priors(run: Run, _: OnPage) -> Answer:
    """Power-scaling of the effect's prior, or else other priors beside the first."""
    rows = run.rows(PowerScalingRow)
    first, others = run.prior, len(run.analysis.effect_priors) - 1
    if rows:
        moved = {row.estimand for row in rows if row.matters}
        matters = f"{len(moved)} of {_quantities(rows)} quantities"
        return "met", f"prior “{first}” power-scaled: signs of a prior that matters for {matters}."
    if others:
        return "partly", f"prior “{first}” beside {others} others; no power-scaling."
    return "not reported", f"prior “{first}” alone."


def decision_sensitivity(run: Run, _: OnPage) -> Answer:
    """The verdict under every effect prior."""
    if run.analysis.estimands.equivalence is None:
        return "not reported", NO_DECISION
    asked = {(row.estimand, row.variant) for row in answers(run)}
    found = [
        (row.prior, verdict[0])
        for row in run.effects
        if (row.estimand, row.variant) in asked and (verdict := equivalence(run, row)) is not None
    ]
    text = "; ".join(f"{prior} prior: {verdict}" for prior, verdict in found)
    several = len({prior for prior, _ in found}) > 1
    return ("met" if several else "not reported"), f"{text or 'no verdict under other priors'}."


def assumptions(run: Run, _: OnPage) -> Answer:
    """Refits without authorities and with the model changed, and the tipping point."""
    changed = [variant for variant in _refits(run) if variant.kind not in OF_PRIORS]
    tipped = bool(run.rows(TippingPoint))
    if not changed and not tipped:
        return "not reported", f"no refits and no tipping point{_quick(run)}."
    tipping = "a tipping point of parallel trends" if tipped else "no tipping point"
    state: State = "met" if changed and tipped else "partly"
    return state, f"{len(changed)} refits with data or model changed, {tipping}{_quick(run)}."


# --------------------------------------------------------------------------- reproducible


def installation(run: Run, _: OnPage) -> Answer:
    """The package's version; its lock has the others."""
    own = run.versions.get("sofs-bayes")
    if own is None:
        return "not reported", "the version of the software is not known."
    return "met", f"sofs-bayes {own}, whose lock files name all packages with hashes."


def seed(run: Run, _: OnPage) -> Answer:
    """The seed."""
    return "met", f"seed {seed_of(run)}; results are the same to the bit on one machine."


AVAILABLE: dict[str, Answer] = {
    "published-inferred": ("met", "the printed numbers are part of the software"),
    "synthetic": ("met", "the simulated children can be made again (sofs-bayes simulate)"),
    "open-data": ("met", "the Department for Education publishes the files"),
    "unknown-origin": ("partly", "the counts are the analyst's own: see where they say they are"),
    "records": ("partly", "the individual records are confidential and stay where they are"),
}


def code_and_data(run: Run, _: OnPage) -> Answer:
    """The analysis is in every run folder; data as far as their evidence allows."""
    state, text = AVAILABLE.get(run.evidence, ("partly", "it is not known whether data are"))
    return state, f"the code is open and the analysis is in the run folder; {text}."


def files(run: Run, _: OnPage) -> Answer:
    """The files of the run folder."""
    count = len(run.files)
    text = f"{counted(count, 'file')} in the run folder, each checked against its SHA-256."
    return enough(count, 1), text


def command(run: Run, _: OnPage) -> Answer:
    """The command that makes the run again; partly where the analysis is no bundled one."""
    name = run.analysis.name
    path = spec.bundled_models().get(name)
    bundled = path is not None and spec.fingerprint(spec.load(path)) == spec.fingerprint(
        run.analysis
    )
    source = name if bundled else "analysis.toml"
    quick = " --quick" if run.options.get("quick") == "yes" else ""
    named = "" if isinstance(run.analysis, PrintedAnalysis) else " DATA"
    text = f"sofs-bayes fit {source}{named}{quick}"
    return ("met" if bundled else "partly"), text + (
        "" if bundled else ", with the analysis file of the run folder: it is no bundled analysis"
    )


def draws(run: Run, _: OnPage) -> Answer:
    """Whether the posterior's draws are kept."""
    if "posterior.nc" in run.files or run.posterior is not None:
        return "met", "posterior.nc in the run folder."
    return "not reported", "no draws are kept."


def figures(run: Run, page: OnPage) -> Answer:
    """Whether the page has figures of the run."""
    if run.analysis.name in page.figures:
        return "met", "each as PNG and as vector PDF, with its numbers as CSV."
    return "not reported", "no figure of this run."


# In the order of the questions in checklist.csv, step by step.
_BY_STEP: tuple[tuple[Callable[[Run, OnPage], Answer], ...], ...] = (
    (reason, goal),
    (data, likelihood, priors, specification, prior_predictive),
    (software, convergence, resolution),
    (posterior_predictive, summary, bayes_factors),
    (decision_reason, criterion, decision),
    (broad_priors, informed_priors, default_priors),
    (bayes_factors, decision_sensitivity, assumptions),
    (installation, seed, code_and_data, files, command, draws, figures),
)
ANSWERS = tuple(chain.from_iterable(_BY_STEP))
