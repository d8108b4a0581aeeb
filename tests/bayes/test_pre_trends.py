"""The leads' own noise is taken out of how far trends departed before settling-in."""

from dataclasses import replace

import numpy as np
import pytest
from statsmodels.regression.linear_model import WLS
from tests.counts import observed

from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.open_counts import open_cell_data
from sofs_bayes.bayes.pre_trends import NO_LEADS, Leads, departure_sd, leads_of
from sofs_bayes.spec import Departure

YEARS = range(2010, 2018)
NAMES = [f"Authority {i:02d}" for i in range(40)]
PILOTS = dict.fromkeys(NAMES[:10], (2015, 2015))
PRIOR = Departure(multiple=2.0, why="Twice as far as before.")
# Between estimated variances and those of 400 repetitions: three of their standard errors, and
# what CR1 is too small by with ten pilots.
ALIKE = 0.35
SHOCK, LEVEL = 0.3, 0.8


@pytest.fixture(scope="module")
def data() -> CellData:
    shape = (len(NAMES), len(YEARS))
    counts = observed(np.full(shape, 30.0), np.full(shape, 100.0), NAMES, YEARS, PILOTS)
    return open_cell_data(counts, effect="by year")


def made(data: CellData, rng: np.random.Generator, departures: np.ndarray | None = None) -> Leads:
    """The leads of paths that differ by levels and shocks alone, and by departures if any."""
    level = rng.normal(0.0, LEVEL, len(data.authorities))
    shock = rng.normal(0.0, SHOCK, (len(data.authorities), len(data.years)))
    centre = level[data.authority] + shock[data.authority, data.year]
    if departures is not None:
        pilot = data.cells["pilot"].to_numpy() == 1
        centre = centre + pilot * np.r_[departures, np.zeros(9)][data.year]
    return leads_of(replace(data, centre=centre))


def test_errors_of_leads_are_those_of_repetitions(data: CellData) -> None:
    rng = np.random.default_rng(1)
    found = [made(data, rng) for _ in range(400)]
    values = np.array([each.values for each in found])
    assert values.shape[1] == 4
    variance = np.mean([np.diag(each.covariance) for each in found], axis=0)
    assert variance == pytest.approx(values.var(axis=0), rel=ALIKE)


def test_errors_of_leads_are_those_of_statsmodels(data: CellData) -> None:
    """Least squares clustered on authorities, times G / (G - 1)."""
    rng = np.random.default_rng(4)
    weight = rng.uniform(5.0, 50.0, len(data.curvature))
    varied = replace(data, centre=rng.normal(0.0, 1.0, len(weight)), curvature=weight)
    found, used = leads_of(varied), data.design.any(axis=0)
    solved = WLS(varied.centre, data.design[:, used], weights=weight).fit(
        cov_type="cluster", cov_kwds={"groups": data.authority, "use_correction": False}
    )
    terms = np.array(data.terms)[used]
    leads = np.flatnonzero([name.startswith("lead") for name in terms])
    np.testing.assert_allclose(found.values, solved.params[leads], atol=1e-10)
    groups = len(NAMES)
    expected = groups / (groups - 1) * solved.cov_params()[np.ix_(leads, leads)]
    np.testing.assert_allclose(found.covariance, expected, atol=1e-10)


def test_leads_that_are_noise_say_less_than_their_size(data: CellData) -> None:
    rng = np.random.default_rng(2)
    found = [made(data, rng) for _ in range(200)]
    squares = np.mean([each.root_mean_square**2 for each in found])
    assert squares < 0.75 * np.mean([np.mean(each.values**2) for each in found])


def test_departures_that_stand_out_of_the_noise_stay(data: CellData) -> None:
    departures = np.array([0.9, -0.9, 0.9, -0.9, 0.0])
    rng = np.random.default_rng(3)
    found = np.mean([made(data, rng, departures).root_mean_square for _ in range(50)])
    assert found == pytest.approx(0.9, rel=0.1)


def test_the_prior_is_a_multiple_between_the_noise_and_the_leads() -> None:
    covariance = np.array([[0.04, 0.01], [0.01, 0.09]])
    for size, squared in ((0.1, 0.01), (0.2, 0.065 / 2), (0.3, 0.065 / 2), (0.4, 0.16 - 0.065)):
        leads = Leads(values=np.array([size, -size]), covariance=covariance)
        assert departure_sd(leads, PRIOR) == pytest.approx(2.0 * np.sqrt(squared))
    sure = Leads(values=np.array([0.3, 0.4]), covariance=np.zeros((2, 2)))
    assert departure_sd(sure, PRIOR) == pytest.approx(2.0 * np.sqrt(0.125))
    assert departure_sd(sure, None) is None
    assert departure_sd(NO_LEADS, PRIOR) is None
