"""Log-likelihoods from sufficient statistics, equal to those of the single referrals."""

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def bernoulli_logit(log_odds: Floats, *, n: Floats, events: Floats) -> float:
    """The log-likelihood of referrals counted by their log-odds, natural logarithm.

    Σ (events · η - n · log(1 + exp η)); with Σw and Σwy for `n` and `events` it is the weighted
    one, Σ w log p(y). All of shape (patterns,).
    """
    return math.fsum(events * log_odds - n * np.logaddexp(0.0, log_odds))


def gaussian(
    coefficients: Floats, sigma: float, *, n: float, xx: Floats, xy: Floats, yy: float
) -> float:
    """The log-likelihood of a linear model with normal errors, natural logarithm.

    -n log(σ √(2π)) - (y'y - 2 b'X'y + b'X'Xb) / 2σ²; with Σw, X'WX, X'Wy and y'Wy it is the
    weighted one, Σ w log p(y).

    Parameters
    ----------
    coefficients
        b, shape (terms,).
    sigma
        Standard deviation of the errors, above 0.
    n, xx, xy, yy
        Number of rows and cross-products: scalar, (terms, terms), (terms,), scalar.
    """
    squares = yy - 2 * coefficients @ xy + coefficients @ xx @ coefficients
    return float(-n * math.log(sigma * math.sqrt(2 * math.pi)) - squares / (2 * sigma**2))
