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
# # Checks and calibration
#
# **Source:** simulated studies and simulated children (`synthetic`); the calibration at the end on
# studies simulated with the design of the printed model (`published-inferred`). Nothing here says
# anything about *Signs of Safety*.
#
# **Question.** When may a posterior be believed?
#
# **What is done.** Four things are asked in turn: did the sampler converge, does the model fit,
# does the answer depend on a prior or on single data, and does the whole machinery give intervals
# that hold what they promise? The fit is that of the chapters before.

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

# %% [markdown]
# ## Did the sampler converge?
#
# The gate judges parameters and the effects themselves. A fit it refuses is written all the
# same, and everything made from it says "not converged".

# %%
sb.show(sb.diagnostics_table(run))

# %% [markdown]
# ## Does the model fit?
#
# Rates by arm and year, beside what the fitted model would have predicted for an authority-year
# it has not seen.

# %%
drawn = {each.name: each for each in sb.drawings(run)}
checks = {table.name: table for table in sb.hierarchical_diagnostics(run)}
sb.show(drawn["arm-years"], checks["arm_years"])

# %% [markdown]
# ## What does the answer depend on?
#
# Leave-one-out says how well each authority's year is predicted by all others, and where that
# judgement itself is shaky. Power-scaling says how far the answer moves if a prior, or the
# likelihood, counts a little more or less. The tipping point is the departure from parallel
# trends that would turn the answer round.

# %%
for name in ("loo", "loo_cells", "authority_loo", "power_scaling", "tipping_points", "tipping"):
    if name in checks:
        sb.show(checks[name])
if "tipping" in drawn:
    sb.show(drawn["tipping"])

# %% [markdown]
# ## Do intervals hold what they promise?
#
# Simulation-based calibration: a truth is drawn from the prior, a study simulated from it, the
# posterior computed as for the real study, and the truth ranked among its draws. If the
# posterior is computed right, ranks are uniform, whatever the model. It is done here for the
# posterior from print, which takes milliseconds; `make calibrate` does it for every analysis.

# %%
replicates = 200
printed = sb.load("icpc-printed")
found, _ = sb.calibrate(printed, output=folder / "calibrated", replicates=replicates)
sb.show(*sb.calibration_drawings(found))
tables = {table.name: table for table in sb.calibration_tables(found)}
sb.show(tables["calibration_verdict"], tables["calibration_coverage"])

# %%
tests = found.verdict.tests
out = [test.quantity for test in tests if test.verdict == "out"]
sb.show(
    f"{len(tests)} quantities over {len(found.verdict.replicates)} replicates:"
    f" {len(out) or 'none'} out of line. The ranks"
    f" {'do not speak' if found.verdict.uniform else 'speak'} against the posterior.",
    evidence=found.evidence,
)
sb.show(
    f"With {replicates} replicates the dispersion of a right posterior has a standard error of"
    f" {(2 / replicates) ** 0.5:.2f}: an error smaller than that would not be seen.",
    evidence=found.evidence,
)

# %% [markdown]
# ## Would the check notice?
#
# A check that cannot fail is none. The same ranks are taken from posteriors made too narrow on
# purpose: each truth's normal score is stretched, as it would be if all posteriors claimed a
# standard deviation smaller by that factor. Dispersion, the mean square of the scores, should be
# one; it is compared with the spread it has by chance.

# %%
quantity = tests[0].quantity
dispersion = tests[0].dispersion
for factor in (1.0, 0.9, 0.7):
    stretched = dispersion / factor**2
    errors = (stretched - 1) / (2 / replicates) ** 0.5
    sb.show(
        f"{quantity}, posteriors of {factor:.0%} of their width: dispersion {stretched:.2f},"
        f" {errors:+.1f} standard errors from one.",
        evidence=found.evidence,
    )

# %% [markdown]
# ## What one may and may not conclude
#
# - Where no test above is out, one may conclude that nothing speaks against the computation, to
#   within what so few replicates could show; where the gate passed, that the draws may be used.
# - Where power-scaling names a prior, one has to show the answer under others beside it.
# - One may conclude that where leave-one-out has a large Pareto k its judgement of that
#   authority-year is not to be relied on.
# - One may **not** conclude that the model is true. Calibration asks whether the posterior is
#   right *for the model*; predictive checks ask whether these data look like the model's.
# - One may **not** conclude that trends would have been parallel: no check sees what did not
#   happen. The tipping point says only how large a departure would have to be.
