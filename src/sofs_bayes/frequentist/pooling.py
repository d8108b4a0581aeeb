"""Rubin's rules: fits to imputed tables → one."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sofs_bayes.frequentist.did import DidFit

Floats = npt.NDArray[np.float64]


def pool(fits: Sequence[DidFit]) -> DidFit:
    """Fits of one regression to imputed tables → one, by Rubin's rules.

    Coefficients are means. The covariance is the mean covariance plus (1 + 1/m) times that of
    the coefficients between imputations. Degrees of freedom are those of Barnard and Rubin
    (1999, eq. 3–5), with the fits' own as those of complete data. R², log-likelihood and
    dispersion are means. A failed fit among them, or one with other terms, fails the whole.
    """
    first = fits[0]
    failed = next((each for each in fits if each.failure is not None), None)
    if failed is not None:
        return replace(failed, imputations=len(fits))
    if any(each.terms != first.terms for each in fits):
        nothing = np.full_like(first.coefficients, np.nan)
        return replace(
            first,
            coefficients=nothing,
            covariance=np.full_like(first.covariance, np.nan),
            imputations=len(fits),
            failure="imputed tables do not all have the same terms; leave a covariate out",
        )
    within = np.mean([each.covariance for each in fits], axis=0)
    coefficients = np.stack([each.coefficients for each in fits])
    between = np.atleast_2d(np.cov(coefficients, rowvar=False))
    covariance, degrees = rubin(
        within, between, len(fits), np.mean([each.degrees_of_freedom for each in fits], axis=0)
    )
    squares = [each.r_squared for each in fits if each.r_squared is not None]
    spreads = [each.authority_sd for each in fits if each.authority_sd is not None]
    return replace(
        first,
        coefficients=coefficients.mean(axis=0),
        covariance=covariance,
        degrees_of_freedom=degrees,
        r_squared=float(np.mean(squares)) if squares else None,
        log_likelihood=float(np.mean([each.log_likelihood for each in fits])),
        dispersion=float(np.mean([each.dispersion for each in fits])),
        authority_sd=float(np.mean(spreads)) if spreads else None,
        imputations=len(fits),
    )


def rubin(
    within: Floats, between: Floats, imputations: int, complete: Floats
) -> tuple[Floats, Floats]:
    """The total covariance and the degrees of freedom of m imputations' coefficients.

    Parameters
    ----------
    within, between
        Mean covariance of the fits, and covariance of the coefficients between them.
    complete
        Degrees of freedom that each term would have with complete data; may be infinite.
    """
    m = imputations
    total = within + (1 + 1 / m) * between
    # Nothing between imputations leaves infinitely many, nothing at all no number.
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (1 + 1 / m) * np.diag(between) / np.diag(total)
        from_imputing = (m - 1) / share**2
        observed = np.where(
            np.isinf(complete), np.inf, complete * (1 - 2 / (complete + 3)) * (1 - share)
        )
        degrees: Floats = 1 / (1 / from_imputing + 1 / observed)
    return total, degrees
