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
# # Hierarchical models of children
#
# **Source:** simulated children (`synthetic`), with one printed coefficient beside them
# (`published`). The children say nothing about *Signs of Safety*, and a pilot's effect in this
# chapter is not a finding about any authority.
#
# **Question.** What changes if the main regression knows what its standard errors leave out:
# that authorities differ, that each moves from year to year, and that the effects of pilots
# differ?
#
# **What is done.** The model of Table 5 gets an intercept for each authority, shocks by
# authority and year that persist, and an effect for each pilot, partially pooled: pilots inform
# each other as far as they turn out to be alike. For child i in authority j and year t:
#
# > y = α + year(t) + β·pilot(j) + authority(j) + (δ + deviation(j))·pilot(j)·after(j, t) +
# > shock(j, t) + covariates(i) + residual(i)
#
# The likelihood needs cross-products only, so a fit costs the same for any number of children.

# %%
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import sofs_bayes as sb

scratch = TemporaryDirectory()
folder = Path(os.environ.get("SOFS_BAYES_CHAPTERS", scratch.name))
analysis = sb.load("icpc-linear")
if not (folder / "people").exists():
    sb.simulate(analysis.children, folder / "people")
if not (folder / "matched").exists():
    sb.match(analysis.children, folder / "people", folder / "matched")
if not (folder / "run").exists():
    sb.save(sb.fit(analysis, [folder / "matched"], quick=True), folder / "run")
run = sb.read_run(folder / "run")
sb.show(f"The draws: {run.status}.", evidence=run.evidence)

# %% [markdown]
# ## What was assumed
#
# Every prior states its reason, or the file does not load.

# %%
for name in (
    "authority_sd",
    "shock_sd",
    "shock_correlation",
    "pilot_effect_sd",
    "pilot_difference",
):
    sb.show(f"{name}: {getattr(analysis.priors, name).why}", evidence=None)

# %% [markdown]
# ## The effect, pilot by pilot

# %%
drawn = {each.name: each for each in sb.drawings(run)}
sb.show(drawn["pilot-forest"])
first = analysis.headline_prior
sb.show(sb.effects_table(run, scale="risk", keep=lambda row: row.prior == first))

# %% [markdown]
# *Pooled* is the average over the pilots' children after settling-in. *New authority* is the
# effect to be expected in one more authority like the pilots: it adds how much pilots differ to
# how unsure their mean is.

# %%
rows = {
    row.target: row
    for row in run.effects
    if (row.role, row.scale, row.prior) == ("effect after settling-in", "risk", first)
}
pooled, new = rows["pooled"], rows["new authority"]
sb.show(
    f"Pooled: {pooled.level:.0%} interval {100 * pooled.lower:+.1f} to {100 * pooled.upper:+.1f}"
    f" pp. A new authority: {100 * new.lower:+.1f} to {100 * new.upper:+.1f} pp,"
    f" {(new.upper - new.lower) / (pooled.upper - pooled.lower):.2f} times as wide.",
    evidence=run.evidence,
)

# %% [markdown]
# ## Where the uncertainty comes from

# %%
spreads = [row for row in run.effects if not row.is_effect and row.prior == first]
sb.show(
    sb.Table(
        name="spreads",
        title="How much authorities, their years, and pilots' effects differ (standard deviations)",
        columns=(
            sb.Column(key="what", heading="Standard deviation"),
            sb.Column(key="median", heading="Median (pp)", format="number"),
            sb.Column(key="lower", heading=f"{pooled.level:.0%} from", format="number"),
            sb.Column(key="upper", heading="to", format="number"),
        ),
        rows=tuple(
            (row.role, 100 * row.median, 100 * row.lower, 100 * row.upper) for row in spreads
        ),
        evidence=run.evidence,
        status=run.status,
    )
)

# %% [markdown]
# Errors of independent children take all three spreads for zero. Errors clustered on authorities
# do not, but from so few authorities they are badly known themselves; here that is part of the
# answer.

# %%
printed = sb.fact(5, "DiD (pilot LA * post settling-in period)", analysis.column).printed
sb.show(f"Table 5 prints {printed.text} for the effect.", evidence="published")
apart = abs(pooled.median - printed.value) / pooled.sd
sb.show(
    f"The posterior's median is {pooled.median:.4f}, {apart:.1f} posterior sds from that: with an"
    " intercept for each authority pilots are compared with themselves before settling-in, and what"
    " the intercepts take up is no longer the effect's.",
    evidence=run.evidence,
)

# %% [markdown]
# ## What one may and may not conclude
#
# - One may conclude that a model with authorities' own differences and movements can be fitted to
#   data of this design, and how wide it leaves the effect here.
# - One may conclude that with so few authorities the priors of their spreads matter, and has to
#   show them beside the result.
# - One may **not** read any effect of this chapter as one of *Signs of Safety*: the children are
#   simulated. Their authorities move as real ones do in open counts, and the effect was solved to
#   be there within authorities; `simulate icpc --stress` makes children on whom the regression
#   prints the same, and this model does not find it.
# - On records or released cells the same lines run, and then the numbers are about the pilots.
