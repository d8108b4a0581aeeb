"""Printed, from print, replicated, hierarchical, open data: one outcome's answers side by side."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import Evidence, OwnOutcome
from sofs_bayes.spec.outcomes import OUTCOMES, capital
from sofs_bayes.spec.outcomes import outcome as outcome_words
from sofs_bayes.tables.contents.publication_answers import (
    SideAnswer,
    answers_beside,
    open_data_answers,
    own_answers,
    own_columns,
    printed_effects,
)
from sofs_bayes.tables.contents.publication_beside import ReplicatedFolder, replicated_folders
from sofs_bayes.tables.contents.publication_numbers import gravest, overall
from sofs_bayes.tables.contents.within import Compared, why_they_differ
from sofs_bayes.tables.digits import Cell
from sofs_bayes.tables.model import Column, Table

CHILDREN: Mapping[Evidence, str] = {
    "published": "the evaluation's",
    "published-inferred": "the evaluation's, by their printed numbers",
    "synthetic": "simulated",
    "open-data": "whole authorities': other children",
    "unknown-origin": "whole authorities', of unknown origin: other children",
    "records": "matched, from records",
}
OTHERS = "Open data: the same question, asked of other children"
COUNTED = "Counts of whole authorities"
Answers = tuple[str, list[SideAnswer]]
MADE_UP = (
    "Simulated children are solved so that regressions print the published coefficients, also"
    " within authorities: that what is replicated or a posterior agrees is built in, and says"
    " nothing about Signs of Safety."
)


def comparison_tables(runs: Sequence[Run], beside: Sequence[Path]) -> list[Table]:
    """A table for each outcome that a run or a replicate folder is about."""
    folders = replicated_folders(beside)
    about = [run.analysis.outcome for run in runs] + [each.analysis.outcome for each in folders]
    return [
        _table(
            outcome,
            [run for run in runs if run.analysis.outcome == outcome],
            [each for each in folders if each.analysis.outcome == outcome],
        )
        for outcome in dict.fromkeys(about)
    ]


def _of_report(
    outcome: str, runs: Sequence[Run], folders: Sequence[ReplicatedFolder]
) -> list[Answers]:
    parts = [
        (f"Table {fact.table}, {fact.column}", list(answers_beside(fact, runs, folders)))
        for fact in printed_effects(outcome)
    ]
    # A printed number that nothing stands beside is shown for the main column alone.
    return [part for i, part in enumerate(parts) if i == 0 or len(part[1]) > 1]


def _table(
    outcome: str | OwnOutcome, runs: Sequence[Run], folders: Sequence[ReplicatedFolder]
) -> Table:
    printed = isinstance(outcome, str) and outcome in OUTCOMES
    if printed:
        parts = _of_report(str(outcome), runs, folders)
    else:
        names = own_columns(runs, folders)
        parts = [(name, list(own_answers(name, runs, folders))) for name in names]
        parts = [part for part in parts if part[1]]
    opened = list(open_data_answers(runs))
    if opened:
        parts.append((OTHERS if parts else COUNTED, opened))
    answers = [each for _, own in parts for each in own]
    logs = any(each.log_odds is not None for each in answers)
    made_up = any(each.evidence == "synthetic" for each in answers)
    columns = _columns(log_odds=logs)
    lines: list[tuple[Cell, ...]] = []
    bold: list[int] = []
    for heading, own in parts if len(answers) > 1 else []:
        bold.append(len(lines))
        lines.append((heading, *[None] * (len(columns) - 1)))
        lines += [_line(each, log_odds=logs) for each in own]
    words = outcome_words(outcome)
    sides = "published, frequentist and Bayesian" if printed else "regressions and posteriors"
    return Table(
        name=f"comparison-{words.name if printed else 'own'}",
        title=f"{capital(words.rate)}: {sides} side by side",
        columns=columns,
        rows=tuple(lines),
        evidence=gravest(each.evidence for each in answers),
        notes=(*_whys(parts), *_notes(runs, logs=logs, made_up=made_up, printed=printed)),
        status=overall(each.status for each in answers),
        bold=tuple(bold),
    )


def _whys(parts: Iterable[tuple[str, list[SideAnswer]]]) -> Iterable[str]:
    """Where regression, the same within authorities and the posterior part, by printed effect."""
    for heading, own in parts:
        found = {each.kind: each for each in own}
        if not {"regression", "within", "hierarchical"} <= set(found):
            continue
        three = [found["regression"], found["within"], found["hierarchical"]]
        estimates = [each.log_odds for each in three]
        if None in estimates:
            estimates = [each.risk for each in three]
        medians = [each.median for each in estimates if each is not None]
        if len(medians) == len(three):
            first, within, last = medians
            sd = found["hierarchical"].sd
            one = Compared(regression=first, within=within, posterior=last, sd=sd)
            yield f"{heading}: {why_they_differ([one])}"


def _columns(*, log_odds: bool) -> tuple[Column, ...]:
    logs = [Column(key="log_odds", heading="Log-odds", format="signed2")] if log_odds else []
    return (
        Column(key="method", heading="Method"),
        Column(key="evidence", heading="Source"),
        Column(key="children", heading="Children"),
        Column(key="adjusted", heading="Adjusted for"),
        Column(key="risk", heading="Change in risk (pp)", format="pp"),
        *logs,
        Column(key="level", heading="Interval"),
        Column(key="says", heading="Above 0?"),
    )


def _line(found: SideAnswer, *, log_odds: bool) -> tuple[Cell, ...]:
    logs: list[Cell] = [found.log_odds] if log_odds else []
    refused = "" if found.status == "converged" else "NOT CONVERGED: "
    return (
        f"{refused}{found.method}",
        found.evidence,
        CHILDREN[found.evidence],
        found.adjusted,
        found.risk,
        *logs,
        found.level,
        found.says,
    )


def _notes(runs: Sequence[Run], *, logs: bool, made_up: bool, printed: bool) -> Iterable[str]:
    yield (
        "Lines are of the same children only where the columns 'Source' and 'Children' say so: a"
        " difference between other lines may be one between children."
    )
    units = "Effects are changes in risk in percentage points"
    units += " (0.01 in the report is one of them)." if printed else "."
    if logs:
        units += " Logistic regressions are in log-odds; their change in risk is an average."
    yield f"{units} Confidence and credible intervals are not interchangeable; levels differ."
    yield "Covariates are children's and authorities'."
    if made_up and printed:
        yield MADE_UP
    priors = dict.fromkeys(run.prior for run in runs)
    if priors:
        yield f"Posteriors are under the effect prior '{', '.join(priors)}'."
