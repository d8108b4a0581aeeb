"""A scenario's assumptions about outcomes → the parameters of the model to draw from."""

import math
from dataclasses import asdict

from sofs_bayes.synthetic.drawn import DrawnModel
from sofs_bayes.synthetic.plausibility import Spreads
from sofs_bayes.synthetic.scenario import Scenario


def model_of(scenario: Scenario, spreads: Spreads) -> DrawnModel:
    """The model that a scenario draws from, or else one with its rates and covariates' effects.

    That one is the hierarchical model on log-odds without an effect, in which authorities differ
    and move by `spreads`.
    """
    if scenario.drawn is not None:
        said = asdict(scenario.drawn)
        del said["times"]
        return DrawnModel(**said)
    prior = scenario.outcomes
    rate = prior.comparators
    return DrawnModel(
        scale="log-odds",
        intercept=_log_odds(rate),
        pilot=_log_odds(prior.pilots) - _log_odds(rate),
        effect=0.0,
        effect_sd=0.0,
        **asdict(spreads),
        covariates=dict(prior.effects),
    )


def _log_odds(rate: float) -> float:
    return math.log(rate / (1 - rate))
