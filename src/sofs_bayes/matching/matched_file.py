"""Matched rows ⇄ a Parquet file that says what it was made for and what evidence it is."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

import pandas as pd

from sofs_bayes.errors import BadInput
from sofs_bayes.folders.given import check_there
from sofs_bayes.matching.matched_rows import (
    Connected,
    check_columns,
    check_rows,
    connection_of,
    matched_columns,
    row_rules,
)
from sofs_bayes.records.column_values import literal, quoted
from sofs_bayes.records.connections import connected, room_in
from sofs_bayes.records.referral_files import Evidence
from sofs_bayes.records.stata_files import check_stata_names, stata_bytes
from sofs_bayes.spec import ChildrenAnalysis, fingerprint

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

IN_ORDER = 'SELECT * FROM matched ORDER BY referral, "group"'


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedLabel:
    """What a file of matched rows says of itself: evidence, and the analysis it was made for."""

    evidence: Evidence
    analysis: str
    analysis_sha256: str


def write_matched(
    matched: "DuckDBPyConnection | Connected",
    path: Path | str,
    *,
    evidence: Evidence,
    analysis: ChildrenAnalysis,
) -> None:
    """The table or view `matched` as a Parquet file, ordered by referral and group.

    The file carries a `MatchedLabel` as key-value metadata. The same rows, in whatever order,
    give the same bytes. An interrupted writing leaves the file that was there before.

    Raises
    ------
    BadInput
        An evidence of another kind; a synthetic file without "synthetic" in its name; no
        such folder; a column of the analysis that `matched` lacks.
    """
    path = Path(path)
    if evidence not in get_args(Evidence):
        raise BadInput(path, "evidence", repr(evidence), "synthetic or records")
    if evidence == "synthetic" and "synthetic" not in path.name:
        raise BadInput(path, "", "synthetic rows", 'a file name with "synthetic" in it')
    if not path.parent.is_dir():
        raise BadInput(path, "", "no such folder", "an existing folder")
    connection = connection_of(matched)
    check_columns(connection, "matched", list(matched_columns(analysis)), file="matched referrals")
    label = MatchedLabel(
        evidence=evidence, analysis=analysis.name, analysis_sha256=fingerprint(analysis)
    )
    metadata = ", ".join(f"{key}: {literal(value)}" for key, value in asdict(label).items())
    partial = path.with_name(f"{path.name}.part")
    with room_in(path.parent):
        connection.execute(
            f"COPY ({IN_ORDER}) TO $partial"
            f" (FORMAT parquet, COMPRESSION zstd, KV_METADATA {{{metadata}}})",
            {"partial": str(partial)},
        )
    partial.replace(path)


def read_matched(
    path: Path | str, analysis: ChildrenAnalysis, *, other_analysis: bool = False
) -> pd.DataFrame:
    """The matched rows in a Parquet file: the columns of `matched_columns`, in the file's order.

    Parameters
    ----------
    path
        A Parquet file that `match` wrote.
    analysis
        That of children's records it was matched for.
    other_analysis
        Whether the file may have been made for an analysis with another fingerprint; the
        columns and levels of this one are wanted all the same.

    Returns
    -------
    DataFrame
        A row per referral and matched group; `weight` is the matching weight.

    Raises
    ------
    BadInput
        No such file, or not Parquet; no label, or one of another analysis; a column is
        missing or holds what the contract forbids, such as a weight of 0.

    Examples
    --------
    >>> frame = sb.read_matched(sb.matched_file("matched"), sb.load("icpc-children"))
    >>> bool((frame["weight"] > 0).all())
    True
    """
    label = read_label(path)
    if not other_analysis and label.analysis_sha256 != fingerprint(analysis):
        found = f"rows matched for {label.analysis} ({label.analysis_sha256[:12]})"
        wanted = f"{analysis.name} ({fingerprint(analysis)[:12]})"
        raise BadInput(path, "analysis_sha256", found, wanted)
    columns = matched_columns(analysis)
    faults = {
        "weight": ("weight IS NULL OR NOT isfinite(weight) OR weight <= 0", "a number above 0"),
        "stratum": ("stratum IS NULL OR stratum < 1", "1 or more"),
    }
    with connected() as connection:
        rows = f"read_parquet({literal(str(path))})"
        check_columns(connection, rows, list(columns), file=path)
        check_rows(connection, rows, row_rules(analysis) | faults, file=path)
        chosen = ", ".join(
            f"{quoted(name)}::{kind} AS {quoted(name)}" for name, kind in columns.items()
        )
        return connection.execute(f"SELECT {chosen} FROM {rows}").df()


def check_matched_stata(path: Path, analysis: ChildrenAnalysis) -> None:
    """Refuse covariates that a Stata file cannot have under their own names."""
    check_stata_names(path, matched_columns(analysis))


def matched_stata(path: Path, analysis: ChildrenAnalysis) -> bytes:
    """The matched rows in a Parquet file as a Stata file; its data label names the evidence.

    A level that is missing is an empty text, a number that is missing is `.`.
    """
    said = read_label(path)
    rows = read_matched(path, analysis)
    label = f"evidence: {said.evidence}; matched for {said.analysis}"
    return stata_bytes(rows, label=label[:80])


def read_label(path: Path | str) -> MatchedLabel:
    """What the file of matched rows at `path` says of itself.

    Raises
    ------
    BadInput
        No such file, or not Parquet; a part of the label is missing or unknown.
    """
    import duckdb

    check_there(path, "a Parquet file of matched rows")
    with connected() as connection:
        try:
            pairs = connection.execute(
                "SELECT decode(key), decode(value) FROM parquet_kv_metadata($path)",
                {"path": str(path)},
            ).fetchall()
        except duckdb.Error as error:
            raise BadInput(path, "", "not Parquet", "a Parquet file of matched rows") from error
    stated = dict(pairs)
    evidence = stated.get("evidence")
    if evidence not in get_args(Evidence):
        raise BadInput(path, "evidence", repr(evidence), "synthetic or records")
    for key in ("analysis", "analysis_sha256"):
        if key not in stated:
            raise BadInput(path, key, "nothing", "the analysis the rows were matched for")
    return MatchedLabel(
        evidence=cast(Evidence, evidence),
        analysis=stated["analysis"],
        analysis_sha256=stated["analysis_sha256"],
    )
