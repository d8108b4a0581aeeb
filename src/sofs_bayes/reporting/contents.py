"""Runs and audit → the tables that commands print and the page shows."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sofs_bayes.estimands import POOLED, EffectRow, ProbabilityRow, statement_text
from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.reporting.tables import Cell, Column, Format, Table, table_of
from sofs_bayes.spec import Scale, Statement

if TYPE_CHECKING:
    from sofs_bayes.published.audit import Audit
    from sofs_bayes.published.facts import Fact
    from sofs_bayes.records.notices import Notice

NARROW = 0.02  # risk differences known this closely are shown with two decimals
UNIT_OF: dict[str, str] = {"risk": "pp", "log-odds": "log-odds", "odds ratio": "odds ratio"}
MCSE_NOTE = "Largest Monte Carlo error of a probability: {:.3f}."
WITHIN_STARS = (
    "'Stars' is the probability of the printed stars given the coefficients under that reading;"
    " 1 where the reading makes no use of them."
)


def effect_scales(run: Run) -> tuple[Scale, ...]:
    """The scales that effects of a run are on and that it makes statements about, in order."""
    present = {row.scale for row in run.effects}
    named = dict.fromkeys(s.scale for s in run.analysis.estimands.statements)
    return tuple(scale for scale in named if scale in present)


def effects_table(
    run: Run,
    *,
    scale: Scale,
    keep: Callable[[EffectRow], bool] = lambda _: True,
    name: str = "effects",
    title: str | None = None,
) -> Table:
    """Effects on one scale with median, interval, and the probability of every statement.

    Parameters
    ----------
    run
        A run, fresh or read back.
    scale
        Of the effects and of the statements.
    keep
        Which rows to show, of those that are effects on that scale.
    """
    rows = [
        row
        for row in run.effects
        if row.scale == scale and row.estimand.startswith("effect") and keep(row)
    ]
    said = [s for s in run.analysis.estimands.statements if s.scale == scale]
    chances = {(*_key(p), p.statement): p for p in run.probabilities}
    lines: list[tuple[Cell, ...]] = []
    worst = 0.0
    for row in rows:
        found = [chances.get((*_key(row), statement_text(s))) for s in said]
        worst = max([worst, *(p.mcse for p in found if p is not None and p.mcse == p.mcse)])
        chance = [None if p is None else p.probability for p in found]
        lines.append((*_what(row), row.median, row.lower, row.upper, *chance))
    notes = [_interval_note(run)]
    if worst > 0:
        notes.append(MCSE_NOTE.format(worst))
    return Table(
        name=name,
        title=title or f"{run.analysis.title} ({UNIT_OF[scale]})",
        columns=_trim(_effect_columns(run, number_format(scale, rows), said), lines),
        rows=_trimmed_rows(lines),
        evidence=run.evidence,
        notes=tuple(notes),
        status=run.status,
    )


def _key(row: EffectRow | ProbabilityRow) -> tuple[str, ...]:
    return (row.estimand, row.target, row.scale, row.prior, row.variant)


def _what(row: EffectRow) -> tuple[Cell, ...]:
    return (row.estimand, row.target, row.variant, row.prior)


def number_format(scale: str, rows: Sequence[EffectRow]) -> Format:
    """How effects on a scale are shown: percentage points for risks, finer if all are narrow."""
    if scale != "risk":
        return "number"
    return "pp2" if all(row.upper - row.lower < NARROW for row in rows) else "pp"


def _effect_columns(run: Run, number: Format, said: Sequence[Statement]) -> list[Column]:
    percent = f"{100 * run.analysis.estimands.level:g}%"
    return [
        Column(key="estimand", heading="Effect"),
        Column(key="target", heading="In"),
        Column(key="variant", heading="Reading" if run.analysis.kind == "printed" else "Variant"),
        Column(key="prior", heading="Prior"),
        Column(key="median", heading="Median", format=number),
        Column(key="lower", heading=f"{percent} from", format=number),
        Column(key="upper", heading="to", format=number),
        *(
            Column(
                key=f"P({statement_text(s)})",
                heading=f"P({_short(s)})",
                format="probability",
            )
            for s in said
        ),
    ]


def _short(statement: Statement) -> str:
    factor, unit = (100.0, " pp") if statement.scale == "risk" else (1.0, "")
    if statement.above is not None:
        return f"> {factor * statement.above:g}{unit}".replace("-", "\N{MINUS SIGN}")
    if statement.below is not None:
        return f"< {factor * statement.below:g}{unit}".replace("-", "\N{MINUS SIGN}")
    assert statement.within is not None
    lower, upper = (factor * bound for bound in statement.within)
    if lower == -upper:
        return f"within ±{upper:g}{unit}"
    return f"{lower:g} to {upper:g}{unit}".replace("-", "\N{MINUS SIGN}")


def _trim(columns: list[Column], lines: Sequence[Sequence[Cell]]) -> tuple[Column, ...]:
    return tuple(c for i, c in enumerate(columns) if i not in _constant(lines))


def _trimmed_rows(lines: Sequence[Sequence[Cell]]) -> tuple[tuple[Cell, ...], ...]:
    drop = _constant(lines)
    return tuple(tuple(cell for i, cell in enumerate(line) if i not in drop) for line in lines)


def _constant(lines: Sequence[Sequence[Cell]]) -> set[int]:
    """Of the four naming columns, those that say the same in every row; one is always kept."""
    same = {i for i in range(4) if len({line[i] for line in lines}) <= 1}
    return same - {3} if len(same) == 4 else same


def _interval_note(run: Run) -> str:
    wanted = run.analysis.estimands
    kind = {"eti": "equal-tailed", "hdi": "highest-density"}[wanted.interval]
    return f"Intervals: {100 * wanted.level:g}%, {kind}."


def sensitivity_table(run: Run, *, scale: Scale, prior: str | None = None) -> Table:
    """The pooled effect under every change made to data or assumptions, on one scale."""
    rows = [
        row
        for row in _extra(run, "sensitivity")
        if row.scale == scale
        and row.estimand.startswith("effect")
        and (prior is None or row.prior == prior)
    ]
    number = number_format(scale, rows)
    columns = [
        Column(key="variant", heading="Change"),
        Column(key="prior", heading="Prior"),
        Column(key="median", heading="Median", format=number),
        Column(key="lower", heading="from", format=number),
        Column(key="upper", heading="to", format=number),
        Column(key="status", heading="Draws"),
    ]
    return table_of(
        "sensitivity",
        f"{run.analysis.title}: one change at a time ({UNIT_OF[scale]})",
        rows,
        columns,
        evidence=run.evidence,
        notes=[_interval_note(run)],
        status=run.status,
    )


def _extra(run: Run, name: str) -> tuple[Any, ...]:
    return run.extra[name][1] if name in run.extra else ()


def probabilities_table(run: Run, *, statement: str, prior: str) -> Table:
    """The probability of one statement for each target, with its Monte Carlo error."""
    rows = [p for p in run.probabilities if p.statement == statement and p.prior == prior]
    columns = [
        Column(key="target", heading="In"),
        Column(key="variant", heading="Variant"),
        Column(key="probability", heading="Probability", format="probability"),
        Column(key="mcse", heading="Monte Carlo error", format="number"),
    ]
    return table_of(
        "probabilities",
        f"{run.analysis.title}: {statement}",
        rows,
        columns,
        evidence=run.evidence,
        status=run.status,
    )


def diagnostics_table(run: Run) -> Table:
    """The verdict on every fit of a run."""
    fits: dict[str, dict[str, Any]] = run.diagnostics["fits"]
    if run.diagnostics["method"] == "quadrature":
        measures = [
            ("edge_mass", "Mass at the grid's edge (at most 1e-4)", "number"),
            ("star_evidence", "Stars", "number"),
        ]
        notes = [WITHIN_STARS]
    else:
        measures = [
            ("max_rhat", "R-hat (at most 1.01)", "rhat"),
            ("min_ess_bulk", "bulk ESS (at least 400)", "integer"),
            ("min_ess_tail", "tail ESS (at least 400)", "integer"),
            ("divergences", "Divergences (none)", "integer"),
            ("min_bfmi", "BFMI (at least 0.3)", "number"),
        ]
        notes = ["The worst of all parameters and of all effects derived from them."]
    columns = (
        Column(key="fit", heading="Fit"),
        *(Column(key=key, heading=text, format=how) for key, text, how in measures),  # type: ignore[arg-type]
        Column(key="status", heading="Verdict"),
    )
    rows = tuple(
        (name, *(verdict[key] for key, _, _ in measures), verdict["status"])
        for name, verdict in fits.items()
    )
    return Table(
        name="diagnostics",
        title=f"{run.analysis.title}: can the draws be trusted?",
        columns=columns,
        rows=rows,
        evidence=run.evidence,
        notes=tuple(notes),
        status=run.status,
    )


def predictive_table(run: Run) -> Table:
    """Share of authority-years inside their predictive interval, by arm and year."""
    cells = _extra(run, "predictive")
    groups: dict[tuple[str, int], list[bool]] = {}
    for cell in cells:
        inside = bool(cell.lower <= cell.observed <= cell.upper)
        groups.setdefault((cell.arm, cell.year), []).append(inside)
    level = cells[0].level if cells else 0.0
    return Table(
        name="predictive",
        title=f"{run.analysis.title}: authority-years inside their {100 * level:g}% prediction",
        columns=(
            Column(key="arm", heading="Authorities"),
            Column(key="year", heading="Financial year from", format="year"),
            Column(key="cells", heading="Number", format="integer"),
            Column(key="inside", heading="Inside", format="percent"),
        ),
        rows=tuple(
            (arm, year, len(found), sum(found) / len(found))
            for (arm, year), found in sorted(groups.items(), key=_pilots_first)
        ),
        evidence=run.evidence,
        notes=("Each authority-year is predicted with a new shock, not its own.",),
        status=run.status,
    )


def _pilots_first(group: tuple[tuple[str, int], list[bool]]) -> tuple[bool, int]:
    (arm, year), _ = group
    return arm != "pilot", year


def predictive_statistics_table(run: Run) -> Table:
    """How comparators' rates move, observed and as the model would have them move."""
    columns = [
        Column(key="statistic", heading="Comparators' log-odds"),
        Column(key="observed", heading="Observed", format="number"),
        Column(key="lower", heading="Predicted from", format="number"),
        Column(key="upper", heading="to", format="number"),
        Column(key="p", heading="P(prediction larger)", format="probability"),
    ]
    return table_of(
        "predictive_statistics",
        f"{run.analysis.title}: does the model move as the authorities do?",
        _extra(run, "predictive_statistics"),
        columns,
        evidence=run.evidence,
        status=run.status,
    )


def extremes_table(run: Run, *, tail: float = 0.005) -> Table:
    """The authority-years the fitted model would hardly have predicted."""
    cells = [c for c in _extra(run, "predictive") if min(c.pit, 1 - c.pit) < tail]
    columns = [
        Column(key="authority", heading="Authority"),
        Column(key="year", heading="Financial year from", format="year"),
        Column(key="arm", heading="Arm"),
        Column(key="observed", heading="Rate", format="percent"),
        Column(key="lower", heading="Predicted from", format="percent"),
        Column(key="upper", heading="to", format="percent"),
    ]
    return table_of(
        "extremes",
        f"{run.analysis.title}: authority-years outside the middle {100 - 200 * tail:g}%",
        cells,
        columns,
        evidence=run.evidence,
        status=run.status,
    )


def pre_trend_table(run: Run) -> Table:
    """Rates of pilots and comparators before settling-in, together and by pilot."""
    columns = [
        Column(key="target", heading="Pilots"),
        Column(key="year", heading="Financial year from", format="year"),
        Column(key="pilots", heading="Their rate", format="percent"),
        Column(key="comparators", heading="Comparators' rate", format="percent"),
        Column(key="gap", heading="Gap (pp)", format="pp"),
        Column(key="trend_gap", heading="Trend gap (log-odds)", format="number"),
        Column(key="trend_gap_all", heading="with all others", format="number"),
    ]
    return table_of(
        "pre_trend",
        f"{run.analysis.title}: before settling-in",
        _extra(run, "pre_trend"),
        columns,
        evidence=run.evidence,
        notes=[
            "Trend gap: root mean square difference of the log-odds after taking out each"
            " one's mean; with the chosen comparators, and with all eligible ones."
        ],
    )


def rates_table(run: Run) -> Table:
    """The pilots' rate by year beside the counterfactual one."""
    columns = [
        Column(key="year", heading="Financial year from", format="year"),
        Column(key="period", heading="Period"),
        Column(key="observed", heading="Pilots", format="percent"),
        Column(key="counterfactual", heading="Without the practice model", format="percent"),
        Column(key="lower", heading="from", format="percent"),
        Column(key="upper", heading="to", format="percent"),
        Column(key="comparators", heading="Comparators", format="percent"),
    ]
    return table_of(
        "rates",
        f"{run.analysis.title}: rates by year",
        _extra(run, "rates"),
        columns,
        evidence=run.evidence,
        notes=[_interval_note(run)],
        status=run.status,
    )


def notices_table(notices: Iterable["Notice"]) -> Table:
    """All that was noticed while reading open data."""
    columns = [
        Column(key="kind", heading="What"),
        Column(key="authority", heading="Authority"),
        Column(key="year", heading="Financial year from", format="year"),
        Column(key="file", heading="File"),
        Column(key="detail", heading="Detail"),
    ]
    title = "Noticed while reading the open data"
    return table_of("notices", title, list(notices), columns, evidence="open-data")


def left_out_table(run: Run) -> Table:
    """The authorities that could not serve as comparators, and why."""
    columns = [
        Column(key="authority", heading="Authority"),
        Column(key="reason", heading="Why"),
    ]
    title = f"{run.analysis.title}: not among the comparators"
    return table_of("left_out", title, _extra(run, "left_out"), columns, evidence=run.evidence)


def matches_table(run: Run) -> Table:
    """Each pilot's comparators, nearest first."""
    columns = [
        Column(key="pilot", heading="Pilot"),
        Column(key="rank", heading="Rank", format="integer"),
        Column(key="comparator", heading="Comparator"),
        Column(key="distance", heading="Distance (log-odds)", format="number"),
    ]
    title = f"{run.analysis.title}: comparators by pre-trend"
    return table_of("matches", title, _extra(run, "matches"), columns, evidence=run.evidence)


def facts_table(facts: Iterable["Fact"]) -> Table:
    """Every printed number with its place, unit, decimals and stars."""
    rows = tuple(
        (
            fact.table,
            fact.row,
            fact.column,
            fact.printed.text,
            fact.unit,
            fact.printed.value,
            fact.printed.decimals,
            fact.printed.stars,
        )
        for fact in facts
    )
    columns = (
        Column(key="table", heading="Table", format="integer"),
        Column(key="row", heading="Row"),
        Column(key="column", heading="Column"),
        Column(key="printed", heading="Printed"),
        Column(key="unit", heading="Unit"),
        Column(key="value", heading="Value", format="number"),
        Column(key="decimals", heading="Decimals", format="integer"),
        Column(key="stars", heading="Stars", format="integer"),
    )
    return Table(
        name="facts", title="What is printed", columns=columns, rows=rows, evidence="published"
    )


def findings_table(audit: "Audit") -> Table:
    """Every question the audit asked, and what the printed numbers answer."""
    verdict = {True: "agrees", False: "does not agree", None: "derived"}
    rows = tuple((verdict[f.agrees], f.question, f.sentence, f.place) for f in audit.findings)
    columns = (
        Column(key="verdict", heading="Verdict"),
        Column(key="question", heading="Question"),
        Column(key="sentence", heading="Answer"),
        Column(key="place", heading="Place"),
    )
    title = "What the printed tables agree on, contradict and imply"
    return Table(
        name="audit", title=title, columns=columns, rows=rows, evidence="published-inferred"
    )


def brackets_table(audit: "Audit") -> Table:
    """The standard errors each coefficient's stars allow, beside the child-level one."""
    rows = tuple(
        (
            b.table,
            b.column,
            b.row,
            b.printed,
            b.coefficient,
            b.stars,
            b.se_lower,
            b.se_upper,
            b.child_level_se,
            b.ratio_lower,
            b.ratio_upper,
        )
        for b in audit.brackets
    )
    number: Format = "number"
    columns = (
        Column(key="table", heading="Table", format="integer"),
        Column(key="column", heading="Column"),
        Column(key="row", heading="Row"),
        Column(key="printed", heading="Printed"),
        Column(key="coefficient", heading="Coefficient", format=number),
        Column(key="stars", heading="Stars", format="integer"),
        Column(key="se_lower", heading="SE from", format=number),
        Column(key="se_upper", heading="to", format=number),
        Column(key="child_level_se", heading="Child-level SE", format=number),
        Column(key="ratio_lower", heading="Ratio from", format=number),
        Column(key="ratio_upper", heading="to", format=number),
    )
    return Table(
        name="star_brackets",
        title="The standard errors that the stars allow",
        columns=columns,
        rows=rows,
        evidence="published-inferred",
        notes=("Rounding of the coefficient is included at both ends.",),
    )


def pooled(row: EffectRow) -> bool:
    """Whether a row is about the pilots together."""
    return row.target == POOLED
