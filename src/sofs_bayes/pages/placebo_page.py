"""What placebo pilots say → one page: is the model right about real authorities?"""

from collections.abc import Mapping
from dataclasses import replace
from math import exp
from pathlib import Path

from sofs_bayes.checks.placebo import Placebo, PlaceboRow
from sofs_bayes.figures import Drawing
from sofs_bayes.pages.page import Part, analysis_sentence, write_result
from sofs_bayes.records.csv_rows import read_rows
from sofs_bayes.runs.result_manifest import Result
from sofs_bayes.spec import OpenAnalysis
from sofs_bayes.tables.contents.effect_columns import ABOVE_0, coverage_columns, interval_columns
from sofs_bayes.tables.formats import Column, Table, table_of

MISSED = "INTERVALS DO NOT HOLD THEIR LEVEL"
ABOUT = (
    "Authorities that were no pilots are taken for pilots, and the analysis is run as if they"
    " were. Nothing happened to them, so that a credible interval should hold zero as often as it"
    " says. The counts are real and so is all that moves authorities from year to year: nothing"
    " here is simulated but the choice of authorities."
)
FILES = (
    "placebo.csv has every set with its estimate and intervals (number 0: the real pilots),"
    " coverage.csv and probabilities.csv what is tabulated here, replicates/ every single fit."
)


def write_placebo_page(folder: Path, found: Placebo, *, versions: Mapping[str, str]) -> None:
    """Write `index.html`, `tables/` and `figures/` into an existing folder."""
    analysis = found.analysis
    parts = (
        Part(
            heading="What comes out",
            anchor="short",
            evidence=found.evidence,
            bullets=sentences(found),
            figures=(placebo_drawing(found),),
            tables=(coverage_table(found),),
        ),
        Part(heading="What is done", anchor="method", bullets=(ABOUT, _drawn_from(found))),
        Part(
            heading="Probabilities and sets",
            anchor="sets",
            folded=(probabilities_table(found), sets_table(found)),
        ),
    )
    write_result(
        folder,
        [analysis],
        parts,
        heading=marked(found, f"Placebo pilots: {analysis.title}"),
        lead=coverage_sentence(found),
        files=FILES,
        origin=(
            analysis_sentence(analysis, f"; prior: {found.prior}"),
            f"{len(found.rows):,} sets, {found.seconds / 3600:.1f} hours of computing.",
        ),
        versions=versions,
    )


def marked(found: Placebo, title: str) -> str:
    """A title, with the refusal in front where coverage is out."""
    return title if found.passed else f"{MISSED}: {title}"


def coverage_sentence(found: Placebo) -> str:
    """How often intervals held zero."""
    shares = ", ".join(f"{100 * row.coverage:.0f}%" for row in found.coverage)
    levels = ", ".join(f"{100 * row.level:g}%" for row in found.coverage)
    return (
        f"In {len(found.rows):,} sets of {_count(found)} authorities that were no pilots, intervals"
        f" of {levels} held zero in {shares}."
    )


def sentences(found: Placebo) -> tuple[str, ...]:
    """What the sets say of the model, and of the real pilots beside them."""
    wide = "a little too sure" if found.spread > found.sd else "a little too cautious"
    alike = abs(found.spread / found.sd - 1) < 0.1
    said = "as sure as it should be" if alike else wide
    verdict = (
        "That is as often as they say, within what so many sets and authorities can tell."
        if found.passed
        else "That is not as often as they say: use no probability of this analysis as it stands."
    )
    refused = (
        ""
        if not found.refused
        else f" {found.refused} fits did not pass their gate; they count all the same."
    )
    return (
        f"{coverage_sentence(found)} {verdict}{refused}",
        f"The sets' estimates spread by {found.spread:.3f} log-odds; the posterior's own standard"
        f" deviation is {found.sd:.3f}. By this measure the model is {said}.",
        _pilots_sentence(found),
    )


def _pilots_sentence(found: Placebo) -> str:
    pilots, when = found.pilots, ""
    if found.early is not None:
        when = f", dated {found.early} years early and fitted to the years before settling-in"
    return (
        f"The real pilots' estimate{when} is an odds ratio of {_ratios(pilots)}. An estimate as far"
        f" from 1, on either side, comes from {_share(found.p_value)} of sets (randomisation"
        f" p-value {found.p_value:.2f}); the posterior probability of an effect above zero is"
        f" {pilots.above_zero:.2f}."
    )


def _ratios(row: PlaceboRow) -> str:
    return (
        f"{exp(row.mean):.2f} (90% credible interval {exp(row.lower_90):.2f} to"
        f" {exp(row.upper_90):.2f})"
    )


def _share(share: float) -> str:
    return f"{100 * share:.0f}%"


def _count(found: Placebo) -> int:
    return found.pilots.authorities.count(";") + 1


def _drawn_from(found: Placebo) -> str:
    when = (
        "the pilots' own years"
        if found.early is None
        else f"a window {found.early} years earlier, on the years before settling-in alone"
    )
    return (
        f"Sets are drawn at random from the {found.candidates} authorities that could be"
        f" comparators, with {when}; the real pilots are left out. Sets share authorities, as"
        " there are no others; the band of coverage allows for that and for chance in drawing"
        " them."
    )


def coverage_table(found: Placebo) -> Table:
    """How often intervals of each level held zero, and how wide they were."""
    width = Column(key="width", heading="Mean width, log-odds", format="ratio")
    return table_of(
        "placebo-coverage",
        marked(found, "How often intervals hold zero where nothing happened"),
        found.coverage,
        coverage_columns("sets", "Zero inside", width),
        evidence=found.evidence,
        notes=["Allowed: what a right posterior has 999 times in 1,000."],
    )


def probabilities_table(found: Placebo) -> Table:
    """How probabilities of an effect above zero spread over the sets."""
    columns = [
        replace(ABOVE_0, key="probability", heading="above 0: at most", format="percent"),
        Column(key="share", heading="Sets", format="percent"),
        Column(key="mcse", heading="±", format="percent"),
    ]
    return table_of(
        "placebo-probabilities",
        "Probabilities of an effect above zero where nothing happened",
        found.probabilities,
        columns,
        evidence=found.evidence,
        notes=["Right probabilities spread evenly: 10% of sets have one of at most 10%."],
    )


def sets_table(found: Placebo) -> Table:
    """Every set with its estimate; the real pilots' first."""
    _, lower, upper = interval_columns(0.9, "signed2")
    columns = [
        Column(key="number", heading="Set", format="integer"),
        Column(key="mean", heading="Effect, log-odds", format="signed2"),
        Column(key="sd", heading="sd", format="number"),
        replace(lower, key="lower_90"),
        replace(upper, key="upper_90"),
        replace(ABOVE_0, key="above_zero"),
        Column(key="authorities", heading="Authorities"),
    ]
    return table_of(
        "placebo-sets",
        "The real pilots (0) and all sets",
        (found.pilots, *found.rows),
        columns,
        evidence=found.evidence,
    )


def placebo_drawing(found: Placebo) -> Drawing:
    """The real pilots' estimate among those of the sets."""
    from sofs_bayes.figures.placebo import placebo_dots

    as_far = sum(abs(row.mean) >= abs(found.pilots.mean) for row in found.rows)
    return placebo_dots(
        found.rows,
        found.pilots,
        title=marked(
            found,
            f"{as_far} of {len(found.rows):,} sets where nothing happened are as far from no"
            " effect as the real pilots",
        ),
        subtitle="Posterior means of odds ratios; of the real pilots with credible intervals"
        " (thick: 50%, thin: 90%)",
        evidence=found.evidence,
        alt=f"{len(found.rows)} estimates of placebo pilots spread by {found.spread:.2f} log-odds"
        f" about no effect; the real pilots' is an odds ratio of {_ratios(found.pilots)}, and"
        f" {_share(found.p_value)} of sets are as far from 1.",
    )


def placebo_of(each: Result) -> Placebo:
    """A folder that `placebo` wrote, read back."""
    from sofs_bayes.checks.placebo import placebo_from

    assert isinstance(each.analysis, OpenAnalysis)
    options = each.said.options
    return placebo_from(
        each.analysis,
        read_rows(each.manifest.checked("placebo.csv"), PlaceboRow),
        prior=options["prior"],
        evidence=each.said.evidence,
        early=options.get("early"),
        candidates=options["candidates"],
        seconds=each.said.seconds["fits"],
    )
