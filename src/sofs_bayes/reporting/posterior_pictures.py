"""Runs of any kind → the figures of their posteriors: thresholds, prior to posterior."""

from collections.abc import Sequence

from sofs_bayes.estimands import NEW, POOLED
from sofs_bayes.estimands.rows import ThresholdRow
from sofs_bayes.reporting.contents.effects import extra_rows
from sofs_bayes.reporting.figures import Drawing, prior_posterior, threshold_curve
from sofs_bayes.reporting.run_folder import Run

BY_YEAR = "effect in year "
PER_UNIT = "effect per unit of the score"  # another unit than the other effects have
MOST_EFFECTS = 3  # panels of one picture, beyond which only the first effect is drawn
WHOSE = {
    POOLED: ("threshold-curve", "How probable is a larger effect?"),
    NEW: ("threshold-curve-new-authority", "How probable is a larger effect in a new authority?"),
}


def threshold_curves(run: Run) -> list[Drawing]:
    """For the pooled effect, and a new authority's: above each threshold, by prior."""
    return [
        threshold_curve(
            rows,
            statements=run.analysis.estimands.claims,
            equivalence=run.analysis.estimands.equivalence,
            title=title,
            evidence=run.evidence,
            status=run.status,
            name=name,
        )
        for target, (name, title) in WHOSE.items()
        if (rows := _rows_of(run, target))
    ]


def _rows_of(run: Run, target: str) -> Sequence[ThresholdRow]:
    rows = [
        row
        for row in extra_rows(run, "thresholds")
        if (row.target, row.scale) == (target, "risk")
        and not row.estimand.startswith(BY_YEAR)
        and row.estimand != PER_UNIT
    ]
    effects = list(dict.fromkeys(row.estimand for row in rows))
    if len(effects) > MOST_EFFECTS:
        rows = [row for row in rows if row.estimand == effects[0]]
    return rows


def prior_to_posterior(run: Run, *, title: str) -> list[Drawing]:
    """The densities of a run, none where it has no such rows."""
    rows = extra_rows(run, "densities")
    if not rows:
        return []
    return [
        prior_posterior(
            rows,
            thresholds=run.analysis.estimands.claims,
            title=title,
            evidence=run.evidence,
            status=run.status,
        )
    ]
