"""A run of children whose authorities' sizes are known, one of them a pilot of seven children."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from tests.rows import of_effect, of_fit

from sofs_bayes.checks.registry.leaving_out import LooRow
from sofs_bayes.checks.registry.power_scaling import PowerScalingRow
from sofs_bayes.checks.registry.predictions import ArmYearCheck
from sofs_bayes.estimands.rows import AuthoritySizeRow, ThresholdRow, YearlyRateRow
from sofs_bayes.runs.run_folder import Run

SMALL = "Coldharbour"
YEARS = ("2012", "2013", "2016", "2017")

Counts = Mapping[tuple[str, str], tuple[int, int]]


def arm_year(arm: str, year: str, children: int, events: int) -> ArmYearCheck:
    return ArmYearCheck(
        kind="posterior",
        arm=arm,
        year=year,
        children=children,
        observed=events / children,
        lower=0.05,
        median=0.1,
        upper=0.15,
        level=0.9,
        p=0.4,
    )


def arm_years(changes: Counts | None = None) -> tuple[ArmYearCheck, ...]:
    """Both arms in four years, 2,000 children and 200 events in each unless changed."""
    rows = []
    for arm in ("pilot", "comparator"):
        years = {year: (changes or {}).get((arm, year), (2000, 200)) for year in YEARS}
        for year, (children, events) in years.items():
            rows.append(arm_year(arm, year, children, events))
        for total, own in (("before", YEARS[:2]), ("after", YEARS[2:])):
            children, events = (sum(years[year][i] for year in own) for i in (0, 1))
            rows.append(arm_year(arm, total, children, events))
    return tuple(rows)


def sizes(changes: Counts | None = None) -> tuple[AuthoritySizeRow, ...]:
    """Four pilots and five comparators, 900 referrals and 90 events in each period of two years."""
    pilots = ("Ashmere", "Brackwater, City of", SMALL, "Dunford and the Isles of Westermain")
    comparators = ("Fennick", "Grimsdale", "Holt", "Inverley", "Jarrow Vale")
    named = [*((name, "pilot") for name in pilots), *((n, "comparator") for n in comparators)]
    rows = []
    for name, arm in named:
        for period in ("before", "after", *YEARS):
            usual = (900, 90) if period in ("before", "after") else (450, 45)
            referrals, events = (changes or {}).get((name, period), usual)
            rows.append(
                AuthoritySizeRow(
                    authority=name, arm=arm, period=period, referrals=referrals, events=events
                )
            )
    return tuple(rows)


def threshold_row(target: str) -> ThresholdRow:
    return ThresholdRow(
        **of_effect("effect after settling-in"),
        target=target,
        scale="risk",
        prior="reference",
        **of_fit("main"),
        evidence="synthetic",
        threshold=0.01,
        above=0.4,
        mcse=0.005,
        status="converged",
    )


def yearly_rate(year: int, pilots: int) -> YearlyRateRow:
    numbers = dict.fromkeys(
        (
            *("observed", "comparators", "fitted", "fitted_lower", "fitted_upper"),
            *("counterfactual", "counterfactual_lower", "counterfactual_upper"),
            *("effect", "effect_lower", "effect_upper"),
        ),
        0.1,
    )
    return YearlyRateRow(
        year=year,
        period="post",
        **of_effect("effect after settling-in"),
        prior="reference",
        pilots=pilots,
        level=0.9,
        interval="eti",
        **numbers,
    )


MakeRun = Callable[..., Run]


@pytest.fixture(scope="session")
def make_run(hierarchical_run: Run) -> MakeRun:
    """A function: the run with other counts by arm and year, and other sizes of authorities."""

    def made(years: Counts | None = None, authorities: Counts | None = None) -> Run:
        beside = dict(hierarchical_run.beside)
        beside[ArmYearCheck] = arm_years(years)
        beside[AuthoritySizeRow] = sizes(authorities)
        loo = hierarchical_run.rows(LooRow)
        years = (int(YEARS[i % len(YEARS)]) for i in range(len(loo)))
        rows = tuple(
            replace(row, authority="Holt", year=year) for row, year in zip(loo, years, strict=True)
        )
        beside[LooRow] = rows
        named = [*hierarchical_run.rows(PowerScalingRow)]
        named.append(replace(named[0], target=SMALL))
        beside[PowerScalingRow] = tuple(named)
        beside[ThresholdRow] = tuple(map(threshold_row, ("pooled", SMALL)))
        beside[YearlyRateRow] = tuple(yearly_rate(int(year), pilots=4) for year in YEARS)
        diagnostics = {**hierarchical_run.diagnostics}
        (main,) = diagnostics["fits"].values()
        refits = {
            f"without {name} / reference": main | {"kind": "without", "subject": name}
            for name in (SMALL, "Holt")
        }
        diagnostics["fits"] = {**diagnostics["fits"], **refits}
        return replace(hierarchical_run, beside=beside, diagnostics=diagnostics)

    return made


@pytest.fixture(scope="session")
def small_pilot(make_run: MakeRun) -> Run:
    """The run with a pilot of seven children after settling-in."""
    return make_run(authorities={(SMALL, "after"): (7, 3)})
