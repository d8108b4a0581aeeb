"""What a run's checks say, in a sentence each."""

from collections.abc import Iterator

from sofs_bayes.bayes.limits import MAX_K
from sofs_bayes.checks.registry.arm_weights import BOTH, ArmWeightRow
from sofs_bayes.checks.registry.leaving_out import LooRow
from sofs_bayes.checks.registry.power_scaling import PowerScalingRow
from sofs_bayes.estimands import POOLED
from sofs_bayes.pages import barg_answers as answer
from sofs_bayes.pages.barg_answers import OnPage
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec.keys import HEADLINES
from sofs_bayes.tables.contents.assumptions import in_units
from sofs_bayes.tables.contents.effect_columns import number_format
from sofs_bayes.tables.contents.effects import risk_scale
from sofs_bayes.tables.contents.hierarchical_checks import few_authorities, tipping_table
from sofs_bayes.tables.formats import shown

NOWHERE = OnPage(anchors=frozenset(), figures=frozenset())


def check_sentences(run: Run) -> Iterator[str]:
    """Convergence, predictions, leave-one-out, priors, weights, trends, or their absence."""
    yield f"Draws: {answer.convergence(run, NOWHERE)[1]}"
    yield f"Resolution: {answer.resolution(run, NOWHERE)[1]}"
    yield f"Predictions: {answer.posterior_predictive(run, NOWHERE)[1]}"
    yield from _left_out(run)
    yield from _power_scaling(run)
    yield from _arm_weights(run)
    yield from _tipping(run)


def trust_sentences(run: Run) -> Iterator[str]:
    """Of these, those on which use of a result depends: convergence and predictions."""
    if run.analysis.kind == "printed":
        passed = "passed" if run.status == "converged" else "NOT PASSED"
        yield f"numerical check {passed}."
        return
    yield _sampled(run)
    yield f"Predictions: {answer.posterior_predictive(run, NOWHERE)[1]}"
    yield from _tipping(run)


def _sampled(run: Run) -> str:
    """Whether the draws may be trusted; how far they passed stands in an annex."""
    fits = run.diagnostics["fits"].values()
    missing = [fit for fit in fits if fit["status"] != "converged"]
    missed, main = len(missing), ("main", run.analysis.headline_prior)
    if missed and main not in {(fit["kind"], fit["prior"]) for fit in missing}:
        others = len(fits) - 1
        return (
            f"sampling converged in the main fit and in {others - missed} of {others} others; the"
            " table of diagnostics names the rest."
        )
    if missed:
        return f"sampling did NOT converge in {missed} of {len(fits)} fits."
    return (
        f"sampling converged in all {len(fits)} fits." if len(fits) > 1 else "sampling converged."
    )


def _left_out(run: Run) -> Iterator[str]:
    rows = run.rows(LooRow)
    if not rows:
        return
    high = sum(not row.pareto_k <= MAX_K for row in rows)
    yield (
        f"Leave-one-out: Pareto k is above {MAX_K:g} for {high} of {len(rows)} authority-years"
        f"{', where it is not to be relied on' if high else ''}."
    )
    yield from few_authorities(len({row.authority for row in rows}))


def _power_scaling(run: Run) -> Iterator[str]:
    every = run.rows(PowerScalingRow)
    rows = [row for row in every if row.is_effect and row.target == POOLED]
    if not rows:
        return
    most = max(rows, key=lambda row: row.prior)
    moved = "signs" if any(row.matters for row in rows) else "no sign"
    yield (
        f"Power-scaling: {moved} that a prior matters for the pooled effects (largest sensitivity"
        f" {shown(most.prior, 'number')}, 0.05 counts as one)."
    )


def _arm_weights(run: Run) -> Iterator[str]:
    """The pooled effect as it is, and with the data of either arm counted for half as much."""
    rows = [
        row
        for row in run.rows(ArmWeightRow)
        if row.target == POOLED and row.role in HEADLINES and row.scale == risk_scale(run)
    ]
    if not rows:
        return
    number = number_format(risk_scale(run), run.effects)
    unit = in_units(run.analysis, risk_scale(run))
    rows = [row for row in rows if row.role == rows[0].role]
    as_it_is = next(row for row in rows if row.arm == BOTH)
    moved = [
        f"{shown(row.median, number)} with the {row.arm}s' data"
        if row.pareto_k <= MAX_K
        else f"not to be had from the draws with the {row.arm}s' data"
        for row in rows
        if row.arm != BOTH
    ]
    yield (
        f"Weights: the pooled effect's median, {shown(as_it_is.median, number)} {unit}, is"
        f" {' and '.join(moved)} counted for half as much."
    )


def _tipping(run: Run) -> Iterator[str]:
    table = tipping_table(run, pilots=False)
    said = [str(row[1]) for row in table.rows]
    if said:
        yield f"The probability of an increase {'; '.join(said)}."
