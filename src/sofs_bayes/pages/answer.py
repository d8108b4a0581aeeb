"""Runs of both outcomes → the answer: in a few sentences, in one figure, then source by source."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sofs_bayes.checks.registry.predictions import ArmYearCheck
from sofs_bayes.errors import counted
from sofs_bayes.estimands import EffectRow
from sofs_bayes.estimands.conversions import as_odds_ratio, per_log_odds, probability_below
from sofs_bayes.pages.beside import beside_sentences, placebo_rows
from sofs_bayes.pages.check_sentences import trust_sentences
from sofs_bayes.pages.page import SYNTHETIC, Part
from sofs_bayes.pages.words import (
    answers,
    break_sentences,
    decided,
    marked,
)
from sofs_bayes.runs.result_manifest import Result
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import (
    Evidence,
    HierarchicalAnalysis,
    OpenAnalysis,
    PrintedAnalysis,
)
from sofs_bayes.spec.keys import BETWEEN_YEARS
from sofs_bayes.spec.outcomes import OwnOutcome, capital, outcome
from sofs_bayes.spec.study import denominator_of, of_report
from sofs_bayes.spec.terms import CHILDREN, PER_10_000
from sofs_bayes.tables.contents.assumptions import in_units
from sofs_bayes.tables.contents.effect_columns import ABOVE_0, interval_columns
from sofs_bayes.tables.contents.effects import prior_marked
from sofs_bayes.tables.contents.publication_numbers import above_zero, gravest, overall
from sofs_bayes.tables.digits import MINUS, Format
from sofs_bayes.tables.formats import Column, Table

if TYPE_CHECKING:
    from sofs_bayes.figures import Drawing
    from sofs_bayes.figures.answer import SourceRow

# Of several sources on one outcome, the order of their sections; simulated children come last.
SOURCES: dict[Evidence, str] = {
    "records": "The individual records",
    "published-inferred": "The published tables",
    "open-data": "Real authorities",
    "unknown-origin": "Counts of unknown origin",
    "synthetic": "Simulated children",
}
HEADINGS: dict[Evidence, str] = {
    "records": "What the individual records show",
    "published-inferred": "What the published tables support",
    "open-data": "What real authorities show",
    "unknown-origin": "What counts of unknown origin show",
    "synthetic": "What the records could show (simulated children)",
}
RESTS_ON: dict[Evidence, str] = {
    "records": "the individual records",
    "published-inferred": "the evaluation's printed tables",
    "open-data": "the Department for Education's counts of whole authorities",
    "unknown-origin": "counts of whole authorities of unknown origin",
}
NOT_SEEN = "the individual records have not been seen"
SIMULATED = (
    "Simulated children show that the method would work on the records; their numbers say nothing"
    " about real people."
)
READINGS = "Of several readings of the printed stars, the one with the widest interval."
SMALL = 0.02  # changes in risk that are smaller are told per 1,000
OFTEN = 0.95  # of probabilities that leave little doubt


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """How changes are told: `factor` times a risk is so many `per` of whom; else in `own` units."""

    factor: float = 1.0
    per: str = ""
    whom: str = ""
    own: str = ""
    decimals: int = 1

    @property
    def of(self) -> str:
        """What the numbers are so many of."""
        return self.own or f"per {self.per} {self.whom}"

    def more(self, value: float) -> str:
        """A change in words: "3.3 more", "1.8 fewer"; of a unit of its own a number with sign."""
        if self.own:
            return f"{round(value, self.decimals) + 0.0:,.{self.decimals}f}".replace("-", MINUS)
        size = abs(self.factor * value)
        text = f"{size:.1f}" if size < 10 else f"{size:.0f}"
        if float(text) == 0:
            return "no more"
        return f"{text} {'more' if value > 0 else 'fewer'}"


def unit_of(run: Run, rows: Sequence[EffectRow]) -> Unit | None:
    """The unit that suits a run's changes in risk; None where it has none."""
    scales = {row.scale for row in rows}
    whom = denominator_of(run.analysis)
    if scales == {PER_10_000}:
        return Unit(factor=1.0, per="10,000", whom=whom)
    if scales == {"units"}:
        width = max(row.upper - row.lower for row in rows)
        decimals = max(2 - math.floor(math.log10(width)), 0) if width > 0 else 2
        return Unit(own=in_units(run.analysis, "units"), decimals=decimals)
    if scales != {"risk"}:
        return None
    small = max(max(-row.lower, row.upper) for row in rows) < SMALL
    return Unit(factor=1000.0 if small else 100.0, per="1,000" if small else "100", whom=whom)


def answer_part(runs: Sequence[Run], beside: Sequence[Result]) -> Part:
    """The first screen: question, answer by outcome, what it rests on, one figure."""
    telling = _telling(runs)
    entries = []
    for name, own in _by_outcome(telling).items():
        leading = _leading(own)
        said = [_answer(run) for run in leading]
        said.append(settled_sentence(leading, outcome(name).rate))
        entries.append((capital(outcome(name).rate), " ".join(filter(None, said))))
    entries.append(("Sources", _rests_on(runs)))
    drawing = answer_drawing(telling, beside)
    alone = _alone(telling)
    if drawing is not None and alone:
        drawing = replace(drawing, alt=f"{SYNTHETIC}. {drawing.alt}")
    return Part(
        heading="The answer",
        anchor="answer",
        evidence=alone,
        entries=tuple(entries),
        figures=() if drawing is None else (drawing,),
        captions={} if drawing is None else {drawing.name: "Sources compared."},
    )


def _by_outcome(runs: Iterable[Run]) -> dict[str | OwnOutcome, list[Run]]:
    found: dict[str | OwnOutcome, list[Run]] = {}
    for run in runs:
        found.setdefault(run.analysis.outcome, []).append(run)
    return found


def _leading(runs: Sequence[Run]) -> list[Run]:
    """The first run of each source, in the order of sources."""
    return [
        next(run for run in runs if run.evidence == kind)
        for kind in SOURCES
        if any(run.evidence == kind for run in runs)
    ]


def _rests_on(runs: Sequence[Run]) -> str:
    present = {run.evidence for run in runs}
    named = [words for kind, words in RESTS_ON.items() if kind in present]
    unseen = [] if "records" in present else [NOT_SEEN]
    said = f"{capital(' and '.join(named))}{''.join(f'; {each}' for each in unseen)}."
    said = said if named else ""
    return " ".join(filter(None, (said, SIMULATED if "synthetic" in present else "")))


def _answer(run: Run) -> str:
    """A run's answer: how large, and how likely an increase is."""
    return f"{SOURCES[run.evidence]}: {size_sentence(run)} {direction_sentence(run)}".strip()


def size_sentence(run: Run) -> str:
    """The estimate with its interval; of several readings of print, how far they differ."""
    rows = answers(run)
    if not rows:
        return "no pooled effect."
    unit = unit_of(run, rows)
    widest = max(rows, key=lambda row: row.upper - row.lower)
    level = f"{100 * widest.level:g}% credible interval"
    refused = " NOT CONVERGED: not to be used." if run.status != "converged" else ""
    if unit is None:
        median, lower, upper = (f"{x:.2f}" for x in (widest.median, widest.lower, widest.upper))
        scale = in_units(run.analysis, widest.scale)
        return f"{scale} {median} ({level} {lower} to {upper}).{refused}"
    ends = f"{unit.more(widest.lower)} to {unit.more(widest.upper)}"
    where = unit.of
    medians = sorted(row.median for row in rows)
    if len(rows) == 1 or unit.more(medians[0]) == unit.more(medians[-1]):
        return f"{unit.more(widest.median)} {where} ({level} {ends}).{refused}"
    printed = isinstance(run.analysis, PrintedAnalysis)
    which = "way the printed stars are read" if printed else "comparators stand beside"
    return (
        f"{unit.more(medians[0])} to {unit.more(medians[-1])} {where}, whichever {which};"
        f" the widest {level} is {ends}.{refused}"
    )


def direction_sentence(run: Run) -> str:
    """The probability of an increase, over all readings of print."""
    chances = _chances(run)
    if not chances:
        return ""
    ends = dict.fromkeys(f"{100 * chance:.0f}%" for chance in (min(chances), max(chances)))
    return f"An increase has a probability of {' to '.join(ends)}."


def _chances(run: Run) -> list[float]:
    found = (above_zero(run, row)[0] for row in answers(run))
    return [chance for chance in found if chance is not None]


def settled_sentence(runs: Sequence[Run], what: str) -> str:
    """Whether any source that converged leaves little doubt about a direction."""
    sound = [run for run in runs if run.status == "converged"]
    chances = [chance for run in sound for chance in _chances(run)]
    if not chances:
        return ""
    if all(1 - OFTEN < chance < OFTEN for chance in chances):
        who = {1: "This", 2: "Neither"}.get(len(sound), "None of these")
        verb = "cannot tell" if len(sound) == 1 else "can tell"
        return f"{who} {verb} whether {what} rose or fell, nor a small effect from none."
    if min(chances) >= OFTEN or max(chances) <= 1 - OFTEN:
        who = "This leaves" if len(sound) == 1 else "All leave"
        moved = "rose" if min(chances) >= OFTEN else "fell"
        return f"{who} little doubt that {what} {moved} against the comparators."
    if any(isinstance(run.analysis, PrintedAnalysis) for run in sound):
        return "Sources, readings of print or both differ in how sure they are of a direction."
    return "Sources differ in how sure they are of a direction."


# ---------------------------------------------------------------------- outcome by outcome


def outcome_parts(runs: Sequence[Run], beside: Sequence[Result]) -> Iterator[Part]:
    """A part for each outcome: published, supported, real, simulated, trusted, changed."""
    for name, own in _by_outcome(runs).items():
        yield Part(
            heading=capital(outcome(name).rate),
            anchor=f"outcome-{own[0].analysis.name}",
            evidence=_alone(own),
            entries=tuple(
                _entries(own, [each for each in beside if each.analysis.outcome == name])
            ),
            tables=tuple(each for each in (sources_table(name, own),) if each.rows),
        )


def _entries(runs: Sequence[Run], beside: Sequence[Result]) -> Iterator[tuple[str, str]]:
    leading = _leading(runs)
    published = [run.analysis for run in runs if isinstance(run.analysis, PrintedAnalysis)]
    if published:
        yield "What was published", published_sentence(published[0])
    for run in leading:
        said = [size_sentence(run), direction_sentence(run)]
        said += [sentence for row in answers(run) for sentence in decided(run, row)]
        if isinstance(run.analysis, OpenAnalysis):
            said += break_sentences(run)
        if run.evidence == "synthetic":
            said += ["No finding: the children do not exist."]
        yield HEADINGS[run.evidence], capital(" ".join(filter(None, said)))
    trust = [f"{SOURCES[run.evidence]}: {' '.join(trust_sentences(run))}" for run in leading]
    shocks = list(shock_sentences(runs))
    first, *more = [*trust, *shocks, *beside_sentences(beside)]
    yield "How far it can be trusted", first
    yield from (("", each) for each in more)
    changed = [
        f"{SOURCES[run.evidence]}: {text}" for run in leading if (text := changes_sentence(run))
    ]
    if changed:
        yield "What would change it", changed[0]
        yield from (("", each) for each in changed[1:])


def shock_sentences(runs: Sequence[Run]) -> Iterator[str]:
    """How far real authorities move from year to year, beside the priors of children's models.

    A linear model's prior is in risk: log-odds times p (1 - p) at the rate of its children.
    """
    moves = [
        row
        for run in runs
        if isinstance(run.analysis, OpenAnalysis)
        for row in run.effects
        if (row.role, row.scale, row.prior, row.kind)
        == (BETWEEN_YEARS, "log-odds", run.prior, "main")
    ]
    for run in runs:
        analysis = run.analysis
        if not moves or not isinstance(analysis, HierarchicalAnalysis):
            continue
        prior, factor = analysis.priors.shock_sd, _per_log_odds(run)
        if prior is None or factor is None:
            continue
        seen = moves[0]
        moved = (factor * x for x in (seen.median, seen.lower, seen.upper))
        place = [probability_below(prior, x) for x in moved]
        yield (
            f"Real authorities move by {seen.median:.2f} on log-odds from year to year beside the"
            f" national one ({seen.lower:.2f} to {seen.upper:.2f}): the prior of {analysis.name}"
            f" gives smaller moves a probability of {place[0]:.2f} ({place[1]:.2f} to"
            f" {place[2]:.2f})."
        )
        return


def _per_log_odds(run: Run) -> float | None:
    """What a small change in log-odds is on a model's scale."""
    assert isinstance(run.analysis, HierarchicalAnalysis)
    if run.analysis.model.likelihood != "gaussian":
        return 1.0
    rows = [row for row in run.rows(ArmYearCheck) if row.kind == "posterior"]
    return per_log_odds([row.observed for row in rows], [row.children for row in rows])


def published_sentence(analysis: PrintedAnalysis) -> str:
    """The printed difference-in-differences, as printed."""
    from sofs_bayes.bayes.printed_rows import printed_rows

    rows = printed_rows(analysis, analysis.readings[0])
    did = rows.did
    if analysis.from_table is None:
        assert analysis.as_printed is not None
        place = analysis.as_printed.source
    else:
        place = f"Table {analysis.from_table.table}, {analysis.from_table.column.lower()}"
    stars = "no star: not significant" if not did.stars else counted(did.stars, "star")
    if rows.did_error is not None:
        stars = rows.did_error.said
    scale = analysis.design.scale
    on = f" on {'the risk' if scale == 'risk' else in_units(analysis, scale)}"
    error = "" if rows.did_error else " No standard error is printed."
    return f"A difference-in-differences of {did.text.rstrip('*')}{on} ({place}; {stars}).{error}"


def changes_sentence(run: Run) -> str:
    """Which of the changes tried one at a time moves the estimate most; nothing without any."""
    rows = answers(run)
    if not rows:
        return ""
    main, unit = rows[0], unit_of(run, rows)
    changed = [
        row
        for row in run.sensitivity
        if (row.estimand, row.prior) == (main.estimand, main.prior) and row.variant != main.variant
    ]
    if not changed or unit is None:
        return ""
    most = max(changed, key=lambda row: abs(row.median - main.median))
    return (
        f"of {counted(len(changed), 'change')} to data or assumptions, tried one at a time, the"
        f" one that moves the estimate most is “{most.variant}”: {unit.more(most.median)}"
        f" {f'per {unit.per}' if unit.per else unit.own}, in place of"
        f" {unit.more(main.median)}.{'' if most.status == 'converged' else ' NOT CONVERGED.'}"
    )


def sources_table(name: str | OwnOutcome, runs: Sequence[Run]) -> Table:
    """Each source's estimate under each prior, with its interval and probability."""
    lines, kinds = [], []
    number: Format = "signed"
    for run in _telling(_leading(runs)):
        rows = answers(run)
        unit = unit_of(run, rows)
        if unit is None:
            continue
        number = "number" if unit.own else number
        widest = max(rows, key=lambda row: row.upper - row.lower)
        for row in _under_each_prior(run, [widest]):
            chance = above_zero(run, row)[0]
            values = (unit.factor * x for x in (row.median, row.lower, row.upper))
            source = f"{SOURCES[run.evidence]}, {unit.of}"
            lines.append((source, prior_marked(row, run), *values, chance))
            kinds.append(run.evidence)
    levels = [row.level for run in _telling(runs) for row in answers(run)]
    found = Table(
        name=f"answer-{runs[0].analysis.name}",  # the outcome is free text, and no file name
        title=f"{capital(outcome(name).rate)}: sources and priors",
        columns=(
            Column(key="source", heading="Source"),
            Column(key="prior", heading="Prior"),
            *interval_columns(next(iter(levels), 0.9), number, middle="Change (median)"),
            replace(ABOVE_0, key="above"),
        ),
        rows=tuple(lines),
        evidence=gravest(kinds) if kinds else "published",
        rests=tuple(kinds),
        notes=(READINGS,) * any(isinstance(run.analysis, PrintedAnalysis) for run in runs),
        status=overall(run.status for run in _telling(_leading(runs))),
    )
    return marked(found)


def _alone(runs: Sequence[Run]) -> Evidence | None:
    """`synthetic` where all runs are of simulated children, for the mark beside a heading."""
    return "synthetic" if all(run.evidence == "synthetic" for run in runs) else None


def _telling(runs: Sequence[Run]) -> list[Run]:
    """Runs that say something about the programme; all where simulated children stand alone."""
    return [run for run in runs if run.evidence != "synthetic"] or list(runs)


def _under_each_prior(run: Run, rows: Sequence[EffectRow]) -> list[EffectRow]:
    """The answer's rows under all priors, in the order of priors."""
    asked = {(row.estimand, row.variant) for row in rows}
    return [row for row in run.effects if (row.estimand, row.variant) in asked]


# ------------------------------------------------------------------------------ the figure


def answer_drawing(runs: Sequence[Run], beside: Sequence[Result]) -> "Drawing | None":
    """Sources on each outcome as odds ratios, with the range of placebo pilots."""
    from sofs_bayes.figures.answer import SourceRow, sources_figure

    rows: list[SourceRow] = []
    for name, own in _by_outcome(runs).items():
        said = capital(outcome(name).rate)
        rows += [each for run in _leading(own) for each in _source_rows(run, said)]
        about = [each for each in beside if each.analysis.outcome == name]
        rows += [
            SourceRow(outcome=said, source="Authorities that were no pilots", is_range=True, **each)
            for each in placebo_rows(about)
        ]
    if not rows:
        return None
    children = all(of_report(run.analysis) for run in runs)
    return sources_figure(rows, whom=CHILDREN if children else "")


def _source_rows(run: Run, said: str) -> "Iterator[SourceRow]":
    """The widest of a run's answers as an odds ratio."""
    from sofs_bayes.figures.answer import SourceRow

    wanted = {(replace(row.estimand, scale="odds ratio"), row.variant) for row in answers(run)}
    rows = [
        row
        for row in run.effects
        if row.prior == run.prior and (row.estimand, row.variant) in wanted
    ]
    if not rows and isinstance(run.analysis, PrintedAnalysis):
        rate = run.analysis.design.base_rate
        rows = [as_odds_ratio(row, rate) for row in answers(run) if rate is not None]
    if not rows:
        return
    row = max(rows, key=lambda each: each.upper / each.lower)
    yield SourceRow(
        outcome=said,
        source=SOURCES[run.evidence],
        evidence=run.evidence,
        median=row.median,
        lower=row.lower,
        upper=row.upper,
        lower_50=row.lower_50,
        upper_50=row.upper_50,
        level=row.level,
        status=run.status,
    )
