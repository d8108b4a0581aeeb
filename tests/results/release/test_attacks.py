"""Attacks from released files alone: each must find small groups where nothing is protected.

Every attack is tried twice: on files as they are or under a weaker check, where it has to recover
the counts that the test has planted, and on what is released, where it must not.
"""

import csv
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import LinearConstraint, milp
from tests.cells.conftest import made_up_analysis, made_up_matched
from tests.results.release.conftest import MakeRun

from sofs_bayes.cells.collapse import collapse
from sofs_bayes.cells.dataset import Cells, frame_of
from sofs_bayes.cells.files import write_cells
from sofs_bayes.checks.registry.leaving_out import AuthorityLooRow, LooRow
from sofs_bayes.checks.registry.predictions import ArmYearCheck
from sofs_bayes.cli import main
from sofs_bayes.disclosure.cells import Release, protect
from sofs_bayes.disclosure.outsider import arms_of, sizes_of
from sofs_bayes.disclosure.release import merging_route, release
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.errors import BadInput
from sofs_bayes.estimands.rows import AuthoritySizeRow, YearlyRateRow
from sofs_bayes.pipeline.disclosure import disclose
from sofs_bayes.runs.run_folder import Run, write
from sofs_bayes.spec import ChildrenAnalysis

THRESHOLD = 10
Rows = list[dict[str, str]]


def rows_of(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as stream:
        lines = [line for line in stream if not line.startswith("# ")]
    return list(csv.DictReader(lines))


# -------------------------------------------------- cells beside a run of the same children


@dataclass(frozen=True)
class Children:
    """Made-up matched children, one pilot of whom has few events in a year."""

    analysis: ChildrenAnalysis
    cells: Cells

    @property
    def truth(self) -> pd.DataFrame:
        return frame_of(self.cells.patterns, "pattern")


@pytest.fixture(scope="module")
def children() -> Children:
    analysis = made_up_analysis()
    rows = made_up_matched(analysis, referrals=20_000, seed=5)
    few = (rows["authority"] == "North") & (rows["year"] == 2016)
    few |= (rows["authority"] == "Alder") & (rows["year"] == 2014)
    rows.loc[few, "outcome"] = 0
    for name in ("North", "Alder"):
        events = rows.index[few & (rows["authority"] == name)][:6]
        rows.loc[events, "outcome"] = 1
    cells = collapse(
        rows, analysis, covariates=(), products=False, for_release=True, evidence="synthetic"
    )
    return Children(analysis=analysis, cells=cells)


def run_of(children: Children, made: MakeRun) -> Run:
    """A run that shows the children's arms by year, and their authorities by period."""
    arms = arms_of(children.cells.patterns)
    pilots = {"North", "South"}
    run = made()
    extra = dict(run.beside)
    extra[ArmYearCheck] = tuple(
        ArmYearCheck(
            kind="posterior",
            arm=each.arm,
            year=each.year,
            children=each.children,
            observed=each.events / each.children,
            **dict.fromkeys(("lower", "median", "upper", "level", "p"), 0.1),
        )
        for each in arms
    )
    extra[AuthoritySizeRow] = tuple(
        AuthoritySizeRow(
            authority=each.authority,
            arm="pilot" if each.authority in pilots else "comparator",
            period=each.period,
            referrals=each.referrals,
            events=each.events,
        )
        for each in sizes_of(children.cells)
    )
    extra[YearlyRateRow] = ()
    extra[LooRow] = ()
    extra[AuthorityLooRow] = ()
    return replace(run, beside=extra)


def recovered_events(cells: Rows, arm_years: Rows, sizes: Rows) -> dict[tuple[str, ...], int]:
    """Suppressed events that somebody can work out who has the files of both releases.

    Unknowns are the events of every cell. Known: those shown, the arms' events by year (children
    times rate), and pilots' events by period (they stand in one group each), if exact.
    """
    count = len(cells)
    known: list[tuple[np.ndarray, float]] = []
    for i, row in enumerate(cells):
        if row["events"]:
            known.append((np.eye(count)[i], float(row["events"])))
    for total in arm_years:
        pilot = {"pilot": "1", "comparator": "0"}[total["arm"]]
        post = {"before": "0", "after": "1"}.get(total["year"])
        inside = [
            row["pilot"] == pilot
            and (row["post"] == post if post else row["year"] == total["year"])
            for row in cells
        ]
        events = round(int(total["children"]) * float(total["observed"]))
        known.append((np.array(inside, dtype=float), events))
    bounds_only = len({(row["referrals"], row["events"]) for row in sizes}) == 1
    for total in (row for row in sizes if row["arm"] == "pilot" and not bounds_only):
        post = {"before": "0", "after": "1"}.get(total["period"])
        inside = [
            row["authority"] == total["authority"]
            and (row["post"] == post if post else row["year"] == total["period"])
            for row in cells
        ]
        known.append((np.array(inside, dtype=float), float(total["events"])))
    sums, values = np.array([row for row, _ in known]), np.array([value for _, value in known])
    conditions = [LinearConstraint(sums, values, values)]
    found = {}
    for i in (i for i, row in enumerate(cells) if not row["events"]):
        wanted = np.eye(count)[i]
        ends = [
            milp(sign * wanted, constraints=conditions, integrality=np.ones(count))
            for sign in (1, -1)
        ]
        low, high = (
            float(wanted @ np.round(end.x)) if end.x is not None else np.inf for end in ends
        )
        if high - low < THRESHOLD:
            place = ("group", "authority", "year", "post")
            found[tuple(cells[i][key] for key in place)] = int(high - low)
    return found


# What was taken as known before runs were looked at.
CELLS_ALONE = ((), ("authority",), ("year",), ("pilot", "post"))


def released_cells(children: Children, folder: Path, rule: OutputRule) -> tuple[Release, Rows]:
    release = protect(children.cells, rule)
    assert release.unprotected == 0
    folder.mkdir()
    write_cells(release.cells, folder / "synthetic-cells.csv")
    return release, rows_of(folder / "synthetic-cells.csv")


def test_a_run_does_not_tell_what_cells_of_the_same_children_suppress(
    children: Children, make_run: MakeRun, tmp_path: Path
) -> None:
    write(run_of(children, make_run), tmp_path / "run")
    disclose(tmp_path / "run", tmp_path / "out")
    tables = [rows_of(tmp_path / "out" / f"{n}.csv") for n in ("arm_years", "authority_sizes")]
    _, alone = released_cells(children, tmp_path / "alone", OutputRule(totals=CELLS_ALONE))
    told = recovered_events(alone, *tables)
    assert 0 in told.values()  # to the number
    _, cells = released_cells(children, tmp_path / "cells", OutputRule())
    assert any(not row["events"] for row in cells)
    assert recovered_events(cells, *tables) == {}


def test_the_order_of_the_two_releases_makes_no_difference(
    children: Children, make_run: MakeRun, tmp_path: Path
) -> None:
    """Cells first; the run then hides what the cells take as known to nobody."""
    release, cells = released_cells(children, tmp_path / "cells", OutputRule())
    write(run_of(children, make_run), tmp_path / "run")
    ledger = tmp_path / "ledger.jsonl"
    from sofs_bayes.disclosure.ledger import open_ledger

    with open_ledger(ledger) as book:
        book.add([release.told])
    disclose(tmp_path / "run", tmp_path / "out", ledger=ledger)
    tables = [rows_of(tmp_path / "out" / f"{n}.csv") for n in ("arm_years", "authority_sizes")]
    assert tables[0]
    assert recovered_events(cells, *tables) == {}


# ------------------------------------------------- matching with and without a small pilot

PILOT = "Pilot 99"


@pytest.fixture(scope="module")
def two_matchings(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same children matched without and with a pilot of seven, four before and three after."""
    home = tmp_path_factory.mktemp("matchings")
    words = ["simulate", "icpc", "--drawn", "--times", "0.05", "--format", "csv"]
    assert main([*words, "-o", str(home / "population")]) == 0
    with_it = home / "with-it"
    shutil.copytree(home / "population", with_it)
    groups = pd.read_csv(with_it / "synthetic-groups.csv", dtype=str)
    other = groups["pilot"].iloc[0]
    own = groups[groups["pilot"] == other].assign(pilot=PILOT)
    pd.concat([groups, own]).to_csv(with_it / "synthetic-groups.csv", index=False)
    known = pd.read_csv(with_it / "synthetic-authorities.csv", dtype=str)
    named = known[known["authority"] == other].assign(authority=PILOT)
    pd.concat([known, named]).to_csv(with_it / "synthetic-authorities.csv", index=False)
    path = with_it / "synthetic-children.csv"
    children = pd.read_csv(path, dtype=str, keep_default_na=False)
    date = next(name for name in children if "referral" in name and "date" in name)
    start = own["settling_in_start"].iloc[0]
    end = own["settling_in_end"].iloc[0]
    mine = children[children["authority"] == other]
    seven = pd.concat([mine[mine[date] < start].head(4), mine[mine[date] > end].head(3)])
    assert len(seven) == 7
    new = [f"new-{i}" for i in range(7)]
    ids = [name for name in children if name in ("child", "referral", "child_id", "referral_id")]
    seven = seven.assign(authority=PILOT, **dict.fromkeys(ids, new))
    pd.concat([children, seven]).to_csv(path, index=False)
    found = []
    for name in ("population", "with-it"):
        assert (
            main(["match", "icpc-children", str(home / name), "-o", str(home / f"{name}-m")]) == 0
        )
        found.append(home / f"{name}-m")
    return found[0], found[1]


def recovered_group(without: Path, with_it: Path) -> Mapping[str, int]:
    """Children that one folder's counts have and the other's have not, by what they are."""
    found: dict[str, int] = {}
    for name, keys, numbers in (
        ("balance.csv", ("stage", "period", "group"), ("pilots",)),
        ("summary.csv", ("stage", "variable", "level", "arm"), ("rows",)),
    ):
        if not all((folder / name).exists() for folder in (without, with_it)):
            continue
        counts = [
            {
                (tuple(row[key] for key in keys), number): int(row[number])
                for row in rows_of(folder / name)
                for number in numbers
                if row["stage"] != "weighted"
            }
            for folder in (without, with_it)
        ]
        for place in counts[0].keys() & counts[1].keys():
            if 0 < (apart := abs(counts[1][place] - counts[0][place])) < THRESHOLD:
                found[f"{name}: {', '.join(place[0])}"] = apart
    return found


def test_two_matchings_do_not_tell_of_a_pilot_that_only_one_has(
    two_matchings: tuple[Path, Path], tmp_path: Path
) -> None:
    told = recovered_group(*two_matchings)
    assert told["balance.csv: before, all, all"] == 7
    assert (told["balance.csv: before, pre, all"], told["balance.csv: before, post, all"]) == (4, 3)
    assert any("gender" in place for place in told)
    out = tmp_path / "first", tmp_path / "second"
    for folder, target in zip(two_matchings, out, strict=True):
        disclose(folder, target)
    assert (out[0] / "balance.csv").exists()
    assert (out[0] / "summary.csv").exists()
    assert recovered_group(*out) == {}
    alone = tmp_path / "alone"
    disclose(two_matchings[1], alone, ledger=False)
    assert recovered_group(out[0], alone)["balance.csv: before, all, all"] == 7
    named = tmp_path / "named"
    disclose(two_matchings[1], named, ledger=False, earlier=[out[0]])
    assert recovered_group(out[0], named) == {}


# ------------------------------------------------------------ cells of nearly the same children


def recovered_from_cells(first: Cells, second: Cells) -> list[int]:
    """Children of a cell that one release has and the other has not."""
    frames = [frame_of(each.patterns, "pattern").set_index([*each.by]) for each in (first, second)]
    apart = (frames[0]["n"] - frames[1]["n"]).abs().dropna()
    return [int(n) for n in apart if 0 < n < THRESHOLD]


def test_cells_without_a_few_children_do_not_leave_beside_cells_with_them() -> None:
    analysis = made_up_analysis()
    rows = made_up_matched(analysis, referrals=9000)
    mine = rows.index[(rows["authority"] == "North") & (rows["year"] == 2013)][:7]
    found = [
        release(each, analysis, OutputRule(), evidence="records", inputs=[sha])
        for each, sha in ((rows, "a"), (rows.drop(index=mine), "b"))
    ]
    assert recovered_from_cells(*(each.cells for each in found)) == [7]
    for earlier in (found[0].told, replace(found[0].told, analysis="other", evidence="synthetic")):
        with pytest.raises(BadInput, match="earlier release"):
            release(
                rows.drop(index=mine), analysis, OutputRule(), evidence="records", earlier=[earlier]
            )
    again = release(rows, analysis, OutputRule(), evidence="records", earlier=[found[0].told])
    assert again.cells.patterns.equals(found[0].cells.patterns)


def test_cells_of_the_same_children_are_released_in_one_way_alone() -> None:
    """By year and then without: what is left of a total would be what is suppressed in a year."""
    analysis = made_up_analysis()
    rows = made_up_matched(analysis, referrals=9000)
    first = release(rows, analysis, OutputRule(), evidence="records")
    coarse = [merging_route(analysis)[-1]]
    assert release(rows, analysis, OutputRule(), evidence="records", route=coarse)
    with pytest.raises(BadInput, match="out already"):
        release(
            rows, analysis, OutputRule(), evidence="records", route=coarse, earlier=[first.told]
        )


# ----------------------------------------------------- a run of nearly the same children


def recovered_children(first: Path, second: Path) -> dict[str, int]:
    """Children of an arm's year that one run has and the other has not."""
    counts = [
        {(row["arm"], row["year"]): int(row["children"]) for row in rows_of(home / "arm_years.csv")}
        for home in (first, second)
    ]
    both = counts[0].keys() & counts[1].keys()
    return {
        " ".join(place): abs(counts[0][place] - counts[1][place])
        for place in both
        if 0 < abs(counts[0][place] - counts[1][place]) < THRESHOLD
    }


@pytest.mark.parametrize("evidence", ["synthetic", "records"])
def test_another_name_does_not_separate_the_same_children(
    make_run: MakeRun, tmp_path: Path, evidence: str
) -> None:
    whole = make_run()
    less = make_run({("pilot", "2012"): (1996, 199)})
    analysis = whole.analysis
    children = replace(analysis.children, name="another-name")
    less = replace(
        less,
        analysis=replace(analysis, name="another", children=children),
        evidence=evidence,
        inputs={"other.parquet": "1" * 64},
    )
    for name, run in (("whole", whole), ("less", less)):
        write(run, tmp_path / name)
        disclose(tmp_path / name, tmp_path / f"{name}-alone", ledger=False)
        disclose(tmp_path / name, tmp_path / f"{name}-out")
    told = recovered_children(tmp_path / "whole-alone", tmp_path / "less-alone")
    assert told["pilot 2012"] == 4
    assert (tmp_path / "whole-out" / "arm_years.csv").exists()
    assert not (tmp_path / "less-out" / "arm_years.csv").exists()


# ------------------------------------------------------------------ a log before a document


def test_no_document_leaves_without_its_log(
    make_run: MakeRun, tmp_path: Path, own_ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted before the last step: the ledger knows of it, and neither of the two is there."""
    write(make_run(), tmp_path / "run")

    named = Path.hardlink_to

    def killed(self: Path, target: Path) -> None:
        if self == tmp_path / "a.docx":
            raise KeyboardInterrupt
        named(self, target)

    monkeypatch.setattr(Path, "hardlink_to", killed)  # how a new file gets its name
    assert main(["effects", str(tmp_path / "run"), "-o", str(tmp_path / "a.docx")]) == 130
    assert list(tmp_path.glob("a.docx*")) == []
    assert len(own_ledger.read_text(encoding="utf-8").splitlines()) == 2


@pytest.mark.parametrize("link", [False, True])
def test_an_earlier_log_is_never_overwritten_nor_written_through_a_link(
    make_run: MakeRun, tmp_path: Path, link: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    write(make_run(), tmp_path / "run")
    log, other = tmp_path / "a.docx.disclosure.json", tmp_path / "other.json"
    other.write_text("kept", encoding="utf-8")
    if link:
        log.symlink_to(other)
    else:
        log.write_text("kept", encoding="utf-8")
    assert main(["effects", str(tmp_path / "run"), "-o", str(tmp_path / "a.docx")]) == 2
    assert "exists" in capsys.readouterr().err
    assert (log.read_text(encoding="utf-8"), other.read_text(encoding="utf-8")) == ("kept", "kept")
    assert not (tmp_path / "a.docx").exists()


# ------------------------------------------------------------------------------ the ledger


def test_the_ledger_is_the_custodians(make_run: MakeRun, tmp_path: Path, own_ledger: Path) -> None:
    """It says so itself, nobody else may read it, and a line that was cut off is of no release."""
    write(make_run(), tmp_path / "run")
    disclose(tmp_path / "run")
    assert not own_ledger.exists()  # nothing left
    disclose(tmp_path / "run", tmp_path / "out")
    lines = own_ledger.read_text(encoding="utf-8").splitlines()
    assert "stays with the custodian" in json.loads(lines[0])["about"]
    assert len(lines) == 2
    assert own_ledger.stat().st_mode & 0o077 == 0
    disclose(tmp_path / "run", tmp_path / "again")
    assert len(own_ledger.read_text(encoding="utf-8").splitlines()) == 2  # tells nothing new
    with own_ledger.open("a", encoding="utf-8") as stream:
        stream.write('{"analysis": "cut')
    disclose(tmp_path / "run", tmp_path / "after")


@pytest.mark.parametrize("kind", ["link", "damaged", "folder"])
def test_a_ledger_that_cannot_be_used_is_one_line(
    make_run: MakeRun,
    tmp_path: Path,
    own_ledger: Path,
    kind: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(make_run(), tmp_path / "run")
    if kind == "link":
        own_ledger.symlink_to(tmp_path / "elsewhere")
    elif kind == "damaged":
        own_ledger.write_text("no ledger\n", encoding="utf-8")
    else:
        own_ledger.mkdir()
    assert main(["disclose", str(tmp_path / "run"), "-o", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "elsewhere").exists()


def test_the_ledger_of_a_working_folder_holds_for_folders_in_it(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOFS_BAYES_LEDGER")
    write(make_run(), tmp_path / "run")
    write(make_run({("pilot", "2012"): (1996, 199)}), tmp_path / "less")
    (tmp_path / "sub").mkdir()
    for place, run, out in ((tmp_path, "run", "out"), (tmp_path / "sub", "less", "out-2")):
        monkeypatch.chdir(place)
        disclose(tmp_path / run, tmp_path / out)
    assert not (tmp_path / "sub" / "disclosure-ledger.jsonl").exists()
    assert not (tmp_path / "out-2" / "arm_years.csv").exists()


# -------------------------------------------------------------- counts of somebody's own


@pytest.fixture
def panel(tmp_path: Path) -> Callable[[str], Path]:
    """A function: a panel with a small authority-year, and an analysis that says what of it."""
    dfe = Path(__file__).parents[2] / "data" / "dfe"
    words = ["open-data", str(dfe), "--analysis", str(dfe / "made-up.toml")]
    assert main([*words, "-o", str(tmp_path / "panel.csv")]) == 0

    def made(published: str) -> Path:
        text = (dfe / "made-up.toml").read_text(encoding="utf-8")
        text = text.replace("[data]\n", f"[data]\n{published}", 1)
        (tmp_path / "analysis.toml").write_text(text, encoding="utf-8")
        return tmp_path / "panel.csv"

    return made


def test_a_panel_of_ones_own_is_of_unknown_origin(
    panel: Callable[[str], Path], tmp_path: Path
) -> None:
    from sofs_bayes import spec
    from sofs_bayes.disclosure.origin import published_where
    from sofs_bayes.records.open_data import read_panel

    dfe = Path(__file__).parents[2] / "data" / "dfe"
    for said, public in (("", False), ('published = "Report, 2019, our website"\n', True)):
        file = panel(said)
        analysis = spec.load(tmp_path / "analysis.toml")
        assert isinstance(analysis, spec.OpenAnalysis)
        own = read_panel([file], analysis.data)
        assert own.evidence == "unknown-origin"
        assert bool(published_where(own.evidence, analysis)) is public
        assert read_panel(sorted(dfe.glob("*.csv")), analysis.data).evidence == "open-data"


def test_a_file_of_ones_own_does_not_hide_behind_one_of_the_same_name(tmp_path: Path) -> None:
    """Each file that is read counts for what the run rests on, not the last of each name."""
    from sofs_bayes import spec
    from sofs_bayes.disclosure.origin import evidence_of
    from sofs_bayes.pipeline.did_sources import counts_source
    from sofs_bayes.records.open_data import read_panel

    dfe = Path(__file__).parents[2] / "data" / "dfe"
    analysis = spec.load(dfe / "made-up.toml")
    assert isinstance(analysis, spec.OpenAnalysis)
    own = (dfe / "conferences.csv").read_text(encoding="utf-8").replace(",591\n", ",592\n", 1)
    files = [tmp_path / folder / "counts.csv" for folder in ("own", "theirs")]
    for file in files:
        file.parent.mkdir()
    files[0].write_text(own, encoding="utf-8")
    shutil.copy(dfe / "children_in_need.csv", files[1])
    source = counts_source(analysis, read_panel(files, analysis.data))
    assert [*source.inputs] == ["counts.csv", "counts.csv (2)"]
    assert evidence_of(analysis, source.inputs.values(), "open-data") == "unknown-origin"
