"""Cells: what is left of matched referrals once the single referral no longer matters."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

# What makes a cell: a matched group's authority in a year, before or after settling-in.
KEYS = ("group", "authority", "pilot", "year", "post", "years_since")
ALWAYS = ("group", "authority", "pilot", "post")
INTERCEPT = "intercept"
OUTCOME = "outcome"

# The states of a released count.
STATES = ("exact", "suppressed", "rounded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Sufficient statistics of matched referrals.

    A text variable (group, authority, a covariate with levels, a state) holds an index into its
    coordinate `<name>_label`.

    Attributes
    ----------
    patterns
        Dim `pattern`: the cells' keys (`attrs["by"]`, of KEYS) and the children's covariates
        (`attrs["covariates"]`; a number is NaN where missing). Counts of rows: `n`, `events`;
        sums over them: `weight` (Σw), `weighted_events` (Σwy), `weight_squared` (Σw²). If
        counted for a release also `children`, `children_with_event`, `children_without_event`
        (different children). If released: NaN where suppressed, `n_state` and `events_state`
        (of STATES) and the bounds `n_low`, `n_high`, `events_low`, `events_high`.
    products
        Dims (cell, regressor, co_regressor), None if not wanted: `unweighted` Σzz' and
        `weighted` Σwzz' with z = (1, child terms, outcome); the keys along `cell`.
    authorities
        Dims (authority, year): the authorities' covariates, NaN where there are no rows.
    overlaps
        None unless counted for a release. Dim `set`: `n` and `events` of referrals that stand
        in the same several patterns (of different groups); dim `membership`: `of_set` and
        `of_pattern`, indices.
    weights
        None unless counted for a release. Dim `rows`, those of a pattern that have the same
        `weight`: `n`, `events` and `of_pattern`, an index.

    Each Dataset's attrs: evidence, analysis, analysis_sha256, threshold (0: not checked), by,
    covariates; if released, unprotected (counts that others give away).
    """

    patterns: xr.Dataset
    products: xr.Dataset | None
    authorities: xr.Dataset
    overlaps: xr.Dataset | None = None
    weights: xr.Dataset | None = None

    @property
    def by(self) -> tuple[str, ...]:
        """The keys of the cells, of KEYS."""
        return listed(self.patterns, "by")

    @property
    def covariates(self) -> tuple[str, ...]:
        """The children's covariates that the patterns tell apart."""
        return listed(self.patterns, "covariates")

    @property
    def threshold(self) -> int:
        """The threshold that the counts were checked with; 0 if they were not."""
        return int(self.patterns.attrs["threshold"])


def listed(dataset: xr.Dataset, name: str) -> tuple[str, ...]:
    """A list of names that a Dataset's attribute holds as JSON."""
    return tuple(json.loads(dataset.attrs[name]))


def coded(
    dim: str, columns: Mapping[str, npt.NDArray[Any]], labels: Mapping[str, Sequence[str]]
) -> xr.Dataset:
    """Columns along one dimension as a Dataset, with the labels of those that are indices."""
    named = {
        f"{name}_label": np.array(labels[name], dtype=object) for name in columns if name in labels
    }
    return xr.Dataset({name: (dim, values) for name, values in columns.items()}, coords=named)


def frame_of(dataset: xr.Dataset, dim: str) -> pd.DataFrame:
    """The variables along one dimension as a frame; indices as categories with their labels."""
    columns: dict[str, Any] = {}
    for name, variable in dataset.data_vars.items():
        if variable.dims != (dim,):
            continue
        label = f"{name}_label"
        columns[str(name)] = (
            pd.Categorical.from_codes(variable.values, pd.Index(dataset[label].values))
            if label in dataset.coords
            else variable.values
        )
    return pd.DataFrame(columns)


def with_authority_covariates(frame: pd.DataFrame, authorities: xr.Dataset) -> pd.DataFrame:
    """A frame with the columns authority and year, and the authorities' covariates beside it."""
    place = {
        "authority": xr.DataArray(frame["authority"].astype(str).to_numpy(object), dims="row"),
        "year": xr.DataArray(frame["year"].to_numpy(), dims="row"),
    }
    at = authorities.sel(place)
    return frame.assign(**{str(name): values.values for name, values in at.data_vars.items()})
