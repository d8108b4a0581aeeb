"""An analysis, its design and a grid of scenarios → a job of recovery for the workers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sofs_bayes.checks.recovery_scenarios import PROCESSES, Grid, Scenario, scenarios, usual_grid
from sofs_bayes.errors import BadInput
from sofs_bayes.folders.places import paths
from sofs_bayes.pipeline.asked import prior_of
from sofs_bayes.pipeline.jobs import Bench, Job
from sofs_bayes.pipeline.sbc import rules, source_of_design
from sofs_bayes.pipeline.watching import Progress, silent
from sofs_bayes.pipeline.work_keys import work_key
from sofs_bayes.spec import Analysis, Evidence, HierarchicalAnalysis

if TYPE_CHECKING:
    from sofs_bayes.checks.did_calibration import Design


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """The replicates of all scenarios.

    Number n is replicate n // S of scenario n % S, of S scenarios, so that work that is stopped
    early has some of each.

    Attributes
    ----------
    design
        What replicates share.
    scenarios
        In order.
    inputs
        SHA-256 of what the design was read from, by name.
    """

    design: "Design"
    scenarios: tuple[Scenario, ...]
    inputs: Mapping[str, str]

    def numbers(self, replicates: int, of_prior: int) -> list[int]:
        """The numbers of so many replicates of each scenario, and of the first, `prior`."""
        count = len(self.scenarios)
        return [
            own * count + place
            for own in range(max(replicates, of_prior))
            for place in range(count)
            if own < (of_prior if place == 0 else replicates)
        ]


def _ready(trials: Trials) -> Bench:
    """The function of a number; graphs are compiled as numbers of authorities come."""
    from sofs_bayes.checks.recovery_fits import benches, one_replicate
    from sofs_bayes.spec.seeds import stage_seed

    find, first = benches(trials.design), trials.design.analysis.sampler.seed

    def made(number: int) -> dict[str, Any]:
        own, place = divmod(number, len(trials.scenarios))
        scenario = trials.scenarios[place]
        seed = stage_seed(first, f"replicate {own}")
        return one_replicate(find(scenario.authorities), scenario, seed)

    return made


def checked(analysis: Analysis, prior: str | None) -> tuple[HierarchicalAnalysis, str]:
    """The analysis and the name of its effect prior, if it can be recovered."""
    if not isinstance(analysis, HierarchicalAnalysis):
        raise BadInput(analysis.name, "kind", repr(analysis.kind), "hierarchical (icpc-linear)")
    treatment = analysis.regression.treatment
    if treatment != "did":
        allowed = "a column with one effect, `did`"
        raise BadInput(analysis.name, "column", f"treatment {treatment!r}", allowed)
    return analysis, prior_of(analysis, prior)


def grid_of(
    analysis: HierarchicalAnalysis, given: Mapping[str, Any], *, everything: bool = False
) -> Grid:
    """The grid with what is given (by name, lists or numbers) in place of the usual values.

    Raises
    ------
    BadInput
        A number that is none, a negative sd, authorities that are not whole, a process that is
        not known, a value twice; copies of authorities that have terms of their own.
    """
    named: dict[str, Any] = {
        name: value if isinstance(value, int | float) else tuple(value)
        for name, value in given.items()
        if value is not None
    }
    fixed = analysis.model.authorities == "fixed"
    if fixed:
        named.setdefault("authorities", (1,))
    grid = replace(usual_grid(analysis), everything=everything, **named)
    for name in ("effect", "heterogeneity", "authorities", "process"):
        values = getattr(grid, name)
        if not values or len(set(values)) < len(values):
            found = "a value twice" if values else "nothing"
            raise BadInput(name, "", found, "values, each once")
    if unknown := sorted(set(grid.process) - set(PROCESSES)):
        raise BadInput("process", "", repr(unknown[0]), ", ".join(PROCESSES))
    _check_numbers(grid)
    for times in grid.authorities:
        if times != int(times) or times < 1:
            raise BadInput("authorities", "", str(times), "a whole number, 1 or more")
        if times > 1 and fixed:
            allowed = "1: in this analysis authorities have terms of their own"
            raise BadInput("authorities", "", str(times), allowed)
    return grid


def _check_numbers(grid: Grid) -> None:
    for value, option in (*((x, "effect") for x in grid.effect), (grid.drift, "drift")):
        if not isfinite(value):
            raise BadInput(option, "", str(value), "a finite number")
    sds = [(x, "heterogeneity") for x in grid.heterogeneity]
    sds += [(grid.authority_sd, "authority_sd"), (grid.shock_sd, "shock_sd")]
    for value, option in sds:
        if not (isfinite(value) and value >= 0):
            raise BadInput(option, "", str(value), "a standard deviation, 0 or more")


def prepared(
    analysis: HierarchicalAnalysis,
    data: Path | str | None,
    grid: Grid,
    *,
    prior: str,
    progress: Progress = silent,
) -> tuple[Job[Trials], Evidence]:
    """The job of an analysis and its design.

    Raises
    ------
    BadInput
        Data that cannot be used: among others released cells, which are not exact.
    """
    from sofs_bayes.checks.did_calibration import Design
    from sofs_bayes.pipeline.refits import setting_of

    source = source_of_design(analysis, paths(data or ()), progress)
    seen = source.data
    if seen.patterns is not None and seen.patterns.censored:
        raise BadInput(str(data), "", "suppressed or rounded counts", "exact cells")
    setting = setting_of(analysis, prior, source.departure)
    design = Design(analysis=analysis, setting=setting, data=seen)
    chosen = scenarios(grid, analysis)
    inputs, tried = source.inputs, [_decisive(each) for each in chosen]
    key = work_key(analysis, inputs, prior=prior, scenarios=tried, rules=rules(analysis))
    job = Job(
        design=Trials(design=design, scenarios=chosen, inputs=inputs),
        ready=_ready,
        name=f"{analysis.name}, {len(chosen)} scenarios",
        key=key,
    )
    return job, source.evidence


def _decisive(scenario: Scenario) -> dict[str, Any]:
    """What a scenario says that decides its replicates; normal tails need no word."""
    said = asdict(scenario)
    return {name: x for name, x in said.items() if (name, x) != ("degrees_of_freedom", None)}
