"""Runs → tables of priors: what each one is, why, and the effect under it."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from sofs_bayes.estimands import POOLED, EffectRow
from sofs_bayes.reporting.assumptions import distribution, model_scale
from sofs_bayes.reporting.contents.effects import (
    UNIT_OF,
    extra_rows,
    interval_note,
    number_format,
)
from sofs_bayes.reporting.contents.hierarchical import (
    grid_rows,
    headline,
    scaled_prior,
)
from sofs_bayes.reporting.contents.monte_carlo import NAN, errors_of, known
from sofs_bayes.reporting.contents.publication_numbers import above_zero, overall
from sofs_bayes.reporting.digits import Cell, Format
from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.reporting.table_model import Column, Table
from sofs_bayes.spec import DidAnalysis, PrintedAnalysis
from sofs_bayes.spec.keys import HEADLINE, Kind, Variant

# What a printed analysis changes → the prior's key, and its distribution in notation.
OF_PRINT: dict[Kind, tuple[str, str]] = {
    "prior scale of the authority sd": ("authority_sd", "HalfNormal({})"),
    "prior of the correlation": ("correlation", "{}"),
    "prior sd of the pilot difference": ("pilot_difference", "Normal(0, sd {})"),
}
# An effect with one other prior changed: its row, prior of what, distribution, why.
OtherPrior = tuple[EffectRow, str, str, str]


def priors_tables(runs: Sequence[Run], _: Sequence[Path]) -> list[Table]:
    """A table for each run (from print: for each reading of the stars)."""
    return [_table(run, variant) for run in runs for variant in _variants(run)]


def _variants(run: Run) -> Iterable[Variant]:
    if isinstance(run.analysis, PrintedAnalysis):
        return [Variant(reading=reading.name) for reading in run.analysis.readings]
    return [HEADLINE]


def _table(run: Run, variant: Variant) -> Table:
    scale = _scale(run)
    rows = _under_effect_priors(run, variant, scale)
    grid = _under_other_priors(run, variant, scale)
    both = [*rows, *(row for row, *_ in grid)]
    number: Format = number_format("risk", both) if scale == "risk" else "signed2"
    several = len({row.estimand for row in both}) > 1
    chances = [above_zero(run, row) for row in rows] + [(None, NAN)] * len(grid)
    named = [*(_of_effect(run, row) for row in rows), *_why_once(grid)]
    lines: list[tuple[Cell, ...]] = [
        (*names, *effect, row.median, row.lower, row.upper, chance, row.status)
        for names, row, (chance, _) in zip(named, both, chances, strict=True)
        for effect in [[str(row.estimand)] * several]
    ]
    errors = errors_of(run, both) | {"P(above 0)": tuple(error for _, error in chances)}
    columns = (
        Column(key="parameter", heading="Prior of"),
        Column(key="prior", heading="Distribution"),
        Column(key="why", heading="Why"),
        *([Column(key="estimand", heading="Effect")] if several else []),
        Column(key="median", heading="Median", format=number),
        Column(key="lower", heading=f"{100 * run.analysis.estimands.level:g}% from", format=number),
        Column(key="upper", heading="to", format=number),
        Column(key="P(above 0)", heading="P(> 0)", format="probability"),
        Column(key="status", heading="Draws"),
    )
    reading = f", {variant}" if variant.reading else ""
    return Table(
        name=f"priors-{run.analysis.name}",
        title=f"{run.analysis.title}{reading}: the effect under each prior ({UNIT_OF[scale]})",
        columns=columns,
        rows=tuple(lines),
        evidence=run.evidence,
        notes=tuple(_notes(run, several=several, grid=bool(grid))),
        status=overall([run.status, *(row.status for row in both)]),
        errors=known(errors),
    )


def _scale(run: Run) -> str:
    """Of changes in risk; of the model where refits with other priors are on that scale alone."""
    refitted = {row.scale for row in extra_rows(run, "sensitivity")}
    return "risk" if "risk" in refitted or not refitted else model_scale(run.analysis)


def _under_effect_priors(run: Run, variant: Variant, scale: str) -> list[EffectRow]:
    """The effects that answer the main question, under every effect prior."""
    return headline(
        [
            row
            for row in run.effects
            if (row.target, row.scale, row.variant) == (POOLED, scale, variant) and row.is_effect
        ]
    )


def _of_effect(run: Run, row: EffectRow) -> tuple[str, str, str]:
    prior = run.analysis.effect_priors[row.prior]
    return f"effect: {row.prior}", distribution(prior), prior.why


def _under_other_priors(run: Run, variant: Variant, scale: str) -> list[OtherPrior]:
    """The same effects with one other prior changed, under the first effect prior."""
    if isinstance(run.analysis, PrintedAnalysis):
        return list(_of_print(run, run.analysis, variant, scale))
    return [_scaled(run.analysis, row) for row in headline(grid_rows(run, scale))]


def _why_once(
    grid: Iterable[OtherPrior],
) -> Iterable[tuple[str, str, str]]:
    """Prior of what, its distribution and why; of several lines on one prior the first says why."""
    said: set[str] = set()
    for _, name, changed, why in grid:
        yield name, changed, "as above" if name in said else why
        said.add(name)


def _scaled(analysis: DidAnalysis, row: EffectRow) -> OtherPrior:
    assert row.factor is not None
    name = row.subject
    declared = getattr(analysis.priors, name)
    changed = scaled_prior(analysis, name, row.factor)
    why = f"Declared is {distribution(declared)}: {declared.why}"
    return row, name.replace("_", " "), changed, why


def _of_print(
    run: Run, analysis: PrintedAnalysis, variant: Variant, scale: str
) -> Iterable[OtherPrior]:
    for row in extra_rows(run, "sensitivity"):
        ours = (row.scale, row.prior, row.reading) == (scale, run.prior, variant.reading)
        if row.kind in OF_PRINT and ours:
            name, notation = OF_PRINT[row.kind]
            declared = getattr(analysis.priors, name)
            why = f"Declared is {distribution(declared)}: {declared.why}"
            yield row, name.replace("_", " "), notation.format(row.subject), why


def _notes(run: Run, *, several: bool, grid: bool) -> Iterable[str]:
    yield interval_note(run)
    unit = "0.01 = one percentage point"
    scale = unit if model_scale(run.analysis) == "risk" else "log-odds"
    yield f"Priors are on the scale of the model ({scale}); correlations lie between 0 and 1."
    yield "Priors are chosen, not estimated: an effect that hangs on them is not known from data."
    if grid:
        yield (
            "Lines after those of the effect's priors change one other prior at a time, under the"
            f" effect prior '{run.prior}'; their probability is not computed."
        )
    if several:
        yield "Each effect has its own line under each prior."
