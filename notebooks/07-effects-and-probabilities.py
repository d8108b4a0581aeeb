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
# # Effects and probabilities
#
# **Source:** simulated children (`synthetic`). The probabilities of this chapter say nothing
# about *Signs of Safety*; how they are made and read is what it shows.
#
# **Question.** What may be said with a posterior in place of stars: how probable is an effect
# above or below a size that matters, for the pilots, for each of them, for the next authority?
#
# **What is done.** The fit of the chapter before is asked. Every probability is a share of
# draws, with the Monte Carlo error that comes with a finite number of draws.

# %%
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

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
AFTER = "effect after settling-in"

# %% [markdown]
# ## From stars to sentences
#
# A star says that a p-value fell below a level. The sentences below say how probable the
# statements are that the analysis declares, for the pooled effect, prior by prior.

# %%
for prior, assumed in analysis.effect_priors.items():
    (effect,) = (
        row
        for row in run.effects
        if (row.role, row.target, row.scale, row.prior) == (AFTER, "pooled", "risk", prior)
    )
    stated = [
        row
        for row in run.probabilities
        if (row.role, row.target, row.scale, row.prior) == (AFTER, "pooled", "risk", prior)
    ]
    said = ", ".join(f"{row.statement} with {row.probability:.2f}" for row in stated)
    error = np.nanmax([row.mcse for row in stated])
    sb.show(
        f"{prior.capitalize()} ({assumed.why}) The effect is {said} (Monte Carlo"
        f" error at most {error:.3f}). {effect.level:.0%} interval: {100 * effect.lower:+.1f} to"
        f" {100 * effect.upper:+.1f} pp.",
        evidence=run.evidence,
    )

# %% [markdown]
# ## On other scales
#
# The same effect as children per thousand referred, which is easier to weigh against cost.

# %%
first = analysis.headline_prior
sb.show(
    sb.effects_table(
        run,
        scale="children per 1,000",
        keep=lambda row: row.prior == first and row.target in ("pooled", "new authority"),
    )
)

# %% [markdown]
# ## Any threshold
#
# No threshold is the right one for everybody, and the posterior answers each. Below, for a row of
# them: the probability that the mean of the pilots' effects, and that most of these, lie above.

# %%
draws = sb.open_posterior(folder / "run")["posterior"].to_dataset()
shared = draws["coefficient"].sel(term="did")
by_pilot = shared + draws["pilot_deviation"]
mean_of_pilots = by_pilot.mean("pilot")
rows = []
for threshold in np.linspace(-0.06, 0.06, 13):
    rows.append(
        (
            float(threshold),
            float((mean_of_pilots > threshold).mean()),
            float(((by_pilot > threshold).mean("pilot") > 1 / 2).mean()),
        )
    )
sb.show(
    sb.Table(
        name="thresholds",
        title="Probability that the effect lies above a threshold",
        columns=(
            sb.Column(key="threshold", heading="Threshold (pp)", format="pp"),
            sb.Column(key="mean", heading="Mean of the pilots", format="probability"),
            sb.Column(key="most", heading="More than half of the pilots", format="probability"),
        ),
        rows=tuple(rows),
        evidence=run.evidence,
        notes=("The mean counts each pilot once; the pooled effect counts each child once.",),
        status=run.status,
    )
)

# %% [markdown]
# The columns are made from the stored draws, and show what a table of intervals cannot: a
# statement about several pilots at once is one about each draw. Where each pilot has about the
# same chance of the largest effect, a ranking would be noise.

# %%
falls = (by_pilot < 0).mean("pilot")
sb.show(
    f"The effect is below zero in all pilots with {float((falls == 1).mean()):.2f}, in none with"
    f" {float((falls == 0).mean()):.2f}, in some but not all with"
    f" {float(((falls > 0) & (falls < 1)).mean()):.2f}.",
    evidence=run.evidence,
)
largest = by_pilot.argmax("pilot")
shares = {
    str(name): float((largest == place).mean())
    for place, name in enumerate(by_pilot["pilot"].values)
}
sb.show(
    "Which pilot has the largest effect: "
    + ", ".join(f"{name} {share:.2f}" for name, share in shares.items())
    + f". Were all alike, each would have {1 / len(shares):.2f}.",
    evidence=run.evidence,
)

# %% [markdown]
# ## Checked against the tables
#
# The draws, taken by hand, have to agree with the effects the run reports.

# %%
reported = {
    row.target: row
    for row in run.effects
    if (row.role, row.scale, row.prior) == (AFTER, "risk", first)
}
gap = max(
    abs(float(by_pilot.sel(pilot=name).mean()) - reported[str(name)].mean)
    for name in by_pilot["pilot"].values
)
assert gap < 1e-6
sb.show(
    "Each pilot's mean effect, taken from the draws by hand, is the reported one to within"
    f" {100 * gap:.4f} percentage points.",
    evidence=run.evidence,
)
sb.show(*(each for each in sb.drawings(run) if each.name.startswith(("threshold", "pilot-forest"))))

# %% [markdown]
# ## What one may and may not conclude
#
# - One may state a probability with its threshold, its prior and its evidence, all of them.
# - One may say that data cannot tell two statements apart, where each has a probability far from
#   zero and from one.
# - One may **not** call an effect absent because its interval holds zero, nor negligible unless a
#   region of practical equivalence was declared before.
# - One may **not** rank pilots by effects that pooling leaves so close to each other.
# - Nothing here is a finding about *Signs of Safety*: the children are simulated.
