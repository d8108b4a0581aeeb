"""What every table of a publication says of an effect: its chances, errors and words."""

from collections.abc import Iterable

from sofs_bayes.estimands import EffectRow, ProbabilityRow
from sofs_bayes.reporting.contents.monte_carlo import NAN
from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.spec import Evidence, HierarchicalAnalysis, OpenAnalysis

# Of tables that mix evidences: the one whose warning must not be missed comes first.
GRAVEST: tuple[Evidence, ...] = (
    "synthetic",
    "records",
    "open-data",
    "published-inferred",
    "published",
)


def above_zero(run: Run, row: EffectRow) -> tuple[float | None, float]:
    """The probability that an effect is above 0, with its Monte Carlo error (NaN if unknown).

    None where the run says nothing about it. An effect's log-odds are above 0 where its change in
    risk is: where the run asks only on one of these scales, that answer is given.
    """
    asked = (row.estimand, row.target, row.prior, row.variant)
    found = {
        each.scale: each
        for each in run.probabilities
        if (each.estimand, each.target, each.prior, each.variant) == asked
        and each.statement in ("above 0 pp", "above 0 (log-odds)")
    }
    chance: ProbabilityRow | None = found.get(row.scale) or next(iter(found.values()), None)
    return (None, NAN) if chance is None else (chance.probability, chance.mcse)


def gravest(evidences: Iterable[Evidence]) -> Evidence:
    """Of the evidences of a table's lines, the one that its last line has to name."""
    present = set(evidences)
    return next(each for each in GRAVEST if each in present)


def overall(statuses: Iterable[str]) -> str:
    """`converged` if all are."""
    return "converged" if all(each == "converged" for each in statuses) else "not converged"


def model_in_words(run: Run) -> str:
    """What kind of posterior a run is, in a few words."""
    if isinstance(run.analysis, HierarchicalAnalysis):
        linear = run.analysis.model.likelihood == "gaussian"
        return f"hierarchical {'linear' if linear else 'logistic'} model of children"
    if isinstance(run.analysis, OpenAnalysis):
        return "hierarchical model of open counts"
    return "posterior from print"
