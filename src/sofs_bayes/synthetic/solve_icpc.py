"""A population on which every printed coefficient of Tables 5 and 6 comes out as printed.

With them their stars, R², Table 3's rates before settling-in and the incidence.

    python -m sofs_bayes.synthetic.solve_icpc icpc.json

solves the bundled scenario anew, in some two minutes.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.printed_rows import printed_r_squared
from sofs_bayes.frequentist.terms import child_terms
from sofs_bayes.published.facts import Printed, fact, read_printed, stated
from sofs_bayes.spec import ChildrenAnalysis, load
from sofs_bayes.synthetic.cell_design import Cells, cell_column, collapse_cells, quarter_of
from sofs_bayes.synthetic.fixture import Fixture, rows_sha256, write_fixture
from sofs_bayes.synthetic.icpc_outcomes import (
    child_probabilities,
    linear_effects,
    printed_outcomes,
)
from sofs_bayes.synthetic.icpc_start import by_authority_year, lay_out
from sofs_bayes.synthetic.joint_solve import (
    Equations,
    Mean,
    Problem,
    coefficient_equations,
    explained_equation,
    mean_equations,
    outcome_free_equations,
    printed_targets,
    together,
)
from sofs_bayes.synthetic.least_departure import Costs, exactly, least_departure
from sofs_bayes.synthetic.outcomes import Binary, Sums
from sofs_bayes.synthetic.printed_stars import star_equations
from sofs_bayes.synthetic.printed_sums import (
    coefficient_sums,
    explained_by,
    joined,
    mean_sums,
    referrals_of,
)
from sofs_bayes.synthetic.recurrence import order_for_print, recurring_children
from sofs_bayes.synthetic.rows import Rows, build_rows
from sofs_bayes.synthetic.scenario import Scenario, load_scenario, stream

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Progress = Callable[[str], None]

LINEAR = "Linear model"
ARMS = ("ICPC rates - Pilot sites", "ICPC rates - Comparator sites")
# The last year since settling-in, which only pilot 4 has: a term without a printed row.
UNPRINTED = ("lag 3",)
DRAWS = 10
SCORE_DECIMALS = 6

# How near coefficients, means of probabilities and R² are wanted on the way.
COEFFICIENTS_NEAR, MEANS_NEAR, EXPLAINED_NEAR = 1e-3, 2e-3, 2e-3
# And in the end, before outcomes are rounded; a printed half unit is 5e-5.
EXACT = 1e-9
# Means of outcomes are met within this share of their printed rounding.
MEANS_WITHIN = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One search: how much the prior pulls, how near stars are wanted (None: left alone).

    A draw is given up where the objective stays above `hopeless`.
    """

    pull: float
    steps: int
    stars_near: float | None = None
    damping: float = 1e-4
    enough: float = 1e-3
    hopeless: float = np.inf


STAGES = (
    Stage(pull=1.0, steps=40, hopeless=8000),
    Stage(pull=0.1, steps=60, hopeless=1500),
    Stage(pull=0.01, steps=60, hopeless=1500),
    Stage(pull=0.05, steps=40, stars_near=1.0, damping=1.0, enough=1e-4),
    Stage(pull=0.03, steps=60, stars_near=0.3, damping=1.0, enough=1e-4),
    Stage(pull=0.03, steps=60, stars_near=0.1, damping=1.0, enough=1e-4),
    Stage(pull=0.03, steps=60, stars_near=0.05, damping=1.0, enough=1e-4),
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
    cells = collapse_cells(rows.matched, analysis)
    for draw in range(DRAWS):
        rng = stream(seed, "joint solve", str(draw))
        problem = problem_on(cells, rows.matched, scenario, analysis, rng=rng)
        vector = solved(problem, scenario, lambda said, n=draw: progress(f"draw {n + 1}: {said}"))
        if vector is None:
            continue
        authorities = authorities_frame(problem, vector, scenario, analysis)
        outcome, sums = _outcomes(
            problem, vector, rows.matched, authorities, scenario, analysis, rng=rng, say=progress
        )
        if np.all(np.abs(sums.misses(outcome)) <= 1):
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


def problem_on(
    cells: Cells,
    matched: pd.DataFrame,
    scenario: Scenario,
    analysis: ChildrenAnalysis,
    *,
    rng: np.random.Generator,
) -> Problem:
    """The printed columns on cells, from a draw of what is assumed."""
    similar = cells.frame["authority"].isin(scenario.authorities.similar_practice_model)
    ratings = pd.DataFrame(
        {
            "ofsted": by_authority_year(cells.frame, analysis, scenario.authorities.ofsted),
            "similar_practice_model": similar.astype(np.float64),
        }
    )
    targets = printed_targets(analysis)
    printed = dict.fromkeys(each.column for each in targets)
    effects = linear_effects(child_terms(matched, analysis), scenario)
    return Problem(
        cells=cells,
        columns={
            regression.name: cell_column(cells, analysis, regression, ratings)
            for regression in analysis.regressions.columns
            if regression.name in printed
        },
        targets=targets,
        unknowns=lay_out(cells, analysis, scenario, unprinted=UNPRINTED, rng=rng),
        shift=-_mean_effect(cells, matched, analysis, effects),
        effects=effects[cells.child_terms],
        means=_means(cells, scenario),
        r_squared=_r_squared().value or 0.0,
    )


def _mean_effect(
    cells: Cells, matched: pd.DataFrame, analysis: ChildrenAnalysis, effects: Floats
) -> Floats:
    """The children's mean effect by authority and quarter, each referral once, for each cell."""
    single = single_referrals(matched)
    own = child_terms(single, analysis).to_numpy(np.float64) @ effects
    means = (
        single[["authority"]]
        .assign(quarter=quarter_of(single["referral_date"]), effect=own)
        .groupby(["authority", "quarter"])["effect"]
        .mean()
    )
    keys = pd.MultiIndex.from_frame(cells.frame[["authority", "quarter"]])
    return means.reindex(keys).to_numpy(np.float64)


def _means(cells: Cells, scenario: Scenario) -> tuple[Mean, ...]:
    """Table 3's rates before settling-in, and the incidence by weight and by row."""
    pilot = cells.frame["pilot"].to_numpy(np.float64)
    before = 1.0 - cells.frame["post"].to_numpy(np.float64)
    incidence = (read_printed(stated("icpc.incidence").printed).value or 0.0) / 100
    return (
        Mean(weight=cells.weight * before * pilot, value=scenario.outcomes.pilots),
        Mean(weight=cells.weight * before * (1 - pilot), value=scenario.outcomes.comparators),
        Mean(weight=cells.weight, value=incidence),
        Mean(weight=cells.rows, value=incidence),
    )


def _r_squared() -> Printed:
    printed = printed_r_squared(5)
    assert printed is not None
    return printed.printed


def solved(problem: Problem, scenario: Scenario, say: Progress) -> Floats | None:
    """The vector on which everything printed holds on cells; None if this draw leads nowhere."""
    unknowns, prior = problem.unknowns, scenario.outcomes
    coefficients = coefficient_equations(problem)
    shared: list[tuple[Equations, float]] = [
        (outcome_free_equations(problem), COEFFICIENTS_NEAR),
        (coefficients, COEFFICIENTS_NEAR),
        (mean_equations(problem), MEANS_NEAR),
    ]
    stars, explained = star_equations(problem), explained_equation(problem)
    vector = unknowns.start
    for stage in STAGES:
        also = (
            []
            if stage.stars_near is None
            else [(explained, EXPLAINED_NEAR), (stars, stage.stars_near)]
        )
        vector, left = least_departure(
            together(*shared, *also),
            vector,
            unknowns,
            Costs(lowest=prior.lowest, highest=prior.highest, pull=stage.pull),
            steps=stage.steps,
            enough=stage.enough,
            damping=stage.damping,
        )
        off = np.abs(coefficients(vector)[0]).max()
        missed = np.count_nonzero(stars(vector)[0])
        say(f"objective {left:.1f}, coefficients off by up to {off:.1e}, {missed} stars")
        if left > stage.hopeless:
            return None
    vector = exactly(coefficients, vector, unknowns, within=EXACT)
    off = np.abs(coefficients(vector)[0]).max()
    probability = vector[unknowns.outcome_from :]
    say(
        f"coefficients off by up to {off:.1e}, {np.count_nonzero(stars(vector)[0])} stars,"
        f" probabilities from {probability.min():.3f} to {probability.max():.3f}"
    )
    return vector if off <= EXACT and probability.min() > 0 else None


def authorities_frame(
    problem: Problem, vector: Floats, scenario: Scenario, analysis: ChildrenAnalysis
) -> pd.DataFrame:
    """The file of authorities at a vector, in natural units.

    A covariate that enters regressions at mean 0 and sd 1 may have any unit and origin: it is
    put at its prior's mean, with its prior's spread or what keeps it in its range.
    """
    unknowns, given = problem.unknowns, scenario.authorities
    frame = unknowns.authority_years.copy()
    found: dict[str, Floats] = {}
    for values, (_, prior) in zip(unknowns.theta(vector), unknowns.solved, strict=True):
        centred = values - values.mean()
        room = (
            (prior.highest - prior.mean) / centred.max(),
            (prior.mean - prior.lowest) / -centred.min(),
        )
        natural = prior.mean + min(prior.between_sd, *room) * centred
        found[prior.name] = natural.round(prior.decimals)
    for name in ("ofsted", "innovation_projects"):
        found[name] = by_authority_year(frame, analysis, getattr(given, name))
    for name, scores in unknowns.scores(vector).items():
        by_pilot = dict(zip(unknowns.pilots, scores.round(SCORE_DECIMALS).tolist(), strict=True))
        found[name] = frame["authority"].map(by_pilot).fillna(0.0).to_numpy(np.float64)
    similar = frame["authority"].isin(given.similar_practice_model)
    found["similar_practice_model"] = similar.to_numpy(np.float64)
    return frame.assign(
        **{each.name: found[each.name] for each in analysis.records.authority_covariates}
    )


def single_referrals(matched: pd.DataFrame) -> pd.DataFrame:
    """Each matched referral once, in ascending order."""
    return matched.drop_duplicates("referral").sort_values("referral", ignore_index=True)


def with_outcomes(
    matched: pd.DataFrame, authorities: pd.DataFrame, outcome: npt.NDArray[np.integer]
) -> pd.DataFrame:
    """Matched rows with outcomes (in the order of referrals) and authorities' covariates."""
    joined_rows = matched.assign(outcome=outcome[referrals_of(matched).place])
    return joined_rows.merge(
        authorities, on=["authority", "year"], how="left", validate="many_to_one"
    )


def _outcomes(
    problem: Problem,
    vector: Floats,
    matched: pd.DataFrame,
    authorities: pd.DataFrame,
    scenario: Scenario,
    analysis: ChildrenAnalysis,
    *,
    rng: np.random.Generator,
    say: Progress,
) -> tuple[Binary, Sums]:
    """Outcomes of single referrals with the authorities' covariates as rounded, and their sums."""
    single = single_referrals(matched)
    blocks = problem.unknowns.quarters[["authority", "quarter"]]
    block = (
        single[["authority"]]
        .assign(quarter=quarter_of(single["referral_date"]))
        .merge(blocks.assign(block=blocks.index), how="left")["block"]
        .to_numpy(np.int64)
    )
    whole = with_outcomes(matched, authorities, np.zeros(len(single), dtype=np.int64))
    sums = joined(coefficient_sums(whole, analysis, problem.targets), _mean_sums(whole))
    outcome = printed_outcomes(
        child_probabilities(
            single, block, vector[problem.unknowns.outcome_from :], analysis, scenario
        ),
        block,
        sums,
        explained_by(whole, analysis, LINEAR),
        r_squared=(_r_squared().value or 0.0, _r_squared().half_unit),
        rng=rng,
        say=say,
    )
    return outcome, sums


def _mean_sums(matched: pd.DataFrame) -> Sums:
    """Table 3's rates before settling-in and the incidence: by weight, by row, each once."""
    weight = matched["weight"].to_numpy(np.float64)
    pilot = matched["pilot"].to_numpy(np.float64)
    before = 1.0 - matched["post"].to_numpy(np.float64)
    rates = [fact(3, "Outcome", arm).printed for arm in ARMS]
    incidence = read_printed(stated("icpc.incidence").printed)
    printed = [*rates, incidence, incidence, incidence]
    by_row = np.column_stack(
        [
            weight * before * pilot,
            weight * before * (1 - pilot),
            weight,
            np.ones(len(matched)),
            1 / matched["multiplicity"].to_numpy(np.float64),
        ]
    )
    return mean_sums(
        referrals_of(matched).summed(by_row),
        np.array([(each.value or 0.0) / 100 for each in printed]),
        np.array([each.half_unit / 100 * MEANS_WITHIN for each in printed]),
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
