"""What the solver of the logistic columns may move, as one vector of standard normals.

In the order of the vector: authorities' covariates by authority and year (random walks, in
units of their spread between authorities), log odds of the outcome by authority, year and year
since settling-in, effects of the children's covariates on the log odds. The vector is 0 at the
prior's draw, and its squared length is what departing from it costs.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.cla_fits import Slopes
from sofs_bayes.synthetic.cla_profiles import Profiles
from sofs_bayes.synthetic.scenario import AuthorityPrior, Scenario

Floats = npt.NDArray[np.float64]

SET = ("ofsted", "innovation_projects")
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
    scaled
        Whether each enters at mean 0 and sd 1, shape (covariates,).
    solved
        Of each covariate looked for: its place and its prior.
    walks
        Of each: steps → its years' values, in units of its spread, shape (years, years).
    covariates_start
        Shape (covariates, authority-years); set ones as the scenario has them.
    rows
        Matched rows by authority and year, over which covariates are standardised.
    logit_start, logit_factor
        Log odds at the vector 0, shape (segments,), and what the vector adds to them, shape
        (segments, segments).
    effect_start, effect_sd
        Of the child terms, shape (child terms,).
    """

    authority_years: pd.DataFrame
    covariates: tuple[str, ...]
    scaled: npt.NDArray[np.bool_]
    solved: tuple[tuple[int, AuthorityPrior], ...]
    walks: tuple[Floats, ...]
    covariates_start: Floats
    rows: Floats
    logit_start: Floats
    logit_factor: Floats
    effect_start: Floats
    effect_sd: Floats

    @property
    def size(self) -> int:
        """How many unknowns there are."""
        blocks = len(self.solved) * len(self.authority_years)
        return blocks + len(self.logit_start) + len(self.effect_start)

    def values(self, vector: Floats) -> Floats:
        """The authorities' covariates in units of their spread, (covariates, authority-years)."""
        found = self.covariates_start.copy()
        count = len(self.authority_years)
        for i, ((place, _), walk) in enumerate(zip(self.solved, self.walks, strict=True)):
            steps = vector[i * count : (i + 1) * count].reshape(-1, len(walk))
            found[place] += (steps @ walk.T).ravel()
        return found

    def entering(self, values: Floats) -> Floats:
        """Values as they enter regressions, shape (authority-years, covariates)."""
        mean, spread = self._moments(values)
        return ((values - mean[:, None]) / spread[:, None]).T

    def _moments(self, values: Floats) -> tuple[Floats, Floats]:
        share = self.rows / self.rows.sum()
        mean = values @ share
        spread = np.sqrt((values - mean[:, None]) ** 2 @ share)
        return np.where(self.scaled, mean, 0.0), np.where(self.scaled, spread, 1.0)

    def probability(self, vector: Floats, profiles: Profiles) -> Floats:
        """Outcome probabilities, shape (profiles,)."""
        first = len(self.solved) * len(self.authority_years)
        last = first + len(self.logit_start)
        logits = self.logit_start + self.logit_factor @ vector[first:last]
        effects = self.effect_start + self.effect_sd * vector[last:]
        return 1 / (1 + np.exp(-logits[profiles.segment] - profiles.child @ effects))

    def by_vector(self, slopes: Slopes, values: Floats) -> Floats:
        """Derivatives by the vector, shape (values, size)."""
        _, spread = self._moments(values)
        share = self.rows / self.rows.sum()
        years = len(self.walks[0]) if self.walks else 1
        blocks = []
        for (place, _), walk in zip(self.solved, self.walks, strict=True):
            by = slopes.by_covariate[:, place] / spread[place]
            # Standardised covariates move against the mean; their scale is their coefficient's.
            by = by - by.sum(axis=1, keepdims=True) * share
            blocks.append((by.reshape(len(by), -1, years) @ walk).reshape(len(by), -1))
        blocks += [slopes.by_logit @ self.logit_factor, slopes.by_effect * self.effect_sd]
        return np.hstack(blocks)


def grid(scenario: Scenario, analysis: ChildrenAnalysis) -> pd.DataFrame:
    """authority, year: every pilot and comparator in every year of the analysis."""
    return pd.DataFrame(
        [
            (authority, year)
            for authority in (*scenario.pilots, *scenario.comparators)
            for year in analysis.records.years
        ],
        columns=["authority", "year"],
    )


def lay_out(
    scenario: Scenario,
    analysis: ChildrenAnalysis,
    profiles: Profiles,
    *,
    rng: np.random.Generator,
) -> Unknowns:
    """The unknowns of a scenario, at a draw of their prior; log odds at 0 but for that draw."""
    authority_years = grid(scenario, analysis)
    names = analysis.regressions.authority_covariates
    priors = {prior.name: prior for prior in scenario.authorities.solved}
    solved = tuple((i, priors[name]) for i, name in enumerate(names) if name in priors)
    years = len(analysis.records.years)
    values = np.zeros((len(names), len(authority_years)))
    for name in SET:
        if name in names:
            by_authority = getattr(scenario.authorities, name)
            values[names.index(name)] = [
                value
                for authority in (*scenario.pilots, *scenario.comparators)
                for value in by_authority[authority]
            ]
    walks = []
    for place, prior in solved:
        steps = np.tril(np.full((years, years), prior.walk_sd / prior.between_sd))
        steps[:, 0] = 1.0
        walks.append(steps)
        normals = rng.standard_normal((len(authority_years) // years, years))
        values[place] = (normals @ steps.T).ravel()
    factor = np.linalg.cholesky(_logit_covariance(scenario, profiles.segments))
    shared = factor @ rng.standard_normal(len(factor))
    effects = scenario.outcomes.effects
    child = profiles.child_names
    return Unknowns(
        authority_years=authority_years,
        covariates=names,
        scaled=np.array([name not in analysis.regressions.unscaled for name in names]),
        solved=solved,
        walks=tuple(walks),
        covariates_start=values,
        rows=profiles.to_authority_year @ profiles.frame["rows"].to_numpy(np.float64),
        logit_start=shared,
        logit_factor=factor,
        effect_start=np.array([effects.get(name, 0.0) for name in child]),
        effect_sd=np.array([AGE_SD if name == "age" else EFFECT_SD for name in child]),
    )


def _logit_covariance(scenario: Scenario, segments: pd.DataFrame) -> Floats:
    """The scenario's standard deviations, shares of probabilities, on log odds."""
    prior = scenario.outcomes
    rate = (prior.pilots + prior.comparators) / 2
    covariance = np.eye(len(segments)) * SEGMENT_SD**2
    for keys, deviation in (
        (["authority"], prior.authority_sd / prior.levels_held),
        (["authority", "year"], prior.authority_year_sd),
        (["year"], prior.year_sd),
    ):
        number = segments.groupby(keys).ngroup().to_numpy()
        covariance += (deviation / (1 - rate)) ** 2 * (number[:, None] == number)
    return covariance
