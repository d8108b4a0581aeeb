"""What the report says of its samples, compared with itself: counts, populations, keys.

Source: Tables 1 and 3, and the notes under Tables 3 to 7 and Figure 2.
"""

from collections.abc import Mapping

from sofs_bayes.published.printed_report import (
    OUTCOMES,
    PRE_COUNT,
    TOTAL_COUNT,
    Computed,
    Finding,
    PrintedReport,
    arms,
    read_star_key,
    study_years,
)


def tables_of(outcome: str) -> tuple[str, ...]:
    """Beginnings of the keys of the notes that describe an outcome's sample."""
    return ("table_5", "table_6") if outcome == "ICPC" else ("table_7", "figure_2")


def named(key: str) -> str:
    """The name of a table or figure as a reader knows it: "table_5" is "Table 5"."""
    return key.replace("_", " ").capitalize()


def audit_samples(report: PrintedReport) -> tuple[Finding, ...]:
    """Every finding about samples."""
    found = [pilot_sites(report)]
    for outcome in OUTCOMES:
        found += [
            children(report, outcome),
            pilots(report, outcome),
            comparators(report, outcome),
            population(report, outcome),
        ]
    found += [
        table_star_keys(report),
        figure_star_key(report),
        children_per_authority_year(report),
    ]
    return tuple(found)


def _same(key: str, subject: str, place: str, entries: Mapping[str, float]) -> Finding:
    agrees = len(set(entries.values())) == 1
    listed = ", ".join(f"{value:,.0f} in {label}" for label, value in entries.items())
    return Finding(
        key=key,
        question=f"Is the number of {subject} the same wherever it is printed?",
        place=place,
        evidence="published",
        agrees=agrees,
        computed=tuple(
            Computed(label=label, value=value, unit="count") for label, value in entries.items()
        ),
        sentence=f"Number of {subject}: {listed}; {'equal' if agrees else 'not equal'}.",
    )


def _notes_of(outcome: str) -> str:
    return " and ".join(named(key) for key in tables_of(outcome))


def _notes(report: PrintedReport, outcome: str, quantity: str) -> dict[str, float]:
    return {named(key): report.number(f"{key}.{quantity}") for key in tables_of(outcome)}


def children(report: PrintedReport, outcome: str) -> Finding:
    """Whether Table 3 and the notes print the same number of observations."""
    entries = {f"Table 3, {arm}": report.value(3, TOTAL_COUNT, arm) for arm in arms(outcome)}
    return _same(
        f"counts.{outcome.lower()}_children",
        f"{outcome} observations over all periods",
        f"Table 3 and the notes of {_notes_of(outcome)}",
        entries | _notes(report, outcome, "n"),
    )


def used_pilots(report: PrintedReport, outcome: str) -> frozenset[str]:
    """The pilots that Table 1 ticks for an outcome."""
    return frozenset(
        row
        for (table, row, column), fact in report.cells.items()
        if table == 1 and outcome in column and fact.printed.value == 1.0
    )


def pilots(report: PrintedReport, outcome: str) -> Finding:
    """Whether Table 1's ticks and the notes count the same pilots."""
    ticked = {"ticks of Table 1": float(len(used_pilots(report, outcome)))}
    return _same(
        f"counts.{outcome.lower()}_pilots",
        f"pilots in the {outcome} analysis",
        f"Table 1 and the notes of {_notes_of(outcome)}",
        ticked | _notes(report, outcome, "pilots"),
    )


def comparators(report: PrintedReport, outcome: str) -> Finding:
    """Whether the notes count the same comparators."""
    return _same(
        f"counts.{outcome.lower()}_comparators",
        f"comparators in the {outcome} analysis",
        f"Notes of {_notes_of(outcome)}",
        _notes(report, outcome, "comparators"),
    )


def pilot_sites(report: PrintedReport) -> Finding:
    """Whether the key findings speak of as many pilots as any analysis used."""
    claimed = report.number("key_findings.pilot_sites")
    by_outcome = {outcome: used_pilots(report, outcome) for outcome in OUTCOMES}
    either = frozenset[str]().union(*by_outcome.values())
    everyone = {row for table, row, _ in report.cells if table == 1}
    unused = ", ".join(sorted(everyone - either)) or "no pilot"
    return Finding(
        key="counts.pilot_sites",
        question="Do the analyses cover as many pilots as the key findings speak of?",
        place="Key findings, Table 1",
        evidence="published",
        agrees=all(len(used) == claimed for used in by_outcome.values()),
        computed=(
            Computed(label="key findings", value=claimed, unit="count"),
            *(
                Computed(label=f"used for {outcome}", value=len(used), unit="count")
                for outcome, used in by_outcome.items()
            ),
            Computed(label="used for either outcome", value=len(either), unit="count"),
        ),
        sentence=f"The key findings speak of {claimed:.0f} pilots; "
        + ", ".join(f"{len(used)} are used for {each}" for each, used in by_outcome.items())
        + f", {len(either)} for either; in neither: {unused}.",
    )


def population(report: PrintedReport, outcome: str) -> Finding:
    """Whether the notes give one name to the children of an outcome's sample."""
    keys = ("table_3", "table_5", "table_6") if outcome == "ICPC" else ("table_3", "table_7")
    restricted = {key: "assessed" in report.text(f"{key}.population") for key in keys}
    quoted = "; ".join(f"{named(key)} “{report.text(f'{key}.population')}”" for key in keys)
    agrees = len(set(restricted.values())) == 1
    return Finding(
        key=f"populations.{outcome.lower()}",
        question=f"Do all notes either restrict the {outcome} sample to assessed cases or not?",
        place=f"Notes of {', '.join(map(named, keys))}",
        evidence="published",
        agrees=agrees,
        computed=tuple(
            Computed(label=f"{named(key)}: assessed cases only", value=float(value), unit="yes = 1")
            for key, value in restricted.items()
        ),
        sentence=f"The {outcome} children are described {'alike' if agrees else 'differently'}: "
        f"{quoted}.",
    )


def table_star_keys(report: PrintedReport) -> Finding:
    """Whether Tables 5, 6 and 7 mean the same by their asterisks."""
    keys = {table: read_star_key(report.text(f"table_{table}.star_key")) for table in (5, 6, 7)}
    agrees = len({tuple(key.items()) for key in keys.values()}) == 1
    listed = "; ".join(f"Table {table}: {_in_words(key)}" for table, key in keys.items())
    return Finding(
        key="star_keys.tables",
        question="Do Tables 5, 6 and 7 have one star key?",
        place="Notes of Tables 5, 6 and 7",
        evidence="published",
        agrees=agrees,
        computed=tuple(
            Computed(label=f"Table {table}, one star", value=key["*"], unit="p-value")
            for table, key in keys.items()
        ),
        sentence=f"{'One key' if agrees else 'Different keys'}: {listed}.",
    )


def figure_star_key(report: PrintedReport) -> Finding:
    """Whether Figure 2 means by its marks what the tables mean."""
    figure = read_star_key(report.text("figure_2.star_key"))
    table = read_star_key(report.text("table_7.star_key"))
    return Finding(
        key="star_keys.figure_2",
        question="Does Figure 2 mark significance as Table 7, on the same outcome, does?",
        place="Notes of Figure 2 and Table 7",
        evidence="published",
        agrees=dict(figure) == dict(table),
        computed=(
            Computed(label="Figure 2, one star", value=figure["*"], unit="p-value"),
            Computed(label="Table 7, one star", value=table["*"], unit="p-value"),
        ),
        sentence=f"Figure 2: {_in_words(figure)}. Table 7: {_in_words(table)}. "
        f"One star is p<{figure['*']:g} in the figure and p<{table['*']:g} in the table.",
    )


def _in_words(key: Mapping[str, float]) -> str:
    return ", ".join(f"{mark} p<{level:g}" for mark, level in key.items())


def children_per_authority_year(report: PrintedReport) -> Finding:
    """Observations per authority and year before settling-in, by outcome and arm.

    Assessed and open cases are some of the referrals, so an authority has fewer of them.
    """
    sizes: dict[tuple[str, str], float] = {}
    for outcome in OUTCOMES:
        years = len(study_years(report, outcome).pre)
        for arm, column in zip(("pilots", "comparators"), arms(outcome), strict=True):
            authorities = report.number(f"{tables_of(outcome)[0]}.{arm}")
            if years:
                count = report.value(3, PRE_COUNT, column)
                sizes[outcome, arm] = count / (authorities * years)
    listed = "; ".join(f"{outcome} {arm} {size:,.0f}" for (outcome, arm), size in sizes.items())
    return Finding(
        key="samples.children_per_authority_year",
        question="How many observations has an authority in a year before settling-in?",
        place="Table 3, notes of Tables 5 and 7, year rows of Tables 5 and 7",
        evidence="published-inferred",
        agrees=None,
        computed=tuple(
            Computed(label=f"{outcome}, {arm}", value=size, unit="count")
            for (outcome, arm), size in sizes.items()
        ),
        sentence=f"Observations per authority and year before settling-in: {listed}. The ICPC "
        "sample is the narrower one by its description; where its number is the larger, its "
        "authorities are larger or their referrals stand in several matched groups.",
    )
