"""A hierarchical model with chosen effects → populations drawn from it, with their truth.

Child i of authority j in year t has on the model's scale

    α + λ_t + β P_j + u_j + (δ + d_j) P_j post_jt + v_jt + x_i'γ

with u_j ~ N(0, σ_u), d_j ~ N(0, σ_d) and shocks v_jt of standard deviation σ_v, from year to
year correlated by ρ (0: independent). Children, windows and groups are a scenario's.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.errors import BadInput
from sofs_bayes.records.groups import Groups
from sofs_bayes.spec import ChildrenAnalysis, Levels
from sofs_bayes.spec.seeds import stream
from sofs_bayes.synthetic.authority_frame import drawn_authorities
from sofs_bayes.synthetic.covariates import Floats, Integers, printed_margins, weighted_quota
from sofs_bayes.synthetic.drafts import Draft, scaled_draft
from sofs_bayes.synthetic.file_columns import referrals_file
from sofs_bayes.synthetic.persistence import persistent
from sofs_bayes.synthetic.plausibility import Spreads
from sofs_bayes.synthetic.population import Population, truth_of
from sofs_bayes.synthetic.recurrence import child_ids, recurring_children
from sofs_bayes.synthetic.referral_dates import POST
from sofs_bayes.synthetic.rows import groups_of, named_referrals
from sofs_bayes.synthetic.scenario import Drawn, Scenario, scenario_document

Booleans = npt.NDArray[np.bool_]

# Probabilities stay inside, on the scale of risk, where a sum may leave 0 to 1.
LOWEST, HIGHEST = 0.001, 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnModel:
    """The parameters outcomes are drawn with.

    Parameters
    ----------
    scale
        What they are on: `log-odds`, or `risk` (0.01 = one percentage point).
    intercept
        α: of a comparator's child at all reference levels, age 8, in the first year.
    pilot, effect
        β and δ.
    effect_sd, authority_sd, shock_sd
        σ_d, σ_u, σ_v.
    persistence
        ρ of the shocks, from 0 to below 1.
    years
        λ by year; 0 where none is given.
    covariates
        γ by term, such as `disabled: yes`; `age` per year.
    """

    scale: Literal["log-odds", "risk"]
    intercept: float
    pilot: float
    effect: float
    effect_sd: float
    authority_sd: float
    shock_sd: float
    persistence: float = 0.0
    years: Mapping[int, float] = field(default_factory=dict)
    covariates: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        deviations = (self.effect_sd, self.authority_sd, self.shock_sd)
        if min(deviations) < 0:
            raise BadInput("the model", "standard deviations", str(min(deviations)), "0 or above")
        if not 0 <= self.persistence < 1:
            raise BadInput("the model", "persistence", str(self.persistence), "from 0 to below 1")


def model_of(scenario: Scenario, spreads: Spreads) -> DrawnModel:
    """The model that a scenario draws from, or else one with its rates and covariates' effects.

    That one is the hierarchical model on log-odds without an effect, in which authorities differ
    and move by `spreads`.
    """
    if scenario.drawn is not None:
        said = asdict(scenario.drawn)
        del said["times"]
        return DrawnModel(**said)
    prior = scenario.outcomes
    pilots, rate = (math.log(each / (1 - each)) for each in (prior.pilots, prior.comparators))
    return DrawnModel(
        scale="log-odds",
        intercept=rate,
        pilot=pilots - rate,
        effect=0.0,
        effect_sd=0.0,
        **asdict(spreads),
        covariates=dict(prior.effects),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnRows:
    """Referrals without outcomes, from which populations can be drawn many times.

    Parameters
    ----------
    scale
        How many times the report's referrals they are.
    referrals
        As in `Rows`.
    authority, year
        Places of each referral's authority in `names` and of its year among all financial
        years from the first, shape (referrals,).
    treated
        Of a pilot, matched, after settling-in, shape (referrals,).
    """

    scenario: Scenario
    analysis: ChildrenAnalysis
    scale: float
    groups: Groups
    referrals: pd.DataFrame
    names: tuple[str, ...]
    authority: Integers
    year: Integers
    treated: Booleans


def drawn_rows(scenario: Scenario, analysis: ChildrenAnalysis, *, scale: float = 1.0) -> DrawnRows:
    """A scenario's referrals, `scale` times as many as the report had."""
    draft = scaled_draft(scenario, analysis, scale)
    referrals = named_referrals(draft)
    referrals["main_need"] = _needs(scenario, referrals)
    child = recurring_children(scenario, referrals)
    referrals["child"] = child_ids(scenario, child, 0)
    dates = referrals["referral_date"].dt
    year = (dates.year - (dates.month < analysis.records.first_month)).to_numpy(np.int64)
    return DrawnRows(
        scenario=scenario,
        analysis=analysis,
        scale=scale,
        groups=groups_of(scenario),
        referrals=referrals.astype({"child": "str", "main_need": "str"}),
        names=tuple(each.authority for each in draft.calendar),
        authority=draft.referrals["authority"].to_numpy(np.int64),
        year=year - analysis.records.years[0],
        treated=_treated(draft),
    )


def draw_population(rows: DrawnRows, model: DrawnModel, *, seed: int) -> Population:
    """A population whose outcomes are drawn from the model; its truth goes with it.

    Raises
    ------
    BadInput
        The model names a term that the children do not have.
    """
    untreated = _untreated(rows, model, seed)
    effect = model.effect + model.effect_sd * _normal(rows, seed, "effects")
    added = np.where(rows.treated, effect[rows.authority], 0.0)
    before = _probability(untreated, model)
    after = _probability(untreated + added, model)
    outcome = stream(seed, "outcomes").random(len(after)) < after
    scenario, analysis = rows.scenario, rows.analysis
    return Population(
        name=f"{scenario.name}-drawn",
        analysis=analysis,
        seed=seed,
        referrals=referrals_file(rows.referrals, outcome.astype(np.float64), analysis, seed=seed),
        authorities=drawn_authorities(replace(scenario, seed=seed), analysis, rows.names),
        groups=rows.groups,
        assumptions=scenario_document(replace(scenario, seed=seed, drawn=_drawn(rows, model))),
        truth=truth_of(
            rows.names,
            scenario.pilots,
            rows.authority,
            rows.treated,
            before=before,
            after=after,
        ),
    )


def _drawn(rows: DrawnRows, model: DrawnModel) -> Drawn:
    """The model as a scenario says it."""
    said = asdict(model) | {"years": dict(model.years), "covariates": dict(model.covariates)}
    return Drawn(**said, times=rows.scale)


def _treated(draft: Draft) -> Booleans:
    rows = draft.stacked
    here = rows[rows["kept"] & (rows["pilot"] == 1) & (rows["post"] == POST)]
    treated = np.zeros(len(draft.referrals), dtype=np.bool_)
    treated[here["referral"]] = True
    return treated


def _needs(scenario: Scenario, referrals: pd.DataFrame) -> npt.NDArray[np.object_]:
    """Main needs by quotas, each arm's printed ones."""
    needs = np.full(len(referrals), "", dtype=object)
    pilot = referrals["authority"].isin(scenario.pilots).to_numpy()
    for arm in (1, 0):
        here = pilot == arm
        rng = stream(scenario.seed, "needs", str(arm))
        shares = printed_margins(scenario, "main_need", pilot=arm)
        needs[here] = weighted_quota(shares, np.ones(here.sum()), rng)
    return needs


def _normal(rows: DrawnRows, seed: int, stage: str) -> Floats:
    """A standard normal number for each authority, shape (authorities,)."""
    return np.array([stream(seed, stage, name).standard_normal() for name in rows.names])


def _untreated(rows: DrawnRows, model: DrawnModel, seed: int) -> Floats:
    """What a referral would have on the model's scale without treatment, shape (referrals,)."""
    pilots = np.isin(rows.names, rows.scenario.pilots)
    authority = model.intercept + model.pilot * pilots
    authority = authority + model.authority_sd * _normal(rows, seed, "authorities")
    first = rows.analysis.records.years[0]
    years = np.array([model.years.get(first + i, 0.0) for i in range(rows.year.max() + 1)])
    shocks = model.shock_sd * np.stack(
        [
            persistent(stream(seed, "shocks", name).standard_normal(len(years)), model.persistence)
            for name in rows.names
        ]
    )
    level = authority[:, None] + years + shocks
    of_authority: Floats = level[rows.authority, rows.year]
    return of_authority + _of_child(rows, model)


def _of_child(rows: DrawnRows, model: DrawnModel) -> Floats:
    total = np.zeros(len(rows.referrals))
    for term, effect in model.covariates.items():
        name, _, level = term.partition(": ")
        known = {each.name: each for each in rows.analysis.records.covariates}
        covariate = known.get(name)
        if covariate is None or isinstance(covariate, Levels) != bool(level):
            raise BadInput("the model", "covariates", repr(term), "terms such as disabled: yes")
        if isinstance(covariate, Levels):
            total += effect * (rows.referrals[name] == level).to_numpy()
        else:
            total += effect * (rows.referrals[name].to_numpy() - covariate.centre)
    return total


def _probability(linear: Floats, model: DrawnModel) -> Floats:
    if model.scale == "risk":
        return np.clip(linear, LOWEST, HIGHEST)
    return 1 / (1 + np.exp(-linear))
