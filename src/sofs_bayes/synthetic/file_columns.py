"""Made-up referrals → the columns of a file of referrals, as an analysis names them."""

import numpy as np
import pandas as pd

from sofs_bayes.spec import ChildrenAnalysis, OutcomeWindow
from sofs_bayes.spec.seeds import stream
from sofs_bayes.synthetic.covariates import Floats

SHORTEST_MONTH = 28


def referrals_file(
    referrals: pd.DataFrame, outcome: Floats, analysis: ChildrenAnalysis, *, seed: int
) -> pd.DataFrame:
    """Referrals with the columns of a file, outcomes as dates within the window (or flags).

    `outcome`: 0 or 1, shape (referrals,).
    """
    records, columns = analysis.records, analysis.records.columns
    file = {
        columns.child: referrals["child"],
        columns.authority: referrals["authority"],
        columns.referral_date: referrals["referral_date"],
    }
    if columns.outcome_flag is not None:
        file[columns.outcome_flag] = pd.Series(outcome.astype(np.int64), index=referrals.index)
    else:
        days = stream(seed, "outcome dates").integers(
            1, _whole_days(records.window), endpoint=True, size=len(outcome)
        )
        dates = referrals["referral_date"] + pd.to_timedelta(days, unit="D")
        file[columns.outcome_date or ""] = dates.where(outcome == 1)
    if columns.weight is not None:
        file[columns.weight] = pd.Series(1.0, index=referrals.index)  # simulated ones count alike
    for each in records.covariates:
        file[each.in_file] = referrals[each.name]
    return pd.DataFrame(file)


def _whole_days(window: OutcomeWindow) -> int:
    """Days that are inside the window whenever it begins."""
    return window.days or (window.months or 0) * SHORTEST_MONTH
