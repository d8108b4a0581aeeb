"""The likelihood from cells is that of the referrals: nothing a model could use was lost."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.likelihood import bernoulli_logit, gaussian

from sofs_bayes.cells.collapse import collapse
from sofs_bayes.cells.dataset import KEYS, Cells, frame_of, with_authority_covariates
from sofs_bayes.spec import ChildrenAnalysis

# The sums have the same terms in another order.
EQUAL = 1e-10

REFERRALS = 3000


@pytest.fixture(scope="module", params=[False, True], ids=["whole ages", "fine ages"])
def both(
    request: pytest.FixtureRequest,
    analysis: ChildrenAnalysis,
    make_matched: Callable[..., pd.DataFrame],
) -> tuple[pd.DataFrame, Cells]:
    matched = make_matched(analysis, referrals=REFERRALS, fine_age=request.param)
    matched["age"] = matched["age"].where(matched["referral"] % 20 > 0)
    return matched, collapse(matched, analysis, evidence="synthetic")


def linear_predictor(frame: pd.DataFrame, parameters: np.ndarray) -> np.ndarray:
    """Some function of all that patterns tell apart, linear in nothing in particular."""
    a, b, c, d, e, f, g, h = parameters
    authority = frame["authority"].astype(str).map({"North": 1, "South": -1}).fillna(0.3)
    return np.asarray(
        a
        + b * frame["pilot"] * frame["post"]
        + c * np.sin(frame["years_since"] + authority)
        + d * (frame["year"] - 2015)
        + e * (frame["gender"].astype(str) == "female")
        + f * np.cos(frame["age"].fillna(-3.0))
        + g * (frame["need"].astype(str) == "missing")
        + h * (frame["assessments"] - 1000) / 100,
        dtype=np.float64,
    )


parameters = st.lists(st.floats(-2, 2), min_size=8, max_size=8).map(np.array)


@given(parameters=parameters, weighted=st.booleans())
@settings(max_examples=15, deadline=None)
def test_the_binomial_likelihood_of_counts_is_that_of_referrals(
    both: tuple[pd.DataFrame, Cells], parameters: np.ndarray, weighted: bool
) -> None:
    matched, cells = both
    eta = linear_predictor(matched, parameters)
    each = matched["outcome"] * eta - np.logaddexp(0, eta)
    expected = (each * (matched["weight"] if weighted else 1.0)).sum()
    frame = with_authority_covariates(frame_of(cells.patterns, "pattern"), cells.authorities)
    n, events = ("weight", "weighted_events") if weighted else ("n", "events")
    found = bernoulli_logit(
        linear_predictor(frame, parameters),
        n=frame[n].to_numpy(float),
        events=frame[events].to_numpy(float),
    )
    assert found == pytest.approx(expected, rel=EQUAL)


@given(
    coefficients=st.lists(st.floats(-1, 1), min_size=8, max_size=8).map(np.array),
    cell_effects=st.integers(0, 2**32 - 1),
    sigma=st.floats(0.05, 5),
    weighted=st.booleans(),
)
@settings(max_examples=15, deadline=None)
def test_the_gaussian_likelihood_of_products_is_that_of_referrals(
    both: tuple[pd.DataFrame, Cells],
    coefficients: np.ndarray,
    cell_effects: int,
    sigma: float,
    weighted: bool,
) -> None:
    """With an intercept of its own for each cell, so that the sum is over cells."""
    matched, cells = both
    assert cells.products is not None
    keys = frame_of(cells.products, "cell").astype({"group": str, "authority": str})
    effect = np.random.default_rng(cell_effects).normal(size=len(keys))
    rows = matched.merge(keys.assign(effect=effect), on=list(KEYS))
    regressors = np.column_stack(
        [
            np.ones(len(rows)),
            rows["gender"] == "female",
            rows["gender"] == "missing",
            rows["age"].fillna(8.0) - 8.0,
            rows["age"].isna(),
            *(rows["need"] == level for level in ("disability", "other", "missing")),
        ]
    )
    error = rows["outcome"] - rows["effect"] - regressors @ coefficients
    weight = rows["weight"].to_numpy() if weighted else np.ones(len(rows))
    each = -np.log(sigma * np.sqrt(2 * np.pi)) - error**2 / (2 * sigma**2)
    found = sum(
        gaussian(
            coefficients + np.eye(8)[0] * effect[c],
            sigma,
            n=sums[0, 0],
            xx=sums[:-1, :-1],
            xy=sums[:-1, -1],
            yy=sums[-1, -1],
        )
        for c, sums in enumerate(cells.products["weighted" if weighted else "unweighted"].values)
    )
    assert found == pytest.approx((weight * each).sum(), rel=EQUAL)


def test_coarser_counts_are_not_sufficient(
    analysis: ChildrenAnalysis, matched: pd.DataFrame
) -> None:
    """The check that the equality above could fail: the same with ages in bands."""
    cells = collapse(matched, analysis, bands=True, products=False, evidence="synthetic")
    frame = with_authority_covariates(frame_of(cells.patterns, "pattern"), cells.authorities)
    middle = {"up to 4.5": 2.0, "above 4.5 to 12.5": 8.0, "above 12.5": 15.0}
    frame["age"] = frame["age band"].astype(str).map(middle)
    chosen = np.full(8, 0.5)
    eta = linear_predictor(matched, chosen)
    expected = (matched["outcome"] * eta - np.logaddexp(0, eta)).sum()
    found = bernoulli_logit(
        linear_predictor(frame, chosen),
        n=frame["n"].to_numpy(float),
        events=frame["events"].to_numpy(float),
    )
    assert found != pytest.approx(expected, rel=1e-4)
