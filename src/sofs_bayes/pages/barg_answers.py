"""How a run answers each question of the reporting guidelines: enough or not, and in words."""

from dataclasses import dataclass
from typing import Any

from sofs_bayes import spec
from sofs_bayes.bayes.limits import MIN_ESS
from sofs_bayes.checks.registry.predictions import ArmYearCheck, PredictiveCell
from sofs_bayes.pages.page import State
from sofs_bayes.pages.words import (
    answers,
    effect_name,
    main_scale,
)
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import HierarchicalAnalysis, OpenAnalysis, PrintedAnalysis
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
    scales = ", ".join(effect_scales(run))
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
        return "met", f"{rows}, from {count} children."
    files = ", ".join(run.inputs)
    cells = run.rows(PredictiveCell)
    if isinstance(run.analysis, OpenAnalysis):
        return enough(len(cells), 1), f"{len(cells)} authority-years; files: {files}."
    years = _arm_years(run, "posterior")
    children = sum(row.children for row in years)
    text = f"{children:,.0f} matched rows of children in {len(years)} arm-years; files: {files}."
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
    return state, f"{len(every)} priors, {reasons} of them with a reason."


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
    counted = f"{good} of {len(fits)} fits passed the gate"
    if not fits:
        return state, "no fit is known."
    if run.diagnostics["method"] == "quadrature":
        edge = max(fit["edge_mass"] for fit in fits.values())
        return state, f"{counted}; largest mass at the grid's edge {edge:.1g}."
    rhat = _worst(fits, "max_rhat", max)
    divergent = sum(fit["divergences"] for fit in fits.values())
    bfmi = _worst(fits, "min_bfmi", min)
    return state, (
        f"{counted}; max R-hat {shown(rhat, 'rhat')}, {divergent} divergences, smallest BFMI"
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
        return "met", f"{inside} of {len(cells)} authority-years inside their {level} interval."
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
