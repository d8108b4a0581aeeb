"""What a recovery found → tables."""

from dataclasses import replace
from typing import Any

from sofs_bayes.checks.recovered import TOO_MANY, Recovered
from sofs_bayes.checks.recovery import RecoveryRow
from sofs_bayes.tables.contents.effect_columns import PROBABILITY, coverage_columns, ends
from sofs_bayes.tables.contents.recovery_findings import METHODS, kind_of, marked, percentage
from sofs_bayes.tables.formats import Column, Table, table_of


def recovery_tables(found: Recovered) -> tuple[Table, ...]:
    """Owed coverage, reliability and assurance, detectable effects; then all measures."""
    return (_owed(found), _detectable(found), _assurance(found), _reliability(found), *_all(found))


def _named(row: Any) -> Any:
    """A row with its method in words, for a table."""
    changes = {"method": METHODS[row.method]}
    if isinstance(row, RecoveryRow) and row.target != "pooled":
        changes["method"] += ", each pilot's own"
    return replace(row, **changes)


def _owed(found: Recovered) -> Table:
    return table_of(
        "owed-coverage",
        marked(found, "Coverage of the posterior, truths from the priors"),
        found.owed,
        coverage_columns("replicates", "Truth inside"),
        evidence="synthetic",
        notes=["Allowed: what 99.9% of right posteriors have with so many replicates."],
    )


def _detectable(found: Recovered) -> Table:
    columns = [
        Column(key="process", heading="Authorities' years"),
        Column(key="heterogeneity", heading="Pilots' sd", format="number"),
        Column(key="authorities", heading="Times authorities", format="integer"),
        Column(key="method", heading="Method"),
        Column(key="bound", heading="Found with 80%"),
        Column(key="effect", heading="Effect", format="number"),
        Column(key="effect_mcse", heading="±", format="number"),
        Column(key="risk", heading="As change in risk, pp", format="pp"),
        Column(key="risk_mcse", heading="±, pp", format="pp2"),
        Column(key="largest", heading="Largest effect tried", format="number"),
        Column(key="power", heading="found with", format="percent"),
    ]
    return table_of(
        "detectable",
        "The smallest effect found with a probability of 80%",
        [_named(row) for row in found.detectable],
        columns,
        evidence="synthetic",
        notes=[
            "Effects on the model's scale; ±: Monte Carlo standard error. About: between those"
            " tried, straight on probits of power. At most: the smallest tried is already found"
            " so often. More than: the largest tried is not. Not to be asked: of a method that"
            f" finds something in more than {percentage(TOO_MANY)} where nothing happens, power"
            " means nothing. Where trends part the drift itself is found: no rows."
        ],
    )


def _assurance(found: Recovered) -> Table:
    columns = [
        Column(key="method", heading="Method"),
        Column(key="replicates", heading="Replicates", format="integer"),
        Column(key="assurance", heading="0 excluded", format="percent"),
        Column(key="assurance_mcse", heading="±", format="percent"),
        Column(key="right", heading="on the right side", format="percent"),
        Column(key="right_mcse", heading="±", format="percent"),
    ]
    return table_of(
        "assurance-by-method",
        f"Assurance: power averaged over the {found.prior} prior of the effect",
        [_named(row) for row in found.assurance],
        columns,
        evidence="synthetic",
    )


def _reliability(found: Recovered) -> Table:
    columns = [
        *ends(f"{PROBABILITY} above 0", "percent"),
        Column(key="replicates", heading="Replicates", format="integer"),
        Column(key="mean_probability", heading="Mean probability", format="percent"),
        Column(key="above_zero", heading="True effects above 0", format="percent"),
        Column(key="above_zero_mcse", heading="±", format="percent"),
    ]
    return table_of(
        "reliability-of-probabilities",
        "Probabilities of an effect above 0, and how often it was",
        found.reliability,
        columns,
        evidence="synthetic",
    )


def _all(found: Recovered) -> list[Table]:
    """A table of all measures for each kind of scenario."""
    columns = [
        Column(key="effect", heading="Effect", format="number"),
        Column(key="method", heading="Method"),
        Column(key="replicates", heading="Replicates", format="integer"),
        Column(key="bias", heading="Bias, pp", format="pp2"),
        Column(key="bias_mcse", heading="±", format="pp2"),
        Column(key="rmse", heading="RMSE, pp", format="pp2"),
        Column(key="coverage_50", heading="In 50%", format="percent"),
        Column(key="coverage_80", heading="In 80%", format="percent"),
        Column(key="coverage_95", heading="In 95%", format="percent"),
        Column(key="coverage_95_mcse", heading="±", format="percent"),
        Column(key="mean_width", heading="Width, pp", format="pp"),
        Column(key="unbounded", heading="Without an end", format="percent"),
        Column(key="without_answer", heading="No interval", format="integer"),
        Column(key="significant", heading="0 excluded", format="percent"),
        Column(key="significant_mcse", heading="±", format="percent"),
        Column(key="wrong_sign", heading="Wrong sign", format="percent"),
        Column(key="exaggeration", heading="Times too large", format="number"),
        Column(key="refused", heading="Not converged", format="integer"),
    ]
    kinds = list(dict.fromkeys(map(kind_of, found.rows)))
    return [
        table_of(
            f"recovery-{i}",
            f"All measures: {kind.replace(chr(10), ' ')}",
            [_named(row) for row in found.rows if kind_of(row) == kind],
            columns,
            evidence="synthetic",
            notes=[
                "±: Monte Carlo standard error. Width: the mean over 95% intervals with two ends;"
                " without an end: the share of the others. No interval: how many are missing;"
                " they count as missed. Wrong sign, times too large: among intervals that"
                " exclude 0; times too large: the mean size of estimates over that of true"
                " effects. All numbers with their errors: recovery.csv."
            ],
        )
        for i, kind in enumerate(kinds, start=1)
    ]
