"""Counts of whole authorities by year → cells with one pattern, as the model sees them."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from sofs_bayes.bayes.cell_data import CellData, check_events, of_expansion
from sofs_bayes.bayes.expansion import Counts, expand
from sofs_bayes.bayes.patterns import Patterns
from sofs_bayes.frequentist.term import DID, INTERCEPT, PILOT, since_name

Floats = npt.NDArray[np.float64]
Effect = Literal["constant", "by year"]

REFERENCE = -1  # the last year before settling-in


def open_cell_data(counts: xr.Dataset, *, effect: Effect = "constant") -> CellData:
    """What the model sees of open counts: a cell is an authority in a year.

    The terms are the intercept, a dummy for each year but the first, the pilots' difference and
    the effect: `did`, and a dummy for each of the pilots' years since settling-in but -1. The
    effect is in use as one term or by year; columns of the other are zero, so that one compiled
    graph serves both.

    Parameters
    ----------
    counts
        Over `cell`: authority, year, events, denominator, is_pilot, period, years_since, as
        `matching.authorities.did_cells` gives them.
    effect
        `constant` (one effect after settling-in) or `by year` (one per year since).

    Raises
    ------
    BadInput
        Pilots or comparators without events, or with nothing else.
    """
    frame = counts.to_dataframe().reset_index(drop=True)
    pilot, n, events = (
        frame[c].to_numpy(np.float64) for c in ("is_pilot", "denominator", "events")
    )
    for code, arm in ((1, "pilots"), (0, "comparators")):
        check_events(arm, events[pilot == code].sum(), n[pilot == code].sum(), "counts")
    cells = pd.DataFrame(
        {
            "authority": frame["authority"].astype(str).to_numpy(object),
            "year": frame["year"].to_numpy(np.int64),
            "pilot": pilot.astype(np.int64),
            "treated": (frame["period"] == "post").to_numpy(np.int64),
            "children": n,
            "weight": n,
            "events": events,
        }
    )
    terms = _terms(cells, frame["years_since"].to_numpy(np.float64), effect)
    patterns = Patterns(
        cell=np.arange(len(cells)),
        pattern=np.zeros(len(cells), dtype=np.int64),
        n=n,
        events=events,
        children=n,
        child_design=np.zeros((1, 0)),
    )
    near = expand(
        Counts(
            cell=patterns.cell,
            child_terms=np.zeros((len(cells), 0)),
            n=n,
            events=events,
            authority=pd.factorize(cells["authority"], sort=True)[0].astype(np.int64),
        )
    )
    return of_expansion(cells, tuple(map(str, terms)), terms.to_numpy(np.float64), patterns, near)


def _terms(cells: pd.DataFrame, years_since: Floats, effect: Effect) -> pd.DataFrame:
    """The terms by name, shape (cells, terms)."""
    pilot, year = cells["pilot"].to_numpy(np.float64), cells["year"].to_numpy()
    columns = {INTERCEPT: np.ones(len(cells))}
    columns |= {f"year {each}": np.where(year == each, 1.0, 0.0) for each in np.unique(year)[1:]}
    treated = cells["treated"].to_numpy(np.float64)
    columns |= {PILOT: pilot, DID: treated * float(effect == "constant")}
    for since in np.unique(years_since[pilot == 1]).astype(int):
        if since != REFERENCE:
            name = since_name(since)
            columns[name] = (years_since == since) * float(effect == "by year")
    return pd.DataFrame(columns)
