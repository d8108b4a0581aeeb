"""What a report says in words: its evidence, each run's answer, and whether a verdict was due."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from sofs_bayes.estimands import NEW, POOLED, EffectRow, statement_text
from sofs_bayes.estimands.conversions import interpolated
from sofs_bayes.pages.page import SYNTHETIC, Box
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import Evidence, OpenAnalysis, PrintedAnalysis
from sofs_bayes.spec.keys import PER_UNIT, PRINTED
from sofs_bayes.spec.study import events_of, of_report, words_of
from sofs_bayes.tables import contents
from sofs_bayes.tables.contents.assumptions import in_units
from sofs_bayes.tables.contents.effects import main_rows
from sofs_bayes.tables.contents.hierarchical import headline
from sofs_bayes.tables.contents.publication_numbers import (
    ABOVE_ZERO,
    stated,
    thresholds_of,
)
from sofs_bayes.tables.formats import Table, shown

if TYPE_CHECKING:
    from sofs_bayes.estimands.rows import ThresholdRow

Verdict = Literal["practically equivalent", "not equivalent", "undecided"]

HEADINGS: Mapping[Evidence, str] = {
    "published": "Printed in the report",
    "published-inferred": "Computed from print",
    "open-data": "Open data",
    "unknown-origin": "Counts of unknown origin",
    "records": "Individual records",
    "synthetic": SYNTHETIC,
}
IS, CAN, CANNOT = "What it is.", "What it can say.", "What it cannot say."
LINES: Mapping[Evidence, tuple[str, str, str]] = {
    "published": (
        "The numbers of the report's tables, as they stand.",
        "What was reported.",
        "How sure one can be of it: standard errors are not printed.",
    ),
    "published-inferred": (
        "What follows from the printed numbers, their stars and stated priors.",
        "Which sizes of effect the report's own numbers allow, and the probability of each.",
        "Anything about single pilots, or about children in other respects than those printed.",
    ),
    "open-data": (
        "Counts of whole authorities, published by the Department for Education.",
        "The same question, asked of all children of named authorities.",
        "Whether the report's numbers are right: these are other children, not adjusted for who"
        " they are. A change in recording looks like an effect.",
    ),
    "unknown-origin": (
        "Counts of whole authorities from a file that is not known to be the Department's.",
        "The same question, asked of all children of named authorities.",
        "Where the counts come from, and whether the report's numbers are right: these are other"
        " children. A change in recording looks like an effect.",
    ),
    "records": (
        "The children's own records, matched within their secure setting.",
        "How large the effect was among the children of the evaluation, pilot by pilot, if trends"
        " would have been parallel.",
        "Whether trends would have been parallel; and whether more conferences, or fewer, are good"
        " for children.",
    ),
    "synthetic": (
        "People that do not exist, simulated so that the published regressions print the"
        " published coefficients.",
        "Whether the method and the programs work, and what a report on records would look like.",
        "Anything about Signs of Safety. No effect shown for simulated children, of all pilots or"
        " of one, is a finding.",
    ),
}
ON_SIMULATED = "On simulated data, the method gives:"

# The same claim on any scale, so that the scale told does not change what is said.
INCREASE = (*ABOVE_ZERO, "above 1 (odds ratio)")
DECREASE = (
    "below 0 pp",
    "below 0 per 10,000",
    "below 0 (log-odds)",
    "below 0 (units)",
    "below 1 (odds ratio)",
)


def evidences(runs: Sequence[Run]) -> list[Evidence]:
    """The kinds of evidence that runs rest on, simulated children last."""
    present = {run.evidence for run in runs}
    return [kind for kind in HEADINGS if kind in present]


# Of other studies than the published report's.
OWN_LINES: Mapping[Evidence, tuple[str, str, str]] = {
    **LINES,
    "published-inferred": (
        *LINES["published-inferred"][:2],
        "Anything about single pilots, or about more than is printed.",
    ),
    "open-data": (
        "Counts of whole authorities that are published.",
        "Whether the rate changed more among pilots than elsewhere.",
        "How large it was in like circumstances: nothing is adjusted for whom the counts are of. A"
        " change in recording looks like an effect.",
    ),
    "unknown-origin": (
        "Counts of whole authorities, from a file whose origin is not known.",
        "Whether the rate changed more among pilots than elsewhere.",
        "Where the counts come from. Nothing is adjusted for whom they are of; a change in"
        " recording looks like an effect.",
    ),
    "records": (
        "Individual records, matched within their secure setting.",
        "How large the effect was among those evaluated, pilot by pilot, if trends would have been"
        " parallel.",
        "Whether trends would have been parallel; and whether a change is good for anybody.",
    ),
    "synthetic": (
        "People that do not exist, simulated in the design of this study.",
        LINES["synthetic"][1],
        "Anything about real people.",
    ),
}


def evidence_boxes(runs: Sequence[Run]) -> tuple[Box, ...]:
    """A box for each kind of evidence that runs rest on."""
    said = LINES if any(of_report(run.analysis) for run in runs) else OWN_LINES
    return tuple(
        Box(
            evidence=kind,
            heading=HEADINGS[kind],
            lines=tuple(zip((IS, CAN, CANNOT), said[kind], strict=True)),
        )
        for kind in evidences(runs)
    )


def marked(table: Table) -> Table:
    """The table, its title saying so where it rests on simulated children."""
    if table.evidence != "synthetic" or table.title.startswith(SYNTHETIC):
        return table
    return replace(table, title=f"{SYNTHETIC}: {table.title}")


def outcome_of(run: Run) -> str:
    """What is counted, in words."""
    if isinstance(run.analysis, OpenAnalysis):
        return f"the rate of {events_of(run.analysis)}"
    if main_scale(run) == "units":
        return words_of(run.analysis).rate
    return f"the rate of {words_of(run.analysis).rate}"


def seed_of(run: Run) -> int:
    """The seed of an analysis of any kind."""
    analysis = run.analysis
    return analysis.seed if isinstance(analysis, PrintedAnalysis) else analysis.sampler.seed


def main_scale(run: Run) -> str:
    """The scale results are told on: risk, or the first that the run has effects on."""
    scales = contents.effect_scales(run)
    return "risk" if "risk" in scales or not scales else scales[0]


def answers(run: Run) -> list[EffectRow]:
    """The rows that answer a run's question: pooled, under the first prior, as declared."""
    rows = main_rows(run, main_scale(run), pooled=True)
    return rows if run.analysis.kind == "printed" else headline(rows)


def effect_name(run: Run, row: "EffectRow | ThresholdRow") -> str:
    """The effect in words: what, on whom, and under which reading of the stars."""
    name = "effect" if row.role == PRINTED else str(row.estimand)
    where = {POOLED: "", NEW: " in a new authority"}.get(row.target, f" in {row.target}")
    several = run.analysis.kind == "printed" and len(run.analysis.readings) > 1
    return f"{name}{where}" + (f" (reading: {row.variant})" if several else "")


def result_sentence(run: Run, row: EffectRow) -> str:
    """Which effect on what, its size, the verdict; with the mark of simulated children."""
    text = f"{effect_name(run, row)} on {outcome_of(run)}. {effect_sentence(run, row)}"
    text = " ".join([text, *decided(run, row)])
    if run.evidence != "synthetic":
        return f"{text[:1].upper()}{text[1:]}"
    return f"{ON_SIMULATED} {text}"


def effect_sentence(run: Run, row: EffectRow) -> str:
    """The effect in words: median, interval, the probability of an increase and of little."""
    number = contents.number_format(row.scale, [row])
    unit = in_units(run.analysis, row.scale)
    lower, median, upper = (shown(x, number) for x in (row.lower, row.median, row.upper))
    said = "; ".join(_chances(run, row))
    return (
        f"Median {median} {unit}; {100 * row.level:g}% credible interval {lower} to {upper}"
        f" ({row.prior} prior).{f' Probability {said}.' if said else ''}"
        f"{'' if row.status == 'converged' else ' NOT CONVERGED. Not to be used.'}"
    )


def _chances(run: Run, row: EffectRow) -> Iterator[str]:
    """Of an increase, without one of a decrease, on any scale; of little on the effect's own."""
    found = stated(run, row)
    per_unit = " with the score" if row.role == PER_UNIT else ""
    directions = [(text, "an increase") for text in INCREASE]
    directions += [(text, "a decrease") for text in DECREASE]
    for text, what in [each for each in directions if each[0] in found][:1]:
        yield f"of {what}{per_unit}: {shown(found[text].probability, 'probability')}"
    for text, each in found.items():
        if each.scale == row.scale and text.startswith("within"):
            small = re.sub(r"within -(\S+ (?:pp|per 10,000)) to \1", r"within ±\1", text).replace(
                " pp", " points"
            )
            yield f"of a change {small}: {shown(each.probability, 'probability')}"


def break_sentences(run: Run) -> Iterator[str]:
    """What declared breaks in recording do to the effect of open counts."""
    assert isinstance(run.analysis, OpenAnalysis)
    declared = {entry.authority: entry for entry in run.analysis.design.recording_breaks}
    for row in run.sensitivity:
        changed = row.kind in ("without", "with") and row.subject in declared
        if changed and row.scale == main_scale(run) and row.is_effect:
            number = contents.number_format(row.scale, [row])
            lower, median, upper = (shown(x, number) for x in (row.lower, row.median, row.upper))
            yield (
                f"What a break in recording does: {row.variant}, the median is {median}"
                f" {in_units(run.analysis, row.scale)} ({lower} to {upper}).{_mark(row)}"
                f" {declared[row.subject].why}"
            )


def _mark(row: EffectRow) -> str:
    return "" if row.status == "converged" else " NOT CONVERGED."


# ----------------------------------------------------------------- practical equivalence


def decided(run: Run, row: EffectRow) -> Iterator[str]:
    """The verdict, where a region of practical equivalence was declared; else nothing."""
    region = run.analysis.estimands.equivalence
    if region is None:
        return
    found = equivalence(run, row)
    where = region_in_words(run)
    if found is None:
        yield f"The declared region of practical equivalence is {where}; there are no draws of it."
        return
    verdict, inside = found
    yield (
        f"Verdict: {verdict}. The probability that it lies in the declared region of practical"
        f" equivalence, {where}, is {shown(inside, 'probability')}; {region.probability:g} is"
        f" required, inside or outside. Why this region: {region.why}"
    )


def region_in_words(run: Run) -> str:
    """The declared region with its unit."""
    region = run.analysis.estimands.equivalence
    assert region is not None
    factor, unit = 100.0 if region.scale == "risk" else 1.0, in_units(run.analysis, region.scale)
    lower, upper = (f"{factor * bound:g}" for bound in region.within)
    return f"{lower} to {upper} {unit}".replace("-", "\N{MINUS SIGN}")


def equivalence(run: Run, row: EffectRow) -> tuple[Verdict, float] | None:
    """Whether an effect is practically nothing, by the declared region, and how probable that is.

    None where no region was declared, or no probability of it is at hand.
    """
    region = run.analysis.estimands.equivalence
    if region is None:
        return None
    inside = _inside(run, row)
    if inside is None:
        return None
    if inside >= region.probability:
        return "practically equivalent", inside
    if 1 - inside >= region.probability:
        return "not equivalent", inside
    return "undecided", inside


def _inside(run: Run, row: EffectRow) -> float | None:
    """The probability of the region: as stated, else from the thresholds at its ends."""
    region = run.analysis.estimands.equivalence
    assert region is not None
    found = stated(run, row).get(statement_text(region.statement))
    if found is not None:
        return found.probability
    rows = [each for each in thresholds_of(run, row) if each.scale == region.scale]
    points = [(each.threshold, each.above) for each in rows]
    above = [interpolated(points, bound) for bound in region.within]
    if any(math.isnan(each) for each in above):
        return None
    return above[0] - above[1]
