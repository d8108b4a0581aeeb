"""The shipped outcomes are what the solver looks for, and a solver that admits defeat."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from sofs_bayes.errors import BadInput
from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.spec.seeds import stream
from sofs_bayes.synthetic.fixture import load_fixture, rows_sha256
from sofs_bayes.synthetic.rows import Rows
from sofs_bayes.synthetic.solver import solve
from sofs_bayes.synthetic.solver.rounding import farthest, fit_outcomes, wanted_on, with_outcomes
from sofs_bayes.synthetic.solver.search import NotReached, Stage


@pytest.mark.long
@pytest.mark.parametrize("stress", [False, True])
def test_the_solver_takes_the_shipped_outcomes_as_they_are(
    rows: Rows, analysis: ChildrenAnalysis, stress: bool
) -> None:
    """Coefficients, rates, R², the effect within authorities, and clustered stars."""
    scenario = rows.scenario
    shipped = load_fixture(scenario.name + ("-stress" if stress else ""))
    assert shipped.rows_sha256 == rows_sha256(rows, analysis)
    asked = solve.ASKED[scenario.outcome](rows.matched, scenario, analysis, stream(1, "any"))
    printed = [each for each in asked.targets if each.half_unit != scenario.outcomes.within_near]
    asked = replace(asked, targets=tuple(printed) if stress else asked.targets)
    outcome = shipped.outcome.astype(np.float64)
    matched = with_outcomes(rows.matched, shipped.authorities, shipped.outcome.astype(np.int8))
    wanted = wanted_on(matched.assign(child="C"), analysis, asked)
    found = fit_outcomes(wanted, outcome)
    assert farthest(found) <= 1
    assert len(found.stars_missed) == (16 if stress and scenario.outcome == "CLA" else 0)
    outcome[:200] = 1 - outcome[:200]
    assert farthest(fit_outcomes(wanted, outcome)) > 1


def test_a_hopeless_draw_is_given_up(linear_toy) -> None:  # type: ignore[no-untyped-def]
    asked = replace(linear_toy.asked, stages=(Stage(pull=1.0, steps=1, near=1.0, hopeless=0.0),))
    with pytest.raises(NotReached, match="after the first search"):
        solve.searched(asked, str)


def test_a_search_that_ends_too_far_off_is_given_up(linear_toy, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(solve, "POLISHES", 1)
    stage = Stage(pull=1.0, steps=1, near=1.0)
    asked = replace(linear_toy.asked, stages=(stage,), polish=stage)
    said: list[str] = []
    with pytest.raises(NotReached, match="too far from the printed numbers"):
        solve.searched(asked, said.append)
    assert "stars not as printed" in said[-1]


def test_without_a_draw_that_leads_there_no_fixture_is_made(
    rows: Rows, analysis: ChildrenAnalysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object) -> None:
        raise NotReached("the path ends 4.0% before the printed coefficients")

    monkeypatch.setattr(solve, "DRAWS", 1)
    monkeypatch.setattr(solve, "build_rows", lambda scenario, analysis: rows)
    monkeypatch.setattr(solve, "searched", lost)
    said: list[str] = []
    with pytest.raises(BadInput, match="no solution from 1 draws"):
        solve.solve(rows.scenario, analysis, progress=said.append)
    assert said[-1] == "draw 1: the path ends 4.0% before the printed coefficients"


def test_the_best_of_the_draws_is_kept_and_what_it_misses_is_said(
    rows: Rows, analysis: ChildrenAnalysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stars(wrong: tuple[str, ...]) -> SimpleNamespace:
        return SimpleNamespace(stars_missed=wrong)

    ends = [
        (
            name,
            SimpleNamespace(off=off, rank=(len(off),), place=SimpleNamespace(stars_missed=stars)),
        )
        for name, off, stars in (("far", ("R²", "did"), ()), ("near", ("did",), ("Linear: did",)))
    ]
    given = iter(ends)
    monkeypatch.setattr(solve, "build_rows", lambda scenario, analysis: rows)
    monkeypatch.setattr(solve, "ASKED", {rows.scenario.outcome: lambda *_: None})
    monkeypatch.setattr(solve, "searched", lambda *_: None)
    monkeypatch.setattr(solve, "_with_outcomes", lambda *_, **__: next(given))
    said: list[str] = []
    assert solve.solve(rows.scenario, analysis, notice=said.append) == "near"  # type: ignore[comparison-overlap]
    assert said == ["not as printed: did", "not as printed: stars of Linear: did"]
    given = iter([("met", SimpleNamespace(off=(), rank=(0,), place=ends[0][1].place)), *ends])
    assert solve.solve(rows.scenario, analysis) == "met"  # type: ignore[comparison-overlap]
