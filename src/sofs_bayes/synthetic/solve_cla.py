"""A population on which Table 7's unclustered, linear and lagged columns come out as printed.

The clustered logistic column is the unclustered fit; where their printed coefficients differ
(the years 2009 to 2012) no population has both, and the unclustered ones are aimed at. With
them R² (McFadden's of the logistic column), Table 3's rates before settling-in, the incidence
and the number of insignificant leads are met, and the printed effect within authorities; stars,
and the effect without the authorities' covariates, as far as they go together with the rest.

    python -m sofs_bayes.synthetic.solve_cla cla.json

solves the bundled scenario anew, in some minutes. The same machine finds the same outcomes;
another may round otherwise on the way and find others that do as well.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.assumptions import leads_test
from sofs_bayes.frequentist.did import fit
from sofs_bayes.published.facts import fact
from sofs_bayes.spec import ChildrenAnalysis, Regression, load
from sofs_bayes.spec.seeds import stream
from sofs_bayes.synthetic.authority_frame import drawn_authorities
from sofs_bayes.synthetic.cla_equations import Place, Problem, equations, stand, wanted
from sofs_bayes.synthetic.cla_outcomes import printed_outcomes
from sofs_bayes.synthetic.cla_path import NotReached, follow
from sofs_bayes.synthetic.cla_problem import (
    COLUMNS,
    FIXED,
    LINEAR,
    WITHOUT_COVARIATES,
    means_of,
    printed_means,
    problem_on,
)
from sofs_bayes.synthetic.cla_profiles import by_profile, profiles_of, single_referrals
from sofs_bayes.synthetic.cla_unknowns import Unknowns
from sofs_bayes.synthetic.fixture import Fixture, rows_sha256, write_fixture
from sofs_bayes.synthetic.least_departure import Stage, least_departure
from sofs_bayes.synthetic.printed_sums import with_outcomes
from sofs_bayes.synthetic.priors import grid, natural_units
from sofs_bayes.synthetic.recurrence import order_for_print, recurring_children
from sofs_bayes.synthetic.rows import build_rows
from sofs_bayes.synthetic.scenario import Scenario, load_scenario

Floats = npt.NDArray[np.float64]
Progress = Callable[[str], None]

DRAWS = 10
# The share of a tolerance that costs as much as one standard deviation of a prior.
LEEWAY = 0.25


STAGES = (
    Stage(pull=1.0, steps=40, damping=1.0, enough=2e-3),
    Stage(pull=1.0, steps=20, stars_near=0.3, damping=1.0, enough=2e-3),
    Stage(pull=0.5, steps=60, stars_near=0.1, damping=100.0, enough=3e-4),
    Stage(pull=0.5, steps=150, stars_near=0.05, damping=300.0, enough=3e-4),
)


def solve(
    scenario: Scenario,
    analysis: ChildrenAnalysis,
    *,
    seed: int | None = None,
    progress: Progress = lambda said: None,
) -> Fixture:
    """The outcomes and authorities' covariates of a scenario that the printed columns ask for.

    Parameters
    ----------
    seed
        Of the draws; the scenario's if None.
    progress
        Told how far it is, in a sentence.

    Raises
    ------
    BadInput
        No draw led to all printed coefficients.
    """
    seed = scenario.seed if seed is None else seed
    rows = build_rows(scenario, analysis)
    single = single_referrals(rows.matched)
    years = grid(scenario, analysis)
    columns = (*COLUMNS, FIXED, *WITHOUT_COVARIATES)
    profiles = profiles_of(by_profile(single, analysis), analysis, years, columns)
    for draw in range(DRAWS):
        draws = seed, "CLA", str(draw)
        problem = problem_on(profiles, scenario, analysis, rng=stream(*draws))
        try:
            place = _solved(problem, progress)
        except NotReached as error:
            progress(f"draw {draw + 1}: {error}")
            continue
        authorities = authorities_frame(problem.unknowns, place.vector, scenario, analysis)
        outcome, misses = _outcomes(
            problem, place, single, authorities, analysis, rng=stream(*draws), say=progress
        )
        matched = with_outcomes(rows.matched, authorities, outcome)
        if np.abs(misses).max() <= 1 and leads_as_printed(matched, analysis):
            child = recurring_children(scenario, rows.referrals)
            linear = _regression(analysis, LINEAR)
            return Fixture(
                scenario=scenario.name,
                rows_sha256=rows_sha256(rows, analysis),
                authorities=authorities,
                outcome=outcome.astype(np.uint8),
                child_order=order_for_print(scenario, child, matched, analysis, linear)[0],
            )
        progress(f"draw {draw + 1}: coefficients or leads not as printed")
    raise BadInput(
        scenario.name, "outcomes", f"no solution from {DRAWS} draws", "a scenario that has one"
    )


def _solved(problem: Problem, progress: Progress) -> Place:
    def at(vector: Floats, start: Mapping[str, Floats]) -> Place:
        return stand(problem, vector, start)

    target, tolerance = wanted(problem)
    place = follow(at, at(np.zeros(problem.unknowns.size), {}), target, tolerance, progress)
    for stage in STAGES:
        wished = replace(problem, stars_near=stage.stars_near)
        vector, left = least_departure(
            equations(wished, place, LEEWAY),
            place.vector,
            problem.unknowns,
            stage,
        )
        place = at(vector, place.coefficients)
        off = np.abs((place.found - target) / tolerance).max()
        progress(
            f"objective {left:.1f}, departure {np.linalg.norm(vector):.1f},"
            f" coefficients off by up to {off:.2f} of the rounding,"
            f" {place.stars_missed} stars not as printed"
        )
    return place


def authorities_frame(
    unknowns: Unknowns, vector: Floats, scenario: Scenario, analysis: ChildrenAnalysis
) -> pd.DataFrame:
    """The pilots and comparators in the file of authorities, at a vector.

    What enters none of the columns is drawn.
    """
    values = unknowns.values(vector)
    solved = unknowns.authority_years.copy()
    for place, prior in unknowns.solved:
        solved[prior.name] = natural_units(values[place], prior)
    names = solved["authority"].unique().tolist()
    drawn = drawn_authorities(scenario, analysis, names)
    others = drawn.drop(columns=[prior.name for _, prior in unknowns.solved])
    frame = solved.merge(others, on=["authority", "year"], validate="one_to_one")
    return frame[drawn.columns]


def _outcomes(
    problem: Problem,
    place: Place,
    single: pd.DataFrame,
    authorities: pd.DataFrame,
    analysis: ChildrenAnalysis,
    *,
    rng: np.random.Generator,
    say: Progress,
) -> tuple[npt.NDArray[np.int8], Floats]:
    """Outcomes of single referrals, with the authorities' covariates as rounded."""
    unknowns, columns = problem.unknowns, (*COLUMNS, FIXED)
    profiles = profiles_of(single, analysis, unknowns.authority_years, columns)
    on_referrals = replace(problem, profiles=profiles, means=means_of(profiles, printed_means()))
    rounded = authorities[list(unknowns.covariates)].to_numpy(np.float64).T
    quarters = profiles.frame.groupby(["authority", "quarter"]).ngroup()
    return printed_outcomes(
        on_referrals,
        unknowns.entering(rounded),
        unknowns.probability(place.vector, profiles),
        np.asarray(quarters, dtype=np.int64),
        rng=rng,
        say=say,
    )


def leads_as_printed(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> bool:
    """Whether as many leads as Table 4 prints are not significant."""
    fitted = fit(matched, analysis, _regression(analysis, "Leads and lags"))
    tested = leads_test(fitted, analysis.regressions.level)
    printed = fact(4, "Number of insignificant leads", "Result for outcome: CLA rate").printed
    return tested.not_significant == printed.value


def _regression(analysis: ChildrenAnalysis, name: str) -> Regression:
    return next(each for each in analysis.regressions.columns if each.name == name)


if __name__ == "__main__":
    write_fixture(
        solve(load_scenario("cla"), load("cla-children"), progress=print),  # type: ignore[arg-type]
        Path(sys.argv[1]),
    )
