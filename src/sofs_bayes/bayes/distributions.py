"""Continuous distributions as a posterior by quadrature yields them, and their summaries.

`NormalMixture` is exact; `Tabulated` is a distribution known by its CDF at increasing points.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
from scipy import special

from sofs_bayes.spec.keys import Role

Array = npt.NDArray[np.float64]

NEWTON_STEPS = 60
HDI_POINTS, HDI_ROUNDS = 7, 4


class Distribution(Protocol):
    """A continuous distribution of one quantity."""

    def mean(self) -> float:
        """The expectation."""

    def sd(self) -> float:
        """The standard deviation."""

    def cdf(self, x: npt.ArrayLike) -> Array:
        """P(quantity <= x), elementwise."""

    def quantile(self, p: npt.ArrayLike) -> Array:
        """The x with cdf(x) = p, elementwise, 0 < p < 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalMixture:
    """A mixture of normals; `weights` sum to 1, `sds` are positive, all of one length."""

    weights: Array
    means: Array
    sds: Array

    def mean(self) -> float:
        """The expectation."""
        return float(self.weights @ self.means)

    def sd(self) -> float:
        """The standard deviation."""
        spread = (self.means - self.mean()) ** 2 + self.sds**2
        return float(np.sqrt(self.weights @ spread))

    def cdf(self, x: npt.ArrayLike) -> Array:
        """P(quantity <= x), elementwise."""
        points = np.asarray(x, dtype=np.float64)
        z = (points[..., None] - self.means) / self.sds
        return np.asarray(special.ndtr(z) @ self.weights)

    def density(self, x: npt.ArrayLike) -> Array:
        """The probability density, elementwise."""
        points = np.asarray(x, dtype=np.float64)
        z = (points[..., None] - self.means) / self.sds
        return np.asarray(np.exp(-0.5 * z**2) @ (self.weights / (self.sds * np.sqrt(2 * np.pi))))

    def quantile(self, p: npt.ArrayLike) -> Array:
        """The x with cdf(x) = p for 0 < p < 1: Newton's steps, halving where one leaves."""
        wanted = np.asarray(p, dtype=np.float64)
        z = special.ndtri(np.atleast_1d(wanted))
        # A mixture's quantile lies between its components' smallest and largest one.
        ends = self.means + self.sds * z[:, None]
        lower, upper = ends.min(axis=1), ends.max(axis=1)
        x = np.clip(self.mean() + self.sd() * z, lower, upper)
        for _ in range(NEWTON_STEPS):
            miss = self.cdf(x) - wanted
            lower, upper = np.where(miss <= 0, x, lower), np.where(miss >= 0, x, upper)
            step = x - miss / np.maximum(self.density(x), np.finfo(np.float64).tiny)
            new = np.where((step >= lower) & (step <= upper), step, (lower + upper) / 2)
            if np.all(np.abs(new - x) <= 1e-9 * self.sd()):
                break
            x = new
        return x.reshape(wanted.shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tabulated:
    """A distribution by its CDF: `cumulative` at increasing `points`, linear between them."""

    points: Array
    cumulative: Array

    def mean(self) -> float:
        """The expectation."""
        return float(np.diff(self.cumulative) @ self._middle())

    def sd(self) -> float:
        """The standard deviation."""
        mass, width = np.diff(self.cumulative), np.diff(self.points)
        return float(np.sqrt(mass @ ((self._middle() - self.mean()) ** 2 + width**2 / 12)))

    def cdf(self, x: npt.ArrayLike) -> Array:
        """P(quantity <= x), elementwise."""
        return np.interp(np.asarray(x, dtype=np.float64), self.points, self.cumulative)

    def quantile(self, p: npt.ArrayLike) -> Array:
        """The x with cdf(x) = p, elementwise, linear between the table's points."""
        return np.interp(np.asarray(p, dtype=np.float64), self.cumulative, self.points)

    def _middle(self) -> Array:
        return (self.points[1:] + self.points[:-1]) / 2


def weighted_values(values: Array, weights: Array) -> Tabulated:
    """The distribution of weighted values, smoothed over the gaps between neighbours."""
    order = np.argsort(values, kind="stable")
    points, mass = values[order], weights[order] / weights.sum()
    middle = np.cumsum(mass) - mass / 2
    return Tabulated(
        points=np.concatenate((points[:1], points, points[-1:])),
        cumulative=np.concatenate(([0.0], middle, [1.0])),
    )


def interval(
    distribution: Distribution, *, level: float, kind: Literal["eti", "hdi"]
) -> tuple[float, float]:
    """The equal-tailed interval, or the shortest one, that holds `level` of the probability."""
    if kind == "eti":
        lower, upper = distribution.quantile([(1 - level) / 2, (1 + level) / 2])
    else:
        lower, upper = _shortest(distribution.quantile, level)
    return float(lower), float(upper)


def _shortest(quantile: Callable[[Array], Array], level: float) -> Array:
    """Zooms in on the lower-tail probability whose interval is shortest (one mode assumed)."""
    lower, upper = 0.0, 1.0 - level
    for _ in range(HDI_ROUNDS):
        tails = np.linspace(lower, upper, HDI_POINTS + 2)[1:-1]
        ends = quantile(np.concatenate((tails, tails + level))).reshape(2, -1)
        best = int(np.argmin(ends[1] - ends[0]))
        gap = tails[1] - tails[0]
        lower, upper = tails[best] - gap, tails[best] + gap
    return np.asarray(ends[:, best])


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One quantity's distribution in seven numbers, on the quantity's own scale."""

    quantity: Role
    mean: float
    sd: float
    median: float
    lower: float
    upper: float
    lower_50: float
    upper_50: float


def summary(
    distribution: Distribution,
    *,
    quantity: Role,
    level: float,
    kind: Literal["eti", "hdi"],
) -> Summary:
    """Mean, sd, median, interval and 50% interval of a distribution."""
    lower, upper = interval(distribution, level=level, kind=kind)
    lower_50, upper_50 = interval(distribution, level=0.5, kind=kind)
    return Summary(
        quantity=quantity,
        mean=distribution.mean(),
        sd=distribution.sd(),
        median=float(distribution.quantile(0.5)),
        lower=lower,
        upper=upper,
        lower_50=lower_50,
        upper_50=upper_50,
    )
