"""Printed, from print, replicated, hierarchical, open data: one outcome's answers side by side."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sofs_bayes.estimands import POOLED
from sofs_bayes.frequentist.printed_rows import term_of
from sofs_bayes.published.facts import Fact
from sofs_bayes.reporting.contents.monte_carlo import NAN, first_prior, max_error
from sofs_bayes.reporting.contents.publication_beside import ReplicatedFolder, replicated_folders
from sofs_bayes.reporting.contents.publication_numbers import above_zero, gravest, overall
from sofs_bayes.reporting.contents.publication_rows import (
    AFTER,
    FROM_PRINT,
    OUTCOMES,
    Answer,
    ReportColumn,
    answer_of,
    report_columns,
    table_facts,
)
from sofs_bayes.reporting.digits import MINUS, Cell, Estimate, last_digit, shown
from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.reporting.table_model import Column, Table
from sofs_bayes.spec import Evidence, HierarchicalAnalysis, OpenAnalysis, PrintedAnalysis

CALLED = {"ICPC": "Initial child protection conferences", "CLA": "Entry to care"}
STARS = ("no stars: p at least 0.1", "*: p below 0.1", "**: p below 0.05", "***: p below 0.01")
CHILDREN: Mapping[Evidence, str] = {
    "published": "the evaluation's",
    "published-inferred": "the evaluation's, by their printed numbers",
    "synthetic": "made-up",
    "open-data": "whole authorities': other children",
    "records": "matched, from records",
}
REGRESSION = "covariates, matching weights"
HIERARCHICAL = "the same; authorities and their years differ, pilots' effects differ"
FROM_STARS = "as printed; what stars say of the error"
OPEN = "nothing; authorities and their years differ"
MADE_UP = (
    "Made-up children are solved so that regressions print the published coefficients: that a"
    " replicated one agrees is built in, and says nothing about Signs of Safety."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """A line: how an effect was found, of whom, and what was found.

    `risk` is a change in risk, `log_odds` in log-odds; None where the source gives none.
    """

    method: str
    evidence: Evidence
    adjusted: str
    risk: Estimate | None
    log_odds: Estimate | None
    level: str
    says: str
    status: str


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
        if outcome in CALLED
    ]


def _table(outcome: str, runs: Sequence[Run], folders: Sequence[ReplicatedFolder]) -> Table:
    parts = [(_heading(fact), list(_of_column(fact, runs, folders))) for fact in _facts(outcome)]
    # A printed number that nothing stands beside is shown for the main column alone.
    parts = [part for i, part in enumerate(parts) if i == 0 or len(part[1]) > 1]
    opened = list(_of_open_data(runs))
    if opened:
        parts.append(("Open data: the same question, asked of other children", opened))
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
    return Table(
        name=f"comparison-{outcome}",
        title=f"{CALLED[outcome]}: published, frequentist and Bayesian answers side by side",
        columns=columns,
        rows=tuple(lines),
        evidence=gravest(each.evidence for each in answers),
        notes=tuple(_notes(runs, logs=logs, made_up=made_up)),
        status=overall(each.status for each in answers),
        bold=tuple(bold),
    )


def _columns(*, log_odds: bool) -> tuple[Column, ...]:
    logs = [Column(key="log_odds", heading="Log-odds", format="signed2")] if log_odds else []
    return (
        Column(key="method", heading="Method"),
        Column(key="evidence", heading="Rests on"),
        Column(key="children", heading="Children"),
        Column(key="adjusted", heading="Adjusted for"),
        Column(key="risk", heading="Change in risk (pp)", format="pp"),
        *logs,
        Column(key="level", heading="Interval"),
        Column(key="says", heading="Above 0?"),
        Column(key="status", heading="Draws"),
    )


def _line(found: _Answer, *, log_odds: bool) -> tuple[Cell, ...]:
    logs: list[Cell] = [found.log_odds] if log_odds else []
    return (
        found.method,
        found.evidence,
        CHILDREN[found.evidence],
        found.adjusted,
        found.risk,
        *logs,
        found.level,
        found.says,
        "–" if found.status == "converged" and not _drawn(found) else found.status,
    )


def _drawn(found: _Answer) -> bool:
    return found.says.startswith("P(")


# ------------------------------------------------------------------------- printed columns


def _facts(outcome: str) -> list[Fact]:
    """The printed effects of an outcome, in the report's order: rows of a single DiD.

    With Ofsted's interaction the printed row is the effect at a rating of 0, which nothing else
    here estimates.
    """
    tables = [number for number, own in OUTCOMES.items() if own == outcome]
    return [
        fact
        for number in tables
        for fact in table_facts(number)
        if term_of(fact.row) == "did" and fact.printed.value is not None and fact.column != "Ofsted"
    ]


def _heading(fact: Fact) -> str:
    return f"Table {fact.table}, {fact.column}"


def _of_column(
    fact: Fact, runs: Sequence[Run], folders: Sequence[ReplicatedFolder]
) -> Iterator[_Answer]:
    yield _printed(fact)
    own = [c for run in runs for c in report_columns(run) if (c.table, c.name) == _place(fact)]
    for column in own:
        if isinstance(column.run.analysis, PrintedAnalysis):
            yield from _posterior(
                column,
                FROM_PRINT["did"],
                method=f"Posterior from print (reading: {column.variant})",
                adjusted=FROM_STARS,
            )
    for folder in folders:
        yield from _replicated(fact, folder)
    for column in own:
        analysis = column.run.analysis
        if isinstance(analysis, HierarchicalAnalysis) and analysis.regression.treatment == "did":
            kind = "linear" if analysis.model.likelihood == "gaussian" else "logistic"
            method = f"Hierarchical {kind} model ({analysis.name})"
            yield from _posterior(column, AFTER, method=method, adjusted=HIERARCHICAL)


def _place(fact: Fact) -> tuple[int, str]:
    return fact.table, fact.column


def _printed(fact: Fact) -> _Answer:
    value = fact.printed.value
    assert value is not None
    found = Estimate(median=value, lower=NAN, upper=NAN)
    text = fact.printed.text.replace("-", MINUS)
    return _Answer(
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
    column: ReportColumn, estimand: str, *, method: str, adjusted: str
) -> Iterator[_Answer]:
    run = column.run
    risk, log_odds = (answer_of(column, estimand, scale) for scale in ("risk", "log-odds"))
    best = risk or log_odds
    if best is None:
        return
    yield _Answer(
        method=method,
        evidence=run.evidence,
        adjusted=adjusted,
        risk=_estimate(run, risk),
        log_odds=_estimate(run, log_odds),
        level=_credible(run),
        says=_chance(best.above_zero, best.mcse),
        status=best.effect.status,
    )


def _estimate(run: Run, found: Answer | None) -> Estimate | None:
    if found is None:
        return None
    row = found.effect
    error = max_error(run, row)
    return Estimate(median=row.median, lower=row.lower, upper=row.upper, error=error)


def _credible(run: Run) -> str:
    return f"{100 * run.analysis.estimands.level:g}% posterior"


def _chance(probability: float | None, mcse: float) -> str:
    if probability is None:
        return "not asked"
    text = shown(probability, "probability", last_digit([mcse], "probability"))
    return f"P(> 0) {text}" if text[0] in "<>" else f"P(> 0) = {text}"


def _replicated(fact: Fact, folder: ReplicatedFolder) -> Iterator[_Answer]:
    """The regression itself, with its clustered interval; a logistic one's marginal effect too."""
    for term in folder.terms:
        if (term.regression, term.term) != (fact.column, "did"):
            continue
        own = Estimate(median=term.coefficient, lower=term.lower, upper=term.upper)
        marginal = [
            Estimate(median=each.estimate, lower=each.lower, upper=each.upper)
            for each in folder.further
            if (each.regression, each.term) == (fact.column, "did")
            and each.what.startswith("average marginal effect")
        ]
        linear = term.model == "linear"
        yield _Answer(
            method=f"Regression, replicated ({term.errors})",
            evidence=folder.evidence,
            adjusted=REGRESSION,
            risk=own if linear else next(iter(marginal), None),
            log_odds=None if linear else own,
            level=f"{100 * term.level:g}% confidence",
            says=f"p = {term.p_value:.2f}" if term.p_value >= 0.005 else "p < 0.01",
            status="converged" if folder.status == "converged" else "not converged",
        )


# ---------------------------------------------------------------------------------- open data


def _of_open_data(runs: Sequence[Run]) -> Iterator[_Answer]:
    for run in runs:
        if not isinstance(run.analysis, OpenAnalysis):
            continue
        asked = (AFTER, POOLED, first_prior(run), "main")
        rows = {
            row.scale: row
            for row in run.effects
            if (row.estimand, row.target, row.prior, row.variant) == asked
        }
        if "risk" not in rows:
            continue
        chance, mcse = above_zero(run, rows["risk"])
        both = [
            Estimate(median=r.median, lower=r.lower, upper=r.upper, error=max_error(run, r))
            if (r := rows.get(scale)) is not None
            else None
            for scale in ("risk", "log-odds")
        ]
        yield _Answer(
            method=f"Hierarchical model of counts ({run.analysis.name})",
            evidence=run.evidence,
            adjusted=OPEN,
            risk=both[0],
            log_odds=both[1],
            level=_credible(run),
            says=_chance(chance, mcse),
            status=rows["risk"].status,
        )


def _notes(runs: Sequence[Run], *, logs: bool, made_up: bool) -> Iterable[str]:
    yield (
        "Each line names what it rests on; the last line here names the evidence that must not be"
        " missed. Lines are of the same children only where the columns 'Rests on' and 'Children'"
        " say so: a difference between other lines may be one between children."
    )
    units = "Effects are changes in risk in percentage points (0.01 in the report is one of them)."
    if logs:
        units += " Logistic regressions are in log-odds; their change in risk is an average."
    yield f"{units} A confidence interval is no posterior interval, and levels differ."
    yield "Covariates are children's and authorities'."
    if made_up:
        yield MADE_UP
    priors = dict.fromkeys(first_prior(run) for run in runs)
    if priors:
        yield f"Posteriors are under the effect prior '{', '.join(priors)}'."
