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
# # The published regressions, run again
#
# **Source:** simulated children (`synthetic`) and, beside them, the printed tables (`published`)
# and what follows from these (`published-inferred`). The children say nothing about *Signs of
# Safety*.
#
# **Question.** Do the regressions, tests and decision rules that the report describes give the
# printed numbers on children for whom they should?
#
# **What is done.** The published analysis (weighted least squares, errors clustered on
# authorities or not as its rules decide, imputation of what is missing) is run on the matched
# simulated children. Three of its columns keep this chapter short; `make replicate` runs all of
# Tables 2 to 7.

# %%
import json
import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import sofs_bayes as sb

scratch = TemporaryDirectory()
folder = Path(os.environ.get("SOFS_BAYES_CHAPTERS", scratch.name))
analysis = sb.load("icpc-children")
if not (folder / "people").exists():
    sb.simulate(analysis, folder / "people")
if not (folder / "matched").exists():
    sb.match(analysis, folder / "people", folder / "matched")
evidence = json.loads((folder / "matched" / "manifest.json").read_text("utf-8"))["evidence"]

wanted = ("Linear model", "Excluding pilot 4", "Leads and lags")
columns = [each for each in analysis.regressions.columns if each.name in wanted]
few = replace(analysis, regressions=replace(analysis.regressions, columns=tuple(columns)))
matched = sb.read_matched(sb.matched_file(folder / "matched"), analysis)
found = sb.published_analysis(matched, few)
for name in found.failed:
    sb.show(f"{name}: no estimate.", evidence=evidence)

# %% [markdown]
# ## The rules of the protocol
#
# The report's protocol decides on the model by the outcome's incidence, on the errors by a test
# for serial correlation, and on the assumption of parallel trends by the leads.

# %%
tables = {table.name: table for table in sb.replication_tables(found, found.numbers, few, evidence)}
sb.show(tables["decisions"])

# %% [markdown]
# ## Published beside replicated
#
# A cell is met where the replicated number rounds to the printed one. In brackets stands the
# standard error, which the report does not print.

# %%
met = [each for each in found.numbers if each.met]
sb.show(
    f"{sum(each.met == 'yes' for each in met)} of {len(met)} printed numbers of these columns"
    " come out.",
    evidence=evidence,
)
sb.show(tables["totals"], tables["table-4"], tables["table-5"])
leads = sb.audit().finding("leads.icpc_years")
sb.show(f"On the leads of Table 4: {leads.sentence}", evidence=leads.evidence)

# %%
main, fitted = found.fits[0]
level = 0.95
line = fitted.table(level).loc["did"]
printed = sb.fact(5, "DiD (pilot LA * post settling-in period)", main.name).printed
sb.show(f"Table 5 prints {printed.text} for the effect.", evidence="published")
sb.show(
    f"Here it is {line['coefficient']:.4f} with a standard error of {line['standard_error']:.4f}"
    f" ({fitted.errors}), p = {line['p_value']:.2f}, and a {level:.0%} confidence interval from"
    f" {100 * line['lower']:+.1f} to {100 * line['upper']:+.1f} percentage points.",
    evidence=evidence,
)

# %% [markdown]
# The printed coefficient is met because the children were made so. The standard error is not
# printed: the stars, which the children were made to meet too, bound it, and within that bracket
# it is theirs.

# %% [markdown]
# ## Pilots' conference rate, and the rate expected without the programme

# %%
sb.show(sb.replication_drawing(found, few, evidence))

# %% [markdown]
# ## What one may and may not conclude
#
# - One may conclude that this code computes what the report describes: the same terms, weights,
#   rules and tests give the printed numbers on children for whom they should.
# - One may **not** take the standard errors, p-values or intervals here for the report's. They
#   are those of simulated children.
# - One may **not** conclude that the published analysis is right for its question. That is what
#   the next chapters are about: a confidence interval does not say how probable an effect is,
#   and clustering on a handful of authorities does not tell how much authorities move.
