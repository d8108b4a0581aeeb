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
from sofs_bayes.frequentist.printed_rows import printed_r_squared
from sofs_bayes.frequentist.term import DID
from sofs_bayes.published.facts import fact, read_printed, stated
from sofs_bayes.spec import ChildrenAnalysis, Regression, load
from sofs_bayes.spec.seeds import stream
from sofs_bayes.synthetic.authority_frame import drawn_authorities
from sofs_bayes.synthetic.cla_equations import (
    Aim,
    MeanAim,
    Place,
    Problem,
    equations,
    stand,
    wanted,
)
from sofs_bayes.synthetic.cla_outcomes import printed_outcomes
from sofs_bayes.synthetic.cla_path import NotReached, follow
from sofs_bayes.synthetic.cla_profiles import (
    BARE,
    Profiles,
    by_profile,
    profiles_of,
    single_referrals,
)
from sofs_bayes.synthetic.cla_stars import Stars
from sofs_bayes.synthetic.cla_start import starting_problem
from sofs_bayes.synthetic.cla_unknowns import Unknowns, lay_out
from sofs_bayes.synthetic.fixture import Fixture, rows_sha256, write_fixture
from sofs_bayes.synthetic.joint_solve import Target, printed_targets
from sofs_bayes.synthetic.least_departure import Stage, least_departure
from sofs_bayes.synthetic.printed_sums import with_outcomes
from sofs_bayes.synthetic.priors import grid, natural_units
from sofs_bayes.synthetic.recurrence import order_for_print, recurring_children
from sofs_bayes.synthetic.rows import build_rows
from sofs_bayes.synthetic.scenario import Scenario, load_scenario

Floats = npt.NDArray[np.float64]
Progress = Callable[[str], None]

LINEAR = "Linear regression - clustered"
UNCLUSTERED = "Logistic regression - not clustered"
LAGGED = "Lagged treatment - logistic regression"
CLUSTERED = "Logistic regression - clustered"
FIXED = "Authority fixed effects"
COLUMNS = (LINEAR, UNCLUSTERED, LAGGED)
# Columns whose DiD is wanted as near as can be.
WITHOUT_COVARIATES = (UNCLUSTERED + BARE, FIXED + BARE)
ARMS = ("CLA rates - Pilot sites", "CLA rates - Comparator sites")

# The linear column has hundredths, and thousandths where those are 0: its bare "0" is .000.
HALF, BARE_ZERO = 0.5, 0.0005
# Rates that the probabilities aim at, in half units above the printed incidence, and how near,
# in half units: below the edge, as Table 3's rates ask for more than the printed 2%.
INCIDENCE_ABOVE = 0.7
NEAR = 0.1
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


def targets(analysis: ChildrenAnalysis) -> tuple[Target, ...]:
    """The printed coefficients aimed at, by column in the order of `COLUMNS`."""
    printed = printed_targets(analysis)
    return tuple(
        replace(each, half_unit=BARE_ZERO) if each.half_unit == HALF else each
        for column in COLUMNS
        for each in printed
        if each.column == column
    )


def problem_on(
    profiles: Profiles,
    scenario: Scenario,
    analysis: ChildrenAnalysis,
    *,
    rng: np.random.Generator,
) -> Problem:
    """The equations on profiles, from a draw of what is assumed."""
    prior = scenario.outcomes
    r_squared = printed_r_squared(7)
    assert r_squared is not None
    problem = Problem(
        profiles=profiles,
        unknowns=lay_out(scenario, analysis, profiles, rng=rng),
        targets=(*targets(analysis), within(analysis, prior.within_near)),
        wishes=wishes(scenario, analysis),
        means=_aimed_at(profiles, prior.pilots, prior.comparators),
        r_squared=Aim(value=r_squared.printed.value or 0.0, tolerance=r_squared.printed.half_unit),
        stars=printed_stars(scenario, analysis),
    )
    return starting_problem(problem, LAGGED, (prior.pilots, prior.comparators), rng=rng)


def within(analysis: ChildrenAnalysis, near: float) -> Target:
    """The printed DiD of the logistic column, wanted with authorities' fixed effects too."""
    aims = {(each.column, each.term): each for each in targets(analysis)}
    return replace(aims[UNCLUSTERED, DID], column=FIXED, half_unit=near)


def wishes(scenario: Scenario, analysis: ChildrenAnalysis) -> tuple[Target, ...]:
    """The same DiD without authorities' covariates, and small coefficients of these.

    That of the rating is left out, which the printed intercept asks for.
    """
    prior, near = scenario.outcomes, scenario.authorities.coefficient_sd
    rate = (prior.pilots + prior.comparators) / 2
    names = [name for name in analysis.regressions.authority_covariates if name != "ofsted"]
    bare = [replace(within(analysis, prior.bare_near), column=name) for name in WITHOUT_COVARIATES]
    small = [
        Target(column=column, term=name, value=0.0, half_unit=near * scale)
        for column in (*COLUMNS, FIXED)
        for scale in (rate if column == LINEAR else 1.0,)
        for name in names
    ]
    return (*bare, *small)


def printed_stars(scenario: Scenario, analysis: ChildrenAnalysis) -> tuple[Stars, ...]:
    """The stars of all printed columns; both logistic ones are the unclustered fit."""
    found = []
    for name in (LINEAR, UNCLUSTERED, CLUSTERED, LAGGED):
        own = [each for each in printed_targets(analysis) if each.column == name]
        clusters = len(scenario.pilots) + len(scenario.comparators)
        found.append(
            Stars(
                fitted=UNCLUSTERED if name == CLUSTERED else name,
                terms=tuple(each.term for each in own),
                stars=tuple(each.stars for each in own),
                clusters=None if name == UNCLUSTERED else clusters,
            )
        )
    return tuple(found)


def _means(profiles: Profiles, aims: tuple[Aim, Aim, Aim]) -> tuple[MeanAim, MeanAim, MeanAim]:
    """Incidence (each referral once), and weighted rates before settling-in of both arms."""
    frame, weight = profiles.frame, profiles.weight
    before, pilot = (frame["post"] == 0).to_numpy(), (frame["pilot"] == 1).to_numpy()
    return (
        MeanAim(weight=frame["referrals"].to_numpy(np.float64), aim=aims[0]),
        MeanAim(weight=weight * (before & pilot), aim=aims[1]),
        MeanAim(weight=weight * (before & ~pilot), aim=aims[2]),
    )


def _printed_means() -> tuple[Aim, Aim, Aim]:
    """The incidence and Table 3's rates as printed, in probability."""
    incidence = read_printed(stated("cla.incidence").printed)
    rates = [fact(3, "Outcome", arm).printed for arm in ARMS]
    first, second, third = (
        Aim(value=(each.value or 0.0) / 100, tolerance=each.half_unit / 100)
        for each in (incidence, *rates)
    )
    return first, second, third


def _aimed_at(
    profiles: Profiles, pilots: float, comparators: float
) -> tuple[MeanAim, MeanAim, MeanAim]:
    """Where inside the printed rounding probabilities are to lie."""
    incidence = _printed_means()[0]
    near = NEAR * incidence.tolerance
    first = incidence.value + INCIDENCE_ABOVE * incidence.tolerance
    return _means(
        profiles,
        (
            Aim(value=first, tolerance=near),
            Aim(value=pilots, tolerance=near),
            Aim(value=comparators, tolerance=near),
        ),
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
    on_referrals = replace(problem, profiles=profiles, means=_means(profiles, _printed_means()))
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
