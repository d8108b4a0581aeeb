"""A run whose risks are told per 10,000 children: no table, figure or sentence in percentages."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sofs_bayes.estimands.rows import YearlyRateRow, statement_text
from sofs_bayes.matching.choice import PreTrendRow
from sofs_bayes.pages.hierarchical_pictures import hierarchical_drawings
from sofs_bayes.pages.report_page import report_page
from sofs_bayes.pages.words import (
    answers,
    break_sentences,
    main_scale,
    result_sentence,
)
from sofs_bayes.records.counts_table import BUNDLED, bundled_sha256
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import Statement
from sofs_bayes.spec.terms import PER_10_000
from sofs_bayes.tables import contents
from sofs_bayes.tables.contents.design import pre_trend_table, rates_table
from sofs_bayes.tables.contents.pilots import pilots_table
from sofs_bayes.tables.digits import shown
from sofs_bayes.tables.excel_cells import number_format
from sofs_bayes.tables.formats import Table, to_csv, to_markdown

PER = 10_000
NUMBERS = ("mean", "median", "sd", "lower", "upper", "mcse_mean", "mcse_median")
WITHIN = Statement(scale=PER_10_000, within=(-2.0, 2.0))
ABOVE = Statement(scale=PER_10_000, above=0.0)
PERCENTAGES = (" pp", "(pp)", "percentage point", "risk,")


@pytest.fixture(scope="module")
def rare(open_run: Run) -> Run:
    """The run of open data, as if one child in a thousand had what one in ten has there."""
    analysis = open_run.analysis
    estimands = replace(analysis.estimands, per=PER, statements=(ABOVE, WITHIN))
    rows = tuple(_told(row) for row in open_run.effects if row.scale != "children per 1,000")
    said = {"above 0 pp": statement_text(ABOVE), "within -1 pp to 1 pp": statement_text(WITHIN)}
    chances = tuple(
        replace(row, scale=PER_10_000, statement=said[row.statement])
        for row in open_run.probabilities
        if row.statement in said
    )
    fewer = {kind: tuple(map(_fewer, open_run.rows(kind))) for kind in (PreTrendRow, YearlyRateRow)}
    return replace(
        open_run,
        analysis=replace(analysis, estimands=estimands),
        effects=rows,
        probabilities=chances,
        sensitivity=tuple(map(_told, open_run.sensitivity)),
        beside={**open_run.beside, **fewer},
        inputs={BUNDLED.name: bundled_sha256()},
    )


def _told(row: Any) -> Any:
    if row.scale != "risk":
        return row
    told = {name: 100 * getattr(row, name) for name in NUMBERS if hasattr(row, name)}
    return replace(row, scale=PER_10_000, **told)


def _fewer(row: Any) -> Any:
    """A row of rates, a hundredth of them."""
    rates = ("observed", "comparators", "fitted", "counterfactual", "pilots", "gap")
    found = {
        name: getattr(row, name) / 100
        for name in row.__dataclass_fields__
        if name.startswith(rates) and isinstance(getattr(row, name), float)
    }
    return replace(row, **found)


def is_without_percentages(text: str) -> None:
    assert not [each for each in PERCENTAGES if each in text]


def test_its_tables_are_per_ten_thousand(rare: Run) -> None:
    tables: list[Table] = [
        *(contents.effects_table(rare, scale=scale) for scale in contents.effect_scales(rare)),
        contents.sensitivity_table(rare),
        pilots_table(rare),
        *contents.priors_of(rare),
        *contents.publication_tables("thresholds", [rare]),
        pre_trend_table(rare),
        rates_table(rare),
    ]
    for table in tables:
        is_without_percentages(table.title + to_markdown(table))
    assert PER_10_000 in tables[0].title
    main = [row for row in rare.effects if row.scale == PER_10_000]
    assert f"{main[0].median}" in to_csv(tables[0])


def test_rates_are_shown_in_the_same_unit(rare: Run) -> None:
    table = rates_table(rare)
    assert "Rates are per 10,000 children." in table.notes
    assert "| 20.0 |" in to_markdown(table)  # of one in 500
    assert "-1.0" in to_markdown(pre_trend_table(rare)).replace("\N{MINUS SIGN}", "-")
    assert shown(0.00284, "per10000") == "28.4"
    assert number_format(0.00284, "per10000", None) == "0.0"


def test_percentages_stay_where_nothing_was_declared(open_run: Run) -> None:
    assert "%" in to_markdown(rates_table(open_run))
    assert not any("per 10,000" in note for note in rates_table(open_run).notes)


def test_sentences_name_the_unit(rare: Run) -> None:
    assert main_scale(rare) == PER_10_000
    (row,) = answers(rare)
    text = result_sentence(rare, row)
    assert "children per 10,000; 90%" in text
    assert "of a change within ±2 per 10,000" in text
    assert "of an increase" in text
    is_without_percentages(text)
    breaks = list(break_sentences(rare))
    assert breaks and all("children per 10,000" in each for each in breaks)


def test_the_page_says_which_counts_were_used(rare: Run, open_run: Run) -> None:
    ours, given = (
        " ".join(text for part in report_page([run], versions={}).parts for text in part.paragraphs)
        for run in (rare, open_run)
    )
    assert "part of the software (open_counts.csv)" in ours
    assert "Open Government Licence" in ours
    assert "from files that were given: conferences.csv" in given


def test_figures_are_per_ten_thousand(rare: Run, tmp_path: Path) -> None:
    drawn = hierarchical_drawings(rare)
    assert drawn
    for drawing in drawn:
        is_without_percentages(drawing.alt)
        texts = [text.get_text() for axes in drawing.figure.axes for text in axes.texts]
        is_without_percentages(" ".join(texts))
        labels = [axes.get_xlabel() + axes.get_ylabel() for axes in drawing.figure.axes]
        is_without_percentages(" ".join(labels))
    rates = next(each for each in drawn if each.name == "yearly-rates")
    assert "per 10,000" in rates.alt
