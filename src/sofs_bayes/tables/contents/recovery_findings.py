"""What a recovery found → the sentences that sum it up."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from sofs_bayes.checks.classical_intervals import CHILD, CR1, CR3, WILD
from sofs_bayes.checks.recovered import LEAST, DetectableRow, Origin, Recovered
from sofs_bayes.checks.recovery import POSTERIOR, RecoveryRow

METHODS: Mapping[str, str] = {
    POSTERIOR: "hierarchical posterior",
    CHILD: "regression, children independent",
    CR1: "regression, clustered on authority (CR1)",
    CR3: "regression, clustered on authority (CR3)",
    WILD: "regression, wild cluster bootstrap",
}
PROCESSES: Mapping[str, str] = {
    "prior": "truths from the priors",
    "model": "as modelled",
    "strong": "shocks persist (0.9)",
    "heavy": "heavy-tailed shocks",
    "broken": "trends part",
}

DESIGNS: Mapping[Origin, str] = {
    "published": "the published design",
    "given": "the design of the data given",
    "made up": "the design of the bundled simulated children",
    "declared": "the design that the analysis declares",
}
TOO_FEW = "TOO FEW REPLICATES TO TELL"
MISSED = "INTERVALS DO NOT HOLD THEIR LEVEL"


def marked(found: Recovered, title: str) -> str:
    """A title, with the refusal in front where coverage is not what it owes to be."""
    if found.few:
        return f"{TOO_FEW}: {title}"
    return title if found.passed else f"{MISSED}: {title}"


def out_sentence(found: Recovered) -> str:
    """Which intervals do not hold truths from the priors as often as they say; else nothing."""
    parts = [
        f"those of {percentage(row.level)} held {100 * row.coverage:.1f}% (allowed"
        f" {100 * row.lower:.1f} to {100 * row.upper:.1f})"
        for row in found.owed
        if row.verdict == "out"
    ]
    if not parts:
        return ""
    return marked(
        found,
        f"of truths from the priors {'; '.join(parts)}, in {found.owed[0].replicates:,}"
        " replicates.",
    )


def points(share: float | None, decimals: int = 1) -> str:
    """A change in risk in percentage points."""
    return "–" if share is None else f"{100 * share:.{decimals}f} pp"


def percentage(share: float) -> str:
    """A share, in whole percentages."""
    return f"{100 * share:.0f}%"


def base_rows(found: Recovered, **changes: Any) -> list[RecoveryRow]:
    """The rows about the pooled effect in the base scenario, or one that differs from it."""
    wanted = {
        "process": found.grid.process[0],
        "heterogeneity": found.grid.heterogeneity[0],
        "authorities": found.grid.authorities[0],
    } | changes
    return [
        row
        for row in found.pooled
        if all(getattr(row, name) == value for name, value in wanted.items())
    ]


def kind_of(row: RecoveryRow) -> str:
    """What distinguishes a scenario beside its effect, in two short lines."""
    if row.process == "prior":
        return PROCESSES["prior"]
    times = "" if row.authorities == 1 else f"{row.authorities} × authorities, "
    return f"{PROCESSES[row.process]},\n{times}pilots' sd {row.heterogeneity:g}"


def of_method(rows: Sequence[RecoveryRow], method: str) -> list[RecoveryRow]:
    """The rows of one method."""
    return [row for row in rows if row.method == method]


def findings(found: Recovered) -> tuple[str, ...]:
    """The sentences that can be cited, each with its numbers."""
    said = [_detected(found), _wolf(found), _widths(found), _more(found), _broken(found)]
    return tuple(text for text in said if text)


def owed_sentence(found: Recovered) -> str:
    """Whether the posterior's intervals hold truths from the priors as often as they say."""
    parts = [
        f"{percentage(row.level)}: {100 * row.coverage:.1f}% (allowed {100 * row.lower:.1f} to"
        f" {100 * row.upper:.1f})"
        for row in found.owed
    ]
    if found.few:
        return (
            f"{TOO_FEW}: {found.owed[0].replicates:,} with truths from the priors, where at least"
            f" {LEAST} are needed. That the design can be simulated and fitted is all that this"
            " shows; no number here measures anything."
        )
    verdict = "as often as they say" if found.passed else "NOT AS OFTEN AS THEY SAY"
    return (
        f"With truths drawn from the priors the posterior's intervals hold them {verdict}, in"
        f" {found.owed[0].replicates:,} replicates: {'; '.join(parts)}."
    )


def _false_alarms(found: Recovered, method: str) -> RecoveryRow | None:
    rows = [row for row in of_method(base_rows(found), method) if row.effect == 0.0]
    return rows[0] if rows else None


def _detected(found: Recovered) -> str:
    base = (found.grid.process[0], found.grid.heterogeneity[0], found.grid.authorities[0])
    parts = [
        f"{METHODS[row.method]}: {_smallest(row)}"
        for row in found.detectable
        if (row.process, row.heterogeneity, row.authorities) == base
    ]
    if not parts:
        return ""
    return f"The smallest true effect found with a probability of 80%: {'; '.join(parts)}."


def _smallest(row: DetectableRow) -> str:
    """What is known of the smallest effect that a method finds, in words."""
    if row.bound == "not to be asked":
        return "not to be asked, as it also finds what is not there"
    if row.bound == "at most":
        return f"at most {points(row.risk)}, the smallest tried"
    if row.bound == "more than":
        return f"more than {points(row.risk)}, which it finds with {percentage(row.power or 0.0)}"
    return f"{points(row.risk)} (± {100 * (row.risk_mcse or 0.0):.1f})"


def _wolf(found: Recovered) -> str:
    parts = []
    for method, label in METHODS.items():
        row = _false_alarms(found, method)
        if row is not None:
            error = 100 * row.significant_mcse
            parts.append(f"{label} {percentage(row.significant)} (± {error:.0f})")
    if not parts:
        return ""
    sd = found.grid.heterogeneity[0]
    mean = " on average" if sd else ""
    return (
        f"How often a 95% interval excludes 0 where nothing happens{mean}: "
        + "; ".join(parts)
        + "."
    )


def _width(rows: Sequence[RecoveryRow]) -> float | None:
    """The mean width of intervals with two ends; None if there are none."""
    widths = [row.mean_width for row in rows if isfinite(row.mean_width)]
    return sum(widths) / len(widths) if widths else None


def _widths(found: Recovered) -> str:
    parts = []
    for method, label in METHODS.items():
        rows = of_method(base_rows(found), method)
        if not rows:
            continue
        endless = sum(row.unbounded for row in rows) / len(rows)
        without = f" (left out: {100 * endless:.1f}% without an end)" if endless else ""
        parts.append(f"{label} {points(_width(rows))}{without}")
    return "Mean width of 95% intervals: " + "; ".join(parts) + "." if parts else ""


def _more(found: Recovered) -> str:
    parts = []
    for times in found.grid.authorities[1:]:
        rows = base_rows(found, authorities=times)
        own, by = of_method(rows, POSTERIOR), of_method(rows, CR1)
        if own:
            parts.append(
                f"{times} times as many: {points(_width(own))} (posterior),"
                f" {points(_width(by))} (clustered on authority, CR1)"
            )
    return f"Width with more authorities: {'; '.join(parts)}." if parts else ""


def _broken(found: Recovered) -> str:
    """What a drift does, beside the base scenario, whose replicates have the same luck."""
    rows, base = base_rows(found, process="broken"), base_rows(found)
    own = of_method(rows, POSTERIOR)
    if not own or found.grid.process[0] == "broken":
        return ""
    logistic = found.analysis.model.likelihood != "gaussian"
    unit = f"{found.grid.drift:g} log-odds" if logistic else points(found.grid.drift)
    coverage = sum(row.coverage_95 for row in own) / len(own)
    posterior, regression = (
        _bias(of_method(rows, method)) - _bias(of_method(base, method))
        for method in (POSTERIOR, CR1)
    )
    return (
        f"If trends part by {unit} with each year after settling-in, every method takes it for an"
        f" effect: estimates are {points(posterior)} (posterior) and {points(regression)}"
        " (regression) higher than without; the posterior's 95% interval holds the truth in"
        f" {percentage(coverage)}."
    )


def fits_sentence(found: Recovered) -> str:
    """How fits fared, and how often each method gave no interval at all."""
    none = {
        method: sum(row.without_answer for row in of_method(found.pooled, method))
        for method in METHODS
    }
    said = [
        f"Of {found.replicates:,} fits {found.refused:,} did not pass the gate; they count as they"
        " are."
    ]
    if own := none.pop(POSTERIOR):
        said.append(f"Fits without any draws, counted as missed: {own:,}.")
    if parts := [f"{METHODS[method]} {count:,}" for method, count in none.items() if count]:
        said.append(
            f"Without an interval in as many data sets, counted as missed: {'; '.join(parts)}."
        )
    return " ".join(said)


def _bias(rows: Sequence[RecoveryRow]) -> float:
    return sum(row.bias for row in rows) / len(rows)
