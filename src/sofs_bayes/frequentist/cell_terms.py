"""Cells → what a regression's terms are made of: its cells, their sums and their own terms."""

from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.cells.dataset import OUTCOME, Cells, frame_of, with_authority_covariates
from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.term import INTERCEPT, POST
from sofs_bayes.frequentist.terms import (
    MISSING,
    authority_covariate_terms,
    authority_terms,
    base_terms,
    child_terms,
    kept_rows,
    treatment_terms,
)
from sofs_bayes.spec import ChildrenAnalysis, Number, Regression

Floats = npt.NDArray[np.float64]
PLACE = "cells"


def selected_cells(
    cells: Cells,
    analysis: ChildrenAnalysis,
    regression: Regression,
    suppressed: Literal["refuse", "leave out"],
) -> tuple[pd.DataFrame, dict[str, Floats], list[str]]:
    """The cells a regression uses, their cross-products, and the names of its child terms."""
    if cells.products is None:
        raise BadInput(PLACE, "products", "none", "cells collapsed with products")
    hidden = int(cells.products.attrs.get("suppressed", 0))
    if hidden and suppressed == "refuse":
        allowed = 'all cells, or suppressed = "leave out"'
        raise BadInput(PLACE, "products", f"{hidden} suppressed cells", allowed)
    names = [str(name) for name in cells.products["regressor"].values]
    expected = [INTERCEPT, *all_child_names(analysis), OUTCOME]
    if names != expected:
        lacking = next((name for name in expected if name not in names), "others")
        raise BadInput(PLACE, "regressors", f"no {lacking}", "the regressions' child terms")
    keyed = kept_rows(frame_of(cells.products, "cell"), regression)
    sums = {
        name: cells.products[name].values[keyed.index.to_numpy()].astype(np.float64)
        for name in ("unweighted", "weighted")
    }
    numbers = [f"{name}: {MISSING}" for name in _numbers(analysis)]
    count = dict(zip(names, np.einsum("cii->i", sums["unweighted"]), strict=True))
    wanted = [i for i, name in enumerate(names) if name not in numbers or count[name]]
    sums = {name: values[:, wanted][:, :, wanted] for name, values in sums.items()}
    frame = with_authorities(keyed, cells, analysis, regression)
    return frame, sums, [names[i] for i in wanted[1:-1]]


def all_child_names(analysis: ChildrenAnalysis) -> list[str]:
    """The names of all child terms there can be, in the order of `terms.child_terms`."""
    values: dict[str, list[str | float]] = {}
    for name in analysis.regressions.covariates:
        values[name] = [np.nan if name in _numbers(analysis) else MISSING]
    return [str(name) for name in child_terms(pd.DataFrame(values), analysis)]


def _numbers(analysis: ChildrenAnalysis) -> list[str]:
    covariates = map(analysis.records.covariate, analysis.regressions.covariates)
    return [each.name for each in covariates if isinstance(each, Number)]


def with_authorities(
    frame: pd.DataFrame, cells: Cells, analysis: ChildrenAnalysis, regression: Regression
) -> pd.DataFrame:
    """Keyed rows with all that their terms need, or BadInput."""
    needed = {"year"}
    if regression.treatment in ("lags", "leads and lags"):
        needed.add("years_since")
    if lacking := sorted(needed - set(cells.by)):
        raise BadInput(PLACE, "by", f"cells without {lacking[0]}", "cells collapsed by it")
    full = with_authority_covariates(frame.reset_index(drop=True), cells.authorities)
    used = [*analysis.regressions.authority_covariates]
    if regression.rests_on is not None:
        used.append(regression.rests_on.column)
    for name in used:
        if name not in full or full[name].isna().any():
            raise BadInput(PLACE, f"authorities, {name}", "nothing for some", "a number for each")
    return full


def cell_terms(
    frame: pd.DataFrame, analysis: ChildrenAnalysis, regression: Regression, rows: Floats
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The terms before and after the child terms, constant within a cell.

    The authorities' covariates are standardised over the rows that the cells count.
    """
    before = [
        base_terms(frame, analysis),
        *([authority_terms(frame)] if regression.authorities == "fixed" else []),
        treatment_terms(frame, regression, rows),
    ]
    plain = replace(analysis, regressions=replace(analysis.regressions, standardise=False))
    covariates = authority_covariate_terms(frame, plain, regression)
    unscaled = (
        {*covariates} if not analysis.regressions.standardise else {*analysis.regressions.unscaled}
    )
    share = rows / rows.sum()
    for name in [name for name in covariates if name not in unscaled]:
        values = covariates[name].to_numpy()
        centred = values - share @ values
        spread = np.sqrt(share @ centred**2)
        covariates[name] = centred / spread if spread > 0 else centred
    after = [covariates, frame[[POST]].astype(np.float64)]
    return pd.concat(before, axis="columns"), pd.concat(after, axis="columns")
