"""What the report says of time, compared with itself: years, leads, lags and follow-up.

Source: the year rows of Tables 5 and 7, Table 4, the lag rows, and the stated windows.
A financial year is named by its first calendar year and runs from April to March.
"""

import re
from statistics import fmean

from sofs_bayes.errors import BadInput
from sofs_bayes.published.printed_report import (
    DID,
    LAGGED,
    LAGS,
    LINEAR,
    LOGIT_LAGGED,
    LOGIT_UNCLUSTERED,
    OUTCOMES,
    PILOT,
    Computed,
    Finding,
    PrintedReport,
    apart,
    image,
    rounded,
    stars_at,
    study_years,
)

LEVEL = 0.05  # the five per cent of the text
MONTHS_PER_YEAR = 12
FIRST_MONTH = 3  # April, counted from 0
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_MAIN = {"ICPC": (5, LINEAR, LAGGED), "CLA": (7, LOGIT_UNCLUSTERED, LOGIT_LAGGED)}


def audit_timing(report: PrintedReport) -> tuple[Finding, ...]:
    """Every finding about time."""
    found = [years_in_period(report)]
    for outcome in OUTCOMES:
        found += [
            leads_printed(report, outcome),
            leads_and_years(report, outcome),
            follow_up(report, outcome),
            serial_correlation(report, outcome),
            lag_significance(report, outcome),
            lag_average(report, outcome),
        ]
    return tuple(found)


def read_period(text: str) -> tuple[int, int]:
    """First and last month of a period such as "April 2008-March 2019", counted from year 0.

    Raises
    ------
    BadInput
        The text is not two months with years.
    """
    months = [
        MONTHS_PER_YEAR * int(year) + MONTHS.index(month)
        for month, year in re.findall(r"([A-Z][a-z]+) ([0-9]{4})", text)
        if month in MONTHS
    ]
    if len(months) != 2 or months[0] > months[1]:
        raise BadInput("statements", "period", repr(text), "April 2008-March 2019")
    return months[0], months[1]


def _last_month(year: int) -> int:
    """The month in which a financial year ends, counted from year 0."""
    return MONTHS_PER_YEAR * (year + 1) + FIRST_MONTH - 1


def years_in_period(report: PrintedReport) -> Finding:
    """Whether the sources name one period, and every year with a coefficient lies in it."""
    keys = ("table_3", "table_4", "table_5")
    periods = {key: read_period(report.text(f"{key}.period")) for key in keys}
    first, last = periods["table_3"]
    by_outcome = {each: report.years(table, col) for each, (table, col, _) in _MAIN.items()}
    years = [year for each in by_outcome.values() for year in each]
    begins = MONTHS_PER_YEAR * (min(years) - 1) + FIRST_MONTH
    inside = first <= begins and _last_month(max(years)) <= last
    spans = " and ".join(
        f"the {each} years {min(span) - 1} to {max(span)}" for each, span in by_outcome.items()
    )
    one = len(set(periods.values())) == 1
    return Finding(
        key="years.in_period",
        question="Do the sources name one period, with every year of Tables 5 and 7 inside it?",
        place="Notes of Tables 3, 4 and 5; year rows of Tables 5 and 7",
        evidence="published-inferred",
        agrees=one and inside,
        computed=(
            *(
                Computed(label=f"{each}, reference year", value=min(span) - 1, unit="year")
                for each, span in by_outcome.items()
            ),
            Computed(label="last year", value=max(years), unit="year"),
            Computed(label="months in the period", value=last - first + 1, unit="months"),
        ),
        sentence=f"The notes of Tables 3, 4 and 5 name {'one period' if one else 'several periods'}"
        f"; {spans} lie {'inside' if inside else 'outside'} its {last - first + 1} months.",
    )


def leads_printed(report: PrintedReport, outcome: str) -> Finding:
    """Whether Table 4 and the text count the same leads, most of them insignificant."""
    cell = report.cell(4, "Number of insignificant leads", _result(outcome))
    in_table = [int(number) for number in re.findall(r"[0-9]+", cell.text)]
    key = outcome.lower()
    in_text = [
        int(report.number(f"{key}.leads_not_significant")),
        int(report.number(f"{key}.leads_total")),
    ]
    most = 2 * in_table[0] > in_table[1]
    return Finding(
        key=f"leads.{key}_printed",
        question=f"Do Table 4 and the text count the same {outcome} leads, most insignificant?",
        place="Table 4, Analysis results",
        evidence="published",
        agrees=in_table == in_text and most,
        computed=(
            Computed(label="insignificant, Table 4", value=in_table[0], unit="leads"),
            Computed(label="all, Table 4", value=in_table[1], unit="leads"),
            Computed(label="insignificant, text", value=in_text[0], unit="leads"),
            Computed(label="all, text", value=in_text[1], unit="leads"),
        ),
        sentence=f"{outcome} leads not significant: {in_table[0]} of {in_table[1]} in Table 4, "
        f"{in_text[0]} of {in_text[1]} in the text; {'' if most else 'not '}a majority.",
    )


def _result(outcome: str) -> str:
    return f"Result for outcome: {outcome} rate"


def leads_and_years(report: PrintedReport, outcome: str) -> Finding:
    """Whether the years before settling-in suffice for the leads, one of them the reference."""
    leads = int(report.number(f"{outcome.lower()}.leads_total"))
    years = study_years(report, outcome)
    known = bool(years.pre)
    span = f"{years.pre[0]} to {years.pre[-1]}" if known else "not shown"
    return Finding(
        key=f"leads.{outcome.lower()}_years",
        question=f"Are there years enough before settling-in for the {outcome} leads?",
        place=f"Table 4, year rows of Table {_MAIN[outcome][0]}",
        evidence="published-inferred",
        agrees=len(years.pre) >= leads + 1 if known else None,
        computed=(
            Computed(label="leads", value=leads, unit="leads"),
            Computed(label="years needed, with a reference year", value=leads + 1, unit="years"),
            Computed(label="years before settling-in", value=len(years.pre), unit="years"),
            Computed(label="years in the gap", value=len(years.gap), unit="years"),
        ),
        sentence=f"{leads} yearly leads and a reference year need {leads + 1} years before "
        f"settling-in; the year rows show {len(years.pre)} ({span}), or "
        f"{len(years.pre) + len(years.gap)} with the gap counted in.",
    )


def serial_correlation(report: PrintedReport, outcome: str) -> Finding:
    """Whether Table 4's verdict on serial correlation follows from its p-value at 5%."""
    cell = report.cell(4, "Breusch-Godfrey test", _result(outcome))
    p_value = report.value(4, "Breusch-Godfrey test", _result(outcome))
    detected = not cell.text.startswith("No ")
    return Finding(
        key=f"table_4.{outcome.lower()}_serial_correlation",
        question=f"Does the verdict on serial correlation ({outcome}) follow from the p-value?",
        place=f"Table 4, {_result(outcome)}",
        evidence="published",
        agrees=detected == (p_value < LEVEL),
        computed=(Computed(label="Breusch-Godfrey test", value=p_value, unit="p-value"),),
        sentence=f"{outcome}: serial correlation is {'' if detected else 'not '}said to be "
        f"detected with p={p_value:g}, {'below' if p_value < LEVEL else 'not below'} {LEVEL:g}.",
    )


def follow_up(report: PrintedReport, outcome: str) -> Finding:
    """Which share of the last year's referrals has its outcome window inside the data."""
    table, column, _ = _MAIN[outcome]
    window = int(report.number(f"{outcome.lower()}.outcome_window"))
    last_year = max(report.years(table, column))
    _, end = read_period(report.text("table_3.period"))
    after = end - _last_month(last_year)
    share = min(max(MONTHS_PER_YEAR - window + after, 0), MONTHS_PER_YEAR) / MONTHS_PER_YEAR
    return Finding(
        key=f"follow_up.{outcome.lower()}",
        question=f"Can every {outcome} referral of the last year be followed to the end of its "
        "outcome window within the data?",
        place=f"Table 3 (period), Table {table} (last year row), Key findings (window)",
        evidence="published-inferred",
        agrees=share == 1,
        computed=(
            Computed(label="outcome window", value=window, unit="months"),
            Computed(label="last year", value=last_year, unit="year"),
            Computed(label="referrals with a full window", value=100 * share, unit="percent"),
        ),
        sentence=f"An outcome window of {window} months closes inside the stated period for "
        f"{100 * share:.0f}% of the months from April {last_year}, with which the last year of "
        f"Table {table} begins if it is a financial year; the rest, if any, needs later outcomes.",
    )


def lag_significance(report: PrintedReport, outcome: str) -> Finding:
    """Whether no lagged effect is significant at five per cent, as the text says."""
    table, _, column = _MAIN[outcome]
    needed = stars_at(report, table, LEVEL)
    stars = {row: report.cell(table, row, column).stars for row in LAGS}
    agrees = all(count < needed for count in stars.values())
    return Finding(
        key=f"lags.{outcome.lower()}_significance",
        question=f"Is no lagged {outcome} effect significant at five per cent?",
        place=f"Table {table}, {column}; text of the primary analysis",
        evidence="published",
        agrees=agrees,
        computed=tuple(
            Computed(label=row, value=count, unit="stars") for row, count in stars.items()
        ),
        sentence=f"{outcome}: no lagged effect carries more than {max(stars.values())} stars, five "
        f"per cent needs {needed}; the claim {'holds' if agrees else 'does not hold'}.",
    )


def lag_average(report: PrintedReport, outcome: str) -> Finding:
    """How much of the post period year t must be, if the single effect averages the lags.

    What is averaged is the gap between pilots and comparators after settling-in, the pilot
    coefficient plus the effect: the two columns have different pilot coefficients.
    """
    table, column, lagged = _MAIN[outcome]
    largest, second, _ = sorted(LAGS, key=lambda row: -report.value(table, row, lagged))
    places = [(DID, column), (PILOT, column), (largest, lagged), (second, lagged), (PILOT, lagged)]

    def share(did: float, pilot: float, top: float, next_: float, pilot_lagged: float) -> float:
        return (did + pilot - next_ - pilot_lagged) / (top - next_)

    ranges = [report.interval(table, *place) for place in places]
    apart(ranges[2], ranges[3], f"Table {table}, {lagged}")
    least = share(*(report.value(table, *place) for place in places))
    bounds = image(share, *ranges)
    single = report.value(table, DID, column) + report.value(table, PILOT, column)
    equal = fmean(report.value(table, row, lagged) for row in LAGS)
    equal += report.value(table, PILOT, lagged)
    unit = "log-odds" if table == 7 else "probability"
    return Finding(
        key=f"lags.{outcome.lower()}_average",
        question=f"Which mix of years makes the single {outcome} effect an average of the lags?",
        place=f"Table {table}, {column} and {lagged}",
        evidence="published-inferred",
        agrees=None,
        computed=(
            Computed(label="gap after settling-in, single effect", value=single, unit=unit),
            Computed(label="gap after settling-in, lags equally", value=equal, unit=unit),
            rounded(f"least share of {largest}", least, "share", bounds),
        ),
        sentence=f"{outcome}: the gap after settling-in is {single:.3f} by the single effect and "
        f"{equal:.3f} by the lags weighted equally; for the two to be one average, "
        f"“{largest}” must hold at least {100 * least:.0f}% of the pilots' later referrals.",
    )
