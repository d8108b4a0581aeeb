"""Runs → tables of the probability that an effect exceeds x, under each prior."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from sofs_bayes.estimands import POOLED, ProbabilityRow, statement_text
from sofs_bayes.estimands.rows import ThresholdRow
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec.keys import AFTER, IN_YEAR, Estimand, Variant
from sofs_bayes.spec.study import printed_in
from sofs_bayes.tables.contents.assumptions import in_units, model_scale
from sofs_bayes.tables.contents.effect_columns import PROBABILITY
from sofs_bayes.tables.contents.effects import risk_scale
from sofs_bayes.tables.contents.monte_carlo import NAN, known
from sofs_bayes.tables.contents.pilots import CALLED
from sofs_bayes.tables.contents.publication_numbers import overall
from sofs_bayes.tables.digits import Cell
from sofs_bayes.tables.model import Column, Table

MOST = 12  # thresholds between those that all priors agree on
UNDER_PRIOR = f"{PROBABILITY} so, under prior"
SURE = 0.99  # what is more probable than this, or less than its complement, is agreed on
STEPS = tuple(unit * 10.0**power for power in range(-4, 1) for unit in (1.0, 2.0, 5.0))
NO_GRID = "This run was made without a grid of thresholds: the analysis's own statements are shown."
Row = ThresholdRow | ProbabilityRow
CLOSE = 1e-9  # thresholds are round numbers in binary


def thresholds_tables(runs: Sequence[Run], _: Sequence[Path]) -> list[Table]:
    """A table for each run (from print: for each reading); of statements in runs without rows."""
    return [
        _table(run, [row for row in rows if row.variant == variant])
        for run in runs
        for rows in [_headline(run) or _of_statements(run)]
        for variant in dict.fromkeys(row.variant for row in rows)
    ]


def _headline(run: Run) -> list[Row]:
    """The rows of effects that answer the main question, on the scale that is read most easily."""
    rows: Sequence[ThresholdRow] = run.rows(ThresholdRow)
    usual = risk_scale(run)
    scale = usual if any(row.scale == usual for row in rows) else model_scale(run.analysis)
    own = [row for row in rows if row.scale == scale]
    after: list[Row] = [row for row in own if row.role == AFTER]
    return after or [row for row in own if row.role != IN_YEAR] or list(own)


def _of_statements(run: Run) -> list[Row]:
    """The statements of an analysis, under each prior, in place of thresholds."""
    rows = [
        row
        for row in run.probabilities
        if row.target == POOLED and row.statement in _texts(run) and row.role != IN_YEAR
    ]
    own: list[Row] = [row for row in rows if row.role == AFTER] or list(rows)
    return [row for row in own if row.kind != "by year"]


def _texts(run: Run) -> list[str]:
    claims = run.analysis.estimands.claims
    return [statement_text(each) for each in claims if each.scale == risk_scale(run)]


def _asked(run: Run, rows: Sequence[Row]) -> list[tuple[float | str, str]]:
    """What is asked of one effect, and its line's heading: thresholds, or all statements."""
    own = [row for row in rows if isinstance(row, ThresholdRow)]
    if not own:
        return [(text, text.replace("-", "\N{MINUS SIGN}")) for text in _texts(run)]
    scale = own[0].scale
    return [(x, _above(x, scale)) for x in readable(own, bounds=_bounds(run, scale))]


def _chance(row: Row) -> tuple[float | str, float]:
    """What is asked, and how probable it is."""
    if isinstance(row, ThresholdRow):
        return row.threshold, row.above
    return row.statement, row.probability


def _table(run: Run, rows: Sequence[Row]) -> Table:
    priors = [name for name in run.analysis.effect_priors if any(r.prior == name for r in rows)]
    at = {(r.estimand, r.prior, _chance(r)[0]): r for r in rows}
    lines: list[tuple[Cell, ...]] = []
    errors: list[list[float]] = []
    headings: list[int] = []
    for estimand in dict.fromkeys(row.estimand for row in rows):
        headings.append(len(lines))
        lines.append((_called(estimand), *[None] * len(priors)))
        errors.append([NAN] * len(priors))
        for x, text in _asked(run, [row for row in rows if row.estimand == estimand]):
            found = [at.get((estimand, prior, x)) for prior in priors]
            lines.append((text, *(None if f is None else _chance(f)[1] for f in found)))
            errors.append([NAN if f is None else f.mcse for f in found])
    by_prior = {f"P({prior})": [own[i] for own in errors] for i, prior in enumerate(priors)}
    grid = isinstance(rows[0], ThresholdRow)
    above = Column(
        key="threshold", heading=f"Effect above ({in_units(run.analysis, rows[0].scale)})"
    )
    return Table(
        name=f"thresholds-{run.analysis.name}",
        title=f"{_title(run, rows[0].variant)}: how likely is an effect"
        f" {'above x' if grid else 'of this size'}?",
        columns=(
            above if grid else Column(key="statement", heading="The effect is"),
            *_of_priors(priors),
        ),
        rows=tuple(lines),
        evidence=run.evidence,
        study=printed_in(run.analysis),
        notes=tuple(_notes(run, lines)) if grid else (NO_GRID,),
        status=overall([run.status, *(row.status for row in rows)]),
        errors=known(by_prior),
        bold=tuple(headings),
    )


def _title(run: Run, variant: Variant) -> str:
    return f"{run.analysis.called}, {variant}" if variant.reading else run.analysis.called


def _called(estimand: Estimand) -> str:
    return f"{CALLED.get(estimand.target, estimand.target)}: {estimand}"


def _of_priors(priors: Iterable[str]) -> Iterable[Column]:
    for prior in priors:
        yield Column(key=f"P({prior})", heading=prior, format="probability", group=UNDER_PRIOR)


def _above(x: float, scale: str) -> str:
    """A threshold as text, as thresholds and headings share a column: with all its decimals."""
    value = 100 * x if scale == "risk" else x
    return f"{round(value, 6):+g}".replace("-", "\N{MINUS SIGN}") if value else "0"


def readable(rows: Sequence[ThresholdRow], *, bounds: Iterable[float] = ()) -> list[float]:
    """A few round thresholds of a fine grid: from where all priors are sure to where all are.

    Parameters
    ----------
    rows
        Of one effect, under every prior.
    bounds
        Further thresholds to be among them, if they are on the grid.
    """
    above: dict[float, list[float]] = {}
    for row in rows:
        above.setdefault(row.threshold, []).append(row.above)
    grid = sorted(above)
    low = max((x for x in grid if min(above[x]) > SURE), default=grid[0])
    high = min((x for x in grid if max(above[x]) < 1 - SURE), default=grid[-1])
    step = next((s for s in STEPS if (high - low) / s <= MOST), STEPS[-1])
    wanted = [k * step for k in range(math.floor(low / step), math.ceil(high / step) + 1)]
    wanted += [0.0, *bounds]
    return [x for x in grid if any(abs(x - each) < CLOSE for each in wanted)]


def _bounds(run: Run, scale: str) -> list[float]:
    """The bounds of the analysis's statements, so that both can be compared."""
    found: list[float] = []
    for each in run.analysis.estimands.claims:
        if each.scale == scale:
            found += [b for b in (each.above, each.below, *(each.within or ())) if b is not None]
    return found


def _notes(run: Run, lines: Sequence[Sequence[Cell]]) -> Iterable[str]:
    yield (
        "Each number is the probability that the effect is larger than x; that it is smaller is 1"
        " minus it, and that it is between two is the difference of their lines."
    )
    if any(cell in (0.0, 1.0) for line in lines for cell in line):
        yield "0.00 and 1.00: every draw agrees, which is not certainty."
    equivalence = run.analysis.estimands.equivalence
    if equivalence is not None:
        yield (
            f"Declared before the result: an effect {statement_text(equivalence.statement)} counts"
            f" as practically none if that is at least {100 * equivalence.probability:g}%"
            f" probable. {equivalence.why}"
        )
