"""Hierarchical runs → the figures that belong to them."""

from collections.abc import Sequence
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
from sofs_bayes.pages.posterior_pictures import (
    prior_to_posterior,
    threshold_curves,
    under_each_prior,
)
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import FittedAnalysis, OpenAnalysis
from sofs_bayes.spec.keys import AFTER, IN_YEAR, PER_UNIT
from sofs_bayes.spec.outcomes import capital, column_in_words
from sofs_bayes.spec.study import words_of
from sofs_bayes.tables.contents.effects import main_rows, risk_scale
from sofs_bayes.tables.contents.hierarchical import (
    by_year_rows,
    changed_rows,
    grid_rows,
    headline,
)


def hierarchical_drawings(run: Run) -> tuple[Drawing, ...]:
    """All figures that a hierarchical run has rows for, on the risk scale."""
    scale = risk_scale(run)
    rows = main_rows(run, scale)
    drawn = (
        *_yearly_rates(run),
        *_forests(rows),
        *_shrinkage(run),
        *_event_study([*rows, *by_year_rows(run, scale)]),
        *_other_effects(rows),
        *under_each_prior(run),
        *threshold_curves(run),
        *prior_to_posterior(run, title="The pooled effect: prior and posterior"),
        *_changes(run),
        *_prior_grid(run),
        *_arm_years(run),
        *_authority_years(run),
        *_tipping(run),
    )
    if run.evidence != "synthetic":
        return drawn
    return tuple(replace(each, alt=f"{each.alt} The children are simulated.") for each in drawn)


def _yearly_rates(run: Run) -> list[Drawing]:
    """The report's figure of the outcome again, with posterior bands; one for each effect."""
    rows = run.rows(YearlyRateRow)
    figure = f"{words_of(run.analysis).figure} again: the" if _is_printed(run) else "The"
    found: list[Drawing] = []
    effects = list(dict.fromkeys(row.role for row in rows))
    for role in effects:
        against = f" ({role.removeprefix('effect ')})" if len(effects) > 1 else ""
        suffix = f"-{len(found) + 1}" if found else ""
        found.append(
            yearly_rates(
                [row for row in rows if row.role == role],
                **counted(run.analysis, children=True),
                title=f"{figure} pilots' rate, and without the effect{against}",
                evidence=run.evidence,
                status=run.status,
                name=f"yearly-rates{suffix}",
            )
        )
    return found


class Counted(TypedDict):
    """What is counted among whom, in words, for axes; per how many, if not per hundred."""

    events: str
    denominator: str
    per: NotRequired[int]


def counted(analysis: FittedAnalysis, *, children: bool = False) -> Counted:
    """What an analysis counts: events, or the children they happen to."""
    if isinstance(analysis, OpenAnalysis):
        found: Counted = {
            "events": capital(column_in_words(analysis.data.events)),
            "denominator": column_in_words(analysis.data.denominator),
        }
        if analysis.estimands.per:
            found["per"] = analysis.estimands.per
        return found
    own = words_of(analysis)
    events = own.children if children else own.events
    return {"events": capital(events), "denominator": "referrals, weighted as in the model"}


def _is_printed(run: Run) -> bool:
    return run.analysis.kind == "hierarchical" and bool(words_of(run.analysis).figure)


def _forests(rows: Sequence[EffectRow]) -> list[Drawing]:
    """The pilots with pooled effect and new authority, a forest for each effect that has them."""
    found: list[Drawing] = []
    for estimand in dict.fromkeys(replace(row.estimand, target=POOLED) for row in rows):
        own = [row for row in rows if replace(row.estimand, target=POOLED) == estimand]
        if all(row.target in (POOLED, NEW) for row in own):
            continue
        title = f"{capital(str(estimand))}, pilot by pilot"
        suffix = f"-{len(found) + 1}" if found else ""
        found.append(pilot_forest(own, title=title, name=f"pilot-forest{suffix}"))
    return found


def _shrinkage(run: Run) -> list[Drawing]:
    rows = [row for row in run.rows(ShrinkageRow) if row.scale == risk_scale(run)]
    title = "Each pilot by itself, and pulled in by the others"
    if not rows:
        return []
    return [shrinkage(rows, title=title, evidence=run.evidence, status=run.status)]


def _event_study(rows: Sequence[EffectRow]) -> list[Drawing]:
    years = [row for row in rows if row.role == IN_YEAR]
    before = any(row.year is not None and row.year < 0 for row in years)
    title = "Effect by year" + (" before and" if before else "") + " after settling-in"
    return [event_study(years, title=title)] if years else []


def _other_effects(rows: Sequence[EffectRow]) -> list[Drawing]:
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
        )
    ]


def _changes(run: Run) -> list[Drawing]:
    title = "The pooled effect with one assumption changed at a time"
    return _beside_main(run, changed_rows(run, risk_scale(run)), title=title, name="changes")


def _prior_grid(run: Run) -> list[Drawing]:
    title = "The pooled effect with other priors of the standard deviations"
    return _beside_main(run, grid_rows(run, risk_scale(run)), title=title, name="prior-grid")


def _beside_main(run: Run, rows: Sequence[EffectRow], *, title: str, name: str) -> list[Drawing]:
    """A forest for each effect of the headline, refits above and the main fit set apart."""
    found: list[Drawing] = []
    for main in headline(main_rows(run, risk_scale(run), pooled=True)):
        own = [row for row in rows if row.estimand == main.estimand]
        if not own or main.role == IN_YEAR:
            continue
        suffix = f"-{len(found) + 1}" if found else ""
        found.append(
            pilot_forest(
                [*own, main],
                title=title if main.role == AFTER else f"{title}: {main.estimand}",
                label=lambda row: str(row.variant),
                apart=lambda row: row.kind == "main",
                order="given",
                name=f"{name}{suffix}",
            )
        )
    return found


def _arm_years(run: Run) -> list[Drawing]:
    rows = [row for row in run.rows(ArmYearCheck) if row.kind == "posterior"]
    if not rows:
        return []
    return [
        arm_years(
            rows,
            **counted(run.analysis),
            title="The rate of each arm beside what the model predicts",
            evidence=run.evidence,
            status=run.status,
        )
    ]


def _authority_years(run: Run) -> list[Drawing]:
    cells = run.rows(PredictiveCell)
    if not cells:
        return []
    return [
        predictive(
            cells,
            title="Each authority-year beside its prediction",
            evidence=run.evidence,
            status=run.status,
            **counted(run.analysis),
        )
    ]


def _tipping(run: Run) -> list[Drawing]:
    rows = [row for row in run.rows(TippingRow) if row.target == POOLED]
    if not rows:
        return []
    return [
        tipping_curve(
            rows,
            run.rows(TippingPoint),
            title="The pooled effect if trends had not been parallel",
            evidence=run.evidence,
            status=run.status,
        )
    ]
