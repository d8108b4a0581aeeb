"""What Table 6's two kinds of comparator say beside Table 5's effect.

Table 6 takes the pilots as reference, so the pilots' change against a kind of comparator is
that kind's coefficient with the sign turned. Risk scale: 0.01 is one percentage point (pp).
"""

from sofs_bayes.published.findings import Computed, Finding, counted, rounded
from sofs_bayes.published.printed_report import (
    DID,
    LINEAR,
    PILOT,
    PRACTICE,
    Interval,
    PrintedReport,
    apart,
    image,
    stars_at,
)

SIMILAR = "Comparator LA with a similar practice model"
ORDINARY = "Comparator LA without a similar practice model"
AFTER = " * post settling-in period"

Places = tuple[tuple[int, str, str], ...]
EFFECT_PLACES: Places = (
    (5, DID, LINEAR),
    (6, SIMILAR + AFTER, PRACTICE),
    (6, ORDINARY + AFTER, PRACTICE),
)
PILOT_PLACES: Places = ((5, PILOT, LINEAR), (6, SIMILAR, PRACTICE), (6, ORDINARY, PRACTICE))


def audit_practice_models(report: PrintedReport) -> tuple[Finding, ...]:
    """Every finding about kinds of comparator."""
    return practice_weight(report), practice_pilot_gap(report), practice_p_value(report)


def _weight(report: PrintedReport, places: Places) -> tuple[float, Interval]:
    """The weight on `similar` with which two kinds average to Table 5, and its rounding.

    The coefficient of Table 5 is the pilots' against comparators, those of Table 6 are the
    comparators' against pilots.
    """

    def weight(overall: float, similar: float, ordinary: float) -> float:
        return (-overall - ordinary) / (similar - ordinary)

    ranges = [report.interval(*place) for place in places]
    apart(ranges[1], ranges[2], f"Table 6, {PRACTICE}")
    return weight(*(report.value(*place) for place in places)), image(weight, *ranges)


def practice_weight(report: PrintedReport) -> Finding:
    """The weight on comparators with a similar practice model that gives Table 5's effect."""
    overall, similar, ordinary = (report.value(*place) for place in EFFECT_PLACES)
    weight, bounds = _weight(report, EFFECT_PLACES)
    among = int(report.number("table_5.comparators"))
    count = round(weight * among)
    fits = bounds.holds(count / among)
    return Finding(
        key="practice.weight",
        question="Which weight on comparators with a similar practice model gives Table 5's "
        "effect?",
        place=f"Table 5, {LINEAR}; Table 6, {PRACTICE}",
        evidence="published-inferred",
        agrees=None,
        computed=(
            Computed(label="against a similar practice model", value=-similar, unit="probability"),
            Computed(label="against none", value=-ordinary, unit="probability"),
            rounded("weight on a similar practice model", weight, "share", bounds),
        ),
        sentence=f"The pilots change by {-100 * similar:+.2f} points against comparators with a "
        f"similar practice model and by {-100 * ordinary:+.2f} points against those without; "
        f"Table 5's {100 * overall:+.2f} points is their average with weight {weight:.3f} "
        f"({bounds.lower:.4f} to {bounds.upper:.4f} by rounding) on the former, which "
        f"{count} of {among} equal comparators would {'give' if fits else 'not give exactly'}.",
    )


def practice_pilot_gap(report: PrintedReport) -> Finding:
    """Whether the weight behind the effect also gives the pilot coefficient.

    Before settling-in Table 6 puts both kinds of comparator above the pilots; Table 5 puts
    the pilots below all comparators. One weight need not serve both where authorities'
    covariates are in the model.
    """
    by_effect, effect_range = _weight(report, EFFECT_PLACES)
    by_gap, gap_range = _weight(report, PILOT_PLACES)
    return Finding(
        key="practice.pilot_gap",
        question="Does one weight on comparators with a similar practice model give both the "
        "effect and the pilot coefficient of Table 5?",
        place=f"Table 5, {LINEAR}; Table 6, {PRACTICE}",
        evidence="published-inferred",
        agrees=effect_range.meets(gap_range),
        computed=(
            rounded("weight from the effect", by_effect, "share", effect_range),
            rounded("weight from the pilot coefficient", by_gap, "share", gap_range),
        ),
        sentence=f"The effect implies a weight of {by_effect:.3f} on comparators with a similar "
        f"practice model, the pilot coefficient for {by_gap:.3f} ({gap_range.lower:.3f} to "
        f"{gap_range.upper:.3f} by rounding). Covariates of authorities can come between.",
    )


def practice_p_value(report: PrintedReport) -> Finding:
    """Whether the stars bear out that allowing for practice models lowers the p-value."""
    main = report.cell(5, DID, LINEAR).stars
    by_kind = {row: report.cell(6, row + AFTER, PRACTICE).stars for row in (SIMILAR, ORDINARY)}
    most = max(by_kind.values())
    agrees = main < most < stars_at(report, 6, 0.05)
    return Finding(
        key="practice.p_value",
        question="Does allowing for practice models lower an effect's p-value without making it "
        "significant at five per cent?",
        place=f"Table 5, {LINEAR}; Table 6, {PRACTICE}; text of the secondary analysis",
        evidence="published",
        agrees=agrees,
        computed=(
            Computed(label=f"{DID}, {LINEAR}", value=main, unit="stars"),
            *(
                Computed(label=row + AFTER, value=stars, unit="stars")
                for row, stars in by_kind.items()
            ),
        ),
        sentence=f"Table 5's effect carries {counted(main, 'star')}, Table 6's effects by kind of "
        f"comparator at most {counted(most, 'star')}; the text's account "
        f"{'fits' if agrees else 'does not fit'} that.",
    )
