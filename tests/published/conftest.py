"""Doctored reports: the printed tables with chosen cells and statements replaced."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from sofs_bayes.published.audit import Audit, audit
from sofs_bayes.published.facts import Fact, StatedFact, load_facts, read_cell, statements

Place = tuple[int, str, str]
Doctor = Callable[..., Audit]


def doctored_facts(cells: Mapping[Place, str | None]) -> tuple[Fact, ...]:
    """The bundled facts with these cells printed otherwise; None takes a cell out."""
    known = {(fact.table, fact.row, fact.column): fact for fact in load_facts()}
    for place, text in cells.items():
        fact = known.pop(place)
        if text is not None:
            known[place] = replace(fact, printed=read_cell(text, fact.unit))
    order = [(fact.table, fact.row, fact.column) for fact in load_facts()]
    return tuple(known[place] for place in order if place in known)


def doctored_statements(texts: Mapping[str, str | None]) -> dict[str, StatedFact]:
    """The bundled statements with these texts in place of theirs; None takes one out."""
    known = dict(statements())
    for key, text in texts.items():
        stated = known.pop(key)
        if text is not None:
            known[key] = replace(stated, printed=text)
    return known


@pytest.fixture(scope="session")
def doctored() -> Doctor:
    """A function: the audit of the report with some cells and statements replaced."""

    def audit_of(
        cells: Mapping[Place, str | None] | None = None,
        texts: Mapping[str, str | None] | None = None,
        df: float | None = None,
    ) -> Audit:
        return audit(doctored_facts(cells or {}), doctored_statements(texts or {}), df=df)

    return audit_of


@pytest.fixture(scope="session")
def printed() -> Audit:
    """The audit of the report as printed."""
    return audit()
