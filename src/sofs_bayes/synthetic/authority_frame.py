"""Priors of the authorities' covariates → authorities with made-up values of them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.spec.seeds import stream
from sofs_bayes.synthetic.scenario import Scenario

# Of an authority for which the scenario sets none.
USUAL_OFSTED = 2


def drawn_authorities(
    scenario: Scenario, analysis: ChildrenAnalysis, names: Sequence[str]
) -> pd.DataFrame:
    """Authorities by year: covariates as random walks from their priors, the others as set.

    Pilots' scores are drawn in their ranges; everyone else's are 0.

    Returns
    -------
    DataFrame
        authority, year and the covariates of the analysis, by authority and year.
    """
    frames = [_of_authority(scenario, analysis, name) for name in sorted(names)]
    columns = ["authority", "year", *(each.name for each in analysis.records.authority_covariates)]
    return pd.concat(frames, ignore_index=True)[columns]


def _of_authority(scenario: Scenario, analysis: ChildrenAnalysis, name: str) -> pd.DataFrame:
    years, given = list(analysis.records.years), scenario.authorities
    rng = stream(scenario.seed, "authority", name)
    frame = pd.DataFrame({"authority": name, "year": years})
    for prior in given.solved:
        steps = prior.walk_sd * rng.standard_normal(len(years))
        walk = prior.mean + prior.between_sd * rng.standard_normal() + np.cumsum(steps)
        frame[prior.name] = np.clip(walk, prior.lowest, prior.highest).round(prior.decimals)
    frame["ofsted"] = list(given.ofsted.get(name, (USUAL_OFSTED,) * len(years)))
    frame["innovation_projects"] = list(given.innovation_projects.get(name, (0,) * len(years)))
    for score, bounds in (("quality", given.quality), ("embeddedness", given.embeddedness)):
        drawn = round(rng.uniform(bounds.lowest, bounds.highest), 2)
        frame[score] = drawn if name in scenario.pilots else 0.0
    return frame.assign(similar_practice_model=int(name in given.similar_practice_model))
