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
# # The printed facts
#
# **Source:** what the report prints (`published`), and what follows from it by arithmetic
# (`published-inferred`). No child's record and no simulation.
#
# **Question.** The evaluation of *Signs of Safety* found no significant effect on initial child
# protection conferences (ICPC) or on entry to care (CLA). What exactly does it print, do its
# tables fit together, and what do its significance stars say about standard errors, which it
# does not print?
#
# **What is done.** Every cell of Tables 1 to 7 is held with its place, unit, decimals and
# stars. An audit puts questions to these numbers and computes the answers; no answer is typed.

# %%
from statistics import NormalDist

import sofs_bayes as sb

facts = sb.load_facts()
audit = sb.audit()

# %% [markdown]
# ## What is printed

# %%
numbers = [each for each in facts if each.printed.value is not None]
starred = [each for each in numbers if each.printed.stars]
tables = sorted({each.table for each in facts})
counted = tuple(
    (
        f"Table {table}",
        sum(each.table == table for each in facts),
        sum(each.table == table for each in numbers),
        sum(each.table == table for each in starred),
    )
    for table in tables
)
sb.show(
    sb.Table(
        name="cells",
        title="Cells of the report's tables",
        columns=(
            sb.Column(key="table", heading="Table"),
            sb.Column(key="cells", heading="Cells", format="integer"),
            sb.Column(key="numbers", heading="with a number", format="integer"),
            sb.Column(key="starred", heading="with a star", format="integer"),
        ),
        rows=counted,
        evidence="published",
    )
)

# %% [markdown]
# Two rows matter most. The row `DiD` is the effect: how much more the pilots changed after
# settling-in than their comparators. The row `Pilot LA` is the standing difference between the
# two kinds of authority. Both come without a standard error.

# %%
DID, PILOT = "DiD (pilot LA * post settling-in period)", "Pilot LA"
places = [
    (5, "Linear model", "conferences"),
    (7, "Logistic regression - clustered", "entry to care"),
    (7, "Logistic regression - not clustered", "entry to care"),
    (7, "Linear regression - clustered", "entry to care"),
]
for table, column, outcome in places:
    effect, pilot = (sb.fact(table, row, column) for row in (DID, PILOT))
    sb.show(
        f"Table {table}, {column} ({outcome}): effect {effect.printed.text},"
        f" pilot difference {pilot.printed.text}, in units of {effect.unit}.",
        evidence="published",
    )
effects = audit.finding("effects.significance")
sb.show(effects.sentence, evidence=effects.evidence)

# %% [markdown]
# ## Do the tables fit together?
#
# Each question compares printed entries with each other. *Agrees* means that rounding leaves
# room for both; *derived* means that a number follows which nothing printed confirms or denies.

# %%
agree, differ, derived = (
    [each for each in audit.findings if each.agrees is verdict] for verdict in (True, False, None)
)
sb.show(
    f"{len(audit.findings)} questions: {len(agree)} agree, {len(differ)} do not,"
    f" {len(derived)} derive a number.",
    evidence="published-inferred",
)
sb.show(sb.findings_table(audit))

# %% [markdown]
# ## Standard errors inferred from stars
#
# A coefficient with one star has a p-value between two known levels, so its standard error lies
# between two known numbers; one without a star has an error above a known number. That bracket
# is set beside the error that children counted as independent would leave.

# %%
main, _ = sb.bracket_drawings(audit)
sb.show(main)
for key in ("table_5.child_level", "table_7.unclustered_errors", "table_7.clustering_headings"):
    finding = audit.finding(key)
    sb.show(finding.sentence, evidence=finding.evidence)
    assert finding.agrees is False  # the end of this chapter rests on it

# %%
bracket = audit.bracket(5, DID, "Linear model")
level = sb.load("icpc-printed").estimands.level
reach = NormalDist().inv_cdf((1 + level) / 2) * bracket.se_lower
sb.show(
    f"No star on {bracket.printed} means a standard error of at least {bracket.se_lower:.4f}. With"
    f" that smallest error the middle {level:.0%} of a normal likelihood reach from"
    f" {100 * (bracket.coefficient - reach):+.1f} to {100 * (bracket.coefficient + reach):+.1f}"
    " percentage points; any larger error reaches further.",
    evidence="published-inferred",
)

# %% [markdown]
# ## What one may and may not conclude
#
# - One may conclude what the report reports, which of its numbers fit together, and within
#   which brackets its unprinted standard errors lie.
# - One may conclude that for conferences the errors behind the stars are not those of
#   independent children: something like clustering on authorities is in them.
# - One may **not** read "not significant" as "small": the lower bound of an error says how
#   wide the uncertainty is at least, and not where the effect lies.
# - One may **not** take a disagreement between tables for a wrong analysis. It shows that what
#   is printed does not tell the whole analysis.
