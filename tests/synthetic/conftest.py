"""Shared by the tests of made-up children: the two scenarios and their rows, built once.

For the solvers also a few thousand rows of the same authorities.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from sofs_bayes.spec import ChildrenAnalysis, load
from sofs_bayes.synthetic.covariates import Floats
from sofs_bayes.synthetic.rows import Rows, build_rows
from sofs_bayes.synthetic.scenario import Scenario, load_scenario
from sofs_bayes.synthetic.solver import cla as asking_cla
from sofs_bayes.synthetic.solver import icpc as asking_icpc
from sofs_bayes.synthetic.solver.equations import Asked
from sofs_bayes.synthetic.solver.ground import referral_places
from sofs_bayes.synthetic.solver.rounding import Wanted, wanted_on, with_outcomes
from sofs_bayes.synthetic.solver.unknowns import authorities_frame

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
    whole = pd.concat([frame, again], ignore_index=True)
    return whole.assign(multiplicity=whole.groupby("referral")["group"].transform("size"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Toy:
    """A few thousand matched rows, what is asked of them, and a vector near the start.

    `frame` are the rows with the covariates that authorities have at the vector, and `wanted` what
    is asked of outcomes on them.
    """

    analysis: ChildrenAnalysis
    scenario: Scenario
    asked: Asked
    vector: Floats
    frame: pd.DataFrame
    wanted: Wanted


def toy_of(matched: pd.DataFrame, scenario: Scenario, analysis: ChildrenAnalysis) -> Toy:
    ask = {"ICPC": asking_icpc.asked, "CLA": asking_cla.asked}[scenario.outcome]
    asked = ask(matched, scenario, analysis, np.random.default_rng(5))
    unknowns = asked.problem.unknowns
    vector = 0.1 * np.random.default_rng(6).standard_normal(unknowns.size)
    authorities = authorities_frame(unknowns, vector, scenario, analysis)
    none = np.zeros(len(referral_places(matched)[1]), dtype=np.int64)
    frame = with_outcomes(matched, authorities, none)
    return Toy(
        analysis=analysis,
        scenario=scenario,
        asked=replace(asked, problem=asked.renewed(asked.problem, vector)),
        vector=vector,
        frame=frame.assign(child="C"),
        wanted=wanted_on(frame.assign(child="C"), analysis, asked),
    )


@pytest.fixture(scope="session")
def linear_toy(icpc_rows: Rows, icpc: Scenario, icpc_analysis: ChildrenAnalysis) -> Toy:
    """A tenth of the ICPC referrals, in all the groups they stand in."""
    kept = icpc_rows.matched["referral"] % 10 == 3
    return toy_of(icpc_rows.matched[kept].reset_index(drop=True), icpc, icpc_analysis)


@pytest.fixture(scope="session")
def logistic_toy(toy_matched: pd.DataFrame, cla: Scenario, cla_analysis: ChildrenAnalysis) -> Toy:
    """Made-up rows of Table 7, with probabilities of about a fifth."""
    often = replace(cla.outcomes, pilots=0.2, comparators=0.2)
    return toy_of(toy_matched, replace(cla, outcomes=often), cla_analysis)


@pytest.fixture(scope="session", params=["linear", "logistic"])
def toy(request: pytest.FixtureRequest) -> Toy:
    """Either in turn."""
    found: Toy = request.getfixturevalue(f"{request.param}_toy")
    return found
