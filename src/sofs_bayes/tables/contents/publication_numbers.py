"""What every table of a publication says of an effect: its chances, errors and words."""

from collections.abc import Iterable, Sequence

from sofs_bayes.estimands import EffectRow, ProbabilityRow
from sofs_bayes.estimands.rows import OfFit, ThresholdRow
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import Evidence
from sofs_bayes.tables.contents.monte_carlo import NAN

ABOVE_ZERO = ("above 0 pp", "above 0 per 10,000", "above 0 (log-odds)", "above 0 (units)")
NOT_OF_RISK = ("log-odds", "units")  # scales on which no effect is 0
# Of tables that mix evidences: the one whose warning must not be missed comes first.
GRAVEST: tuple[Evidence, ...] = (
    "synthetic",
    "records",
    "unknown-origin",
    "open-data",
    "published-inferred",
    "published",
)


def stated(run: Run, row: EffectRow) -> dict[str, ProbabilityRow]:
    """The probabilities of all statements about an effect, on whichever scale, by their text."""
    return {each.statement: each for each in _about(run.probabilities, row)}


def thresholds_of(run: Run, row: EffectRow) -> list[ThresholdRow]:
    """The thresholds of an effect, on every scale that the run has them on."""
    rows: Sequence[ThresholdRow] = run.rows(ThresholdRow)
    return _about(rows, row)


def _about[R: OfFit](rows: Sequence[R], row: EffectRow) -> list[R]:
    """The rows that are about the same effect, on whichever scale, of the same fit."""
    some = [each for each in rows if (each.target, each.prior) == (row.target, row.prior)]
    asked = (row.effect, row.variant)
    return [each for each in some if (each.effect, each.variant) == asked]


def above_zero(run: Run, row: EffectRow) -> tuple[float | None, float]:
    """The probability that an effect is above 0, with its Monte Carlo error (NaN if unknown).

    None where the run says nothing about it, in statements or thresholds. Where the
    run asks only on the other of the scales of risk and log-odds, that answer is given: the two
    are above 0 together, but for draws in which pilots move in opposite directions.
    """
    found: dict[str, tuple[float, float]] = {}
    for line in thresholds_of(run, row):
        if line.threshold == 0.0 and (line.estimand.is_of_risk or line.scale in NOT_OF_RISK):
            found[line.scale] = (line.above, line.mcse)
    said = stated(run, row)
    for each in (said[text] for text in ABOVE_ZERO if text in said):
        found[each.scale] = (each.probability, each.mcse)
    return found.get(row.scale) or next(iter(found.values()), (None, NAN))


def gravest(evidences: Iterable[Evidence]) -> Evidence:
    """Of the evidences of a table's lines, the one that its last line has to name."""
    present = set(evidences)
    return next(each for each in GRAVEST if each in present)


def overall(statuses: Iterable[str]) -> str:
    """`converged` if all are."""
    return "converged" if all(each == "converged" for each in statuses) else "not converged"
