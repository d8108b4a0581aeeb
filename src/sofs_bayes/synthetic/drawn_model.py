"""A scenario's assumptions about outcomes → the parameters of the model to draw from."""

import math
from dataclasses import asdict

from sofs_bayes.synthetic.drawn import DrawnModel
from sofs_bayes.synthetic.scenario import Scenario


def model_of(scenario: Scenario, *, persistence: float) -> DrawnModel:
    """The model that a scenario draws from, or else one with its rates and spreads.

    That one is the hierarchical model on log-odds without an effect.
    Standard deviations of authorities and of authority-years are the scenario's, which are shares
    of the mean rate, divided by p (1 - p) at the comparators' rate p.
    """
    if scenario.drawn is not None:
        said = asdict(scenario.drawn)
        del said["times"]
        return DrawnModel(**said)
    prior = scenario.outcomes
    rate = prior.comparators
    scale = (prior.pilots + rate) / 2 / (rate * (1 - rate))
    return DrawnModel(
        scale="log-odds",
        intercept=_log_odds(rate),
        pilot=_log_odds(prior.pilots) - _log_odds(rate),
        effect=0.0,
        effect_sd=0.0,
        authority_sd=prior.authority_sd * scale,
        shock_sd=prior.authority_year_sd * scale,
        persistence=persistence,
        covariates=dict(prior.effects),
    )


def _log_odds(rate: float) -> float:
    return math.log(rate / (1 - rate))
