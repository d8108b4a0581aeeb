"""Grid and NUTS side by side."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sofs_bayes.bayes import sampling
from sofs_bayes.bayes.sampling import Compiled
from sofs_bayes.pipeline import second_opinion as module
from sofs_bayes.pipeline.second_opinion import second_opinion
from sofs_bayes.spec import PrintedAnalysis, Sampler, Statement, load
from sofs_bayes.tables.formats import Table

NEAR = 0.02  # the project's own bar for grid = PyMC, in probability
SAMPLER = Sampler(name="nutpie", chains=4, tune=800, draws=1000, target_accept=0.95)


@pytest.fixture(scope="module", autouse=True)
def _one_graph(printed_graph: Compiled) -> Iterator[None]:
    """The graph that other tests sample too, fed with the data of these."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "compile_graph", lambda _: printed_graph)
        yield


@pytest.fixture(scope="module")
def analysis() -> PrintedAnalysis:
    """Log-odds, so that statements on three scales are carried to it; two readings."""
    found = load("cla-printed")
    assert isinstance(found, PrintedAnalysis)
    priors = {name: found.effect_priors[name] for name in ("sceptical", "enthusiastic")}
    naive = replace(found.readings[0], name="children only", se_reading="child")
    return replace(found, effect_priors=priors, readings=(found.readings[1], naive))


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def table(analysis: PrintedAnalysis, told: list[str]) -> Table:
    return second_opinion(analysis, sampler=SAMPLER, progress=told.append)


def test_grid_and_nuts_agree(table: Table, analysis: PrintedAnalysis, told: list[str]) -> None:
    assert table.status == "converged"
    # The reading without an authority variance has nothing to sample.
    assert len(table.rows) == 2 * len(analysis.estimands.statements)
    assert {row[0] for row in table.rows} == {analysis.readings[0].name}
    for row in table.rows:
        grid, nuts, mcse = (float(str(cell)) for cell in row[3:6])
        assert abs(grid - nuts) < NEAR
        assert mcse < NEAR
    assert len(told) == 2


def test_the_note_names_the_largest_difference(table: Table) -> None:
    largest = max(abs(float(str(row[3])) - float(str(row[4]))) for row in table.rows)
    assert re.search(rf"Largest difference: {largest:.4f}\.", table.notes[0])


def test_a_statement_carried_to_the_wrong_scale_would_show(
    analysis: PrintedAnalysis, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unchanged(statement: Statement, _: PrintedAnalysis) -> Statement:
        return statement

    monkeypatch.setattr(module, "_on_design_scale", unchanged)
    one = replace(
        analysis,
        estimands=replace(
            analysis.estimands, statements=(Statement(scale="odds ratio", above=1.0),)
        ),
    )
    wrong = second_opinion(one, sampler=SAMPLER)
    assert all(abs(float(str(r[3])) - float(str(r[4]))) > 10 * NEAR for r in wrong.rows)
