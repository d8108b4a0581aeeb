"""The wild cluster bootstrap of one coefficient from its clusters' cross-products, inverted fast.

Null imposed, CR1 in the statistic: WCR11 of MacKinnon, Nielsen and Webb (2023), as the package
wildboottest has it. Numerator and squared standard error of every bootstrap statistic are
polynomials in the distance of the tested value from the estimate, so that their coefficients are
computed once and a test is a comparison of numbers.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# With fewer clusters there are too few sign patterns: Webb's six weights instead of two.
FEWEST_SIGNS = 10
WEBB = np.sqrt([0.5, 1.0, 1.5])
# Statistics that equal the observed one but for rounding count as equal.
ROUNDING = 1e-9
FARTHEST = 64.0  # standard errors from the estimate that a limit is looked for
STEPS = 40  # of bisection


@dataclass(frozen=True, slots=True, kw_only=True)
class WildTests:
    """All bootstrap statistics, as functions of the distance d = estimate - tested value.

    Attributes
    ----------
    estimate
        Of the coefficient.
    error
        Its CR1 standard error without small-sample factors, which cancel.
    numerator, denominator
        Coefficients of 1, d and d² of the squared numerator and its squared standard error,
        shape (3, draws).
    """

    estimate: float
    error: float
    numerator: Floats
    denominator: Floats

    def p_value(self, value: float) -> float:
        """Two-sided (symmetric), of the coefficient being `value`."""
        d = self.estimate - value
        powers = np.array([1.0, d, d * d])
        squares = powers @ self.numerator
        observed = (d / self.error) ** 2 * (1 - ROUNDING)
        return float(np.mean(squares >= observed * (powers @ self.denominator)))

    def interval(self, level: float) -> tuple[float, float]:
        """The values that are not rejected at 1 - level; infinite where none is."""
        return self._limit(-1.0, 1 - level), self._limit(1.0, 1 - level)

    def _limit(self, side: float, size: float) -> float:
        def p_value(steps: float) -> float:
            return self.p_value(self.estimate + side * steps * self.error)

        inside, outside = 0.0, 0.5
        while p_value(outside) > size:
            inside, outside = outside, 1.5 * outside
            if outside > FARTHEST:
                return side * np.inf
        for _ in range(STEPS):
            middle = (inside + outside) / 2
            if p_value(middle) > size:
                inside = middle
            else:
                outside = middle
        return float(self.estimate + side * outside * self.error)


def cluster_weights(clusters: int, draws: int, rng: np.random.Generator) -> Floats:
    """Weights of the clusters' residuals, shape (draws, clusters).

    Rademacher's two (`signs`); with fewer than `FEWEST_SIGNS` clusters Webb's six.
    """
    if clusters < FEWEST_SIGNS:
        values = np.r_[-WEBB, WEBB]
        return np.asarray(rng.choice(values, (draws, clusters)), dtype=np.float64)
    return signs(clusters, draws, rng)


def signs(clusters: int, draws: int, rng: np.random.Generator) -> Floats:
    """Rademacher's weights, shape (draws, clusters): all 2^G patterns if they are no more."""
    if 2**clusters <= draws:
        patterns = np.arange(2**clusters)[:, None] >> np.arange(clusters)
        return np.where(patterns & 1, 1.0, -1.0)
    return np.asarray(rng.choice([-1.0, 1.0], (draws, clusters)), dtype=np.float64)


def wild_tests(xx: Floats, xy: Floats, column: int, weights: Floats) -> WildTests:
    """The bootstrap of one coefficient of least squares.

    Parameters
    ----------
    xx, xy
        X'WX and X'Wy by cluster, shapes (clusters, terms, terms), (clusters, terms); no term a
        combination of others.
    column
        The place of the coefficient.
    weights
        Of the clusters' residuals, shape (draws, clusters).
    """
    bread = np.linalg.inv(xx.sum(0))
    own = bread[column]
    coefficients = bread @ xy.sum(0)
    scores = xy - xx @ coefficients
    pulls = xx @ own  # (clusters, terms): what a cluster's terms do to the coefficient
    # Scores with the null imposed are scores + d * moved.
    moved = pulls / own[column]
    at, slope = scores @ own, moved @ own
    across = pulls @ bread
    parts = [
        (weights @ a, weights * a - weights @ (across @ s.T).T)
        for a, s in ((at, scores), (slope, moved))
    ]
    (n0, h0), (n1, h1) = parts
    return WildTests(
        estimate=float(coefficients[column]),
        error=float(np.sqrt((at**2).sum())),
        numerator=np.stack([n0**2, 2 * n0 * n1, n1**2]),
        denominator=np.stack([(h0**2).sum(1), 2 * (h0 * h1).sum(1), (h1**2).sum(1)]),
    )
