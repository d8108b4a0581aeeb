"""What a hierarchical fit is compared with: one thing changed at a time."""

from typing import TYPE_CHECKING, Any

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.term import find_term
from sofs_bayes.spec import DidAnalysis
from sofs_bayes.spec.keys import UNPOOLED, LeaveOut, Variant

if TYPE_CHECKING:
    from sofs_bayes.bayes.blocks import Setting
    from sofs_bayes.bayes.cell_data import CellData
    from sofs_bayes.pipeline.did_sources import Source

REGRESSION = Variant(kind="regression")
FULLY_POOLED = Variant(kind="fully pooled")
NO_SHOCKS = Variant(kind="no shocks")
DEPARTURE = Variant(kind="departure")
FACTORS = (0.5, 2.0)  # of the scales of priors, one at a time
COVARIATES = "authority_covariate"


def setting_of(
    analysis: DidAnalysis, prior: str, departure: float | None, **changes: Any
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


def refits(
    analysis: DidAnalysis, source: "Source", *, leave_out: LeaveOut
) -> "dict[Variant, tuple[CellData, Setting]]":
    """What the headline is compared with: data and setting of each.

    Each differs from the headline in what its variant names, and in nothing else.

    Parameters
    ----------
    leave_out
        Whether each pilot, each authority or nobody is left out in turn. With a pilot go the
        comparators that serve it alone. Those with a declared break are a variant of their own.
    """
    from sofs_bayes.bayes.cell_data import without

    first, model, data = analysis.headline_prior, analysis.model, source.data
    departure = source.departure

    def setting(**changes: Any) -> "Setting":
        return setting_of(analysis, first, departure, **changes)

    found: dict[Variant, tuple[CellData, Setting]] = {}
    found[REGRESSION] = (source.regressed, setting(replicating=True, departure_sd=0.0))
    one_effect = analysis.treatment == "did"
    if one_effect and model.pilot_effects != "none":
        found[UNPOOLED] = (data, setting(pilot_effects="none"))
    if model.pilot_effects != "full":
        found[FULLY_POOLED] = (data, setting(pilot_effects="full"))
    if model.shocks != "none":
        found[NO_SHOCKS] = (data, setting(shocks=False))
    if departure is not None and model.departures == "none" and one_effect:
        found[DEPARTURE] = (data, setting(departure_sd=departure))
    adjusted = any(find_term(name).role == COVARIATES for name in data.terms)
    for name in [*_sds_in_use(analysis), *([COVARIATES] if adjusted else [])]:
        # A few authorities tell little of their covariates: also the answer without any.
        for factor in (*([0.0] if name == COVARIATES else []), *FACTORS):
            variant = Variant(kind="scaled", subject=name, factor=factor)
            found[variant] = (data, setting(scales={name: factor}))
    found |= {variant: (other, setting()) for variant, other in source.changed.items()}
    of_breaks = {variant.subject for variant in source.changed}
    for name in {"none": (), "pilots": data.pilots, "all": data.authorities}[leave_out]:
        if name not in of_breaks:
            gone = [name, *source.serving_only.get(name, ())]
            found[Variant(kind="without", subject=name)] = (without(data, gone), setting())
    return found


def _sds_in_use(analysis: DidAnalysis) -> list[str]:
    model = analysis.model
    used = {
        "authority_sd": model.authorities == "random",
        "pilot_effect_sd": model.pilot_effects == "partial",
        "shock_sd": model.shocks != "none",
    }
    return [name for name, yes in used.items() if yes]
