"""The checklist: filled by what runs hold, and able to say what is missing."""

from dataclasses import replace

import pytest

from sofs_bayes.checks.registry.leaving_out import LooRow
from sofs_bayes.checks.registry.power_scaling import PowerScalingRow
from sofs_bayes.checks.registry.predictions import ArmYearCheck, PredictiveCell
from sofs_bayes.checks.registry.tipping import TippingPoint
from sofs_bayes.pages.barg import ITEMS, checklist
from sofs_bayes.pages.page import CheckLine
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import Equivalence

ANCHORS = {"short", "checks", "icpc-linear", "icpc-linear-model", "icpc-linear-diagnostics"}


def lines_of(*runs: Run) -> dict[tuple[str, str], CheckLine]:
    found = checklist(runs, anchors=ANCHORS, figures={"icpc-linear"})
    return {(line.step[:6], line.heading): line for line in found}


def test_every_step_of_the_guidelines_is_there(reported_runs: tuple[Run, Run]) -> None:
    steps = {line.step for line in checklist(reported_runs, anchors=(), figures=())}
    assert len(steps) == 7
    assert len({(item.step, item.heading) for item in ITEMS}) == len(ITEMS)


def test_counts_that_may_not_be_shown_are_counted_by_their_densities(open_run: Run) -> None:
    kept = {kind: rows for kind, rows in open_run.beside.items() if kind is not PredictiveCell}
    rows = tuple(
        LooRow(authority="Aldmoor", year=year, elpd=-9.0, pareto_k=0.1) for year in (2012, 2013)
    )
    found = lines_of(replace(open_run, beside={**kept, LooRow: rows}))["Step 1", "Data"]
    assert found.state == "met"
    assert found.has[0].startswith("2 authority-years; files: ")


def test_a_full_run_meets_what_it_has(reported_runs: tuple[Run, Run]) -> None:
    lines = lines_of(reported_runs[1])
    convergence = lines["Step 2", "Convergence"]
    assert convergence.state == "met"
    assert convergence.has == (
        "1 of 1 fit passed the gate; max R-hat 1.002, 0 divergences, smallest BFMI 0.8.",
    )
    assert ("icpc-linear: diagnostics", "icpc-linear-diagnostics") in convergence.links
    assert lines["Step 2", "Resolution"].has[0].startswith("smallest bulk ESS 1,234")
    assert lines["Step 5", "Broad priors"].has == ("6 refits with one prior changed.",)
    assert lines["Step 1", "Prior predictive check"].state == "met"


def test_what_a_run_lacks_is_not_there(reported_runs: tuple[Run, Run]) -> None:
    full = reported_runs[1]
    without = (TippingPoint, PowerScalingRow, ArmYearCheck)
    poor = replace(
        full,
        sensitivity=(),
        beside={kind: rows for kind, rows in full.beside.items() if kind not in without},
        options={"quick": "yes"},
        versions={},
        files={},
        diagnostics={"method": "nutpie", "fits": {}},
    )
    lines = lines_of(poor)
    missing = {place for place, line in lines.items() if line.state == "not reported"}
    assert missing >= {
        ("Step 1", "Prior predictive check"),
        ("Step 2", "Software"),
        ("Step 2", "Convergence"),
        ("Step 3", "Posterior predictive check"),
        ("Step 5", "Broad priors"),
        ("Step 5", "Data and assumptions (beyond the guidelines)"),
        ("Step 6", "The draws"),
        ("Step 6", "Auxiliary files"),
    }
    assert "a quick run" in lines["Step 5", "Broad priors"].has[0]


def test_a_quick_run_has_power_scaling_alone(reported_runs: tuple[Run, Run]) -> None:
    full = reported_runs[1]
    quick = replace(full, sensitivity=(), options={"quick": "yes"})
    assert lines_of(quick)["Step 5", "Broad priors"].state == "partly"


def test_a_refused_fit_is_not_met(reported_runs: tuple[Run, Run]) -> None:
    full = reported_runs[1]
    gate = full.diagnostics["fits"]["main / reference"]
    fits = {"main / reference": gate, "other / reference": {**gate, "status": "not converged"}}
    refused = replace(full, diagnostics={**full.diagnostics, "fits": fits})
    assert lines_of(refused)["Step 2", "Convergence"].state == "partly"


def test_without_a_region_no_decision_was_made(reported_runs: tuple[Run, Run]) -> None:
    lines = lines_of(*reported_runs)
    for heading in ("Reason for a decision", "Criterion", "The decision and its probability"):
        line = lines["Step 4", heading]
        assert line.state == "not reported"
        assert line.has[0].startswith("No decision was made")


def test_a_declared_region_is_a_criterion(reported_runs: tuple[Run, Run]) -> None:
    run = reported_runs[1]
    region = Equivalence(scale="risk", within=(-0.015, 0.015), why="Too few to plan for.")
    estimands = replace(run.analysis.estimands, equivalence=region)
    lines = lines_of(replace(run, analysis=replace(run.analysis, estimands=estimands)))
    assert lines["Step 4", "Criterion"].state == "met"
    assert "−1.5 to 1.5 percentage points" in lines["Step 4", "Criterion"].has[0]
    assert lines["Step 4", "The decision and its probability"].state == "met"
    assert "sceptical prior" in lines["Step 5", "Decisions, if any"].has[0]


def test_runs_that_differ_are_partly_there(reported_runs: tuple[Run, Run]) -> None:
    line = lines_of(*reported_runs)["Step 1", "Prior predictive check"]
    assert line.state == "partly"
    assert line.has[0].startswith("icpc-printed (not reported): ")
    assert line.has[1].startswith("icpc-linear (met): ")


@pytest.mark.parametrize(("evidence", "state"), [("records", "partly"), ("open-data", "met")])
def test_data_are_there_as_far_as_their_evidence_allows(
    reported_runs: tuple[Run, Run], evidence: str, state: str
) -> None:
    run = replace(reported_runs[1], evidence=evidence)  # type: ignore[arg-type]
    assert lines_of(run)["Step 6", "Code and data"].state == state


def test_links_lead_to_what_the_page_has(reported_runs: tuple[Run, Run]) -> None:
    found = checklist(reported_runs, anchors={"checks"}, figures=())
    assert {anchor for line in found for _, anchor in line.links} == {"checks"}
