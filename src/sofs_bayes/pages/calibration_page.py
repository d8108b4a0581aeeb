"""Calibrations → a folder with page, tables, figures and plain files; and a page over several."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes.checks.ranks import IntervalCoverage, RankTest
from sofs_bayes.figures import (
    Drawing,
    coverage_levels,
    dispersion_strips,
    rank_ecdf,
    rank_histogram,
)
from sofs_bayes.figures.canvas import ToldBelow
from sofs_bayes.pages.page import Part, analysis_sentence, write_result
from sofs_bayes.spec import PrintedAnalysis
from sofs_bayes.tables.contents.calibration import (
    calibration_tables,
    parameters_table,
    pooled_effect,
    ranks_table,
    refused_table,
    summary_table,
)
from sofs_bayes.tables.contents.calibration_words import (
    FURTHER,
    LIMITS,
    QUESTION,
    fits_sentences,
    further_sentence,
    gate_sentence,
    marked,
    marked_all,
    method_sentences,
    origin_sentence,
    overall_sentences,
    verdict_sentences,
)
from sofs_bayes.tables.formats import Table, rows_to_csv, to_csv, to_markdown

if TYPE_CHECKING:
    from sofs_bayes.checks.calibration import Calibrated

ECDF = "ECDF of the truths' ranks"
SHORT = 10  # rows of a table of fits that are not folded
FILES = (
    "sbc.csv has the tests of all quantities, coverage.csv the shares of truths inside their"
    " intervals, ranks.csv every rank of every replicate, refused.csv the fits that did not pass"
    " the gate."
)
OVERVIEW_FILES = "Each analysis has its own folder with its ranks."
EACH = "Each heading leads to the page of the analysis, with its tables and files."


def write_calibration(
    folder: Path,
    found: "Calibrated",
    *,
    versions: Mapping[str, str],
    further: Sequence[Table] = (),
) -> None:
    """Write a calibration: `index.html`, `tables/`, `figures/`, plain files, `calibration.md`.

    Parameters
    ----------
    folder
        An existing folder without these.
    found
        The calibration.
    versions
        Of the software.
    further
        Tables of other checks of the same analysis, shown at the page's end.
    """
    about = found.analysis.title
    write_result(
        folder,
        [found.analysis],
        _parts(found, further),
        title=_with_further(marked(found, f"Calibration: {about}"), further),
        heading=_with_further(marked(found, f"{QUESTION} {about}"), further),
        lead=f"{further_sentence(further)} {verdict_sentences(found)}".strip(),
        files=FILES,
        origin=_origin(found),
        versions=versions,
        status=_status(further),
    )
    files = {
        "sbc.csv": rows_to_csv(RankTest, found.verdict.tests, evidence=found.evidence),
        "coverage.csv": rows_to_csv(
            IntervalCoverage, found.verdict.coverage, evidence=found.evidence
        ),
        "ranks.csv": to_csv(ranks_table(found)),
        "refused.csv": to_csv(refused_table(found)),
        "calibration.md": _markdown(found, further),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def write_overview(
    folder: Path,
    found: "Sequence[Calibrated]",
    *,
    versions: Mapping[str, str],
    scenarios: Sequence[Table] = (),
) -> None:
    """Write a page over several calibrations, with links to `NAME/index.html` of each.

    Parameters
    ----------
    folder
        An existing folder without `index.html`, `tables/` and `figures/`.
    found
        Calibrations of different analyses, each written to the folder of its name.
    versions
        Of the software.
    scenarios
        Tables of further simulations, shown at the page's end.

    Raises
    ------
    BadInput
        Two calibrations of one analysis.
    """
    said, summary = overall_sentences(found), summary_table(found)
    heading = _with_further(marked_all(found, f"{QUESTION} {len(found)} analyses"), scenarios)
    figures: tuple[Drawing, ...] = ()
    if any(each.verdict.tests for each in found):
        title, mark = "Dispersion of ranks, by analysis", marked_all(found, "")
        drawn = dispersion_strips(found, title=title, mark=mark, evidence=summary.evidence)
        figures = (drawn,)
    parts = (
        Part(heading="What comes out", anchor="short", bullets=said[1:]),
        Part(heading="What is done", anchor="method", paragraphs=(method_sentences(found),)),
        Part(heading="All analyses", anchor="all", figures=figures, tables=(summary,)),
        Part(heading="Analysis by analysis", anchor="analyses", paragraphs=(EACH,)),
        *(_linked(each) for each in found),
        Part(heading="Further simulations", anchor="further", tables=tuple(scenarios)),
    )
    write_result(
        folder,
        [each.analysis for each in found],
        parts,
        heading=heading,
        lead=f"{further_sentence(scenarios)} {said[0]}".strip(),
        files=OVERVIEW_FILES,
        origin=[" ".join(_origin(each)) for each in found],
        versions=versions,
        status=_status(scenarios),
    )


# ---------------------------------------------------------------------------- one calibration


def _parts(found: "Calibrated", further: Sequence[Table]) -> tuple[Part, ...]:
    tables = {table.name: table for table in calibration_tables(found)}
    ranks, coverage = _figures(found)
    of_fits = _only(tables, "calibration_refused")
    folded = len(found.verdict.refused) > SHORT
    return (
        Part(heading="What comes out", anchor="short", bullets=_bullets(found)),
        Part(heading="What is done", anchor="method", paragraphs=(method_sentences([found]),)),
        Part(
            heading="Verdict on what is reported",
            anchor="verdict",
            tables=_only(tables, "calibration_verdict"),
        ),
        Part(
            heading="Coverage of intervals",
            anchor="coverage",
            figures=coverage,
            tables=_only(tables, "calibration_coverage"),
        ),
        Part(
            heading="All other parameters",
            anchor="parameters",
            tables=_only(tables, "calibration_parameters_out"),
            folded=_only(tables, "calibration_parameters"),
        ),
        Part(
            heading="Fits that did not pass the gate",
            anchor="refused",
            tables=() if folded else of_fits,
            folded=of_fits if folded else (),
        ),
        Part(heading="Further checks", anchor="further", tables=tuple(further)),
        Part(heading="The ranks in pictures", anchor="ranks", figures=ranks),
    )


def calibration_drawings(found: "Calibrated") -> tuple[Drawing, ...]:
    """Ranks as ECDFs and histograms, and the coverage of intervals; none without ranks.

    Parameters
    ----------
    found
        The first of what `calibrate` returns.

    Returns
    -------
    tuple of Drawing
        Ranks as shares between 0 and 1.

    Examples
    --------
    >>> found, uniform = sb.calibrate("icpc-printed", output="calibrated-print")
    >>> drawings = sb.calibration_drawings(found)
    """
    ranks, coverage = _figures(found)
    return (*ranks, *coverage)


def _figures(found: "Calibrated") -> tuple[tuple[Drawing, ...], tuple[Drawing, ...]]:
    """Those of ranks, and that of coverage; none without ranks."""
    if not found.verdict.tests:
        return (), ()
    verdict = found.verdict
    return (
        (
            rank_ecdf(verdict, **_told(found, ECDF)),
            rank_histogram(verdict, **_told(found, "Histograms of the truths' ranks")),
        ),
        (coverage_levels(verdict, **_told(found, "Truths inside their intervals")),),
    )


def _told(found: "Calibrated", title: str) -> ToldBelow:
    notes = (origin_sentence(found),)
    return {"title": title, "mark": marked(found, ""), "evidence": found.evidence, "notes": notes}


def _bullets(found: "Calibrated") -> tuple[str, ...]:
    row = pooled_effect(found)
    covered = () if row is None else (_covered(row),)
    return (
        *(gate_sentence(found), *covered, origin_sentence(found)),
        *(*fits_sentences(found), *found.notes, LIMITS),
    )


def _covered(row: IntervalCoverage) -> str:
    return (
        f"90% intervals of the {row.quantity} held the truth in {row.coverage:.1%} of replicates"
        f" (± {100 * row.standard_error:.1f} points, their standard error if right)."
    )


def _markdown(found: "Calibrated", further: Sequence[Table]) -> str:
    """The verdict and the tables; of other parameters those that are out, of refused fits some."""
    others = len(parameters_table(found).rows)
    refused = refused_table(found)
    left = len(refused.rows) - SHORT
    more = [f"{left} more are in refused.csv."] if left > 0 else []
    few = refused.of_rows(range(min(SHORT, len(refused.rows))), *more)
    left_out = ("calibration_parameters", "calibration_refused")
    shown = [table for table in calibration_tables(found) if table.name not in left_out]
    shown += [few] if few.rows else []
    counted = f"Of {others} other parameters {{}} out; all are in sbc.csv."
    out = len(parameters_table(found, only_out=True).rows)
    said = [
        f"# {_with_further(marked(found, f'Calibration: {found.analysis.title}'), further)}",
        f"{further_sentence(further)} {verdict_sentences(found)}".strip(),
        " ".join((gate_sentence(found), origin_sentence(found))),
        " ".join((*fits_sentences(found), *found.notes)),
        *([counted.format("none is" if out == 0 else out)] if others else []),
        LIMITS,
        *(to_markdown(table) for table in (*shown, *further)),
    ]
    return "\n\n".join(text.rstrip("\n") for text in said) + "\n"


# -------------------------------------------------------------------------- several analyses


def _linked(found: "Calibrated") -> Part:
    """An analysis's verdict and figure under a heading that leads to its own page."""
    from markupsafe import Markup

    name = found.analysis.name
    to_page = Markup('<a href="{}">{}</a> ({})').format(
        f"{name}/index.html", found.analysis.title, name
    )
    figures: tuple[Drawing, ...] = ()
    if found.verdict.tests:
        told = _told(found, f"{found.analysis.title}: {ECDF}")
        told["name"] = f"ecdf-{name}"
        figures = (rank_ecdf(found.verdict, **told),)
    return Part(
        heading=to_page,
        anchor=f"analysis-{name}",
        level=3,
        paragraphs=(f"{verdict_sentences(found)} {gate_sentence(found)} {origin_sentence(found)}",),
        figures=figures,
    )


# -------------------------------------------------------------------------------- both pages


def _only(tables: Mapping[str, Table], name: str) -> tuple[Table, ...]:
    return (tables[name],) if name in tables else ()


def _with_further(title: str, further: Sequence[Table]) -> str:
    """A title, with a further check that is out in front."""
    return f"{FURTHER}: {title}" if further_sentence(further) else title


def _status(further: Sequence[Table]) -> str:
    refused = [table for table in further if table.status != "converged"]
    return "not converged" if refused else "converged"


def _origin(found: "Calibrated") -> tuple[str, ...]:
    analysis = found.analysis
    seed = analysis.seed if isinstance(analysis, PrintedAnalysis) else analysis.sampler.seed
    replicates = len(found.verdict.replicates)
    return (
        analysis_sentence(analysis, f", seed {seed}"),
        f"Truths from the {'prior' if found.around == 'prior' else 'posterior of the data'}, effect"
        f" prior {found.prior}; evidence: {found.evidence}.",
        f"{replicates:,} replicates, {found.seconds:,.0f} seconds of all workers together.",
    )
