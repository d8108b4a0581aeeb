"""Replicated numbers as tables in the report's layout, and the page they stand on."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sofs_bayes.frequentist.counterfactual import YearRate
from sofs_bayes.frequentist.decisions import Decision
from sofs_bayes.frequentist.did import DidFit
from sofs_bayes.frequentist.published_analysis import FurtherEffect, PublishedAnalysis
from sofs_bayes.frequentist.replication import Replicated
from sofs_bayes.pages.replication_page import (
    rates_figure,
    replication_tables,
    split,
    write_replication_page,
)
from sofs_bayes.spec import ChildrenAnalysis, Regression, load
from sofs_bayes.tables.formats import Table, lines_of, to_markdown

LINEAR, LAGGED = "Linear model", "Lagged treatment"


def number(row: str, column: str = LINEAR, **changes: object) -> Replicated:
    values: dict[str, object] = {
        "table": 5,
        "row": row,
        "column": column,
        "unit": "probability",
        "printed": "0.0407*",
        "published": 0.0407,
        "replicated": 0.04069,
        "difference": -0.00001,
        "half_unit": 0.00005,
        "met": "yes",
        "standard_error": 0.0123,
        "p_value": 0.04,
        "stars_printed": 1,
        "stars": 2,
    }
    return Replicated(**(values | changes))  # type: ignore[arg-type]


NUMBERS = (
    number(
        "ICPC rates",
        "Local common support: Post CEM",
        table=2,
        unit="percent",
        printed="58%",
        published=58.0,
        replicated=59.2,
        difference=1.2,
        half_unit=0.5,
        met="no",
        standard_error=math.nan,
        p_value=math.nan,
        stars_printed=-1,
        stars=-1,
        reason="tried <harder>",
    ),
    number("R²", "", printed="0.0398", replicated=0.0401, met="no", stars_printed=-1, stars=-1),
    number("DiD"),
    number("DiD", LAGGED, printed="N/A", replicated=math.nan, met=""),
    number("Pilot LA", LAGGED, replicated=math.nan, difference=math.nan, met="no", reason="gone"),
)


@pytest.fixture
def analysis() -> ChildrenAnalysis:
    loaded = load("icpc-children")
    assert isinstance(loaded, ChildrenAnalysis)
    return loaded


@pytest.fixture
def found() -> PublishedAnalysis:
    return PublishedAnalysis(
        fits=(),
        within=(),
        serial=None,  # type: ignore[arg-type]
        leads=None,
        decisions=(
            Decision(
                rule="model",
                measured=0.11,
                threshold=0.1,
                interval=(0.09, 0.13),
                branch="linear",
                uncertain=True,
                why="11.0% of referrals have the outcome.",
            ),
        ),
        further=(
            FurtherEffect(
                regression="L",
                method="marginal effect",
                what="average marginal effect (probability)",
                term="did",
                estimate=0.004,
                standard_error=0.003,
                p_value=0.2,
                lower=-0.002,
                upper=0.01,
                level=0.95,
                rows=7,
            ),
        ),
        numbers=NUMBERS,
        rates=tuple(
            YearRate(
                year=year,
                period="post" if year > 2015 else "pre",
                pilots=6,
                observed=0.1,
                comparators=0.12,
                counterfactual=0.09 if year > 2015 else math.nan,
                lower=0.05 if year > 2015 else math.nan,
                upper=0.13 if year > 2015 else math.nan,
                level=0.95,
            )
            for year in range(2012, 2019)
        ),
    )


def cells_of(table: Table) -> list[tuple[str, ...]]:
    return [line.cells for line in lines_of(table)]


def test_tables_have_the_reports_layout(
    found: PublishedAnalysis, analysis: ChildrenAnalysis
) -> None:
    tables = replication_tables(found, NUMBERS, analysis, "synthetic")
    short, of_report = split(tables)
    assert [table.name for table in short] == ["totals", "misses", "decisions", "further"]
    assert [table.name for table in of_report] == ["table-2", "table-5"]
    two, five = of_report
    assert cells_of(two) == [("Local common support: Post CEM", "58%", "59.2%", "+1.2 ✗")]
    assert [column.heading for column in five.columns] == [
        "Table 5",
        *("published", "replicated", "difference") * 2,
    ]
    assert [column.group for column in five.columns] == ["", *[LINEAR] * 3, *[LAGGED] * 3]
    did, pilot = cells_of(five)
    minus = "\N{MINUS SIGN}"
    assert did[:4] == ("DiD", "0.0407*", "0.04069**\n(0.01230)", f"{minus}0.00001")
    assert pilot == ("Pilot LA", "", "", "", "0.0407*", "–", "–")
    assert f"{LAGGED}: gone (Pilot LA)." in five.notes
    assert any("published 0.0398, replicated 0.0401" in note for note in five.notes)


WHY = "no standard errors, p-values or stars: 2 treated and 4 other authorities are too few"


def test_a_column_without_errors_has_no_stars_and_says_so_everywhere(
    found: PublishedAnalysis, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    nothing = {"standard_error": math.nan, "p_value": math.nan, "stars": -1, "stars_printed": -1}
    numbers = (number("DiD", note=WHY, **nothing), number("DiD", LAGGED))
    instead = replace(
        found.further[0],
        regression=LINEAR,
        method="wild bootstrap",
        what="wild cluster bootstrap, 64 draws",
        p_value=0.3125,
        upper=math.inf,
    )
    [fit] = [made_fit(analysis.regressions.columns[0], caution=WHY)]
    few = replace(found, further=(instead,), fits=(fit,))
    tables = {each.name: each for each in replication_tables(few, numbers, analysis, "records")}
    [row] = cells_of(tables["table-5"])
    assert row[2] == "0.04069\n(–)" and row[5].startswith("0.04069**\n(")
    said = f"{LINEAR}: {WHY}."
    for name in ("totals", "further", "table-5"):
        assert said in tables[name].notes and said in to_markdown(tables[name])
    [note] = [each for each in tables["table-5"].notes if "p = " in each and "bootstrap" in each]
    assert "did: wild cluster bootstrap, 64 draws: p = 0.312, 95% interval" in note
    write_replication_page(tmp_path, few, tuple(tables.values()), analysis, "records", versions={})
    assert WHY in (tmp_path / "index.html").read_text("utf-8")


def made_fit(regression: Regression, **changes: str) -> tuple[Regression, DidFit]:
    return regression, DidFit(
        name=regression.name,
        model="linear",
        terms=("did",),
        coefficients=np.array([0.04069]),
        covariance=np.array([[math.nan]]),
        degrees_of_freedom=np.array([math.nan]),
        errors="none: too few clusters",
        clusters=None,
        rows=9,
        referrals=9,
        children=9,
        r_squared=0.1,
        log_likelihood=0.0,
        dispersion=1.0,
        **changes,  # type: ignore[arg-type]
    )


def test_every_miss_is_listed_with_its_reason(
    found: PublishedAnalysis, analysis: ChildrenAnalysis
) -> None:
    misses = replication_tables(found, NUMBERS, analysis, "records")[1]
    assert [(row[1], row[-1]) for row in misses.rows] == [
        ("ICPC rates", "tried <harder>"),
        ("R²", "not known"),
        ("Pilot LA", "gone"),
    ]
    assert cells_of(misses)[0][3:6] == ("58%", "59.2%", "+1.2 ✗")


def test_totals_count_numbers_and_stars(
    found: PublishedAnalysis, analysis: ChildrenAnalysis
) -> None:
    totals = replication_tables(found, NUMBERS, analysis, "synthetic")[0]
    assert totals.rows == (
        (2, "Local common support: Post CEM", 1, 0, None, None),
        (5, "above the columns", 1, 0, None, None),
        (5, LINEAR, 1, 1, 1, 0),
        (5, LAGGED, 1, 0, 2, 0),
    )
    assert "simulated (synthetic)" in to_markdown(totals)


def test_the_page_says_what_it_rests_on(
    found: PublishedAnalysis, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    tables = replication_tables(found, NUMBERS, analysis, "synthetic")
    write_replication_page(
        tmp_path, found, tables, analysis, "synthetic", versions={"python": "3.12"}
    )
    page = (tmp_path / "index.html").read_text("utf-8")
    assert "These children are simulated" in page and "tried &lt;harder&gt;" in page
    assert (tmp_path / "figures" / "figure-1.png").is_file()
    assert (tmp_path / "tables" / "table-5.md").is_file()
    other = tmp_path / "records"
    other.mkdir()
    write_replication_page(other, found, tables, analysis, "records", versions={})
    assert "are simulated" not in (other / "index.html").read_text("utf-8")


def test_the_figure_names_the_counterfactual_an_estimate(
    found: PublishedAnalysis, analysis: ChildrenAnalysis
) -> None:
    drawing = rates_figure(found, analysis, "synthetic")
    assert drawing.name == "figure-1"
    assert "estimate and 95% interval" in drawing.alt
