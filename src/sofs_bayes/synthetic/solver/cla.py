"""What Table 7's unclustered, linear and lagged columns ask of a scenario's unknowns, on profiles.

The clustered logistic column is the unclustered fit; where their printed coefficients differ
(the years 2009 to 2012) no population has both, and the unclustered ones are aimed at. With
them R² (McFadden's of the logistic column), Table 3's rates before settling-in and the incidence
are met, and the printed effect within authorities; stars, and the effect without the authorities'
covariates, as far as they go together with the rest.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.frequentist.term import DID
from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.scenario import Scenario
from sofs_bayes.synthetic.solver.equations import Asked, Problem
from sofs_bayes.synthetic.solver.fits import expit
from sofs_bayes.synthetic.solver.ground import BARE, Ground, column_of, gather, referral_places
from sofs_bayes.synthetic.solver.printed import (
    Means,
    Stars,
    Target,
    printed_rates,
    printed_targets,
    r_squared,
    shares_of,
)
from sofs_bayes.synthetic.solver.search import Stage
from sofs_bayes.synthetic.solver.unknowns import lay_out

Floats = npt.NDArray[np.float64]

LINEAR = "Linear regression - clustered"
UNCLUSTERED = "Logistic regression - not clustered"
LAGGED = "Lagged treatment - logistic regression"
CLUSTERED = "Logistic regression - clustered"
FIXED = "Authority fixed effects"
COLUMNS = (LINEAR, UNCLUSTERED, LAGGED)
# Columns whose DiD is wanted as near as can be.
WITHOUT_COVARIATES = (UNCLUSTERED + BARE, FIXED + BARE)
BLOCKS = ("authority", "year", "lag")
# Rates before settling-in, and the incidence with each referral once.
RATES = (0, 1, 4)

# The linear column has hundredths, and thousandths where those are 0: its bare "0" is .000.
HALF, BARE_ZERO = 0.5, 0.0005
# Where inside the printed rounding rates aim, in half units above the printed incidence, and how
# near: below the edge, as Table 3's rates ask for more than the printed 2%.
INCIDENCE_ABOVE, NEAR = 0.7, 0.1
# The share of a tolerance that costs as much as one standard deviation of a prior.
LEEWAY = 0.25

# From a start to the printed coefficients, whose stars and wishes wait.
PATH = Stage(pull=0.0, steps=0, near=LEEWAY)
STAGES = (
    Stage(pull=1.0, steps=40, near=LEEWAY, damping=1.0, enough=2e-3),
    Stage(pull=1.0, steps=20, near=LEEWAY, stars_near=0.3, damping=1.0, enough=2e-3),
    Stage(pull=0.5, steps=60, near=LEEWAY, stars_near=0.1, damping=100.0, enough=3e-4),
    Stage(pull=0.5, steps=150, near=LEEWAY, stars_near=0.05, damping=300.0, enough=3e-4),
)

# The start's own coefficients: of the covariate that grows with the lags, of the one that takes
# up what is left, and the others' standard deviation: at 0 the equations would not move with them.
RATING, PROJECTS, REMAINDER = "ofsted", "innovation_projects", "plans_reviewed_in_time"
PROJECTS_COEFFICIENT, REMAINDER_COEFFICIENT, COEFFICIENT_SD = 0.45, 0.5, 0.15
ROUNDS, WITHIN = 100, 1e-10


def targets_of(scenario: Scenario, analysis: ChildrenAnalysis) -> tuple[Target, ...]:
    """The printed coefficients aimed at, by column, and the DiD within authorities.

    The latter is that of the logistic column, wanted with authorities' fixed effects too.
    """
    printed = printed_targets(analysis)
    found = [
        replace(each, half_unit=BARE_ZERO) if each.half_unit == HALF else each
        for column in COLUMNS
        for each in printed
        if each.column == column
    ]
    did = next(each for each in found if (each.column, each.term) == (UNCLUSTERED, DID))
    return (*found, replace(did, column=FIXED, half_unit=scenario.outcomes.within_near))


def wishes_of(scenario: Scenario, analysis: ChildrenAnalysis) -> tuple[Target, ...]:
    """The same DiD without authorities' covariates, and small coefficients of these.

    That of the rating is left out, which the printed intercept asks for.
    """
    prior, near = scenario.outcomes, scenario.authorities.coefficient_sd
    rate = (prior.pilots + prior.comparators) / 2
    names = [name for name in analysis.regressions.authority_covariates if name != RATING]
    did = targets_of(scenario, analysis)[-1]
    bare = [replace(did, column=name, half_unit=prior.bare_near) for name in WITHOUT_COVARIATES]
    small = [
        Target(column=column, term=name, value=0.0, half_unit=near * scale)
        for column in (*COLUMNS, FIXED)
        for scale in (rate if column == LINEAR else 1.0,)
        for name in names
    ]
    return (*bare, *small)


def stars_of(scenario: Scenario, analysis: ChildrenAnalysis) -> tuple[Stars, ...]:
    """The stars of all printed columns; both logistic ones are the unclustered fit."""
    clusters = len(scenario.pilots) + len(scenario.comparators)
    return tuple(
        Stars(
            fitted=UNCLUSTERED if name == CLUSTERED else name,
            targets=tuple(each for each in printed_targets(analysis) if each.column == name),
            clusters=None if name == UNCLUSTERED else clusters,
        )
        for name in (LINEAR, UNCLUSTERED, CLUSTERED, LAGGED)
    )


def asked(
    matched: pd.DataFrame, scenario: Scenario, analysis: ChildrenAnalysis, rng: np.random.Generator
) -> Asked:
    """What Table 7 asks for, from a draw of what is assumed."""
    by = (*BLOCKS, "pilot", "post", *analysis.regressions.covariates)
    ground, rows = gather(matched, analysis, scenario, by=by, blocks=BLOCKS)
    problem = problem_on(ground, scenario, analysis, rng)
    cell = rows.cell[referral_places(matched)[1]]
    return Asked(
        problem=problem,
        path=PATH,
        stages=STAGES,
        probabilities=lambda vector: problem.unknowns.point(vector).probability[cell],
        targets=problem.targets,
        r_squared=r_squared(7, UNCLUSTERED),
        rates=RATES,
        main=LINEAR,
        leads=True,
    )


def problem_on(
    ground: Ground, scenario: Scenario, analysis: ChildrenAnalysis, rng: np.random.Generator
) -> Problem:
    """The equations on profiles."""
    known = {each.name: each for each in analysis.regressions.columns}
    columns = [
        column_of(ground, analysis, known[name.removesuffix(BARE)], adjusted=name in known)
        for name in (*COLUMNS, FIXED, *WITHOUT_COVARIATES)
    ]
    prior, explained = scenario.outcomes, r_squared(7, UNCLUSTERED)
    rates, half_units = printed_rates("CLA")
    incidence = rates[2] + INCIDENCE_ABOVE * half_units[2]
    problem = Problem(
        ground=ground,
        columns=tuple(columns),
        unknowns=lay_out(ground, scenario, analysis, logistic=True, rng=rng),
        targets=targets_of(scenario, analysis),
        wishes=wishes_of(scenario, analysis),
        means=Means(
            shares=_shares(ground),
            values=np.array([prior.pilots, prior.comparators, incidence]),
            near=np.full(3, NEAR * LEEWAY * half_units[2]),
        ),
        r_squared=replace(explained, half_unit=LEEWAY * explained.half_unit),
        stars=stars_of(scenario, analysis),
    )
    return starting_problem(problem, (prior.pilots, prior.comparators), rng=rng)


def _shares(ground: Ground) -> Floats:
    """Rates before settling-in, pilots' and comparators', and the incidence, each child once."""
    pilot, post = (ground.frame[name].to_numpy(np.float64) for name in ("pilot", "post"))
    return shares_of(pilot, post, ground.weight, ground.rows, ground.once)[:, RATES]


def starting_problem(
    problem: Problem, rates: tuple[float, float], *, rng: np.random.Generator
) -> Problem:
    """The problem with a start of its unknowns from which the printed columns can be reached.

    There outcomes are as the scenario's prior draws them, with the printed effect. The lagged
    column has its printed coefficients but for what its years of settling-in share: one covariate
    takes up the difference between outcomes and what the column's terms add up to. The Ofsted
    rating enters as it is, hence the printed intercept belongs to a rating of 0: at a rate of some
    percent the rating's coefficient is about −1.6, whatever the ratings. The number of innovation
    projects takes up most of the lags, as it grows with them.

    `rates`: the outcome's rate before settling-in among pilots and among comparators.
    """
    unknowns, ground = problem.unknowns, problem.ground
    pilot, post = (ground.frame[name].to_numpy(np.float64) for name in ("pilot", "post"))
    zero = np.zeros(unknowns.size)
    logits = unknowns.part(zero, "levels")[ground.block]
    logits = logits + problem.printed(UNCLUSTERED)[DID] * pilot * post
    children = ground.own @ unknowns.part(zero, "effects")
    logits = logits + np.where(pilot == 1, *_levels(ground, logits + children, rates))
    column, values = problem.column(LAGGED), unknowns.point(zero).covariates
    printed = problem.printed(LAGGED)
    own = column.names[: column.fixed.shape[1]]
    by_print = column.fixed @ np.array([printed.get(name, 0.0) for name in own])
    names = column.names[len(own) :]
    place = {name: names.index(name) for name in (RATING, PROJECTS, REMAINDER)}
    rows = ground.by_authority_year(ground.rows)
    left = ground.by_authority_year(ground.rows * (logits - by_print)) / np.maximum(rows, 1)
    left -= PROJECTS_COEFFICIENT * values[:, place[PROJECTS]]
    others = [i for i, _ in unknowns.solved if i != place[REMAINDER]]
    entering = values - column.centred * (column.share @ values)
    left -= entering[:, others] @ (COEFFICIENT_SD * rng.standard_normal(len(others)))
    rating = values[:, place[RATING]]
    left -= rating * (rows @ left) / (rows @ rating)
    start, size = unknowns.start.copy(), len(values)
    solved = [i for i, _ in unknowns.solved].index(place[REMAINDER])
    start[solved * size : (solved + 1) * size] = left / REMAINDER_COEFFICIENT
    start[unknowns.places["levels"]] = logits[np.unique(ground.block, return_index=True)[1]]
    return replace(problem, unknowns=replace(unknowns, start=start))


def _levels(ground: Ground, logits: Floats, rates: tuple[float, float]) -> tuple[float, float]:
    """What to add to pilots' and comparators' log odds for the rates before settling-in."""
    found = []
    for rate, share in zip(rates, _shares(ground)[:, :2].T, strict=True):
        level = np.log(rate / (1 - rate)) - share @ logits
        for _ in range(ROUNDS):
            p = expit(logits + level)
            step = (rate - share @ p) / (share @ (p * (1 - p)))
            level += float(np.clip(step, -1, 1))
            if abs(step) < WITHIN:
                break
        found.append(float(level))
    return found[0], found[1]
