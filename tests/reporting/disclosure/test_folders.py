"""Folders, file by file: what is planted is refused, and what leaves is clean."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
from tests.reporting.disclosure.conftest import SMALL, YEARS, MakeRun
from tests.reporting.disclosure.test_posteriors import draws, observed

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.published_analysis import TermRow
from sofs_bayes.matching.balance import BalanceRow
from sofs_bayes.matching.summary import SummaryRow
from sofs_bayes.pipeline.disclosure import disclose
from sofs_bayes.reporting.disclosure.ledger import write_log
from sofs_bayes.reporting.disclosure.log import LogLine
from sofs_bayes.reporting.disclosure.rules import OutputRule
from sofs_bayes.reporting.disclosure.runs import released
from sofs_bayes.reporting.run_folder import Run, open_posterior, read, write
from sofs_bayes.reporting.tables import rows_to_csv


def results(log: tuple[LogLine, ...]) -> dict[str, str]:
    order = ("passed", "suppressed", "refused")
    found: dict[str, str] = {}
    for line in log:
        found[line.output] = max(found.get(line.output, "passed"), line.result, key=order.index)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[Run], Path]:
    """A function: the run as a folder."""

    def made(run: Run) -> Path:
        write(run, tmp_path / run.analysis.name)
        return tmp_path / run.analysis.name

    return made


def with_draws(run: Run, **groups: xr.Dataset) -> Run:
    return replace(run, posterior=xr.DataTree.from_dict({"posterior": draws(), **groups}))


def test_a_clean_run_leaves_as_it_is(
    make_run: MakeRun, folder: Callable[[Run], Path], tmp_path: Path
) -> None:
    home = folder(make_run())
    found = disclose(home, tmp_path / "out")
    assert found.clean
    for path in home.iterdir():
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()
    assert read(tmp_path / "out").effects == read(home).effects


def test_a_small_pilot_is_in_no_file_that_leaves(
    small_pilot: Run, folder: Callable[[Run], Path], tmp_path: Path
) -> None:
    home = folder(with_draws(small_pilot))
    found = disclose(home, tmp_path / "out")
    assert not found.clean
    for path in (tmp_path / "out").iterdir():
        if path.suffix == ".csv" and path.name != "disclosure.csv":
            assert SMALL not in path.read_text(encoding="utf-8"), path.name
    out = read(tmp_path / "out")
    assert {row.target for row in out.effects} >= {"pooled", "Ashmere"}
    assert any(SMALL in sentence for sentence in out.withheld)
    assert SMALL not in open_posterior(tmp_path / "out")["posterior"]["pilot"].values
    assert disclose(tmp_path / "out").clean  # again: nothing more to suppress


def test_observed_data_planted_in_a_posterior_are_refused(
    make_run: MakeRun, folder: Callable[[Run], Path], tmp_path: Path
) -> None:
    home = folder(with_draws(make_run(), observed_data=observed()))
    found = disclose(home, tmp_path / "out")
    assert results(found.log)["posterior.nc"] == "refused"
    assert not (tmp_path / "out" / "posterior.nc").exists()
    assert read(tmp_path / "out").effects


def test_a_run_that_was_changed_is_refused(
    make_run: MakeRun, folder: Callable[[Run], Path]
) -> None:
    home = folder(make_run())
    text = (home / "effects.csv").read_text(encoding="utf-8")
    (home / "effects.csv").write_text(text + "\n", encoding="utf-8")
    assert {*results(disclose(home).log).values()} == {"refused"}


@pytest.mark.parametrize(
    "name",
    [
        "synthetic-matched.parquet",
        "children.csv",
        "matched.csv",
        "referrals.dta",
        "children.xlsx",
        "authorities.csv",
        "draws.pkl",
        "notes.txt",
        "page.html",
        "table.docx",
        "picture.png",
        "figure.svg",
        "what.ever",
        "unknown.csv",
    ],
)
def test_records_documents_and_unknown_files_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_text("age,outcome\n7,1\n", encoding="utf-8")
    found = disclose(tmp_path / "in", tmp_path / "out")
    assert results(found.log) == {name: "refused"}
    assert not (tmp_path / "out" / name).exists()


def test_records_in_a_folder_of_public_evidence_are_refused(tmp_path: Path) -> None:
    manifest = {"evidence": "open-data"}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (tmp_path / "page.html").write_text("a page", encoding="utf-8")
    (tmp_path / "matched.parquet").write_text("children", encoding="utf-8")
    found = results(disclose(tmp_path).log)
    assert (found["page.html"], found["matched.parquet"]) == ("passed", "refused")


def test_pictures_follow_the_data_beside_them(
    make_run: MakeRun, folder: Callable[[Run], Path]
) -> None:
    run = make_run()
    home = folder(run)
    (home / "figures").mkdir()
    kind, rows = run.extra["arm_years"]
    clean, small = list(rows), [replace(rows[0], children=8), *rows[1:]]
    for name, own in (("fine", clean), ("small", small)):
        (home / "figures" / f"{name}.csv").write_text(rows_to_csv(kind, own), encoding="utf-8")
        (home / "figures" / f"{name}.png").write_bytes(b"")
    found = results(disclose(home).log)
    assert (found["figures/fine.csv"], found["figures/fine.png"]) == ("passed", "passed")
    assert (found["figures/small.csv"], found["figures/small.png"]) == ("suppressed", "refused")


def exported(tmp_path: Path, rule: OutputRule, *runs: Run) -> Path:
    """A document that an export has written under a rule."""
    (tmp_path / "export").mkdir()
    file = tmp_path / "export" / "tables.docx"
    file.write_text("a table", encoding="utf-8")
    write_log(file, [], rule=rule, runs=[released(run) for run in runs])
    return file


def test_what_an_export_wrote_may_leave_until_it_is_changed(tmp_path: Path) -> None:
    file = exported(tmp_path, OutputRule())
    assert disclose(file.parent).clean
    assert not disclose(file.parent, rule=OutputRule(threshold=20)).clean
    assert not disclose(file.parent, rule=OutputRule(threshold=11)).clean
    file.write_text("another table", encoding="utf-8")
    assert results(disclose(file.parent).log)["tables.docx"] == "refused"


def test_what_was_written_under_a_lower_threshold_is_refused(tmp_path: Path) -> None:
    file = exported(tmp_path, OutputRule(threshold=5, agreed=True))
    assert results(disclose(file.parent).log)["tables.docx"] == "refused"


def test_a_second_export_is_checked_against_the_first(
    make_run: MakeRun, folder: Callable[[Run], Path], tmp_path: Path
) -> None:
    first = exported(tmp_path, OutputRule(), make_run()).parent
    less = {("pilot", "2012"): (1995, 199)}
    home = folder(make_run(less))
    assert disclose(home).clean
    assert not disclose(home, earlier=[first]).clean
    many = {("pilot", year): (1500, 150) for year in YEARS}
    other = make_run(many)
    home = folder(replace(other, analysis=replace(other.analysis, name="many")))
    assert disclose(home, earlier=[first]).clean
    with pytest.raises(BadInput, match="earlier export"):
        disclose(home, earlier=[tmp_path / "nothing"])


def balance(group: str, period: str, stage: str, pilots: int) -> BalanceRow:
    return BalanceRow(
        stage=stage,  # type: ignore[arg-type]
        period=period,  # type: ignore[arg-type]
        group=group,
        l1=0.5,
        local_common_support=50.0,
        pilots_supported=80.0,
        cells=100,
        pilots=pilots,
        comparators=2 * pilots,
    )


def balance_rows(dropped: int) -> list[BalanceRow]:
    """Two groups and periods, 1,000 pilots each, of whom 100 are dropped, or so many of one."""
    rows = []
    for stage in ("before", "matched"):
        left = {
            (group, period): 1000
            - (0 if stage == "before" else dropped if (group, period) == ("A", "pre") else 100)
            for group in ("A", "B")
            for period in ("pre", "post")
        }
        for group in ("A", "B", "all"):
            for period in ("pre", "post", "all"):
                own = sum(
                    n for (g, p), n in left.items() if group in (g, "all") and period in (p, "all")
                )
                rows.append(balance(group, period, stage, own))
    return rows


def summary_rows(changes: dict[str, int]) -> list[SummaryRow]:
    levels = {"male": 600, "female": 500, "unborn": 90, **changes}
    total = sum(levels.values())
    rows = []
    for stage, left in (("before", 1.0), ("matched", 0.8), ("weighted", 0.8)):
        common: dict[str, Any] = {"stage": stage, "arm": "pilots"}
        for level, n in levels.items():
            rows.append(
                SummaryRow(
                    variable="gender",
                    level=level,
                    unit="percent",
                    value=100 * n / total,
                    rows=round(left * n),
                    **common,
                )
            )
        n = sum(row.rows for row in rows[-len(levels) :])
        rows.append(
            SummaryRow(variable="rows", level="pre", unit="rows", value=n, rows=n, **common)
        )
    return rows


def terms(name: str, children: int, count: int) -> list[TermRow]:
    numbers = dict.fromkeys(
        ("coefficient", "standard_error", "degrees_of_freedom", "p_value", "lower", "upper"), 0.1
    )
    return [
        TermRow(
            regression=name,
            model="linear",
            term=f"term {i}",
            level=0.95,
            errors="CR1",
            rows=children,
            referrals=children,
            children=children,
            clusters=11,
            imputations=0,
            **numbers,
        )
        for i in range(count)
    ]


MATCHING: list[tuple[str, type, list[Any], str]] = [
    ("balance.csv", BalanceRow, balance_rows(100), "passed"),
    ("balance.csv", BalanceRow, balance_rows(0), "passed"),
    ("balance.csv", BalanceRow, balance_rows(3), "suppressed"),
    ("summary.csv", SummaryRow, summary_rows({}), "passed"),
    ("summary.csv", SummaryRow, summary_rows({"unborn": 12}), "suppressed"),  # two are dropped
    ("summary.csv", SummaryRow, summary_rows({"missing": 0}), "suppressed"),
    ("fits.csv", TermRow, terms("a", 500, 20) + terms("b", 520, 20), "passed"),
    ("fits.csv", TermRow, terms("a", 500, 20) + terms("b", 503, 20), "suppressed"),
    ("fits.csv", TermRow, terms("a", 29, 20), "refused"),
]


@pytest.mark.parametrize(("name", "kind", "rows", "result"), MATCHING)
def test_what_match_and_replicate_write(
    tmp_path: Path, name: str, kind: type, rows: list[Any], result: str
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_text(rows_to_csv(kind, rows), encoding="utf-8")
    found = disclose(tmp_path / "in", tmp_path / "out")
    assert results(found.log) == {name: result}
    assert (tmp_path / "out" / name).exists() is (result != "refused")


def test_a_level_and_what_would_tell_it_are_not_in_the_copy(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    text = rows_to_csv(SummaryRow, summary_rows({"unborn": 7}))
    (tmp_path / "in" / "summary.csv").write_text(text, encoding="utf-8")
    disclose(tmp_path / "in", tmp_path / "out")
    left = (tmp_path / "out" / "summary.csv").read_text(encoding="utf-8")
    assert "unborn" not in left
    assert ("female" in left) != ("male," in left.replace("female", ""))  # one of them went with it


def test_folders_that_cannot_be_checked(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such folder"):
        disclose(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="empty"):
        disclose(tmp_path / "empty")
    (tmp_path / "empty" / "a.toml").write_text("", encoding="utf-8")
    with pytest.raises(BadInput, match="inside"):
        disclose(tmp_path / "empty", tmp_path / "empty" / "out")
    with pytest.raises(BadInput, match="exists"):
        disclose(tmp_path / "empty", tmp_path / "empty")


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.toml").write_text("x = 1", encoding="utf-8")
    (tmp_path / "in" / "a.toml").symlink_to(tmp_path / "secret.toml")
    assert results(disclose(tmp_path / "in").log) == {"a.toml": "refused"}
