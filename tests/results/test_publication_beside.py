"""Folders of `replicate` and `calibrate` → what tables of a publication show of them."""

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sofs_bayes import spec
from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.published_analysis import FurtherEffect, TermRow
from sofs_bayes.frequentist.term import WITHIN
from sofs_bayes.runs.result_manifest import describe
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.tables.contents import publication_tables
from sofs_bayes.tables.contents.calibration import ranks_table
from sofs_bayes.tables.contents.within import BETWEEN, PRIORS
from sofs_bayes.tables.digits import Estimate
from sofs_bayes.tables.formats import rows_to_csv, to_csv, to_markdown
from sofs_bayes.tables.model import Table

if TYPE_CHECKING:
    from sofs_bayes.checks.calibration import Calibrated

REGRESSION = TermRow(
    regression="Linear model",
    model="linear",
    term="did",
    coefficient=0.041,
    standard_error=0.06,
    degrees_of_freedom=10.0,
    p_value=0.53,
    lower=-0.098,
    upper=0.179,
    level=0.95,
    errors="CR1, clustered on authority",
    rows=152_231,
    referrals=129_109,
    children=98_327,
    clusters=11,
    imputations=5,
)


def column(table: Table, key: str) -> list[Any]:
    return [row[[c.key for c in table.columns].index(key)] for row in table.rows]


def described(folder: Path, analysis: spec.Analysis, verb: str, **said: Any) -> None:
    describe(
        folder, analysis, written_by=verb, **{"inputs": {}, "options": {}, "seconds": {}, **said}
    )


def write_replicated(
    folder: Path, name: str, rows: list[TermRow], further: list[FurtherEffect], **changes: str
) -> Path:
    folder.mkdir()
    (folder / "fits.csv").write_text(rows_to_csv(TermRow, rows), encoding="utf-8")
    (folder / "further.csv").write_text(rows_to_csv(FurtherEffect, further), encoding="utf-8")
    said = {"evidence": "synthetic", "status": "converged", **changes}
    described(folder, spec.load(name), "replicate", **said)
    return folder


def write_calibrated(folder: Path, found: "Calibrated") -> Path:
    from sofs_bayes.checks.ranks import IntervalCoverage, RankTest

    folder.mkdir(parents=True)
    texts = {
        "sbc.csv": rows_to_csv(RankTest, found.verdict.tests),
        "coverage.csv": rows_to_csv(IntervalCoverage, found.verdict.coverage),
        "ranks.csv": to_csv(ranks_table(found)),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    asked = {"around": found.around, "prior": found.prior}
    described(
        folder, found.analysis, "calibrate", evidence=found.evidence, status="in", options=asked
    )
    return folder


def test_the_replicated_regression_stands_with_its_clustered_interval(
    tmp_path: Path, mixed_runs: list[Run]
) -> None:
    folder = write_replicated(tmp_path / "r", "icpc-children", [REGRESSION], [])
    (table,) = publication_tables("comparison", mixed_runs, beside=[folder])
    at = column(table, "method").index("Regression, replicated (CR1, clustered on authority)")
    assert column(table, "risk")[at] == Estimate(median=0.041, lower=-0.098, upper=0.179)
    assert column(table, "evidence")[at] == "synthetic"
    assert column(table, "level")[at] == "95% confidence"
    assert column(table, "says")[at] == "p = 0.53"
    assert "agrees is built in" in " ".join(table.notes)


@pytest.mark.parametrize(("within", "why"), [(0.041, PRIORS), (-0.2, BETWEEN)])
def test_the_regression_within_authorities_stands_below_and_a_sentence_says_why_they_differ(
    tmp_path: Path, mixed_runs: list[Run], within: float, why: str
) -> None:
    name = f"{REGRESSION.regression}{WITHIN}"
    rows = [REGRESSION, replace(REGRESSION, regression=name, coefficient=within)]
    folder = write_replicated(tmp_path / "r", "icpc-children", rows, [])
    (table,) = publication_tables("comparison", mixed_runs, beside=[folder])
    methods = column(table, "method")
    at = methods.index("Regression, within authorities (CR1, clustered on authority)")
    assert methods[at - 1].startswith("Regression, replicated")
    assert column(table, "risk")[at].median == within
    assert table.notes[0].startswith(f"Table 5, Linear model: {why}")
    (alone,) = publication_tables("comparison", mixed_runs)
    assert why not in " ".join(alone.notes)


@pytest.mark.parametrize("bootstrapped", [True, False])
def test_a_regression_of_too_few_authorities_has_no_p_value_of_its_own(
    tmp_path: Path, mixed_runs: list[Run], bootstrapped: bool
) -> None:
    nothing = dict.fromkeys(("standard_error", "p_value", "lower", "upper"), math.nan)
    few = replace(REGRESSION, errors="none: too few clusters", note="too few", **nothing)
    instead = FurtherEffect(
        regression=few.regression,
        method="wild bootstrap",
        what="wild cluster bootstrap, 64 draws",
        term="did",
        estimate=0.041,
        standard_error=math.nan,
        p_value=0.31,
        lower=-0.2,
        upper=math.inf,
        level=0.95,
        rows=152_231,
        note="too few",
    )
    folder = write_replicated(tmp_path / "r", "icpc-children", [few], [instead] * bootstrapped)
    (table,) = publication_tables("comparison", mixed_runs, beside=[folder])
    how = "wild cluster bootstrap, 64 draws" if bootstrapped else "none: too few clusters"
    at = column(table, "method").index(f"Regression, replicated ({how})")
    says = "p = 0.31" if bootstrapped else "no p-value: too few authorities"
    assert column(table, "says")[at] == says
    found = column(table, "risk")[at]
    assert isinstance(found, Estimate) and found.median == 0.041
    assert (found.lower, found.upper) == (-0.2, math.inf) or not bootstrapped
    assert math.isnan(found.upper) is not bootstrapped
    assert "<" not in says and "nan" not in to_markdown(table).lower()


def test_a_logistic_regression_has_its_marginal_effect_as_change_in_risk(tmp_path: Path) -> None:
    name = "Logistic regression - clustered"
    logistic = replace(REGRESSION, regression=name, model="logistic", coefficient=0.08)
    marginal = FurtherEffect(
        regression=name,
        method="marginal effect",
        what="average marginal effect (probability)",
        term="did",
        estimate=0.001,
        standard_error=0.002,
        p_value=0.69,
        lower=-0.004,
        upper=0.006,
        level=0.95,
        rows=43_170,
    )
    folder = write_replicated(tmp_path / "r", "cla-children", [logistic], [marginal])
    (table,) = publication_tables("comparison", [], beside=[folder])
    printed, replicated = table.rows[1:3]
    keys = [c.key for c in table.columns]
    assert printed[keys.index("risk")] is None  # print gives log-odds alone
    assert replicated[keys.index("risk")] == Estimate(median=0.001, lower=-0.004, upper=0.006)
    assert replicated[keys.index("log_odds")].median == 0.08  # type: ignore[union-attr]


def test_a_regression_of_another_outcome_is_beside_nothing(
    tmp_path: Path, hierarchical_run: Run
) -> None:
    folder = write_replicated(tmp_path / "r", "cla-children", [REGRESSION], [])
    tables = publication_tables("comparison", [hierarchical_run], beside=[folder])
    assert [table.name for table in tables] == ["comparison-ICPC"]
    assert "Regression, replicated" not in to_csv(tables[0])


def test_a_regression_that_failed_is_marked(tmp_path: Path, hierarchical_run: Run) -> None:
    folder = write_replicated(
        tmp_path / "r", "icpc-children", [REGRESSION], [], status="not converged"
    )
    (table,) = publication_tables("comparison", [hierarchical_run], beside=[folder])
    assert "NOT CONVERGED: Regression, replicated" in to_csv(table)
    assert table.caption.startswith("NOT CONVERGED")


def test_a_changed_file_of_replicate_is_refused(tmp_path: Path, hierarchical_run: Run) -> None:
    folder = write_replicated(tmp_path / "r", "icpc-children", [REGRESSION], [])
    better = replace(REGRESSION, p_value=0.01)
    (folder / "fits.csv").write_text(rows_to_csv(TermRow, [better]), encoding="utf-8")
    with pytest.raises(BadInput, match="a changed file"):
        publication_tables("comparison", [hierarchical_run], beside=[folder])


def test_calibrations_read_back_say_what_was_found(tmp_path: Path, uniform: "Calibrated") -> None:
    folder = write_calibrated(tmp_path / "right", uniform)
    (table,) = publication_tables("calibration", [], beside=[folder])
    (line,) = table.rows
    assert line[:2] == ("icpc-right", "synthetic")
    assert line[3] == len(uniform.verdict.replicates)
    assert column(table, "quantities") == [len(uniform.verdict.tests)]
    assert column(table, "verdict") == ["ranks are uniform"]
    for level in ("50", "80", "90", "95"):
        (share,) = column(table, f"coverage_{level}")
        assert abs(share - float(level) / 100) < 0.1
    assert table.title.startswith("Are posteriors computed right?")


def test_a_calibration_that_does_not_pass_is_seen_in_title_and_line(
    tmp_path: Path, calibrated: "Calibrated", uniform: "Calibrated"
) -> None:
    write_calibrated(tmp_path / "all" / "wrong", calibrated)
    write_calibrated(tmp_path / "all" / "right", uniform)
    (table,) = publication_tables("calibration", [], beside=[tmp_path / "all"])
    assert table.title.startswith("RANKS ARE NOT UNIFORM")
    assert column(table, "out") == [0, 1]
    assert column(table, "refused") == [0, 2]
    assert column(table, "verdict") == ["ranks are uniform", "RANKS ARE NOT UNIFORM"]


@pytest.mark.parametrize("missing", ["ranks.csv", "coverage.csv", "manifest.json"])
def test_an_incomplete_calibration_is_refused(
    tmp_path: Path, uniform: "Calibrated", missing: str
) -> None:
    folder = write_calibrated(tmp_path / "right", uniform)
    (folder / missing).unlink()
    with pytest.raises(BadInput, match=missing):
        publication_tables("calibration", [], beside=[folder])
