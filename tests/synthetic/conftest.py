"""Shared by the tests of made-up children: the two scenarios and their rows, built once.

For the solvers also a few thousand rows of the same authorities.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from sofs_bayes.spec import ChildrenAnalysis, load
from sofs_bayes.synthetic.cla_equations import Aim, MeanAim, Problem
from sofs_bayes.synthetic.cla_problem import (
    COLUMNS,
    FIXED,
    WITHOUT_COVARIATES,
    printed_stars,
    targets,
    wishes,
    within,
)
from sofs_bayes.synthetic.cla_profiles import Profiles, by_profile, profiles_of, single_referrals
from sofs_bayes.synthetic.cla_unknowns import lay_out
from sofs_bayes.synthetic.icpc_problem import Ground, ground_of, problem_on
from sofs_bayes.synthetic.icpc_start import authorities_frame
from sofs_bayes.synthetic.joint_solve import Problem as LinearProblem
from sofs_bayes.synthetic.outcomes import Floats
from sofs_bayes.synthetic.printed_sums import with_outcomes
from sofs_bayes.synthetic.priors import grid
from sofs_bayes.synthetic.rows import Rows, build_rows
from sofs_bayes.synthetic.scenario import Scenario, load_scenario

TOY_REFERRALS = 6000


def analysis_of(name: str) -> ChildrenAnalysis:
    """The analysis of a scenario's outcome."""
    analysis = load(f"{name}-children")
    assert isinstance(analysis, ChildrenAnalysis)
    return analysis


@pytest.fixture(scope="session")
def icpc() -> Scenario:
    return load_scenario("icpc")


@pytest.fixture(scope="session")
def icpc_analysis() -> ChildrenAnalysis:
    return analysis_of("icpc")


@pytest.fixture(scope="session")
def icpc_rows(icpc: Scenario, icpc_analysis: ChildrenAnalysis) -> Rows:
    return build_rows(icpc, icpc_analysis)


@pytest.fixture(scope="session")
def cla() -> Scenario:
    return load_scenario("cla")


@pytest.fixture(scope="session")
def cla_analysis() -> ChildrenAnalysis:
    return analysis_of("cla")


@pytest.fixture(scope="session")
def cla_rows(cla: Scenario, cla_analysis: ChildrenAnalysis) -> Rows:
    return build_rows(cla, cla_analysis)


@pytest.fixture(scope="session", params=["icpc", "cla"])
def rows(request: pytest.FixtureRequest) -> Rows:
    """The rows of either scenario in turn."""
    found: Rows = request.getfixturevalue(f"{request.param}_rows")
    return found


@pytest.fixture(scope="session")
def analysis(rows: Rows) -> ChildrenAnalysis:
    """The analysis that goes with `rows`."""
    return analysis_of(rows.scenario.name)


@pytest.fixture(scope="session")
def toy_matched(cla: Scenario, cla_analysis: ChildrenAnalysis) -> pd.DataFrame:
    """Matched rows in which Comparator A's referrals stand in two groups."""
    rng, size = np.random.default_rng(1), TOY_REFERRALS
    authority = rng.choice([*cla.pilots, *cla.comparators], size)
    year = rng.choice(cla_analysis.records.years, size)
    pilot = np.char.startswith(authority.astype(str), "Pilot").astype(int)
    post = (year >= 2016).astype(int)
    frame = pd.DataFrame(
        {
            "referral": np.arange(size),
            "authority": authority,
            "group": np.where(pilot == 1, authority, "Pilot 1"),
            "pilot": pilot,
            "post": post,
            "year": year,
            "years_since": np.where(post == 1, rng.integers(0, 3, size), -3),
            "referral_date": pd.to_datetime(
                {"year": year, "month": rng.integers(4, 13, size), "day": 5}
            ),
            "gender": rng.choice(["male", "female"], size),
            "age": rng.integers(0, 18, size).astype(float),
            "disabled": rng.choice(["no", "yes"], size),
            "school_phase": rng.choice(["before school", "primary", "secondary"], size),
            "low_income": rng.choice(["no", "yes", "missing"], size),
            "ethnic_group": rng.choice(["White", "Asian"], size),
            "weight": np.where(pilot == 1, 1.0, rng.uniform(0.3, 2.0, size)),
        }
    )
    again = frame[frame["authority"] == "Comparator A"].assign(group="Pilot 5")
    return pd.concat([frame, again], ignore_index=True)


@pytest.fixture(scope="session")
def toy_single(
    toy_matched: pd.DataFrame, cla: Scenario, cla_analysis: ChildrenAnalysis
) -> Profiles:
    """Its single referrals."""
    frame = single_referrals(toy_matched)
    return profiles_of(frame, cla_analysis, grid(cla, cla_analysis), COLUMNS)


@pytest.fixture(scope="session")
def toy_profiles(
    toy_matched: pd.DataFrame, cla: Scenario, cla_analysis: ChildrenAnalysis
) -> Profiles:
    """Its profiles."""
    frame = by_profile(single_referrals(toy_matched), cla_analysis)
    columns = (*COLUMNS, FIXED, *WITHOUT_COVARIATES)
    return profiles_of(frame, cla_analysis, grid(cla, cla_analysis), columns)


@pytest.fixture(scope="session")
def toy_problem(toy_profiles: Profiles, cla: Scenario, cla_analysis: ChildrenAnalysis) -> Problem:
    """Equations on its profiles, with probabilities of about a fifth at the start."""
    unknowns = lay_out(cla, cla_analysis, toy_profiles, rng=np.random.default_rng(3))
    everyone = MeanAim(
        weight=toy_profiles.frame["referrals"].to_numpy(np.float64),
        aim=Aim(value=0.2, tolerance=0.01),
    )
    return Problem(
        profiles=toy_profiles,
        unknowns=replace(unknowns, logit_start=unknowns.logit_start - 1.4),
        targets=(*targets(cla_analysis), within(cla_analysis, 0.01)),
        wishes=wishes(cla, cla_analysis),
        stars=printed_stars(cla, cla_analysis),
        means=(everyone,),
        r_squared=Aim(value=0.03, tolerance=0.001),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearToy:
    """Some of the ICPC rows, the linear columns on their cells, and a vector near the start.

    `frame` are the rows with the covariates that authorities have at the vector.
    """

    analysis: ChildrenAnalysis
    scenario: Scenario
    ground: Ground
    problem: LinearProblem
    vector: Floats
    frame: pd.DataFrame


@pytest.fixture(scope="session")
def linear_toy(icpc_rows: Rows, icpc: Scenario, icpc_analysis: ChildrenAnalysis) -> LinearToy:
    """A tenth of the referrals, in all the groups they stand in."""
    kept = icpc_rows.matched["referral"] % 10 == 3
    few = icpc_rows.matched[kept].reset_index(drop=True)
    ground = ground_of(few, icpc_analysis, icpc)
    problem = problem_on(ground, icpc, icpc_analysis, rng=np.random.default_rng(5))
    unknowns = problem.unknowns
    vector = unknowns.start.copy()
    vector[unknowns.outcome_from :] += np.random.default_rng(6).normal(
        scale=0.01, size=len(unknowns.quarters)
    )
    authorities = authorities_frame(unknowns, vector, icpc, icpc_analysis)
    none = np.zeros(ground.referrals.count, dtype=np.int64)
    return LinearToy(
        analysis=icpc_analysis,
        scenario=icpc,
        ground=ground,
        problem=problem,
        vector=vector,
        frame=with_outcomes(few, authorities, none),
    )
