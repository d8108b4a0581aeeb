"""How a run answers what the reporting guidelines ask of decisions, sensitivity and repetition."""

from collections.abc import Sequence
from typing import Any

from sofs_bayes import spec
from sofs_bayes.checks.registry.power_scaling import PowerScalingRow
from sofs_bayes.checks.registry.tipping import TippingPoint
from sofs_bayes.pages.barg_answers import Answer, OnPage, enough
from sofs_bayes.pages.page import State
from sofs_bayes.pages.words import (
    answers,
    effect_name,
    equivalence,
    region_in_words,
    seed_of,
)
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import PrintedAnalysis
from sofs_bayes.spec.keys import Variant
from sofs_bayes.tables.formats import shown

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
    text = f"every result under {len(named)} priors of the effect: {', '.join(named)}."
    return ("met" if len(named) > 1 else "not reported"), text


def default_priors(run: Run, _: OnPage) -> Answer:
    """Power-scaling of the effect's prior, or else other priors beside the first."""
    rows = run.rows(PowerScalingRow)
    first, others = run.prior, len(run.analysis.effect_priors) - 1
    if rows:
        moved = {row.estimand for row in rows if row.matters}
        counted = f"{len(moved)} of {_quantities(rows)} quantities"
        return "met", f"prior “{first}” power-scaled: signs of a prior that matters for {counted}."
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
    "records": ("partly", "the children's records are confidential and stay where they are"),
}


def code_and_data(run: Run, _: OnPage) -> Answer:
    """The analysis is in every run folder; data as far as their evidence allows."""
    state, text = AVAILABLE.get(run.evidence, ("partly", "it is not known whether data are"))
    return state, f"the code is open and the analysis is in the run folder; {text}."


def files(run: Run, _: OnPage) -> Answer:
    """The files of the run folder."""
    count = len(run.files)
    return enough(count, 1), f"{count} files in the run folder, each checked against its SHA-256."


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
