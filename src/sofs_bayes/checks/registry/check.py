"""What a check is: the files it leaves, the fits it applies to, its table, how it is judged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sofs_bayes.estimands.rows import AuthoritySizeRow
from sofs_bayes.spec import DidAnalysis, Evidence
from sofs_bayes.spec.keys import Variant

if TYPE_CHECKING:
    import xarray as xr

    from sofs_bayes.bayes.blocks import Blocks, Setting
    from sofs_bayes.bayes.cell_data import CellData
    from sofs_bayes.checks.diagnostics import Gate
    from sofs_bayes.checks.loo import LooResult
    from sofs_bayes.estimands.effects import Effects

Rows = Mapping[type, Sequence[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refit:
    """What is kept of one fit of a hierarchical analysis where its effects alone are wanted.

    Attributes
    ----------
    effects
        Its effects, draw by draw.
    gate
        The verdict on the draws.
    pareto_k
        How far draws of the headline that were weighted anew can be trusted; None where the
        fit was sampled.
    """

    effects: "Effects"
    gate: "Gate"
    pareto_k: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PosteriorFit(Refit):
    """One fit with all of its draws.

    Attributes
    ----------
    data, blocks, setting
        What was fitted, and what the fit changed about the analysis.
    statistics
        The sampler's; None of draws that were weighted anew.
    posterior
        Named draws, as `bayes.did_draws.named` gives them.
    """

    data: "CellData"
    blocks: "Blocks"
    setting: "Setting"
    posterior: "xr.Dataset"
    statistics: "xr.Dataset | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fits:
    """The fits of one hierarchical analysis, which checks are made from.

    Attributes
    ----------
    mains
        The main fit under each effect prior, the headline's first.
    others
        The fits that the headline is compared with.
    refit
        Named draws of the headline's model on other data, under the name given; None where no
        authority's leaving out is worth a refit.
    prior
        Named draws of the headline's priors.
    left_out
        The headline's leave-one-out by authority and year.
    leads
        Pilots' differences in the years before, on the model's scale.
    settling_in, sizes
        As `did_sources.Source` has them.
    """

    analysis: DidAnalysis
    evidence: Evidence
    mains: Mapping[str, PosteriorFit]
    others: Mapping[Variant, Refit]
    refit: "Callable[[CellData, Variant], xr.Dataset] | None"
    prior: "xr.Dataset"
    left_out: "LooResult"
    leads: Sequence[float]
    settling_in: Mapping[int, tuple[int, float]]
    sizes: tuple[AuthoritySizeRow, ...]

    @property
    def main(self) -> PosteriorFit:
        """The headline fit."""
        return next(iter(self.mains.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A table with a line for each row of a check.

    Attributes
    ----------
    title
        What it shows; the analysis's title comes before it.
    columns
        Field of the row, heading and format of each column: one of `tables.digits.Format`.
    notes
        Sentences below it.
    effects
        How many columns stand before the median and interval of an effect, of which those on
        the risk scale are then shown; 0 if the rows have none.
    """

    title: str
    columns: tuple[tuple[str, str, str], ...]
    notes: tuple[str, ...] = ()
    effects: int = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """One CSV of a run folder; its rows' type is the key by which all rooms know it.

    Attributes
    ----------
    row
        The type of its rows, a dataclass.
    name
        Of the file, without ending.
    shows
        What it shows, in the words of the log of disclosure control.
    of
        What it is of, which decides whether it may leave: of `effects` (rows of single
        authorities are taken out), of the `authorities` of a fit (which print does not have), or
        of `counts` of authorities (which are not released unless they are public).
    layout
        Its table; None where it has none, or one made by hand in `tables.contents`.
    """

    row: type
    name: str
    shows: str
    of: Literal["effects", "authorities", "counts"] = "effects"
    layout: Layout | None = None


def _always(_: Fits) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A check of a fit.

    Attributes
    ----------
    files
        What it leaves in a run folder.
    made
        The rows of each file, by their type, from the fits.
    applies
        Whether it says anything of these fits.
    """

    files: tuple[Kept, ...]
    made: Callable[[Fits], Rows]
    applies: Callable[[Fits], bool] = _always
