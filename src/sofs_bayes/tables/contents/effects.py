"""Runs → tables of effects, and of what changes them."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from html import escape
from typing import Any

from sofs_bayes.errors import BadParameter
from sofs_bayes.estimands import POOLED, EffectRow, ProbabilityRow, statement_text
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import (
    FittedAnalysis,
    HierarchicalAnalysis,
    OpenAnalysis,
    OwnTreatment,
    PrintedAnalysis,
    Statement,
)
from sofs_bayes.spec.keys import MEAN_OF_PILOTS
from sofs_bayes.spec.study import printed_in, words_of
from sofs_bayes.tables.contents.assumptions import in_units
from sofs_bayes.tables.contents.effect_columns import (
    chance_columns,
    chance_key,
    in_order,
    interval_columns,
    number_format,
)
from sofs_bayes.tables.contents.monte_carlo import NAN, errors_of, known
from sofs_bayes.tables.contents.printed_notices import printed_notices
from sofs_bayes.tables.formats import Cell, Column, Format, Table, notebook_html, table_of

# Scales as parts of names of files.
CALLED: dict[str, str] = {
    "risk": "risk",
    "log-odds": "log-odds",
    "odds ratio": "odds-ratio",
    "children per 1,000": "per-1000",
    "children per 10,000": "per-10000",
    "units": "units",
}
# Words of the sentences of `Run.withheld`.
AUTHORITIES, COUNTS = "single authorities", "rates of"
FIXEF_NOTE = (
    "The effect after settling-in is the average over all treated {whom}. The mean of pilots'"
    " effects is what theirs are drawn around, each pilot alike and on the model's scale; R's"
    " lme4, brms and rstanarm print it as fixef."
)
MCSE_NOTE = "Largest Monte Carlo error of a probability: {:.3f}."


def effect_scales(run: Run) -> tuple[str, ...]:
    """The scales that effects of a run are on and that it makes statements about, in order.

    A hierarchical run's further scales come after them.
    """
    present = {row.scale for row in run.effects if row.is_effect}
    named: dict[str, None] = dict.fromkeys(s.scale for s in run.analysis.estimands.claims)
    if run.analysis.kind == "hierarchical":
        named |= dict.fromkeys(CALLED)
    return tuple(scale for scale in named if scale in present)


def scales_of(run: Run) -> tuple[str, ...]:
    """All scales that effects of a run are on."""
    return tuple(dict.fromkeys(row.scale for row in run.effects if row.is_effect))


def counts_used(run: Run) -> list[str]:
    """A sentence on where open counts come from: the package, or files that were given."""
    if not isinstance(run.analysis, OpenAnalysis):
        return []
    from sofs_bayes.records.counts_table import bundled_sha256  # xarray: not for quick answers

    names = ", ".join(sorted(run.inputs))
    if set(run.inputs.values()) == {bundled_sha256()}:
        return [
            f"The counts are those that are part of the software ({names}), made of releases of the"
            " Department for Education and of the Office for National Statistics; the file beside"
            " it, open_counts.toml, says which. Contains public sector information licensed under"
            " the Open Government Licence v3.0."
        ]
    return [f"The counts are from files that were given: {names}."]


def own_words(analyses: Iterable[FittedAnalysis]) -> tuple[str, ...]:
    """What analyses call the treatments that their effects rest on, a sentence each."""
    found = (each.regression for each in analyses if isinstance(each, HierarchicalAnalysis))
    treatments = (each.treatment for each in found)
    own = [each for each in treatments if isinstance(each, OwnTreatment)]
    said = {
        "score": "The score is “{label}”.",
        "comparators": "Comparators of the first kind: “{label}”; of the second: “{others}”.",
        "modifier": "The modifier is “{label}”.",
    }
    return tuple(
        dict.fromkeys(said[each.kind].format(label=each.label, others=each.others) for each in own)
    )


def risk_scale(run: Run) -> str:
    """The scale that a run tells changes in risk on; that of an outcome that is no risk."""
    if isinstance(run.analysis, PrintedAnalysis) and run.analysis.design.scale == "units":
        return "units"
    return run.analysis.estimands.risk_scale


def rate_format(run: Run) -> Format:
    """How a run's rates are shown: as percentages, or per 10,000."""
    return "per10000" if run.analysis.estimands.per else "percent"


def rate_notes(run: Run) -> tuple[str, ...]:
    """What a table of rates has to say of their unit; nothing of percentages."""
    per = run.analysis.estimands.per
    return (f"Rates are per {per:,} {words_of(run.analysis).whom}.",) if per else ()


def rows_taken(analysis: FittedAnalysis) -> list[str]:
    """A sentence on which rows of split files an analysis counts; none where it counts all."""
    where = (analysis.data.where or {}) if isinstance(analysis, OpenAnalysis) else {}
    chosen = " and ".join(f"{column} is “{value}”" for column, value in where.items())
    return [f"Counted are only the rows of the files in which {chosen}."] if chosen else []


def effects_tables(
    runs: Sequence[Run], *, scale: str | None = None, prior: str | None = None
) -> list[Table]:
    """Every effect of every run, a table for each scale; or those on one scale, under one prior.

    A scale that is asked for need not be one of a statement.
    """
    return [
        effects_table(
            run,
            scale=own,
            keep=lambda row: prior in (None, row.prior),
            name=f"effects-{run.analysis.name}-{CALLED[own]}",
        )
        for run in runs
        for own in (effect_scales(run) if scale is None else scales_of(run))
        if scale in (None, own)
    ]


def effects_table(
    run: Run,
    *,
    scale: str,
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
    name
        Of files and of anchors on pages.
    title
        Above the table; what the analysis is about by default.

    Returns
    -------
    Table
        Risks in shares (shown as percentage points), a column per statement.

    Raises
    ------
    BadParameter
        A scale on which the run has no effects.

    Examples
    --------
    >>> sb.effects_table(sb.fit("icpc-printed"), scale="risk").to_frame()["prior"].iloc[0]
    'reference'
    """
    present = dict.fromkeys(row.scale for row in run.effects)
    if scale not in present:
        raise BadParameter("scale", repr(scale), ", ".join(present) or "none: it has no effects")
    rows = [
        row
        for row in run.effects
        if row.scale == scale and (row.is_effect or row.role == MEAN_OF_PILOTS) and keep(row)
    ]
    said = in_order([s for s in run.analysis.estimands.claims if s.scale == scale])
    chances = {(*_key(p), p.statement): p for p in run.probabilities}
    lines: list[tuple[Cell, ...]] = []
    errors: dict[str, list[float]] = {chance_key(s): [] for s in said}
    for row in rows:
        found = [chances.get((*_key(row), statement_text(s))) for s in said]
        for own, p in zip(errors.values(), found, strict=True):
            own.append(NAN if p is None else p.mcse)
        chance = [None if p is None else p.probability for p in found]
        lines.append((*_what(row, run), row.median, row.lower, row.upper, *chance))
    worst = max((e for own in errors.values() for e in own if not math.isnan(e)), default=0.0)
    notes = [*rows_taken(run.analysis), *own_words([run.analysis]), interval_note(run)]
    notes += [MCSE_NOTE.format(worst)] * (worst > 0)
    notes += [FIXEF_NOTE.format(whom=words_of(run.analysis).whom)] * any(
        row.role == MEAN_OF_PILOTS for row in rows
    )
    notes += [*printed_notices(run), *not_shown(run, AUTHORITIES)]
    return Table(
        name=name,
        title=title or f"{run.analysis.called} ({in_units(run.analysis, scale)})",
        columns=_told(_effect_columns(run, number_format(scale, rows), said), lines),
        rows=tuple(_told(line, lines) for line in lines),
        evidence=run.evidence,
        study=printed_in(run.analysis),
        notes=tuple(notes),
        status=run.status,
        errors=known({**errors_of(run, rows), **errors}),
    )


def _key(row: EffectRow | ProbabilityRow) -> tuple[Any, ...]:
    return (row.estimand, row.prior, row.variant)


def _what(row: EffectRow, run: Run) -> tuple[Cell, ...]:
    return (str(row.estimand), row.target, str(row.variant), prior_marked(row, run))


def prior_marked(row: EffectRow, run: Run) -> str:
    """The prior, with the mark of a fit that alone of its run did not converge."""
    alone = run.status == "converged" and row.status != "converged"
    return f"{row.prior} (NOT CONVERGED)" if alone else row.prior


def _effect_columns(run: Run, number: Format, said: Sequence[Statement]) -> list[Column]:
    return [
        Column(key="estimand", heading="Effect"),
        Column(key="target", heading="In"),
        Column(key="variant", heading="Reading" if run.analysis.kind == "printed" else "Variant"),
        Column(key="prior", heading="Prior"),
        *interval_columns(run.level, number),
        *chance_columns(said),
    ]


def _told[One](ones: Sequence[One], lines: Sequence[Sequence[Cell]]) -> tuple[One, ...]:
    """One for each column, but for naming columns (four) that say the same in every row.

    One of them is always kept.
    """
    same = {i for i in range(4) if len({line[i] for line in lines}) <= 1}
    gone = same - {3} if len(same) == 4 else same
    return tuple(one for i, one in enumerate(ones) if i not in gone)


def interval_note(run: Run) -> str:
    """The note that says level and kind of the intervals."""
    wanted = run.analysis.estimands
    kind = {"eti": "equal-tailed", "hdi": "highest-density"}[wanted.interval]
    return f"Intervals: {100 * run.level:g}%, {kind}."


def sensitivity_table(
    run: Run, *, scale: str | None = None, prior: str | None = None, grid: bool = True
) -> Table:
    """The pooled effect as declared, then with one change at a time to data or assumptions.

    Parameters
    ----------
    run
        As `fit` gives it or `read_run` reads it.
    scale
        Of the effects; that of changes in risk by default.
    prior
        Of the effect; all that were tried by default.
    grid
        Whether refits with the scale of another prior multiplied are among the changes.

    Returns
    -------
    Table
        A line per change, the declared analysis first.

    Examples
    --------
    >>> len(sb.sensitivity_table(sb.fit("icpc-printed")).rows) > 1
    True
    """
    scale = scale or risk_scale(run)
    changed = [
        row
        for row in run.sensitivity
        if row.scale == scale and row.is_effect and prior in (None, row.prior)
    ]
    changed = [row for row in changed if grid or row.kind != "scaled"]
    priors = {row.prior for row in changed}
    # Rows of print begin with the unchanged one.
    rows = main_rows(run, scale, pooled=True, priors=priors) if changed else []
    rows = [*([] if run.analysis.kind == "printed" else rows), *changed]
    number = number_format(scale, rows)
    columns = [
        Column(key="variant", heading="Change"),
        *[Column(key="estimand", heading="Effect")] * (len({row.estimand for row in rows}) > 1),
        *[Column(key="prior", heading="Prior")] * (len(priors) > 1),
        *interval_columns(run.level, number),
        Column(key="status", heading="Draws"),
    ]
    return run_table(
        run,
        "sensitivity",
        f"one assumption changed at a time ({in_units(run.analysis, scale)})",
        rows,
        columns,
        interval_note(run),
        *(f"Prior of the effect: {each}." for each in priors if len(priors) == 1),
        *printed_notices(run),
        *not_shown(run, AUTHORITIES),
        errors=known(errors_of(run, rows)),
    )


def main_rows(
    run: Run, scale: str, *, pooled: bool = False, priors: Collection[str] = ()
) -> list[EffectRow]:
    """The effects of the main fit on one scale, or the pooled ones; under the first prior only.

    Under all of `priors`, where any are given.
    """
    return [
        row
        for row in run.effects
        if (row.scale, row.kind) == (scale, "main")
        and row.prior in (priors or (run.prior,))
        and row.is_effect
        and (row.target == POOLED or not pooled)
    ]


def run_table(
    run: Run,
    name: str,
    what: str,
    rows: Sequence[Any],
    columns: Sequence[Column],
    *notes: str,
    checked: bool = True,
    errors: Mapping[str, tuple[float, ...]] | None = None,
) -> Table:
    """A table of rows of a run, its title beginning with the run's.

    Parameters
    ----------
    rows
        Their attributes, by the columns' keys, are the cells.
    checked
        Whether the rows are results, which a refused run's table is marked for.
    """
    return table_of(
        name,
        f"{run.analysis.called}: {what}",
        rows,
        columns,
        evidence=run.evidence,
        study=printed_in(run.analysis),
        notes=notes,
        status=run.status if checked else "converged",
        errors=errors,
    )


def not_shown(run: Run, what: str) -> tuple[str, ...]:
    """The sentences on what a disclosure check suppressed of AUTHORITIES, or of COUNTS."""
    return tuple(sentence for sentence in run.withheld if what in sentence)


def run_html(run: Run) -> str:
    """A run in a notebook: what it is, and its effects under the headline's prior."""
    scale, *others = effect_scales(run)
    table = effects_table(run, scale=scale, keep=lambda row: row.prior == run.prior)
    more = f" Other scales: {', '.join(others)}." if others else ""
    said = f"{run!r} Under the prior {run.prior}; sb.effects_table has all.{more}"
    return f"<p>{escape(said)}</p>{notebook_html(table)}"
