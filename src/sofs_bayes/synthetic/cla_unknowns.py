"""What the solver of the logistic columns may move, as one vector of standard normals.

In the order of the vector: authorities' covariates by authority and year (random walks and what
all share in a year, in units of their spread between authorities), log odds of the outcome by
authority, year and year since settling-in, effects of the children's covariates on the log odds.
The vector is 0 at the start, and its squared length is what departing from it costs.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.cla_fits import Slopes, expit
from sofs_bayes.synthetic.cla_profiles import Profiles
from sofs_bayes.synthetic.priors import (
    Solved,
    grid,
    outcome_covariances,
    set_covariates,
    solved_places,
    walks,
)
from sofs_bayes.synthetic.scenario import Scenario

Floats = npt.NDArray[np.float64]

# Log odds of single segments (a year of an authority before and after a new year since
# settling-in), beside what authority and year share.
SEGMENT_SD = 0.05
# Effects of levels, and of a year of age, on the log odds.
EFFECT_SD = 0.1
AGE_SD = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknowns:
    """The vector's layout and prior.

    Parameters
    ----------
    authority_years
        authority, year: each authority's years in order.
    covariates
        The authorities' covariates of the regressions, in their order.
    centred
        1 for those that enter at mean 0, else 0, shape (covariates,).
    solved
        Of each covariate looked for: its place and its prior.
    walks
        Standard normals → the covariates looked for, one after the other, in units of their
        spread, shape (solved x authority-years, normals).
    covariates_start
        Shape (covariates, authority-years); set ones as the scenario has them.
    rows
        Matched rows by authority and year, over which covariates are centred.
    logit_start, logit_factor
        Log odds at the vector 0, shape (segments,), and what the vector adds to them, shape
        (segments, segments).
    effect_start, effect_sd
        Of the child terms, shape (child terms,).
    """

    authority_years: pd.DataFrame
    covariates: tuple[str, ...]
    centred: Floats
    solved: Solved
    walks: Floats
    covariates_start: Floats
    rows: Floats
    logit_start: Floats
    logit_factor: Floats
    effect_start: Floats
    effect_sd: Floats

    @property
    def size(self) -> int:
        """How many unknowns there are."""
        return self.logits_from + len(self.logit_start) + len(self.effect_start)

    @property
    def logits_from(self) -> int:
        """Where the log odds begin in the vector."""
        return int(self.walks.shape[1])

    @property
    def outcome_from(self) -> int:
        """Where probabilities begin in the vector: it has none."""
        return self.size

    @property
    def start(self) -> Floats:
        """The vector at the start."""
        return np.zeros(self.size)

    @property
    def precision(self) -> Floats:
        """Of its prior."""
        return np.eye(self.size)

    def values(self, vector: Floats) -> Floats:
        """The authorities' covariates in units of their spread, (covariates, authority-years)."""
        found = self.covariates_start.copy()
        moved = (self.walks @ vector[: self.logits_from]).reshape(len(self.solved), -1)
        found[[place for place, _ in self.solved]] += moved
        return found

    def entering(self, values: Floats) -> Floats:
        """Values as they enter regressions, shape (authority-years, covariates).

        Dividing by a standard deviation is left out: it changes no coefficient but the
        covariate's own.
        """
        return (values - (self.centred * (values @ self._share))[:, None]).T

    @property
    def _share(self) -> Floats:
        return self.rows / self.rows.sum()

    def log_odds(self, vector: Floats) -> tuple[Floats, Floats]:
        """Log odds by segment, and effects of the child terms on them."""
        last = self.size - len(self.effect_start)
        return (
            self.logit_start + self.logit_factor @ vector[self.logits_from : last],
            self.effect_start + self.effect_sd * vector[last:],
        )

    def probability(self, vector: Floats, profiles: Profiles) -> Floats:
        """Outcome probabilities, shape (profiles,)."""
        logits, effects = self.log_odds(vector)
        return expit(logits[profiles.segment] + profiles.child @ effects)

    def by_vector(self, slopes: Slopes) -> Floats:
        """Derivatives by the vector, shape (values, size)."""
        places = [place for place, _ in self.solved]
        by = slopes.by_covariate[:, places]
        moved = self.centred[places][:, None] * by.sum(axis=2, keepdims=True)
        by_value = (by - moved * self._share).reshape(len(by), -1)
        return np.hstack(
            [
                by_value @ self.walks,
                slopes.by_logit @ self.logit_factor,
                slopes.by_effect * self.effect_sd,
            ]
        )


def lay_out(
    scenario: Scenario,
    analysis: ChildrenAnalysis,
    profiles: Profiles,
    *,
    rng: np.random.Generator,
) -> Unknowns:
    """The unknowns of a scenario, at a draw of their prior; log odds at 0 but for that draw."""
    authority_years, solved = grid(scenario, analysis), solved_places(scenario, analysis)
    names = analysis.regressions.authority_covariates
    years = len(analysis.records.years)
    common = scenario.authorities.common_sd
    steps = walks(solved, len(authority_years) // years, years, common)
    values = set_covariates(authority_years, analysis, scenario).T
    drawn = (steps @ rng.standard_normal(steps.shape[1])).reshape(len(solved), -1)
    values[[place for place, _ in solved]] = drawn
    prior = scenario.outcomes
    shared, own = outcome_covariances(prior, profiles.segments)
    scale = 1 - (prior.pilots + prior.comparators) / 2
    covariance = (shared + own) / scale**2 + SEGMENT_SD**2 * np.eye(len(shared))
    factor = np.linalg.cholesky(covariance)
    child = profiles.child_names
    return Unknowns(
        authority_years=authority_years,
        covariates=names,
        centred=np.array([float(name not in analysis.regressions.unscaled) for name in names]),
        solved=solved,
        walks=steps,
        covariates_start=values,
        rows=profiles.to_authority_year @ profiles.frame["rows"].to_numpy(np.float64),
        logit_start=factor @ rng.standard_normal(len(factor)),
        logit_factor=factor,
        effect_start=np.array([prior.effects.get(name, 0.0) for name in child]),
        effect_sd=np.array([AGE_SD if name == "age" else EFFECT_SD for name in child]),
    )
