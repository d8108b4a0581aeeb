"""The protocol's rules: which model, which errors, whether trends were parallel."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from sofs_bayes.errors import counted
from sofs_bayes.frequentist.assumptions import BreuschGodfrey, LeadsTest
from sofs_bayes.spec import ChildrenAnalysis

INTERVAL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A rule, what it was given, and the branch it takes.

    Parameters
    ----------
    measured, threshold
        What was compared with what.
    interval
        Of the measured number, where it has one.
    uncertain
        Whether the threshold lies in the interval (for leads: one lead more or less would
        decide otherwise), so that other data might have sent the analysis down another branch.
    why
        A sentence.
    """

    rule: Literal["model", "errors", "parallel trends"]
    measured: float
    threshold: float
    interval: tuple[float, float] | None
    branch: str
    uncertain: bool
    why: str


def choose_model(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> Decision:
    """Linear if the outcome's incidence is above the cut-off, else logistic beside linear.

    The incidence is that of the referrals, each counted once; its 95% interval is clustered on
    authorities (t with as many degrees of freedom as there are authorities, less one), and from
    0 to 1 where there is one.
    """
    share, reach = _clustered_share(matched.drop_duplicates("referral"))
    interval = (max(share - reach, 0.0), min(share + reach, 1.0))
    cutoff = analysis.regressions.incidence_cutoff
    linear = share > cutoff
    side = "above" if linear else "not above"
    uncertain = interval[0] <= cutoff <= interval[1]
    return Decision(
        rule="model",
        measured=share,
        threshold=cutoff,
        interval=interval,
        branch="linear" if linear else "logistic, and linear beside it",
        uncertain=uncertain,
        why=f"{_percent(share)} of referrals have the outcome (95% interval "
        f"{_percent(interval[0])} to {_percent(interval[1])}), {side} {_percent(cutoff)}"
        + (", which the interval includes." if uncertain else "."),
    )


def choose_errors(tested: BreuschGodfrey, analysis: ChildrenAnalysis) -> Decision:
    """Clustered and multilevel models if the Breusch–Godfrey test is significant."""
    level = analysis.regressions.level
    significant = tested.p_value < level
    return Decision(
        rule="errors",
        measured=tested.p_value,
        threshold=level,
        interval=None,
        branch="clustered and multilevel" if significant else "pooled",
        uncertain=False,
        why=f"The Breusch–Godfrey test of order 1 has p = {tested.p_value:.3g}, "
        f"{'below' if significant else 'not below'} {level:g}.",
    )


def judge_trends(tested: LeadsTest) -> Decision:
    """Parallel trends are met if most leads are not significant."""
    count, fine = len(tested.leads), tested.not_significant
    uncertain = any(
        (2 * other > count) != tested.met for other in (fine - 1, fine + 1) if 0 <= other <= count
    )
    return Decision(
        rule="parallel trends",
        measured=float(fine),
        threshold=count / 2,
        interval=None,
        branch="met" if tested.met else "not met",
        uncertain=uncertain,
        why=f"{fine} of {counted(count, 'lead')} are not significant at {tested.level:g}"
        + (", and one lead would decide otherwise." if uncertain else "."),
    )


def _clustered_share(referrals: pd.DataFrame) -> tuple[float, float]:
    """The share with the outcome, and how far its interval reaches to either side."""
    from scipy.special import stdtrit

    outcome = referrals["outcome"].to_numpy(np.float64)
    groups = pd.factorize(referrals["authority"], sort=True)[0]
    share, clusters = float(outcome.mean()), int(groups.max()) + 1
    if clusters == 1:
        return share, 1.0
    sums = np.bincount(groups, outcome - share)
    error = np.sqrt(clusters / (clusters - 1) * (sums @ sums)) / len(outcome)
    return share, float(stdtrit(clusters - 1, (1 + INTERVAL) / 2) * error)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"
