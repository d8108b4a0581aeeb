"""The plain words of the page of the whole re-analysis."""

from collections.abc import Iterable, Sequence

from sofs_bayes.estimands import EffectRow
from sofs_bayes.reporting.contents.effects import UNIT_OF, number_format
from sofs_bayes.reporting.page import Part
from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.reporting.run_report import LIMITS
from sofs_bayes.reporting.tables import shown
from sofs_bayes.spec import OpenAnalysis

ABOUT_PRINT = (
    "The report prints coefficients and significance stars, but no standard errors. A star"
    " says between which bounds the standard error must have been, and so how far the estimate"
    " may be off. From that, and a stated prior, follows how probable which size of effect is.",
    "What the stars rest on must be said by the analyst. For conferences only errors clustered"
    " on the authority are possible; for entry to care it is uncertain, so every reading is"
    " shown.",
)


ABOUT_OPEN = (
    "The Department for Education publishes counts for whole authorities. They cover other"
    " children than the report (all, not matched ones) and name the authorities of the"
    " programme's first wave, which the report does not. So this is the same question put to"
    " other data, never a reproduction.",
)


NO_OPEN_DATA = (
    "Not part of this page: no open data were given. The README says which files of the"
    " Department for Education to download; run the command again with the folder they are in.",
)


NOT_HERE = (
    "Not here: the children's records. They are confidential, and nobody involved in this page"
    " has seen them.",
)


def limits(opened: Sequence[Run]) -> Part:
    """What nobody should take from the page."""
    bullets = [
        *LIMITS,
        "It cannot name the report's pilots: they are numbered there, and no number here is"
        " given to a named authority.",
        "Printed stars bound the errors only loosely, and all else about the children's data is"
        " assumed (independent authorities, normal errors). The sensitivity tables show what"
        " moves when an assumption does.",
    ]
    if opened:
        bullets += [
            "Open counts are of whole authorities, not adjusted for who the children are. A"
            " change in recording, or in anything else that befell the pilots alone, looks like"
            " an effect.",
            "An annual count of children with a conference is not a share of the children in"
            " the denominator: some started to be in need the year before.",
        ]
    return Part(heading="What this does not show", anchor="limits", bullets=tuple(bullets))


def break_sentences(run: Run) -> Iterable[str]:
    """What declared breaks in recording do to the effect of open counts."""
    assert isinstance(run.analysis, OpenAnalysis)
    declared = {entry.authority: entry for entry in run.analysis.design.recording_breaks}
    for row in run.extra["sensitivity"][1]:
        changed = row.kind in ("without", "with") and row.subject in declared
        if changed and row.estimand.is_of_risk and row.is_effect:
            how = "pp" if row.scale == "risk" else number_format(row.scale, [row])
            lower, median, upper = (shown(x, how) for x in (row.lower, row.median, row.upper))
            yield (
                f"What a break in recording does: {row.variant}, the median is {median}"
                f" {UNIT_OF[row.scale]}"
                f" ({lower} to {upper}).{_mark(row)} {declared[row.subject].why}"
            )


def _mark(row: EffectRow) -> str:
    return "" if row.status == "converged" else " NOT CONVERGED."
