"""Fits of the same children beside each other: how well each predicts what it has not seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isclose
from typing import TYPE_CHECKING
from warnings import catch_warnings, simplefilter

import numpy as np

from sofs_bayes.bayes.limits import MAX_K
from sofs_bayes.checks.loo import LooResult
from sofs_bayes.errors import BadInput

if TYPE_CHECKING:
    from arviz_stats.utils import ELPDDataLOO

PLACE = "comparison of fits"

# Weights of the same children, summed in another order or read back from a file.
SAME_WEIGHT = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRow:
    """One fit's elpd beside the best's; `weight` is that of stacking.

    `se_difference` takes authority-years for independent. Those of an authority are not:
    `se_by_authority` is that of the sum over `authorities` of each one's difference.
    """

    analysis: str
    elpd: float
    difference: float
    se_difference: float
    se_by_authority: float
    authorities: int
    weight: float
    p_loo: float
    worst_k: float


def compare_fits(loos: Mapping[str, LooResult]) -> tuple[ComparisonRow, ...]:
    """Fits by elpd, the best first, with the standard error of each one's difference from it.

    Parameters
    ----------
    loos
        By the names of the analyses.

    Raises
    ------
    BadInput
        Fewer than two fits, or fits of different children: another likelihood, other
        authorities and years, or another weight.
    """
    import arviz_stats as azs

    _check(loos)
    values = {
        name: {(row.authority, row.year): row.elpd for row in loo.rows}
        for name, loo in loos.items()
    }
    points = list(next(iter(values.values())))
    elpd = np.array([[of_fit[point] for point in points] for of_fit in values.values()])
    names, of = np.unique([authority for authority, _ in points], return_inverse=True)
    totals = {name: np.bincount(of, own, len(names)) for name, own in zip(loos, elpd, strict=True)}
    # The weights need densities, and those of many children are 0 in floating point; what
    # all fits have in common cancels from weights and differences.
    relative = elpd - elpd.max(axis=0)
    given = {
        name: _for_arviz(loo, own) for (name, loo), own in zip(loos.items(), relative, strict=True)
    }
    with catch_warnings():
        simplefilter("ignore")  # that fits are much alike is what the errors of differences say
        table = azs.compare(given, method="stacking", round_to="none")
    best = totals[str(table.index[0])]
    return tuple(
        ComparisonRow(
            analysis=str(name),
            elpd=loos[str(name)].summary.elpd,
            difference=float(found["elpd_diff"]),
            se_difference=float(found["dse"]),
            se_by_authority=float(np.sqrt(len(names)) * (totals[str(name)] - best).std()),
            authorities=len(names),
            weight=float(found["weight"]),
            p_loo=loos[str(name)].summary.p_loo,
            worst_k=max(row.pareto_k for row in loos[str(name)].rows),
        )
        for name, found in table.iterrows()
    )


def _check(loos: Mapping[str, LooResult]) -> None:
    if len(loos) < 2:
        raise BadInput(PLACE, "fits", str(len(loos)), "two or more")
    (first, one), *others = loos.items()
    for name, other in others:
        both = f"{first} and {name}"
        if other.summary.likelihood != one.summary.likelihood:
            found = f"{one.summary.likelihood} and {other.summary.likelihood}"
            raise BadInput(PLACE, f"{both}, likelihood", found, "the same (one is a density)")
        there = [{(row.authority, row.year) for row in loo.rows} for loo in (one, other)]
        if odd := sorted(there[0] ^ there[1]):
            found = f"{odd[0][0]} in {odd[0][1]} in one of them only"
            raise BadInput(PLACE, f"{both}, authorities and years", found, "the same")
        weights = one.summary.weight, other.summary.weight
        if not isclose(*weights, rel_tol=SAME_WEIGHT):
            found = f"{weights[0]:.6g} and {weights[1]:.6g}"
            raise BadInput(PLACE, f"{both}, weight of children", found, "the same")


def _for_arviz(loo: LooResult, elpd: np.typing.NDArray[np.float64]) -> "ELPDDataLOO":
    import xarray as xr
    from arviz_stats.utils import ELPDDataLOO

    points = len(elpd)
    return ELPDDataLOO(
        elpd=float(elpd.sum()),
        se=float(np.sqrt(points * elpd.var())),
        p=loo.summary.p_loo,
        n_samples=points,  # of no consequence here
        n_data_points=points,
        scale="log",
        warning=False,
        good_k=MAX_K,
        elpd_i=xr.DataArray(elpd, dims="point"),
        pareto_k=xr.DataArray([row.pareto_k for row in loo.rows], dims="point"),
    )
