"""Matched children → the published tables and figures, published beside replicated."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sofs_bayes.folders.manifest import versions
from sofs_bayes.folders.whole import Claim, claim
from sofs_bayes.pipeline.children import files_of, hashes, load_children, matched_file
from sofs_bayes.pipeline.watching import Progress, in_notebooks, silent, timed
from sofs_bayes.records.csv_rows import read_rows
from sofs_bayes.runs.result_manifest import describe
from sofs_bayes.spec import ChildrenAnalysis, Evidence
from sofs_bayes.spec.study import of_report
from sofs_bayes.tables.formats import rows_to_csv, to_markdown

if TYPE_CHECKING:
    import pandas as pd

    from sofs_bayes.checks.posterior_replication import PosteriorBeside
    from sofs_bayes.frequentist.clustering import Correction
    from sofs_bayes.frequentist.published_analysis import PublishedAnalysis
    from sofs_bayes.frequentist.replication import Replicated


def replicate(
    analysis: ChildrenAnalysis | Path | str,
    matched: Path | str,
    output: Path | str | None = None,
    *,
    correction: "Correction | None" = None,
    bootstrap: int | None = None,
    missing: Literal["impute", "level"] = "impute",
    posterior: bool = False,
    replace: bool = False,
    progress: Progress = in_notebooks,
    notice: Progress = silent,
) -> tuple[Path, bool]:
    """Fit the published regressions to matched children and write them beside the printed ones.

    Parameters
    ----------
    analysis
        As `load` gives it, or a bundled name or TOML file. One of children's records.
    matched
        The folder that `match` wrote, or its Parquet file there.
    output
        The new folder; `replicated/` and the analysis's name by default.
    correction
        Of clustered standard errors, in place of the analysis's.
    bootstrap
        Draws of the wild cluster bootstrap of the DiD; none by default.
    missing
        `impute` age and disability, or keep missing as a `level`.
    posterior
        Whether every printed column is fitted by its hierarchical model too, and the posteriors
        of the regression itself and of that model stand beside the estimates (minutes more).
    replace
        Whether an earlier result there may be replaced.
    progress
        Told how far the work is, a line each; by default shown below a notebook's cell.
    notice
        Told what a reader must know, a line each: regressions without an estimate, or without
        standard errors as there are too few authorities; tests that cannot be had.

    Returns
    -------
    folder, trusted
        The folder with `index.html`, `replication.md`, `tables/`, `tables.xlsx`, `figures/`,
        `numbers.csv` (every printed number, where a report is declared), `fits.csv` (every
        term), `further.csv` (marginal and bootstrapped effects), `posterior.csv` if wanted; and
        whether every regression has an estimate, and every posterior converged.

    Raises
    ------
    BadInput, BadSpec
        Anything that cannot be used; nothing is written then.

    Examples
    --------
    >>> folder, trusted = sb.replicate("icpc-children", "matched", "newly-replicated")
    >>> folder.name
    'newly-replicated'
    """
    given, analysis = analysis, load_children(analysis)
    output = Path(output or Path("replicated") / analysis.name)
    read = [Path(matched), *files_of(given)]
    with claim(output, written_by="replicate", inputs=read, replace=replace) as place:
        how: dict[str, Any] = {"correction": correction, "bootstrap": bootstrap}
        how |= {"missing": missing, "posterior": posterior}
        file = matched_file(matched)
        return output, _replicate(place, analysis, file, how, progress=progress, notice=notice)


def _replicate(
    place: Claim,
    analysis: ChildrenAnalysis,
    file: Path,
    how: Mapping[str, Any],
    *,
    progress: Progress,
    notice: Progress,
) -> bool:
    """Replicate into the place claimed; whether every number can be trusted."""
    from sofs_bayes.matching.strata import read_label, read_matched

    seconds: dict[str, float] = {}
    evidence = read_label(file).evidence
    progress(f"{analysis.name}: reading {file.name}")
    with timed(seconds, "read"):
        frame = read_matched(file, analysis)
    with timed(seconds, "fit"):
        found = _published(frame, analysis, how, progress)
    for note in found.notes:
        notice(f"{analysis.name}: {note}")
    numbers = _numbers(found, file.parent, analysis, made_up=evidence == "synthetic")
    beside: tuple[PosteriorBeside, ...] = ()
    if how["posterior"]:
        from sofs_bayes.pipeline.posterior_replication import posterior_replication

        with timed(seconds, "posterior"):
            beside = posterior_replication(
                analysis, frame, file, unfinished=place.unfinished, progress=progress
            )
    failed = found.failed or any(row.status != "converged" for row in beside)
    with place.folder() as folder:
        progress(f"{analysis.name}: writing")
        with timed(seconds, "write"):
            _write(folder, analysis, evidence, found=found, numbers=numbers, beside=beside)
        describe(
            folder,
            analysis,
            written_by="replicate",
            evidence=evidence,
            status="not converged" if failed else "converged",
            inputs=hashes([file]),
            options=how,
            seconds=seconds,
            notes=[*found.notes],
        )
    place.finish()
    return not failed


def _published(
    frame: "pd.DataFrame", analysis: ChildrenAnalysis, how: Mapping[str, Any], progress: Progress
) -> "PublishedAnalysis":
    from sofs_bayes.frequentist.published_analysis import published_analysis

    return published_analysis(
        frame,
        analysis,
        correction=how["correction"],
        bootstrap=how["bootstrap"],
        imputed=how["missing"] == "impute",
        progress=lambda stage: progress(f"{analysis.name}: {stage}"),
    )


def _numbers(
    found: "PublishedAnalysis", folder: Path, analysis: ChildrenAnalysis, *, made_up: bool
) -> "tuple[Replicated, ...]":
    """Every printed number beside the one found; of made-up children with why these differ."""
    from sofs_bayes.frequentist.replication import with_reasons
    from sofs_bayes.synthetic.reasons import reasons

    numbers = (*_of_matching(folder, analysis), *found.numbers)
    return with_reasons(numbers, reasons(analysis)) if made_up and numbers else numbers


def _write(
    folder: Path,
    analysis: ChildrenAnalysis,
    evidence: Evidence,
    *,
    found: "PublishedAnalysis",
    numbers: "Sequence[Replicated]",
    beside: "Sequence[PosteriorBeside]",
) -> None:
    """The page, tables and text files of a replication; those without rows are not there."""
    from sofs_bayes.checks.posterior_replication import PosteriorBeside
    from sofs_bayes.frequentist.published_analysis import FurtherEffect, TermRow, term_rows
    from sofs_bayes.frequentist.replication import Replicated
    from sofs_bayes.pages.replication_page import replication_tables, write_replication_page
    from sofs_bayes.tables.excel import write_workbook

    tables = replication_tables(found, numbers, analysis, evidence, beside)
    write_replication_page(folder, found, tables, analysis, evidence, versions=versions())
    write_workbook(folder / "tables.xlsx", tables)
    texts = {
        "fits.csv": rows_to_csv(TermRow, list(term_rows(found)), evidence=evidence),
        "further.csv": rows_to_csv(FurtherEffect, found.further, evidence=evidence),
        "replication.md": "\n".join(to_markdown(table) for table in tables),
    }
    if numbers:
        texts["numbers.csv"] = rows_to_csv(Replicated, numbers, evidence=evidence)
    if beside:
        texts["posterior.csv"] = rows_to_csv(PosteriorBeside, beside, evidence=evidence)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")


def _of_matching(folder: Path, analysis: ChildrenAnalysis) -> "tuple[Replicated, ...]":
    """The numbers of Tables 2 and 3, from what `match` wrote beside the matched children.

    None in another study than the report's.
    """
    if not of_report(analysis):
        return ()
    from sofs_bayes.frequentist.replication import balance_numbers, summary_numbers
    from sofs_bayes.matching.balance import BalanceRow
    from sofs_bayes.matching.summary import SummaryRow

    return (
        *balance_numbers(read_rows(folder / "balance.csv", BalanceRow), analysis),
        *summary_numbers(read_rows(folder / "summary.csv", SummaryRow), analysis),
    )
