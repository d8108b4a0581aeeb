"""A population on which the printed columns of an outcome come out as printed.

    python -m sofs_bayes.synthetic.solver.solve icpc icpc.json

solves a bundled scenario anew, in some minutes. What may be moved (authorities' covariates and the
outcome's probabilities) is searched for by damped least squares on what the printed numbers and
plausibility ask for; then outcomes of 0 and 1 are looked for near the probabilities. The same
machine finds the same outcomes; another may round otherwise on the way and find others that do as
well.
"""

import sys
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
from sofs_bayes.synthetic.fixture import Fixture, rows_sha256, write_fixture
from sofs_bayes.synthetic.recurrence import order_for_print, recurring_children
from sofs_bayes.synthetic.rows import Rows, build_rows
from sofs_bayes.synthetic.scenario import Scenario, load_scenario
from sofs_bayes.synthetic.solver import cla, icpc
from sofs_bayes.synthetic.solver.equations import Asked, Place, equations, stand
from sofs_bayes.synthetic.solver.ground import quarter_of, referral_places
from sofs_bayes.synthetic.solver.rounding import Rounded, printed_outcomes, wanted_on, with_outcomes
from sofs_bayes.synthetic.solver.search import NotReached, Progress, follow, least_departure
from sofs_bayes.synthetic.solver.unknowns import authorities_frame

Floats = npt.NDArray[np.float64]

DRAWS, POLISHES = 10, 15
# Draws whose outcomes are looked for, if none have all that is printed: the best are kept.
ROUNDED = 2
ASKED = {"ICPC": icpc.asked, "CLA": cla.asked}
STREAMS = {"ICPC": "joint solve", "CLA": "CLA"}


def solve(
    scenario: Scenario,
    analysis: ChildrenAnalysis,
    *,
    seed: int | None = None,
    progress: Progress = lambda said: None,
    notice: Progress = lambda said: None,
) -> Fixture:
    """The outcomes and authorities' covariates of a scenario that the printed columns ask for.

    Or what comes nearest to them.

    `seed`: of the draws; the scenario's if None. `progress`: told how far it is, in a sentence.
    `notice`: told what is not as printed, a line each.

    Raises
    ------
    BadInput
        No draw led to probabilities on which the printed numbers come out.
    """
    seed = scenario.seed if seed is None else seed
    rows, found = build_rows(scenario, analysis), []
    for draw in range(DRAWS):
        progress(f"draw {draw + 1}")
        rng = stream(seed, STREAMS[scenario.outcome], str(draw))
        asked = ASKED[scenario.outcome](rows.matched, scenario, analysis, rng)
        try:
            vector = searched(asked, progress)
        except NotReached as error:
            progress(f"draw {draw + 1}: {error}")
            continue
        found.append(_with_outcomes(asked, vector, rows, analysis, rng=rng, say=progress))
        if not found[-1][1].off or len(found) == ROUNDED:
            break
    if not found:
        raise BadInput(
            scenario.name, "outcomes", f"no solution from {DRAWS} draws", "a scenario that has one"
        )
    fixture, rounded = min(found, key=lambda each: each[1].rank)
    for missed in (*rounded.off, *(f"stars of {name}" for name in rounded.place.stars_missed)):
        notice(f"not as printed: {missed}")
    return fixture


def searched(asked: Asked, say: Progress) -> Floats:
    """The vector on which all that is asked for holds on cells; stars, as far as they do.

    Raises
    ------
    NotReached
        This draw leads nowhere.
    """
    problem, vector = asked.problem, np.zeros(asked.problem.unknowns.size)
    if asked.path is not None:
        bare = replace(problem, wishes=(), stars=())
        vector = follow(equations(bare, asked.path, stand(bare, vector, {})), vector, say)
    place, polishes = None, (asked.polish,) * POLISHES if asked.polish else ()
    for number, stage in enumerate((*asked.stages, *polishes, None)):
        problem = asked.renewed(problem, vector)
        place = stand(problem, vector, {} if place is None else place.coefficients)
        if number:
            say(_described(place))
        done = number >= len(asked.stages) and not place.stars_missed
        if (done or stage is None) and asked.near_enough(place):
            return vector
        if stage is not None:
            vector, left = least_departure(equations(problem, stage, place), vector, stage)
            if left > stage.hopeless:
                raise NotReached(f"an objective of {left:.0f} after the first search")
    raise NotReached("the search ends too far from the printed numbers")


def _described(place: Place) -> str:
    return (
        f"departure {np.linalg.norm(place.vector):.1f}, coefficients off by up to"
        f" {np.abs(place.targets[0]).max():.2g}, {len(place.stars_missed)} stars not as printed"
    )


def _with_outcomes(
    asked: Asked,
    vector: Floats,
    rows: Rows,
    analysis: ChildrenAnalysis,
    *,
    rng: np.random.Generator,
    say: Progress,
) -> tuple[Fixture, Rounded]:
    """The fixture with outcomes near a vector's probabilities, and what these miss."""
    scenario = rows.scenario
    authorities = authorities_frame(asked.problem.unknowns, vector, scenario, analysis)
    first = referral_places(rows.matched)[1]
    none = np.zeros(len(first), dtype=np.int64)
    wanted = wanted_on(with_outcomes(rows.matched, authorities, none), analysis, asked)
    single = rows.matched.iloc[first]
    quarter = single[["authority"]].assign(quarter=quarter_of(single["referral_date"]))
    block = quarter.groupby(["authority", "quarter"]).ngroup().to_numpy().astype(np.int64)
    found = printed_outcomes(
        wanted,
        asked.probabilities(vector),
        block,
        rng=rng,
        say=say,
        taken=lambda each: (
            not asked.leads
            or leads_as_printed(with_outcomes(rows.matched, authorities, each), analysis)
        ),
    )
    outcome = found.outcome
    matched = with_outcomes(rows.matched, authorities, outcome)
    child, main = recurring_children(scenario, rows.referrals), _regression(analysis, asked.main)
    fixture = Fixture(
        scenario=scenario.name,
        rows_sha256=rows_sha256(rows, analysis),
        authorities=authorities,
        outcome=outcome.astype(np.uint8),
        child_order=order_for_print(scenario, child, matched, analysis, main)[0],
    )
    return fixture, found


def leads_as_printed(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> bool:
    """Whether as many leads as Table 4 prints are not significant."""
    tested = leads_test(
        fit(matched, analysis, _regression(analysis, "Leads and lags")), analysis.regressions.level
    )
    column = f"Result for outcome: {analysis.outcome} rate"
    return tested.not_significant == fact(4, "Number of insignificant leads", column).printed.value


def _regression(analysis: ChildrenAnalysis, name: str) -> Regression:
    return next(each for each in analysis.regressions.columns if each.name == name)


if __name__ == "__main__":
    name, path = sys.argv[1:]
    write_fixture(
        solve(load_scenario(name), load(f"{name.split('-')[0]}-children"), progress=print),  # type: ignore[arg-type]
        Path(path),
    )
