"""What Tables 5 and 6 ask of a scenario's unknowns, on cells by group, authority and quarter.

With the printed coefficients go the stars, R², Table 3's rates before settling-in and the
incidence. As many populations would do, one is wanted whose authorities move as real ones do, and
on which the printed DiD holds within authorities and in a hierarchical model, as far as its
scenario asks for it.

Most printed coefficients do not depend on outcomes alone. Columns that share regressors S and
differ in U are tied: whatever the outcome, b_S,c − b_S,linear are the coefficients of
U_linear b_linear − U_c b_c on S. These ties restrict the design; beside the coefficients themselves
they are redundant at the solution, but lead to it, as a coefficient's derivatives by the design
vanish where residuals do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.frequentist.term import DID, PILOT, since_name
from sofs_bayes.frequentist.terms import child_terms
from sofs_bayes.spec import ChildrenAnalysis, Regression
from sofs_bayes.synthetic.scenario import FixedModel, Scenario
from sofs_bayes.synthetic.solver.equations import Asked, Place, Problem, constant_outcome, together
from sofs_bayes.synthetic.solver.fits import coefficient_values, expit, fit
from sofs_bayes.synthetic.solver.ground import BARE, Column, Ground, Rows, column_of, gather
from sofs_bayes.synthetic.solver.printed import (
    Means,
    Stars,
    Target,
    printed_rates,
    printed_targets,
    r_squared,
    shares_of,
)
from sofs_bayes.synthetic.solver.search import Misses, Stage
from sofs_bayes.synthetic.solver.unknowns import Point, Unknowns, lay_out

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

LINEAR = "Linear model"
CELLS = ("group", "authority", "pilot", "post", "year", "years_since", "quarter")
BLOCKS = ("authority", "quarter", "year")
# The last year since settling-in, which only pilot 4 has: a term without a printed row.
UNPRINTED = (since_name(3),)
# Treatments whose terms hold the pilot difference and the DiD as combinations.
NESTING = ("lags", "practice model", "ofsted")

# Probabilities that a search passes through may be none.
LOWEST, HIGHEST = 1e-3, 0.9
# Steps of Newton's method for a block's level; twice as many as were ever needed.
LEVEL_STEPS = 12
# How near means of probabilities and R² are wanted on the way, and the DiD within authorities, of
# how near that is in the end.
MEANS_NEAR, EXPLAINED_NEAR, WITHIN_SHARE = 1e-3, 3e-4, 0.15
# How near coefficients are in the end, before outcomes are rounded; a printed half unit is 5e-5.
# What is left of them is met by outcomes, but not what is left of ties.
COEFFICIENTS_WITHIN, TIES_WITHIN = 1e-3, 5e-6

STAGES = (
    Stage(pull=1.0, steps=40, near=1e-3, explained=False, hopeless=1500),
    Stage(pull=0.1, steps=40, near=1e-3, explained=False),
    Stage(pull=1.0, steps=40, near=1e-3, explained=False),
    Stage(pull=0.3, steps=40, near=1e-3, stars_near=0.3, damping=1.0),
    Stage(pull=1.0, steps=40, near=3e-4, stars_near=0.1, damping=1.0),
)
POLISH = Stage(pull=0.3, steps=15, near=5e-5, stars_near=0.05, damping=1.0, enough=1e-4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Children:
    """Matched rows and referrals, and how children's covariates move outcomes."""

    rows: Rows  # rows, place: the matched rows, and which referral (in ascending order) each is of
    place: Integers
    # effect, block: of each referral: log odds of its covariates, its authority's quarter;
    # (referrals,)
    effect: Floats
    block: Integers

    @classmethod
    def of(
        cls,
        matched: pd.DataFrame,
        ground: Ground,
        rows: Rows,
        analysis: ChildrenAnalysis,
        scenario: Scenario,
    ) -> Self:
        """The children of matched rows."""
        first, place = np.unique(matched["referral"], return_index=True, return_inverse=True)[1:]
        terms = child_terms(matched.iloc[first], analysis)
        effects = [scenario.outcomes.effects.get(str(name), 0.0) for name in terms.columns]
        return cls(
            rows=rows,
            place=place.astype(np.int64),
            effect=terms.to_numpy(np.float64) @ np.array(effects),
            block=ground.block[rows.cell[first]],
        )

    def probabilities(self, mean: Floats) -> Floats:
        """Probabilities of referrals whose means by block are given, shape (referrals,)."""
        size = np.bincount(self.block, minlength=len(mean))
        level = np.log(mean) - np.log1p(-mean)
        for _ in range(LEVEL_STEPS):
            found = expit(level[self.block] + self.effect)
            missing = mean - np.bincount(self.block, found, minlength=len(mean)) / size
            slope = np.bincount(self.block, found * (1 - found), minlength=len(mean)) / size
            level = level + missing / slope
        return expit(level[self.block] + self.effect)

    def added(self, problem: Problem, vector: Floats) -> Problem:
        """The problem with what covariates add where the probabilities are a vector's.

        Effects on the log odds are larger in probability where outcomes are frequent, and so not
        quite the same everywhere.
        """
        mean = np.clip(problem.unknowns.part(vector, "levels"), LOWEST, HIGHEST)
        beyond = self.probabilities(mean) - mean[self.block]
        return replace(problem, children=self.rows.outcome(beyond[self.place]))


def asked(
    matched: pd.DataFrame, scenario: Scenario, analysis: ChildrenAnalysis, rng: np.random.Generator
) -> Asked:
    """What Tables 5 and 6 ask for, from a draw of what is assumed."""
    ground, rows = gather(matched, analysis, scenario, by=CELLS, blocks=BLOCKS)
    children = Children.of(matched, ground, rows, analysis, scenario)
    unknowns = lay_out(ground, scenario, analysis, logistic=False, unprinted=UNPRINTED, rng=rng)
    problem = problem_on(rows, unknowns, scenario, analysis)
    within, near = fixed_effects(analysis).name, scenario.outcomes.within_near
    did = next(each for each in problem.targets if each.term == DID)
    return Asked(
        problem=problem,
        stages=STAGES,
        polish=POLISH,
        renewed=children.added,
        near_enough=near_enough,
        probabilities=lambda vector: children.probabilities(unknowns.part(vector, "levels")),
        targets=(
            *printed_targets(analysis),
            *(replace(did, column=name, half_unit=near) for name in (within, within + BARE)),
        ),
        r_squared=r_squared(5, LINEAR),
        rates=(0, 1, 2, 3, 4),
        main=LINEAR,
        leads=False,
    )


def problem_on(
    rows: Rows, unknowns: Unknowns, scenario: Scenario, analysis: ChildrenAnalysis
) -> Problem:
    """The printed columns on cells, without what children's covariates add."""
    ground, prior, targets = unknowns.ground, scenario.outcomes, printed_targets(analysis)
    names = {each.column for each in targets}
    columns = [
        column_of(ground, analysis, each)
        for each in analysis.regressions.columns
        if each.name in names
    ]
    within = [
        column_of(ground, analysis, fixed_effects(analysis), adjusted=each)
        for each in (True, False)
    ]
    if prior.model is not None:
        within.append(posterior_column(rows, columns[0], unknowns, prior.model))
    did = next(each for each in targets if each.term == DID)
    near, small = WITHIN_SHARE * prior.within_near, scenario.authorities.coefficient_sd
    wishes = [replace(did, column=each.name, half_unit=near) for each in within]
    for term in columns[0].names[columns[0].fixed.shape[1] :]:
        wishes.append(Target(column=LINEAR, term=term, value=0.0, half_unit=small))
    incidence = [printed_rates("ICPC")[0][2]] * 3
    pilot, post = (ground.frame[name].to_numpy(np.float64) for name in ("pilot", "post"))
    return Problem(
        ground=ground,
        columns=(*columns, *within),
        unknowns=unknowns,
        targets=tuple(replace(each, half_unit=1.0) for each in targets),
        wishes=tuple(wishes),
        means=Means(
            shares=shares_of(pilot, post, ground.weight, ground.rows, ground.once),
            values=np.array([prior.pilots, prior.comparators, *incidence]),
            near=np.full(5, MEANS_NEAR),
        ),
        r_squared=replace(r_squared(5, LINEAR), half_unit=EXPLAINED_NEAR),
        stars=tuple(stars_of(targets, each, ground) for each in columns),
        ties=ties,
        bounds=(prior.lowest, prior.highest),
    )


def stars_of(targets: Sequence[Target], column: Column, ground: Ground) -> Stars:
    """The printed stars of a column."""
    return Stars(
        fitted=column.name,
        targets=tuple(each for each in targets if each.column == column.name),
        clusters=len(np.unique(ground.authority[column.included == 1])),
        as_printed=True,
    )


def fixed_effects(analysis: ChildrenAnalysis) -> Regression:
    """The column with authorities' fixed effects."""
    return next(each for each in analysis.regressions.columns if each.authorities == "fixed")


def posterior_column(rows: Rows, linear: Column, unknowns: Unknowns, model: FixedModel) -> Column:
    """The linear column with effects of authorities, of their years, and of each pilot.

    A hierarchical model at given standard deviations: with normal priors its posterior mean is
    least squares with a penalty, hence a sum over outcomes as any coefficient is. Weights are
    taken to sum to the rows' effective size. The prior of a scaled covariate's coefficient goes
    by the covariate's spread over rows at the unknowns' start.
    """
    from scipy.linalg import block_diag

    ground, first = unknowns.ground, linear.fixed.shape[1]
    places, pilots = ground.authority_years, len(unknowns.pilots)
    authorities, years = places["authority"].nunique(), np.sort(places["year"].unique())
    of_year = np.eye(len(places))[ground.authority_year]
    levels = of_year @ np.kron(np.eye(authorities), np.ones((len(years), 1)))
    of_pilot = np.eye(pilots + 1)[unknowns.pilot, :pilots]
    did = linear.fixed[:, linear.at([DID])]
    added = np.column_stack([levels, of_year, of_pilot * did])
    values = unknowns.point(np.zeros(unknowns.size)).covariates[:, linear.covariates]
    spread = np.sqrt(linear.share @ (values - linear.share @ values) ** 2) ** linear.centred
    shocks = model.persistence ** np.abs(np.subtract.outer(years, years))
    precision = block_diag(
        np.zeros((first, first)),
        np.eye(authorities) / model.authority_sd**2,
        np.kron(np.eye(authorities), np.linalg.inv(shocks)) / model.shock_sd**2,
        np.eye(pilots) / model.pilot_effect_sd**2,
        np.diag((spread / model.coefficient_sd) ** 2),
    )
    effective = rows.weight.sum() / (rows.weight**2).sum()
    effects = [f"effect {i}" for i in range(added.shape[1])]
    return replace(
        linear,
        name="posterior mean",
        names=(*linear.names[:first], *effects, *linear.names[first:]),
        fixed=np.column_stack([linear.fixed, added]),
        by_score={},
        penalty=precision * model.residual_sd**2 / effective,
    )


# ------------------------------------------------------------------- whatever the outcome


def ties(problem: Problem, point: Point) -> Misses:
    """What is missing in the equations that hold whatever the outcome, and derivatives.

    For every printed column on all rows but the first, linear one.
    """
    linear = problem.columns[0]
    others = [
        each
        for each in problem.columns[1:]
        if problem.printed(each.name) and not each.regression.without
    ]
    parts = [
        (_nested if each.regression.treatment in NESTING else _apart)(problem, point, linear, each)
        for each in others
    ]
    return together(parts)


def _nested(problem: Problem, point: Point, linear: Column, column: Column) -> Misses:
    """A column whose terms U hold the linear column's: regress U b on the linear column's."""
    unknowns = problem.unknowns
    first, own = problem.printed(linear.name), problem.printed(column.name)
    treatment = [name for name in column.names if name not in set(linear.names) - {PILOT, DID}]
    places = column.at(treatment)
    coefficients = own | point.unprinted
    terms = unknowns.terms(column, point)[:, places]
    outcome = terms @ np.array([coefficients[name] for name in treatment])
    wanted = {
        name: each - (0.0 if name in (PILOT, DID) else own[name]) for name, each in first.items()
    }
    missed, slopes, by_outcome = _regressed(problem, point, linear, outcome, wanted)
    for name in set(treatment) & set(unknowns.unprinted):
        slopes += unknowns.by_unprinted(name, by_outcome.T @ terms[:, treatment.index(name)])
    return missed, slopes


def _apart(problem: Problem, point: Point, linear: Column, column: Column) -> Misses:
    """A column with other terms: regress U_linear b_linear − U b on what both share."""
    unknowns, effect = problem.unknowns, (PILOT, DID)
    first, own = problem.printed(linear.name), problem.printed(column.name)
    treatment = [name for name in column.names if name not in set(linear.names) - {*effect}]
    places, weights = column.at(treatment), np.array([own[name] for name in treatment])
    theirs = unknowns.terms(column, point)[:, places] @ weights
    ours = linear.fixed[:, linear.at(effect)] @ np.array([first[name] for name in effect])
    wanted = {name: own[name] - first[name] for name in first if name not in effect}
    missed, slopes, by_outcome = _regressed(
        problem, point, linear.without(effect), ours - theirs, wanted
    )
    for name, slope in column.by_score.items():
        by_cell = -by_outcome * (slope[:, places] @ weights)[:, None]
        slopes += unknowns.by_score(point, name, by_cell)
    return missed, slopes


def _regressed(
    problem: Problem, point: Point, column: Column, outcome: Floats, wanted: dict[str, float]
) -> tuple[Floats, Floats, Floats]:
    """What the regression of cells' values misses, derivatives by the vector and by the values."""
    unknowns, ground = problem.unknowns, problem.ground
    found = fit(
        column.regressors(ground, unknowns.terms(column, point)), constant_outcome(ground, outcome)
    )
    values = coefficient_values(found, column.at(list(wanted)))
    slopes = unknowns.by_vector(column, point, values, outcome=False)
    return values.found - np.array(list(wanted.values())), slopes, values.by_outcome


def near_enough(place: Place) -> bool:
    """Whether outcomes can do the rest."""
    off, tied = np.abs(place.targets[0]).max(), np.abs(place.ties[0]).max()
    return bool(off <= COEFFICIENTS_WITHIN and tied <= TIES_WITHIN)
