"""Hierarchical runs → the figures that belong to them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NotRequired, TypedDict

from sofs_bayes.checks.registry.predictions import ArmYearCheck, PredictiveCell
from sofs_bayes.checks.registry.tipping import TippingPoint, TippingRow
from sofs_bayes.estimands import NEW, POOLED, EffectRow
from sofs_bayes.estimands.rows import ShrinkageRow, YearlyRateRow
from sofs_bayes.figures import (
    Drawing,
    arm_years,
    event_study,
    pilot_forest,
    predictive,
    shrinkage,
    tipping_curve,
    yearly_rates,
)
from sofs_bayes.figures.canvas import Said
from sofs_bayes.pages.posterior_pictures import (
    numbered,
    prior_to_posterior,
    threshold_curves,
    under_each_prior,
)
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import FittedAnalysis, OpenAnalysis
from sofs_bayes.spec.keys import AFTER, IN_YEAR, PER_UNIT
from sofs_bayes.spec.outcomes import capital
from sofs_bayes.spec.study import denominator_of, events_of, words_of
from sofs_bayes.spec.years import Years, years_of
from sofs_bayes.tables.contents.effects import main_rows, risk_scale
from sofs_bayes.tables.contents.hierarchical import (
    by_year_rows,
    changed_rows,
    grid_rows,
    headline,
)

CHANGED = "The pooled effect with one assumption changed at a time"
GRID = "The pooled effect with other priors of the standard deviations"


def hierarchical_drawings(run: Run) -> tuple[Drawing, ...]:
    """All figures that a hierarchical run has rows for, on the risk scale."""
    scale = risk_scale(run)
    rows = main_rows(run, scale)
    drawn = (
        *numbered(_yearly_rates(run)),
        *numbered(_forests(run, rows)),
        *_shrinkage(run),
        *_event_study(run, [*rows, *by_year_rows(run, scale)]),
        *_other_effects(run, rows),
        *under_each_prior(run),
        *threshold_curves(run),
        *prior_to_posterior(run, title="The pooled effect: prior and posterior"),
        *numbered(_beside_main(run, changed_rows(run, scale), title=CHANGED, name="changes")),
        *numbered(_beside_main(run, grid_rows(run, scale), title=GRID, name="prior-grid")),
        *_checks(run),
    )
    if run.evidence != "synthetic":
        return drawn
    return tuple(replace(each, alt=f"{each.alt} The children are simulated.") for each in drawn)


def _told(run: Run, title: str) -> Said:
    whom = words_of(run.analysis).whom
    return {"title": title, "evidence": run.evidence, "status": run.status, "whom": whom}


def _yearly_rates(run: Run) -> Iterator[Drawing]:
    """The report's figure of the outcome again, with posterior bands; one for each effect."""
    rows = run.rows(YearlyRateRow)
    figure = f"{words_of(run.analysis).figure} again: the" if _is_printed(run) else "The"
    effects = list(dict.fromkeys(row.role for row in rows))
    for role in effects:
        against = f" ({role.removeprefix('effect ')})" if len(effects) > 1 else ""
        yield yearly_rates(
            [row for row in rows if row.role == role],
            **counted(run.analysis, children=True),
            **_told(run, f"{figure} pilots' rate, and without the effect{against}"),
        )


class Counted(TypedDict):
    """What is counted among whom, in words, for axes; per how many, if not per hundred."""

    events: str
    denominator: str
    per: NotRequired[int]
    years: NotRequired[Years]


def counted(analysis: FittedAnalysis, *, children: bool = False) -> Counted:
    """What an analysis counts: events, or the children they happen to."""
    own, among = words_of(analysis), denominator_of(analysis)
    events = own.children if children else own.events
    if isinstance(analysis, OpenAnalysis):
        events = events_of(analysis)
    else:
        among = f"{among}, weighted as in the model"
    found: Counted = {
        "events": capital(events),
        "denominator": among,
        "years": years_of(analysis),
    }
    if analysis.estimands.per:
        found["per"] = analysis.estimands.per
    return found


def _is_printed(run: Run) -> bool:
    return run.analysis.kind == "hierarchical" and bool(words_of(run.analysis).figure)


def _forests(run: Run, rows: Sequence[EffectRow]) -> Iterator[Drawing]:
    """The pilots with pooled effect and new authority, a forest for each effect that has them."""
    for estimand in dict.fromkeys(replace(row.estimand, target=POOLED) for row in rows):
        own = [row for row in rows if replace(row.estimand, target=POOLED) == estimand]
        if any(row.target not in (POOLED, NEW) for row in own):
            title = f"{capital(str(estimand))}, pilot by pilot"
            yield pilot_forest(own, title=title, whom=words_of(run.analysis).whom)


def _event_study(run: Run, rows: Sequence[EffectRow]) -> list[Drawing]:
    years = [row for row in rows if row.role == IN_YEAR]
    before = any(row.year is not None and row.year < 0 for row in years)
    title = "Effect by year" + (" before and" if before else "") + " after settling-in"
    whom = words_of(run.analysis).whom
    return [event_study(years, title=title, whom=whom)] if years else []


def _other_effects(run: Run, rows: Sequence[EffectRow]) -> list[Drawing]:
    """Pooled effects beside each other where there are several, but for those by year."""
    pooled = [r for r in rows if r.target == POOLED and r.role != IN_YEAR]
    units = [row for row in pooled if row.role != PER_UNIT]  # another unit
    if len(units) < 2:
        return []
    return [
        pilot_forest(
            units,
            title="The pooled effects",
            label=lambda row: str(row.estimand),
            apart=lambda row: row.role == AFTER,
            order="given",
            name="effects",
            whom=words_of(run.analysis).whom,
        )
    ]


def _beside_main(
    run: Run, rows: Sequence[EffectRow], *, title: str, name: str
) -> Iterator[Drawing]:
    """A forest for each effect of the headline, refits above and the main fit set apart."""
    for main in headline(main_rows(run, risk_scale(run), pooled=True)):
        own = [row for row in rows if row.estimand == main.estimand]
        if own and main.role != IN_YEAR:
            yield pilot_forest(
                [*own, main],
                title=title if main.role == AFTER else f"{title}: {main.estimand}",
                label=lambda row: str(row.variant),
                apart=lambda row: row.kind == "main",
                order="given",
                name=name,
                whom=words_of(run.analysis).whom,
            )


def _checks(run: Run) -> Iterator[Drawing]:
    """Predictions by arm and by authority, and the tipping point, as far as there are rows."""
    arms = [row for row in run.rows(ArmYearCheck) if row.kind == "posterior"]
    if arms:
        told = _told(run, "The rate of each arm beside what the model predicts")
        yield arm_years(arms, **counted(run.analysis), **told)
    if cells := run.rows(PredictiveCell):
        told = _told(run, "Each authority-year beside its prediction")
        yield predictive(cells, **counted(run.analysis), **told)
    tipping = [row for row in run.rows(TippingRow) if row.target == POOLED]
    if tipping:
        told = _told(run, "The pooled effect if trends had not been parallel")
        yield tipping_curve(tipping, run.rows(TippingPoint), **told)


def _shrinkage(run: Run) -> Iterator[Drawing]:
    rows = [row for row in run.rows(ShrinkageRow) if row.scale == risk_scale(run)]
    if rows:
        yield shrinkage(rows, **_told(run, "Each pilot by itself, and pulled in by the others"))
