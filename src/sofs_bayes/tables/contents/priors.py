"""Runs → tables of priors: what each one is, why, and the effect under it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from sofs_bayes.estimands import POOLED, EffectRow
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import DidAnalysis, Exponential, Normal, PrintedAnalysis
from sofs_bayes.spec.keys import HEADLINE, Kind, Variant
from sofs_bayes.spec.study import printed_in
from sofs_bayes.tables.contents.assumptions import (
    declared_priors,
    distribution,
    in_units,
    model_scale,
    prior_note,
)
from sofs_bayes.tables.contents.effect_columns import ABOVE_0, interval_columns, number_format
from sofs_bayes.tables.contents.effects import interval_note, risk_scale
from sofs_bayes.tables.contents.hierarchical import grid_rows, headline
from sofs_bayes.tables.contents.monte_carlo import ERRORS_OF, NAN, errors_of, known
from sofs_bayes.tables.contents.publication_numbers import above_zero, overall
from sofs_bayes.tables.digits import Cell, Format
from sofs_bayes.tables.model import Column, Table

# What a printed analysis changes → the prior's key, and its distribution in notation.
OF_PRINT: dict[Kind, tuple[str, str]] = {
    "prior scale of the authority sd": ("authority_sd", "HalfNormal({})"),
    "prior of the correlation": ("correlation", "{}"),
    "prior sd of the pilot difference": ("pilot_difference", "Normal(0, sd {})"),
}
# Prior of what, its distribution and why, and the effect under it; none where no fit is beside it.
Tried = tuple[tuple[str, str, str], EffectRow | None]


def priors_tables(runs: Sequence[Run], _: Sequence[Path]) -> list[Table]:
    """A table for each run (from print: for each reading of the stars)."""
    return [
        replace(table, name=f"{table.name}-{run.analysis.name}")
        for run in runs
        for table in priors_of(run)
    ]


def priors_of(run: Run) -> list[Table]:
    """The tables of one run: one, or one for each reading of the stars."""
    if not isinstance(run.analysis, PrintedAnalysis):
        return [priors_table(run)]
    return [priors_table(run, Variant(reading=each.name)) for each in run.analysis.readings]


def priors_table(run: Run, variant: Variant = HEADLINE) -> Table:
    """Every prior with its why, the effect under it, and under others put in its place.

    Parameters
    ----------
    variant
        Of the fit; from print the reading of the stars.
    """
    scale = _scale(run)
    lines = list(_tried(run, variant, scale))
    found = [row for _, row in lines if row is not None]
    number: Format = number_format(scale, found) if scale == risk_scale(run) else "signed2"
    several = len({row.estimand for row in found}) > 1
    # Probabilities are those of the effect's own priors: the others' refits have none.
    chances = [
        (None, NAN) if row is None or row.kind != variant.kind else above_zero(run, row)
        for _, row in lines
    ]
    own = [{} if row is None else errors_of(run, [row]) for _, row in lines]
    errors = {key: tuple(each.get(key, (NAN,))[0] for each in own) for key in ERRORS_OF}
    errors["P(above 0)"] = tuple(error for _, error in chances)
    reading = f", {variant}" if variant.reading else ""
    unit = in_units(run.analysis, scale)
    return Table(
        name="priors",
        title=f"{run.analysis.called}{reading}: the effect under each prior ({unit})",
        columns=tuple(_columns(run, number, several=several)),
        rows=tuple(
            (*named, *_numbers(row, chance, several=several))
            for (named, row), (chance, _) in zip(lines, chances, strict=True)
        ),
        evidence=run.evidence,
        study=printed_in(run.analysis),
        notes=tuple(_notes(run, several=several)),
        status=overall([run.status, *(row.status for row in found)]),
        errors=known(errors),
    )


def _columns(run: Run, number: Format, *, several: bool) -> Iterable[Column]:
    yield Column(key="parameter", heading="Prior of")
    yield Column(key="prior", heading="Distribution")
    yield Column(key="why", heading="Why")
    if several:
        yield Column(key="estimand", heading="Effect")
    yield from interval_columns(run.level, number)
    yield ABOVE_0
    yield Column(key="status", heading="Draws")


def _numbers(row: EffectRow | None, chance: float | None, *, several: bool) -> tuple[Cell, ...]:
    if row is None:
        return (None,) * (5 + several)
    effect = (str(row.estimand),) if several else ()
    return (*effect, row.median, row.lower, row.upper, chance, row.status)


def _scale(run: Run) -> str:
    """Of changes in risk; of the model where refits with other priors are on that scale alone."""
    refitted = {row.scale for row in run.sensitivity}
    usual = risk_scale(run)
    return usual if usual in refitted or not refitted else model_scale(run.analysis)


def _under_effect_priors(run: Run, variant: Variant, scale: str) -> list[EffectRow]:
    """The effects that answer the main question, under every effect prior."""
    return headline(
        [
            row
            for row in run.effects
            if (row.target, row.scale, row.variant) == (POOLED, scale, variant) and row.is_effect
        ]
    )


def _tried(run: Run, variant: Variant, scale: str) -> Iterable[Tried]:
    """The effect's priors with the effects under them, then each other prior and its refits."""
    analysis = run.analysis
    effects = _under_effect_priors(run, variant, scale)
    for name, prior in analysis.effect_priors.items():
        named = (f"effect: {name}", distribution(prior), prior.why)
        under: list[EffectRow | None] = [row for row in effects if row.prior == name]
        yield from ((named, row) for row in under or [None])
    refits = list(_refits(run, variant, scale))
    for name, declared in declared_priors(analysis):
        called = name.replace("_", " ")
        yield (called, distribution(declared), declared.why), None
        for changed, text, row in refits:
            if changed == name:
                same = text == distribution(declared)
                why = "as declared" if same else "instead of the declared one"
                yield (called, text, why), row


def _refits(run: Run, variant: Variant, scale: str) -> Iterable[tuple[str, str, EffectRow]]:
    """The effects with one other prior changed, under the first effect prior: which, to what."""
    if not isinstance(run.analysis, PrintedAnalysis):
        for row in headline(grid_rows(run, scale)):
            assert row.factor is not None
            yield row.subject, _scaled(run.analysis, row.subject, row.factor), row
        return
    for row in run.sensitivity:
        ours = (row.scale, row.prior, row.reading) == (scale, run.prior, variant.reading)
        if row.kind in OF_PRINT and ours:
            name, notation = OF_PRINT[row.kind]
            yield name, notation.format(row.subject), row


def _scaled(analysis: DidAnalysis, name: str, factor: float) -> str:
    prior = getattr(analysis.priors, name)
    if isinstance(prior, Exponential):
        return distribution(replace(prior, mean=factor * prior.mean))
    if isinstance(prior, Normal):
        return distribution(replace(prior, sd=factor * prior.sd)) if factor else "taken out"
    return distribution(replace(prior, scale=factor * prior.scale))


def _notes(run: Run, *, several: bool) -> Iterable[str]:
    yield interval_note(run)
    yield prior_note(run.analysis)
    yield (
        "Effects beside the effect's own priors are those with all else as declared. Another"
        " prior's refits change it alone, under the effect prior"
        f" '{run.prior}'; their probability is not computed."
    )
    if several:
        yield "Each effect has its own line under each prior."
