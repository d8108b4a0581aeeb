"""What the columns of Table 7 (entry to care) say beside each other.

The two logistic ones are one model with different standard errors, so their coefficients should be
equal and the clustered errors the larger ones; logistic and linear ones should describe one change
on two scales.
"""

from collections.abc import Iterable, Sequence
from math import exp, isfinite, sqrt

from sofs_bayes.errors import BadInput, counted
from sofs_bayes.published.printed_report import (
    DID,
    INTERCEPT,
    LINEAR_CLUSTERED,
    LOGIT_CLUSTERED,
    LOGIT_LAGGED,
    LOGIT_UNCLUSTERED,
    PILOT,
    Computed,
    Finding,
    Interval,
    PrintedReport,
    arms,
    image,
    rounded,
    star_levels,
    year_rows,
)
from sofs_bayes.published.rates import pre_rate
from sofs_bayes.published.stars import (
    StarBracket,
    arm_sizes,
    bracket_at,
    common_multiple,
    critical_values,
    restarred,
)


def audit_entry_to_care(
    report: PrintedReport, brackets: tuple[StarBracket, ...], df: float | None = None
) -> tuple[Finding, ...]:
    """Every finding about the logistic columns; `df` as for the brackets."""
    return (
        shifted_rows(report),
        clustered_stars(report, brackets, df),
        unclustered_errors(report, brackets),
        clustering_headings(report),
    )


def best_shift(
    moved: Sequence[float], fixed: Sequence[float], rows: Iterable[int]
) -> tuple[int, list[int]]:
    """The shift that brings most of the given rows of `moved` onto equal rows of `fixed`.

    Returns
    -------
    tuple of int and list of int
        Rows to move down (negative: up), the smallest such shift, and the rows that it
        makes equal.
    """
    rows = tuple(rows)
    equal = {
        shift: [i for i in rows if 0 <= i + shift < len(fixed) and moved[i] == fixed[i + shift]]
        for shift in range(1 - len(fixed), len(fixed))
    }
    shift = max(equal, key=lambda each: (len(equal[each]), -abs(each)))
    return shift, equal[shift]


def shifted_rows(report: PrintedReport) -> Finding:
    """Whether both logistic columns have the same coefficients; else, the shift that fits."""
    rows = year_rows(report, 7, LOGIT_UNCLUSTERED)
    clustered, unclustered, lagged = (
        [report.value(7, row, column) for row in rows]
        for column in (LOGIT_CLUSTERED, LOGIT_UNCLUSTERED, LOGIT_LAGGED)
    )
    unequal = [i for i in range(len(rows)) if clustered[i] != unclustered[i]]
    others = [
        report.value(7, row, LOGIT_CLUSTERED) != report.value(7, row, LOGIT_UNCLUSTERED)
        for row in (INTERCEPT, PILOT, DID)
    ]
    shift, equal = best_shift(clustered, unclustered, unequal)
    distances = [
        sum(abs(column[i] - lagged[i]) for i in unequal) / max(len(unequal), 1)
        for column in (clustered, unclustered)
    ]
    compared, differing = len(rows) + len(others), len(unequal) + sum(others)
    moves = ", ".join(f"{rows[i][-4:]} has {rows[i + shift][-4:]}'s" for i in equal)
    return Finding(
        key="table_7.year_rows",
        question="Do the clustered and the unclustered logistic column, one model with two kinds "
        "of error, have the same coefficients?",
        place=f"Table 7, {LOGIT_CLUSTERED} and {LOGIT_UNCLUSTERED}",
        evidence="published-inferred",
        agrees=not differing,
        computed=(
            Computed(label="coefficients compared", value=compared, unit="count"),
            Computed(label="coefficients unequal", value=differing, unit="count"),
            Computed(label="best shift of the unequal year rows", value=shift, unit="rows"),
            Computed(label="year rows equal at that shift", value=len(equal), unit="count"),
            Computed(label="clustered, distance to lagged", value=distances[0], unit="log-odds"),
            Computed(label="unclustered, distance to lagged", value=distances[1], unit="log-odds"),
        ),
        sentence=f"{differing} of {compared} coefficients differ. Moved "
        f"{'up' if shift < 0 else 'down'} by {counted(abs(shift), 'row')}, {len(equal)} of the "
        f"{len(unequal)} unequal year rows of the clustered column equal the unclustered ones "
        f"({moves or 'none'}); in the unequal rows the lagged model lies {distances[0]:.2f} from "
        f"the clustered column and {distances[1]:.2f} from the unclustered.",
    )


def clustered_stars(
    report: PrintedReport, brackets: tuple[StarBracket, ...], df: float | None
) -> Finding:
    """Which multiple of the child-level errors all stars of the clustered column allow.

    Once with the column's own coefficients, once with those of the unclustered column beside
    the clustered column's stars: if only the coefficients slipped, the second must do.
    """
    critical = critical_values(star_levels(report, 7), df)
    own = [b for b in brackets if (b.table, b.column) == (7, LOGIT_CLUSTERED)]
    corrected = [restarred(b, report.cell(7, b.row, LOGIT_UNCLUSTERED), critical) for b in own]
    sized = [b for b in corrected if b.child_level is not None]
    with_own, with_other = common_multiple(own), common_multiple(corrected)
    printed_only = common_multiple(b for b in sized if b.child_level and not b.child_level.assumed)
    stated = report.number("cla.incidence") / 100
    before = pre_rate(report, "CLA")[0] / 100
    # A child-level error of log-odds goes with 1/sqrt(p(1 - p)), so its multiples go inversely.
    at_pre_rate = sqrt(before * (1 - before) / (stated * (1 - stated)))
    return Finding(
        key="table_7.clustered_stars",
        question="Do the clustered column's stars, beside its own coefficients, fit one multiple "
        "of child-level errors?",
        place=f"Table 7, {LOGIT_CLUSTERED}; Table 3",
        evidence="published-inferred",
        agrees=with_own is not None,
        computed=(
            *_ends("multiple by its own coefficients", with_own),
            *_ends("multiple by the unclustered coefficients", with_other),
            *_ends("the same, rows with printed sizes only", printed_only),
            Computed(
                label="factor at the rate before settling-in", value=at_pre_rate, unit="ratio"
            ),
        ),
        sentence=f"Beside the column's own coefficients its stars allow {_multiple(with_own)}; "
        f"beside the unclustered coefficients, stars left in their rows, {_multiple(with_other)}. "
        f"At the rate before settling-in, {100 * before:.1f}% for {100 * stated:.0f}%, multiples "
        f"are {at_pre_rate:.2f} times as large. Rows used: {len(sized)} of {len(own)}, all but "
        f"{sum(not b.child_level.assumed for b in sized if b.child_level)} with sizes assumed.",
    )


def _ends(label: str, bounds: Interval | None) -> tuple[Computed, ...]:
    if bounds is None:
        return ()
    ends = (("smallest", bounds.lower), ("largest", bounds.upper))
    return tuple(
        Computed(label=f"{label}: {end}", value=value, unit="ratio")
        for end, value in ends
        if isfinite(value)
    )


def _multiple(bounds: Interval | None) -> str:
    if bounds is None:
        return "no common multiple of child-level errors"
    return f"{bounds.lower:.2f} to {bounds.upper:.2f} times the child-level errors"


def two_arm_error(report: PrintedReport) -> float:
    """The child-level error of the pilot log-odds from each arm's own rate in Table 3."""
    size = arm_sizes(report, "CLA")
    pilots, comparators = (report.value(3, "Outcome", arm) / 100 for arm in arms("CLA"))
    return sqrt(
        1 / (size.pilots_pre * pilots * (1 - pilots))
        + 1 / (size.comparators_pre * comparators * (1 - comparators))
    )


def unclustered_errors(report: PrintedReport, brackets: tuple[StarBracket, ...]) -> Finding:
    """Whether the column called "not clustered" can have child-level errors."""
    pilot = bracket_at(brackets, 7, PILOT, LOGIT_UNCLUSTERED)
    by_arm = two_arm_error(report)
    child = by_arm if pilot.child_level is None else pilot.child_level.se
    column = common_multiple(b for b in brackets if (b.table, b.column) == (7, LOGIT_UNCLUSTERED))
    return Finding(
        key="table_7.unclustered_errors",
        question="Can the stars of the column called not clustered come from child-level errors?",
        place=f"Table 7, {PILOT}, {LOGIT_UNCLUSTERED}; Table 3",
        evidence="published-inferred",
        agrees=pilot.se_lower <= max(child, by_arm),
        computed=(
            Computed(label="smallest error by the stars", value=pilot.se_lower, unit="log-odds"),
            Computed(label="child level, at the stated incidence", value=child, unit="log-odds"),
            Computed(label="child level, at each arm's rate", value=by_arm, unit="log-odds"),
        ),
        sentence=f"{pilot.coefficient:.2f} with {counted(pilot.stars, 'star')} needs an error of "
        f"at least {pilot.se_lower:.3f}. Children counted as independent give {child:.3f} at the "
        f"stated incidence and {by_arm:.3f} at each arm's own rate, which is exceeded "
        f"{pilot.se_lower / child:.1f} and {pilot.se_lower / by_arm:.1f} times. Together the "
        f"column's stars allow {_multiple(column)}.",
    )


def clustering_headings(report: PrintedReport) -> Finding:
    """Whether the column called clustered has the larger errors, as clustering has it.

    Rows count where the printed coefficients agree: of one coefficient, the error with more
    stars is the smaller.
    """
    rows = (INTERCEPT, PILOT, DID, *year_rows(report, 7, LOGIT_UNCLUSTERED))
    pairs = {
        row: (report.cell(7, row, LOGIT_CLUSTERED), report.cell(7, row, LOGIT_UNCLUSTERED))
        for row in rows
    }
    shared = {row: (a.stars, b.stars) for row, (a, b) in pairs.items() if a.value == b.value}
    smaller = [row for row, (clustered, plain) in shared.items() if clustered > plain]
    larger = [row for row, (clustered, plain) in shared.items() if clustered < plain]
    return Finding(
        key="table_7.clustering_headings",
        question="Is no error of the clustered column smaller than the one not clustered?",
        place=f"Table 7, {LOGIT_CLUSTERED} and {LOGIT_UNCLUSTERED}",
        evidence="published-inferred",
        agrees=not smaller,
        computed=(
            Computed(label="rows with equal coefficients", value=len(shared), unit="count"),
            Computed(label="clustered error smaller", value=len(smaller), unit="count"),
            Computed(label="clustered error larger", value=len(larger), unit="count"),
        ),
        sentence=f"Of {len(shared)} rows with equal coefficients {len(smaller)} have more stars, "
        f"so a smaller error, in the clustered column ({', '.join(smaller) or 'none'}), and "
        f"{len(larger)} have fewer.",
    )


LARGEST_BASE_RATE = 0.5


def audit_scales(report: PrintedReport) -> tuple[Finding, ...]:
    """Every finding about the two scales."""
    return effect_scales(report), one_base_rate(report)


def risk_change(rate: float, effect_logit: float) -> float:
    """The change of a rate when its log-odds change."""
    odds = rate / (1 - rate) * exp(effect_logit)
    return odds / (1 + odds) - rate


def base_rate(effect_logit: float, change: float) -> float:
    """The rate, up to a half, at which a change of log-odds is this change of risk.

    A half where no rate gives so large a change.
    """
    factor = exp(effect_logit) - 1
    square = (1 - change) ** 2 - 4 * change / factor
    if square < 0:
        return LARGEST_BASE_RATE
    return min(LARGEST_BASE_RATE, (1 - change - sqrt(square)) / 2)


def reconciling_trend(
    rates: tuple[float, float], effect_logit: float, risk_difference: float
) -> float | None:
    """The log-odds change common to both arms with which both effects hold at once.

    Arms that start from different rates (pilots, comparators) cannot move in parallel on both
    scales, so the two effects differ even if both models are right. None where no change
    between -1 and 1 does it.
    """

    def excess(trend: float) -> float:
        moved = risk_change(rates[0], trend + effect_logit) - risk_change(rates[1], trend)
        return moved - risk_difference

    lower, upper = -1.0, 1.0
    if excess(lower) * excess(upper) > 0:
        return None
    for _ in range(60):  # halvings: far below any printed digit
        middle = (lower + upper) / 2
        lower, upper = (middle, upper) if excess(lower) * excess(middle) > 0 else (lower, middle)
    return lower


def effect_scales(report: PrintedReport) -> Finding:
    """Whether the logistic effect, as a change of risk, is the linear column's effect."""
    logit, linear = (report.value(7, DID, column) for column in (LOGIT_CLUSTERED, LINEAR_CLUSTERED))
    logit_range = report.interval(7, DID, LOGIT_CLUSTERED)
    linear_range = report.interval(7, DID, LINEAR_CLUSTERED)
    stated, stated_range = report.number("cla.incidence"), report.number_interval("cla.incidence")
    change = risk_change(stated / 100, logit)
    change_range = image(lambda rate, b: risk_change(rate / 100, b), stated_range, logit_range)
    pilots, comparators = (report.value(3, "Outcome", arm) / 100 for arm in arms("CLA"))
    trend = reconciling_trend((pilots, comparators), logit, linear)
    agrees = change_range.meets(linear_range)
    return Finding(
        key="table_7.effect_scales",
        question="Is the logistic effect, at the stated incidence, the linear column's effect?",
        place=f"Table 7, {DID}, {LOGIT_CLUSTERED} and {LINEAR_CLUSTERED}",
        evidence="published-inferred",
        agrees=agrees,
        computed=(
            rounded("logistic effect as a change of risk", change, "probability", change_range),
            rounded("linear effect", linear, "probability", linear_range),
            *(
                (Computed(label="common trend that reconciles", value=trend, unit="log-odds"),)
                if trend is not None
                else ()
            ),
        ),
        sentence=f"{logit:.2f} on log-odds is {100 * change:+.2f} points at {stated:.0f}% "
        f"({100 * change_range.lower:.2f} to {100 * change_range.upper:.2f} by rounding); the "
        f"linear column says {100 * linear:+.1f} points ({100 * linear_range.lower:.2f} to "
        f"{100 * linear_range.upper:.2f}). "
        + (
            "No common trend of the two arms would make both true."
            if trend is None
            else f"From rates of {100 * pilots:.0f}% and {100 * comparators:.0f}% both hold if the "
            f"log-odds of either arm changed by {trend:+.2f}: parallel trends on one scale are "
            "not parallel on the other."
        ),
    )


def base_rates(report: PrintedReport) -> dict[str, Interval]:
    """The base rates at which each row's logistic coefficient is its linear one.

    Rows where either may be zero by rounding are left out: any rate would do.
    """
    rates = {}
    for row in (PILOT, DID, *year_rows(report, 7, LOGIT_UNCLUSTERED)):
        logit = report.interval(7, row, LOGIT_UNCLUSTERED)
        linear = report.interval(7, row, LINEAR_CLUSTERED)
        if not logit.holds(0) and not linear.holds(0) and logit.lower * linear.lower > 0:
            rates[row] = image(base_rate, logit, linear)
    return rates


def one_base_rate(report: PrintedReport) -> Finding:
    """Whether one base rate turns all logistic coefficients into the linear ones.

    The linear model is additive in the covariates, so small departures are to be expected;
    rows that need rates far apart are not the same comparison on two scales.
    """
    rates = base_rates(report)
    if DID not in rates:
        raise BadInput("facts", f"Table 7, {DID!r}", "zero by rounding", "effects of one sign")
    lowest = min(rates, key=lambda row: rates[row].upper)
    highest = max(rates, key=lambda row: rates[row].lower)
    agrees = rates[highest].lower <= rates[lowest].upper
    return Finding(
        key="table_7.one_base_rate",
        question="Does one base rate turn the logistic coefficients into the linear ones?",
        place=f"Table 7, {LOGIT_UNCLUSTERED} and {LINEAR_CLUSTERED}",
        evidence="published-inferred",
        agrees=agrees,
        computed=tuple(
            Computed(label=f"{row}: {end}", value=100 * value, unit="percent")
            for row, bounds in rates.items()
            for end, value in (("lowest rate", bounds.lower), ("highest rate", bounds.upper))
        ),
        sentence=f"“{lowest}” needs a base rate of at most {100 * rates[lowest].upper:.1f}%, "
        f"“{highest}” one of at least {100 * rates[highest].lower:.1f}%, the effect "
        f"{100 * rates[DID].lower:.1f} to {100 * rates[DID].upper:.1f}%: "
        f"{'one rate serves' if agrees else 'no one rate serves'} all {len(rates)} rows.",
    )
