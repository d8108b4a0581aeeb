"""A run folder comes back as it was written, appears whole or not at all, and shows tampering."""

import csv
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.rows import of_effect, of_fit, on_fit

from sofs_bayes.checks.registry import FILES as KEPT
from sofs_bayes.errors import BadInput
from sofs_bayes.estimands import EffectRow, ProbabilityRow
from sofs_bayes.estimands.rows import YearlyRateRow
from sofs_bayes.folders.manifest import sha256
from sofs_bayes.published.facts import facts_sha256
from sofs_bayes.runs.run_folder import Run, open_posterior, read, read_rows, write
from sofs_bayes.spec import OpenAnalysis, fingerprint
from sofs_bayes.tables.formats import rows_to_csv

VERSIONS = {"python": "3.12", "sofs-bayes": "0.1.0"}
EFFECT = EffectRow(
    **of_effect("effect after settling-in"),
    target='Brackwater, City of "B"',
    scale="risk",
    prior="reference",
    **of_fit("main"),
    evidence="open-data",
    mean=0.1 + 0.2,
    median=-1e-17,
    sd=1 / 3,
    lower=-math.inf,
    upper=math.pi,
    level=0.9,
    interval="eti",
    status="converged",
)
PROBABILITY = ProbabilityRow(
    **of_effect("effect after settling-in"),
    target="pooled",
    scale="risk",
    prior="reference",
    **of_fit("main"),
    evidence="open-data",
    statement="below 0 pp",
    probability=1.0,
    mcse=math.nan,
    status="converged",
)
NOTHING = dict.fromkeys(
    f"{name}{end}" for name in ("counterfactual", "effect") for end in ("", "_lower", "_upper")
)
RATE = YearlyRateRow(
    year=2012,
    period="pre",
    **of_effect("effect after settling-in"),
    prior="reference",
    pilots=3,
    observed=0.2,
    comparators=0.25,
    fitted=0.21,
    fitted_lower=0.2,
    fitted_upper=0.22,
    level=0.9,
    interval="eti",
    **dict.fromkeys(NOTHING, math.nan),
)
VERDICT = {
    "status": "converged",
    "failures": [],
    "max_rhat": math.nan,
    "min_ess_bulk": 900.0,
    "min_ess_tail": 900.0,
    "min_bfmi": 0.9,
    "divergences": 0,
    "draws": 4000,
    "quantities": 3,
}

CONFERENCES = Path(__file__).parents[1] / "data" / "dfe" / "conferences.csv"


@pytest.fixture
def run(made_up_analysis: OpenAnalysis) -> Run:
    draws = xr.Dataset(
        {"effect": (("chain", "draw"), np.arange(6.0).reshape(2, 3))},
        coords={"chain": [0, 1], "draw": [0, 1, 2]},
    )
    return Run(
        analysis=made_up_analysis,
        evidence="open-data",
        status="converged",
        effects=(EFFECT, replace(EFFECT, target="pooled", sd=math.nan)),
        probabilities=(PROBABILITY,),
        beside={YearlyRateRow: (RATE,)},
        diagnostics={
            "method": "nutpie",
            "status": "converged",
            "fits": {
                **on_fit("main", "reference", VERDICT | {"pareto_k": None}),
                **on_fit("main", "other", VERDICT | {"pareto_k": 0.31}),
            },
        },
        posterior=xr.DataTree.from_dict({"posterior": draws}),
        inputs={CONFERENCES.name: sha256(CONFERENCES)},
        seconds={"sample": 1.23456},
        options={"leave_out": "pilots"},
        versions=VERSIONS,
    )


def same(one: object, other: object) -> bool:
    """Equality under which a NaN is itself."""
    return repr(one) == repr(other)


def folder_content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# --------------------------------------------------------------------------- round trip


def test_a_run_comes_back_as_it_was_written(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "new" / "run"
    write(run, target)
    found = read(target)
    assert found.analysis == run.analysis
    kept = ("evidence", "status", "effects", "probabilities", "sensitivity", "beside", "options")
    for name in (*kept, "inputs"):
        assert same(getattr(found, name), getattr(run, name)), name
    assert found.seconds == {"sample": 1.235}
    undefined = VERDICT | {"max_rhat": None}
    assert found.diagnostics["fits"] == {
        **on_fit("main", "reference", undefined | {"pareto_k": None}),
        **on_fit("main", "other", undefined | {"pareto_k": 0.31}),
    }
    assert found.posterior is None
    assert run.posterior is not None
    stored = open_posterior(target)
    xr.testing.assert_identical(
        stored["posterior"].to_dataset(), run.posterior["posterior"].to_dataset()
    )


def test_the_manifest_says_what_and_from_what(run: Run, tmp_path: Path) -> None:
    write(run, tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text("utf-8"))
    assert manifest["analysis"] == "made-up"
    assert manifest["analysis_sha256"] == fingerprint(run.analysis)
    assert manifest["facts_sha256"] == facts_sha256()
    assert isinstance(manifest["seed"], int)
    assert manifest["inputs_sha256"] == run.inputs
    assert manifest["versions"] == VERSIONS
    files = {path.name for path in (tmp_path / "run").iterdir()} - {"manifest.json"}
    assert set(manifest["files_sha256"]) == files
    assert files == {
        "analysis.toml",
        "effects.csv",
        "probabilities.csv",
        "diagnostics.json",
        "posterior.nc",
        "yearly_rates.csv",
        "sensitivity.csv",
    }


def test_a_run_written_twice_is_the_same_bytes(run: Run, tmp_path: Path) -> None:
    for name in ("one", "other"):
        write(run, tmp_path / name)
    one, other = (folder_content(tmp_path / name) for name in ("one", "other"))
    for content in (one, other):
        del content["posterior.nc"], content["manifest.json"]  # HDF5 has times of its own
    assert one == other


def test_a_run_read_back_can_be_written_again(run: Run, tmp_path: Path) -> None:
    write(run, tmp_path / "one")
    write(read(tmp_path / "one"), tmp_path / "other")
    one, other = (folder_content(tmp_path / name) for name in ("one", "other"))
    assert "posterior.nc" not in other
    assert all(one[name] == other[name] for name in other if name != "manifest.json")
    with pytest.raises(BadInput, match=r"posterior\.nc: found a file that manifest\.json does not"):
        open_posterior(tmp_path / "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    text: str
    number: float
    count: int
    truth: bool


ROWS = st.builds(Row, text=st.text(), number=st.floats(), count=st.integers(), truth=st.booleans())


@example(rows=[Row(text="\r", number=0.0, count=0, truth=False)])
@given(rows=st.lists(ROWS, max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_of_any_content_come_back(rows: list[Row], tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(rows_to_csv(Row, rows), encoding="utf-8")
    found = read_rows(file, Row)
    assert same([asdict(row) for row in found], [asdict(row) for row in rows])


def test_what_is_said_of_all_rows_stands_in_each_and_only_what_is_known(tmp_path: Path) -> None:
    file, rows = tmp_path / "rows.csv", [Row(text="a", number=1.0, count=1, truth=True)] * 2
    text = rows_to_csv(Row, rows, evidence="open-data", status="converged")
    file.write_text(text, encoding="utf-8")
    assert [line["evidence"] for line in csv.DictReader(text.splitlines())] == ["open-data"] * 2
    assert read_rows(file, Row) == rows
    assert rows_to_csv(EffectRow, [], evidence="records") == rows_to_csv(EffectRow, [])
    for old, new in (
        *(("open-data", "secret"), ("evidence", "secret"), ("evidence", "status")),
        ("evidence,status", "status,evidence"),
    ):
        file.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(BadInput, match=r"evidence: found something else|other columns"):
            read_rows(file, Row)


def test_every_csv_of_a_run_names_its_evidence(open_run: Run, tmp_path: Path) -> None:
    write(open_run, tmp_path / "run")
    for path in (tmp_path / "run").glob("*.csv"):
        named = {
            line.get("evidence") for line in csv.DictReader(path.read_text("utf-8").splitlines())
        }
        assert named <= {"open-data"}, path.name


def test_rows_of_another_kind_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(rows_to_csv(YearlyRateRow, [RATE]), encoding="utf-8")
    for text in (file.read_text(encoding="utf-8"), ""):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(BadInput, match="header: found other columns; allowed: role, t"):
            read_rows(file, EffectRow)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,secret,1,yes", "row 2, number: found something else; allowed: a number or nothing"),
        ("a,1_0,1,yes", "row 2, number: found something else"),
        ("a,٣,1,yes", "row 2, number: found something else"),
        ("a,1.5,1.5,yes", "row 2, count: found something else; allowed: a whole number"),
        ("a,1.5,,yes", "row 2, count: found something else"),
        ("a,1.5,1,secret", "row 2, truth: found something else; allowed: yes or no"),
        ("a,1.5", "row 2: found 2 cells; allowed: 4"),
        ("a,1.5,1,yes,secret", "row 2: found 5 cells; allowed: 4"),
        ('"' + "a" * 200_000 + '",1.5,1,yes', "found a damaged file"),
        ("\udcff,1.5,1,yes", "found a damaged file"),
    ],
)
def test_a_damaged_cell_is_one_line_that_does_not_quote_it(
    tmp_path: Path, row: str, said: str
) -> None:
    file = tmp_path / "rows.csv"
    text = f"text,number,count,truth\n{row}\n"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BadInput, match=said) as caught:
        read_rows(file, Row)
    assert "secret" not in str(caught.value)


def test_every_further_csv_has_a_name_of_its_own() -> None:
    names = [kept.name for kept in KEPT.values()]
    assert len(set(names)) == len(names)
    assert all(kept.row is kind for kind, kept in KEPT.items())


# ---------------------------------------------------------------------------- tampering


@pytest.fixture
def written(run: Run, tmp_path: Path) -> Path:
    write(run, tmp_path / "run")
    return tmp_path / "run"


FILES = (
    "analysis.toml",
    "effects.csv",
    "probabilities.csv",
    "diagnostics.json",
    "posterior.nc",
    "yearly_rates.csv",
)


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_noticed(written: Path, name: str) -> None:
    content = (written / name).read_bytes()
    (written / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BadInput, match=rf"{name}: found a changed file"):
        read(written)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_noticed(written: Path, name: str) -> None:
    (written / name).unlink()
    with pytest.raises(BadInput, match=rf"{name}: found no such file"):
        read(written)


def test_figures_may_be_added_later(written: Path) -> None:
    (written / "figures").mkdir()
    (written / "figures" / "effects.png").write_bytes(b"")
    assert read(written).status == "converged"


def test_a_folder_of_another_kind_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(BadInput, match="found no such file"):
            read(folder)


KEYS = ("files_sha256", "evidence", "status", "inputs_sha256", "seconds", "options")


def without_key(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda manifest: {k: v for k, v in manifest.items() if k != key}


@pytest.mark.parametrize(
    "damage",
    [lambda _: [], lambda _: 3, lambda m: m | {"files_sha256": None}, *map(without_key, KEYS)],
)
def test_a_damaged_manifest_is_refused(
    written: Path, damage: Callable[[dict[str, Any]], object]
) -> None:
    file = written / "manifest.json"
    file.write_text(json.dumps(damage(json.loads(file.read_text("utf-8")))), encoding="utf-8")
    with pytest.raises(BadInput, match=r"manifest\.json.*: found a damaged manifest"):
        read(written)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe"])
def test_a_manifest_that_is_no_json_is_refused(written: Path, content: bytes) -> None:
    (written / "manifest.json").write_bytes(content)
    with pytest.raises(BadInput, match=r"manifest\.json.*: found a damaged manifest"):
        read(written)


def test_a_file_the_manifest_does_not_list_is_not_trusted(written: Path) -> None:
    file = written / "manifest.json"
    manifest = json.loads(file.read_text("utf-8"))
    del manifest["files_sha256"]["effects.csv"]
    file.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(BadInput, match=r"effects\.csv: found a file that manifest\.json does not"):
        read(written)


def edited(folder: Path, name: str, text: str) -> None:
    """Change a file of a run, and its hash with it, as somebody might by hand."""
    (folder / name).write_text(text, encoding="utf-8")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["files_sha256"][name] = sha256(folder / name)
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("evidence", 3),
        ("evidence", ["records"]),
        ("evidence", "made up"),
        ("status", "fine"),
        ("withheld", 7),
        ("seconds", "long"),
        ("options", []),
        ("inputs_sha256", {"a": 1}),
        ("files_sha256", {"../effects.csv": "0"}),
        ("files_sha256", {"/etc/passwd": "0"}),
        ("written_by", None),
    ],
)
def test_a_manifest_of_other_types_is_refused(written: Path, key: str, value: object) -> None:
    file = written / "manifest.json"
    manifest = json.loads(file.read_text("utf-8")) | {key: value}
    file.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(BadInput, match=r"manifest\.json.*: found a damaged manifest"):
        read(written)


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"fits": 3}', '{"method": "nutpie", "fits": {"main": {}}}', "[" * 9999],
)
def test_verdicts_of_another_shape_are_refused(written: Path, text: str) -> None:
    edited(written, "diagnostics.json", text)
    with pytest.raises(BadInput, match=r"diagnostics\.json: found a damaged file"):
        read(written)


def test_rows_that_were_edited_and_hashed_again_are_one_line(written: Path) -> None:
    text = (written / "effects.csv").read_text(encoding="utf-8")
    edited(written, "effects.csv", text.replace("converged", "convinced", 1).replace("0.9", "x"))
    with pytest.raises(BadInput, match=r"effects\.csv: row 2"):
        read(written)


def test_draws_that_are_none_are_refused(written: Path) -> None:
    edited(written, "posterior.nc", "no HDF5")
    with pytest.raises(BadInput, match=r"posterior\.nc: found a damaged file"):
        open_posterior(str(written))


def test_a_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(tmp_path / "abc") == known


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """A row with a column that earlier versions did not write."""

    name: str
    value: float
    added: float | None = None


def test_columns_at_the_end_that_have_a_default_may_lack(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("name,value\na,1.5\n", encoding="utf-8")
    assert read_rows(path, Grown) == [Grown(name="a", value=1.5)]
    path.write_text(rows_to_csv(Grown, [Grown(name="a", value=1.5, added=2.0)]), encoding="utf-8")
    assert read_rows(path, Grown) == [Grown(name="a", value=1.5, added=2.0)]
    for header in ("name,added", "name", "value,name", "name,value,added,more", ""):
        path.write_text(f"{header}\n", encoding="utf-8")
        with pytest.raises(BadInput, match="header: found other columns"):
            read_rows(path, Grown)
