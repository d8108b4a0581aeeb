"""From matched children to a run folder, with its refits and checks."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.arviz_calls import check_arviz_calls

import sofs_bayes as sb
from sofs_bayes import spec
from sofs_bayes.bayes import sampling
from sofs_bayes.bayes.pre_trends import departure_sd, leads_of_children
from sofs_bayes.checks.registry import FILES
from sofs_bayes.checks.registry.leaving_out import AuthorityLooRow, LooRow
from sofs_bayes.cli import main
from sofs_bayes.errors import BadInput
from sofs_bayes.folders.store import key_of, open_store
from sofs_bayes.pipeline.did_fits import Programs, fit_did
from sofs_bayes.pipeline.did_sources import children_cells, children_file, source_of
from sofs_bayes.pipeline.refits import (
    DEPARTURE,
    FULLY_POOLED,
    NO_SHOCKS,
    REGRESSION,
    UNPOOLED,
    refits,
)
from sofs_bayes.runs.run_folder import Run, open_posterior, read
from sofs_bayes.spec import HierarchicalAnalysis, Sampler
from sofs_bayes.spec.keys import Variant

pytestmark = pytest.mark.usefixtures("empty_pictures")

NAME = "icpc-linear"
# So few draws that the gate must refuse them; and enough for it on any processor.
FEW = {"chains": 2, "tune": 100, "draws": 100}
ENOUGH = {"chains": 4, "tune": 500, "draws": 1000}
KEY = {"test": "store"}


@pytest.fixture(scope="module")
def matched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some ten thousand matched rows with a known effect."""
    folder = tmp_path_factory.mktemp("children")
    words = ["simulate", "icpc", "--drawn", "--effect", "0.3", "--times", "0.05"]
    assert main([*words, "-o", str(folder / "population")]) == 0
    words = ["match", "icpc-children", str(folder / "population"), "-o", str(folder / "matched")]
    assert main(words) == 0
    return folder / "matched"


@pytest.fixture(scope="module")
def analysis() -> HierarchicalAnalysis:
    found = spec.load(NAME)
    assert isinstance(found, HierarchicalAnalysis)
    return found


def with_sampler(analysis: HierarchicalAnalysis, sizes: dict[str, int]) -> HierarchicalAnalysis:
    return replace(analysis, sampler=Sampler(name="nutpie", seed=5, **sizes))


@pytest.fixture(scope="module")
def programs() -> Programs:
    """Compiled graphs: all fits here are of one form."""
    return {}


@pytest.fixture(scope="module")
def refused(analysis: HierarchicalAnalysis, matched: Path, programs: Programs) -> Run:
    """A whole run with all its refits, of far too few draws."""
    return fitted(with_sampler(analysis, FEW), matched, programs=programs)


def fitted(analysis: HierarchicalAnalysis, matched: Path, **how: Any) -> Run:
    return fit_did(analysis, source_of(analysis, matched), **how)


@pytest.fixture(scope="module")
def passed(analysis: HierarchicalAnalysis, matched: Path, programs: Programs) -> Run:
    """A quick run of enough draws."""
    return fitted(with_sampler(analysis, ENOUGH), matched, quick=True, programs=programs)


def test_all_fits_share_one_compiled_graph(refused: Run, passed: Run, programs: Programs) -> None:
    assert len(programs) == 1
    assert "compile" in {**refused.seconds, **passed.seconds}


def test_every_prior_and_every_change_is_there(
    refused: Run, analysis: HierarchicalAnalysis
) -> None:
    fits = set(refused.diagnostics["fits"])
    assert {f"main / {name}" for name in analysis.effect_priors} <= fits
    for variant in (REGRESSION, UNPOOLED, FULLY_POOLED, NO_SHOCKS, DEPARTURE, "shock sd × 2"):
        assert f"{variant} / reference" in fits
    assert {f"without Pilot {i} / reference" for i in (1, 2, 4, 5, 6, 9)} <= fits
    variants = {str(row.variant) for row in refused.sensitivity}
    judged = {name.split(" / ")[0] for name in fits if not name.startswith("leaving out")}
    assert variants == judged - {"main"}
    refitted = [row.authority for row in refused.rows(AuthorityLooRow) if row.refitted]
    assert {f"leaving out {name} / reference" for name in refitted} <= fits


def test_a_run_says_what_it_rests_on_and_holds_every_file(refused: Run) -> None:
    assert refused.evidence == "synthetic"
    assert {row.evidence for row in refused.effects} == {"synthetic"}
    assert refused.sensitivity
    assert {FILES[kind].name for kind in refused.beside} >= {
        *("shrinkage", "monte_carlo", "tipping", "tipping_points", "arm_years"),
        *("predictive_statistics", "loo", "loo_summary", "authority_loo", "power_scaling"),
        *("thresholds", "yearly_rates", "authority_sizes", "densities"),
    }
    for kind, rows in refused.beside.items():
        assert rows, kind
        assert all(isinstance(row, kind) for row in rows)


def test_draws_that_fail_the_gate_mark_everything(refused: Run, passed: Run) -> None:
    assert refused.status == "not converged"
    assert {row.status for row in refused.effects} == {"not converged"}
    assert passed.status == "converged"
    assert {row.status for row in passed.effects} == {"converged"}


def test_a_known_effect_is_found(passed: Run) -> None:
    pooled = next(
        row
        for row in passed.effects
        if (row.target, row.scale, row.prior) == ("pooled", "risk", "reference")
    )
    # log-odds of 0.3 at a risk of a tenth are about three points
    assert pooled.lower < 0.03 < pooled.upper


def test_a_run_is_written_read_and_shown(
    passed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sb.save(passed, tmp_path / "run")
    again = read(tmp_path / "run")
    assert again.effects == passed.effects
    assert again.analysis == passed.analysis
    text = sb.to_markdown(sb.effects_table(again, scale="risk"))
    assert "(synthetic)" in text
    assert main(["diagnose", str(tmp_path / "run")]) == 0
    assert main(["effects", str(tmp_path / "run")]) == 0
    assert main(["figure", str(tmp_path / "run"), "--format", "png"]) == 0
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text("utf-8"))
    assert manifest["options"] == {"leave_out": "pilots", "quick": "yes"}


def test_nothing_smaller_than_an_authority_s_year_is_stored(passed: Run, tmp_path: Path) -> None:
    sb.save(passed, tmp_path / "run")
    stored = open_posterior(tmp_path / "run")
    assert set(stored.children) == {
        *("posterior", "prior", "estimands", "further_fits", "sample_stats", "log_prior"),
        *("log_likelihood", "posterior_predictive", "observed_data"),
    }
    for group in ("posterior", "prior"):
        assert set(stored[group].data_vars) <= {
            *("coefficient", "child_effect", "authority_intercept", "pilot_deviation", "effects"),
            *("authority_sd", "pilot_effect_sd", "shock_sd", "shock_correlation", "residual_sd"),
        }
    for group in ("log_likelihood", "posterior_predictive", "observed_data"):
        assert set(stored[group].data_vars) == {"rate"}
        assert stored[group].sizes["authority_year"] == len(passed.rows(LooRow))


def test_arviz_reads_the_draws_as_they_are(passed: Run, tmp_path: Path) -> None:
    sb.save(passed, tmp_path / "run")
    check_arviz_calls(open_posterior(tmp_path / "run"), passed)


def test_a_run_is_shown_at_another_level(
    passed: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sb.save(passed, tmp_path / "run")
    wider = sb.read_run(tmp_path / "run", level=0.99)
    for row, was in zip(wider.effects, passed.effects, strict=True):
        assert row.estimand == was.estimand and row.median == was.median
        assert row.lower <= was.lower and row.upper >= was.upper and row.level == 0.99
    assert main(["effects", str(tmp_path / "run"), "--level", "0.99"]) == 0
    said = capsys.readouterr().out
    assert "99% credible interval" in said and "Intervals: 99%" in said and "90%" not in said
    with pytest.raises(SystemExit, match="2"):
        main(["effects", str(tmp_path / "run"), "--level", "99"])
    assert "above 0 and below 1" in capsys.readouterr().err


def test_a_run_folder_cut_off_half_way_is_refused(
    passed: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sb.save(passed, tmp_path / "run")
    (tmp_path / "run" / "loo.csv").unlink()
    assert main(["effects", str(tmp_path / "run")]) == 2
    message = capsys.readouterr().err
    assert "loo.csv" in message
    assert message.count("\n") == 1


class Interrupted(Exception):
    """Stands for a kill in the middle of an analysis."""


def test_an_interrupted_analysis_goes_on_to_the_same_bits(
    analysis: HierarchicalAnalysis,
    matched: Path,
    programs: Programs,
    tmp_path: Path,
) -> None:
    small = with_sampler(analysis, FEW)
    straight = fitted(small, matched, quick=True, programs=programs)
    store = open_store(tmp_path / "unfinished", key_of(KEY))
    with pytest.MonkeyPatch.context() as patch:
        calls: list[str] = []
        whole = sampling.sample

        def sample(*given: object, **named: object) -> object:
            if len(calls) == 2:
                raise Interrupted
            calls.append(str(named["stage"]))
            return whole(*given, **named)  # type: ignore[arg-type]

        patch.setattr(sampling, "sample", sample)
        with pytest.raises(Interrupted):
            fitted(small, matched, quick=True, store=store, programs=programs)
    watched = []
    resumed = fitted(
        small, matched, quick=True, store=store, programs=programs, progress=watched.append
    )
    assert resumed.effects == straight.effects
    assert resumed.probabilities == straight.probabilities
    assert not any(stage in line for line in watched for stage in calls)


def test_a_pilot_goes_with_the_comparators_that_serve_it_alone(
    analysis: HierarchicalAnalysis, matched: Path
) -> None:
    source = source_of(analysis, matched)
    data = source.data
    made = refits(analysis, source, leave_out="all")
    whole = (data.cells["weight"] > 0).groupby(data.cells["authority"]).any()
    with (matched / "groups.csv").open(encoding="utf-8", newline="") as stream:
        served: dict[str, set[str]] = {}
        for row in csv.DictReader(stream):
            served.setdefault(row["comparator"], set()).add(row["pilot"])
    for pilot in data.pilots:
        left, _ = made[Variant(kind="without", subject=pilot)]
        known = (left.cells["weight"] > 0).groupby(left.cells["authority"]).any()
        gone = {pilot} | {name for name, pilots in served.items() if pilots == {pilot}}
        assert set(whole.index[~known]) == gone


def test_no_departure_without_leads(analysis: HierarchicalAnalysis, matched: Path) -> None:
    cells = children_cells(matched, analysis)
    regressions = replace(
        analysis.children.regressions,
        columns=tuple(
            column
            for column in analysis.children.regressions.columns
            if column.treatment != "leads and lags"
        ),
    )
    other = replace(analysis, children=replace(analysis.children, regressions=regressions))
    prior = analysis.priors.departure
    assert departure_sd(leads_of_children(cells, analysis), prior) is not None
    assert departure_sd(leads_of_children(cells, other), prior) is None


@pytest.mark.parametrize(
    ("made", "place"),
    [
        ((), "no data"),
        (("nowhere",), "no such file or folder"),
        (("empty",), "manifest.json: found no such file"),
        (("one", "two"), "2 files or folders"),
    ],
)
def test_data_that_cannot_be_used_is_one_line_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], made: tuple[str, ...], place: str
) -> None:
    (tmp_path / "empty").mkdir()
    paths = [str(tmp_path / name) for name in made]
    assert main(["fit", NAME, *paths, "-o", str(tmp_path / "run")]) == 2
    message = capsys.readouterr().err
    assert place in message
    assert message.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"empty"}


def test_children_matched_for_another_analysis_are_refused(matched: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="analysis"):
        sb.fit(sb.load("cla-logistic"), [matched])


def test_cells_and_their_folder_are_the_same(matched: Path, tmp_path: Path) -> None:
    folder = sb.collapse("icpc-children", matched, tmp_path / "cells", threshold=None)
    file = children_file(folder)
    assert file.name == "synthetic-cells.nc"
    assert children_file(file) == file
    assert children_file(matched).name == "synthetic-matched.parquet"
