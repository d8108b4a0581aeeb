"""Records and an analysis → pictures of what matching starts from, without small numbers."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.folders.manifest import write_manifest
from sofs_bayes.folders.whole import claim
from sofs_bayes.pipeline.children import files_of, load_children
from sofs_bayes.pipeline.watching import Progress, in_notebooks
from sofs_bayes.spec import ChildrenAnalysis, Evidence, HierarchicalAnalysis, analysis_of
from sofs_bayes.spec.outcomes import capital
from sofs_bayes.spec.study import denominator_of, words_of
from sofs_bayes.spec.years import years_of

if TYPE_CHECKING:
    from sofs_bayes.figures.drawing import Drawing
    from sofs_bayes.matching.before import ArmYear, Distance

LEFT_OUT = (
    "Left out: {count} of {whole} {what} that rest on fewer than {least} rows, outcomes or rows"
    " without one."
)


def pictures_before(
    data: Path | str,
    analysis: ChildrenAnalysis | HierarchicalAnalysis | Path | str,
    output: Path | str | None = None,
    *,
    formats: Sequence[str] = ("png", "pdf"),
    memory: str = "1GB",
    replace: bool = False,
    progress: Progress = in_notebooks,
) -> Path:
    """Pictures of records before matching: rates by arm and year, pre-trend distances.

    Parameters
    ----------
    data
        The folder of referrals and groups.
    analysis
        Of children's records, or of a model of them.
    output
        The new folder; `before/` and the analysis's name by default.
    formats
        Of the pictures: png, pdf, svg.
    memory
        What DuckDB may hold in memory; the rest goes to temporary files.
    replace
        Whether earlier pictures there may be replaced.
    progress
        Told how far the work is, a line each; by default shown below a notebook's cell.

    Returns
    -------
    Path
        The folder: `rates-before-matching` and `pre-trend-distances` as pictures, each with its
        numbers as CSV. What rests on fewer than ten referrals, outcomes or referrals without one
        is left out; the folder stays where the records are all the same.

    Raises
    ------
    BadInput, BadSpec
        What `check` names.

    Examples
    --------
    >>> sb.pictures_before("children", "icpc-children", "before").name
    'before'
    """
    from sofs_bayes.figures.drawing import save

    source, found = analysis, analysis_of(analysis)
    own = found.children if isinstance(found, HierarchicalAnalysis) else found
    analysis = own if isinstance(own, ChildrenAnalysis) else load_children(source)
    folder = Path(output or Path("before") / analysis.name)
    read = [Path(data), *files_of(source)]
    with claim(folder, written_by="check", inputs=read, replace=replace) as place:
        drawings = list(_drawings(Path(data), analysis, memory=memory, progress=progress))
        with place.folder() as target:
            for drawing in drawings:
                save(drawing, target, formats)
            write_manifest(target, {}, written_by="check")
    return folder


def _drawings(
    data: Path, analysis: ChildrenAnalysis, *, memory: str, progress: Progress
) -> "Iterator[Drawing]":
    from sofs_bayes.matching.before import arm_years, candidate_distances
    from sofs_bayes.matching.stacking import unknown_authorities
    from sofs_bayes.records.groups import read_groups
    from sofs_bayes.records.referral_files import referrals_file
    from sofs_bayes.records.referrals import open_referrals

    folder = data if data.is_dir() else data.parent
    groups = read_groups(folder, analysis.records.group_columns)
    progress(f"{analysis.name}: reading the referrals")
    with open_referrals(referrals_file(data), analysis, memory=memory) as referrals:
        for fault in unknown_authorities(referrals.connection, groups):
            raise fault
        evidence = referrals.evidence
        progress(f"{analysis.name}: rates and distances")
        yield _rates(arm_years(referrals, groups, analysis), analysis, evidence)
        yield from _distances(candidate_distances(referrals, groups, analysis), analysis, evidence)


def _rates(
    counts: "Sequence[ArmYear]", analysis: ChildrenAnalysis, evidence: Evidence
) -> "Drawing":
    from sofs_bayes.figures.before import ArmRate, rates_before

    rule, words = OutputRule(), words_of(analysis)
    rows = []
    for each in counts:
        few = rule.small(each.outcomes) or rule.small(each.referrals - each.outcomes)
        rate = math.nan if few else each.outcomes / each.referrals
        rows.append(ArmRate(arm=each.arm, year=each.year, authorities=each.authorities, rate=rate))
    among = denominator_of(analysis)
    notes = [f"All {among} of a year count, in whatever period; others are in no group."]
    notes += _left_out(sum(math.isnan(row.rate) for row in rows), len(rows), "rates", rule)
    return rates_before(
        rows,
        years=years_of(analysis),
        title=f"Before matching: {analysis.title}",
        evidence=evidence,
        status="converged",
        events=capital(words.children),
        denominator=among,
        notes=notes,
    )


def _distances(
    found: "Sequence[Distance]", analysis: ChildrenAnalysis, evidence: Evidence
) -> "Iterator[Drawing]":
    """The picture of distances, unless none may be shown."""
    from sofs_bayes.figures.before import PreTrendDistance, distances_before

    rule = OutputRule()
    shown = [
        PreTrendDistance(
            pilot=each.pilot, authority=each.authority, named=each.named, distance=each.distance
        )
        for each in found
        if not rule.small(each.fewest)
    ]
    if shown:
        match_on = analysis.matching.authorities.match_on
        notes = [f"Distances of the {match_on} of log-odds by year before settling-in."]
        notes += _left_out(len(found) - len(shown), len(found), "distances", rule)
        title = f"Distances before settling-in: {analysis.title}"
        yield distances_before(shown, title=title, evidence=evidence, notes=notes)


def _left_out(count: int, whole: int, what: str, rule: OutputRule) -> Iterator[str]:
    if count:
        yield LEFT_OUT.format(count=count, whole=whole, what=what, least=rule.threshold)
