"""The plain words of the page of the whole re-analysis."""

import re
from collections.abc import Iterable, Mapping, Sequence

from sofs_bayes.estimands import EffectRow, ProbabilityRow
from sofs_bayes.reporting import contents
from sofs_bayes.reporting.page import Part
from sofs_bayes.reporting.run_folder import Run
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


def question() -> Part:
    """What the evaluation asked, and what is asked here."""
    return Part(
        heading="The question",
        anchor="question",
        paragraphs=(
            "Signs of Safety is a way of working in child protection. Nine English authorities"
            " piloted it, and an evaluation compared their children with those of similar"
            " authorities, before and after. Its answer: no evidence of a significant effect on"
            " initial child protection conferences or on entry to care.",
            "“Not significant” can mean two things: that the effect is small, or that the data"
            " cannot tell. This page works out which sizes of effect the published evidence"
            " supports, and how strongly. It gives probabilities, and leaves verdicts to the"
            " reader.",
        ),
    )


COUNTS: Mapping[str, str] = {
    "open-data": (
        "Open data: counts of whole authorities by the Department for Education (open-data)."
    ),
    "unknown-origin": (
        "Counts of whole authorities from files that are not known to be the Department's"
        " (unknown-origin)."
    ),
}


def evidence(opened: Sequence[Run]) -> Part:
    """What kinds of evidence the page rests on, and what it does without."""
    bullets = [
        "Printed: the numbers of the report's tables, as they stand (published).",
        "Computed from print: what follows from those numbers (published-inferred).",
    ]
    kinds = dict.fromkeys(run.evidence for run in opened)
    bullets += [COUNTS[kind] for kind in kinds if kind in COUNTS]
    bullets.append(
        "Not here: the children's records. They are confidential, and nobody involved in this"
        " page has seen them."
    )
    return Part(heading="What this rests on", anchor="evidence", bullets=tuple(bullets))


def limits(opened: Sequence[Run]) -> Part:
    """What nobody should take from the page."""
    bullets = [
        "It does not say whether more conferences, or fewer, are good for children.",
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


def effect_sentence(run: Run, row: EffectRow) -> str:
    """The effect in words: median, interval, the probability of an increase and of little."""
    number = contents.number_format(row.scale, [row])
    unit = {"pp": "percentage points"}.get(contents.UNIT_OF[row.scale], contents.UNIT_OF[row.scale])
    lower, median, upper = (shown(x, number) for x in (row.lower, row.median, row.upper))
    said = [*_direction(run, row)[:1], *_smallness(run, row)]
    chances = f" Probability {'; '.join(said)}." if said else ""
    return (
        f"Median {median} {unit}; {100 * row.level:g}% of the probability lies between {lower}"
        f" and {upper} ({row.prior} prior).{chances}{_mark(row)}"
    )


def break_sentences(run: Run) -> Iterable[str]:
    """What declared breaks in recording do to the effect of open counts."""
    assert isinstance(run.analysis, OpenAnalysis)
    declared = {entry.authority: entry for entry in run.analysis.design.recording_breaks}
    for row in run.extra["sensitivity"][1]:
        changed = row.kind in ("without", "with") and row.subject in declared
        if changed and row.scale == "risk" and row.is_effect:
            lower, median, upper = (shown(x, "pp") for x in (row.lower, row.median, row.upper))
            yield (
                f"What a break in recording does: {row.variant}, the median is {median} pp"
                f" ({lower} to {upper}).{_mark(row)} {declared[row.subject].why}"
            )


def _mark(row: EffectRow) -> str:
    return "" if row.status == "converged" else " NOT CONVERGED."


# The same claim on any scale, so that a change of scale does not change what is said.
DIRECTIONS: Mapping[str, str] = {
    "above 0 pp": "of an increase",
    "above 0 (log-odds)": "of an increase",
    "above 1 (odds ratio)": "of an increase",
    "below 0 pp": "of a decrease",
    "below 0 (log-odds)": "of a decrease",
    "below 1 (odds ratio)": "of a decrease",
}


def _direction(run: Run, row: EffectRow) -> list[str]:
    """The probability of an increase and, without one, of a decrease, whatever its scale."""
    found = {p.statement: p.probability for p in _about(run, row)}
    return [
        f"{words}: {shown(found[statement], 'probability')}"
        for statement, words in DIRECTIONS.items()
        if statement in found
    ]


def _smallness(run: Run, row: EffectRow) -> list[str]:
    return [
        f"of a change {_both_ways(p.statement)}: {shown(p.probability, 'probability')}"
        for p in _about(run, row)
        if p.scale == row.scale and p.statement.startswith("within")
    ]


def _both_ways(statement: str) -> str:
    """ "within -1 pp to 1 pp" as "within ±1 pp"; other statements as they are."""
    return re.sub(r"within -(\S+ pp) to \1", r"within ±\1", statement)


def _about(run: Run, row: EffectRow) -> list[ProbabilityRow]:
    """The probabilities of statements about the same effect, on any scale."""
    what = (row.effect, row.prior, row.variant)
    return [p for p in run.probabilities if (p.effect, p.prior, p.variant) == what]
