"""How often children count in a likelihood: what sums over them are multiplied by."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.frequentist.term import PILOT
from sofs_bayes.spec import HierarchicalAnalysis

Floats = npt.NDArray[np.float64]


def weight_factors(
    frame: pd.DataFrame,
    rows: Floats,
    weight: Floats,
    squares: float,
    analysis: HierarchicalAnalysis,
) -> Floats:
    """What each row's sums are multiplied by, so that children count as often as they should.

    Weighted: all by one number. Unweighted: a comparator's rows by their mean weight, which is
    1 / multiplicity on average; pilots' rows by 1.
    """
    if analysis.model.weights == "likelihood":
        sums = {
            "effective size": weight.sum() ** 2 / squares,
            "rows": rows.sum(),
            "weights": weight.sum(),
        }
        wanted = sums[analysis.model.weights_sum_to]
        return np.full(len(rows), wanted / weight.sum())
    arm = frame[PILOT].to_numpy(np.int64)
    shares = np.bincount(arm, weight, 2) / np.bincount(arm, rows, 2).clip(min=1.0)
    return np.asarray(shares[arm], dtype=np.float64)
