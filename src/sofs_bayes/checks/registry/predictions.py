"""Rates that posterior and prior predict, beside observed ones."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sofs_bayes.checks.registry.check import Check, Fits, Kept, Rows

if TYPE_CHECKING:
    import xarray as xr

    from sofs_bayes.checks.predictive import Prediction


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmYearCheck:
    """The observed rate of an arm beside its predictive distribution.

    `year` is a year, or `before` or `after` for all years before or after settling-in. `p` is
    the share of predictions above the observed rate (half of the ties counted). Ends of 50%
    intervals are None in rows of files that were written before there were any.
    """

    kind: str
    arm: str
    year: str
    children: int
    observed: float
    lower: float
    median: float
    upper: float
    level: float
    p: float
    lower_50: float | None = None
    upper_50: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictiveCell:
    """An authority-year's observed rate beside what the fitted model would predict for it.

    `pit` is the share of predictions below the observed count (half of the ties counted).
    """

    authority: str
    year: int
    arm: str
    denominator: float
    observed: float
    lower: float
    median: float
    upper: float
    level: float
    pit: float
    lower_50: float | None = None
    upper_50: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictiveStatistic:
    """A summary of all counts beside its posterior predictive distribution.

    `p` is the share of predictions above the observed value; near 0 or 1 the model does not
    produce data like these.
    """

    statistic: str
    observed: float
    lower: float
    median: float
    upper: float
    level: float
    p: float
    lower_50: float | None = None
    upper_50: float | None = None


def _rows(fits: Fits) -> Rows:
    from sofs_bayes.checks.predictive import predictive_check
    from sofs_bayes.spec.seeds import stage_seed

    main, seed = fits.main, fits.analysis.sampler.seed

    def predicted(draws: "xr.Dataset", kind: Literal["posterior", "prior"]) -> "Prediction":
        return predictive_check(
            draws,
            main.data,
            main.blocks,
            kind=kind,
            level=fits.analysis.estimands.level,
            seed=stage_seed(seed, f"{kind} predictive"),
            by_cell=kind == "posterior" and fits.analysis.kind == "open data",
        )

    after, expected = predicted(main.posterior, "posterior"), predicted(fits.prior, "prior")
    of_cells = {PredictiveCell: after.cells} if after.cells else {}
    return of_cells | {
        ArmYearCheck: (*after.years, *expected.years),
        PredictiveStatistic: (*after.statistics, *expected.statistics),
    }


PREDICTIONS = Check(
    files=(
        Kept(
            PredictiveStatistic,
            "predictive_statistics",
            "summaries of how authorities and years differ",
        ),
        Kept(PredictiveCell, "predictive", "predictions of authorities' years", of="counts"),
        Kept(ArmYearCheck, "arm_years", "children and rates by arm and year", of="authorities"),
    ),
    made=_rows,
)
