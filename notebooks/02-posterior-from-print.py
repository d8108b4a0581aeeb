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
# # The posterior from print
#
# **Source:** the printed coefficients, decimals and stars, and declared priors
# (`published-inferred`). No child's record and no simulation.
#
# **Question.** Given only what is printed, how likely are effects of different sizes?
#
# **What is done.** A printed coefficient is an estimate of an effect with an unknown standard
# error. The stars of two rows bound that error, and a model of authorities that differ, and
# whose rates before and after are related, says how it arises. Given the spread between
# authorities and that correlation the effect is normal, so the posterior is a mixture of
# normals over a grid: no sampling. Every prior carries its reason in the analysis's file.

# %%
from dataclasses import replace

import sofs_bayes as sb

conferences, care = sb.load("icpc-printed"), sb.load("cla-printed")


def pp(value: float) -> str:
    """A risk difference in percentage points."""
    return f"{100 * value:+.1f} pp"


for name, prior in conferences.effect_priors.items():
    sb.show(
        f"Prior “{name}”: mean {pp(prior.mean)}, standard deviation {100 * prior.sd:.0f} pp."
        f" {prior.why}",
        evidence=None,
    )

# %% [markdown]
# ## Conferences

# %%
run = sb.fit(conferences)
sb.show(*sb.drawings(run))
sb.show(sb.effects_table(run, scale="risk"))

# %% [markdown]
# In words, prior by prior. The statements are those that the analysis declares; no size of
# effect is called negligible here, and so there is no verdict.

# %%
level = conferences.estimands.level
for name in conferences.effect_priors:
    effect = sb.posterior(conferences, prior=name).effect
    lower, upper = effect.quantile([(1 - level) / 2, (1 + level) / 2])
    point = 0.01
    sb.show(
        f"{name.capitalize()}: with a probability of {level:.0%} between {pp(lower)} and"
        f" {pp(upper)}; above zero with {1 - effect.cdf(0.0):.0%}; within one point of zero with"
        f" {effect.cdf(point) - effect.cdf(-point):.0%}.",
        evidence="published-inferred",
    )

# %% [markdown]
# ## How much the prior of the effect matters
#
# A sceptic believes in a narrow range around zero. The table narrows the prior step by step and
# shows how far the data still change it.

# %%
reference = conferences.effect_priors["reference"]
lines = []
for sd in (0.20, 0.10, 0.05, 0.02, 0.01):
    prior = replace(reference, sd=sd, why="One of a row of prior widths.")
    analysis = replace(conferences, effect_priors={"width": prior})
    effect = sb.posterior(analysis, prior="width").effect
    lower, upper = effect.quantile([(1 - level) / 2, (1 + level) / 2])
    lines.append(
        (100 * sd, effect.mean(), lower, upper, float(1 - effect.cdf(0.0)), effect.sd() / sd)
    )
interval = f"{level:.0%} credible interval"
sb.show(
    sb.Table(
        name="widths",
        title="The effect on conferences under narrower and narrower priors around zero",
        columns=(
            sb.Column(key="sd", heading="Prior sd (pp)", format="number"),
            sb.Column(key="mean", heading="Mean (pp)", format="pp"),
            sb.Column(key="lower", heading="lower", format="pp", group=interval),
            sb.Column(key="upper", heading="upper", format="pp", group=interval),
            sb.Column(key="above", heading="Probability above 0", format="probability"),
            sb.Column(key="left", heading="Posterior sd / prior sd", format="probability"),
        ),
        rows=tuple(tuple(map(float, line)) for line in lines),
        evidence="published-inferred",
    )
)
widest, narrowest = lines[0], lines[-1]
sb.show(
    f"With the widest prior the posterior's sd is {widest[-1]:.0%} of the prior's, with the"
    f" narrowest {narrowest[-1]:.0%}: where the last column is near one, the reader sees the prior"
    " again and not the data.",
    evidence="published-inferred",
)

# %% [markdown]
# ## What else it depends on
#
# One assumption at a time takes other values: the spread between authorities, the correlation
# of their rates, the pilots' standing difference, the distribution behind the stars. The table
# has the first prior; `sb.sensitivity_table(run, scale="risk")` as it stands has all.

# %%
changes = sb.sensitivity_table(run, scale="risk")
own = [column.key for column in changes.columns].index("prior")
first = conferences.headline_prior
sb.show(replace(changes, rows=tuple(row for row in changes.rows if row[own] == first)))

# %% [markdown]
# ## Entry to care
#
# For entry to care it is open what the stars were computed from, so each reading is fitted. A
# log-odds coefficient is turned into a difference of risks at the stated incidence.

# %%
care_run = sb.fit(care)
for reading in care.readings:
    sb.show(f"Reading “{reading.name}”: {reading.why}", evidence=None)
sb.show(*sb.drawings(care_run))
sb.show(sb.effects_table(care_run, scale="risk"))

# %%
first = care.headline_prior
risks = [
    row for row in care_run.effects if (row.scale, row.prior) == ("risk", first) and row.is_effect
]
for row in risks:
    sb.show(
        f"{row.reading.capitalize()}: median {100 * row.median:+.2f} pp, {row.level:.0%} interval"
        f" {100 * row.lower:+.2f} to {100 * row.upper:+.2f} pp.",
        evidence="published-inferred",
    )

# %% [markdown]
# ## What one may and may not conclude
#
# - One may say how likely an effect of a given size is, given the print, a reading of its
#   stars and a prior that is named; and how that changes with the prior.
# - One may say that the print does not show the effect to be small, as far as the intervals
#   above hold both rises and falls that would matter.
# - One may **not** quote one of these probabilities without its prior.
# - One may **not** speak of single pilots: what is printed has none of them.
# - One may **not** expect the children's records to give the same: they would replace the
#   bracket on the standard error by data.
