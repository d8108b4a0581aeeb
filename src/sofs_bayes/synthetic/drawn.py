"""A hierarchical model with chosen effects → populations drawn from it, with their truth.

Child i of authority j in year t has on the model's scale

    α + λ_t + β P_j + u_j + (δ + d_j) P_j post_jt + v_jt + x_i'γ

with u_j ~ N(0, σ_u), d_j ~ N(0, σ_d) and shocks v_jt of standard deviation σ_v, from year to
year correlated by ρ (0: independent). Children, windows and groups are a scenario's.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, logit

from sofs_bayes.errors import BadInput
from sofs_bayes.records.groups import Groups
from sofs_bayes.spec import ChildrenAnalysis, Levels
from sofs_bayes.spec.seeds import stream
from sofs_bayes.synthetic.authority_frame import drawn_authorities
from sofs_bayes.synthetic.covariates import Floats, Integers
from sofs_bayes.synthetic.drafts import scaled_draft
from sofs_bayes.synthetic.file_columns import referrals_file
from sofs_bayes.synthetic.persistence import persistent
from sofs_bayes.synthetic.plausibility import Spreads
from sofs_bayes.synthetic.population import Population, Truth
from sofs_bayes.synthetic.recurrence import child_ids, recurring_children
from sofs_bayes.synthetic.referral_dates import POST
from sofs_bayes.synthetic.rows import groups_of, main_needs, named_referrals
from sofs_bayes.synthetic.scenario import Drawn, DrawnModel, Scenario, scenario_document

# Probabilities stay inside, on the scale of risk, where a sum may leave 0 to 1.
LOWEST, HIGHEST = 0.001, 0.999


def model_of(scenario: Scenario, spreads: Spreads) -> DrawnModel:
    """The model that a scenario draws from, or else one with its rates and covariates' effects.

    That one is the hierarchical model on log-odds without an effect, in which authorities differ
    and move by `spreads`.
    """
    if scenario.drawn is not None:
        return scenario.drawn
    prior = scenario.outcomes
    pilots, rate = (float(logit(each)) for each in (prior.pilots, prior.comparators))
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
class Places:
    """Where referrals stand that outcomes are drawn for."""

    names: tuple[str, ...]  # names, pilots: of authorities, and of those among them that are pilots
    pilots: Collection[str]
    first_year: int
    # authority, year: places of each referral's authority in `names` and of its year, from
    # `first_year` on, shape (referrals,)
    authority: Integers
    year: Integers
    treated: npt.NDArray[np.bool_]  # of a pilot, matched, after settling-in, shape (referrals,)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnRows(Places):
    """Referrals without outcomes, `scale` times the report's, to draw populations from often."""

    scenario: Scenario
    analysis: ChildrenAnalysis
    scale: float
    groups: Groups
    referrals: pd.DataFrame


def drawn_rows(scenario: Scenario, analysis: ChildrenAnalysis, *, scale: float = 1.0) -> DrawnRows:
    """A scenario's referrals, `scale` times as many as the report had."""
    draft = scaled_draft(scenario, analysis, scale)
    referrals = named_referrals(draft)
    referrals["main_need"] = main_needs(scenario, referrals, {(): np.ones(len(referrals))})
    child = recurring_children(scenario, referrals)
    referrals["child"] = child_ids(scenario, child, 0)
    dates, first = referrals["referral_date"].dt, analysis.records.years[0]
    year = (dates.year - (dates.month < analysis.records.first_month)).to_numpy(np.int64)
    rows = draft.stacked
    here = rows["kept"] & (rows["pilot"] == 1) & (rows["post"] == POST)
    return DrawnRows(
        scenario=scenario,
        analysis=analysis,
        scale=scale,
        groups=groups_of(scenario),
        referrals=referrals.astype({"child": "str", "main_need": "str"}),
        names=tuple(each.authority for each in draft.calendar),
        pilots=scenario.pilots,
        first_year=first,
        authority=draft.referrals["authority"].to_numpy(np.int64),
        year=year - first,
        treated=np.isin(np.arange(len(referrals)), rows.loc[here, "referral"]),
    )


def draw_population(rows: DrawnRows, model: DrawnModel, *, seed: int) -> Population:
    """A population whose outcomes are drawn from the model; its truth goes with it.

    Raises
    ------
    BadInput
        The model names a term that the children do not have.
    """
    outcome, truth = drawn_outcomes(rows, model, _of_child(rows, model), seed=seed)
    scenario, analysis = rows.scenario, rows.analysis
    drawn = Drawn(**asdict(model) | {"times": rows.scale})
    return Population(
        name=f"{scenario.name}-drawn",
        analysis=analysis,
        seed=seed,
        referrals=referrals_file(rows.referrals, outcome, analysis, seed=seed),
        authorities=drawn_authorities(replace(scenario, seed=seed), analysis, rows.names),
        groups=rows.groups,
        assumptions=scenario_document(replace(scenario, seed=seed, drawn=drawn)),
        truth=truth,
    )


def drawn_outcomes(
    places: Places, model: DrawnModel, child: Floats | float = 0.0, *, seed: int
) -> tuple[Floats, Truth]:
    """Outcomes of 0 and 1 from the model, and the effects that they were drawn with.

    `child`: x_i'γ, shape (referrals,).
    """

    def normal(stage: str) -> Floats:
        return np.array([stream(seed, stage, name).standard_normal() for name in places.names])

    authority = model.intercept + model.pilot * np.isin(places.names, list(places.pilots))
    authority = authority + model.authority_sd * normal("authorities")
    count = places.year.max() + 1
    years = np.array([model.years.get(places.first_year + i, 0.0) for i in range(count)])
    noise = [stream(seed, "shocks", name).standard_normal(count) for name in places.names]
    shocks = model.shock_sd * persistent(np.stack(noise), model.persistence)
    untreated = (authority[:, None] + years + shocks)[places.authority, places.year] + child
    effect = model.effect + model.effect_sd * normal("effects")
    added = np.where(places.treated, effect[places.authority], 0.0)
    before, after = (_probability(each, model) for each in (untreated, untreated + added))
    outcome = stream(seed, "outcomes").random(len(after)) < after
    return outcome.astype(np.float64), _truth(places, before, after)


def _probability(linear: Floats, model: DrawnModel) -> Floats:
    found = np.clip(linear, LOWEST, HIGHEST) if model.scale == "risk" else expit(linear)
    return np.asarray(found, dtype=np.float64)


def _truth(places: Places, before: Floats, after: Floats) -> Truth:
    """The effects behind referrals' probabilities without and with treatment."""
    risk, log_odds = after - before, logit(after) - logit(before)
    of_pilot = {
        name: places.treated & (places.authority == place)
        for place, name in enumerate(places.names)
        if name in places.pilots
    }
    return Truth(
        risk=float(risk[places.treated].mean()),
        log_odds=float(log_odds[places.treated].mean()),
        pilot_risk={name: float(risk[here].mean()) for name, here in of_pilot.items()},
        pilot_log_odds={name: float(log_odds[here].mean()) for name, here in of_pilot.items()},
    )


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
