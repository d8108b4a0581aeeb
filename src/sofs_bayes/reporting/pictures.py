"""Runs and audit → the figures that belong to them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sofs_bayes.estimands import EffectRow
from sofs_bayes.reporting.contents.effects import main_rows
from sofs_bayes.reporting.contents.hierarchical import headline
from sofs_bayes.reporting.figures import (
    Drawing,
    audit_brackets,
    pilot_forest,
)
from sofs_bayes.reporting.hierarchical_pictures import hierarchical_drawings
from sofs_bayes.reporting.posterior_pictures import (
    assumptions_changed,
    prior_to_posterior,
    threshold_curves,
    under_each_prior,
)
from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.spec import PrintedAnalysis
from sofs_bayes.spec.keys import AFTER

if TYPE_CHECKING:
    from sofs_bayes.published.audit import Audit


def drawings(run: Run) -> tuple[Drawing, ...]:
    """All figures of a run."""
    if isinstance(run.analysis, PrintedAnalysis):
        title = f"{run.analysis.outcome}: prior and posterior"
        return (
            *prior_to_posterior(run, title=title),
            *under_each_prior(run),
            *threshold_curves(run),
            *assumptions_changed(run),
        )
    return hierarchical_drawings(run)


def brackets(audit: "Audit") -> tuple[Drawing, Drawing]:
    """The standard errors that the stars allow: of pilot and effect rows, and of all rows."""
    title = "Which standard errors do the printed stars allow?"
    main = [b for b in audit.brackets if b.row.startswith(("Pilot", "DiD"))]
    return (
        audit_brackets(main, title=title),
        audit_brackets(audit.brackets, title=title, name="audit-brackets-all"),
    )


def comparison(runs: Sequence[Run]) -> Drawing:
    """The pooled effects of several runs on the risk scale, first prior, one line each."""
    rows: list[EffectRow] = []
    names: dict[int, str] = {}  # by identity: two runs may have found the very same numbers
    for run in runs:
        pooled = main_rows(run, "risk", pooled=True)
        for row in pooled if run.analysis.kind == "printed" else headline(pooled):
            rows.append(row)
            names[id(row)] = _line_name(run, row)
    return pilot_forest(
        rows,
        title="The pooled effect: sources side by side",
        label=lambda row: names[id(row)],
        apart=lambda _: False,
        order="given",
        name="comparison",
    )


def _line_name(run: Run, row: EffectRow) -> str:
    if run.analysis.kind == "printed" and len({r.variant for r in run.effects}) > 1:
        return f"{run.analysis.name}: {row.variant}"
    if run.analysis.kind == "hierarchical" and row.role != AFTER:
        return f"{run.analysis.name}: {row.estimand}"
    return run.analysis.name
