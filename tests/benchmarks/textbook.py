"""The hierarchical model of counts as a textbook writes it: everything non-centred.

The same posterior as `bayes.did_model`, but all effects and shocks are sampled as standard
normals that are scaled afterwards, and nothing is integrated out.
"""

from typing import TYPE_CHECKING

import numpy as np

from sofs_bayes.bayes.model_arrays import Arrays

if TYPE_CHECKING:
    import pymc as pm


def textbook_graph(arrays: Arrays, years: tuple[int, ...]) -> "pm.Model":
    """η_jt = α + λ_t + β P_j + u_j + (δ + d_j) P_j post_jt + v_jt, with AR(1) shocks v.

    Parameters
    ----------
    arrays
        As `model_data` gives them for counts of whole authorities.
    """
    import pymc as pm
    import pytensor.tensor as pt

    authorities, pilots = len(arrays["authorities"]), arrays["pilots"].shape[1]
    used = ("fixed", "pilots", "row", "authority", "slot", "mean", "n", "events_of_cell")
    gaps = np.diff(years)
    with pm.Model() as graph:
        d = {
            name: pm.Data(name, arrays[name]) for name in (*used, "sd_scales", "correlation_prior")
        }
        scales = [
            pm.HalfNormal(name, d["sd_scales"][i])
            for i, name in enumerate(("authority_sd", "pilot_effect_sd", "shock_sd"))
        ]
        rho = pm.Beta("shock_correlation", d["correlation_prior"][0], d["correlation_prior"][1])
        terms = pm.Normal("terms", 0.0, 1.0, shape=arrays["fixed"].shape[1])
        own = pm.Normal("own", 0.0, 1.0, shape=authorities) * scales[0]
        deviation = pm.Normal("pilot_deviation", 0.0, 1.0, shape=pilots) * scales[1]
        fresh = pm.Normal("fresh", 0.0, 1.0, shape=(authorities, len(years)))
        shocks = [fresh[:, 0]]
        for t, gap in enumerate(gaps, start=1):
            kept = rho ** float(gap)
            shocks.append(kept * shocks[-1] + pt.sqrt(1 - kept**2) * fresh[:, t])
        logit = d["mean"] + (d["fixed"] @ terms + d["pilots"] @ deviation)[d["row"]]
        logit = logit + own[d["authority"]]
        logit = logit + scales[2] * pt.stack(shocks, axis=1).reshape((-1,))[d["slot"]]
        likelihood = d["events_of_cell"] * logit - d["n"] * pt.softplus(logit)
        pm.Potential("log_likelihood", likelihood.sum())
    return graph
