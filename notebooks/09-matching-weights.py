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
# **Source:** simulated children (`synthetic`), on whom the published regression prints the
# published coefficients, with one of these beside them (`published`). The children say nothing
# about *Signs of Safety*.
#
# **Question.** The evaluation matched children by coarsened exact matching and weighted its
# regressions. A posterior needs a likelihood, and a likelihood has no obvious place for such
# weights. Which way is right, and how much does it matter?
#
# **What is done.** The main ICPC model is fitted in three ways (`model.weights`,
# `model.weights_sum_to`):
#
# - **effective size**: each child's log likelihood is multiplied by its weight, and the weights
#   are scaled to sum to (Σw)² / Σw², the size of an unweighted sample with as little noise;
# - **rows**: the same, scaled to sum to the number of matched rows, as regression software
#   treats them unless errors are made robust;
# - **covariates**: no weights (a comparator in several groups still counts once); what children
#   were matched on enters as covariates, as it does in the others too.

# %%
import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

import sofs_bayes as sb

scratch = TemporaryDirectory()
folder = Path(os.environ.get("SOFS_BAYES_CHAPTERS", scratch.name))
analysis = sb.load("icpc-linear")
children = analysis.children
if not (folder / "people").exists():
    sb.simulate(children, folder / "people")
if not (folder / "matched").exists():
    sb.match(children, folder / "people", folder / "matched")
matched = sb.read_matched(sb.matched_file(folder / "matched"), children)

ways = {
    "effective size": {"weights": "likelihood", "weights_sum_to": "effective size"},
    "rows": {"weights": "likelihood", "weights_sum_to": "rows"},
    "covariates": {"weights": "covariates"},
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
terms = sb.covariate_terms(matched, children)


def largest_imbalance(weights):
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
level = analysis.estimands.level
low, high = np.quantile(comparators, [(1 - level) / 2, (1 + level) / 2])
sb.show(
    f"{rows:,} matched rows, effective size {effective:,.0f} ({effective / rows:.0%} of them)."
    f" The middle {level:.0%} of comparators' weights lie between {low:.2f} and {high:.2f}.",
    evidence="synthetic",
)
sb.show(
    f"Largest imbalance: {largest_imbalance(np.ones(rows)):.2f} sd without weights,"
    f" {largest_imbalance(weight):.2f} sd with them.",
    evidence="synthetic",
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
regression = sb.regression_design(matched, children, analysis.regression)
x, outcome = regression.terms.to_numpy(), regression.outcome
did = list(regression.terms).index("did")
referral, _ = pd.factorize(matched["referral"])
arm = matched["pilot"].to_numpy()
mean_weight = np.bincount(arm, weight) / np.bincount(arm)
in_use = {
    "effective size": weight * effective / weight.sum(),
    "rows": weight * rows / weight.sum(),
    "covariates": mean_weight[arm],
}


def of_children_alone(weights):
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
alone["ratio"] = alone["claimed sd"] / alone["actual sd"]
sb.show(
    sb.Table(
        name="alone",
        title="Least squares: the sd that each likelihood claims, and the sd of the estimator",
        columns=(
            sb.Column(key="way", heading="Weights"),
            sb.Column(key="estimate", heading="Estimate (pp)", format="pp2"),
            sb.Column(key="claimed sd", heading="Claimed sd (pp)", format="number"),
            sb.Column(key="actual sd", heading="Actual sd (pp)", format="number"),
            sb.Column(key="ratio", heading="Claimed / actual", format="number"),
        ),
        rows=tuple(
            (way, row["estimate"], 100 * row["claimed sd"], 100 * row["actual sd"], row["ratio"])
            for way, row in alone.iterrows()
        ),
        evidence="synthetic",
    )
)
printed = sb.fact(5, "DiD (pilot LA * post settling-in period)", "Linear model").printed
sb.show(f"Table 5 prints {printed.text} for this regression.", evidence="published")
for way in ("effective size", "rows"):
    sb.show(
        f"Scaled to {way}, the claimed sd is {alone.loc[way, 'ratio']:.2f} times the actual one.",
        evidence="synthetic",
    )

# %% [markdown]
# ## The three posteriors
#
# Now the whole model, with authorities that differ and move from year to year, under its first
# prior. The graph is the same for all three and is compiled once; only the sufficient statistics
# it is fed with change.

# %%
first, prior = next(iter(analysis.effect_priors.items()))
programs, lines = {}, {}
for way, chosen in ways.items():
    variant = replace(
        analysis, model=replace(analysis.model, **chosen), effect_priors={first: prior}
    )
    run = sb.fit(variant, [folder / "matched"], quick=True, programs=programs)
    (effect,) = (
        row
        for row in run.effects
        if (row.role, row.target, row.scale) == ("effect after settling-in", "pooled", "risk")
    )
    (above,) = (
        row.probability
        for row in run.probabilities
        if (row.effect, row.statement) == (effect.effect, "above 0 pp")
    )
    draws = run.posterior["posterior"]
    lines[way] = {
        "mean": effect.mean,
        "sd": effect.sd,
        "lower": effect.lower,
        "upper": effect.upper,
        "above": above,
        "authority_sd": float(draws["authority_sd"].mean()),
        "shock_sd": float(draws["shock_sd"].mean()),
        "status": run.status,
    }
posteriors = pd.DataFrame(lines).T
interval = f"{level:.0%} credible interval"
sb.show(
    sb.Table(
        name="posteriors",
        title="The pooled effect on the risk after settling-in, by treatment of the weights",
        columns=(
            sb.Column(key="way", heading="Weights"),
            sb.Column(key="mean", heading="Mean (pp)", format="pp"),
            sb.Column(key="sd", heading="sd (pp)", format="number"),
            sb.Column(key="lower", heading="lower", format="pp", group=interval),
            sb.Column(key="upper", heading="upper", format="pp", group=interval),
            sb.Column(key="above", heading="Probability above 0", format="probability"),
            sb.Column(key="authority_sd", heading="Sd of authorities (pp)", format="number"),
            sb.Column(key="shock_sd", heading="Sd of their years (pp)", format="number"),
            sb.Column(key="status", heading="Draws"),
        ),
        rows=tuple(
            (
                way,
                line["mean"],
                100 * line["sd"],
                line["lower"],
                line["upper"],
                line["above"],
                100 * line["authority_sd"],
                100 * line["shock_sd"],
                line["status"],
            )
            for way, line in lines.items()
        ),
        evidence="synthetic",
        status="converged"
        if all(line["status"] == "converged" for line in lines.values())
        else "not converged",
    )
)

# %%
default = posteriors.loc["effective size"]
for way in ("rows", "covariates"):
    other = posteriors.loc[way]
    shift, width = (other["mean"] - default["mean"]) / default["sd"], other["sd"] / default["sd"]
    sb.show(
        f"{way.capitalize()}: the effect's mean lies {abs(shift):.2f} posterior sds"
        f" {'above' if shift > 0 else 'below'} the default's; its sd is {width:.2f} of that.",
        evidence="synthetic",
    )
share = (alone.loc["effective size", "actual sd"] / default["sd"]) ** 2
sb.show(
    f"The variance of children alone is {share:.0%} of the default posterior's; the rest is how"
    " authorities differ and move.",
    evidence="synthetic",
)

# %% [markdown]
# The posterior's mean is not the regression's coefficient. The regression has no authorities in
# it, so that pilots with many children after settling-in and few before are compared with other
# pilots; with an intercept for each authority they are compared with themselves. Least squares
# with fixed effects of authorities tells how much that alone makes of the difference; these
# children were solved to have the printed effect there as well.

# %%
own_level = replace(analysis.regression, authorities="fixed")
fixed = sb.regression_design(matched, children, own_level)
z, root = fixed.terms.to_numpy(), np.sqrt(fixed.weights)
within = np.linalg.lstsq(root[:, None] * z, root * fixed.outcome)[0]
sb.show(
    f"Weighted least squares: {alone.loc['effective size', 'estimate']:.4f}; with fixed effects of"
    f" authorities {within[list(fixed.terms).index('did')]:.4f}; the posterior's mean"
    f" {default['mean']:.4f}.",
    evidence="synthetic",
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

# %% [markdown]
# ## What one may and may not conclude
#
# - One may conclude what each way claims and how far that is from the error it has: the formulas
#   do not rest on simulated children, nor does it that one graph fits all three.
# - One may **not** carry the numbers over: the population's covariates were solved to reproduce
#   the printed balance, and its outcomes to reproduce the printed coefficients. That leaves open
#   how uneven the weights of the real children are, how their outcomes depend on covariates
#   within strata, and how much authorities move.
# - On records the same lines run, with their own `matched` folder in place of the simulated one.
