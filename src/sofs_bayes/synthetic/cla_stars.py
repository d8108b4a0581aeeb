"""Standard errors of logistic and linear fits ↔ printed stars, with derivatives.

Clustered errors are CR1, on authorities. What the curvature of a logistic fit adds to the
derivatives is left out: they lead there all the same.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sofs_bayes.synthetic.cla_fits import Fit, Slopes, by_authority_year
from sofs_bayes.synthetic.cla_profiles import Column, Profiles
from sofs_bayes.synthetic.printed_stars import MARGIN, log_ranges

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stars:
    """The stars of a printed column: its terms in order, and how many each has.

    Parameters
    ----------
    fitted
        The column that is fitted for it: two columns that differ in their errors are one fit.
    clusters
        How many authorities errors are clustered on; None: they are not.
    """

    fitted: str
    terms: tuple[str, ...]
    stars: tuple[int, ...]
    clusters: int | None

    def misses(
        self, coefficients: Floats, errors: Floats, margin: float = MARGIN
    ) -> tuple[Floats, int]:
        """How far log |t| lies outside the stars' ranges, and how many stars are not as printed.

        `errors` are logarithms. The ranges are narrowed by the margin for the first.
        """
        log_t = np.log(np.abs(coefficients)) - errors
        lowest, highest = log_ranges(self.stars, self.clusters, 0.0)
        wrong = int(np.count_nonzero((log_t <= lowest) | (log_t >= highest)))
        lowest, highest = log_ranges(self.stars, self.clusters, margin)
        return np.minimum(log_t - lowest, 0.0) + np.maximum(log_t - highest, 0.0), wrong


def log_errors(
    stars: Stars, column: Column, fit: Fit, profiles: Profiles, outcome: Floats
) -> tuple[Floats, Slopes]:
    """Logarithms of a column's standard errors, and their derivatives."""
    chosen = [column.names.index(term) for term in stars.terms]
    covariates = len(column.names) - column.own.shape[1]
    if stars.clusters is None:
        return _own(fit, chosen, profiles, outcome, covariates)
    shares = _shares(fit, chosen, profiles, outcome)
    moved = shares.by_outcome(fit, profiles) * (outcome * (1 - outcome))[:, None]
    return shares.log_errors, Slopes(
        by_logit=np.asarray((profiles.to_segment @ moved).T, dtype=np.float64),
        by_effect=moved.T @ profiles.child,
        by_covariate=_by_covariate(shares, fit, profiles, outcome, covariates),
    )


def errors_by_outcome(
    stars: Stars, column: Column, fit: Fit, profiles: Profiles, outcome: Floats
) -> tuple[Floats, Floats]:
    """Logarithms of clustered errors, and derivatives by outcomes, shape (profiles, terms)."""
    chosen = [column.names.index(term) for term in stars.terms]
    shares = _shares(fit, chosen, profiles, outcome)
    return shares.log_errors, shares.by_outcome(fit, profiles)


def _own(
    fit: Fit, chosen: list[int], profiles: Profiles, outcome: Floats, covariates: int
) -> tuple[Floats, Slopes]:
    """Logarithms of the errors that the information matrix gives; outcomes hardly move them."""
    rows, squares = fit.inverse[:, chosen], np.diag(fit.inverse)[chosen]
    _, reach = by_authority_year(fit, profiles, outcome)
    own = rows[len(rows) - covariates :] / squares
    return 0.5 * np.log(squares), Slopes(
        by_logit=np.zeros((len(chosen), len(profiles.segments))),
        by_effect=np.zeros((len(chosen), len(profiles.child_names))),
        by_covariate=-np.einsum("kc,ac->cka", own, reach @ rows),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shares:
    """Authorities' shares of chosen coefficients' errors, as `cell_errors.fit_errors` has them.

    Parameters
    ----------
    authority
        Of each profile, from 0.
    rows, ahead, behind
        Columns g, M and N there, shape (terms, chosen).
    omega
        Shape (authorities, chosen).
    """

    authority: npt.NDArray[np.int64]
    log_errors: Floats
    rows: Floats
    ahead: Floats
    behind: Floats
    omega: Floats

    def by_outcome(self, fit: Fit, profiles: Profiles) -> Floats:
        """Derivatives of the logarithms of errors by outcomes, shape (profiles, chosen)."""
        own = self.omega[self.authority] * (fit.terms @ self.rows)
        return np.asarray(profiles.weight[:, None] * (own - fit.terms @ self.behind))


def _shares(fit: Fit, chosen: list[int], profiles: Profiles, outcome: Floats) -> _Shares:
    authority = np.unique(profiles.frame["authority"], return_inverse=True)[1]
    count, rows = int(authority.max()) + 1, fit.inverse[:, chosen]
    weighted = fit.terms * (profiles.weight * (outcome - fit.fitted))[:, None]
    scores = np.stack([np.bincount(authority, each) for each in weighted.T], axis=1)
    shares = scores @ rows
    squares = np.sum(shares**2, axis=0)
    omega = shares / squares
    reached = (profiles.weight * fit.slope)[:, None] * (fit.terms @ rows)
    number = float(profiles.frame["rows"].sum())
    factor = count / (count - 1) * (number - 1) / (number - len(rows))
    return _Shares(
        authority=authority.astype(np.int64),
        log_errors=0.5 * np.log(factor * squares),
        rows=rows,
        ahead=fit.inverse @ (scores.T @ omega),
        behind=fit.inverse @ (fit.terms.T @ (omega[authority] * reached)),
        omega=omega,
    )


def _by_covariate(
    shares: _Shares, fit: Fit, profiles: Profiles, outcome: Floats, covariates: int
) -> Floats:
    residual, reach = by_authority_year(fit, profiles, outcome)
    of_year = np.zeros(len(residual), dtype=np.int64)
    of_year[profiles.authority_year] = shares.authority
    own, last = shares.omega[of_year], slice(len(shares.rows) - covariates, None)
    of_rows, of_ahead, of_behind = (
        reach @ each for each in (shares.rows, shares.ahead, shares.behind)
    )
    return np.asarray(
        np.einsum("kc,ac->cka", shares.rows[last], own * residual[:, None] - of_ahead)
        - np.einsum("kc,ac->cka", shares.ahead[last], of_rows)
        - np.einsum("kc,a->cka", shares.behind[last], residual)
        + np.einsum("k,ac->cka", fit.coefficients[last], of_behind - own * of_rows)
    )
