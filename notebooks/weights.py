# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Matching weights in a likelihood
#
# The evaluation matched children by coarsened exact matching and weighted its regressions. A
# posterior needs a likelihood, and a likelihood has no obvious place for such weights. Three
# ways of an analysis (`model.weights`, `model.weights_sum_to`) are compared here:
#
# - **effective size**: each child's log likelihood is multiplied by its weight, and the weights
#   are scaled to sum to (Σw)² / Σw², the size of an unweighted sample with as little noise;
# - **rows**: the same, scaled to sum to the number of matched rows, as regression software
#   treats them unless errors are made robust;
# - **covariates**: no weights (a comparator in several groups still counts once); what children
#   were matched on enters as covariates, as it does in the others too.
#
# This notebook fits `icpc-linear` in all three ways and says why the first is the default. It
# runs on **made-up children**, on whom the published regression prints the published
# coefficients. Every number is computed below; as `python notebooks/weights.py` it prints them.

# %%
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from sofs_bayes import collapse, fact, load, match, read_cells, read_matched, simulate
from sofs_bayes.bayes.blocks import Setting
from sofs_bayes.bayes.cell_data import cell_data
from sofs_bayes.estimands.children_changes import EFFECT
from sofs_bayes.estimands.did import Estimand
from sofs_bayes.frequentist.terms import DID, child_terms, design
from sofs_bayes.pipeline.children import matched_file
from sofs_bayes.pipeline.children_fits import ChildrenPrograms, Workshop, one_fit
from sofs_bayes.spec import HierarchicalAnalysis

pd.set_option("display.width", 100)
analysis = load("icpc-linear")
assert isinstance(analysis, HierarchicalAnalysis)
children = analysis.children

with TemporaryDirectory() as name:
    folder = Path(name)
    people = simulate(children, folder / "people")
    matched_folder = match(children, people, folder / "matched")
    exact = collapse(children, matched_folder, folder / "cells", threshold=None)
    matched = read_matched(matched_file(matched_folder), children)
    cells = read_cells(next(exact.glob("*cells.nc")), children)

ways: dict[str, dict[str, Any]] = {
    "effective size": {"weights": "likelihood", "weights_sum_to": "effective size"},
    "rows": {"weights": "likelihood", "weights_sum_to": "rows"},
    "covariates": {"weights": "covariates"},
}
analyses = {
    way: replace(analysis, model=replace(analysis.model, **chosen)) for way, chosen in ways.items()
}

# %% [markdown]
# ## What the weights do
#
# Pilots' children weigh one. Comparators' children weigh what makes each stratum as large, among
# comparators, as it is among pilots. So the weighted comparators are like the pilots' children
# in everything that was matched on; the price is that some children count several times and
# others hardly. A term's imbalance is the difference of its means between arms, before and
# after settling-in, in units of its standard deviation.

# %%
weight = matched["weight"].to_numpy()
rows, effective = len(weight), weight.sum() ** 2 / (weight**2).sum()
terms = child_terms(matched, children)


def largest_imbalance(weights: np.ndarray[Any, Any]) -> float:
    """The largest absolute standardised difference between arms, of any term and period."""
    pilot, post = (matched[name].to_numpy() == 1 for name in ("pilot", "post"))
    found = []
    for period in (post, ~post):
        means = [
            np.average(terms[there & period], weights=weights[there & period], axis=0)
            for there in (pilot, ~pilot)
        ]
        found.append(np.abs(means[0] - means[1]) / terms.std().clip(lower=1e-9))
    return float(np.max(found))


comparators = weight[matched["pilot"] == 0]
low, high = np.quantile(comparators, [0.05, 0.95])
print("Evidence: made-up (synthetic) children.")
print(f"{rows:,} matched rows, effective size {effective:,.0f} ({effective / rows:.0%} of them).")
print(f"Comparators' weights: the middle nine tenths lie between {low:.2f} and {high:.2f}.")
print(
    f"Largest imbalance: {largest_imbalance(np.ones(rows)):.2f} sd without weights,"
    f" {largest_imbalance(weight):.2f} sd with them."
)

# %% [markdown]
# ## How sure one may be of children alone
#
# Leave authorities' own movements aside for a moment: children are independent given the terms,
# with one residual variance. Then the estimator that a way amounts to has a known error,
# whatever the outcomes: with X the regressors and W the weights, its covariance is
# σ² (X'WX)⁻¹ X'W²X (X'WX)⁻¹, where a referral that stands in several groups is one draw, not
# several. What each likelihood *claims* instead is σ² (X'WX)⁻¹ with its own scale of W. A claim
# is right if the two agree.

# %%
regression = design(matched, children, analysis.regression)
x, outcome = regression.terms.to_numpy(), regression.outcome
did = list(regression.terms).index(DID)
referral, _ = pd.factorize(matched["referral"])
arm = matched["pilot"].to_numpy()
mean_weight = np.bincount(arm, weight) / np.bincount(arm)
in_use = {
    "effective size": weight * effective / weight.sum(),
    "rows": weight * rows / weight.sum(),
    "covariates": mean_weight[arm],
}


def of_children_alone(weights: np.ndarray[Any, Any]) -> dict[str, float]:
    """The least-squares DiD, the sd its likelihood claims, and the sd it has."""
    bread = np.linalg.inv(x.T @ (weights[:, None] * x))
    estimate = bread @ (x.T @ (weights * outcome))
    residual = outcome - x @ estimate
    variance = np.average(residual**2, weights=weights)
    pull = weights * (x @ bread[:, did])  # what each row moves the estimate by
    return {
        "estimate": float(estimate[did]),
        "claimed sd": float(np.sqrt(variance * bread[did, did])),
        "actual sd": float(np.sqrt(variance * (np.bincount(referral, pull) ** 2).sum())),
    }


alone = pd.DataFrame({way: of_children_alone(weights) for way, weights in in_use.items()}).T
alone["claimed / actual"] = alone["claimed sd"] / alone["actual sd"]
print(alone.to_string(float_format="{:.4f}".format))
printed = fact(5, "DiD (pilot LA * post settling-in period)", "Linear model").printed
print(f"\nTable 5 prints {printed.text} for this regression.")
for way in ("effective size", "rows"):
    ratio = alone.loc[way, "claimed / actual"]
    print(f"Scaled to {way}, the claimed sd is {ratio:.2f} times the actual one.")

# %% [markdown]
# ## The three posteriors
#
# Now the whole model, with authorities that differ and move from year to year. The graph is the
# same for all three and is compiled once; only the sufficient statistics it is fed with change.

# %%
programs: ChildrenPrograms = {}
fits = {}
for way, chosen in analyses.items():
    shop = Workshop(analysis=chosen, programs=programs, store=None, seconds={})
    setting = Setting(effect_prior=chosen.effect_priors["reference"])
    fits[way] = one_fit(shop, cell_data(cells, chosen), setting, "main")
assert len(programs) == 1

pooled = Estimand(estimand=EFFECT, target="pooled", scale="risk")
columns: Mapping[str, Callable[[Any], float]] = {
    "mean": lambda fit: float(fit.answers[pooled].mean()),
    "sd": lambda fit: float(fit.answers[pooled].std()),
    "5%": lambda fit: float(fit.answers[pooled].quantile(0.05)),
    "95%": lambda fit: float(fit.answers[pooled].quantile(0.95)),
    "P(effect > 0)": lambda fit: float((fit.answers[pooled] > 0).mean()),
    "authority_sd": lambda fit: float(fit.posterior["authority_sd"].mean()),
    "shock_sd": lambda fit: float(fit.posterior["shock_sd"].mean()),
}
posteriors = pd.DataFrame(
    {way: {name: of(fit) for name, of in columns.items()} for way, fit in fits.items()}
).T
posteriors["verdict"] = [fit.gate.status for fit in fits.values()]
print("Pooled effect on the risk, average over the pilots' children after settling-in:\n")
print(posteriors.to_string(float_format="{:.4f}".format))

# %%
default = posteriors.loc["effective size"]
for way in ("rows", "covariates"):
    other = posteriors.loc[way]
    shift, width = (other["mean"] - default["mean"]) / default["sd"], other["sd"] / default["sd"]
    print(
        f"{way}: the effect's mean lies {abs(shift):.2f} posterior sds"
        f" {'above' if shift > 0 else 'below'} the default's; its sd is {width:.2f} of that."
    )
share = (alone.loc["effective size", "actual sd"] / default["sd"]) ** 2
print(
    f"The variance of children alone is {share:.0%} of the default posterior's; the rest is how"
    " authorities differ and move."
)

# %% [markdown]
# The posterior's mean is not the regression's coefficient. The regression has no authorities in
# it, so that pilots with many children after settling-in and few before are compared with other
# pilots; with an intercept for each authority they are compared with themselves. Least squares
# with fixed effects of authorities tells how much that alone makes of the difference.

# %%
fixed = design(matched, children, replace(analysis.regression, authorities="fixed"))
z, root = fixed.terms.to_numpy(), np.sqrt(fixed.weights)
within = np.linalg.lstsq(root[:, None] * z, root * fixed.outcome)[0]
print(
    f"Weighted least squares: {alone.loc['effective size', 'estimate']:.4f}; with fixed effects of"
    f" authorities {within[list(fixed.terms).index(DID)]:.4f}; the posterior's mean"
    f" {default['mean']:.4f}."
)

# %% [markdown]
# ## Why effective size is the default
#
# - **It answers the published question.** With the weights the regression is the evaluation's
#   own, and comparators stand for the children the pilots have, whatever the outcome's
#   dependence on covariates looks like. With covariates alone that dependence has to be modelled
#   well: linear and additive here, where the matching compared within strata.
# - **It does not claim children that nobody has.** Scaled to the rows, a weighted likelihood
#   counts a child of weight two as two. The table of children alone has the claims beside what
#   they should be; a claim above the actual sd is cautious, one below it is not to be had.
# - **Where authorities' own movements dominate, it matters little.** The lines after the
#   posteriors say by how much, and why: more children do not make more pilots.
#
# What speaks against it: a weighted likelihood is no model of how data arise. It cannot predict
# single children, and one number, the effective size, stands for weights that act differently
# on each coefficient. The variant with covariates has neither fault, so it is the one to report
# beside the default.
#
# ## What rests on made-up children
#
# The formulas do not, nor that one graph fits all three. All numbers do: the population's
# covariates were solved to reproduce the printed balance, and its outcomes to reproduce the
# printed coefficients. That leaves open how uneven the weights of the real children are, how
# their outcomes depend on covariates within strata, and how much authorities move. Nothing here
# says anything about Signs of Safety. On records the same lines run, with their own `matched`
# folder in place of the simulated one.
