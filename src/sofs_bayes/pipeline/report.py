"""Run folders → the report: page, Word document, tables, figures."""

from collections.abc import Sequence
from dataclasses import replace as dataclass_replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sofs_bayes import spec
from sofs_bayes.disclosure.exported import digests_of, log_files, write_log
from sofs_bayes.disclosure.origin import PUBLIC, declared
from sofs_bayes.errors import BadInput
from sofs_bayes.folders.manifest import by_name, versions, write_manifest
from sofs_bayes.folders.places import Paths, paths
from sofs_bayes.folders.whole import claim
from sofs_bayes.pipeline.levels import read_run
from sofs_bayes.pipeline.watching import Progress, in_notebooks
from sofs_bayes.published.facts import facts_sha256
from sofs_bayes.runs.run_folder import Run

if TYPE_CHECKING:
    from sofs_bayes.disclosure.log import LogLine
    from sofs_bayes.disclosure.rules import OutputRule
    from sofs_bayes.pages.page import Page
    from sofs_bayes.tables.formats import Table

ReportFormat = Literal["html", "docx"]
FORMATS: tuple[ReportFormat, ...] = ("html", "docx")


def report(
    runs: Run | Path | str | Sequence[Run | Path | str],
    folder: Path | str,
    *,
    beside: Paths = (),
    title: str | None = None,
    level: float | None = None,
    formats: Sequence[ReportFormat] = FORMATS,
    rule: "OutputRule | None" = None,
    ledger: Path | str | bool | None = None,
    earlier: Paths = (),
    replace: bool = False,
    progress: Progress = in_notebooks,
) -> tuple[Path, bool]:
    """One report over several runs, of any kinds and evidences, past the disclosure check.

    Parameters
    ----------
    runs
        As `read_run` gives them, or run folders, one or several; no two of one analysis.
    folder
        The new folder: `index.html` (self-contained), `report.docx`, `tables/` (CSV, Markdown,
        a workbook and a Word document of all), `figures/` (PNG, PDF, data), `manifest.json`,
        `disclosure.md`, `.csv` and `.json` (the log).
    beside
        Folders that `replicate` and `calibrate` wrote.
    title
        Of the page.
    level
        Of credible intervals of effects, as 0.95; the analyses' own by default. Runs that are
        given as such keep theirs (`at_level`).
    formats
        Of the report itself: `html`, `docx` or both.
    rule, ledger, earlier
        Of the disclosure check, as `disclose` takes them; runs of public numbers need none.
    replace
        Whether an earlier result in the folder may be replaced.
    progress
        Told how far the work is, a line each; by default shown below a notebook's cell.

    Returns
    -------
    folder, trusted
        Where it is, and whether no check refused any of the runs.

    Raises
    ------
    BadInput
        No runs, a folder that is no run, a run that may not leave, two runs of one analysis, or
        a target that exists.

    Examples
    --------
    >>> folder, trusted = sb.report("runs/icpc-printed", "new-report")
    >>> folder.name
    'new-report'
    """
    target = Path(folder)
    _check_formats(formats)
    from sofs_bayes.disclosure.ledger import open_ledger
    from sofs_bayes.disclosure.origin import published_where
    from sofs_bayes.disclosure.rules import OutputRule
    from sofs_bayes.pages.beside import open_beside
    from sofs_bayes.pages.report_page import report_page
    from sofs_bayes.pipeline.disclosure import cleared_runs

    applied = rule or OutputRule()
    asked = [runs] if isinstance(runs, Run | Path | str) else runs
    beside_them, earlier_ones = paths(beside), paths(earlier)
    read_from = paths(each for each in asked if not isinstance(each, Run))
    read_from += [*beside_them, *earlier_ones]
    with claim(target, written_by="report", inputs=read_from, replace=replace) as place:
        read = [run if isinstance(run, Run) else read_run(run, level=level) for run in asked]
        _check_names(read)
        names = [run.analysis.name for run in read]
        further = [open_beside(each) for each in beside_them]
        public = all(published_where(run.evidence, run.analysis) for run in read)
        public &= all(each.said.evidence in PUBLIC for each in further)
        with open_ledger(False if public else ledger, earlier=earlier_ones) as book:
            opened, log, told = cleared_runs(read, applied, book, places=names)
            progress("tables and figures")
            page = report_page(opened, beside=further, title=title, versions=versions())
            page, lines = _cleared_page(page, applied, opened)
            lines = [*(log[1:] if public else log), *lines]  # the first is on the ledger
            with place.folder() as scratch:
                _write(scratch, page, formats, progress=progress)
                digests = digests_of(scratch)
                files = log_files(scratch, inside=True)
                write_log(files, lines, rule=applied, told=told, digests=digests)
                _write_manifest(scratch, opened, beside=[each.name for each in beside_them])
                book.add(told)
    return target, page.status == "converged"


def _cleared_page(
    page: "Page", rule: "OutputRule", runs: Sequence[Run]
) -> "tuple[Page, list[LogLine]]":
    """The page with its tables checked once more, by what their columns hold; and the log."""
    from sofs_bayes.release.tables import cleared_table

    log: list[LogLine] = []
    said = "; ".join(dict.fromkeys(filter(None, (declared(run.analysis) for run in runs))))

    def clear(tables: "Sequence[Table]") -> "tuple[Table, ...]":
        found = [cleared_table(table, rule, published=said) for table in tables]
        log.extend(line for _, lines in found for line in lines)
        return tuple(table for table, _ in found)

    parts = tuple(
        dataclass_replace(part, tables=clear(part.tables), folded=clear(part.folded))
        for part in page.parts
    )
    return dataclass_replace(page, parts=parts), log


def _check_formats(formats: Sequence[str]) -> None:
    wrong = [each for each in formats if each not in FORMATS]
    if wrong or not formats:
        found = ", ".join(map(repr, wrong)) or "none"
        raise BadInput("report", "formats", found, ", ".join(FORMATS))


def _check_names(runs: Sequence[Run]) -> None:
    """Refuse none, and two runs of one analysis, which nobody could tell apart on the page."""
    if not runs:
        raise BadInput("report", "runs", "none", "at least one run folder")
    names = [run.analysis.name.casefold() for run in runs]  # figures are files called so
    twice = [run.analysis.name for i, run in enumerate(runs) if names[i] in names[:i]]
    if twice:
        found = f"two runs of {twice[0]!r}"
        raise BadInput("report", "runs", found, "runs of different analyses")


def _write(
    folder: Path, page: "Page", formats: Sequence[ReportFormat], *, progress: Progress
) -> None:
    from sofs_bayes.pages.page import page_tables, write_figures, write_html, write_tables
    from sofs_bayes.pages.word_page import evidences_of, write_word
    from sofs_bayes.tables.excel import write_workbook
    from sofs_bayes.tables.word import add_table, new_document, save_document

    tables = page_tables(page)
    write_tables(folder, tables)
    write_workbook(folder / "tables" / "tables.xlsx", tables)
    document = new_document(f"{page.title}: tables", evidence=evidences_of(page))
    for table in tables:
        add_table(document, table)
    save_document(document, folder / "tables" / "tables.docx")
    progress("figures")
    images = write_figures(folder, page, html="html" in formats)
    if "html" in formats:
        write_html(folder, page, images)
    if "docx" in formats:
        progress("Word document")
        write_word(page, folder / "report.docx", figures=folder / "figures")


def _write_manifest(folder: Path, runs: Sequence[Run], *, beside: Sequence[str]) -> None:
    from sofs_bayes.pages.words import seed_of

    converged = all(run.status == "converged" for run in runs)
    manifest = {
        "status": "converged" if converged else "not converged",
        "evidence": {run.analysis.name: run.evidence for run in runs},
        "analyses_sha256": {run.analysis.name: spec.fingerprint(run.analysis) for run in runs},
        "seeds": {run.analysis.name: seed_of(run) for run in runs},
        "options": {run.analysis.name: dict(run.options) for run in runs},
        "facts_sha256": facts_sha256(),
        "inputs_sha256": by_name(pair for run in runs for pair in run.inputs.items()),
        "beside": list(beside),
        "versions_of_runs": {run.analysis.name: dict(run.versions) for run in runs},
    }
    write_manifest(folder, manifest, written_by="report")
