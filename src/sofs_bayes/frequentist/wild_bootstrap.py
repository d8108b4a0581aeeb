"""The wild cluster bootstrap of one term of a linear model, for few authorities.

The package wildboottest draws: null imposed, Rademacher weights, t from CR1 (`WCR11` of
MacKinnon, Nielsen and Webb 2023). A p-value is the share of statistics at least as large as the
observed one, so that with all 2^G sign patterns it is 2/2^G or more: the observed signs and
their mirror image count, which wildboottest's own number leaves to rounding. Least squares with
weights w is least squares of √w y on √w X, and the bootstrap depends on a cluster through its
cross-products alone, so that each cluster is first reduced to its k + 1 rows of a QR
decomposition.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.clustering import rows_by_cluster
from sofs_bayes.frequentist.did import fit
from sofs_bayes.frequentist.terms import Design, design
from sofs_bayes.spec import ChildrenAnalysis, Regression

Floats = npt.NDArray[np.float64]

# With more clusters CR1 needs no bootstrap.
MOST_CLUSTERS = 50
# Bootstrap statistics that equal the observed one (all signs kept, all signs turned) differ from
# it by rounding.
ROUNDING = 1e-9
# Limits are found to this share of a standard error, and looked for up to so many of them.
PRECISION, FARTHEST = 1e-3, 32.0


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reduced:
    """Rows that have each cluster's weighted cross-products."""

    terms: Floats
    outcome: Floats
    cluster: npt.NDArray[np.int64]
    column: int
    draws: int
    seed: int


def wild_bootstrap(
    matched: pd.DataFrame,
    analysis: ChildrenAnalysis,
    regression: Regression,
    term: str,
    *,
    level: float = 0.95,
    draws: int = 9999,
    seed: int | None = None,
) -> WildBootstrap:
    """The wild cluster bootstrap of a term of a linear regression clustered on authorities.

    Parameters
    ----------
    draws
        If there are fewer sign patterns (2^G), all are used, each once.
    seed
        The analysis's, if not given.

    Raises
    ------
    BadInput
        The regression is not linear, not clustered on authorities or has random effects; it
        has no such term; there are more than `MOST_CLUSTERS` authorities.
    """
    _check(regression)
    numbers = design(matched, analysis, regression)
    fitted = fit(matched, analysis, regression, correction="CR1")
    if term not in fitted.terms:
        raise BadInput("the regression", regression.name, f"no term {term!r}", "one of its terms")
    count = int(numbers.authority.max()) + 1
    if count > MOST_CLUSTERS:
        allowed = f"at most {MOST_CLUSTERS}"
        raise BadInput("matched referrals", "authority", f"{count} clusters", allowed)
    reduced = _reduced(
        numbers,
        fitted.terms.index(term),
        draws,
        analysis.regressions.seed if seed is None else seed,
    )
    estimate, error = fitted.coefficient(term), fitted.standard_error(term)
    return WildBootstrap(
        term=term,
        estimate=estimate,
        p_value=_p_value(reduced, 0.0),
        lower=_limit(reduced, estimate, -error, 1 - level),
        upper=_limit(reduced, estimate, error, 1 - level),
        level=level,
        clusters=count,
        draws=min(draws, 2**count),
        enumerated=2**count < draws,
    )


def _check(regression: Regression) -> None:
    place = f"regressions.columns, {regression.name!r}"
    found = (regression.model, regression.cluster, regression.authorities)
    if regression.model != "linear" or regression.cluster != "authority":
        raise BadInput("the analysis", place, ", ".join(found), "linear, clustered on authority")
    if regression.authorities == "random":
        raise BadInput("the analysis", place, "random effects", "no or fixed effects")


def _reduced(numbers: Design, column: int, draws: int, seed: int) -> _Reduced:
    root = np.sqrt(numbers.weights)
    whole = np.column_stack([numbers.terms.to_numpy(), numbers.outcome]) * root[:, None]
    blocks = [np.linalg.qr(whole[rows], mode="r") for rows in rows_by_cluster(numbers.authority)]
    stacked = np.vstack(blocks)
    return _Reduced(
        terms=stacked[:, :-1],
        outcome=stacked[:, -1],
        cluster=np.repeat(np.arange(len(blocks)), [len(block) for block in blocks]),
        column=column,
        draws=draws,
        seed=seed,
    )


def _p_value(reduced: _Reduced, value: float) -> float:
    """Of the term being `value`: wildboottest tests 0, so the outcome is shifted."""
    from wildboottest.wildboottest import WildboottestCL

    chosen = np.zeros(reduced.terms.shape[1])
    chosen[reduced.column] = 1.0
    test = WildboottestCL(
        X=reduced.terms,
        Y=reduced.outcome - value * reduced.terms[:, reduced.column],
        cluster=reduced.cluster,
        R=chosen,
        B=reduced.draws,
        seed=reduced.seed,
        parallel=False,
    )
    test.get_scores(bootstrap_type="11", impose_null=True)
    test.get_weights(weights_type="rademacher")
    test.get_numer()
    test.get_denom()
    test.get_tboot()
    test.get_vcov()
    test.get_tstat()
    return float(np.mean(np.abs(test.t_boot) >= abs(float(test.t_stat)) * (1 - ROUNDING)))


def _limit(reduced: _Reduced, estimate: float, step: float, size: float) -> float:
    """Where the p-value falls to `size`, going from the estimate in steps of growing length."""
    from scipy.optimize import brentq

    inside, reach = 0.0, 2.0
    while _p_value(reduced, estimate + reach * step) > size:
        inside, reach = reach, 2 * reach
        if reach > FARTHEST:
            return float(np.copysign(np.inf, step))
    beyond = brentq(
        lambda at: _p_value(reduced, estimate + at * step) - size - ROUNDING,
        inside,
        reach,
        xtol=PRECISION,
    )
    return estimate + float(beyond) * step
