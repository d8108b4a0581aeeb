"""Cells and the blocks of a fit → the arrays of a graph of `did_model`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from sofs_bayes.bayes.blocks import FLAT, Blocks
from sofs_bayes.bayes.cell_data import CellData, Patterns
from sofs_bayes.bayes.censored import censored_arrays
from sofs_bayes.errors import BadInput
from sofs_bayes.spec import DidAnalysis

Arrays = Mapping[str, npt.NDArray[Any]]
Floats = npt.NDArray[np.float64]

# A cell of which nothing is known has this precision relative to one child.
NOTHING = 1e-9
# Outcomes of 0 and 1 that vary by less than this are all the same within cells.
SAME = 1e-9


def model_data(data: CellData, blocks: Blocks, analysis: DidAnalysis) -> Arrays:
    """All arrays of a graph, each of which can be exchanged once it is compiled."""
    correlation = analysis.priors.shock_correlation
    shared: dict[str, npt.NDArray[Any]] = {
        "sd_scales": np.array([blocks.sd_priors[name] for name in SDS]),
    }
    if blocks.steps:
        shared["year_scale"] = np.array(blocks.sd_priors["year_effect_sd"])
    if analysis.model.shocks == "persistent":
        shared["correlation_prior"] = np.array([correlation.a, correlation.b])
    if data.patterns is None:
        return shared | _linear_data(data, blocks, analysis.model.shocks)
    return shared | _logistic_data(data, blocks, analysis)


SDS = ("authority_sd", "pilot_effect_sd", "shock_sd")


def child_precision(data: CellData) -> Floats:
    """What is known of the linear model's child terms within cells, in units of 1 / σ².

    Their prior, normal with an sd of `FLAT` residual sds, is as good as flat; it keeps in a term
    that is constant within every cell.
    """
    known: Floats = data.within_xx.sum(0) + np.eye(len(data.child_terms)) / FLAT**2
    return known


def residual_start(data: CellData) -> tuple[float, float]:
    """The children's residual sd within cells, and the sum of weights it rests on.

    Raises
    ------
    BadInput
        Children of a cell do not differ, but for what their terms make up.
    """
    gamma = np.linalg.solve(child_precision(data), data.within_xy.sum(0))
    squares = float(data.within_yy.sum() - gamma @ data.within_xy.sum(0))
    size = float(data.curvature.sum())
    if squares <= SAME * size:
        cells = data.cells["children"].to_numpy()
        found = (
            f"{cells.sum():.0f} children in {(cells > 0).sum()} cells with"
            f" {len(data.child_terms)} children's terms, whose outcomes differ by nothing else"
        )
        raise BadInput("cells", "outcome", found, "children of one cell with and without it")
    return float(np.sqrt(squares / size)), size


def _linear_data(data: CellData, blocks: Blocks, shocks: str) -> dict[str, npt.NDArray[Any]]:
    """Cell means less the children's terms, whose coefficients are integrated out."""
    xx, xy = child_precision(data), data.within_xy.sum(0)
    gamma = np.linalg.solve(xx, xy)
    sd, size = residual_start(data)
    noise = np.diag(1.0 / data.curvature.clip(min=NOTHING))
    scaled = blocks.design * blocks.prior_sd
    found = _designs(blocks) | {
        "cell_mean": data.centre - data.child_means @ gamma - blocks.design @ blocks.prior_mean,
        "noise": noise + data.child_means @ np.linalg.solve(xx, data.child_means.T),
        "fixed": scaled @ scaled.T,
        "authorities": blocks.authorities,
        "within": np.array([sd, size, size * sd**2, len(data.curvature) + len(xx)]),
        "residual_scale": np.array(blocks.sd_priors["residual_sd"]),
    }
    if shocks != "none":
        column = blocks.shocks.argmax(axis=1)
        years = np.array(data.years)[column % len(data.years)]
        found["gap"] = np.abs(years[:, None] - years[None, :])
        if shocks == "persistent":
            found["gaps"] = np.arange(data.years[-1] - data.years[0] + 1.0)
        same = np.equal.outer(column // len(data.years), column // len(data.years))
        found["same"] = same * float(blocks.shocks.any())
    return found


def _logistic_data(
    data: CellData, blocks: Blocks, analysis: DidAnalysis
) -> dict[str, npt.NDArray[Any]]:
    """The counts, and the quadratic expansion that guides the sampler."""
    counts = data.patterns
    assert counts is not None  # as the analysis's likelihood has it
    exact = counts.exact
    cell = counts.cell[exact]
    first, row = rows_of(data)
    found: dict[str, npt.NDArray[Any]] = {
        "fixed": blocks.design[first] * blocks.prior_sd,
        **{name: design[first] for name, design in _designs(blocks).items()},
        "row": row,
        "authorities": blocks.authorities.any(axis=0).astype(np.float64),
        "authority": data.authority,
        "mean": blocks.design @ blocks.prior_mean,
        "curvature": data.curvature,
        "centre": data.centre,
        "n": counts.n[exact],
        "events_of_cell": np.bincount(cell, counts.events[exact], len(data.curvature)),
    }
    if data.child_terms:
        found |= _child_data(data, counts, blocks.child_prior)
    else:
        found["cell"] = cell
    found |= censored_arrays(counts.censored, patterns=bool(data.child_terms))
    if not blocks.steps:
        found |= _fixed_units(data, blocks)
    if analysis.model.shocks != "none":
        found["slot"] = data.authority * len(data.years) + data.year
        found["shocked"] = np.array(float(blocks.shocks.any()))
    return found


def _designs(blocks: Blocks) -> dict[str, npt.NDArray[Any]]:
    """The designs of pilots and, where they are pooled, of years since settling-in."""
    return {"pilots": blocks.pilots} | ({"years_since": blocks.years_since} if blocks.steps else {})


def _fixed_units(data: CellData, blocks: Blocks) -> dict[str, npt.NDArray[Any]]:
    """Centre and root of the normal that the expansion makes of fixed terms in prior sds.

    It takes the sds of all other effects to be the scales of their priors, and shocks for
    independent; it guides the sampler, and changes no result. Where years since settling-in are
    pooled, terms hang on their sd too much for that.
    """
    fixed, used = blocks.design * blocks.prior_sd, blocks.sd_priors
    authority, pilot, shock = (used[name] for name in SDS)
    design = np.column_stack([fixed, blocks.pilots * pilot, blocks.authorities * authority])
    shocked = float(blocks.shocks.any())
    known = data.curvature / (1.0 + shocked * shock**2 * data.curvature)
    covariance = np.linalg.inv(design.T @ (known[:, None] * design) + np.eye(design.shape[1]))
    left = data.centre - blocks.design @ blocks.prior_mean
    terms = fixed.shape[1]
    return {
        "towards": (covariance @ (design.T @ (known * left)))[:terms],
        "root": np.linalg.cholesky(covariance[:terms, :terms]),
    }


def rows_of(data: CellData) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The first cell of each row of the design that cells may share, and each cell's row.

    A pilot's cells have rows of their own: what is made of them differs from fit to fit.
    """
    own = np.where(data.cells["pilot"].to_numpy() == 1, np.arange(1, len(data.cells) + 1), 0)
    keys = np.column_stack([own, data.design])
    _, first, row = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return first.astype(np.int64), row.astype(np.int64).ravel()


def _child_data(
    data: CellData, counts: Patterns, prior: tuple[float, float]
) -> dict[str, npt.NDArray[Any]]:
    """What of the counts is about the children's terms."""
    mean, sd = prior
    pattern, events = counts.pattern[counts.exact], counts.events[counts.exact]
    # The child prior is added to the expansion, so that a term of few children is kept in.
    xx = data.within_xx.sum(0) + np.eye(len(data.child_terms)) / sd**2
    xy = data.within_xy.sum(0) + mean / sd**2
    return {
        "child_means": data.child_means,
        "child_centre": np.linalg.solve(xx, xy),
        "child_root": np.linalg.inv(np.linalg.cholesky(xx)).T.copy(),
        "child_prior": np.array([mean, sd]),
        "child_design": counts.child_design,
        "start_of_cell": starts(counts.cell[counts.exact], len(data.curvature)),
        "pattern": pattern,
        "events_of_pattern": np.bincount(pattern, events, len(counts.child_design)),
    }


def starts(cell: npt.NDArray[np.int64], cells: int) -> npt.NDArray[np.int64]:
    """Where the counts of each cell begin, and the end, of counts ordered by cell."""
    if (np.diff(cell) < 0).any():
        raise ValueError("counts are not ordered by cell")
    return np.searchsorted(cell, np.arange(cells + 1)).astype(np.int64)
