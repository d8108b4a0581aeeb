"""What the coefficients of Tables 5 and 6 say beside each other, and of single pilots.

Coefficients are on the risk scale: 0.01 is one percentage point (pp). Table 6 takes the pilots as
reference, so the pilots' change against a kind of comparator is that kind's coefficient with the
sign turned.
"""

from sofs_bayes.errors import BadInput, counted
from sofs_bayes.published.printed_report import (
    DID,
    INTERCEPT,
    LINEAR,
    PILOT,
    PRACTICE,
    WITHOUT_PILOT_4,
    Computed,
    Finding,
    Interval,
    PrintedReport,
    apart,
    arms,
    image,
    rounded,
    stars_at,
    study_years,
)
from sofs_bayes.published.samples import used_pilots
from sofs_bayes.published.stars import StarBracket, bracket_at

WEIGHT_SHARES = (0.05, 0.1, 1 / 6, 0.25, 0.4)


def audit_coefficients(
    report: PrintedReport, brackets: tuple[StarBracket, ...]
) -> tuple[Finding, ...]:
    """Every finding about Tables 5 and 6."""
    return (
        effect_significance(report),
        without_pilot_4_significance(report),
        without_pilot_4_years(report),
        pilot_4_years(report),
        pilot_4_effect(report),
        child_level_star(brackets),
        raw_gap(report),
        trailing_zeros(report),
    )


def _is_effect(row: str) -> bool:
    return row.startswith("DiD") or "* post" in row


def effect_significance(report: PrintedReport) -> Finding:
    """Whether no effect after settling-in in Tables 5 to 7 is significant at five per cent."""
    needed = {table: stars_at(report, table, 0.05) for table in (5, 6, 7)}
    effects = {
        place: fact.printed.stars
        for place, fact in report.cells.items()
        if place[0] in needed and _is_effect(place[1]) and fact.printed.value is not None
    }
    significant = [place for place, stars in effects.items() if stars >= needed[place[0]]]
    starred = [place for place, stars in effects.items() if stars]
    listed = "; ".join(f"Table {table}, {column}, {row}" for table, row, column in starred)
    return Finding(
        key="effects.significance",
        question="Is no effect after settling-in significant at five per cent in any column?",
        place="Tables 5, 6 and 7; key findings",
        evidence="published",
        agrees=not significant,
        computed=(
            Computed(label="effects printed", value=len(effects), unit="count"),
            Computed(label="with any star", value=len(starred), unit="count"),
            Computed(label="significant at 5%", value=len(significant), unit="count"),
        ),
        sentence=f"Printed effects after settling-in: {len(effects)}; significant at five per "
        f"cent: {len(significant)}; with a star: {len(starred)} ({listed or 'none'}).",
    )


def without_pilot_4_significance(report: PrintedReport) -> Finding:
    """Whether leaving pilot 4 out changes the stars of the effect (Table 5)."""
    columns = (LINEAR, WITHOUT_PILOT_4)
    stars = {
        row: tuple(report.cell(5, row, column).stars for column in columns)
        for row in (DID, PILOT, INTERCEPT)
    }
    with_all, without = stars[DID]
    others = ", ".join(f"{row} {a} and {b}" for row, (a, b) in stars.items() if row != DID)
    return Finding(
        key="without_pilot_4.significance",
        question="Does the effect keep its significance without pilot 4?",
        place=f"Table 5, {LINEAR} and {WITHOUT_PILOT_4}",
        evidence="published",
        agrees=with_all == without,
        computed=tuple(
            Computed(label=f"{row}, {column}", value=count, unit="stars")
            for row, counts in stars.items()
            for column, count in zip(columns, counts, strict=True)
        ),
        sentence=f"The effect carries {counted(with_all, 'star')} with pilot 4 and "
        f"{counted(without, 'star')} without; stars of other rows, in the same order: {others}.",
    )


def without_pilot_4_years(report: PrintedReport) -> Finding:
    """How far each year row moves when pilot 4 is left out (Table 5)."""
    rows = [f"Year dummy {year}" for year in report.years(5, WITHOUT_PILOT_4)]
    changes = {
        row: report.value(5, row, WITHOUT_PILOT_4) - report.value(5, row, LINEAR)
        for row in (INTERCEPT, *rows)
    }
    first, *rest = sorted(rows, key=lambda row: -abs(changes[row]))
    largest_other = max(abs(changes[row]) for row in rest)
    return Finding(
        key="without_pilot_4.years",
        question="How far do the year rows move without pilot 4?",
        place=f"Table 5, {LINEAR} and {WITHOUT_PILOT_4}",
        evidence="published-inferred",
        agrees=None,
        computed=tuple(
            Computed(label=f"change of {row}", value=change, unit="probability")
            for row, change in changes.items()
        ),
        sentence=f"Without pilot 4 “{first}” moves by {100 * changes[first]:+.2f} points, from "
        f"{report.cell(5, first, LINEAR).text} to {report.cell(5, first, WITHOUT_PILOT_4).text}; "
        f"no other year moves by more than {100 * largest_other:.2f} points, the intercept by "
        f"{100 * changes[INTERCEPT]:+.2f} points.",
    )


def pilot_4_years(report: PrintedReport) -> Finding:
    """Which years have a coefficient only while pilot 4 and its comparators are in."""
    lost = study_years(report, "ICPC").gap
    kept = report.years(5, WITHOUT_PILOT_4)
    listed = " and ".join(str(year) for year in lost) or "no year"
    return Finding(
        key="pilot_4.years",
        question="Which years does leaving out pilot 4 remove?",
        place=f"Table 5, {LINEAR} and {WITHOUT_PILOT_4}",
        evidence="published-inferred",
        agrees=None,
        computed=(
            Computed(label="years lost", value=len(lost), unit="years"),
            Computed(label="years kept, beside the reference year", value=len(kept), unit="years"),
        ),
        sentence=f"Without pilot 4 the row of {listed} is gone and {len(kept)} years keep "
        "theirs: if an empty row is an empty year, only pilot 4 and its comparators were in the "
        "data then."
        if lost
        else "Without pilot 4 no year loses its row.",
    )


def effect_of_one(overall: float, without: float, share: float) -> float:
    """A pilot's own effect, if the overall effect averages it with the others by its share."""
    return (overall - (1 - share) * without) / share


def pilot_4_effect(report: PrintedReport) -> Finding:
    """Pilot 4's own effect by its share of the overall effect, a sixth among six pilots."""
    columns = (LINEAR, WITHOUT_PILOT_4)
    overall, without = (report.value(5, DID, column) for column in columns)
    ranges = [report.interval(5, DID, column) for column in columns]
    equal = 1 / len(used_pilots(report, "ICPC"))

    def computed(share: float) -> Computed:
        bounds = image(lambda a, b: effect_of_one(a, b, share), *ranges)
        label = f"pilot 4's effect at a share of {share:.3f}"
        return rounded(label, effect_of_one(overall, without, share), "probability", bounds)

    main = computed(equal)
    others = tuple(computed(share) for share in WEIGHT_SHARES)
    return Finding(
        key="pilot_4.effect",
        question="How large is pilot 4's own effect, by its share of the overall one?",
        place=f"Table 5, {DID}, {LINEAR} and {WITHOUT_PILOT_4}",
        evidence="published-inferred",
        agrees=None,
        computed=(main, *others),
        sentence=f"With {overall:.4f} for all pilots and {without:.4f} without pilot 4, its own "
        f"effect is {100 * main.value:+.1f} points ({100 * (main.lower or 0):+.2f} to "
        f"{100 * (main.upper or 0):+.2f} by rounding) at an equal share of {equal:.3f}; it runs "
        f"from {100 * others[0].value:+.1f} points at {WEIGHT_SHARES[0]:.2f} to "
        f"{100 * others[-1].value:+.1f} points at {WEIGHT_SHARES[-1]:.2f}.",
    )


def child_level_star(brackets: tuple[StarBracket, ...]) -> Finding:
    """Whether the ICPC pilot row's star can come from errors that take children as independent.

    The square of the ratio is the design effect. Were the errors clustered on the child, it
    could not exceed the referrals per child.
    """
    pilot = bracket_at(brackets, 5, PILOT, LINEAR)
    if pilot.child_level is None:
        raise BadInput("audit", f"Table 5, {PILOT!r}", "no child-level error", "printed counts")
    child = pilot.child_level.se
    low, high = pilot.se_lower / child, pilot.se_upper / child
    return Finding(
        key="table_5.child_level",
        question="Can the stars of the ICPC pilot coefficient come from child-level errors?",
        place=f"Table 5, {PILOT}, {LINEAR}; Table 3",
        evidence="published-inferred",
        agrees=low <= 1 <= high,
        computed=(
            Computed(label="child-level standard error", value=child, unit="probability"),
            Computed(label="smallest error by the stars", value=pilot.se_lower, unit="probability"),
            Computed(label="largest error by the stars", value=pilot.se_upper, unit="probability"),
            Computed(label="smallest multiple of child level", value=low, unit="ratio"),
            Computed(label="largest multiple of child level", value=high, unit="ratio"),
            Computed(label="smallest design effect", value=low**2, unit="ratio"),
        ),
        sentence=f"{pilot.coefficient} with {counted(pilot.stars, 'star')} needs a standard error "
        f"of {pilot.se_lower:.4f} to {pilot.se_upper:.4f}, {low:.1f} to {high:.1f} times the "
        f"child-level {child:.5f}, by which the coefficient would stand "
        f"{abs(pilot.coefficient) / child:.0f} errors from zero; clustering on "
        f"the child gives that only with {low**2:.0f} or more referrals per child.",
    )


def raw_gap(report: PrintedReport) -> Finding:
    """The pilot coefficient beside the raw difference of rates in Table 3 (ICPC)."""
    columns = arms("ICPC")
    pilots, comparators = (report.value(3, "Outcome", column) / 100 for column in columns)
    ranges = [report.interval(3, "Outcome", column) for column in columns]
    bounds = image(lambda a, b: (a - b) / 100, *ranges)
    adjusted = report.value(5, PILOT, LINEAR)
    inside = bounds.meets(report.interval(5, PILOT, LINEAR))
    return Finding(
        key="table_5.raw_gap",
        question="How does the pilot coefficient compare with the raw gap before settling-in?",
        place=f"Table 3 (outcome), Table 5, {PILOT}, {LINEAR}",
        evidence="published-inferred",
        agrees=None,
        computed=(
            rounded("raw gap", pilots - comparators, "probability", bounds),
            Computed(label="pilot coefficient", value=adjusted, unit="probability"),
        ),
        sentence=f"Before settling-in the pilots lie {100 * (pilots - comparators):+.0f} points "
        f"from the comparators ({100 * bounds.lower:+.0f} to {100 * bounds.upper:+.0f} by "
        f"rounding); the coefficient, {100 * adjusted:+.2f} points, lies "
        f"{'inside' if inside else 'outside'} that range, the rest being left to covariates "
        "and years.",
    )


def trailing_zeros(report: PrintedReport) -> Finding:
    """Whether coefficients with fewer decimals look like ones whose last zeros were dropped."""
    decimals = [
        fact.printed.decimals
        for (table, _, column), fact in report.cells.items()
        if table in (5, 6) and column and fact.printed.decimals is not None
    ]
    full = max(decimals)
    short = sum(each < full for each in decimals)
    expected = len(decimals) / 10
    return Finding(
        key="tables_5_6.trailing_zeros",
        question="Do coefficients with fewer decimals look like dropped trailing zeros?",
        place="Tables 5 and 6",
        evidence="published-inferred",
        agrees=None,
        computed=(
            Computed(label="coefficients", value=len(decimals), unit="count"),
            Computed(label=f"with fewer than {full} decimals", value=short, unit="count"),
            Computed(label="expected to end in zero", value=expected, unit="count"),
        ),
        sentence=f"{short} of {len(decimals)} coefficients have fewer than {full} decimals, where "
        f"{expected:.1f} would end in a zero by chance; if zeros were dropped, those entries are "
        "more precise than they look. Rounding is taken as printed all the same.",
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
