"""A population on which every printed coefficient of Tables 5 and 6 comes out as printed.

With them the stars, R², Table 3's rates before settling-in and the incidence. As many
populations would do, one is wanted whose authorities move as real ones do, and on which the printed
DiD holds within authorities and in a hierarchical model, as far as its scenario asks for it.

    python -m sofs_bayes.synthetic.solve_icpc icpc.json

solves the bundled scenario anew, in some minutes.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.term import DID
from sofs_bayes.spec import ChildrenAnalysis, load
from sofs_bayes.spec.seeds import stream
from sofs_bayes.synthetic.fixture import Fixture, rows_sha256, write_fixture
from sofs_bayes.synthetic.icpc_outcomes import Wanted, printed_outcomes
from sofs_bayes.synthetic.icpc_problem import (
    Ground,
    ground_of,
    printed_means,
    problem_on,
    r_squared,
    with_children,
    within_authorities,
)
from sofs_bayes.synthetic.icpc_start import authorities_frame
from sofs_bayes.synthetic.joint_solve import (
    Problem,
    Target,
    coefficient_equations,
    covariate_equations,
    explained_equation,
    mean_equations,
    outcome_free_equations,
    together,
    within_equations,
)
from sofs_bayes.synthetic.least_departure import Stage, least_departure
from sofs_bayes.synthetic.outcomes import Binary
from sofs_bayes.synthetic.printed_errors import printed_errors
from sofs_bayes.synthetic.printed_stars import missed_stars, star_equations
from sofs_bayes.synthetic.printed_sums import (
    coefficient_sums,
    explained_by,
    joined,
    referrals_of,
    with_outcomes,
)
from sofs_bayes.synthetic.recurrence import order_for_print, recurring_children
from sofs_bayes.synthetic.rows import Rows, build_rows
from sofs_bayes.synthetic.scenario import Scenario, load_scenario

Floats = npt.NDArray[np.float64]
Progress = Callable[[str], None]

LINEAR = "Linear model"
DRAWS = 10

# How near means of probabilities and R² are wanted on the way.
MEANS_NEAR, EXPLAINED_NEAR = 1e-3, 3e-4
# How near the DiD within authorities is wanted on the way, of how near it is in the end.
WITHIN_SHARE = 0.15
# How near coefficients are in the end, before outcomes are rounded; a printed half unit is 5e-5.
# What is left of them is met by outcomes, but not what is left of equations without outcomes.
COEFFICIENTS_WITHIN, OUTCOME_FREE_WITHIN = 1e-3, 5e-6
POLISHES = 15


STAGES = (
    Stage(pull=1.0, steps=40, hopeless=1500),
    Stage(pull=0.1, steps=40),
    Stage(pull=1.0, steps=40),
    Stage(pull=0.3, steps=40, stars_near=0.3, damping=1.0),
    Stage(pull=1.0, steps=40, near=3e-4, stars_near=0.1, damping=1.0),
)
POLISH = Stage(pull=0.3, steps=15, near=5e-5, stars_near=0.05, damping=1.0, enough=1e-4)


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
    ground = ground_of(rows.matched, analysis, scenario)
    for draw in range(DRAWS):
        rng = stream(seed, "joint solve", str(draw))
        progress(f"draw {draw + 1}")
        problem = problem_on(ground, scenario, analysis, rng=rng)
        vector = solved(problem, ground, scenario, progress)
        if vector is None:
            continue
        authorities = authorities_frame(problem.unknowns, vector, scenario, analysis)
        none = np.zeros(ground.referrals.count, dtype=np.int64)
        whole = with_outcomes(rows.matched, authorities, none)
        outcome = printed_outcomes(
            ground.children.probabilities(vector[problem.unknowns.outcome_from :]),
            ground.children.block,
            _wanted(whole, analysis, problem, scenario.outcomes.within_near),
            rng=rng,
            say=progress,
        )
        if outcome is not None:
            return Fixture(
                scenario=scenario.name,
                rows_sha256=rows_sha256(rows, analysis),
                authorities=authorities,
                outcome=outcome.astype(np.uint8),
                child_order=_child_order(rows, authorities, outcome, scenario, analysis),
            )
    raise BadInput(
        scenario.name, "outcomes", f"no solution from {DRAWS} draws", "a scenario that has one"
    )


def solved(problem: Problem, ground: Ground, scenario: Scenario, say: Progress) -> Floats | None:
    """The vector on which everything printed holds on cells; None if this draw leads nowhere."""
    vector = problem.unknowns.start
    for stage in STAGES:
        problem = with_children(problem, ground, vector)
        vector, left = _searched(problem, vector, stage, scenario)
        say(f"objective {left:.1f}, {_described(problem, vector)}")
        if left > stage.hopeless:
            return None
    for _ in range(POLISHES):
        problem = with_children(problem, ground, vector)
        off, free = _off(problem, vector)
        say(_described(problem, vector))
        near = off <= COEFFICIENTS_WITHIN and free <= OUTCOME_FREE_WITHIN
        if near and missed_stars(problem, vector) == 0:
            return vector
        vector, _ = _searched(problem, vector, POLISH, scenario)
    return None


def _searched(
    problem: Problem, vector: Floats, stage: Stage, scenario: Scenario
) -> tuple[Floats, float]:
    prior = scenario.outcomes
    wanted = [
        (outcome_free_equations(problem), stage.near),
        (coefficient_equations(problem), stage.near),
        (within_equations(problem), WITHIN_SHARE * prior.within_near),
        (covariate_equations(problem), scenario.authorities.coefficient_sd),
        (mean_equations(problem), MEANS_NEAR),
    ]
    if stage.stars_near is not None:
        wanted.append((explained_equation(problem), EXPLAINED_NEAR))
        wanted.append((star_equations(problem), stage.stars_near))
    return least_departure(
        together(*wanted),
        vector,
        problem.unknowns,
        stage,
        (prior.lowest, prior.highest),
    )


def _off(problem: Problem, vector: Floats) -> tuple[float, float]:
    """How far coefficients, and what is tied whatever the outcome, are off at most."""
    off = np.abs(coefficient_equations(problem)(vector)[0]).max()
    return float(off), float(np.abs(outcome_free_equations(problem)(vector)[0]).max())


def _described(problem: Problem, vector: Floats) -> str:
    off, free = _off(problem, vector)
    probability = vector[problem.unknowns.outcome_from :]
    return (
        f"coefficients off by up to {off:.1e} ({free:.1e} whatever the outcome),"
        f" {missed_stars(problem, vector)} stars not as printed,"
        f" probabilities from {probability.min():.3f} to {probability.max():.3f}"
    )


def _wanted(
    matched: pd.DataFrame, analysis: ChildrenAnalysis, problem: Problem, within_near: float
) -> Wanted:
    """What outcomes are to meet on matched rows with the authorities' covariates as in the file."""
    value, half_unit = r_squared()
    weights = matched["weight"].to_numpy(np.float64)
    did = problem.printed(LINEAR)[DID]
    within = [
        coefficient_sums(
            matched,
            each,
            [Target(column=column.name, term=DID, value=did, half_unit=within_near)],
        )
        for each, column in within_authorities(analysis)
    ]
    return Wanted(
        sums=joined(
            coefficient_sums(matched, analysis, problem.targets), printed_means(matched), *within
        ),
        explained=explained_by(matched, analysis, LINEAR),
        errors=printed_errors(matched, analysis, problem.targets),
        r_squared=value,
        half_unit=half_unit,
        weight=referrals_of(matched).summed(weights[:, None])[:, 0],
    )


def _child_order(
    rows: Rows,
    authorities: pd.DataFrame,
    outcome: Binary,
    scenario: Scenario,
    analysis: ChildrenAnalysis,
) -> int:
    """The order of children's ids with which the printed Breusch–Godfrey p comes out."""
    matched = with_outcomes(rows.matched, authorities, outcome)
    regression = next(each for each in analysis.regressions.columns if each.name == LINEAR)
    child = recurring_children(scenario, rows.referrals)
    return order_for_print(scenario, child, matched, analysis, regression)[0]


if __name__ == "__main__":
    write_fixture(
        solve(load_scenario("icpc"), load("icpc-children"), progress=print),  # type: ignore[arg-type]
        Path(sys.argv[1]),
    )
