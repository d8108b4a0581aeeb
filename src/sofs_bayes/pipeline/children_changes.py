"""What a hierarchical fit of children is compared with: other settings, or other data."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sofs_bayes.checks.sensitivity import LeaveOut
from sofs_bayes.errors import BadInput
from sofs_bayes.spec import HierarchicalAnalysis

if TYPE_CHECKING:
    from sofs_bayes.bayes.blocks import Setting
    from sofs_bayes.bayes.cell_data import CellData
    from sofs_bayes.cells.dataset import Cells

REGRESSION = "the regression itself"
UNPOOLED = "pilots not pooled"
FULLY_POOLED = "pilots fully pooled"
NO_SHOCKS = "no shocks"
DEPARTURE = "trends may depart"
FACTORS = (0.5, 2.0)  # of the scales of priors of sds, one at a time
SCALED = ("authority_sd", "pilot_effect_sd", "shock_sd")


def departure_sd(cells: "Cells", analysis: HierarchicalAnalysis) -> float | None:
    """The prior sd of a departure from parallel trends; None where no leads can be had."""
    from sofs_bayes.bayes.pre_trends import lead_size

    if "years_since" not in cells.by:  # released cells may not tell years since settling-in
        return None
    size = lead_size(cells, analysis)
    return None if size is None else analysis.priors.departure.multiple * size


def setting_of(
    analysis: HierarchicalAnalysis, prior: str, departure: float | None, **changes: Any
) -> "Setting":
    """The setting of a fit with a named effect prior, and with other changes.

    Raises
    ------
    BadInput
        The model asks for departures on the scale of the pre-trend, and there is none.
    """
    from sofs_bayes.bayes.blocks import Setting

    kept = analysis.model.departures == "pre-trend"
    if kept and departure is None:
        raise BadInput(analysis.name, "model.departures", "no leads", "none, or years before")
    own = {"departure_sd": departure if kept else 0.0} | changes
    return Setting(effect_prior=analysis.effect_priors[prior], **own)


def changes(
    cells: "Cells",
    analysis: HierarchicalAnalysis,
    data: "CellData",
    departure: float | None,
    *,
    leave_out: LeaveOut,
    quick: bool,
) -> "dict[str, tuple[CellData, Setting]]":
    """What the headline is compared with: name → data and setting."""
    from sofs_bayes.bayes.cell_data import without

    first, model = next(iter(analysis.effect_priors)), analysis.model

    def setting(**changes: Any) -> "Setting":
        return setting_of(analysis, first, departure, **changes)

    found: dict[str, tuple[CellData, Setting]] = {}
    if quick:
        return found
    found[REGRESSION] = (as_regressed(cells, analysis), setting(replicating=True, departure_sd=0.0))
    one_effect = analysis.regression.treatment == "did"
    if one_effect and model.pilot_effects != "none":
        found[UNPOOLED] = (data, setting(pilot_effects="none"))
    if model.pilot_effects != "full":
        found[FULLY_POOLED] = (data, setting(pilot_effects="full"))
    if model.shocks != "none":
        found[NO_SHOCKS] = (data, setting(shocks=False))
    if departure is not None and model.departures == "none" and one_effect:
        found[DEPARTURE] = (data, setting(departure_sd=departure))
    for name in SCALED:
        if name in _sds_in_use(analysis):
            for factor in FACTORS:
                found[f"{name} × {factor:g}"] = (data, setting(scales={name: factor}))
    authorities = {"none": (), "pilots": data.pilots, "all": data.authorities}[leave_out]
    for name in authorities:
        gone = [name, *_serving_only(cells, name)]
        found[f"without {name}"] = (without(data, gone), setting())
    return found


def _sds_in_use(analysis: HierarchicalAnalysis) -> set[str]:
    model = analysis.model
    used = {
        "authority_sd": model.authorities == "random",
        "pilot_effect_sd": model.pilot_effects == "partial",
        "shock_sd": model.shocks != "none",
    }
    return {name for name, yes in used.items() if yes}


def as_regressed(cells: "Cells", analysis: HierarchicalAnalysis) -> "CellData":
    """The data weighted as in the regressions, whose standard errors this fit is to have.

    A linear regression's residual variance counts rows; a logistic one's weights are counts.
    """
    from sofs_bayes.bayes.cell_data import cell_data

    linear = analysis.model.likelihood == "gaussian"
    model = replace(analysis.model, weights_sum_to="rows" if linear else "weights")
    return cell_data(cells, replace(analysis, model=model))


def _serving_only(cells: "Cells", pilot: str) -> Sequence[str]:
    """The comparators that stand in this pilot's matched group and in no other."""
    from sofs_bayes.cells.dataset import frame_of

    frame = frame_of(cells.patterns, "pattern")[["group", "authority", "pilot"]].drop_duplicates()
    comparators = frame[frame["pilot"] == 0].astype(str)
    served: dict[str, set[str]] = {}
    for group, name in zip(comparators["group"], comparators["authority"], strict=True):
        served.setdefault(name, set()).add(group)
    return [name for name, groups in served.items() if groups == {pilot}]
