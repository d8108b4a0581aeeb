import math
from itertools import product

import numpy as np
import pytest
import xarray as xr
from scipy.special import expit

from sofs_bayes.bayes.did_arrays import DidArrays, without
from sofs_bayes.estimands.rates import rate_rows
from sofs_bayes.spec import Estimands, Statement

EXACT = 1e-12  # the same sums in another order
WANTED = Estimands(statements=(Statement(scale="risk", above=0.0),), level=0.8)


@pytest.fixture
def observed(arrays: DidArrays) -> xr.Dataset:
    """Counts with the settling-in years the fit leaves out; Glen is not seen in 2013."""
    events, denominators = arrays.events.copy(), arrays.denominators.copy()
    settling = (arrays.denominators == 0)[:3]
    events[:3][settling], denominators[:3][settling] = 3.0, 12.0
    unseen = arrays.denominators == 0
    unseen[:3] = False
    return xr.Dataset(
        {
            "events": (("authority", "year"), np.where(unseen, np.nan, events)),
            "denominator": (("authority", "year"), np.where(unseen, np.nan, denominators)),
            "events_symbol": (("authority", "year"), np.full(events.shape, "", dtype=object)),
        },
        coords={"authority": list(arrays.authorities), "year": list(arrays.years)},
    )


def test_rates_are_events_over_denominators(
    posterior: xr.Dataset, arrays: DidArrays, observed: xr.Dataset
) -> None:
    rows = rate_rows(posterior, arrays, observed, WANTED)
    assert [row.year for row in rows] == list(arrays.years)
    assert [row.period for row in rows] == ["pre", "pre", "settling-in", "post", "post"]
    for t, row in enumerate(rows):
        # Cranleigh still settles in the fourth year, in which the others are past it.
        pilots = range(2) if t == 3 else range(3)
        assert row.pilots == len(pilots)
        for rate, members in ((row.observed, pilots), (row.comparators, range(3, 7))):
            at = observed.isel(year=t)
            events = [float(at["events"][j]) for j in members]
            children = [float(at["denominator"][j]) for j in members]
            assert rate == pytest.approx(np.nansum(events) / np.nansum(children))


def test_counterfactual_rates_are_means_over_treated_children(
    posterior: xr.Dataset, arrays: DidArrays, observed: xr.Dataset
) -> None:
    rows = rate_rows(posterior, arrays, observed, WANTED)
    names = ("cell_logit", "effect", "pilot_effect_sd", "pilot_deviation")
    logit, effect, spread, deviation = (posterior[name].to_numpy() for name in names)
    for t, row in enumerate(rows):
        cells = [p for p in range(3) if arrays.treated[p, t]]
        if not cells:
            assert math.isnan(row.counterfactual)
            assert math.isnan(row.lower)
            assert math.isnan(row.upper)
            continue
        draws = []
        for chain, draw in product(range(2), range(40)):
            risks = []
            for p in cells:
                own = spread[chain, draw] * deviation[chain, draw, p]
                untreated = logit[chain, draw, p, t] - effect[chain, draw, 0] - own
                risks += [expit(untreated)] * int(arrays.denominators[p, t])
            draws.append(math.fsum(risks) / len(risks))
        assert row.counterfactual == pytest.approx(np.median(draws), abs=EXACT)
        assert [row.lower, row.upper] == pytest.approx(np.quantile(draws, [0.1, 0.9]), abs=1e-10)
        assert row.level == 0.8


def test_authorities_left_out_are_in_no_rate(
    posterior: xr.Dataset, arrays: DidArrays, observed: xr.Dataset
) -> None:
    left = without(arrays, ["Cranleigh", "Fern"])
    last = rate_rows(posterior, left, observed, WANTED)[-1]
    events, children = arrays.events[:, -1], arrays.denominators[:, -1]
    assert last.pilots == 2
    assert last.observed == pytest.approx(events[:2].sum() / children[:2].sum())
    kept = [3, 4, 6]
    assert last.comparators == pytest.approx(events[kept].sum() / children[kept].sum())


def test_a_year_in_which_no_pilot_was_seen_has_no_rate(
    posterior: xr.Dataset, arrays: DidArrays, observed: xr.Dataset
) -> None:
    gone = observed.copy(deep=True)
    gone["events"][:3, 2] = np.nan
    row = rate_rows(posterior, arrays, gone, WANTED)[2]
    assert row.pilots == 0
    assert math.isnan(row.observed)
    assert not math.isnan(row.comparators)
