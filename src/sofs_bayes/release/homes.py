"""The files of one manifest → those that may leave, read and written anew."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import tomli_w

from sofs_bayes import spec
from sofs_bayes.disclosure.ledger import Released
from sofs_bayes.disclosure.linked import clash, differs_by_few
from sofs_bayes.disclosure.matching import arms_of_balance
from sofs_bayes.errors import BadInput, SofsBayesError
from sofs_bayes.folders.manifest import NAME as MANIFEST
from sofs_bayes.folders.manifest import read_manifest, sha256
from sofs_bayes.release.collected import Collected
from sofs_bayes.release.files import judged_rows
from sofs_bayes.spec import ChildrenAnalysis

ANALYSIS, GROUPS = "analysis.toml", "groups.csv"
CELLS = re.compile(r"(synthetic-)?cells\.(nc|csv)")
BESIDE_CELLS = re.compile(r"(synthetic-)?cells-(authorities|products)\.csv")
LOGS = frozenset({"disclosure.csv", "disclosure.md", "disclosure.json"})
OF_CELLS = ("disclosure-log.csv", "disclosure.md")

# One record per line, or what holds such.
RECORDS = (".parquet", ".dta", ".feather", ".arrow", ".pkl", ".pickle", ".duckdb", ".db", ".sqlite")
RECORD_NAMES = re.compile(r"(synthetic-)?(children|referrals|matched|authorities)\b.*\.(csv|xlsx)")
IMAGES = (".png", ".pdf", ".svg")
DOCUMENTS = (".html", ".md", ".docx", ".xlsx", ".tex", ".json", ".txt", ".ipynb")
REPLICATES = ("replicates", "coverage")  # unfinished work of calibrate and recover

HEX = re.compile(r"[0-9a-f]{64}")
VERSION = re.compile(r"[\w.+-]{1,40}")
ANEW = "read, and written anew"


def judge_home(found: Collected, home: Path | None, paths: Sequence[Path]) -> None:
    """Settle the files of one manifest, or (home is None) those of none."""
    manifest: Mapping[str, Any] = {}
    listed: dict[Path, str] = {}
    reason = "no manifest lists it with its hash"
    if home is not None:
        try:
            read = read_manifest(home)
            manifest = read.document
            listed = {home / name: digest for name, digest in read.files.items()}
            if read.written_by == "disclose":  # its log is none of the results
                listed = {path: each for path, each in listed.items() if path.name not in LOGS}
        except BadInput as error:
            reason = f"{error.found} ({MANIFEST})"
    kept = [path for path in paths if not _settled(found, path, home, listed, reason)]
    if home is None or not kept:
        return
    analysis = _analysis(home / ANALYSIS) if home / ANALYSIS in kept else None
    one = _identity(manifest, analysis, home / GROUPS if home / GROUPS in kept else None)
    tables, before = [path for path in kept if _is_table(path)], len(found.known)
    for path in (path for path in kept if path not in tables):
        _other(found, path, analysis, one)
    _tables(found, tables, one)
    if any(found.name(path) in found.files for path in kept):
        found.manifests[found.name(home)] = _manifest_of(manifest, analysis)
        if len(found.known) == before:
            found.known.append(one)  # it tells nothing, but the log says whose data it is


def _settled(
    found: Collected, path: Path, home: Path | None, listed: Mapping[Path, str], reason: str
) -> bool:
    """Whether nothing more is to be asked of a file: only listed, unchanged ones are looked at."""
    kind = f"file {path.suffix or path.name}"
    if path.suffix.lower() in RECORDS or RECORD_NAMES.fullmatch(path.name):
        what = "people's records, matched or not, or another input"
        found.refused(path, what, "no records: nothing line by line leaves")
    elif home is not None and path == home / MANIFEST and listed:
        rule = "written anew: hashes, versions and status, no data"
        found.passed(path, "manifest", rule, vouched="")
    elif path.name in LOGS and path not in listed:
        rule = "left out: what leaves has a log of its own"
        found.passed(path, "disclosure log", rule, vouched="")
    elif home is not None and listed and path.relative_to(home).parts[0] in REPLICATES:
        found.refused(path, "replicate of a simulation", "results only, no single replicates")
    elif path not in listed:
        found.refused(path, kind, "listed by a manifest, with its hash", reason)
    elif sha256(path) != listed[path]:
        found.refused(path, kind, "unchanged since it was written", "changed")
    else:
        return False
    return True


def _is_table(path: Path) -> bool:
    other = (CELLS.fullmatch(path.name), BESIDE_CELLS.fullmatch(path.name))
    return path.suffix == ".csv" and path.name not in (GROUPS, *OF_CELLS) and not any(other)


def _other(found: Collected, path: Path, analysis: spec.Analysis | None, one: Released) -> None:
    """Settle a listed file that is no table of rows."""
    if path.name == ANALYSIS and analysis is not None:
        text = tomli_w.dumps(spec.to_document(analysis))
        found.passed(path, "settings of an analysis", f"settings, no data: {ANEW}", text)
    elif path.name == GROUPS:
        _groups(found, path)
    elif CELLS.fullmatch(path.name) and isinstance(analysis, ChildrenAnalysis):
        _cells(found, path, analysis, one)
    elif BESIDE_CELLS.fullmatch(path.name):
        found.passed(path, "cells of people", "written with the cells they stand beside")
    elif path.name in OF_CELLS:
        found.refused(path, "disclosure log of cells", "stays: it tells how many were small")
    elif path.suffix in IMAGES:
        why = "figure and report draw it anew, checked"
        found.refused(path, "picture", "made anew from checked numbers", why)
    elif path.suffix in DOCUMENTS:
        why = (
            "a document cannot be checked by itself, and no file beside it vouches for it;"
            " effects, figure and report write it anew, checked"
        )
        found.refused(path, "document", "made anew from checked numbers", why)
    else:
        found.refused(path, f"file {path.suffix or path.name}", "a known kind of file")


def _groups(found: Collected, path: Path) -> None:
    from sofs_bayes.records.groups import groups_text, read_groups

    try:
        text = groups_text(read_groups(path))
    except SofsBayesError:
        found.refused(path, "matched groups", "as match writes them", "damaged")
        return
    found.passed(path, "matched groups", f"names and dates of authorities: {ANEW}", text)


def _cells(found: Collected, path: Path, analysis: ChildrenAnalysis, one: Released) -> None:
    """Cells that collapse has checked under a threshold that is high enough."""
    from sofs_bayes.cells.files import read_cells, write_cells
    from sofs_bayes.disclosure.cells import children_of, rebuilt, shown_table

    rule = f"cells that collapse checked under a threshold of {found.rule.threshold} or more"
    try:
        cells = rebuilt(read_cells(path, analysis), found.rule)
    except BadInput as error:
        found.refused(path, "cells of people", rule, error.found)
        return
    own = replace(children_of(cells), inputs=one.inputs)
    earlier = [each for each in found.known if own.shares_children(each)]
    table = shown_table(cells)
    if why := clash(table, earlier, found.rule):
        found.refused(path, "cells of people", rule, why)
        return
    noted = any(other.name == table.name for each in earlier for other in each.tables)
    vouched = "the ledger, which has them" if noted else "the manifest beside them alone"
    write = partial(write_cells, cells)
    found.passed(path, "cells of people", f"{rule}: {ANEW}", write, vouched=vouched)
    if not noted:
        found.known.append(replace(own, tables=(table,)))


def _tables(found: Collected, paths: Sequence[Path], one: Released) -> None:
    """Settle tables of rows of known kinds, beside what is out already of the same children."""
    least = found.rule.threshold
    earlier = [each for each in found.known if one.shares_children(each)]
    judged = {path: judged_rows(path, found.rule, earlier) for path in paths}
    shown = tuple(each.table for each in judged.values() if each.table is not None)
    arms = tuple(
        arm for table in shown if table.name == "balance" for arm in arms_of_balance(table)
    )
    apart = differs_by_few(arms, earlier, found.rule)
    for path, rows in judged.items():
        kind, why = rows.kind, rows.reason
        what = kind.what if kind else "table"
        asked = kind.rule.format(threshold=least) if kind else "a known kind of output"
        if apart and rows.table is not None:
            why = f"differs from an earlier release by fewer than {least} people of an arm"
        if why:
            found.refused(path, what, asked, why, affected=rows.changed or 1)
        elif rows.changed:
            found.suppressed(path, what, asked, rows.text, rows.changed)
        else:
            found.passed(path, what, asked, rows.text)
    if shown and not apart:
        found.known.append(replace(one, arms=arms, tables=shown))


def _analysis(path: Path) -> spec.Analysis | None:
    try:
        return spec.load(path)
    except SofsBayesError:
        return None


def _identity(
    manifest: Mapping[str, Any], analysis: spec.Analysis | None, groups: Path | None
) -> Released:
    """Whose children the files of a manifest are of; where nobody can tell, of anybody's."""
    from sofs_bayes.records.groups import read_groups

    names: set[str] = set()
    if groups is not None:
        try:
            known = read_groups(groups)
            names = {*known.pilots, *known.comparators}
        except SofsBayesError:  # refused itself; nobody knows then whose children they are
            names = set()
    children = analysis if isinstance(analysis, ChildrenAnalysis) else None
    return Released(
        analysis=children.name if children else "",
        evidence=_evidence(manifest),
        inputs=_inputs(manifest),
        authorities=tuple(sorted(names)),
        years=tuple(map(str, children.records.years)) if children else (),
    )


def _evidence(manifest: Mapping[str, Any]) -> str:
    return "synthetic" if manifest.get("evidence") == "synthetic" else "records"


def _inputs(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """SHA-256 of the inputs, and nothing that is none."""
    given = manifest.get("inputs_sha256", {})
    values = map(str, given.values()) if isinstance(given, dict) else ()
    return tuple(sorted(each for each in values if HEX.fullmatch(each)))


def _manifest_of(manifest: Mapping[str, Any], analysis: spec.Analysis | None) -> Mapping[str, Any]:
    """What a new manifest takes over from an old one: hashes and versions."""
    versions = manifest.get("versions", {})
    named = versions.items() if isinstance(versions, dict) else ()
    taken = {}
    if analysis is not None:
        taken = {"analysis": analysis.name, "analysis_sha256": spec.fingerprint(analysis)}
    return {
        **taken,
        "evidence": _evidence(manifest),
        "status": "checked for disclosure",
        "inputs_sha256": {f"input {i + 1}": digest for i, digest in enumerate(_inputs(manifest))},
        "versions": {
            str(name): str(value)
            for name, value in named
            if VERSION.fullmatch(str(name)) and VERSION.fullmatch(str(value))
        },
    }
