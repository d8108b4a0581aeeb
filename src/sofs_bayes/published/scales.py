"""Whether Table 7's logistic and linear columns describe one change on two scales."""

from math import exp, sqrt

from sofs_bayes.errors import BadInput
from sofs_bayes.published.findings import Computed, Finding, rounded
from sofs_bayes.published.printed_report import (
    DID,
    LINEAR_CLUSTERED,
    LOGIT_CLUSTERED,
    LOGIT_UNCLUSTERED,
    PILOT,
    Interval,
    PrintedReport,
    arms,
    image,
    year_rows,
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
