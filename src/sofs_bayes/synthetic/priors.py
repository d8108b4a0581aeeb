"""A scenario's priors → covariances: of authorities' covariates over the years, of outcomes."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.scenario import AuthorityPrior, OutcomePrior, Scenario

Floats = npt.NDArray[np.float64]
Solved = tuple[tuple[int, AuthorityPrior], ...]

SET = ("ofsted", "innovation_projects")


def solved_places(scenario: Scenario, analysis: ChildrenAnalysis) -> Solved:
    """Of each authority covariate that is looked for: its place in regressions, and its prior."""
    names = analysis.regressions.authority_covariates
    priors = {prior.name: prior for prior in scenario.authorities.solved}
    return tuple((i, priors[name]) for i, name in enumerate(names) if name in priors)


def grid(scenario: Scenario, analysis: ChildrenAnalysis) -> pd.DataFrame:
    """authority, year: every pilot and comparator in every year of the analysis."""
    pairs = [
        (authority, year)
        for authority in (*scenario.pilots, *scenario.comparators)
        for year in analysis.records.years
    ]
    return pd.DataFrame(pairs, columns=["authority", "year"])


def walks(solved: Solved, authorities: int, years: int, common: float) -> Floats:
    """Standard normals → random walks over the years, in units of the spread of authorities.

    Beside its walk each authority has what all share in a year, with standard deviation `common`.
    Shape (covariates x authorities x years, normals).
    """
    from scipy.linalg import block_diag

    blocks = []
    for _, prior in solved:
        steps = np.tril(np.full((years, years), prior.walk_sd / prior.between_sd))
        steps[:, 0] = 1.0
        own = np.kron(np.eye(authorities), steps)
        shared = np.kron(np.ones((authorities, 1)), common * np.eye(years))
        blocks.append(np.hstack([own, shared]))
    return np.asarray(block_diag(*blocks), dtype=np.float64)


def outcome_covariances(prior: OutcomePrior, places: pd.DataFrame) -> tuple[Floats, Floats]:
    """Covariance of levels and common years, and of shocks, in shares of the mean.

    `places`: authority and year of each outcome that is looked for.
    """
    authority, year = places["authority"].to_numpy(str), places["year"].to_numpy(np.float64)
    gap, same = np.abs(year[:, None] - year), authority[:, None] == authority
    level = prior.authority_sd / prior.levels_held
    shared = level**2 * same + prior.year_sd**2 * (gap == 0)
    return shared, prior.authority_year_sd**2 * prior.persistence**gap * same


def by_authority_year(
    frame: pd.DataFrame, analysis: ChildrenAnalysis, values: dict[str, tuple[int, ...]]
) -> Floats:
    """Values that a scenario gives by authority and year, by row of a frame."""
    first = analysis.records.years.index
    return np.array(
        [
            float(values[authority][first(year)])
            for authority, year in zip(frame["authority"], frame["year"], strict=True)
        ]
    )


def set_covariates(frame: pd.DataFrame, analysis: ChildrenAnalysis, scenario: Scenario) -> Floats:
    """The authority covariates that the scenario sets, 0 for the others, by row of a frame."""
    names = analysis.regressions.authority_covariates
    values = np.zeros((len(frame), len(names)))
    for name in set(SET) & set(names):
        given = getattr(scenario.authorities, name)
        values[:, names.index(name)] = by_authority_year(frame, analysis, given)
    return values


def natural_units(values: Floats, prior: AuthorityPrior) -> Floats:
    """A covariate in its own unit.

    One that enters regressions at mean 0 and sd 1 may have any unit and origin: it is put at its
    prior's mean, with its prior's spread or what keeps it in its range.
    """
    centred = values - values.mean()
    spread = min(
        prior.between_sd,
        (prior.highest - prior.mean) / centred.max(),
        (prior.mean - prior.lowest) / -centred.min(),
    )
    natural = (prior.mean + spread * centred).round(prior.decimals)
    return np.asarray(natural.clip(prior.lowest, prior.highest), dtype=np.float64)
