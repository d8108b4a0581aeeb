"""What a calibration found, in words."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sofs_bayes.checks.ranks import DRAWS, LEAST
from sofs_bayes.errors import counted
from sofs_bayes.spec import Evidence, OpenAnalysis, PrintedAnalysis

if TYPE_CHECKING:
    from sofs_bayes.checks.calibration import Calibrated
    from sofs_bayes.checks.ranks import RankTest
    from sofs_bayes.tables.formats import Table

REFUSED = "RANKS ARE NOT UNIFORM"
UNRANKED = "REPLICATES WITHOUT RANKS"
FURTHER = "A FURTHER CHECK IS OUT"
NAMED = 4  # quantities that a sentence names
DESIGNS: Mapping[Evidence, str] = {
    "published": "the report's printed tables",
    "published-inferred": "the report's printed tables",
    "synthetic": "simulated children",
    "open-data": "the open data on whole authorities",
    "unknown-origin": "counts of unknown origin on whole authorities",
    "records": "individual records",
}
LIMITS = (
    "Calibration says whether the computation and the model's code agree with the model. It does"
    " not say whether the model is right for the records."
)
QUESTION = "Are the posteriors computed right?"
FROM_PRIOR = (
    "Simulation-based calibration draws true values from the prior, simulates data from the model"
    " given these truths, on the design of the data, and fits the analysis to the simulated data."
)
FROM_POSTERIOR = (
    "Posterior simulation-based calibration (posterior SBC, Säilynoja et al. 2025) draws true"
    " values from the posterior of the data, simulates further data from the model given these"
    " truths, and fits the analysis to the data and the simulated ones together. It is about the"
    " part of the parameters' space that the data lead to."
)
TOO_FEW = "TOO FEW REPLICATES TO TELL"
RANKS = (
    f"If all is right, the rank of each truth among {DRAWS} draws of its posterior is any number"
    f" from 0 to {DRAWS} with equal probability. This is done many times over, and the ranks are"
    " tested for being uniform (Talts et al. 2018)."
)


def smallest_p(test: "RankTest") -> float:
    """The smallest of a quantity's three p-values."""
    return min(test.chi_squared_p, test.ks_p, test.dispersion_p)


def reading(test: "RankTest") -> str:
    """What a quantity's ranks say of its posterior: `in`, or `out` and how."""
    if test.verdict != "out":
        return test.verdict
    if test.dispersion_p > smallest_p(test):
        return "out: shifted, or of another shape"
    return f"out: posteriors too {'narrow, or shifted' if test.dispersion > 1 else 'wide'}"


def marked(found: "Calibrated", title: str) -> str:
    """A title, with the refusal in front where ranks are not uniform or missing."""
    if any(test.verdict == "out" for test in found.verdict.tests):
        return f"{REFUSED}: {title}"
    if found.verdict.few:
        return f"{TOO_FEW}: {title}"
    return title if found.verdict.uniform and found.verdict.tests else f"{UNRANKED}: {title}"


def verdict_sentences(found: "Calibrated") -> str:
    """What a calibration found, in a sentence or three."""
    tests, replicates = found.verdict.tests, len(found.verdict.replicates)
    out = [test for test in tests if test.verdict == "out"]
    said = []
    if out:
        named = [
            f"{t.quantity} (dispersion {t.dispersion:.2f}; {reading(t).removeprefix('out: ')})"
            for t in out[:NAMED]
        ]
        named += [f"{len(out) - NAMED} more"] if len(out) > NAMED else []
        said.append(
            f"{REFUSED}: {len(out)} of {counted(len(tests), 'quantity', 'quantities')}"
            f" {'is' if len(out) == 1 else 'are'} out: {'; '.join(named)}. Computation or code"
            " does not agree with the model: until the cause is found, results of this analysis"
            " must not be used."
        )
    if found.verdict.unranked or not tests:
        missing = len(found.verdict.unranked)
        said.append(
            f"{UNRANKED}: {missing:,} of {replicates:,} have no draws at all, so that nothing is"
            " known of their ranks; the calibration does not pass."
        )
    if not said and found.verdict.few:
        said.append(
            f"{TOO_FEW}: {replicates:,}, where at least {LEAST} are needed. That the calibration"
            " can be done is all that this shows; nothing is known of whether the posterior is"
            " computed right."
        )
    if not said:
        said.append(
            f"Nothing in the ranks speaks against the computation: those of all {len(tests)}"
            f" quantities are uniform as far as {counted(replicates, 'replicate')} can tell."
        )
    return " ".join(said)


def further_sentence(tables: "Sequence[Table]") -> str:
    """Which of the tables of further checks have a verdict that is out; nothing if none has."""
    found = []
    for table in tables:
        keys = [column.key for column in table.columns]
        if "verdict" not in keys:
            continue
        verdicts = [str(row[keys.index("verdict")]) for row in table.rows]
        if out := sum(verdict.startswith("out") for verdict in verdicts):
            found.append(f"{out} of {counted(len(verdicts), 'line')} of '{table.title}'")
    return f"{FURTHER}: {'; '.join(found)}." if found else ""


def gate_sentence(found: "Calibrated") -> str:
    """How the fits fared that the ranks come from."""
    replicates, refused = len(found.verdict.replicates), len(found.verdict.refused)
    longer = fitted_longer(found)
    gate = (
        f"{refused:,} of {counted(replicates, 'fit')} did not pass the gate: they are"
        " counted, never dropped."
        if refused
        else f"All {counted(replicates, 'fit')} passed the gate."
    )
    return f"{gate} {longer:,} needed longer sampling." if longer else gate


def fits_sentences(found: "Calibrated") -> tuple[str, ...]:
    """How fits differ from the analysis's own; nothing where the posterior is exact."""
    if isinstance(found.analysis, PrintedAnalysis):
        return ()
    # Loaded here, as they bring xarray with them, which tables of print do without.
    from sofs_bayes.bayes.limits import MIN_BFMI
    from sofs_bayes.checks.short_fits import (
        MAX_RHAT,
        MIN_ESS,
        MOST_ACCEPTED,
        SHORT,
        SHORT_OF_COUNTS,
    )

    counts = isinstance(found.analysis, OpenAnalysis)
    first, *longer = SHORT_OF_COUNTS if counts else SHORT
    own = found.analysis.sampler
    of_own = _sampled((own.chains, own.tune, own.draws))
    return (
        f"A rank needs {DRAWS} draws, not the thousands of an interval's ends, so that fits are"
        f" short: {_sampled(first)}, at a target acceptance of {MOST_ACCEPTED:g} at most."
        f" Their gate is one for ranks: R-hat at most {MAX_RHAT:g}, bulk effective size at least"
        f" {MIN_ESS:g}, BFMI at least {MIN_BFMI:g}, no divergence. What does not pass is sampled"
        f" for longer ({', '.join(map(_sampled, longer))}), in the end as the analysis itself is"
        f" ({of_own}).",
    )


def _sampled(size: tuple[int, int, int]) -> str:
    chains, tune, draws = size
    return f"{chains} chains of {tune:,} tuning and {draws:,} kept draws"


def origin_sentence(found: "Calibrated") -> str:
    """Where truths, data and design come from."""
    source = DESIGNS[found.evidence]
    if found.around == "data":
        return (
            f"Posterior SBC: truths are drawn from the posterior of {source}, and each fit is to"
            " those data and simulated ones together. The ranks come from simulated data."
        )
    return (
        f"Truths are drawn from the prior, and every data set is simulated: of {source} only the"
        " design is used."
    )


def fitted_longer(found: "Calibrated") -> int:
    """How many replicates had more than one fit, as a short one did not pass."""
    return sum(each.attempts > 1 for each in found.verdict.replicates)


def short_verdict(found: "Calibrated") -> str:
    """The verdict in a few words."""
    title = marked(found, "")
    return title.removesuffix(": ") if title else "ranks are uniform"


def method_sentences(found: "Sequence[Calibrated]") -> str:
    """What is done, for truths from the prior, the posterior of the data, or both."""
    around = {each.around for each in found}
    first = [FROM_PRIOR] if "prior" in around else []
    if "data" in around:
        first.append(FROM_POSTERIOR)
    return " ".join([*first, RANKS])


def overall_sentences(found: "Sequence[Calibrated]") -> tuple[str, ...]:
    """The verdict on all, then how many fits there were, then what it does not say."""
    refused = [each.analysis.name for each in found if marked(each, "")]
    fits = sum(len(each.verdict.replicates) for each in found)
    not_passed = sum(len(each.verdict.refused) for each in found)
    first = "Nothing in the ranks speaks against the computation of any of these posteriors."
    if refused:
        is_are = "does" if len(refused) == 1 else "do"
        first = marked_all(
            found,
            f"{len(refused)} of {counted(len(found), 'analysis', 'analyses')} {is_are} not pass:"
            f" {', '.join(refused)}. Until the cause is found, their results must not be used.",
        )
    return (
        first,
        f"{not_passed:,} of {counted(fits, 'fit')} did not pass the gate: they are counted,"
        " never dropped.",
        LIMITS,
    )


def marked_all(found: "Sequence[Calibrated]", title: str) -> str:
    """A title, with the gravest refusal of several calibrations in front."""
    marks = [marked(each, "") for each in found]
    for refusal in (REFUSED, UNRANKED):
        if any(mark.startswith(refusal) for mark in marks):
            return f"{refusal}: {title}"
    return title
