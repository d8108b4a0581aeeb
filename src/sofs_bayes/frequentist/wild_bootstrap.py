"""The wild cluster bootstrap of one term of a linear regression, for few authorities.

A p-value is the share of statistics at least as large as the observed one, so that with all 2^G
sign patterns it is 2/2^G or more: the observed signs and their mirror image count. Of more
patterns than can be used as many are drawn at random.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.multilevel import authority_sums
from sofs_bayes.frequentist.terms import design
from sofs_bayes.frequentist.wild_limits import signs, wild_tests
from sofs_bayes.spec import ChildrenAnalysis, Regression

# More than England has authorities; with as many in both arms CR1 needs no bootstrap.
MOST_CLUSTERS = 200
# Enough for all sign patterns of 13 authorities.
DRAWS = 9999
BOOTSTRAP = "wild cluster bootstrap"


@dataclass(frozen=True, slots=True, kw_only=True)
class WildBootstrap:
    """A bootstrapped test and interval.

    Parameters
    ----------
    p_value
        Two-sided (symmetric), of no effect.
    lower, upper
        Values that are not rejected at 1 − level lie between them; infinite where none is.
    draws
        Sign patterns used. `enumerated`: all 2^G of them, so that no seed matters.
    """

    term: str
    estimate: float
    p_value: float
    lower: float
    upper: float
    level: float
    clusters: int
    draws: int
    enumerated: bool


def wild_bootstrap(
    matched: pd.DataFrame,
    analysis: ChildrenAnalysis,
    regression: Regression,
    term: str,
    *,
    level: float = 0.95,
    draws: int = DRAWS,
    seed: int | None = None,
) -> WildBootstrap:
    """The wild cluster bootstrap of a term of a linear regression clustered on authorities.

    Parameters
    ----------
    draws
        If there are no more sign patterns (2^G), all are used, each once.
    seed
        The analysis's, if not given.

    Raises
    ------
    BadInput
        The regression is not linear, not clustered on authorities or has random effects; it
        has no such term; there are more than `MOST_CLUSTERS` authorities.
    """
    if not has_bootstrap(regression):
        place = f"regressions.columns, {regression.name!r}"
        found = (
            f"{regression.model}, cluster {regression.cluster}, {regression.authorities} effects"
        )
        allowed = "linear, clustered on authority, without random effects"
        raise BadInput("the analysis", place, found, allowed)
    numbers = design(matched, analysis, regression)
    if term not in numbers.terms:
        raise BadInput("the regression", regression.name, f"no term {term!r}", "one of its terms")
    sums = authority_sums(numbers)
    count = len(sums.xx)
    if count > MOST_CLUSTERS:
        allowed = f"at most {MOST_CLUSTERS}"
        raise BadInput("matched referrals", "authority", f"{count} clusters", allowed)
    rng = np.random.default_rng(analysis.regressions.seed if seed is None else seed)
    weights = signs(count, draws, rng)
    weights[0] = 1.0  # the observed signs count, drawn or not: no p-value is 0
    tests = wild_tests(sums.xx, sums.xy, list(numbers.terms).index(term), weights)
    lower, upper = tests.interval(level)
    return WildBootstrap(
        term=term,
        estimate=tests.estimate,
        p_value=tests.p_value(0.0),
        lower=lower,
        upper=upper,
        level=level,
        clusters=count,
        draws=len(weights),
        enumerated=2**count <= draws,
    )


def has_bootstrap(regression: Regression) -> bool:
    """Whether there is one: of linear regressions clustered on authority, no random effects."""
    return (
        regression.model == "linear"
        and regression.cluster == "authority"
        and regression.authorities != "random"
    )
