"""Folders, file by file: what is planted is refused, and what leaves is clean."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr
from tests.disclosure.test_posteriors import draws, observed
from tests.results.release.conftest import SMALL, MakeRun

from sofs_bayes.disclosure.log import LogLine
from sofs_bayes.errors import BadInput
from sofs_bayes.estimands.rows import AuthoritySizeRow
from sofs_bayes.folders.manifest import sha256
from sofs_bayes.frequentist.published_analysis import TermRow
from sofs_bayes.matching.balance import BalanceRow
from sofs_bayes.matching.summary import SummaryRow
from sofs_bayes.pipeline.disclosure import disclose
from sofs_bayes.records.csv_rows import read_rows, rows_to_csv
from sofs_bayes.runs.run_folder import Run, open_posterior, read, write

pytestmark = pytest.mark.usefixtures("empty_pictures")


def results(log: tuple[LogLine, ...]) -> dict[str, str]:
    order = ("passed", "suppressed", "refused")
    found: dict[str, str] = {}
    for line in log:
        found[line.output] = max(found.get(line.output, "passed"), line.result, key=order.index)
    return found


def write_home(home: Path, texts: dict[str, str], **said: object) -> None:
    """Files with a manifest that lists them."""
    home.mkdir(parents=True)
    for name, text in texts.items():
        (home / name).write_text(text, encoding="utf-8")
    files = {name: sha256(home / name) for name in texts}
    manifest = {"written_by": "match", "evidence": "synthetic", "files_sha256": files, **said}
    (home / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


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
    assert {path.name for path in home.iterdir()} < {p.name for p in (tmp_path / "out").iterdir()}
    was, now = (read(each) for each in (home, tmp_path / "out"))
    assert replace(now, files={}) == replace(was, files={})


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
    assert disclose(tmp_path / "out", ledger=False).clean  # again: nothing more to suppress


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
    found = results(disclose(home).log)
    del found["ledger"]
    assert {*found.values()} == {"refused"}


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
    assert results(found.log) == {"ledger": "passed", name: "refused"}
    assert not (tmp_path / "out" / name).exists()


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


def failed(name: str, children: int) -> TermRow:
    return replace(terms(name, children, 1)[0], term="", note="the outcome never varies")


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
    ("fits.csv", TermRow, [*terms("a", 500, 20), failed("b", 520)], "suppressed"),
]


@pytest.mark.parametrize(("name", "kind", "rows", "result"), MATCHING)
def test_what_match_and_replicate_write(
    tmp_path: Path, name: str, kind: type, rows: list[Any], result: str
) -> None:
    write_home(tmp_path / "in", {name: rows_to_csv(kind, rows)})
    found = disclose(tmp_path / "in", tmp_path / "out")
    assert results(found.log)[name] == result
    assert (tmp_path / "out" / name).exists() is (result != "refused")


@pytest.mark.parametrize("share", ["", "nan", "inf", "-inf", "99.5"])
def test_a_share_that_was_taken_out_is_no_fault(tmp_path: Path, share: str) -> None:
    """As in a copy that was released: five of 1,000 pilots without support are not shown."""
    text = rows_to_csv(BalanceRow, balance_rows(100)).replace("80.0", share, 1)
    write_home(tmp_path / "in", {"balance.csv": text})
    for place, out in (("in", "out"), ("out", "again")):
        found = disclose(tmp_path / place, tmp_path / out, ledger=False)
        assert results(found.log)["balance.csv"] in ("passed", "suppressed")
    rows = read_rows(tmp_path / "again" / "balance.csv", BalanceRow)
    assert len(rows) == len(balance_rows(100))


def test_a_level_and_what_would_tell_it_are_not_in_the_copy(tmp_path: Path) -> None:
    text = rows_to_csv(SummaryRow, summary_rows({"unborn": 7}))
    write_home(tmp_path / "in", {"summary.csv": text})
    disclose(tmp_path / "in", tmp_path / "out")
    left = (tmp_path / "out" / "summary.csv").read_text(encoding="utf-8")
    assert "unborn" not in left
    assert ("female" in left) != ("male," in left.replace("female", ""))  # one of them went with it


def test_folders_that_cannot_be_checked(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file or folder"):
        disclose(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="empty"):
        disclose(tmp_path / "empty")
    (tmp_path / "empty" / "a.toml").write_text("", encoding="utf-8")
    with pytest.raises(BadInput, match="inside"):
        disclose(tmp_path / "empty", tmp_path / "empty" / "out")
    with pytest.raises(BadInput, match="same place"):
        disclose(tmp_path / "empty", tmp_path / "empty")


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.toml").write_text("x = 1", encoding="utf-8")
    (tmp_path / "in" / "a.toml").symlink_to(tmp_path / "secret.toml")
    (tmp_path / "in" / "b").symlink_to(tmp_path, target_is_directory=True)
    assert results(disclose(tmp_path / "in").log) == {
        "ledger": "passed",
        "a.toml": "refused",
        "b": "refused",
    }


# ------------------------------------------------- what vouches for a file: never one beside it

SECRET = "child 4711"


def clean_match(home: Path) -> None:
    """A folder as match writes it, of which everything that a manifest lists may leave."""
    write_home(home, {"balance.csv": rows_to_csv(BalanceRow, balance_rows(100))})


@pytest.mark.parametrize(
    "name",
    [
        *("extract.csv", "sub/my-kids.txt", "extract.xlsx", "page.html", "what.ever"),
        *("children-disclosure.csv", "kids.toml", "groups.csv", "analysis.toml"),
        *("my-disclosure.json", "disclosure-log.md", "summary.csv", "sub/manifest.json"),
    ],
)
@pytest.mark.parametrize(
    "said",
    [
        {"evidence": "open-data"},
        {"evidence": "published"},
        {"design_sha256": "0" * 64},
        {"options": {"around": "data"}},
    ],
)
def test_nothing_beside_a_manifest_leaves_that_it_does_not_list(
    tmp_path: Path, name: str, said: dict[str, Any]
) -> None:
    home = tmp_path / "in"
    write_home(home, {"balance.csv": rows_to_csv(BalanceRow, balance_rows(100))}, **said)
    (home / name).parent.mkdir(exist_ok=True)
    (home / name).write_text(f"name\n{SECRET}\n", encoding="utf-8")
    found = disclose(home, tmp_path / "out")
    assert results(found.log)[name] == "refused"
    assert results(found.log)["balance.csv"] == "passed"
    for path in (tmp_path / "out").rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes(), path.name


@pytest.mark.parametrize(
    "name",
    ["extract.csv", "kids.toml", "groups.csv", "analysis.toml", "a.docx", "a.xlsx", "a.html"],
)
def test_nothing_leaves_that_is_listed_but_of_no_known_content(tmp_path: Path, name: str) -> None:
    """Its hash stands in a manifest that somebody wrote by hand."""
    write_home(tmp_path / "in", {name: f"name\n{SECRET}\n"}, evidence="open-data")
    found = disclose(tmp_path / "in", tmp_path / "out")
    assert results(found.log)[name] == "refused"
    assert not (tmp_path / "out" / name).exists()


def test_the_log_of_an_export_is_no_result_when_it_is_checked_again(tmp_path: Path) -> None:
    home = tmp_path / "in"
    write_home(home, {"balance.csv": rows_to_csv(BalanceRow, balance_rows(100))})
    disclose(home, tmp_path / "out", ledger=False)
    again = results(disclose(tmp_path / "out", tmp_path / "again", ledger=False).log)
    assert again["disclosure.csv"] == again["disclosure.md"] == "passed"


@pytest.mark.parametrize("name", ["arm_years", "authority_sizes", "effects", "loo"])
def test_tables_of_a_run_leave_with_the_run_alone(
    make_run: MakeRun, folder: Callable[[Run], Path], tmp_path: Path, name: str
) -> None:
    """By themselves they would not be judged beside other releases of its children."""
    text = (folder(make_run()) / f"{name}.csv").read_text(encoding="utf-8")
    write_home(tmp_path / "in", {"a.csv": text})
    assert results(disclose(tmp_path / "in").log)["a.csv"] == "refused"


def test_a_ledger_beside_a_document_vouches_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    file = tmp_path / "in" / "tables.docx"
    file.write_text(SECRET, encoding="utf-8")
    document = {"threshold": 10, "zeros": False, "releases": [], "files": {file.name: sha256(file)}}
    (tmp_path / "in" / "disclosure.json").write_text(json.dumps(document), encoding="utf-8")
    found = disclose(tmp_path / "in", tmp_path / "out")
    assert results(found.log)["tables.docx"] == "refused"


def test_what_is_put_into_a_manifest_or_an_earlier_log_does_not_leave(tmp_path: Path) -> None:
    home = tmp_path / "in"
    clean_match(home)
    manifest = json.loads((home / "manifest.json").read_text(encoding="utf-8"))
    manifest |= {
        "notes": SECRET,
        "status": SECRET,
        "inputs_sha256": {SECRET: "0" * 64, "b": SECRET},
        "versions": {SECRET: "1", "numpy": SECRET},
    }
    (home / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (home / "disclosure.md").write_text(SECRET, encoding="utf-8")
    disclose(home, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"manifest.json", "balance.csv"}
    for path in (tmp_path / "out").iterdir():
        assert SECRET not in path.read_text(encoding="utf-8"), path.name


def test_what_a_file_says_it_rests_on_does_not_leave(tmp_path: Path) -> None:
    rows = terms("a", 500, 20)
    said = rows_to_csv(TermRow, rows, evidence="synthetic", status=SECRET)
    write_home(tmp_path / "in", {"fits.csv": said})
    assert results(disclose(tmp_path / "in", tmp_path / "out").log)["fits.csv"] == "passed"
    assert (tmp_path / "out" / "fits.csv").read_text("utf-8") == rows_to_csv(TermRow, rows)


@pytest.mark.parametrize("name", ["../secret.csv", "/etc/hostname", "a/../../secret.csv"])
def test_a_manifest_that_names_a_path_out_of_its_folder_vouches_for_nothing(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "secret.csv").write_text(SECRET, encoding="utf-8")
    clean_match(tmp_path / "in")
    path = tmp_path / "in" / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["files_sha256"][name] = sha256(tmp_path / "secret.csv")
    path.write_text(json.dumps(manifest), encoding="utf-8")
    found = disclose(tmp_path / "in", tmp_path / "out")
    assert results(found.log)["balance.csv"] == "refused"
    assert not list((tmp_path / "out").rglob("secret.csv"))


def test_a_posterior_is_written_anew(
    make_run: MakeRun, folder: Callable[[Run], Path], tmp_path: Path
) -> None:
    """Attributes of all kinds, and what was deleted but is still in the file, stay behind."""
    home = folder(with_draws(make_run()))
    with h5py.File(home / "posterior.nc", "a") as file:
        file.attrs["note"] = file["posterior"].attrs["note"] = SECRET
        file["posterior/authority_sd"].attrs["note"] = SECRET
        file["posterior/deleted"] = np.frombuffer(SECRET.encode() * 50, dtype=np.uint8)
        del file["posterior/deleted"]
    assert SECRET.encode() in (home / "posterior.nc").read_bytes()
    listed_anew(home, "posterior.nc")
    disclose(home, tmp_path / "out")
    assert SECRET.encode() not in (tmp_path / "out" / "posterior.nc").read_bytes()
    assert "authority_sd" in open_posterior(tmp_path / "out")["posterior"]


def listed_anew(home: Path, name: str) -> None:
    """Somebody writes a changed file's hash into the manifest."""
    manifest = json.loads((home / "manifest.json").read_text(encoding="utf-8"))
    manifest["files_sha256"][name] = sha256(home / name)
    (home / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


@pytest.mark.parametrize("kind", ["soft", "external", "whole group"])
def test_a_posterior_that_points_elsewhere_is_refused(
    make_run: MakeRun, folder: Callable[[Run], Path], tmp_path: Path, kind: str
) -> None:
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["group/records"] = np.arange(3)
    home = folder(with_draws(make_run()))
    with h5py.File(home / "posterior.nc", "a") as file:
        del file["posterior/authority_sd"]
        if kind == "soft":
            file["posterior/authority_sd"] = h5py.SoftLink("/posterior/coefficient")
        elif kind == "external":
            away = h5py.ExternalLink(str(tmp_path / "secret.h5"), "group/records")
            file["posterior/authority_sd"] = away
        else:
            file["more"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "group")
    listed_anew(home, "posterior.nc")
    found = disclose(home, tmp_path / "out")
    (line,) = [line for line in found.log if line.output == "posterior.nc"]
    assert (line.result, "link to another place" in line.action) == ("refused", True)
    assert not (tmp_path / "out" / "posterior.nc").exists()


@pytest.mark.parametrize("word", ["open-data", "published", "published-inferred", "unknown-origin"])
def test_a_word_in_a_manifest_changes_no_judgement(
    small_pilot: Run, folder: Callable[[Run], Path], tmp_path: Path, word: str
) -> None:
    home = folder(replace(small_pilot, evidence="records"))
    plain = results(disclose(home).log)
    path = home / "manifest.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"records"', f'"{word}"'), "utf-8")
    assert f'"evidence": "{word}"' in path.read_text(encoding="utf-8")
    assert results(disclose(home, tmp_path / "out").log) == plain
    assert read(home).evidence == "records"
    assert {row.evidence for row in read(home).effects} == {"records"}
    assert SMALL not in (tmp_path / "out" / "effects.csv").read_text(encoding="utf-8")


def test_labels_that_leave_open_as_no_formula(
    make_run: MakeRun, folder: Callable[[Run], Path], tmp_path: Path
) -> None:
    run = make_run()
    bad = '=HYPERLINK("http://a.b","c")'
    rows = tuple(
        replace(row, authority=bad if row.authority == "Holt" else row.authority)
        for row in run.rows(AuthoritySizeRow)
    )
    home = folder(replace(run, beside={**run.beside, AuthoritySizeRow: rows}))
    disclose(home, tmp_path / "out")
    with (tmp_path / "out" / "authority_sizes.csv").open(encoding="utf-8", newline="") as stream:
        cells = [cell for line in csv.reader(stream) for cell in line]
    assert f"'{bad}" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "@", "+"))]
    assert {row.authority for row in read(tmp_path / "out").rows(AuthoritySizeRow)} >= {bad}
