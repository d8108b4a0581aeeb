"""What a recovery found → one page: what the design could and could not have detected."""

from collections.abc import Mapping
from math import isfinite
from pathlib import Path

from sofs_bayes.checks.recovered import DETECTED, Recovered
from sofs_bayes.checks.recovery import POSTERIOR, RecoveryRow
from sofs_bayes.figures import Drawing
from sofs_bayes.figures.recovery import (
    CoveragePoint,
    CurveAxes,
    CurvePoint,
    coverage_of_methods,
    method_curves,
)
from sofs_bayes.pages.page import Part, analysis_sentence, write_result
from sofs_bayes.spec.study import words_of
from sofs_bayes.tables.contents.recovery import recovery_tables
from sofs_bayes.tables.contents.recovery_findings import (
    DESIGNS,
    METHODS,
    base_rows,
    findings,
    fits_sentence,
    kind_of,
    marked,
    of_method,
    out_sentence,
    owed_sentence,
    percentage,
    points,
)

ABOUT = (
    "All outcomes here are simulated, with effects that are known because they were put in. They"
    " say what a study of this design can find, and nothing about real people."
)
UNUSABLE = (
    "Until the cause is found, what is said of the hierarchical posterior here must not be used."
)
PERCENT = (0.0, 20.0, 40.0, 60.0, 80.0, 100.0)
FILES = (
    "recovery.csv has every measure of every method and scenario with its Monte Carlo error,"
    " assurance.csv and reliability.csv what truths from the priors tell, replicates/ every single"
    " replicate."
)


def write_recovery_page(folder: Path, found: Recovered, *, versions: Mapping[str, str]) -> None:
    """Write `index.html`, `tables/` and `figures/` into an existing folder."""
    analysis = found.analysis
    pilots, comparators, _ = found.design
    asked = f"what {DESIGNS[found.origin]} could and could not have detected"
    lead = (
        f"Known effects in a design of {pilots} pilots and {comparators} comparators, analysed by"
        " the hierarchical model and by its regression."
    )
    write_result(
        folder,
        [analysis],
        _parts(found),
        title=marked(found, f"Recovery: {analysis.title}"),
        heading=marked(found, f"{analysis.title}: {asked}"),
        lead=_lead(found, lead),
        files=FILES,
        origin=(
            analysis_sentence(analysis, f"; prior: {found.prior}"),
            f"Outcomes: synthetic. The design's cells: {found.evidence}.",
            f"{found.replicates:,} replicates, {found.seconds / 3600:.1f} hours of computing.",
        ),
        versions=versions,
    )


def _parts(found: Recovered) -> tuple[Part, ...]:
    drawings = {drawing.name: drawing for drawing in recovery_figures(found)}
    owed, detectable, assurance, reliability, *rest = recovery_tables(found)

    def shown(*names: str) -> tuple[Drawing, ...]:
        return tuple(drawings[name] for name in names if name in drawings)

    return (
        Part(
            heading="What each source can tell you",
            anchor="evidence",
            bullets=(ABOUT, *_how(found)),
        ),
        Part(
            heading="What the design could have detected",
            anchor="short",
            bullets=(*findings(found), owed_sentence(found), fits_sentence(found)),
        ),
        Part(
            heading="Power", anchor="power", figures=shown("power"), folded=(detectable, assurance)
        ),
        Part(heading="Coverage", anchor="coverage", figures=shown("coverage"), folded=(owed,)),
        Part(heading="More authorities", anchor="authorities", figures=shown("width")),
        Part(
            heading="Probabilities",
            anchor="probabilities",
            figures=shown("reliability"),
            folded=(reliability,),
        ),
        Part(heading="All measures", anchor="measures", folded=tuple(rest)),
    )


def _lead(found: Recovered, lead: str) -> str:
    if found.few:
        return f"{owed_sentence(found)} {lead}"
    return lead if found.passed else f"{out_sentence(found)} {UNUSABLE} {lead}"


def _how(found: Recovered) -> tuple[str, ...]:
    """What was assumed, in sentences."""
    grid, logistic = found.grid, found.analysis.model.likelihood != "gaussian"
    scale = "log-odds" if logistic else "risk"
    model, simulated = found.analysis.model, "simulated " if found.evidence == "synthetic" else ""
    tails = model.degrees_of_freedom if model.tails == "student t" else None
    whom = words_of(found.analysis).whom
    sds = (
        f"On the model's scale ({scale}) authorities differ with an sd of {grid.authority_sd:.3g}"
        f"{f' (the scale of Student t with {tails:g} degrees of freedom)' if tails else ''}"
        f" and move from year to year with one of {grid.shock_sd:.3g}"
        f"{' (not as modelled, nor where trends part)' if model.shocks == 'none' else ''}; levels,"
        f" years and covariates are those of the design's {found.design[2]:,} {simulated}{whom}."
        " More authorities: copies of the design's with levels and shocks of their own."
    )
    effect = (
        f"The effect is the change in risk averaged over all treated {whom} of a replicate,"
        " pilots' own deviations included; that is the truth each interval is held against."
    )
    regression = (
        "The regression is the linear one of its column, without random effects"
        + (", a linear probability model of the counts" if logistic else "")
        + f". Errors: {whom} independent of one another; clustered on authority (CR1, and CR3,"
        " the jackknife), read from t with one degree of freedom less than authorities; and the"
        " wild cluster bootstrap with the null imposed, inverted."
    )
    return (effect, sds, regression, *found.notes)


def recovery_figures(found: Recovered) -> tuple[Drawing, ...]:
    """Coverage, power, width by authorities, reliability; those there are numbers for."""
    made = (_coverage(found), _power(found), _widths(found), _reliability(found))
    return tuple(drawing for drawing in made if drawing is not None)


def _averaged(rows: list[RecoveryRow], measure: str) -> tuple[float, float]:
    """A measure averaged over effects, whose replicates share their random numbers."""
    size = len(rows)
    error = sum(getattr(row, f"{measure}_mcse") for row in rows) / size
    return sum(getattr(row, measure) for row in rows) / size, error


def _coverage(found: Recovered) -> Drawing:
    kinds = list(dict.fromkeys(map(kind_of, found.pooled)))
    shown = []
    for kind in kinds:
        own = [row for row in found.pooled if kind_of(row) == kind]
        for method, label in METHODS.items():
            coverage, error = _averaged(of_method(own, method), "coverage_95")
            shown.append(CoveragePoint(scenario=kind, method=label, coverage=coverage, mcse=error))
    worst = {
        label: min(p.coverage for p in shown if p.method == label) for label in METHODS.values()
    }
    listed = ", ".join(f"{label} {percentage(share)}" for label, share in worst.items())
    ranks = sorted((p for p in shown if p.method == METHODS[POSTERIOR]), key=lambda p: p.coverage)
    ends = dict.fromkeys(percentage(p.coverage) for p in (ranks[0], ranks[-1]))
    return coverage_of_methods(
        shown,
        title=marked(
            found,
            f"95% intervals ({ranks[0].method}) hold the truth in {' to '.join(ends)} of"
            f" replicates; least often: {' '.join(ranks[0].scenario.split())}",
        ),
        subtitle="How often 95% intervals hold the truth, by scenario and method",
        name="coverage",
        alt=f"Coverage of 95% intervals by method and scenario. The lowest of each: {listed}.",
        notes=("Bars: 95% Monte Carlo error. Averaged over the true effects of a scenario.",),
    )


def _power(found: Recovered) -> Drawing | None:
    rows = base_rows(found)
    if len({row.effect for row in rows}) < 2:
        return None
    largest = max(rows, key=lambda row: row.effect or 0.0).effect
    near = min(of_method(rows, POSTERIOR), key=lambda row: abs(row.significant - DETECTED))
    ends = ", ".join(
        f"{METHODS[row.method]} {percentage(row.significant)}"
        for row in rows
        if row.effect == largest
    )
    return method_curves(
        [_power_point(row) for method in METHODS for row in of_method(rows, method)],
        CurveAxes(
            x="true effect, percentage points",
            y="How often an effect is found: 95% intervals that exclude 0, %",
            y_range=(0.0, 102.0),
            y_ticks=PERCENT,
            level=100 * DETECTED,
        ),
        title=marked(
            found,
            f"A true effect of {points(near.mean_truth)} is found in"
            f" {percentage(near.significant)} of replicates ({METHODS[POSTERIOR]})",
        ),
        name="power",
        alt=f"Power by true effect and method. At the largest: {ends}.",
        notes=(
            "Bars: 95% Monte Carlo error. Dashed: 80%. A test should find 5% where the true effect"
            " is 0; one that finds more there has no power worth the name.",
        ),
    )


def _power_point(row: RecoveryRow) -> CurvePoint:
    found, error = 100 * row.significant, 100 * row.significant_mcse
    return CurvePoint(method=METHODS[row.method], x=100 * row.mean_truth, y=found, mcse=error)


def _widths(found: Recovered) -> Drawing | None:
    if len(found.grid.authorities) < 2:
        return None
    shown = []
    for method, label in METHODS.items():
        for times in found.grid.authorities:
            rows = of_method(base_rows(found, authorities=times), method)
            rows = [row for row in rows if isfinite(row.mean_width + row.mean_width_mcse)]
            if rows:
                width, error = (100 * x for x in _averaged(rows, "mean_width"))
                shown.append(CurvePoint(method=label, x=float(times), y=width, mcse=error))
    own = sorted((p for p in shown if p.method == METHODS[POSTERIOR]), key=lambda point: point.x)
    if not own:
        return None
    said = [f"{points(p.y / 100)} with {p.x:g} times the design's authorities" for p in own]
    ends = dict.fromkeys((said[0], said[-1]))
    pilots, comparators, _ = found.design
    return method_curves(
        shown,
        CurveAxes(
            x="pilots + comparators",
            y="What more authorities would buy: mean width of 95% intervals, percentage points",
            x_ticks={
                float(times): f"{times * pilots} + {times * comparators}"
                for times in found.grid.authorities
            },
        ),
        title=marked(
            found,
            f"95% intervals ({own[0].method}) are {' and '.join(ends)}",
        ),
        name="width",
        alt=f"Width of 95% intervals by number of authorities. The posterior's: {', '.join(said)}.",
        notes=("Bars: 95% Monte Carlo error. Intervals without an end are left out.",),
    )


def _reliability(found: Recovered) -> Drawing | None:
    shown = [
        CurvePoint(
            method=METHODS[POSTERIOR],
            x=100 * row.mean_probability,
            y=100 * row.above_zero,
            mcse=100 * (row.above_zero_mcse or 0.0),
        )
        for row in found.reliability
        if row.mean_probability is not None and row.above_zero is not None
    ]
    if len(shown) < 2:
        return None
    furthest = max(abs(point.x - point.y) for point in shown)
    return method_curves(
        shown,
        CurveAxes(
            x="posterior probability of an effect above 0, %",
            y="Whether probabilities are right: true effects above 0, %",
            y_range=(-2.0, 102.0),
            y_ticks=PERCENT,
            diagonal=True,
        ),
        title=marked(
            found,
            f"Posterior probabilities are at most {furthest:.0f} percentage points from the share"
            " of true effects above 0",
        ),
        name="reliability",
        alt="Share of true effects above 0 by the posterior probability given to it; at most"
        f" {furthest:.0f} percentage points from the diagonal.",
        notes=("Truths drawn from the priors. Bars: 95% Monte Carlo error. Dashed: right.",),
    )
