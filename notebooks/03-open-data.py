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
# # Open data
#
# **Source:** counts of whole authorities that the Department for Education publishes
# (`open-data`). They are other children than the evaluation's: all that an authority counts, not
# the matched ones.
#
# **Question.** Do the pilots' rates of conferences, as anybody can download them, move with
# their comparators' before settling-in, and how do they part afterwards?
#
# **What is done.** Three files are read; comparators are chosen by their trend before
# settling-in alone; a difference-in-differences with authorities that differ and move from year
# to year is fitted to the counts.
#
# This chapter needs files that are not part of the project. Without them it says which ones,
# and the cells after that have text and no results.

# %%
import os
from dataclasses import replace
from pathlib import Path

import sofs_bayes as sb

analysis = sb.load("icpc-open-data-matched")
folder = os.environ.get("SOFS_BAYES_OPEN_DATA")
files = sorted(Path(folder).glob("*.csv")) if folder else []
if not files:
    sb.show(
        "No open data: this chapter stops here. From the release “Children in need” on the"
        " Department for Education's service “Explore education statistics” download as CSV the"
        " data sets C4 (section 47s and ICPCs), B1 (children in need) and C1 (referrals), put them"
        " into one folder, set the environment variable SOFS_BAYES_OPEN_DATA to that folder, and"
        " run the chapter again."
    )

# %% [markdown]
# ## What was read
#
# Nothing disappears: a count that is missing keeps the symbol that stood in its place, and what
# looks odd becomes a notice.

# %%
if files:
    panel = sb.read_panel(files, analysis.data)
    observed = panel.observed
    first, last = panel.years[0], panel.years[-1]
    sb.show(
        f"{len(panel.authorities)} authorities over {len(panel.years)} financial years,"
        f" {first} to {last}; {int(observed.sum()):,} of {observed.size:,} authority-years have"
        f" both counts. {len(panel.notices)} notices.",
        evidence="open-data",
    )
    events, denominator = (
        panel.counts[name].sum("authority") for name in ("events", "denominator")
    )
    rates = ", ".join(
        f"{year}: {float(share):.1%}"
        for year, share in zip(panel.years, (events / denominator).to_numpy(), strict=True)
    )
    sb.show(
        f"{analysis.data.events} over {analysis.data.denominator}: {rates}.", evidence="open-data"
    )
    kinds = {}
    for notice in panel.notices:
        kinds[notice.kind] = kinds.get(notice.kind, 0) + 1
    sb.show(
        "Notices by kind: " + ", ".join(f"{kind} {n}" for kind, n in sorted(kinds.items())) + ".",
        evidence="open-data",
    )

# %% [markdown]
# ## Comparators
#
# Each pilot gets the authorities whose log-odds moved most alike in the pilot's own years before
# settling-in. What happened afterwards has no part in the choice.

# %%
if files:
    choice = sb.choose_comparators(panel, analysis.design)
    sb.show(
        f"{len(choice.pilots)} pilots, {len(choice.eligible)} eligible authorities,"
        f" {len(choice.comparators)} chosen.",
        evidence="open-data",
    )
    for each in (*choice.unmatched, *choice.left_out):
        sb.show(f"{each.authority}: {each.reason.rstrip('.')}.", evidence="open-data")

# %% [markdown]
# ## The fit
#
# One prior, fewer draws than in a final analysis, and no refits but the event study: a chapter has
# to run in a minute. `make reanalyse` makes the whole of it.

# %%
if files:
    name, prior = next(iter(analysis.effect_priors.items()))
    quick = replace(
        analysis,
        effect_priors={name: prior},
        sampler=replace(analysis.sampler, tune=1000, draws=1000),
    )
    run = sb.fit(quick, files, quick=True)
    sb.show(f"The draws: {run.status}.", evidence=run.evidence)
    sb.show(sb.pre_trend_table(run))

# %%
if files:
    sb.show(*sb.drawings(run))
    main_only = sb.effects_table(run, scale="risk", keep=lambda row: row.kind == "main")
    sb.show(main_only, sb.rates_table(run))

# %%
if files:
    main = next(row for row in run.effects if (row.target, row.scale) == ("pooled", "risk"))
    chances = {
        row.statement: row
        for row in run.probabilities
        if (row.effect, row.variant) == (main.effect, main.variant)
    }
    above = chances["above 0 pp"]
    sb.show(
        f"Pooled over the pilots the effect's median is {100 * main.median:+.1f} pp,"
        f" {main.level:.0%} interval {100 * main.lower:+.1f} to {100 * main.upper:+.1f} pp; it is"
        f" above zero with a probability of {above.probability:.2f} (Monte Carlo error"
        f" {above.mcse:.3f}), under the prior “{main.prior}”.",
        evidence=run.evidence,
    )

# %% [markdown]
# ## What one may and may not conclude
#
# - One may say how the pilots' published rates moved beside those of authorities that had moved
#   alike before, and how sure a model with authorities' own movements is of the difference.
# - One may **not** call it a replication: whole authorities are counted, unadjusted and by
#   year; children are not matched.
# - One may **not** give a numbered pilot of the report a name from these files. The report does
#   not name its pilots, and nothing here links the two.
# - One may **not** exclude that recording changed: a new definition looks like an effect. Where a
#   break is declared the authority is left out, and the notices list what else looks odd.
