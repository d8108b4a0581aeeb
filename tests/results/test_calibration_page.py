"""A calibration's folder and the page over several: what they hold, and what they say first."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from sofs_bayes.checks.calibration import Calibrated
from sofs_bayes.checks.ranks import RankTest, rank_verdict
from sofs_bayes.errors import BadInput
from sofs_bayes.pages.calibration_page import write_calibration, write_overview
from sofs_bayes.records.csv_rows import read_rows
from sofs_bayes.tables.formats import Column, Table

pytestmark = pytest.mark.usefixtures("empty_pictures")

OUT = "pilot_effect_sd"
FURTHER = Table(
    name="scenarios",
    title="Coverage in other scenarios",
    columns=(Column(key="scenario", heading="Scenario"),),
    rows=(("stars read wrongly",),),
    evidence="synthetic",
)
VERSIONS = {"python": "3.12"}


def text_of(path: Path) -> str:
    return " ".join(path.read_text("utf-8").split())


def lines_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))


@pytest.fixture(scope="module")
def folder(calibrated: Calibrated, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calibration")
    write_calibration(path, calibrated, versions=VERSIONS, further=(FURTHER,))
    return path


def test_the_page_of_a_calibration_that_is_out_cannot_be_taken_for_another(folder: Path) -> None:
    page = text_of(folder / "index.html")
    assert "<h1>RANKS ARE NOT UNIFORM: Are the posteriors computed right?" in page
    assert f"1 of 45 quantities is out: {OUT}" in page
    assert page.index("1 of 45 quantities is out") < page.index("<h2")
    assert "Nothing in the ranks speaks against" not in page
    assert "2 of 400 fits did not pass the gate: they are counted" in page
    assert "not say whether the model is right for the records" in page
    assert "stars read wrongly" in page and "python 3.12" in page


def test_the_page_of_uniform_ranks_is_not_marked(uniform: Calibrated, tmp_path: Path) -> None:
    write_calibration(tmp_path, uniform, versions={})
    page = text_of(tmp_path / "index.html")
    assert "NOT UNIFORM" not in page and "WITHOUT RANKS" not in page
    assert "Nothing in the ranks speaks against the computation" in page
    assert "Fits that did not pass the gate" not in page
    assert "NOT UNIFORM" not in (tmp_path / "calibration.md").read_text("utf-8")


def test_posterior_sbc_says_so(calibrated: Calibrated, tmp_path: Path) -> None:
    write_calibration(tmp_path, replace(calibrated, around="data"), versions={})
    page = text_of(tmp_path / "index.html")
    assert "posterior SBC" in page and "draws true values from the posterior of the data" in page
    assert "draws true values from the prior" not in page


def test_the_plain_files_hold_everything(folder: Path, calibrated: Calibrated) -> None:
    assert tuple(read_rows(folder / "sbc.csv", RankTest)) == calibrated.verdict.tests
    names = {"index.html", "tables", "figures", "sbc.csv", "coverage.csv", "ranks.csv"}
    assert {path.name for path in folder.iterdir()} == names | {"refused.csv", "calibration.md"}
    ranks = lines_of(folder / "ranks.csv")
    assert len(ranks) == 400
    assert list(ranks[0])[:4] == ["replicate", "status", "attempts", "seconds"]
    refused = lines_of(folder / "refused.csv")
    assert [row["replicate"] for row in refused] == ["17", "203"]
    coverage = lines_of(folder / "coverage.csv")
    assert len(coverage) == 45 * 4
    for stem in ("ecdf", "histogram", "coverage"):
        assert {p.suffix for p in (folder / "figures").glob(f"{stem}.*")} == {
            ".png",
            ".pdf",
            ".csv",
        }
    assert (folder / "tables" / "calibration_parameters.csv").is_file()


def test_the_markdown_is_short_enough_to_be_printed(
    folder: Path, calibrated: Calibrated, tmp_path: Path
) -> None:
    text = (folder / "calibration.md").read_text("utf-8")
    assert text.startswith("# RANKS ARE NOT UNIFORM: Calibration: ")
    assert f"| {OUT} | 400 |" in text and "stars read wrongly" in text
    assert "shock[Ashmere, 2014]" not in text
    assert "Of 24 other parameters none is out; all are in sbc.csv." in text
    replicates = [
        replace(each, status="not converged", failures=("slow",)) if each.number < 40 else each
        for each in calibrated.verdict.replicates
    ]
    kinds = {test.quantity: test.kind for test in calibrated.verdict.tests}
    found = replace(calibrated, verdict=rank_verdict(replicates, kinds, seed=1))
    write_calibration(tmp_path, found, versions={})
    many = (tmp_path / "calibration.md").read_text("utf-8")
    assert many.count("| slow |") == 10 and "31 more are in refused.csv." in many
    assert (tmp_path / "refused.csv").read_text("utf-8").count("slow") == 40
    assert "(41 rows)" in text_of(tmp_path / "index.html")  # folded on the page


def test_no_ranks_are_written_all_the_same(uniform: Calibrated, tmp_path: Path) -> None:
    replicates = [
        replace(each, ranks={}, status="not converged", failures=("no draws",))
        for each in uniform.verdict.replicates
    ]
    found = replace(uniform, verdict=rank_verdict(replicates, {}, seed=1))
    write_calibration(tmp_path, found, versions={})
    assert "REPLICATES WITHOUT RANKS" in text_of(tmp_path / "index.html")
    other = tmp_path / "overview"
    other.mkdir()
    write_overview(other, [found], versions={})
    assert "REPLICATES WITHOUT RANKS" in text_of(other / "index.html")


def test_a_refused_further_table_marks_the_page(uniform: Calibrated, tmp_path: Path) -> None:
    refused = replace(FURTHER, status="not converged")
    write_calibration(tmp_path, uniform, versions={}, further=(refused,))
    assert 'role="alert"' in text_of(tmp_path / "index.html")


def test_a_further_check_that_is_out_is_said_at_the_top(
    uniform: Calibrated, tmp_path: Path
) -> None:
    columns = (*FURTHER.columns, Column(key="verdict", heading="Verdict"))
    rows = (("as read", "out"), ("misread", "not owed"))
    out = replace(FURTHER, columns=columns, rows=rows)
    for name, tables in (("out", (out,)), ("in", (replace(out, rows=rows[1:]),))):
        (tmp_path / name / "all").mkdir(parents=True)
        write_calibration(tmp_path / name, uniform, versions={}, further=tables)
        write_overview(tmp_path / name / "all", [uniform], versions={}, scenarios=tables)
    pages = ("index.html", "all/index.html", "calibration.md")
    for page in pages:
        text = text_of(tmp_path / "out" / page)
        assert "1 of 2 lines of" in text and text.count("A FURTHER CHECK IS OUT: ") >= 2
        assert "A FURTHER CHECK" not in text_of(tmp_path / "in" / page)


def test_the_overview_links_every_analysis(
    calibrated: Calibrated, uniform: Calibrated, tmp_path: Path
) -> None:
    strange = replace(uniform.analysis, name="my.own_analysis", title="Mine <own> & yours")
    found = [calibrated, uniform, replace(uniform, analysis=strange)]
    write_overview(tmp_path, found, versions=VERSIONS, scenarios=(FURTHER,))
    page = text_of(tmp_path / "index.html")
    assert "<h1>RANKS ARE NOT UNIFORM: Are the posteriors computed right? 3 analyses" in page
    assert '<a href="icpc-linear/index.html">' in page
    assert '<a href="icpc-right/index.html">' in page
    assert '<a href="my.own_analysis/index.html">Mine &lt;own&gt; &amp; yours</a>' in page
    assert "<own>" not in page
    assert "1 of 3 analyses does not pass: icpc-linear" in page
    assert page.index('id="calibration"') < page.index("stars read wrongly")
    drawn = {path.stem for path in (tmp_path / "figures").glob("*.png")}
    assert drawn == {"dispersion", "ecdf-icpc-linear", "ecdf-icpc-right", "ecdf-my.own_analysis"}


def test_an_overview_where_all_is_right_is_not_marked(uniform: Calibrated, tmp_path: Path) -> None:
    write_overview(tmp_path, [uniform], versions={})
    page = text_of(tmp_path / "index.html")
    assert "Nothing in the ranks speaks against the computation of any of these posteriors." in page
    assert "NOT UNIFORM" not in page


def test_an_analysis_twice_is_refused(uniform: Calibrated, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="twice"):
        write_overview(tmp_path, [uniform, uniform], versions={})
