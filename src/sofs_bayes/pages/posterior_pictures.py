"""Runs of any kind → the figures of their posteriors: by threshold, by prior, by assumption."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from sofs_bayes.estimands import NEW, POOLED, EffectRow
from sofs_bayes.estimands.rows import DensityRow, ThresholdRow
from sofs_bayes.figures import Drawing, pilot_forest, prior_posterior, threshold_curve
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec.keys import IN_YEAR, PER_UNIT, Estimand
from sofs_bayes.spec.study import words_of
from sofs_bayes.tables.contents.hierarchical import headline
from sofs_bayes.tables.contents.publication_numbers import overall

AS_SPECIFIED = "as specified"  # the unchanged row of a sensitivity
MOST_EFFECTS = 3  # panels of one picture, beyond which only the first effect is drawn
WHOSE = {
    POOLED: ("threshold-curve", "All pilots together"),
    NEW: ("threshold-curve-new-authority", "A new authority"),
}


def threshold_curves(run: Run) -> list[Drawing]:
    """For the pooled effect, and a new authority's: above each threshold, by prior."""
    return [
        threshold_curve(
            rows,
            statements=run.analysis.estimands.claims,
            equivalence=run.analysis.estimands.equivalence,
            title=title,
            evidence=run.evidence,
            status=overall([run.status, *(row.status for row in rows)]),
            name=name,
            whom=words_of(run.analysis).whom,
        )
        for target, (name, title) in WHOSE.items()
        if (rows := _rows_of(run, target))
    ]


def _is_told(estimand: Estimand) -> bool:
    """Whether it is on the scale that results are told on: risk, or units of an outcome."""
    return estimand.is_of_risk or estimand.scale == "units"


def _rows_of(run: Run, target: str) -> Sequence[ThresholdRow]:
    rows = [
        row
        for row in run.rows(ThresholdRow)
        if row.target == target and _is_told(row.estimand) and row.role not in (IN_YEAR, PER_UNIT)
    ]
    effects = list(dict.fromkeys(row.estimand for row in rows))
    if len(effects) > MOST_EFFECTS:
        rows = [row for row in rows if row.estimand == effects[0]]
    return rows


def under_each_prior(run: Run) -> list[Drawing]:
    """The headline under each prior of the effect (and, from print, under each reading)."""
    printed = run.analysis.kind == "printed"
    rows = [
        row
        for row in run.effects
        if row.target == POOLED and _is_told(row.estimand) and row.is_effect and row.kind == "main"
    ]
    rows = list(rows if printed else headline(rows))
    several = len({(row.estimand, row.variant) for row in rows}) > 1
    if len({row.prior for row in rows}) < 2 or len({row.estimand for row in rows}) > 2:
        return []

    def label(row: EffectRow) -> str:
        what = row.variant if printed else row.estimand
        return f"{row.prior}: {what}" if several else row.prior

    return [
        pilot_forest(
            rows,
            title="The pooled effect under each prior",
            label=label,
            apart=lambda _: False,
            order="given",
            name="by-prior",
            whom=words_of(run.analysis).whom,
        )
    ]


def assumptions_changed(run: Run) -> list[Drawing]:
    """From print: the effect with one assumption changed at a time, a figure for each reading."""
    return numbered(_changed(run))


def _changed(run: Run) -> Iterator[Drawing]:
    changed = [row for row in run.sensitivity if row.prior == run.prior]
    readings = list(dict.fromkeys(row.reading for row in run.effects))
    for reading in readings:
        rows = list({r.variant: r for r in changed if r.reading == reading}.values())
        of_reading = f" ({reading})" if len(readings) > 1 else ""
        if len(rows) > 1:
            yield pilot_forest(
                rows,
                title=f"The effect with one assumption changed at a time{of_reading}",
                label=_change,
                apart=lambda row: row.kind == "main",
                order="given",
                name="sensitivity",
            )


def numbered(found: Iterable[Drawing]) -> list[Drawing]:
    """Drawings of one name, from the second on with a number behind it."""
    return [
        replace(each, name=f"{each.name}-{number}") if number > 1 else each
        for number, each in enumerate(found, start=1)
    ]


def _change(row: EffectRow) -> str:
    return AS_SPECIFIED if row.kind == "main" else f"{row.kind} {row.subject}"


def prior_to_posterior(run: Run, *, title: str) -> list[Drawing]:
    """The densities of a run, none where it has no such rows."""
    rows = run.rows(DensityRow)
    if not rows:
        return []
    return [
        prior_posterior(
            rows,
            thresholds=run.analysis.estimands.claims,
            title=title,
            evidence=run.evidence,
            status=run.status,
            whom=words_of(run.analysis).whom,
        )
    ]
