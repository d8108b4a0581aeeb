"""A file that the project has written → what it is, whether it may leave, and in what form."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sofs_bayes.errors import BadInput
from sofs_bayes.reporting.disclosure.authorities import authority_of
from sofs_bayes.reporting.disclosure.ledger import NAME
from sofs_bayes.reporting.disclosure.log import LogLine
from sofs_bayes.reporting.disclosure.matching import (
    Cleared,
    cleared_balance,
    cleared_further,
    cleared_summary,
    cleared_terms,
)
from sofs_bayes.reporting.disclosure.rules import OutputRule
from sofs_bayes.reporting.disclosure.run_files import SINGLE
from sofs_bayes.reporting.row_files import read_rows
from sofs_bayes.reporting.tables import rows_to_csv

# One record per line, or what holds such.
RECORDS = (".parquet", ".dta", ".feather", ".arrow", ".pkl", ".pickle", ".duckdb", ".db", ".sqlite")
RECORD_NAMES = re.compile(r"(synthetic-)?(children|referrals|matched|authorities)\b.*\.(csv|xlsx)")
IMAGES = (".png", ".pdf", ".svg")
DOCUMENTS = (".html", ".md", ".docx", ".xlsx", ".tex", ".json", ".txt", ".ipynb")
WITHOUT_DATA = {
    "*.toml": ("settings of an analysis", "settings, no data"),
    "manifest.json": ("manifest", "hashes, versions and times, no data"),
    "groups.csv": ("matched groups", "names and dates of authorities, no data"),
}
LOG_NAMES = re.compile(rf"(.*[.-])?{NAME}(-log)?\.(csv|md|json)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What may leave of a file: it as it is, another text in its place, or nothing (refused)."""

    log: tuple[LogLine, ...]
    text: str | None = None


def judged(path: Path, output: str, rule: OutputRule) -> Verdict:
    """The verdict on a file by itself.

    Parameters
    ----------
    output
        Its name in the log.
    """
    if outright := refused_outright(path, output):
        return Verdict(log=(outright,))
    for matches, (what, why) in WITHOUT_DATA.items():
        if path.match(matches):
            return _passed(output, what, why)
    if path.suffix == ".nc" or re.fullmatch(r"(synthetic-)?cells.*\.csv", path.name):
        return _cells(path, output, rule)
    if path.suffix == ".csv":
        return _csv(path, output, rule)
    if path.suffix in DOCUMENTS:
        return _refused(
            output,
            "document",
            "written under these rules, and unchanged since",
            "not exported: a document cannot be checked by itself; effects, figure and report"
            " write it anew, checked",
        )
    return _refused(output, f"file {path.suffix}", "a known kind of file", "not exported")


def refused_outright(path: Path, output: str) -> LogLine | None:
    """The line on a file that may never leave, whatever it says; None for others."""
    if path.suffix.lower() in RECORDS or RECORD_NAMES.fullmatch(path.name):
        return LogLine(
            output=output,
            what="children's referrals, matched or not, or another input",
            rule="no records: nothing line by line leaves",
            result="refused",
            affected=1,
            action="not exported",
        )
    return None


def image(path: Path, output: str, clean: Mapping[Path, bool]) -> Verdict:
    """The verdict on a picture: that on the CSV beside it, which holds all its numbers.

    Parameters
    ----------
    clean
        Whether each CSV may leave as it is.
    """
    data = path.with_suffix(".csv")
    rule = "the data of a picture (the CSV beside it) may leave as they are"
    if clean.get(data):
        return _passed(output, "picture", rule)
    why = "some of its data may not" if data in clean else "there are none"
    return _refused(output, "picture", rule, f"not exported: {why}; figure draws it anew, checked")


def _passed(output: str, what: str, rule: str) -> Verdict:
    return Verdict(log=(LogLine(output=output, what=what, rule=rule, result="passed"),))


def _refused(output: str, what: str, rule: str, action: str) -> Verdict:
    line = LogLine(output=output, what=what, rule=rule, result="refused", affected=1, action=action)
    return Verdict(log=(line,))


def _cells(path: Path, output: str, rule: OutputRule) -> Verdict:
    """Cells leave if `collapse` has checked them under a threshold that is high enough."""
    what = "cells of children"
    asked = f"cells that collapse checked under a threshold of {rule.threshold} or more"
    try:
        threshold, unprotected = _threshold_of(path)
    except (OSError, ValueError, KeyError):
        return _refused(output, f"file {path.suffix}", "a known kind of file", "not exported")
    if threshold < rule.threshold or unprotected:
        found = f"checked under {threshold}" if threshold else "not checked"
        return _refused(output, what, asked, f"not exported: {found}")
    return _passed(output, what, asked)


def _threshold_of(path: Path) -> tuple[int, int]:
    if path.suffix == ".csv":
        own = path.with_name(re.sub(r"-(authorities|products)\.csv$", ".csv", path.name))
        keys = re.findall(r"^# (\w+): (.*)$", own.read_text(encoding="utf-8"), flags=re.M)
        attrs: Mapping[str, Any] = dict(keys)
    else:
        import xarray as xr

        with xr.open_datatree(path, engine="h5netcdf") as tree:
            attrs = {str(key): value for key, value in tree["patterns"].attrs.items()}
    return int(attrs["threshold"]), int(attrs.get("unprotected", 0))


def _csv(path: Path, output: str, rule: OutputRule) -> Verdict:
    """A CSV of rows of a known kind, without those that may not leave."""
    kind = kind_of(path)
    if kind is None:
        return _refused(
            output,
            "table",
            "a known kind of output, or written under these rules and unchanged since",
            "not exported: unknown kind of table",
        )
    what, clear = KINDS[kind.__name__]
    try:
        rows: list[Any] = read_rows(path, kind)
    except (BadInput, ValueError):
        return _refused(output, what, "as the project writes it", "not exported: damaged")
    kept = clear(rows, rule)
    asked = RULES.get(kind.__name__, SINGLE)
    if kept == rows:
        return _passed(output, what, asked.format(threshold=rule.threshold))
    changed = len(rows) - len(kept) or sum(a != b for a, b in zip(rows, kept, strict=True))
    line = LogLine(
        output=output,
        what=what,
        rule=asked.format(threshold=rule.threshold),
        result="suppressed" if kept else "refused",
        affected=changed,
        action="rows or numbers removed" if kept else "not exported: nothing is left",
    )
    return Verdict(log=(line,), text=rows_to_csv(kind, kept) if kept else None)


def kind_of(path: Path) -> type | None:
    """The type of a CSV's rows, by its header; None if it is no kind known here."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            header = next(csv.reader(stream), [])
    except (OSError, ValueError):
        return None
    for kind in _types():
        if [each.name for each in fields(kind)] == header:
            return kind
    return None


def _types() -> tuple[type, ...]:
    from sofs_bayes.checks.posterior_replication import PosteriorBeside
    from sofs_bayes.estimands import DensityRow, EffectRow, ProbabilityRow
    from sofs_bayes.frequentist.published_analysis import FurtherEffect, TermRow
    from sofs_bayes.matching.balance import BalanceRow
    from sofs_bayes.matching.pre_trend import PreTrendRow
    from sofs_bayes.matching.summary import SummaryRow
    from sofs_bayes.reporting.run_folder import extra_types

    known = {
        PosteriorBeside,
        EffectRow,
        ProbabilityRow,
        DensityRow,
        FurtherEffect,
        TermRow,
        BalanceRow,
        SummaryRow,
        PreTrendRow,
        *extra_types().values(),
    }
    return tuple(kind for kind in sorted(known, key=lambda k: k.__name__) if kind.__name__ in KINDS)


def _pooled(rows: Sequence[Any], _: OutputRule) -> list[Any]:
    return [row for row in rows if authority_of(row) is None]


def _all(rows: Sequence[Any], _: OutputRule) -> list[Any]:
    return list(rows)


def _arm_years(rows: Sequence[Any], rule: OutputRule) -> list[Any]:
    from sofs_bayes.reporting.disclosure.arm_counts import arm_counts, hidden_counts

    keys = hidden_counts(arm_counts(rows), rule, contributions={}).keys
    return [row for row in rows if (row.arm, row.year) not in keys]


# What rows are by themselves, without the run that they are of, and what is done about them.
KINDS: Mapping[str, tuple[str, Cleared]] = {
    "EffectRow": ("effects, posterior summaries", _pooled),
    "ProbabilityRow": ("probabilities of effects", _pooled),
    "ThresholdRow": ("probabilities of effects, by threshold", _pooled),
    "DensityRow": ("densities of effects", _pooled),
    "ShrinkageRow": ("pilots' effects by themselves and pooled", _pooled),
    "MonteCarloRow": ("Monte Carlo errors", _pooled),
    "TippingRow": ("probabilities of effects, by departure from parallel trends", _pooled),
    "TippingPoint": ("departures from parallel trends that would tip an effect", _pooled),
    "PowerScalingRow": ("sensitivity to priors and data", _pooled),
    "PredictiveStatistic": ("summaries of how authorities and years differ", _all),
    "PosteriorBeside": ("coefficients of regressions, posterior beside estimate", _all),
    "ArmYearCheck": ("children and rates by arm and year", _arm_years),
    "BalanceRow": ("balance of matching, with rows by group", cleared_balance),
    "SummaryRow": ("summary of matched children", cleared_summary),
    "TermRow": ("coefficients of regressions", cleared_terms),
    "FurtherEffect": ("effects beside the coefficients", cleared_further),
}
_COUNTS = "at least {threshold} rows behind each number, and behind each difference"
RULES: Mapping[str, str] = {
    "PredictiveStatistic": "no counts, and nothing of a single authority",
    "PosteriorBeside": "no counts, and nothing of a single authority",
    "ArmYearCheck": "at least {threshold} children, events and children without an event",
    "BalanceRow": _COUNTS,
    "SummaryRow": _COUNTS,
    "TermRow": "enough residual degrees of freedom; numbers of children that differ by enough",
    "FurtherEffect": "enough rows; numbers of rows that differ by enough",
}
