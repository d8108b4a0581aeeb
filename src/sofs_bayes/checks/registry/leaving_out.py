"""Leave-one-out, by authority's year and by authority."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sofs_bayes.checks.registry.check import Check, Fits, Kept, Rows
from sofs_bayes.spec.keys import Variant

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, slots=True, kw_only=True)
class LooRow:
    """How well an authority's year is predicted by all others: log density, and Pareto's k."""

    authority: str
    year: int
    elpd: float
    pareto_k: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LooSummary:
    """Sums over authority-years, and what other fits must share to be compared.

    `weight` is that of all referrals, or of all that is counted; `p_loo` the effective number of
    parameters; `high_k` how many of the `points` have a Pareto k above 0.7.
    """

    likelihood: str
    weight: float
    points: int
    elpd: float
    se: float
    p_loo: float
    high_k: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityLooRow:
    """How well an authority is predicted by all others; `refitted` if by a fit without it.

    `pareto_k` is that of the fit to all, whatever `elpd` rests on.
    """

    authority: str
    arm: str
    elpd: float
    pareto_k: float
    refitted: bool


def _rows(fits: Fits) -> Rows:
    from sofs_bayes.bayes.cell_data import without
    from sofs_bayes.checks.loo import loo_authorities

    main, refit = fits.main, fits.refit

    def fitted_without(name: str) -> "xr.Dataset":
        assert refit is not None
        return refit(without(main.data, [name]), Variant(kind="leaving out", subject=name))

    authorities = loo_authorities(
        main.posterior,
        main.data,
        main.blocks,
        fits.analysis,
        refit=None if refit is None else fitted_without,
    )
    return {
        LooRow: fits.left_out.rows,
        LooSummary: [fits.left_out.summary],
        AuthorityLooRow: authorities,
    }


LEAVING_OUT = Check(
    files=(
        Kept(LooRow, "loo", "leave-one-out, by authority and year", of="authorities"),
        Kept(LooSummary, "loo_summary", "leave-one-out, all authorities and years"),
        Kept(AuthorityLooRow, "authority_loo", "leave-one-out, by authority", of="authorities"),
    ),
    made=_rows,
)
