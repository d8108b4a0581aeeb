"""Runs → tables of pilots: each by itself and partially pooled, all together, a new authority."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from sofs_bayes.estimands import NEW, POOLED, EffectRow
from sofs_bayes.estimands.rows import ShrinkageRow
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec.keys import AFTER, Estimand
from sofs_bayes.tables.contents.assumptions import in_units
from sofs_bayes.tables.contents.effect_columns import (
    ABOVE_0,
    interval_columns,
    number_format,
)
from sofs_bayes.tables.contents.effects import interval_note, main_rows, risk_scale, run_table
from sofs_bayes.tables.contents.monte_carlo import errors_of, known
from sofs_bayes.tables.contents.publication_numbers import above_zero
from sofs_bayes.tables.digits import Cell, Format, shown
from sofs_bayes.tables.model import Column, Table

LAST = (POOLED, NEW)
CALLED = {POOLED: "All pilots together", NEW: "A new authority"}
NEW_NOTE = (
    "A new authority: what the model expects of one that is like the pilots; its interval"
    " includes variation between pilots."
)


def pilots_tables(runs: Sequence[Run], _: Sequence[Path]) -> list[Table]:
    """A table for each effect that a run tells pilot by pilot; none for posteriors from print."""
    return [
        pilots_table(run, effect=effect)
        for run in runs
        for effect in _by_estimand(main_rows(run, risk_scale(run)))
    ]


def pilots_table(run: Run, *, scale: str | None = None, effect: Estimand | None = None) -> Table:
    """Pilots by themselves and partially pooled, then all together and a new authority.

    Parameters
    ----------
    run
        As `fit` gives it or `read_run` reads it. Of children or open counts.
    scale
        Of the effects; that of changes in risk by default.
    effect
        One that is told pilot by pilot, of all pilots; that after settling-in by default.

    Returns
    -------
    Table
        Median and interval, unpooled and pooled, on the scale.

    Examples
    --------
    >>> table = sb.pilots_table(sb.read_run("runs/icpc"))
    """
    scale = scale or risk_scale(run)
    told = _by_estimand(main_rows(run, scale))
    after = next((each for each in told if each.role == AFTER), next(iter(told), None))
    estimand = effect or after
    rows = [] if estimand is None else told[estimand]
    alone = {r.target: r for r in run.rows(ShrinkageRow) if r.scale == scale}
    # Shrinkage is that of the effect after settling-in, which the others must not borrow.
    alone = alone if estimand is not None and estimand.role == AFTER else {}
    number = number_format(scale, rows)
    chances = [above_zero(run, row) for row in rows]
    lines = [
        (*_line(row, alone.get(row.target), by_itself=bool(alone)), chance)
        for row, (chance, _) in zip(rows, chances, strict=True)
    ]
    errors = errors_of(run, rows) | {"P(above 0)": tuple(error for _, error in chances)}
    what = "" if estimand is None else f"{estimand}, "
    return run_table(
        run,
        f"pilots-{run.analysis.name}",
        f"{what}pilot by pilot ({in_units(run.analysis, scale)})",
        lines,
        tuple(_columns(run, number, by_itself=bool(alone))),
        *_notes(run, rows, number, by_itself=bool(alone)),
        errors=known(errors),
    )


def _by_estimand(rows: Iterable[EffectRow]) -> dict[Estimand, list[EffectRow]]:
    """Effects told pilot by pilot: pilots as they come, then all together and a new authority."""
    found: dict[Estimand, list[EffectRow]] = {}
    for row in rows:
        found.setdefault(replace(row.estimand, target=POOLED), []).append(row)
    return {
        estimand: sorted(own, key=lambda row: (row.target in LAST, row.target == NEW))
        for estimand, own in found.items()
        if any(row.target not in LAST for row in own)
    }


def _line(row: EffectRow, alone: ShrinkageRow | None, *, by_itself: bool) -> tuple[Cell, ...]:
    first: tuple[Cell, ...] = ()
    pulled: tuple[Cell, ...] = ()
    if by_itself:
        first, pulled = (None, None, None), (None,)
    if alone is not None:
        first = (alone.unpooled_median, alone.unpooled_lower, alone.unpooled_upper)
        pulled = (alone.shrinkage,)
    name = CALLED.get(row.target, row.target)
    return (name, *first, row.median, row.lower, row.upper, *pulled)


def _columns(run: Run, number: Format, *, by_itself: bool) -> Iterable[Column]:
    yield Column(key="target", heading="Effect in")
    if by_itself:
        yield from interval_columns(run.level, number, middle="By itself", prefix="unpooled_")
    yield from interval_columns(run.level, number, middle="Partially pooled")
    if by_itself:
        yield Column(key="shrinkage", heading="Pulled in by", format="percent")
    yield ABOVE_0


def _notes(
    run: Run, rows: Sequence[EffectRow], number: Format, *, by_itself: bool
) -> Iterable[str]:
    yield f"Medians. {interval_note(run)} Prior of the effect: {run.prior}."
    pooled = next((row for row in rows if row.target == POOLED), None)
    if by_itself and pooled is not None:
        yield (
            "Pulled in by: the share of a pilot's distance from the effect of all together"
            f" ({shown(pooled.median, number)}) that partial pooling took away. Where the two are"
            " close it may fall outside 0 to 100%, and where draws cannot tell them apart there is"
            " a gap."
        )
    elif pooled is not None:
        yield "Unpooled estimates were not fitted."
    if any(row.target == NEW for row in rows):
        yield NEW_NOTE
    yield from (note for note in run.withheld if "authorit" in note)
