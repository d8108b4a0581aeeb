"""How far trends would have to part for a conclusion to change."""

from dataclasses import dataclass
from typing import Literal

from sofs_bayes.checks.registry.check import Check, Fits, Kept, Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class TippingRow:
    """The probability that an effect is above zero, if trends part by a departure.

    Departure on the model's scale: in risk (linear model) or log-odds (logistic). `pareto_k`
    tells how far the weights can be trusted, up to 0.7; 0 where all weights are equal.
    `mcse` is the probability's Monte Carlo error, NaN where every draw agrees.
    """

    target: str
    scale: str
    departure: float
    probability_above_zero: float
    mcse: float
    pareto_k: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TippingPoint:
    """The smallest departure at which the probability of an effect above zero is at a level.

    `direction` is what the probability does on the way there from no departure. The departure
    is NaN where it is not reached within `reached_within`: there the departures examined end,
    or weights fail, whose `pareto_k` then stands beside it. `leads` is its size in units of the
    largest lead (Rambachan and Roth's M-bar), `per_year` the yearly drift that would come to it;
    NaN without leads.
    """

    target: str
    scale: str
    level: float
    departure: float
    direction: Literal["falls", "rises"]
    reached_within: float
    pareto_k: float
    leads: float = float("nan")
    per_year: float = float("nan")


def _applies(fits: Fits) -> bool:
    """Of one effect with a prior that pilots share, and no departure of its own."""
    model = fits.analysis.model
    one_effect = fits.analysis.treatment == "did" and model.pilot_effects != "none"
    return one_effect and model.departures == "none"


def _rows(fits: Fits) -> Rows:
    from sofs_bayes.checks.tipping import tipping

    main, level = fits.main, fits.analysis.estimands.level
    prior = main.setting.effect_prior
    found = tipping(main.posterior, main.data, main.blocks, prior, level=level, leads=fits.leads)
    return {TippingRow: found.rows, TippingPoint: found.points}


TIPPING = Check(
    files=(
        Kept(TippingRow, "tipping", "probabilities of effects, by departure from parallel trends"),
        Kept(
            TippingPoint,
            "tipping_points",
            "departures from parallel trends that would tip an effect",
        ),
    ),
    made=_rows,
    applies=_applies,
)
