"""Calibrations → tables."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sofs_bayes.checks.ranks import ALPHA, BINS, DRAWS, LEVELS, Kind, out_below
from sofs_bayes.tables.contents.calibration_words import (
    LIMITS,
    fitted_longer,
    marked,
    marked_all,
    origin_sentence,
    reading,
    short_verdict,
    smallest_p,
)
from sofs_bayes.tables.formats import Cell, Column, Table

if TYPE_CHECKING:
    from sofs_bayes.checks.calibration import Calibrated
    from sofs_bayes.checks.ranks import IntervalCoverage, RankTest

REPORTED: tuple[Kind, ...] = ("effect", "spread", "likelihood")
SUMMED_UP = 0.9  # the level whose coverage an overview shows
SUMMED = (
    "Truths are drawn from the prior, or from the posterior of the data (posterior SBC), data"
    " simulated from the model given them, and the analysis fitted to these: if posteriors are"
    " computed right, ranks of truths among draws are uniform, and an interval holds the truth as"
    " often as its level says.",
    "'Design' says whose design was used (and whose data, where truths come from the posterior of"
    " data); ranks always come from simulated data. Refused: fits that did not pass the gate; they"
    " are counted, never dropped. Out: quantities whose ranks are not uniform. Pooled effect:"
    " that after settling-in, on the risk scale where there is one.",
)


def calibration_tables(found: "Calibrated") -> tuple[Table, ...]:
    """All tables of one calibration that have rows: verdicts, coverage, parameters, fits.

    Parameters
    ----------
    found
        The first of what `calibrate` returns.

    Returns
    -------
    tuple of Table
        Only those with rows.

    Examples
    --------
    >>> found, uniform = sb.calibrate("icpc-printed", output="calibrated-print")
    >>> len(sb.calibration_tables(found)) > 0
    True
    """
    tables = (
        verdict_table(found),
        coverage_table(found),
        parameters_table(found, only_out=True),
        parameters_table(found),
        refused_table(found),
    )
    return tuple(table for table in tables if table.rows)


TEST_COLUMNS = (
    Column(key="quantity", heading="Quantity"),
    Column(key="replicates", heading="Replicates", format="integer"),
    Column(key="chi_squared_p", heading="χ²: p", format="number"),
    Column(key="ks_p", heading="Kolmogorov-Smirnov: p", format="number"),
    Column(key="dispersion", heading="Dispersion", format="number"),
    Column(key="dispersion_p", heading="its p", format="number"),
    Column(key="verdict", heading="Verdict"),
)


def verdict_table(found: "Calibrated") -> Table:
    """The tests of effects, spreads and log likelihood."""
    tests = [test for test in found.verdict.tests if test.kind in REPORTED]
    return _tests(found, "verdict", "ranks of effects, spreads, log likelihood", tests)


def parameters_table(found: "Calibrated", *, only_out: bool = False) -> Table:
    """The tests of all other parameters, or of those that are out."""
    tests = [test for test in found.verdict.tests if test.kind not in REPORTED]
    if not only_out:
        return _tests(found, "parameters", "ranks of all other parameters", tests)
    out = [test for test in tests if test.verdict == "out"]
    return _tests(found, "parameters_out", "other parameters that are out", out)


def _tests(found: "Calibrated", name: str, what: str, tests: Sequence["RankTest"]) -> Table:
    return Table(
        name=f"calibration_{name}",
        title=marked(found, f"{found.analysis.called}: {what}"),
        columns=TEST_COLUMNS,
        rows=tuple(_line(test) for test in tests),
        evidence=found.evidence,
        notes=(*_test_notes(found), origin_sentence(found)),
    )


def _line(test: "RankTest") -> tuple[Cell, ...]:
    own = (getattr(test, column.key) for column in TEST_COLUMNS[:-1])
    return (*own, reading(test))


def _test_notes(found: "Calibrated") -> tuple[str, ...]:
    ranked = len(found.verdict.replicates) - len(found.verdict.unranked)
    error = f" (of a right one ±{(2 / ranked) ** 0.5:.2f}, its standard error)" if ranked else ""
    tests = found.verdict.tests
    below = out_below([test.kind for test in tests])
    limits = {"reported": below["effect"], "parameter": below["parameter"]}
    return (
        f"Ranks of truths among {DRAWS} draws of their posterior, tested for being uniform: χ² over"
        f" {BINS} bins, distance of the ECDF from the diagonal, and dispersion, the mean square of"
        f" normal scores: 1 if posteriors are right{error}, above 1 if they are too narrow, below"
        " if too wide.",
        f"All tests together reject a right posterior with a probability of about {ALPHA:.0%}"
        " (χ² has the p of many replicates: with 200 a little more, with 50 nearly twice that):"
        " half of it is for effects, spreads and log likelihood, half for all other parameters,"
        " shared equally among the tests (Bonferroni)."
        f" So a quantity is out with a p below {limits['reported']:.1g} (effects, spreads, log"
        f" likelihood) or {limits['parameter']:.1g} (other parameters).",
    )


def coverage_table(found: "Calibrated") -> Table:
    """How often intervals of effects and spreads held the truth, a column for each level."""
    rows = [row for row in found.verdict.coverage if row.kind in ("effect", "spread")]
    by_quantity: dict[str, dict[float, IntervalCoverage]] = {}
    for row in rows:
        by_quantity.setdefault(row.quantity, {})[row.level] = row
    lines: list[tuple[Cell, ...]] = []
    for quantity, own in by_quantity.items():
        far = max((_apart(row) for row in own.values()), key=abs)
        shares = (own[level].coverage for level in LEVELS)
        lines.append((quantity, own[LEVELS[0]].replicates, *shares, far))
    if rows:
        errors = (next(row.standard_error for row in rows if row.level == lv) for lv in LEVELS)
        lines.append(("standard error of a right interval", None, *errors, None))
    levels = (
        Column(key=f"coverage_{100 * level:g}", heading=f"{100 * level:g}%", format="percent")
        for level in LEVELS
    )
    return Table(
        name="calibration_coverage",
        title=marked(found, f"{found.analysis.called}: truths inside their intervals"),
        columns=(
            Column(key="quantity", heading="Quantity"),
            Column(key="replicates", heading="Replicates", format="integer"),
            *levels,
            Column(key="furthest", heading="Furthest, in standard errors", format="signed"),
        ),
        rows=tuple(lines),
        evidence=found.evidence,
        notes=(
            "The share of replicates whose central interval of each level held the truth.",
            "Not a test: among so many shares one or two beyond three standard errors are not rare."
            " Where one matters to you, more replicates (they are added) or `--around data` tell"
            " more.",
            origin_sentence(found),
        ),
    )


def _apart(row: "IntervalCoverage") -> float:
    return (row.coverage - row.level) / row.standard_error


def refused_table(found: "Calibrated") -> Table:
    """The replicates whose fit did not pass its gate, with what failed in words."""
    refused = found.verdict.refused
    return Table(
        name="calibration_refused",
        title=marked(found, f"{found.analysis.called}: fits that did not pass the gate"),
        columns=(
            Column(key="replicate", heading="Replicate", format="integer"),
            Column(key="attempts", heading="Fits made", format="integer"),
            Column(key="failures", heading="What failed in the last one"),
            Column(key="ranked", heading="Ranked"),
            Column(key="seconds", heading="Seconds", format="number"),
        ),
        rows=tuple(
            (each.number, each.attempts, "; ".join(each.failures), bool(each.ranks), each.seconds)
            for each in refused
        ),
        evidence=found.evidence,
        notes=("Counted, never dropped: their ranks are among all others.",),
    )


def ranks_table(found: "Calibrated") -> Table:
    """Every replicate with the rank of each of its truths, a column for each quantity."""
    names = [test.quantity for test in found.verdict.tests]
    keys = ("replicate", "status", "attempts", "seconds", *names)
    return Table(
        name="ranks",
        title=marked(found, f"{found.analysis.called}: ranks of truths among {DRAWS} draws"),
        columns=tuple(Column(key=key, heading=key) for key in keys),
        rows=tuple(
            (
                each.number,
                each.status,
                each.attempts,
                each.seconds,
                *(each.ranks.get(name) for name in names),
            )
            for each in found.verdict.replicates
        ),
        evidence=found.evidence,
    )


# ------------------------------------------------------------------------- several analyses


def summary_table(found: Sequence["Calibrated"]) -> Table:
    """One line for each of several calibrations."""
    kinds = Counter(each.evidence for each in found)
    held = [
        Column(
            key=f"coverage_{100 * level:g}",
            heading=f"{100 * level:g}%",
            format="percent",
            group="Pooled effect in its interval of",
        )
        for level in LEVELS
    ]
    return Table(
        name="calibration",
        title=marked_all(found, "Are posteriors computed right? Simulation-based calibration"),
        columns=(
            Column(key="analysis", heading="Analysis"),
            Column(key="evidence", heading="Design"),
            Column(key="around", heading="Truths from"),
            Column(key="replicates", heading="Replicates", format="integer"),
            Column(key="refused", heading="Fits refused", format="integer"),
            Column(key="longer", heading="Sampled longer", format="integer"),
            Column(key="quantities", heading="Tested", format="integer"),
            Column(key="out", heading="Out", format="integer"),
            Column(key="smallest_p", heading="Smallest p", format="number"),
            *held,
            Column(key="seconds", heading="Seconds each", format="number"),
            Column(key="verdict", heading="Verdict"),
        ),
        rows=tuple(_summary(each) for each in found),
        # The ranks are of simulated data, whatever the designs rest on.
        evidence=next(iter(kinds)) if len(kinds) == 1 else "synthetic",
        notes=(*SUMMED, LIMITS, *_share_errors(found)),
    )


def _share_errors(found: Sequence["Calibrated"]) -> tuple[str, ...]:
    """How far shares may be off by chance, from the fewest replicates."""
    fewest = min(len(each.verdict.replicates) for each in found)
    if fewest == 0:
        return ()
    largest = (0.5 * 0.5 / fewest) ** 0.5
    return (
        f"By chance alone a share may be off: with {fewest:,} replicates its standard error is at"
        f" most {100 * largest:.1f} percentage points.",
    )


def _summary(found: "Calibrated") -> tuple[Cell, ...]:
    tests, replicates = found.verdict.tests, found.verdict.replicates
    return (
        found.analysis.name,
        found.evidence,
        found.around,
        len(replicates),
        len(found.verdict.refused),
        fitted_longer(found),
        len(tests),
        sum(test.verdict == "out" for test in tests),
        min((smallest_p(test) for test in tests), default=None),
        *(pooled_coverage(found, level=level) for level in LEVELS),
        found.seconds / len(replicates) if replicates else None,
        short_verdict(found),
    )


def pooled_effect(found: "Calibrated", *, level: float = SUMMED_UP) -> "IntervalCoverage | None":
    """How often intervals of a level held the first effect; None if there are no effects.

    That is the pooled one after settling-in, on the risk scale, where there are these.
    """
    rows = (r for r in found.verdict.coverage if r.kind == "effect" and r.level == level)
    return next(rows, None)


def pooled_coverage(found: "Calibrated", *, level: float = SUMMED_UP) -> float | None:
    """The share of `pooled_effect`."""
    row = pooled_effect(found, level=level)
    return None if row is None else row.coverage
