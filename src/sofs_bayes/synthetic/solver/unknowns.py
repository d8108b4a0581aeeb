"""What a solver may move, as one vector of standard normals, and the way from it to the cells.

The vector is 0 at a draw of the prior, and its squared length is what departing from it costs. It
moves authorities' covariates by authority and year (random walks and what all share in a year, in
units of their spread between authorities), pilots' scores (as log odds within their ranges),
coefficients of treatment terms that are not printed, the outcome's probability or its log odds by
block, and effects of the children's terms on the log odds.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.authority_frame import drawn_authorities
from sofs_bayes.synthetic.priors import (
    Solved,
    natural_units,
    outcome_covariances,
    set_covariates,
    solved_places,
    walks,
)
from sofs_bayes.synthetic.scenario import Scenario
from sofs_bayes.synthetic.solver.fits import Values, expit
from sofs_bayes.synthetic.solver.ground import SCORES, Column, Ground, summed

Floats = npt.NDArray[np.float64]

# Prior standard deviations: of a score's log odds within its range, of a coefficient that is not
# printed, of the effects of levels and of a year of age on the log odds.
SCORE_SD = 1.0
UNPRINTED_SD = 0.05
EFFECT_SD, AGE_SD = 0.1, 0.01
SCORE_DECIMALS = 6
# Log odds of single blocks, beside what authority and year share.
SEGMENT_SD = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Where a vector stands."""

    covariates: Floats  # authorities' covariates, shape (authority-years, covariates)
    # scores, slopes: score's name → the pilots' scores, and their derivatives by log odds, shape
    # (pilots,)
    scores: dict[str, Floats]
    slopes: dict[str, Floats]
    unprinted: dict[str, float]  # coefficients that are not printed, by term
    # probability, slope: of the outcome, and its derivative by a block's level, shape (cells,)
    probability: Floats
    slope: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknowns:
    """The vector's layout and prior, and the ground it belongs to."""

    ground: Ground
    # start, factor: what is moved at the vector 0, and what the vector adds: shapes (moved,),
    # (moved, size)
    start: Floats
    factor: Floats
    places: dict[str, slice]  # where each kind stands in what is moved
    given: Floats  # covariates by authority-year, those that are looked for at 0
    # For each covariate looked for: its place among the analysis' covariates and its prior
    solved: Solved
    pilots: tuple[str, ...]
    # Number of each cell's pilot, the number of pilots for comparators, shape (cells,)
    pilot: npt.NDArray[np.int64]
    ranges: dict[str, tuple[float, float]]  # lowest and highest of each score
    unprinted: tuple[str, ...]
    logistic: bool  # whether levels are log odds (else probabilities)

    @property
    def size(self) -> int:
        """How many unknowns there are."""
        return int(self.factor.shape[1])

    def part(self, vector: Floats, kind: str) -> Floats:
        """What is moved of a kind, at a vector."""
        place = self.places[kind]
        return np.asarray(self.start[place] + self.factor[place] @ vector)

    def point(self, vector: Floats) -> Point:
        """Where a vector stands."""
        covariates = self.given.copy()
        moved = self.part(vector, "covariates").reshape(len(self.solved), -1)
        covariates[:, [place for place, _ in self.solved]] = moved.T
        scores, slopes = {}, {}
        for name, log_odds in zip(SCORES, self._log_odds(vector), strict=False):
            lowest, highest = self.ranges[name]
            share = expit(log_odds)
            scores[name] = lowest + (highest - lowest) * share
            slopes[name] = (highest - lowest) * share * (1 - share)
        level = self.part(vector, "levels")[self.ground.block]
        level = level + self.ground.own @ self.part(vector, "effects")
        p = expit(level) if self.logistic else level
        return Point(
            covariates=covariates,
            scores=scores,
            slopes=slopes,
            unprinted=dict(zip(self.unprinted, self.part(vector, "unprinted"), strict=True)),
            probability=p,
            slope=p * (1 - p) if self.logistic else np.ones(len(p)),
        )

    def _log_odds(self, vector: Floats) -> Floats:
        return self.part(vector, "scores").reshape(-1, len(self.pilots))

    def terms(self, column: Column, point: Point) -> Floats:
        """A column's terms at a point."""
        scores = {name: np.append(each, 0.0)[self.pilot] for name, each in point.scores.items()}
        return column.terms(self.ground, point.covariates, scores)

    def by_vector(
        self, column: Column, point: Point, values: Values, *, outcome: bool = True
    ) -> Floats:
        """The derivatives of values by the vector, shape (values, size).

        The outcome's share is left out unless `outcome` says that it is the probabilities.
        """
        moved = np.zeros((len(self.start), len(values.found)))
        years, own = len(self.given), column.fixed.shape[1]
        if column.covariates:
            by = np.zeros((len(column.covariates), years, len(values.found)))
            for term, row in values.by_term:
                by += term[own:, None] * self.ground.by_authority_year(row)
            sums = by.sum(axis=1, keepdims=True)
            by -= (column.centred[:, None] * column.share)[:, :, None] * sums
            of = dict(zip(column.covariates, by, strict=True))
            none = np.zeros_like(by[0])
            moved[self.places["covariates"]] = np.concatenate(
                [of.get(place, none) for place, _ in self.solved]
            )
        for name, slope in column.by_score.items():
            by_cell = sum((slope @ term[:own]) * row for term, row in values.by_term)
            self._add_score(moved, point, name, np.asarray(by_cell))
        if outcome:
            self._add_outcome(moved, point, values.by_outcome)
        return np.asarray(moved.T @ self.factor)

    def _add_score(self, moved: Floats, point: Point, name: str, by_cell: Floats) -> None:
        count = len(self.pilots)
        first = self.places["scores"].start + SCORES.index(name) * count
        by_pilot = summed(self.pilot, count + 1, by_cell)[:count]
        moved[first : first + count] += by_pilot * point.slopes[name][:, None]

    def by_score(self, point: Point, name: str, by_cell: Floats) -> Floats:
        """Derivatives by a score of each cell, (cells, values), as derivatives by the vector."""
        moved = np.zeros((len(self.start), by_cell.shape[1]))
        self._add_score(moved, point, name, by_cell)
        return np.asarray(moved.T @ self.factor)

    def by_unprinted(self, name: str, slopes: Floats) -> Floats:
        """Derivatives by an unprinted coefficient, (values,), as derivatives by the vector."""
        place = self.places["unprinted"].start + self.unprinted.index(name)
        return np.outer(slopes, self.factor[place])

    def by_probability(self, point: Point, weights: Floats) -> Floats:
        """Derivatives by the vector of weighted sums of probabilities, weights (cells, values)."""
        moved = np.zeros((len(self.start), weights.shape[1]))
        self._add_outcome(moved, point, weights)
        return np.asarray(moved.T @ self.factor)

    def _add_outcome(self, moved: Floats, point: Point, by_outcome: Floats) -> None:
        by_level = by_outcome * point.slope[:, None]
        moved[self.places["levels"]] = self.ground.by_block(by_level)
        moved[self.places["effects"]] = self.ground.own.T @ by_level


def lay_out(
    ground: Ground,
    scenario: Scenario,
    analysis: ChildrenAnalysis,
    *,
    logistic: bool,
    unprinted: tuple[str, ...] = (),
    rng: np.random.Generator,
) -> Unknowns:
    """The unknowns of a scenario, at a draw of their prior.

    Levels of authorities' probabilities, and all authorities' years, begin at their mean, all else
    at the draw; where levels are log odds, all are drawn.

    `unprinted`: treatment terms of a printed column whose own coefficient is not printed.
    """
    from scipy.linalg import block_diag

    given, solved = scenario.authorities, solved_places(scenario, analysis)
    years = len(analysis.records.years)
    count = len(ground.authority_years) // years
    steps = walks(solved, count, years, given.common_sd)
    scored = any(each.treatment in SCORES for each in analysis.regressions.columns)
    scores = len(SCORES) * len(scenario.pilots) * scored
    drawn = steps @ rng.standard_normal(steps.shape[1])
    share = SCORE_SD * rng.standard_normal(scores)
    mean, levels = _levels(ground, scenario, logistic, rng)
    prior, names = scenario.outcomes, ground.names[: ground.own.shape[1]]
    effects = np.array([prior.effects.get(name, 0.0) for name in names])
    parts = {
        "covariates": (drawn, steps),
        "scores": (share, SCORE_SD * np.eye(scores)),
        "unprinted": (np.zeros(len(unprinted)), UNPRINTED_SD * np.eye(len(unprinted))),
        "levels": (mean, levels),
        "effects": (effects, np.diag([AGE_SD if name == "age" else EFFECT_SD for name in names])),
    }
    ends = np.cumsum([len(start) for start, _ in parts.values()]).tolist()
    pilot = ground.frame["authority"].map({name: i for i, name in enumerate(scenario.pilots)})
    return Unknowns(
        ground=ground,
        start=np.concatenate([start for start, _ in parts.values()]),
        factor=block_diag(*(factor for _, factor in parts.values())),
        places={
            name: slice(first, last)
            for name, first, last in zip(parts, [0, *ends], ends, strict=False)
        },
        given=set_covariates(ground.authority_years, analysis, scenario),
        solved=solved,
        pilots=scenario.pilots,
        pilot=pilot.fillna(len(scenario.pilots)).to_numpy(np.float64).astype(np.int64),
        ranges={
            name: (bounds.lowest, bounds.highest)
            for name, bounds in zip(SCORES, (given.quality, given.embeddedness), strict=True)
        },
        unprinted=unprinted,
        logistic=logistic,
    )


def _levels(
    ground: Ground, scenario: Scenario, logistic: bool, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Levels of blocks at the start, and what standard normals add to them."""
    prior = scenario.outcomes
    shared, own = outcome_covariances(prior, ground.blocks)
    if logistic:
        scale = 1 - (prior.pilots + prior.comparators) / 2
        covariance = (shared + own) / scale**2 + SEGMENT_SD**2 * np.eye(len(own))
        factor = np.linalg.cholesky(covariance)
        return factor @ rng.standard_normal(len(factor)), factor
    pilot = ground.blocks["authority"].isin(scenario.pilots).to_numpy()
    mean = np.where(pilot, prior.pilots, prior.comparators)
    own = (own + prior.quarter_sd**2 * np.eye(len(mean))) * np.outer(mean, mean)
    start = mean + np.linalg.cholesky(own) @ rng.standard_normal(len(mean))
    return start, np.linalg.cholesky(shared * np.outer(mean, mean) + own)


def authorities_frame(
    unknowns: Unknowns, vector: Floats, scenario: Scenario, analysis: ChildrenAnalysis
) -> pd.DataFrame:
    """The pilots and comparators in the file of authorities, at a vector, in natural units.

    What enters none of the columns is drawn.
    """
    point, frame = unknowns.point(vector), unknowns.ground.authority_years
    drawn = drawn_authorities(scenario, analysis, frame["authority"].unique().tolist())
    found = frame.merge(drawn, on=["authority", "year"], validate="one_to_one")
    for place, prior in unknowns.solved:
        found[prior.name] = natural_units(point.covariates[:, place], prior)
    for name, scores in point.scores.items():
        of_pilot = dict(zip(unknowns.pilots, scores.round(SCORE_DECIMALS).tolist(), strict=True))
        found[name] = found["authority"].map(of_pilot).fillna(0.0)
    return found
