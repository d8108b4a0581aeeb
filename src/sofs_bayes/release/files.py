"""Rows of a CSV that the project has written → those that may leave."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sofs_bayes.disclosure.ledger import CountTable, Released
from sofs_bayes.disclosure.linked import clash, hidden_before
from sofs_bayes.disclosure.matching import (
    Cleared,
    balance_table,
    cleared_balance,
    cleared_further,
    cleared_summary,
    cleared_terms,
    further_table,
    places_of,
    summary_table,
    terms_table,
)
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.errors import BadInput
from sofs_bayes.records.csv_rows import own_header, read_rows, rows_to_csv
from sofs_bayes.release.run_files import SINGLE
from sofs_bayes.release.single import authority_of

Counted = Callable[[Sequence[Any], Sequence[Any]], CountTable]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What is known of a kind of rows.

    Attributes
    ----------
    what, rule
        For the log; the rule may name the threshold.
    clear
        Rows → those that may leave.
    counted
        All rows, and those that leave → what the ledger is to know; None where they hold no
        counts.
    """

    what: str
    clear: Cleared
    rule: str = SINGLE
    counted: Counted | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What may leave of a CSV: another text, or nothing and why.

    Attributes
    ----------
    kind
        What it is; None if it is no kind known here.
    text
        What leaves; empty if nothing does.
    changed
        How many rows differ from those of the file.
    reason
        Why nothing leaves; empty if something does.
    table
        What the ledger is to know; None where nothing.
    """

    kind: Kind | None
    text: str = ""
    changed: int = 0
    reason: str = ""
    table: CountTable | None = None


def judged_rows(path: Path, rule: OutputRule, earlier: Sequence[Released]) -> Rows:
    """The verdict on a CSV, beside what is out already of the same children."""
    of = kind_of(path)
    if of is None:
        return Rows(kind=None, reason="unknown kind of table")
    kind = KINDS[of.__name__]
    try:
        rows: list[Any] = read_rows(path, of)
    except BadInput:
        return Rows(kind=kind, reason="damaged")
    kept = kind.clear(rows, rule)
    table = None
    if kind.counted is not None:
        table = kind.counted(rows, kept)
        if reason := clash(table, earlier, rule):
            return Rows(kind=kind, reason=reason, changed=len(rows))
        hidden = hidden_before(table, earlier)
        kept = [row for row in kept if not hidden & {*places_of(row)}]
        table = kind.counted(rows, kept)
    changed = len(rows) - len(kept) or sum(a != b for a, b in zip(rows, kept, strict=True))
    if not kept and rows:
        return Rows(kind=kind, reason="nothing is left", changed=changed)
    # What the file says it rests on does not leave: the log says what vouches for it.
    return Rows(kind=kind, text=rows_to_csv(of, kept), changed=changed, table=table)


def kind_of(path: Path) -> type | None:
    """The type of a CSV's rows, by its header; None if it is no kind known here."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            header = next(csv.reader(stream), [])
    except (OSError, ValueError, csv.Error):
        return None
    for kind in _types():
        names = [each.name for each in fields(kind)]
        if names == own_header(header, names):
            return kind
    return None


def _types() -> tuple[type, ...]:
    """Kinds that leave by themselves; those of a run leave with the whole run alone."""
    from sofs_bayes.checks.posterior_replication import PosteriorBeside
    from sofs_bayes.checks.ranks import IntervalCoverage, RankTest
    from sofs_bayes.frequentist.published_analysis import FurtherEffect, TermRow
    from sofs_bayes.matching.balance import BalanceRow
    from sofs_bayes.matching.summary import SummaryRow

    of_fits = (PosteriorBeside, RankTest, IntervalCoverage)
    return (*of_fits, FurtherEffect, TermRow, BalanceRow, SummaryRow)


def _pooled(rows: Sequence[Any], _: OutputRule) -> list[Any]:
    return [row for row in rows if authority_of(row) is None]


def _all(rows: Sequence[Any], _: OutputRule) -> list[Any]:
    return list(rows)


# What rows are that leave by themselves, and what is done about them.
NOBODY = "no counts, and nothing of a single authority"
COUNTS = "at least {threshold} rows behind each number, and behind each difference"
KINDS: Mapping[str, Kind] = {
    "RankTest": Kind(what="ranks of truths in simulated data", clear=_pooled),
    "IntervalCoverage": Kind(what="coverage in simulated data", clear=_pooled),
    "PosteriorBeside": Kind(
        what="coefficients of regressions, posterior beside estimate", clear=_all, rule=NOBODY
    ),
    "BalanceRow": Kind(
        what="balance of matching, with rows by group",
        clear=cleared_balance,
        rule=COUNTS,
        counted=balance_table,
    ),
    "SummaryRow": Kind(
        what="summary of matched people",
        clear=cleared_summary,
        rule=COUNTS,
        counted=summary_table,
    ),
    "TermRow": Kind(
        what="coefficients of regressions",
        clear=cleared_terms,
        rule="enough residual degrees of freedom; numbers of people that differ by enough",
        counted=terms_table,
    ),
    "FurtherEffect": Kind(
        what="effects beside the coefficients",
        clear=cleared_further,
        rule="enough rows; numbers of rows that differ by enough",
        counted=further_table,
    ),
}
