"""The shipped ICPC outcomes beyond their coefficients, and a solver that admits defeat."""

import numpy as np
import pytest

from sofs_bayes.errors import BadInput
from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic import solve_icpc
from sofs_bayes.synthetic.fixture import load_fixture, rows_sha256
from sofs_bayes.synthetic.icpc_problem import printed_means
from sofs_bayes.synthetic.joint_solve import printed_targets
from sofs_bayes.synthetic.printed_errors import printed_errors
from sofs_bayes.synthetic.printed_sums import coefficient_sums, explained_by, with_outcomes
from sofs_bayes.synthetic.rows import Rows
from sofs_bayes.synthetic.scenario import Scenario
from sofs_bayes.synthetic.solve_icpc import Stage, solve, solved


@pytest.mark.long
@pytest.mark.parametrize("name", ["icpc", "icpc-stress"])
def test_the_shipped_outcomes_print_coefficients_rates_r_squared_and_all_stars(
    icpc_rows: Rows, icpc_analysis: ChildrenAnalysis, name: str
) -> None:
    shipped = load_fixture(name)
    assert shipped.rows_sha256 == rows_sha256(icpc_rows, icpc_analysis)
    outcome = shipped.outcome.astype(np.int8)
    matched = with_outcomes(icpc_rows.matched, shipped.authorities, outcome)
    targets = printed_targets(icpc_analysis)
    sums = coefficient_sums(matched, icpc_analysis, targets)
    assert np.abs(sums.misses(outcome)).max() <= 1
    assert np.abs(printed_means(matched).misses(outcome)).max() <= 1
    found = explained_by(matched, icpc_analysis, "Linear model").at(outcome)[0]
    assert found == pytest.approx(0.0398, abs=5e-5)
    assert printed_errors(matched, icpc_analysis, targets).missed(outcome) == 0
    flipped = outcome.copy()
    flipped[:200] = 1 - flipped[:200]
    assert np.abs(sums.misses(flipped)).max() > 1


def test_a_hopeless_draw_is_given_up(linear_toy, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(solve_icpc, "STAGES", (Stage(pull=1.0, steps=1, hopeless=0.0),))
    said: list[str] = []
    toy = linear_toy
    assert solved(toy.problem, toy.ground, toy.scenario, said.append) is None
    assert "stars not as printed" in said[-1]


def test_without_a_draw_that_leads_there_no_fixture_is_made(
    icpc: Scenario,
    icpc_analysis: ChildrenAnalysis,
    icpc_rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(solve_icpc, "DRAWS", 1)
    monkeypatch.setattr(solve_icpc, "build_rows", lambda scenario, analysis: icpc_rows)
    monkeypatch.setattr(solve_icpc, "STAGES", (Stage(pull=1.0, steps=1, hopeless=0.0),))
    with pytest.raises(BadInput, match="no solution from 1 draws"):
        solve(icpc, icpc_analysis)
