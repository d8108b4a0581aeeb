"""The prior of the pooled effect is what its parts come to."""

from dataclasses import replace

import numpy as np
import pytest

from sofs_bayes.bayes.did_arrays import DidArrays
from sofs_bayes.bayes.did_draws import prior_of_pooled
from sofs_bayes.spec import Normal, OpenAnalysis

# Four standard errors of a mean, or of an sd, of 20,000 draws; relative to the sd.
SAMPLED = 0.03
DRAWS = 20_000


def with_prior(analysis: OpenAnalysis, mean: float, sd: float, pooling: str) -> OpenAnalysis:
    prior = Normal(mean=mean, sd=sd, why="for the sake of a test")
    model = replace(analysis.model, pilot_effects=pooling)
    return replace(analysis, effect_priors={"reference": prior}, model=model)


@pytest.mark.parametrize("pooling", ["partial", "full"])
def test_its_variance_is_the_effects_and_the_deviations(
    made_up_analysis: OpenAnalysis, arrays: DidArrays, pooling: str
) -> None:
    analysis = with_prior(made_up_analysis, -0.3, 0.2, pooling)
    drawn = prior_of_pooled(analysis, arrays, "reference", draws=DRAWS, seed=3)
    children = (arrays.treated * arrays.denominators[:3]).sum(axis=1)
    share = children / children.sum()
    scale = analysis.priors.pilot_effect_sd.scale if pooling == "partial" else 0.0
    sd = float(np.sqrt(0.2**2 + scale**2 * (share**2).sum()))
    assert drawn.dims == ("chain", "draw")
    assert float(drawn.mean()) == pytest.approx(-0.3, abs=SAMPLED * sd)
    assert float(drawn.std()) == pytest.approx(sd, rel=2 * SAMPLED)


def test_the_prior_named_is_the_one_drawn(
    made_up_analysis: OpenAnalysis, arrays: DidArrays
) -> None:
    far = Normal(mean=5.0, sd=0.1, why="for the sake of a test")
    analysis = with_prior(made_up_analysis, 0.0, 0.1, "full")
    analysis = replace(analysis, effect_priors={**analysis.effect_priors, "far": far})
    near, other = (
        float(prior_of_pooled(analysis, arrays, name, draws=200, seed=3).mean())
        for name in ("reference", "far")
    )
    assert near == pytest.approx(0.0, abs=0.05)
    assert other == pytest.approx(5.0, abs=0.05)
