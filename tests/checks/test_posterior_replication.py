"""Tests of the posterior of a column beside its printed and estimated coefficients."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr

from sofs_bayes import spec
from sofs_bayes.checks.posterior_replication import PosteriorsOfColumn, posterior_beside
from sofs_bayes.frequentist.did import DidFit
from sofs_bayes.spec import HierarchicalAnalysis
from sofs_bayes.tables.contents.posterior_replication import posterior_tables
from sofs_bayes.tables.contents.within import BETWEEN, PRIORS, SAME, THREE
from sofs_bayes.tables.model import lines_of

TERMS = ("intercept", "pilot", "did")
ESTIMATES, ERROR = np.array([0.13, -0.06, 0.04]), 0.02


@pytest.fixture(scope="module")
def analysis() -> HierarchicalAnalysis:
    found = spec.load("icpc-linear")
    assert isinstance(found, HierarchicalAnalysis)
    return found


def fits(error: float = ERROR, within: float = 0.05) -> dict[str, DidFit]:
    whole: dict[str, Any] = {"errors": "", "clusters": None, "rows": 1, "referrals": 1}
    one = DidFit(
        name="Linear model",
        model="linear",
        terms=TERMS,
        coefficients=ESTIMATES,
        covariance=np.eye(3) * error**2,
        degrees_of_freedom=np.full(3, np.inf),
        children=1,
        r_squared=None,
        log_likelihood=0.0,
        dispersion=1.0,
        **whole,
    )
    return {
        "none": one,
        "child": replace(one, covariance=4 * one.covariance),
        "authority": replace(one, covariance=9 * one.covariance),
        "within": replace(
            one,
            terms=("intercept", "did"),
            coefficients=np.array([0.13, within]),
            covariance=np.eye(2),
        ),
    }


def draws(shift: float = 0.0, spread: float = 1.0, status: str = "converged") -> PosteriorsOfColumn:
    random = np.random.default_rng(3).standard_normal((4, 2000, 3))
    random = (random - random.mean((0, 1))) / random.std((0, 1))

    def of(sd: float, moved: float) -> xr.DataArray:
        values = ESTIMATES + moved * ERROR + sd * ERROR * random
        return xr.DataArray(values, dims=("chain", "draw", "term"), coords={"term": list(TERMS)})

    return PosteriorsOfColumn(
        regression=of(spread, shift),
        no_shocks=of(2.0, 0.0),
        hierarchical=of(3.0, 1.0),
        status=status,
    )


def test_a_posterior_like_the_estimate_agrees_and_the_wider_one_is_said_to_be(
    analysis: HierarchicalAnalysis,
) -> None:
    rows = {row.term: row for row in posterior_beside(analysis, fits(), draws())}
    did = rows["did"]
    assert set(rows) == set(TERMS)
    assert did.published == 0.0407
    assert did.met
    assert did.error_child == pytest.approx(2 * ERROR)
    assert did.error_authority == pytest.approx(3 * ERROR)
    assert did.wider == pytest.approx(3.0, rel=1e-6)
    assert did.lower < did.hierarchical_mean < did.upper


@pytest.mark.parametrize(("shift", "spread"), [(0.2, 1.0), (-0.2, 1.0), (0.0, 1.2), (0.0, 0.8)])
def test_a_mean_or_sd_that_is_off_does_not_agree(
    analysis: HierarchicalAnalysis, shift: float, spread: float
) -> None:
    rows = posterior_beside(analysis, fits(), draws(shift, spread))
    assert not any(row.met for row in rows)


def test_draws_that_were_refused_mark_every_row(analysis: HierarchicalAnalysis) -> None:
    rows = posterior_beside(analysis, fits(), draws(status="not converged"))
    assert {row.status for row in rows} == {"not converged"}


def test_an_error_that_too_few_authorities_do_not_give_is_a_gap(
    analysis: HierarchicalAnalysis,
) -> None:
    few = fits()
    nothing = np.full_like(few["authority"].covariance, np.nan)
    few["authority"] = replace(few["authority"], covariance=nothing)
    (table,) = posterior_tables(
        posterior_beside(analysis, few, draws()), analysis.children, "records"
    )
    assert all("; –)" in line.cells[2] and "nan" not in str(line.cells) for line in lines_of(table))


@pytest.mark.parametrize(
    ("within", "hierarchical", "why"),
    [(0.05, 0.06, SAME), (-0.06, -0.02, BETWEEN), (0.05, 0.12, PRIORS), (-0.06, 0.15, THREE)],
)
def test_a_sentence_says_why_effects_differ(
    analysis: HierarchicalAnalysis, within: float, hierarchical: float, why: str
) -> None:
    drawn = draws()
    moved = drawn.hierarchical + (hierarchical - float(drawn.hierarchical.sel(term="did").mean()))
    found = posterior_beside(analysis, fits(within=within), replace(drawn, hierarchical=moved))
    (table,) = posterior_tables(found, analysis.children, "records")
    assert table.notes[0].startswith(why)
    by_row = {line.cells[0]: line.cells[3] for line in lines_of(table)}
    assert by_row["Pilot LA"] == "–"
    assert by_row["DiD (pilot LA * post settling-in period)"].startswith(
        f"{within:.4f}".replace("-", "−")
    )
