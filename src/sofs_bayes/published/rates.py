"""What the report says of rates, compared with itself: incidences, percentages, balance.

Source: Tables 2 and 3 and the stated incidences.
"""

import re
from dataclasses import dataclass

from sofs_bayes.published.facts import Printed
from sofs_bayes.published.printed_report import (
    OUTCOMES,
    PRE_COUNT,
    TOTAL_COUNT,
    Computed,
    Finding,
    Interval,
    PrintedReport,
    arms,
    image,
    rounded,
)

SPECIFICATION = "Main specification (which determines sample size)"


def audit_rates(report: PrintedReport) -> tuple[Finding, ...]:
    """Every finding about rates."""
    return (
        *(incidence(report, outcome) for outcome in OUTCOMES),
        decision_rule(report),
        percentages(report),
        balance(report),
    )


def pre_rate(report: PrintedReport, outcome: str) -> tuple[float, Interval, float]:
    """The outcome's rate before settling-in, in percent, its rounding, and the pre share of N.

    Table 3's rates of pilots and comparators, weighted by their printed numbers.
    """
    pilot, comparator = (report.value(3, PRE_COUNT, arm) for arm in arms(outcome))
    total = report.value(3, TOTAL_COUNT, arms(outcome)[0])

    def average(pilot_rate: float, comparator_rate: float) -> float:
        return (pilot * pilot_rate + comparator * comparator_rate) / (pilot + comparator)

    rates = [report.value(3, "Outcome", arm) for arm in arms(outcome)]
    ranges = [report.interval(3, "Outcome", arm) for arm in arms(outcome)]
    return average(*rates), image(average, *ranges), (pilot + comparator) / total


def incidence(report: PrintedReport, outcome: str) -> Finding:
    """Whether the stated incidence can be reached from the rates before settling-in."""
    key = f"{outcome.lower()}.incidence"
    stated, stated_range = report.number(key), report.number_interval(key)
    before, before_range, share = pre_rate(report, outcome)

    def needed(overall: float, pre: float) -> float:
        return (overall - share * pre) / (1 - share)

    after, after_range = needed(stated, before), image(needed, stated_range, before_range)
    agrees = after_range.upper >= 0 and after_range.lower <= 100
    return Finding(
        key=f"incidence.{outcome.lower()}",
        question=f"Can the stated {outcome} incidence hold beside Table 3's rates before "
        "settling-in, for some rate after it?",
        place="Analysis results (stated incidence), Table 3",
        evidence="published-inferred",
        agrees=agrees,
        computed=(
            rounded("stated incidence", stated, "percent", stated_range),
            rounded("rate before settling-in, both arms", before, "percent", before_range),
            rounded("rate needed after settling-in", after, "percent", after_range),
        ),
        sentence=f"{outcome}: both arms together had {before:.2f}% before settling-in "
        f"({before_range.lower:.2f} to {before_range.upper:.2f} by rounding) against a stated "
        f"{stated:.0f}% overall, so the children after settling-in need {after:.2f}% "
        f"({after_range.lower:.2f} to {after_range.upper:.2f}); "
        f"{'rounding leaves room for that' if agrees else 'no rate allows that'}.",
    )


def decision_rule(report: PrintedReport) -> Finding:
    """Whether the kind of main model follows from incidence and cutoff, for both outcomes."""
    cutoff = report.number("icpc.incidence_cutoff")
    rates = {each: report.number(f"{each.lower()}.incidence") for each in OUTCOMES}
    due = {each: "Linear" if rates[each] > cutoff else "Logistic" for each in OUTCOMES}
    printed = {
        each: {report.cell(3, SPECIFICATION, arm).text for arm in arms(each)} for each in OUTCOMES
    }
    _, icpc_before, _ = pre_rate(report, "ICPC")
    described = "; ".join(
        f"{each} {rates[each]:.0f}% calls for {due[each].lower()} and "
        f"{' / '.join(sorted(printed[each])).lower()} is printed"
        for each in OUTCOMES
    )
    return Finding(
        key="incidence.decision_rule",
        question="Is the main model linear above the incidence cutoff and logistic below it?",
        place="Analysis results, Table 3 (main specification)",
        evidence="published-inferred",
        agrees=all(printed[each] == {due[each]} for each in OUTCOMES),
        computed=(
            Computed(label="cutoff", value=cutoff, unit="percent"),
            *(Computed(label=each, value=rates[each], unit="percent") for each in OUTCOMES),
        ),
        sentence=f"Cutoff {cutoff:.0f}%: {described}. On ICPC rates before settling-in alone "
        f"({icpc_before.lower:.1f} to {icpc_before.upper:.1f}%) the rule would "
        f"{'not be decided' if icpc_before.holds(cutoff) else 'be decided as well'}.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PercentageSum:
    """The percentages of one variable in one column of Table 3, added up."""

    variable: str
    column: str
    total: float
    bounds: Interval
    gaps: int

    @property
    def possible(self) -> bool:
        """Whether 100 can be reached; a gap may hold anything from zero on."""
        reach = self.bounds.upper >= 100 or self.gaps > 0
        return self.bounds.lower <= 100 and reach

    @property
    def hidden(self) -> float:
        """What the gaps must hold together at the least, in percent."""
        return max(0.0, 100 - self.bounds.upper)


def percentage_sums(report: PrintedReport) -> tuple[PercentageSum, ...]:
    """The sum of each variable's percentages in each column of Table 3."""
    groups: dict[tuple[str, str], list[Printed]] = {}
    for (table, row, column), fact in report.cells.items():
        parts = re.split(r" [–-] ", row, maxsplit=1)
        if table == 3 and len(parts) == 2:
            variable = re.sub(r" \(.*\)", "", parts[0])
            groups.setdefault((variable, column), []).append(fact.printed)
    sums = []
    for (variable, column), cells in groups.items():
        known = [(cell.value, cell.half_unit) for cell in cells if cell.value is not None]
        total, slack = sum(value for value, _ in known), sum(half for _, half in known)
        sums.append(
            PercentageSum(
                variable=variable,
                column=column,
                total=total,
                bounds=Interval(lower=total - slack, upper=total + slack),
                gaps=len(cells) - len(known),
            )
        )
    return tuple(sums)


def percentages(report: PrintedReport) -> Finding:
    """Whether each variable's printed percentages can add up to 100 in each arm of Table 3."""
    sums = percentage_sums(report)
    wrong = [each for each in sums if not each.possible]
    fullest = max(sums, key=lambda each: each.hidden)
    in_arm = report.value(3, PRE_COUNT, fullest.column)
    low, high = min(each.total for each in sums), max(each.total for each in sums)
    failing = ", ".join(f"{each.variable} in {each.column}" for each in wrong)
    return Finding(
        key="table_3.percentages",
        question="Can each variable's percentages add up to 100, given rounding and gaps?",
        place="Table 3",
        evidence="published-inferred",
        agrees=not wrong,
        computed=tuple(
            rounded(f"{each.variable}, {each.column}", each.total, "percent", each.bounds)
            for each in sums
        ),
        sentence=f"{len(sums)} sums of percentages lie between {low:.0f} and {high:.0f}; "
        f"out of reach of 100 by rounding and gaps: {failing or 'none'}. The gaps hide most in "
        f"{fullest.variable}, {fullest.column}: at least {fullest.hidden:.1f}%, which is "
        f"{fullest.hidden * in_arm / 100:,.0f} of {in_arm:,.0f} children.",
    )


def balance(report: PrintedReport) -> Finding:
    """Whether coarsened exact matching lowers imbalance and raises common support (Table 2)."""
    changes = {
        (row, measure): report.value(2, row, f"{measure}: Post CEM")
        - report.value(2, row, f"{measure}: Prior to CEM")
        for row in ("ICPC rates", "CLA rates")
        for measure in ("L1 imbalance score", "Local common support")
    }
    agrees = all((change < 0) == ("L1" in measure) for (_, measure), change in changes.items())
    listed = "; ".join(f"{row}, {what} {change:+.2f}" for (row, what), change in changes.items())
    return Finding(
        key="table_2.balance",
        question="Does Table 2 show the better balance that the text claims for the matching?",
        place="Table 2 and the text above it",
        evidence="published-inferred",
        agrees=agrees,
        computed=tuple(
            Computed(
                label=f"{row}, {measure}: change by matching",
                value=change,
                unit="imbalance (0-1)" if "L1" in measure else "percent",
            )
            for (row, measure), change in changes.items()
        ),
        sentence=f"Change by matching: {listed}; {'all' if agrees else 'not all'} for the better.",
    )
