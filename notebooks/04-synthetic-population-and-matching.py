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
# # Synthetic children and matching
#
# **Source:** simulated children (`synthetic`), with printed totals beside them (`published`). The
# children say nothing about *Signs of Safety*.
#
# **Question.** Does the pipeline do to children's records what the report describes: observe
# referrals by matched group, match them exactly on coarsened covariates within groups, weigh
# comparators, and check the balance?
#
# **What is done.** The real records are confidential, and nobody involved has seen them. A
# population is simulated, whose covariates and outcomes were solved so that the published
# regressions print the published coefficients on it. It goes through the same verbs as records
# would: `simulate`, then `match`.

# %%
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

import sofs_bayes as sb

scratch = TemporaryDirectory()
folder = Path(os.environ.get("SOFS_BAYES_CHAPTERS", scratch.name))
analysis = sb.load("icpc-children")
if not (folder / "people").exists():
    sb.simulate(analysis, folder / "people")
if not (folder / "matched").exists():
    sb.match(analysis, folder / "people", folder / "matched")

# %% [markdown]
# ## Who was simulated
#
# A pilot and its comparators form a matched group; a comparator of several pilots stands in
# several groups, and its referrals have a row in each.

# %%
matched = sb.read_matched(sb.matched_file(folder / "matched"), analysis)
sb.show(
    f"{len(matched):,} matched rows are {matched['referral'].nunique():,} referrals of"
    f" {matched['child'].nunique():,} children in {matched['authority'].nunique()} authorities;"
    f" {matched['outcome'].mean():.1%} of rows have a conference within the window.",
    evidence="synthetic",
)
sb.show(
    f"The report prints {sb.stated('table_5.n').printed} observations, the stated incidence is"
    f" {sb.stated('icpc.incidence').printed}.",
    evidence="published",
)

# %% [markdown]
# ## What matching did
#
# What `match` writes beside the matched children, as it stands: authorities here and in print,
# rows kept and dropped, and balance. L1 is zero where both arms are distributed alike over all
# cells of the uncoarsened covariates, one where they have no cell in common.

# %%
sb.show(folder / "matched" / "matching.md")

# %% [markdown]
# ## Weights
#
# A pilot's child weighs one. A comparator's child weighs what makes its stratum as large, among
# comparators, as it is among pilots. The price of balance is a smaller effective sample: the size
# of an unweighted sample with as little noise, (Σw)² / Σw².

# %%
weights = matched.loc[matched["pilot"] == 0, "weight"].to_numpy()
level = 0.9
low, middle, high = np.quantile(weights, [(1 - level) / 2, 0.5, (1 + level) / 2])
effective = weights.sum() ** 2 / (weights**2).sum()
sb.show(
    f"Comparators' weights: median {middle:.2f}, the middle {level:.0%} between {low:.2f} and"
    f" {high:.2f}; {len(weights):,} rows are worth {effective:,.0f} unweighted ones.",
    evidence="synthetic",
)

# %% [markdown]
# What the weights do to single covariates, before settling-in: the share of each level among
# pilots, among comparators as they are, and among comparators weighted.

# %%
before = matched[matched["post"] == 0]
lines = []
for name in ("gender", "disabled", "low_income", "ethnic_group"):
    for value in sorted(before[name].dropna().unique()):
        is_level = (before[name] == value).fillna(False).to_numpy(dtype=bool)
        pilot = before["pilot"].to_numpy() == 1
        weight = before["weight"].to_numpy()
        lines.append(
            (
                f"{name}: {value}",
                float(is_level[pilot].mean()),
                float(is_level[~pilot].mean()),
                float(np.average(is_level[~pilot], weights=weight[~pilot])),
            )
        )
sb.show(
    sb.Table(
        name="shares",
        title="Shares of referrals before settling-in",
        columns=(
            sb.Column(key="level", heading="Covariate: level"),
            sb.Column(key="pilots", heading="Pilots", format="percent"),
            sb.Column(key="comparators", heading="Comparators", format="percent"),
            sb.Column(key="weighted", heading="Comparators, weighted", format="percent"),
        ),
        rows=tuple(lines),
        evidence="synthetic",
    )
)
shares = pd.DataFrame(lines, columns=["level", "pilots", "comparators", "weighted"])
apart = {
    name: float((shares["pilots"] - shares[name]).abs().max())
    for name in ("comparators", "weighted")
}
sb.show(
    f"The largest difference of a share from the pilots': {100 * apart['comparators']:.1f} points"
    f" unweighted, {100 * apart['weighted']:.1f} points weighted.",
    evidence="synthetic",
)

# %% [markdown]
# ## What one may and may not conclude
#
# - One may conclude that the pipeline computes what the report describes, on children whose
#   truth is known.
# - One may **not** conclude anything about real people. Their balance, weights and rates
#   differ from these in ways that printed tables leave open.
# - Where a number here equals a printed one, it was made to. Nothing is confirmed by it.
# - On records the same lines run, with a folder of records in place of `people`; what they write
#   stays where the records are.
