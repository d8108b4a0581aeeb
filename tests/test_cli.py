"""Every command as typed: what it prints, writes and refuses, and its exit code."""

import csv
import functools
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sofs_bayes import spec
from sofs_bayes.checks.diagnostics import Failure
from sofs_bayes.cli import main
from sofs_bayes.errors import BadInput
from sofs_bayes.folders.manifest import read_manifest
from sofs_bayes.pipeline import fits
from sofs_bayes.pipeline.did_fits import Programs
from sofs_bayes.pipeline.reanalysis import reanalyse
from sofs_bayes.published.facts import load_facts
from sofs_bayes.records.notices import Notice
from sofs_bayes.records.open_data import read_panel
from sofs_bayes.records.panel_csv import panel_text
from sofs_bayes.runs.run_folder import read, read_rows, write
from sofs_bayes.tables.formats import Column, Table

pytestmark = pytest.mark.usefixtures("empty_pictures")

DFE = Path(__file__).parent / "data" / "dfe"
MADE_UP = DFE / "made-up.toml"
NO_DATA_ROW = "DiD in year t"  # printed in the lagged column alone
VERBS = (
    "reanalyse",
    "list",
    "published",
    "open-data",
    "fit",
    "diagnose",
    "effects",
    "figure",
    "calibrate",
    "recover",
    "placebo",
)
HEAVY = ("pymc", "pytensor", "nutpie", "arviz", "arviz_stats", "pandas", "xarray", "matplotlib")

Folder = dict[str, bytes | None]
Edit = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str


def typed(*words: object) -> Ended:
    """A command run in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main([str(word) for word in words])
        except SystemExit as left:  # argparse leaves this way
            code = int(left.code or 0)
    return Ended(code=code, out=out.getvalue(), err=err.getvalue())


def typed_in_shell(*words: object, **how: Any) -> subprocess.CompletedProcess[str]:
    """The installed console script in a process of its own, its streams piped."""
    script = Path(sys.executable).with_name("sofs-bayes")
    options = {"capture_output": True, "text": True, "timeout": 120} | how
    return subprocess.run([script, *map(str, words)], check=False, **options)


def content_of(folder: Path) -> Folder:
    """Every file's bytes and every folder below a folder, hidden ones too."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def refused(folder: Path, *words: object, says: Sequence[str]) -> str:
    """The line with which the command ends with code 2; `folder` is as before."""
    before = content_of(folder)
    ended = typed(*words)
    assert (ended.code, ended.out) == (2, ""), ended
    assert ended.err.endswith("\n")
    assert len(ended.err.splitlines()) == 1, ended.err
    for part in says:
        assert part in ended.err
    assert content_of(folder) == before
    return ended.err


def csv_tables(text: str) -> list[list[dict[str, str]]]:
    """The tables of CSV text, which an empty line sets apart."""
    return [list(csv.DictReader(io.StringIO(part))) for part in text.strip().split("\n\n")]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test works in its own folder, where default outputs land."""
    monkeypatch.chdir(tmp_path)


# ------------------------------------------------------------- runs, of one compiled graph


def written_toml(path: Path, analysis: spec.Analysis) -> Path:
    import tomli_w

    path.write_text(tomli_w.dumps(spec.to_document(analysis)), encoding="utf-8")
    return path


def sound(analysis: spec.OpenAnalysis) -> spec.OpenAnalysis:
    """Priors and pilots that leave the sampler little to do, and enough draws for the gate."""
    priors = replace(
        analysis.priors,
        pilot_effect_sd=replace(analysis.priors.pilot_effect_sd, scale=0.02),
        shock_correlation=replace(analysis.priors.shock_correlation, a=10.0, b=10.0),
    )
    sampler = replace(analysis.sampler, chains=4, tune=500, draws=1500, target_accept=0.95)
    design = replace(analysis.design, recording_breaks=())
    return replace(analysis, name="sound", priors=priors, sampler=sampler, design=design)


def hasty(analysis: spec.OpenAnalysis) -> spec.OpenAnalysis:
    """Too few draws for the gate, which asks for 400 independent ones."""
    sampler = replace(analysis.sampler, chains=2, tune=100, draws=100)
    return replace(analysis, name="hasty", sampler=sampler)


@pytest.fixture(scope="module")
def _compiled_once(programs: Programs) -> Iterator[None]:
    """Fits in this process take the session's graph, as compiling is what takes the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fits, "fit", partial(fits.fit, programs=programs))
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Analysis files, and the run folders that `fit` made of them."""

    sound_toml: Path
    hasty_toml: Path
    sound: Path
    hasty: Path
    printed: Path
    sound_ended: Ended
    hasty_ended: Ended


@pytest.fixture(scope="module")
def runs(
    _compiled_once: None,
    made_up_analysis: spec.OpenAnalysis,
    tmp_path_factory: pytest.TempPathFactory,
) -> Runs:
    folder = tmp_path_factory.mktemp("runs")
    sound_toml = written_toml(folder / "sound.toml", sound(made_up_analysis))
    hasty_toml = written_toml(folder / "hasty.toml", hasty(made_up_analysis))
    printed = folder / "printed"
    assert typed("fit", "icpc-printed", "-o", printed).code == 0
    return Runs(
        sound_toml=sound_toml,
        hasty_toml=hasty_toml,
        sound=folder / "sound",
        hasty=folder / "hasty",
        printed=printed,
        sound_ended=typed("fit", sound_toml, DFE, "-o", folder / "sound", "--quick"),
        hasty_ended=typed("fit", hasty_toml, DFE, "-o", folder / "hasty"),
    )


@pytest.fixture
def a_sound_run(runs: Runs, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(runs.sound, tmp_path / "a-sound-run"))


# ------------------------------------------------------------------------- light commands


def test_list_has_a_line_per_bundled_analysis() -> None:
    ended = typed("list")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert [line.split()[0] for line in lines] == list(spec.bundled_models())
    assert any("printed" in line for line in lines)
    assert any("open data" in line for line in lines)


def test_version_is_the_packages() -> None:
    ended = typed("--version")
    assert ended == Ended(code=0, out="sofs-bayes 0.1.0\n", err="")


@pytest.mark.parametrize("verb", [(), *((verb,) for verb in VERBS)])
def test_help_is_there_for_every_verb(verb: tuple[str, ...]) -> None:
    ended = typed(*verb, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("usage: sofs-bayes")
    assert verb or all(name in ended.out for name in VERBS)


@pytest.mark.parametrize(
    "words",
    [
        "--help",
        "--version",
        "fit --help",
        "list",
        "published",
        "published --facts",
        "published --audit",
        "published --sensitivity cla-printed",
        "published icpc-printed --column nothing",
        "fit nothing",
    ],
)
def test_quick_answers_load_nothing_slow(words: str) -> None:
    program = (
        "import sys\n"
        "from sofs_bayes.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit:\n    pass\n"
        f"print(*sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, *words.split()], capture_output=True, text=True, check=True
    )
    assert ended.stderr.splitlines()[-1] == ""


def test_exit_codes_reach_the_shell(runs: Runs) -> None:
    assert typed_in_shell("list").returncode == 0
    assert typed_in_shell("diagnose", runs.hasty).returncode == 1
    wrong = typed_in_shell("effects", "nowhere")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("nowhere: found no such file or folder; allowed: ")


def test_a_reader_that_closes_the_pipe_is_no_error() -> None:
    script = Path(sys.executable).with_name("sofs-bayes")
    with subprocess.Popen(
        [script, "published", "--facts"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as command:
        assert command.stdout is not None and command.stderr is not None
        command.stdout.close()
        said = command.stderr.read()
    assert (command.returncode, said) == (0, b"")


# ------------------------------------------------------------------------------ published


def test_published_alone_is_the_audit_and_every_posterior_from_print() -> None:
    ended = typed("published")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("**What the printed tables agree on, contradict and imply**")
    for path in spec.bundled_models().values():
        analysis = spec.load(path)
        name = analysis.title if isinstance(analysis, spec.ChildrenAnalysis) else analysis.called
        assert (f"**{name}" in ended.out) == (analysis.kind == "printed")


def test_facts_are_every_printed_number() -> None:
    rows = csv_tables(typed("published", "--facts").out)[0]
    facts = load_facts()
    assert [row["printed"] for row in rows] == [fact.printed.text for fact in facts]
    assert [row["value"] for row in rows] == [
        "" if fact.printed.value is None else repr(float(fact.printed.value)) for fact in facts
    ]


def test_the_audit_goes_with_the_standard_errors_the_stars_allow() -> None:
    out = typed("published", "--audit").out
    assert out.count("Evidence: ") == out.count("\n**") + 1 == 2
    assert "**The standard errors that the stars allow**" in out


def test_a_prior_can_be_asked_for_alone() -> None:
    out = typed("published", "icpc-printed", "--prior", "sceptical").out
    assert "+0.8 | −2.2 | +3.8" in out
    assert "enthusiastic" not in out
    both = typed("published", "icpc-printed", "--prior", "sceptical", "--prior", "reference").out
    assert both.index("| sceptical |") < both.index("| reference |")


def test_another_column_and_row_can_be_read() -> None:
    column = typed("published", "icpc-printed", "--column", "Excluding pilot 4")
    assert column.code == 0
    assert "main model [Excluding pilot 4] (percentage points)**" in column.out
    lagged = typed(
        "published", "icpc-printed", "--column", "Lagged treatment", "--did-row", NO_DATA_ROW
    )
    assert lagged.code == 0
    assert f"[Lagged treatment, {NO_DATA_ROW}]" in lagged.out
    assert lagged.out != column.out


def test_another_studys_rows_can_be_read(tmp_path: Path) -> None:
    analysis = spec.load("icpc-printed")
    assert isinstance(analysis, spec.PrintedAnalysis)
    rows = spec.AsPrinted(source="Table 1 of another study", pilot="-0.0635*", did="0.0407")
    other = replace(analysis, from_table=None, as_printed=rows)
    path = written_toml(tmp_path / "other.toml", other)
    own = "computed from what is printed"
    said = typed("published", "icpc-printed").out
    assert own in said
    theirs = said.replace(own, f"computed from numbers printed in {rows.source}")
    assert typed("published", path).out == theirs
    refused(tmp_path, "published", path, "--column", "x", says=["rows from a table"])


def test_sensitivity_has_a_line_per_assumption() -> None:
    out = typed("published", "icpc-printed", "--sensitivity", "--prior", "reference").out
    assert "one assumption changed at a time (percentage points)" in out
    for change in ("authority_sd 0.03", "correlation", "pilot_difference", "t"):
        assert change.split("_")[0] in out


@pytest.mark.parametrize(("status", "code"), [("converged", 0), ("not converged", 1)])
def test_a_second_opinion_is_refused_if_it_did_not_converge(
    monkeypatch: pytest.MonkeyPatch, status: str, code: int
) -> None:
    table = Table(
        name="nuts",
        title="Grid and NUTS",
        columns=(Column(key="statement", heading="Statement"),),
        rows=(("above 0 pp",),),
        evidence="published-inferred",
        status=status,
    )
    monkeypatch.setattr("sofs_bayes.pipeline.second_opinion.second_opinion", lambda *_, **__: table)
    ended = typed("published", "icpc-printed", "--nuts")
    assert (ended.code, "NOT CONVERGED" in ended.out) == (code, code == 1)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("icpc-printed --prior flat", ["icpc-printed: prior", "'flat'", "'sceptical'"]),
        ("icpc-printed --column=Lagged_treatment", ["Table 5: column", "'Lagged_treatment'"]),
        ("icpc-printed --did-row=Nobody", ["Table 5", "'Nobody'"]),
        ("icpc-open-data", ["icpc-open-data: kind", "'open data'", "'printed'"]),
        ("no-such-analysis", ["no such analysis", "cla-printed"]),
        ("nowhere.toml", ["nowhere.toml: found no such file or folder", "a TOML file"]),
        ("--column=Linear", ["--column", "no analysis"]),
        ("--prior flat", ["prior", "'flat'"]),
    ],
)
def test_what_is_not_printed_is_refused(tmp_path: Path, words: str, says: list[str]) -> None:
    refused(tmp_path, "published", *words.split(" "), says=says)


@pytest.mark.parametrize("verb", ["published", "fit"])
def test_a_cell_that_is_not_applicable_is_refused(tmp_path: Path, verb: str) -> None:
    place = [f"Table 5, {NO_DATA_ROW}, Linear model", "found 'N/A'"]
    if verb == "published":
        refused(tmp_path, verb, "icpc-printed", "--did-row", NO_DATA_ROW, says=place)
        refused(
            tmp_path, verb, "icpc-printed", "--column", "Lagged treatment", says=["found 'N/A'"]
        )
        return
    analysis = spec.load("icpc-printed")
    assert isinstance(analysis, spec.PrintedAnalysis)
    path = written_toml(tmp_path / "gap.toml", spec.with_rows(analysis, did_row=NO_DATA_ROW))
    refused(tmp_path, verb, path, says=place)


# ------------------------------------------------------------------------------ open data


def test_open_data_prints_the_panel_and_says_what_it_noticed(
    made_up_analysis: spec.OpenAnalysis,
) -> None:
    panel = read_panel(sorted(DFE.glob("*.csv")), made_up_analysis.data)
    ended = typed("open-data", DFE, "--analysis", MADE_UP)
    assert (ended.code, ended.out) == (0, panel_text(panel))
    assert len(ended.err.splitlines()) == len(panel.notices)
    assert "missing: Northmere 2013: ICPC_child c" in ended.err


def test_open_data_writes_the_panel_and_the_notices(tmp_path: Path) -> None:
    ended = typed(
        *("open-data", *sorted(DFE.glob("*.csv")), "--analysis", MADE_UP),
        *("-o", tmp_path / "new" / "panel.csv", "--notices", tmp_path / "notices.csv"),
    )
    assert ended == Ended(code=0, out="", err="")
    again = typed("open-data", tmp_path / "new" / "panel.csv", "--analysis", MADE_UP)
    assert again.out == (tmp_path / "new" / "panel.csv").read_text(encoding="utf-8")
    assert len(read_rows(tmp_path / "notices.csv", Notice)) > 0


def test_open_data_counts_other_columns_and_years() -> None:
    out = typed(
        *("open-data", DFE, "--analysis", MADE_UP, "--years", 2013, 2014),
        *("--events", "referral_child_count", "--denominator", "referral_count"),
    ).out
    header, *rows = csv.reader(io.StringIO(out))
    assert header == ["authority", "code", "year", "referral_child_count", "referral_count"]
    assert {row[2] for row in rows} == {"2013", "2014"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--years 2014 2013", ["first_year before last_year"]),
        ("--years 2012 2030", ["no local authority in the financial year 2020"]),
        ("--events Nonsense", ["no column Nonsense"]),
        ("--analysis icpc-printed", ["icpc-printed: kind: found 'printed'"]),
        ("--years 2014", ["--years"]),
        ("--years then now", ["--years", "'then'"]),
    ],
)
def test_counts_that_cannot_be_had_are_refused(tmp_path: Path, words: str, says: list[str]) -> None:
    given = ("open-data", DFE, "--analysis", MADE_UP, "-o", "panel.csv")
    refused(tmp_path, *given, *words.split(), says=says)


def test_open_data_without_files_are_those_of_the_package() -> None:
    ended = typed("open-data", "--analysis", "cla-open-data")
    header, *rows = csv.reader(io.StringIO(ended.out))
    assert header == ["authority", "code", "year", "CLA_started", "population_estimate"]
    assert {row[2] for row in rows} == {str(year) for year in range(2009, 2019)}
    assert "interpolated: 2010" in ended.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--table", ["--table: found no files"]),
        (f"--table {DFE}", ["no column CLA_started and population_estimate"]),
        (f"--table {DFE} --years 2012 2013", ["--years: found beside --table"]),
        (f"--table {DFE} --events ICPC", ["--events: found beside --table"]),
        (f"--table {DFE} -o counts.dta", ["a name with .dta"]),
        (f"--table {DFE / 'made-up.toml'}", ["made-up.toml"]),
    ],
)
def test_a_table_of_counts_that_cannot_be_made_is_refused(
    tmp_path: Path, words: str, says: list[str]
) -> None:
    refused(tmp_path, "open-data", "-o", "panel.csv", *words.split(), says=says)


@pytest.mark.parametrize("option", ["-o", "--notices"])
def test_open_data_overwrites_nothing_and_writes_no_half(tmp_path: Path, option: str) -> None:
    (tmp_path / "there.csv").write_text("mine")
    (tmp_path / "file").write_text("no folder")
    given = ("open-data", DFE, "--analysis", MADE_UP, "-o", "panel.csv", "--notices", "notices.csv")
    refused(tmp_path, *given, option, "there.csv", says=["there.csv: found a file that exists"])
    refused(tmp_path, *given, option, "file/panel.csv", says=["file/panel.csv: found "])
    refused(tmp_path, *given, option, "x" * 300 + ".csv", says=["ile name too long"])
    same = "panel.csv" if option == "--notices" else "notices.csv"
    refused(tmp_path, *given, option, same, says=[same])


# ------------------------------------------------- files that no command can make sense of


def edited_field(authority: str, period: str, column: str, value: str) -> Edit:
    def edit(text: str) -> str:
        rows = list(csv.reader(io.StringIO(text)))
        header = [name.removeprefix("\ufeff") for name in rows[0]]
        for row in rows[1:]:
            if (row[header.index("la_name")], row[0]) == (authority, period):
                row[header.index(column)] = value
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(rows)
        return out.getvalue()

    return edit


def doubled_line(text: str) -> str:
    line = next(
        line for line in text.splitlines(keepends=True) if "2014,Rep" in line and "Fennick" in line
    )
    return text + line


def without_years_before(text: str) -> str:
    for period in ("2013", "2014"):
        text = edited_field("Ashmere", period, "ICPC_child", "x")(text)
    return text


FAULTS: dict[str, tuple[Edit, list[str]]] = {
    "empty": (lambda _: "", ["an empty file"]),
    "header alone": (lambda text: text.splitlines()[0], ["a header and no rows"]),
    "truncated": (lambda text: text[: text.rindex(",")], ["is the file cut off?"]),
    "renamed column": (
        lambda text: text.replace("ICPC_child", "ICPC_children"),
        ["no column ICPC_child (did you mean", "ICPC_children"],
    ),
    "renamed key": (
        lambda text: text.replace("la_name", "authority"),
        ["conferences.csv: line 1", "no column la_name"],
    ),
    "negative": (
        edited_field("Ashmere", "2014", "ICPC_child", "-4"),
        ["column ICPC_child: found '-4'", "a whole number"],
    ),
    "decimal": (
        edited_field("Ashmere", "2014", "ICPC_child", "4.5"),
        ["column ICPC_child: found '4.5'"],
    ),
    "words": (
        edited_field("Ashmere", "2014", "ICPC_child", "many"),
        ["column ICPC_child: found 'many'"],
    ),
    "events above the denominator": (
        edited_field("Ashmere", "2014", "ICPC_child", "999999"),
        ["Ashmere in 2013", "ICPC_child 999999, more than Started_child"],
    ),
    "authority-year twice": (doubled_line, ["Fennick", "in 2013 again (first on line"]),
    "no year before": (without_years_before, ["Ashmere: found no year before settling-in"]),
}


@pytest.fixture
def given_files(tmp_path: Path) -> Path:
    """A copy of the made-up files that a test may damage."""
    return Path(shutil.copytree(DFE, tmp_path / "given"))


@pytest.fixture
def only_made_up(monkeypatch: pytest.MonkeyPatch, given_files: Path) -> None:
    """The bundled analyses are the made-up one alone."""
    bundled = {"icpc-open-data": given_files / "made-up.toml"}
    monkeypatch.setattr(spec, "bundled_models", lambda: bundled)


def everywhere_refused(tmp_path: Path, data: Path, says: list[str], *, choice: bool) -> None:
    """By every verb that reads open data; `choice` faults are about the design, not counts."""
    toml = tmp_path / "given" / "made-up.toml"
    refused(tmp_path, "fit", toml, data, "-o", "run", says=says)
    refused(tmp_path, "reanalyse", data, "-o", "all", says=says)
    refused(tmp_path, "reanalyse", "--open-data", data, "-o", "all", says=says)
    if not choice:
        target = ("-o", "panel.csv", "--notices", "notices.csv")
        refused(tmp_path, "open-data", data, "--analysis", toml, *target, says=says)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.usefixtures("only_made_up")
def test_a_damaged_file_is_refused(tmp_path: Path, fault: str) -> None:
    edit, says = FAULTS[fault]
    path = tmp_path / "given" / "conferences.csv"
    path.write_bytes(edit(path.read_bytes().decode()).encode())
    everywhere_refused(tmp_path, path.parent, says, choice=fault == "no year before")


@pytest.mark.parametrize(
    ("encoding", "found"), [("utf-16", "text in UTF-16"), ("latin-1", "which is not UTF-8")]
)
@pytest.mark.usefixtures("only_made_up")
def test_another_encoding_is_refused(tmp_path: Path, encoding: str, found: str) -> None:
    path = tmp_path / "given" / "conferences.csv"
    text = path.read_text(encoding="utf-8-sig").replace("Fennick", "Fénnick")
    path.write_text(text, encoding=encoding)
    says = ["conferences.csv: line ", found]
    everywhere_refused(tmp_path, path.parent, says, choice=False)


@pytest.mark.usefixtures("only_made_up")
def test_files_that_are_not_there_are_refused(tmp_path: Path) -> None:
    (tmp_path / "given" / "conferences.csv").unlink()
    everywhere_refused(tmp_path, tmp_path / "given", ["no column ICPC_child"], choice=False)
    everywhere_refused(tmp_path, tmp_path / "none.csv", ["none.csv: found no such"], choice=False)
    (tmp_path / "hollow").mkdir()
    everywhere_refused(tmp_path, tmp_path / "hollow", ["without CSV files"], choice=False)


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (
            lambda text: text.replace('authority = "Ashmere"', 'authority = "Ashmore"'),
            ["design.pilots: found 'Ashmore', not in the data (did you mean Ashmere?)"],
        ),
        (
            lambda text: text.replace(
                "settling_in = [2014, 2015]", "settling_in = [2012, 2013]", 1
            ),
            ["Ashmere with settling-in after 2012"],
        ),
        (
            lambda text: text.replace('rule = "all"', 'rule = "all"\nreuze = true'),
            ["design.comparators.reuze: found an unknown key (did you mean reuse?)"],
        ),
        (lambda text: text.replace("[model]", "[model"), ["not TOML", "valid TOML"]),
        (lambda text: text.replace('kind = "open data"', ""), ["kind: found None"]),
        (lambda text: text.replace("sd = 1.0", "sd = 0.0"), ["effect_priors.reference.sd"]),
    ],
)
@pytest.mark.usefixtures("only_made_up")
def test_an_analysis_with_a_fault_is_refused(tmp_path: Path, edit: Edit, says: list[str]) -> None:
    toml = tmp_path / "given" / "made-up.toml"
    toml.write_text(edit(toml.read_text(encoding="utf-8")), encoding="utf-8")
    everywhere_refused(tmp_path, tmp_path / "given", says[:1], choice=True)
    refused(tmp_path, "fit", toml, tmp_path / "given", says=says)


def test_every_fault_of_an_analysis_has_its_line(tmp_path: Path, given_files: Path) -> None:
    toml = given_files / "made-up.toml"
    text = toml.read_text(encoding="utf-8").replace("first_year", "frist_year")
    toml.write_text(text.replace("sd = 1.0", "sd = 0.0"), encoding="utf-8")
    before = content_of(tmp_path)
    ended = typed("fit", toml, given_files)
    places = ("data.first_year", "data.frist_year", "effect_priors.reference.sd")
    assert ended.code == 2
    assert sorted(line.split(": ")[1] for line in ended.err.splitlines()) == sorted(places)
    assert content_of(tmp_path) == before


def test_data_goes_with_open_analyses_alone(tmp_path: Path) -> None:
    refused(tmp_path, "fit", "icpc-printed", DFE, says=["a printed analysis has its own"])
    refused(tmp_path, "fit", MADE_UP, says=["made-up", "'Ashmere', not in the data"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", ["VERB"]),
        ("frobnicate", ["'frobnicate'", "'reanalyse'"]),
        ("list --bogus", ["--bogus"]),
        ("fit", ["analysis"]),
        ("fit icpc-printed --leave-out some", ["--leave-out", "'some'"]),
        ("effects run --format xls", ["--format", "'xls'"]),
        ("effects", ["RUN"]),
        ("calibrate", ["analysis"]),
        ("calibrate icpc-printed -o new --replicates many", ["--replicates", "'many'"]),
        ("calibrate icpc-printed -o new --replicates 5", ["found 5; allowed: at least"]),
        ("calibrate icpc-printed -o new --prior flat", ["prior", "'flat'"]),
        ("calibrate icpc-printed -o new --reading none", ["reading", "'none'"]),
        ("calibrate icpc-children -o new", ["'children'", "calibrate icpc-linear"]),
        ("calibrate icpc-linear -o new --reading none", ["--reading", "only printed"]),
        ("calibrate icpc-printed -o new --workers 0", ["--workers: '0'", "at least 1"]),
        ("calibrate icpc-printed -o new --around pilots", ["--around", "'pilots'"]),
        ("calibrate icpc-printed data -o new", ["data", "none: a printed analysis"]),
        ("calibrate all -o new --prior flat", ["--prior", "all analyses"]),
        ("recover icpc-printed -o new", ["icpc-printed"]),
        ("recover icpc-linear -o new --process wobbly", ["--process", "'wobbly'"]),
        ("recover icpc-linear -o new --workers 0", ["--workers: '0'", "at least 1"]),
    ],
)
def test_words_no_command_knows_are_refused(tmp_path: Path, words: str, says: list[str]) -> None:
    refused(tmp_path, *words.split(), says=says)


# --------------------------------------------------------------- folders to write to


WRITERS = {
    "reanalyse": ("reanalyse", "-o"),
    "fit": ("fit", "icpc-printed", "-o"),
    "calibrate": ("calibrate", "icpc-printed", "-o"),
}


@pytest.mark.parametrize("verb", WRITERS)
def test_a_target_that_exists_is_refused(tmp_path: Path, verb: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    # Calibrations go on in their folder, so that only that of something else is refused.
    full = "no such file" if verb == "calibrate" else "a folder that exists"
    allowed = "does not exist yet"
    refused(tmp_path, *WRITERS[verb], "full", says=["full: ", f"found {full}", allowed])
    refused(tmp_path, *WRITERS[verb], "file", says=["file: found a file or link", allowed])


@pytest.mark.parametrize("verb", WRITERS)
def test_a_target_that_cannot_be_is_refused(tmp_path: Path, verb: str) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "astray").symlink_to(tmp_path / "nowhere")
    for name in ("file/new", "file/new/er", "x" * 300, "astray"):
        refused(tmp_path, *WRITERS[verb], name, says=[f"{name}: found "])


@pytest.mark.parametrize("verb", WRITERS)
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write to any folder"
)
def test_a_folder_without_the_right_to_write_is_refused(tmp_path: Path, verb: str) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    try:
        refused(tmp_path, *WRITERS[verb], "locked/new", says=["no right to write there"])
    finally:
        locked.chmod(0o755)


def test_only_what_is_ours_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "manifest.json").write_text('{"name": "a web site"}')
    (tmp_path / "site" / "diary.txt").write_text("years of work")
    for verb in ("reanalyse", "fit"):
        refused(
            tmp_path,
            *WRITERS[verb],
            "site",
            "--replace",
            says=["site/manifest.json: found a damaged manifest"],
        )


# ------------------------------------------------------------------------------------ fit


def test_a_fit_that_converged_says_where_it_is_and_nothing_else(runs: Runs) -> None:
    assert runs.sound_ended == Ended(code=0, out=f"{runs.sound}\n", err="")
    assert read(runs.sound).status == "converged"
    # What a fit that was refused keeps, so that one of its parts can be made again.
    assert [path.name for path in runs.sound.parent.glob(".*")] == [".hasty.unfinished"]


def test_a_fit_goes_to_a_folder_of_its_name_unless_told(runs: Runs, tmp_path: Path) -> None:
    ended = typed("fit", runs.hasty_toml, DFE, "--quick")
    assert ended.out == "runs/hasty\n"
    refused(tmp_path, "fit", runs.hasty_toml, DFE, says=["runs/hasty: found a folder"])
    again = typed("fit", runs.hasty_toml, DFE, "--quick", "--replace")
    assert (again.code, again.out) == (1, "runs/hasty\n")
    assert [path.name for path in (tmp_path / "runs").glob(".*")] == [".hasty.unfinished"]


@pytest.mark.long
def test_the_same_fit_in_another_process_and_from_its_panel_is_the_same_to_the_bit(
    runs: Runs, tmp_path: Path
) -> None:
    """The panel stands for its files; graphs compiled anew and fed anew draw alike."""
    assert (
        typed(
            "open-data", DFE, "--analysis", runs.hasty_toml, "-o", "panel.csv", "--notices", "n.csv"
        ).code
        == 0
    )
    ended = typed_in_shell("fit", runs.hasty_toml, "panel.csv", "-o", "again", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "again\n")
    assert ended.stderr.count("\n") == 1
    for name in (
        "effects",
        "probabilities",
        "sensitivity",
        "yearly_rates",
        "predictive",
        "pre_trend",
    ):
        again = (tmp_path / "again" / f"{name}.csv").read_text(encoding="utf-8")
        # Whose counts a panel holds, nobody can tell from it.
        known = again.replace(",unknown-origin,", ",open-data,")
        assert known == (runs.hasty / f"{name}.csv").read_text(encoding="utf-8"), name
    inputs = json.loads((tmp_path / "again" / "manifest.json").read_text("utf-8"))["inputs_sha256"]
    assert list(inputs) == ["panel.csv"]


def test_pilots_are_left_out_one_by_one_unless_told(runs: Runs) -> None:
    changes = {str(row.variant) for row in read(runs.hasty).sensitivity}
    changes = {name for name in changes if name.startswith(("with ", "without "))}
    pilots = ("Ashmere", "Brackwater, City of", "Coldharbour")
    assert changes == {"with Dunmarsh", *(f"without {name}" for name in pilots)}
    assert read(runs.sound).sensitivity == ()


# ---------------------------------------------------------------- a run that was refused


def test_a_fit_that_did_not_converge_is_written_and_marked(runs: Runs) -> None:
    assert (runs.hasty_ended.code, runs.hasty_ended.out) == (1, f"{runs.hasty}\n")
    assert re.fullmatch(
        r"\d+ fits did not pass the gate \(reference, .*\); --again 'reference' samples one"
        r" longer\n",
        runs.hasty_ended.err,
    )
    assert read(runs.hasty).status == "not converged"
    with (runs.hasty / "effects.csv").open(encoding="utf-8") as stream:
        assert "not converged" in {row["status"] for row in csv.DictReader(stream)}


def test_diagnose_says_which_quantity_failed_and_by_how_much(runs: Runs) -> None:
    ended = typed("diagnose", runs.hasty)
    assert (ended.code, ended.err) == (1, "")
    assert ended.out.startswith("**NOT CONVERGED: ")
    assert "\nmain / reference: shock_sd: bulk ESS " in ended.out
    assert ", limit 400\n" in ended.out
    fine = typed("diagnose", runs.sound)
    assert fine.code == 0
    assert "NOT CONVERGED" not in fine.out
    assert "limit" not in fine.out
    assert typed("diagnose", runs.sound, runs.printed).code == 0
    assert typed("diagnose", runs.sound, runs.hasty, runs.printed).code == 1


def test_diagnose_begins_long_tables(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = typed("diagnose", runs.sound).out
    assert "which a report has" not in whole
    monkeypatch.setattr("sofs_bayes.cli.runs.MOST_ROWS", 2)
    short = typed("diagnose", runs.sound).out
    assert re.search(r"And [0-9]+ rows? more, which a report has", short)
    tables = [table.splitlines() for table in short.split("\n\n") if table.startswith("| ")]
    assert tables[1:] and all(len(table) <= 2 + 2 for table in tables[1:])


def test_diagnose_survives_a_measure_that_is_undefined(runs: Runs, tmp_path: Path) -> None:
    run = read(runs.hasty)
    failure = Failure(quantity="effect", measure="R-hat", value=float("nan"), limit=1.01)
    gates = {
        name: gate | {"failures": [{"quantity": "effect", **_fields(failure)}]}
        for name, gate in run.diagnostics["fits"].items()
    }
    stuck = replace(run, diagnostics={**run.diagnostics, "fits": gates})
    write(stuck, tmp_path / "stuck")
    ended = typed("diagnose", "stuck")
    assert ended.code == 1
    assert "main / reference: effect: R-hat undefined, limit 1.01\n" in ended.out


def _fields(failure: Failure) -> dict[str, object]:
    return {"measure": failure.measure, "value": failure.value, "limit": failure.limit}


@pytest.mark.parametrize("form", ["md", "html"])
def test_effects_of_a_refused_run_are_marked(runs: Runs, form: str) -> None:
    ended = typed("effects", runs.hasty, "--format", form)
    assert (ended.code, ended.err) == (1, "")
    assert "NOT CONVERGED: Made-up" in ended.out
    fine = typed("effects", runs.sound, "--format", form)
    assert fine.code == 0
    assert "NOT CONVERGED" not in fine.out


def test_figures_of_a_refused_run_are_marked_in_picture_and_data(
    runs: Runs, tmp_path: Path
) -> None:
    ended = typed("figure", runs.hasty, runs.sound, "-o", "figures", "--format", "png")
    assert ended.code == 1
    assert (tmp_path / "figures" / "hasty-changes.png").is_file()
    for name, marked in (("hasty", True), ("sound", False)):
        text = (tmp_path / "figures" / f"{name}-pilot-forest.csv").read_text(encoding="utf-8")
        found = {row["status"] for row in csv.DictReader(io.StringIO(text))}
        assert ("not converged" in found) == marked
        with Image.open(tmp_path / "figures" / f"{name}-pilot-forest.png") as picture:
            assert ("NOT CONVERGED" in picture.info["Description"].upper()) == marked


# ------------------------------------------------------------------------------- effects


def test_effects_are_the_runs(runs: Runs) -> None:
    rows = csv_tables(typed("effects", runs.sound, "--format", "csv").out)[0]
    wanted = [row for row in read(runs.sound).effects if row.scale == "risk"]
    wanted = [row for row in wanted if str(row.estimand).startswith("effect")]
    assert [float(row["median"]) for row in rows] == [row.median for row in wanted]
    assert [row["target"] for row in rows] == [row.target for row in wanted]
    assert "P(below 0 pp)" in rows[0]


def test_effects_of_one_prior_or_scale_and_of_several_runs(runs: Runs, tmp_path: Path) -> None:
    one = typed("effects", runs.printed, "--prior", "sceptical", "--scale", "risk").out
    assert "+0.8" in one
    assert "+3.3" not in one
    both = typed("effects", runs.printed, runs.sound).out
    assert both.count("Evidence: ") == 2
    assert typed("effects", runs.printed, "-o", "new/effects.md") == Ended(code=0, out="", err="")
    written = (tmp_path / "new" / "effects.md").read_text(encoding="utf-8")
    assert written == typed("effects", runs.printed).out


def test_effects_nobody_has_are_refused(runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("mine")
    refused(tmp_path, "effects", runs.sound, "--prior", "flat", says=["'flat'", "reference"])
    said = refused(
        tmp_path, "effects", runs.sound, "--scale", "units", says=["'units'", "odds ratio"]
    )
    assert "suppressed" not in said
    refused(tmp_path, "effects", runs.sound, "-o", "there.md", says=["a file that exists"])
    refused(tmp_path, "effects", runs.sound, "-o", "x" * 300, says=["ile name too long"])


# -------------------------------------------------------------------------------- figure


def test_figures_land_in_a_folder_of_their_name_unless_told(a_sound_run: Path) -> None:
    folder = Path("figures") / "sound"
    ended = typed("figure", a_sound_run)
    names = (
        *("yearly-rates", "pilot-forest", "event-study", "arm-years", "predictive", "tipping"),
        *("threshold-curve", "threshold-curve-new-authority", "prior-posterior"),
    )
    written = [Path(line) for line in ended.out.splitlines()]
    assert (ended.code, ended.err) == (0, "")
    assert {path.parent for path in written} == {folder}
    assert {path.stem for path in written} == set(names)
    assert {path.suffix for path in written} == {".png", ".pdf", ".csv"}
    read_manifest(folder).check()
    assert {path.name for path in written} == set(read_manifest(folder).files)
    assert typed("figure", a_sound_run, "--format", "png").code == 2
    assert typed("figure", a_sound_run, "--format", "png", "--replace").code == 0
    assert not list(folder.glob("*.pdf"))
    assert read(a_sound_run).status == "converged"


def test_figures_of_several_runs_share_a_new_folder(runs: Runs, tmp_path: Path) -> None:
    ended = typed("figure", runs.printed, runs.printed, "-o", "new/figures", "--format", "pdf")
    assert ended.code == 0
    assert {path.name for path in (tmp_path / "new" / "figures").iterdir()} == {
        f"icpc-printed-{name}.{end}"
        for name in ("prior-posterior", "by-prior", "threshold-curve", "sensitivity")
        for end in ("csv", "pdf")
    } | {"manifest.json"}
    refused(tmp_path, "figure", runs.printed, "-o", "new/figures", says=["a folder that exists"])


def test_svg_only_where_it_is_asked_for(runs: Runs, tmp_path: Path) -> None:
    assert typed("figure", runs.printed, "-o", "asked", "--format", "svg").code == 0
    assert {path.suffix for path in (tmp_path / "asked").iterdir()} == {".csv", ".svg", ".json"}
    for path in (tmp_path / "asked").glob("*.svg"):
        assert 'role="img"' in path.read_text(encoding="utf-8")
    assert typed("figure", runs.printed, "-o", "default").code == 0
    endings = {".csv", ".pdf", ".png", ".json"}
    assert {path.suffix for path in (tmp_path / "default").iterdir()} == endings


def test_figures_of_runs_of_one_name_would_overwrite_each_other(
    runs: Runs, a_sound_run: Path, tmp_path: Path
) -> None:
    words = ("figure", runs.sound, a_sound_run, "-o", "figures")
    refused(tmp_path, *words, says=[str(a_sound_run), "'sound'"])


@pytest.mark.parametrize("verb", ["diagnose", "effects", "figure"])
def test_a_folder_that_is_no_run_is_refused(tmp_path: Path, runs: Runs, verb: str) -> None:
    (tmp_path / "hollow").mkdir()
    (tmp_path / "file").write_text("mine")
    for name, place in {
        "nowhere": "",
        "hollow": "manifest.json: ",
        "file": "manifest.json: ",
    }.items():
        said = f"{name}: {place}found no such file"
        refused(tmp_path, verb, name, says=[said])
        refused(tmp_path, verb, runs.printed, name, says=[said])


@pytest.mark.parametrize("verb", ["diagnose", "effects", "figure"])
def test_a_run_changed_by_hand_is_refused(tmp_path: Path, a_sound_run: Path, verb: str) -> None:
    effects = a_sound_run / "effects.csv"
    effects.write_text(effects.read_text(encoding="utf-8").replace("not converged", "converged"))
    with effects.open("a") as stream:
        stream.write("\n")
    refused(tmp_path, verb, a_sound_run, says=["effects.csv: found a changed file"])


# ------------------------------------------------------------------------------ reanalyse


def test_reanalyse_passes_on_what_was_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    @functools.wraps(reanalyse)
    def pretend(target: Path, **how: Any) -> str:
        how.pop("progress")
        asked.append({"target": target, **how})
        return "converged" if len(asked) == 1 else "not converged"

    monkeypatch.setattr("sofs_bayes.pipeline.reanalysis.reanalyse", pretend)
    first = typed("reanalyse")
    assert first == Ended(code=0, out="reanalysis/index.html\n", err="")
    words = ("--open-data", DFE, "--replace", "--full", "-o", tmp_path / "all")
    assert typed("reanalyse", *words).code == 1
    files = sorted(DFE.glob("*.csv"))
    assert asked == [
        {
            "target": Path("reanalysis"),
            "open_data": [],
            "beside": [],
            "replace": False,
            "full": False,
        },
        {
            "target": tmp_path / "all",
            "open_data": files,
            "beside": [],
            "replace": True,
            "full": True,
        },
    ]


def test_an_interruption_has_its_own_code_and_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("sofs_bayes.pipeline.reanalysis.reanalyse", interrupted)
    ended = typed("reanalyse")
    assert (ended.code, ended.out) == (130, "")
    assert len(ended.err.splitlines()) == 1


# ------------------------------------------------------------------------------- progress


def test_progress_is_shown_to_a_terminal_alone(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    script = Path(sys.executable).with_name("sofs-bayes")
    words = [script, "fit", "icpc-printed", "-o", "run"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs) as command:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # Linux ends a terminal that nobody holds this way
                break
            if not part:
                break
            shown += part
        assert command.stdout is not None
        said = command.stdout.read()
    os.close(ours)
    assert (command.returncode, said) == (0, b"run\n")
    assert b"icpc-printed: sensitivity" in shown
    assert shown.endswith(b"done\r\n")
    piped = typed_in_shell("fit", "icpc-printed", "-o", "other", cwd=tmp_path)
    assert (piped.returncode, piped.stdout, piped.stderr) == (0, "other\n", "")
    for name in ("effects.csv", "densities.csv", "sensitivity.csv"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_a_refusal_from_below_is_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fails(*_: object, **__: object) -> None:
        raise BadInput("disk", "", "no room", "some room")

    monkeypatch.setattr(fits, "fit_folder", fails)
    refused(tmp_path, "fit", "icpc-printed", says=["disk: found no room; allowed: some room"])
