"""Years are called by the calendar years they are in, wherever they are named."""

from dataclasses import replace

import pytest

from sofs_bayes.spec import ChildrenAnalysis, HierarchicalAnalysis, load
from sofs_bayes.spec.years import Years, years_of


@pytest.mark.parametrize(
    ("begin", "name", "kind", "heading"),
    [
        (1, "2015", "calendar year", "Calendar year"),
        (4, "2015/16", "financial year", "Financial year from"),
        (9, "2015/16", "year", "Year from"),
    ],
)
def test_years_are_named_by_the_month_they_begin_with(
    begin: int, name: str, kind: str, heading: str
) -> None:
    years = Years(begin)
    assert (years.name(2015), years.kind, years.heading) == (name, kind, heading)


def test_a_century_ends_in_two_noughts() -> None:
    assert Years().name(1999) == "1999/00"


def test_an_analysis_declares_them() -> None:
    children = load("icpc-children")
    assert isinstance(children, ChildrenAnalysis)
    calendar = replace(children, records=replace(children.records, year_begins=1))
    assert (years_of(children), years_of(calendar)) == (Years(4), Years(1))
    own = load("icpc-linear")
    assert isinstance(own, HierarchicalAnalysis)
    assert years_of(replace(own, children=calendar)) == Years(1)
    assert years_of(load("icpc-open-data")) == Years(4)
