"""The hierarchical model as a textbook writes it, for comparison: everything non-centred.

The same posterior as `bayes.hierarchical`, but authority intercepts and shocks are sampled as
standard normals that are scaled afterwards, and nothing is integrated out.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sofs_bayes.bayes.did_arrays import Floats
from sofs_bayes.bayes.hierarchical import DATA_DIMS, Structure

if TYPE_CHECKING:
    import pymc as pm


def textbook_graph(structure: Structure, data: Mapping[str, Floats]) -> "pm.Model":
    """η_jt = α + λ_t + β P_j + u_j + (δ + d_j) P_j post_jt + v_jt, with AR(1) shocks v."""
    import pymc as pm
    import pytensor.tensor as pt

    years = len(structure.years)
    comparators = structure.authorities - structure.pilots
    sizes = {"authority": structure.authorities, "pilot": structure.pilots, "year": years}
    coords = {name: range(n) for name, n in (sizes | {"term": structure.terms}).items()}
    cells = ("authority", "year")
    is_pilot = np.r_[np.ones(structure.pilots), np.zeros(comparators)]
    with pm.Model(coords=coords) as graph:
        d = {k: pm.Data(k, array, dims=DATA_DIMS.get(k)) for k, array in data.items()}
        intercept = pm.Normal("intercept", d["intercept_prior"][0], d["intercept_prior"][1])
        later = pm.Normal("year_effect", d["year_prior"][0], d["year_prior"][1], shape=years - 1)
        standing = pm.Normal("pilot_difference", d["difference_prior"][0], d["difference_prior"][1])
        scales = [
            pm.HalfNormal(name, d["sd_scales"][i])
            for i, name in enumerate(("authority_sd", "pilot_effect_sd", "shock_sd"))
        ]
        effect = pm.Normal("effect", d["effect_mean"], d["effect_scale"], dims="term")
        rho = pm.Beta("shock_correlation", d["correlation_prior"][0], d["correlation_prior"][1])
        own = pm.Normal("own", 0.0, 1.0, dims="authority") * scales[0]
        deviation = pm.Normal("pilot_deviation", 0.0, 1.0, dims="pilot") * scales[1]
        fresh = pm.Normal("fresh", 0.0, 1.0, dims=cells)
        shocks = [fresh[:, 0]]
        for t in range(1, years):
            shocks.append(rho * shocks[-1] + pt.sqrt(1 - rho**2) * fresh[:, t])
        change = (d["term_design"] * effect).sum(-1) + deviation[:, None] * d["treated"]
        logit = (intercept + standing * is_pilot + own)[:, None]
        logit = logit + pt.concatenate([pt.zeros(1), later])[None, :]
        logit = logit + pt.concatenate([change, pt.zeros((comparators, years))])
        logit = logit + scales[2] * pt.stack(shocks, axis=1)
        likelihood = d["events"] * logit - d["denominators"] * pt.softplus(logit)
        pm.Potential("log_likelihood", likelihood.sum())
    return graph
