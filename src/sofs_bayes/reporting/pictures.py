"""Runs and audit → the figures that belong to them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sofs_bayes.estimands import POOLED, EffectRow
from sofs_bayes.reporting.contents.hierarchical import AFTER, headline
from sofs_bayes.reporting.figures import (
    Drawing,
    audit_brackets,
    event_study,
    pilot_forest,
    predictive,
    rate_and_counterfactual,
)
from sofs_bayes.reporting.hierarchical_pictures import hierarchical_drawings
from sofs_bayes.reporting.posterior_pictures import (
    assumptions_changed,
    prior_to_posterior,
    threshold_curves,
    under_each_prior,
)
from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.spec import HierarchicalAnalysis, OpenAnalysis, PrintedAnalysis

if TYPE_CHECKING:
    from sofs_bayes.published.audit import Audit

MAIN, BY_YEAR = "main", "by year"

# What the columns of the DfE files count, in words.
COUNTED: Mapping[str, str] = {
    "ICPC": "initial child protection conferences",
    "ICPC_child": "children with an initial conference",
    "Started_child": "children starting to be in need",
    "Started_episodes": "episodes of need started",
    "referral_count": "referrals",
    "referral_child_count": "children referred",
}


def drawings(run: Run) -> tuple[Drawing, ...]:
    """All figures of a run."""
    if isinstance(run.analysis, PrintedAnalysis):
        title = f"{run.analysis.outcome}: before and after the printed result"
        return (
            *prior_to_posterior(run, title=title),
            *under_each_prior(run),
            *threshold_curves(run),
            *assumptions_changed(run),
        )
    if isinstance(run.analysis, HierarchicalAnalysis):
        return hierarchical_drawings(run)
    return _open_drawings(run, run.analysis)


def brackets(audit: "Audit") -> tuple[Drawing, Drawing]:
    """The standard errors that the stars allow: of pilot and effect rows, and of all rows."""
    title = "Which standard errors do the printed stars allow?"
    main = [b for b in audit.brackets if b.row.startswith(("Pilot", "DiD"))]
    return (
        audit_brackets(main, title=title),
        audit_brackets(audit.brackets, title=title, name="audit-brackets-all"),
    )


def _open_drawings(run: Run, analysis: OpenAnalysis) -> tuple[Drawing, ...]:
    prior = next(iter(analysis.effect_priors))
    effects = [row for row in run.effects if row.scale == "risk" and row.prior == prior]
    mine = [row for row in effects if row.variant == MAIN]
    by_year = [row for row in effects if row.variant == BY_YEAR]
    words: dict[str, Any] = {
        "events": in_words(analysis.data.events).capitalize(),
        "denominator": in_words(analysis.data.denominator),
        "evidence": run.evidence,
        "status": run.status,
    }
    changed = [row for row in run.extra["sensitivity"][1] if row.scale == "risk"]
    pooled = [row for row in mine if row.target == POOLED]
    found = [
        pilot_forest(mine, title="Effect after settling-in, pilot by pilot"),
        rate_and_counterfactual(
            run.extra["rates"][1],
            title="The pilots' rate, and what it would have been",
            **words,
        ),
        event_study(by_year, title="Effect by year before and after settling-in"),
        predictive(
            run.extra["predictive"][1],
            title="Each authority-year beside its prediction",
            **words,
        ),
    ]
    if changed:
        found.append(_changes([*changed, *pooled]))
    title = "The pooled effect before and after the data"
    return (
        *found,
        *under_each_prior(run),
        *threshold_curves(run),
        *prior_to_posterior(run, title=title),
    )


def _changes(rows: Sequence[EffectRow]) -> Drawing:
    return pilot_forest(
        rows,
        title="The pooled effect without, or with, single authorities",
        label=lambda row: row.variant,
        apart=lambda row: row.variant == MAIN,
        name="leave-one-out",
    )


def in_words(column: str) -> str:
    """What a column counts; the column's own name where no words are known."""
    return COUNTED.get(column, column)


def comparison(runs: Sequence[Run]) -> Drawing:
    """The pooled effects of several runs on the risk scale, first prior, one line each."""
    rows: list[EffectRow] = []
    names: dict[int, str] = {}  # by identity: two runs may have found the very same numbers
    for run in runs:
        prior = next(iter(run.analysis.effect_priors))
        pooled = [
            row
            for row in run.effects
            if (row.scale, row.prior, row.target) == ("risk", prior, POOLED)
            and row.estimand.startswith("effect")
            and row.variant != BY_YEAR
        ]
        for row in headline(pooled) if run.analysis.kind == "hierarchical" else pooled:
            rows.append(row)
            names[id(row)] = _line_name(run, row)
    return pilot_forest(
        rows,
        title="The pooled effect, one source beside the other",
        label=lambda row: names[id(row)],
        apart=lambda _: False,
        order="given",
        name="comparison",
    )


def _line_name(run: Run, row: EffectRow) -> str:
    if run.analysis.kind == "printed" and len({r.variant for r in run.effects}) > 1:
        return f"{run.analysis.name}: {row.variant}"
    if run.analysis.kind == "hierarchical" and row.estimand != AFTER:
        return f"{run.analysis.name}: {row.estimand}"
    return run.analysis.name
