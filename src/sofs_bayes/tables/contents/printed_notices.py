"""What a reader of a posterior from print must be told: what it rests on that is not printed."""

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from sofs_bayes.published.as_written import read_coefficient
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import Fixed, PrintedAnalysis
from sofs_bayes.spec.keys import Kind, Variant

UNTOLD = 0.2  # distance of the posterior of c from its prior, up to which they are called the same
UNLIKELY = 0.01  # of `star_fit`, below which the stars speak against the reading
SINGLE = (
    "An error clustered on authorities knows nothing of one pilot's own chance, so that priors say"
    " how wide the interval is. The reading 'comparators' takes the error for the others' spread."
)
OF_CORRELATION: Kind = "prior of the correlation"


def printed_notices(run: Run) -> tuple[str, ...]:
    """Sentences under the headline's prior; none of other kinds of run, or of earlier versions."""
    if not isinstance(run.analysis, PrintedAnalysis):
        return ()
    analysis = run.analysis
    single = [SINGLE] * (
        analysis.design.pilots == 1
        and any(each.se_reading == "authority" for each in analysis.readings)
    )
    return (*_untold(run, analysis), *_unlikely(run, analysis), *single, *_other_scale(analysis))


def _untold(run: Run, analysis: PrintedAnalysis) -> Iterator[str]:
    """That the prior of the correlation decides, and by how much.

    It does not where print has the effect's error between two limits.
    """
    without = {each.name for each in analysis.readings if each.se_reading == "child"}
    readings = [
        name
        for name, fit in _fits(run).items()
        if fit.get("correlation_told", 1.0) <= UNTOLD
        and not fit.get("bracketed")
        and name not in without
    ]
    if not readings:
        return
    own = analysis.priors.correlation
    if isinstance(own, Fixed):
        return
    where = f" ({'; '.join(readings)})" if len(analysis.readings) > 1 else ""
    yield (
        "What is printed says next to nothing about the correlation of an authority's means before"
        f" and after: its posterior is all but its prior, Beta({own.a:g}, {own.b:g}){where}. How"
        f" wide the interval is rests on that prior.{_spread(run, readings[0])}"
    )


def _spread(run: Run, reading: str) -> str:
    """How much wider or narrower the interval is under the other priors that were tried."""
    rows = [
        row
        for row in run.sensitivity
        if (row.reading, row.prior) == (reading, run.prior) and row.is_effect
    ]
    main = [row.upper - row.lower for row in rows if row.kind == "main"]
    others = [row.upper - row.lower for row in rows if row.kind == OF_CORRELATION]
    if not main or not others:
        return ""
    least, most = (f"{chosen(others) / main[0]:.2g}" for chosen in (min, max))
    return f" Under the other priors tried it is {least} to {most} times as wide."


def _unlikely(run: Run, analysis: PrintedAnalysis) -> Iterator[str]:
    """That the reading, or the design, cannot be right."""
    for name, fit in _fits(run).items():
        if fit.get("star_fit", 1.0) < UNLIKELY:
            where = f" ({name})" if len(analysis.readings) > 1 else ""
            yield (
                "Whatever the spread of authorities and its correlation, what is printed of the"
                f" errors is unlikely under this reading{where}: the reading, the number of"
                " authorities or that of children is doubtful."
            )


def _other_scale(analysis: PrintedAnalysis) -> Iterator[str]:
    """That numbers may be on another scale than the analysis says: points, or odds ratios."""
    written, rate = analysis.as_printed, analysis.design.base_rate
    if written is None or rate is None:
        return
    effect = read_coefficient(written.did)
    if analysis.design.scale == "risk" and abs(effect.value or 0.0) > rate:
        yield (
            f"The printed effect, {effect.text}, is larger than the base rate itself, {rate:g}:"
            " percentage points are to be given as shares (-0.018 for -1.8)."
        )
    cells = [effect, *map(read_coefficient, written.did_interval or ())]
    least, *lows = ((each.value or 0.0) - each.half_unit for each in cells)
    most, *highs = ((each.value or 0.0) + each.half_unit for each in cells)
    positive = analysis.design.scale == "log-odds" and lows and min(lows) > 0
    if positive and prod(lows) <= most**2 and prod(highs) >= least**2:
        yield (
            f"The printed effect, {effect.text}, and its interval could as well be an odds ratio's:"
            " they are read as log-odds, which of an odds ratio are its logarithm."
        )


def _fits(run: Run) -> Mapping[str, Mapping[str, Any]]:
    """The verdicts under the headline's prior, by reading."""
    fits = run.diagnostics.get("fits", {}).values()
    return {
        fit["reading"]: fit
        for fit in fits
        if fit.get("prior") == run.prior and fit.get("kind", Variant().kind) == "main"
    }
