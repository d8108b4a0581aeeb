"""Children's records, step by step: referrals → matched children → cells."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tomli_w

from sofs_bayes import spec
from sofs_bayes.errors import BadInput
from sofs_bayes.pipeline.watching import Progress, silent, timed, versions
from sofs_bayes.published.facts import facts_sha256
from sofs_bayes.reporting.tables import rows_to_csv, to_markdown
from sofs_bayes.reporting.whole_files import check_target, sha256, whole_folder
from sofs_bayes.spec import ChildrenAnalysis

if TYPE_CHECKING:
    import pandas as pd

    from sofs_bayes.matching.strata import MatchedSample
    from sofs_bayes.records.groups import Groups
    from sofs_bayes.records.referrals import Referrals
    from sofs_bayes.reporting.tables import Table

MATCHED = "matched.parquet"
SYNTHETIC = "synthetic-"


def load_children(source: Path | str) -> ChildrenAnalysis:
    """The analysis of children's records in a TOML file, by its path or bundled name.

    Raises
    ------
    BadInput
        It cannot be read, or is of another kind.
    """
    analysis = spec.load(source)
    if not isinstance(analysis, ChildrenAnalysis):
        raise BadInput(source, "kind", repr(analysis.kind), "'children'")
    return analysis


def match(
    analysis: ChildrenAnalysis | Path | str,
    children: Path | str,
    output: Path | str | None = None,
    *,
    authorities: Path | str | None = None,
    groups: Path | str | None = None,
    stata: bool = False,
    memory: str = "1GB",
    replace: bool = False,
    progress: Progress = silent,
) -> Path:
    """Match referrals and write a folder: matched children, balance, summary, report.

    Parameters
    ----------
    analysis
        The analysis, its file or its bundled name.
    children
        The file of referrals (CSV, Parquet, Stata), or the folder it lies in.
    output
        The new folder; `matched/` and the analysis's name by default.
    authorities, groups
        Their files (CSV, Stata, Parquet, Excel); by default beside the referrals.
    stata
        Whether the matched children are written as a Stata file, too; they are held in memory.
    memory
        What DuckDB may hold in memory; the rest goes to temporary files.

    Returns
    -------
    Path
        The folder: `matched.parquet` (`synthetic-matched.parquet` if the records are), the
        tables as CSV, all of them as `matching.md` and `tables.xlsx`, `groups.csv`,
        `analysis.toml`, `manifest.json`. It holds records and stays where the records are.

    Raises
    ------
    BadInput, BadSpec
        Anything that cannot be used; nothing is written then.
    """
    analysis = analysis if isinstance(analysis, ChildrenAnalysis) else load_children(analysis)
    output = Path(output or Path("matched") / analysis.name)
    check_target(output, replace=replace)
    from sofs_bayes.matching.matched_file import check_matched_stata, matched_stata
    from sofs_bayes.matching.strata import write_matched
    from sofs_bayes.records.authority_file import read_authorities
    from sofs_bayes.records.groups import read_groups
    from sofs_bayes.records.referral_files import referrals_file
    from sofs_bayes.records.referrals import open_referrals
    from sofs_bayes.reporting.excel import write_workbook

    if stata:
        check_matched_stata(output, analysis)
    seconds: dict[str, float] = {}
    file = referrals_file(children)
    inputs = [
        file,
        Path(authorities or _beside(file, "authorities")),
        Path(groups or _beside(file, "groups")),
    ]
    known, given = read_authorities(inputs[1], analysis), read_groups(inputs[2])
    progress(f"{analysis.name}: reading and checking {file.name}")
    with timed(seconds, "read"):
        referrals = open_referrals(file, analysis, memory=memory)
    with referrals:
        sample, texts, shown = _matched(
            referrals, given, known, analysis, progress=progress, seconds=seconds
        )
        progress(f"{analysis.name}: writing {sample.after.rows:,} rows")
        evidence = referrals.evidence
        with whole_folder(output, replace=replace) as folder:
            made = folder / (MATCHED if evidence == "records" else SYNTHETIC + MATCHED)
            with timed(seconds, "write"):
                write_matched(sample, made, evidence=evidence, analysis=analysis)
                if stata:
                    made.with_suffix(".dta").write_bytes(matched_stata(made, analysis))
                write_workbook(folder / "tables.xlsx", shown)
            for name, text in texts.items():
                _write(folder / name, text)
            write_manifest(
                folder,
                analysis,
                evidence=evidence,
                status="matched",
                inputs=inputs,
                seconds=seconds,
            )
    return output


def _matched(
    referrals: "Referrals",
    given: "Groups",
    known: "pd.DataFrame",
    analysis: ChildrenAnalysis,
    *,
    progress: Progress,
    seconds: dict[str, float],
) -> "tuple[MatchedSample, dict[str, str], list[Table]]":
    """The matched sample, and what matching did: texts of files, and the tables among them."""
    from sofs_bayes.matching.balance import BalanceRow, balance
    from sofs_bayes.matching.from_records import choose_from_records, compare_with_print
    from sofs_bayes.matching.pre_trend import PreTrendRow
    from sofs_bayes.matching.stacking import stack
    from sofs_bayes.matching.strata import match as match_stacked
    from sofs_bayes.matching.summary import SummaryRow, summary
    from sofs_bayes.records.groups import groups_text
    from sofs_bayes.reporting.contents import matching as tables

    texts, evidence = {}, referrals.evidence
    chosen = given
    shown: list[Table] = []
    if given.unmatched:
        progress(f"{analysis.name}: choosing comparators")
        choice = choose_from_records(referrals, given, analysis)
        chosen = choice.groups
        texts["pre_trend.csv"] = rows_to_csv(PreTrendRow, choice.pre_trend)
        shown.append(tables.comparators_table(choice.matches, choice.next_best, analysis, evidence))
    progress(f"{analysis.name}: matching {referrals.rows:,} referrals")
    with timed(seconds, "match"):
        stack(referrals, chosen, known, analysis)
        sample = match_stacked(referrals, analysis)
    progress(f"{analysis.name}: balance")
    with timed(seconds, "balance"):
        balanced, summarised = balance(sample, analysis), summary(sample, analysis)
    counts = compare_with_print(chosen, analysis.outcome)
    shown += [
        tables.printed_counts_table(counts, analysis, evidence),
        tables.matched_rows_table(sample, analysis, evidence),
        tables.balance_table(balanced, analysis, evidence),
    ]
    texts |= {
        "balance.csv": rows_to_csv(BalanceRow, balanced),
        "summary.csv": rows_to_csv(SummaryRow, summarised),
        "groups.csv": groups_text(chosen),
        "matching.md": "\n".join(map(to_markdown, shown)),
    }
    return sample, texts, shown


def collapse(
    analysis: ChildrenAnalysis | Path | str,
    matched: Path | str,
    output: Path | str | None = None,
    *,
    format: Literal["netcdf", "csv"] = "netcdf",
    what: Literal["counts", "products"] = "counts",
    threshold: int | None = 10,
    rounding: int | None = None,
    memory: str = "1GB",
    replace: bool = False,
    progress: Progress = silent,
) -> Path:
    """Collapse matched children to cells that may leave, or to exact ones that may not.

    Parameters
    ----------
    matched
        The folder that `match` wrote, or its Parquet file.
    output
        The new folder; `cells/` and the analysis's name by default.
    what
        Counts by covariates, or cross-products with the counts of whole cells.
    threshold
        Smallest count that may leave; None for exact cells without a check, which stay.
    rounding
        Base to which released counts are rounded; exact by default.

    Returns
    -------
    Path
        The folder: `cells.nc` or `cells.csv` (`synthetic-` before it if the records are),
        `disclosure.md` and, where cells were checked, `disclosure-log.csv`, which stays with
        the custodian; `manifest.json`.

    Raises
    ------
    BadInput, BadSpec
        Anything that cannot be used, or cells of which none may leave; nothing is written then.
    """
    analysis = analysis if isinstance(analysis, ChildrenAnalysis) else load_children(analysis)
    output = Path(output or Path("cells") / analysis.name)
    check_target(output, replace=replace)
    file = matched_file(matched)
    from sofs_bayes.cells.collapse import collapse as collapse_rows
    from sofs_bayes.cells.files import write_cells, write_log
    from sofs_bayes.cells.release import release
    from sofs_bayes.cells.rules import Rule
    from sofs_bayes.matching.strata import read_label
    from sofs_bayes.reporting.contents import cells as tables

    seconds: dict[str, float] = {}
    evidence = read_label(file).evidence
    progress(f"{analysis.name}: collapsing {file.name}")
    released = None
    with timed(seconds, "collapse"):
        if threshold is None:
            made = collapse_rows(file, analysis, memory=memory)
        else:
            rule = Rule(threshold=threshold, round_to=rounding)
            released = release(file, analysis, rule, what=what, memory=memory)
            made = released.cells
    shown = tables.cells_table(made, released, analysis, evidence)
    name = "cells" + {"netcdf": ".nc", "csv": ".csv"}[format]
    with whole_folder(output, replace=replace) as folder:
        target = folder / (name if evidence == "records" else SYNTHETIC + name)
        with timed(seconds, "write"):
            write_cells(made, target, inside=released is None)
        if released is not None:
            write_log(released.log, folder / "disclosure-log.csv")
        _write(folder / "disclosure.md", to_markdown(shown))
        write_manifest(
            folder,
            analysis,
            evidence=evidence,
            status="not checked for disclosure" if released is None else "checked for disclosure",
            inputs=[file],
            seconds=seconds,
            options={"what": what, "threshold": threshold, "round_to": rounding},
        )
    return output


def matched_file(path: Path | str) -> Path:
    """The file of matched children at a path, or in the folder that `match` wrote there.

    Raises
    ------
    BadInput
        There is none.
    """
    path = Path(path)
    if path.is_dir():
        found = [path / name for name in (MATCHED, SYNTHETIC + MATCHED) if (path / name).is_file()]
        if len(found) != 1:
            raise BadInput(path, "", f"no {MATCHED}", "a folder that match wrote")
        return found[0]
    if not path.is_file():
        raise BadInput(path, "", "no such file or folder", "what match wrote")
    return path


def write_manifest(
    folder: Path,
    analysis: ChildrenAnalysis,
    *,
    evidence: spec.Evidence,
    status: str,
    inputs: list[Path],
    seconds: Mapping[str, float],
    options: Mapping[str, Any] | None = None,
) -> None:
    """The analysis and `manifest.json` of a folder whose other files are there already."""
    _write(folder / "analysis.toml", tomli_w.dumps(spec.to_document(analysis)))
    manifest = {
        "analysis": analysis.name,
        "analysis_sha256": spec.fingerprint(analysis),
        "facts_sha256": facts_sha256(),
        "evidence": evidence,
        "status": status,
        "inputs_sha256": {path.name: sha256(path) for path in inputs},
        "options": dict(options or {}),
        "seconds": {stage: round(value, 3) for stage, value in seconds.items()},
        "versions": versions(),
        "files_sha256": {
            path.name: sha256(path) for path in sorted(folder.iterdir()) if path.is_file()
        },
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    _write(folder / "manifest.json", text + "\n")


def _beside(file: Path, name: str) -> Path:
    """The only table of this name, or of a name that ends so, in the folder of a file."""
    from sofs_bayes.records.table_files import FORMATS

    names = [f"{name}{suffix}" for suffix in FORMATS]
    exact = [path for each in names if (path := file.parent / each).is_file()]
    found = exact or [path for each in names for path in sorted(file.parent.glob(f"*-{each}"))]
    if len(found) != 1:
        count = f"{len(found)} files of that name" if found else "no such file"
        allowed = f"one beside the referrals, or --{name} FILE"
        raise BadInput(file.parent / names[0], "", count, allowed)
    return found[0]


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="")
