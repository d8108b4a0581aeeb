"""One outcome's answers side by side: printed, from print, replicated, posteriors, open data."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from sofs_bayes.frequentist.printed_rows import term_of
from sofs_bayes.frequentist.term import WITHIN
from sofs_bayes.published.facts import Fact
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import (
    Evidence,
    HierarchicalAnalysis,
    OpenAnalysis,
    OwnOutcome,
    PrintedAnalysis,
)
from sofs_bayes.spec.keys import HEADLINE, Estimand, Variant
from sofs_bayes.spec.outcomes import OUTCOMES, capital
from sofs_bayes.spec.outcomes import outcome as outcome_words
from sofs_bayes.tables.contents.monte_carlo import NAN
from sofs_bayes.tables.contents.publication_beside import ReplicatedFolder, replicated_folders
from sofs_bayes.tables.contents.publication_numbers import gravest, overall
from sofs_bayes.tables.contents.report_columns import (
    FROM_PRINT,
    OF_ALL,
    OUTCOME_OF_TABLE,
    estimate_of,
    pooled_answer,
    report_columns,
    table_facts,
)
from sofs_bayes.tables.contents.within import Compared, why_they_differ
from sofs_bayes.tables.digits import MINUS, Cell, Estimate, last_digit, shown
from sofs_bayes.tables.model import Column, Table

STARS = ("no stars: p ≥ 0.1", "*: p < 0.1", "**: p < 0.05", "***: p < 0.01")
REGRESSION = "covariates, matching weights"
ITSELF = "the same; each authority compared with itself alone"
HIERARCHICAL = "the same; authorities and their years differ, pilots' effects differ"
FROM_STARS = "as printed; standard error inferred from stars"
HOW = {"regression": "replicated", "within": "within authorities"}
OPEN = "nothing; authorities and their years differ"


Kind = Literal["regression", "within", "hierarchical", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SideAnswer:
    """A line: how an effect was found, of whom, and what was found.

    `risk` is a change in risk, `log_odds` in log-odds; None where the source gives none. `sd` is
    the standard deviation of a posterior, on the scale of `log_odds` if there is one.
    """

    kind: Kind = "other"
    sd: float = NAN

    method: str
    evidence: Evidence
    adjusted: str
    risk: Estimate | None
    log_odds: Estimate | None
    level: str
    says: str
    status: str


def printed_effects(outcome: str) -> list[Fact]:
    """The printed effects of an outcome, in the report's order: rows of a single DiD.

    With Ofsted's interaction the printed row is the effect at a rating of 0, which nothing else
    here estimates.
    """
    tables = [number for number, own in OUTCOME_OF_TABLE.items() if own == outcome]
    return [
        fact
        for number in tables
        for fact in table_facts(number)
        if term_of(fact.row) == "did" and fact.printed.value is not None and fact.column != "Ofsted"
    ]


def answers_beside(
    fact: Fact, runs: Sequence[Run], folders: Sequence[ReplicatedFolder]
) -> Iterator[SideAnswer]:
    """A printed effect, what its stars imply, regressions (also within authorities), posteriors."""
    yield _printed(fact)
    own = [c for run in runs for c in report_columns(run) if (c.table, c.name) == _place(fact)]
    for column in own:
        if isinstance(column.run.analysis, PrintedAnalysis):
            yield from _posterior(
                column.run,
                FROM_PRINT["did"],
                variant=column.variant,
                method=f"Posterior from print (reading: {column.variant})",
                adjusted=FROM_STARS,
            )
    for folder in folders:
        yield from _replicated(fact.column, folder, "regression")
        yield from _replicated(f"{fact.column}{WITHIN}", folder, "within")
    yield from _hierarchical([column.run for column in own])


def _hierarchical(runs: Sequence[Run]) -> Iterator[SideAnswer]:
    for run in runs:
        analysis = run.analysis
        if isinstance(analysis, HierarchicalAnalysis) and analysis.regression.treatment == "did":
            kind = "linear" if analysis.model.likelihood == "gaussian" else "logistic"
            method = f"Hierarchical {kind} model ({analysis.name})"
            for each in _posterior(run, OF_ALL, method=method, adjusted=HIERARCHICAL):
                yield replace(each, kind="hierarchical")


def own_columns(runs: Sequence[Run], folders: Sequence[ReplicatedFolder]) -> list[str]:
    """The regressions with one effect of another study than the report's, each once."""
    own = [each.analysis for each in folders]
    own += [r.analysis.children for r in runs if isinstance(r.analysis, HierarchicalAnalysis)]
    columns = [column for each in own for column in each.regressions.columns]
    return list(dict.fromkeys(each.name for each in columns if each.treatment == "did"))


def own_answers(
    column: str, runs: Sequence[Run], folders: Sequence[ReplicatedFolder]
) -> Iterator[SideAnswer]:
    """A regression of one's own, then the posteriors of the same column."""
    for folder in folders:
        yield from _replicated(column, folder, "regression", own=True)
    yield from _hierarchical(
        [
            run
            for run in runs
            if isinstance(run.analysis, HierarchicalAnalysis) and run.analysis.column == column
        ]
    )


def _place(fact: Fact) -> tuple[int, str]:
    return fact.table, fact.column


def _printed(fact: Fact) -> SideAnswer:
    value = fact.printed.value
    assert value is not None
    found = Estimate(median=value, mark="*" * fact.printed.stars)
    text = fact.printed.text.replace("-", MINUS)
    return SideAnswer(
        method=f"As printed: {text}",
        evidence="published",
        adjusted=REGRESSION,
        risk=found if fact.unit == "probability" else None,
        log_odds=found if fact.unit == "log-odds" else None,
        level="none printed",
        says=STARS[fact.printed.stars],
        status="converged",
    )


def _posterior(
    run: Run, effect: Estimand, *, variant: Variant = HEADLINE, method: str, adjusted: str
) -> Iterator[SideAnswer]:
    risk, log_odds = (
        pooled_answer(run, effect, scale, variant=variant) for scale in ("risk", "log-odds")
    )
    best = risk or log_odds
    if best is None:
        return
    own = (log_odds or best).effect
    yield SideAnswer(
        method=method,
        evidence=run.evidence,
        adjusted=adjusted,
        risk=estimate_of(run, risk),
        log_odds=estimate_of(run, log_odds),
        level=f"{100 * run.level:g}% posterior",
        says=_chance(best.above_zero, best.mcse),
        status=best.effect.status,
        sd=own.sd,
    )


def _chance(probability: float | None, mcse: float) -> str:
    if probability is None:
        return "not asked"
    return f"probability {shown(probability, 'probability', last_digit([mcse], 'probability'))}"


def _replicated(
    name: str, folder: ReplicatedFolder, kind: Kind, *, own: bool = False
) -> Iterator[SideAnswer]:
    """A regression with its clustered interval; a logistic one's marginal effect, if there is one.

    With too few clusters the interval is the wild bootstrap's, if there is one.
    """
    for term in folder.terms:
        if (term.regression, term.term) != (name, "did"):
            continue
        beside = [e for e in folder.further if (e.regression, e.term) == (name, "did")]
        marginal = [
            Estimate(median=each.estimate, lower=each.lower, upper=each.upper)
            for each in beside
            if each.method == "marginal effect"
        ]
        bootstrap = next((e for e in beside if e.method == "wild bootstrap"), None)
        instead = bootstrap if math.isnan(term.p_value) else None
        errors, found = (instead.what, instead) if instead else (term.errors, term)
        middle = Estimate(median=term.coefficient, lower=found.lower, upper=found.upper)
        how = "" if own else f", {HOW[kind]}"
        linear = term.model == "linear"
        yield SideAnswer(
            kind=kind,
            method=f"Regression{how} ({errors})",
            evidence=folder.evidence,
            adjusted=ITSELF if kind == "within" else REGRESSION,
            risk=middle if linear else next(iter(marginal), None),
            log_odds=None if linear else middle,
            level=f"{100 * term.level:g}% confidence",
            says=_p_value(found.p_value),
            status="converged" if folder.status == "converged" else "not converged",
        )


def _p_value(value: float) -> str:
    if math.isnan(value):
        return "no p-value: too few authorities"
    return f"p = {value:.2f}" if value >= 0.005 else "p < 0.01"


def open_data_answers(runs: Sequence[Run]) -> Iterator[SideAnswer]:
    """What open counts answer to the same question."""
    for run in runs:
        if isinstance(run.analysis, OpenAnalysis):
            method = f"Hierarchical model of counts ({run.analysis.name})"
            yield from _posterior(run, OF_ALL, method=method, adjusted=OPEN)


SAMPLES: Mapping[Evidence, str] = {
    "published": "the evaluation's",
    "published-inferred": "the evaluation's, by their printed numbers",
    "synthetic": "simulated",
    "open-data": "whole authorities': others",
    "unknown-origin": "whole authorities', of unknown origin: others",
    "records": "matched, from records",
}
OTHERS = "Open data: the same question, asked of whole authorities"
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
    tables = []
    for outcome in dict.fromkeys(about):
        own = [run for run in runs if run.analysis.outcome == outcome]
        parts = _parts(outcome, own, [each for each in folders if each.analysis.outcome == outcome])
        tables += [_table(outcome, own, parts)] if parts else []
    return tables


def _of_report(
    outcome: str, runs: Sequence[Run], folders: Sequence[ReplicatedFolder]
) -> list[Answers]:
    parts = [
        (f"Table {fact.table}, {fact.column}", list(answers_beside(fact, runs, folders)))
        for fact in printed_effects(outcome)
    ]
    # A printed number that nothing stands beside is shown for the main column alone.
    return [part for i, part in enumerate(parts) if i == 0 or len(part[1]) > 1]


def _is_printed(outcome: str | OwnOutcome) -> bool:
    return isinstance(outcome, str) and outcome in OUTCOMES


def _parts(
    outcome: str | OwnOutcome, runs: Sequence[Run], folders: Sequence[ReplicatedFolder]
) -> list[Answers]:
    """Headings with what stands below them; none where no run has a single effect."""
    if _is_printed(outcome):
        parts = _of_report(str(outcome), runs, folders)
    else:
        names = own_columns(runs, folders)
        parts = [(name, list(own_answers(name, runs, folders))) for name in names]
        parts = [part for part in parts if part[1]]
    opened = list(open_data_answers(runs))
    if opened:
        parts.append((OTHERS if parts else COUNTED, opened))
    return parts


def _table(outcome: str | OwnOutcome, runs: Sequence[Run], parts: Sequence[Answers]) -> Table:
    printed = _is_printed(outcome)
    answers = [each for _, own in parts for each in own]
    gravest_of_all = gravest(each.evidence for each in answers)
    logs = any(each.log_odds is not None for each in answers)
    made_up = any(each.evidence == "synthetic" for each in answers)
    columns = _columns(log_odds=logs)
    lines: list[tuple[Cell, ...]] = []
    rests: list[Evidence] = []
    bold: list[int] = []
    for heading, own in parts if len(answers) > 1 else []:
        bold.append(len(lines))
        lines.append((heading, *[None] * (len(columns) - 1)))
        lines += [_line(each, log_odds=logs) for each in own]
        rests += [gravest_of_all, *(each.evidence for each in own)]
    words = outcome_words(outcome)
    sides = "published, frequentist and Bayesian" if printed else "regressions and posteriors"
    return Table(
        name=f"comparison-{words.name if printed else 'own'}",
        title=f"{capital(words.rate)}: {sides} side by side",
        columns=columns,
        rows=tuple(lines),
        evidence=gravest_of_all,
        rests=tuple(rests),
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
        Column(key="sample", heading="Sample"),
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
        SAMPLES[found.evidence],
        found.adjusted,
        found.risk,
        *logs,
        found.level,
        found.says,
    )


def _notes(runs: Sequence[Run], *, logs: bool, made_up: bool, printed: bool) -> Iterable[str]:
    yield (
        "Lines are of the same rows only where the columns 'Source' and 'Sample' say so: a"
        " difference between other lines may be one between samples."
    )
    units = "Effects are changes in risk in percentage points"
    units += " (0.01 in the report is one of them)." if printed else "."
    if logs:
        units += " Logistic regressions are in log-odds; their change in risk is an average."
    yield f"{units} Confidence and credible intervals are not interchangeable; levels differ."
    yield "Covariates are those of rows and of authorities."
    if made_up and printed:
        yield MADE_UP
    priors = dict.fromkeys(run.prior for run in runs)
    if priors:
        yield f"Posteriors are under the effect prior '{', '.join(priors)}'."
