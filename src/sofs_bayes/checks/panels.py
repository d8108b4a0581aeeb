"""Two-arm panels of authorities by year, and what a regression on them would print.

The generator of the simulation checks: many replicates at once, the difference-in-differences
by ordinary least squares, and the clustered standard errors from its residuals. Years are those
of a period before and one after; the settling-in years between them are simulated, not used.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sofs_bayes.bayes.distributions import Array
from sofs_bayes.bayes.printed_model import (
    PrintedModel,
    authority_shares,
    child_variance,
    se_distribution,
)
from sofs_bayes.bayes.printed_rows import PrintedError, RowTest, value_and_half_unit
from sofs_bayes.published.facts import Printed, read_printed
from sofs_bayes.spec import PrintedDesign
from sofs_bayes.synthetic.persistence import persistent

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shocks:
    """How an authority's years deviate from its own level.

    Parameters
    ----------
    autocorrelation
        Of neighbouring years, AR(1); 0 makes them independent.
    df
        Degrees of freedom of Student-t shocks (above 2), or None for normal ones.
    gap
        Settling-in years between the two periods.
    """

    autocorrelation: float = 0.0
    df: float | None = None
    gap: int = 2

    def __post_init__(self) -> None:
        if not -1 < self.autocorrelation < 1:
            raise ValueError(f"autocorrelation {self.autocorrelation}: allowed between -1 and 1")
        if self.df is not None and self.df <= 2:
            raise ValueError(f"df {self.df}: allowed above 2, where the variance is finite")


INDEPENDENT_YEARS = Shocks()


@dataclass(frozen=True, slots=True, kw_only=True)
class Panels:
    """Simulated means of authorities by year; pilots come first.

    Parameters
    ----------
    pre, post
        (replicate, authority, year) means on the design's scale.
    shares
        Each authority's share of its arm.
    pilots
        Number of pilots.
    child_variance
        (authority,) child-level variance of one year's mean.
    """

    pre: Array
    post: Array
    shares: Array
    pilots: int
    child_variance: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """Least-squares coefficients of each replicate and two kinds of standard error."""

    beta: Array
    delta: Array
    se_beta: Array
    se_delta: Array
    child_se_beta: float
    child_se_delta: float


def simulate_panels(
    design: PrintedDesign,
    *,
    s: Array,
    c: Array,
    beta: Array,
    delta: Array,
    rng: np.random.Generator,
    shocks: Shocks = INDEPENDENT_YEARS,
    child_variance_factor: float = 1.0,
) -> Panels:
    """One panel for each element of the four parameters.

    An authority's two period means have standard deviation s and correlation c before children
    are sampled: a lasting level and year shocks, scaled so that both hold for any
    autocorrelation. Where the shocks alone are more correlated than c, c is what they give.
    """
    pilots, comparators = authority_shares(design)
    shares = np.concatenate((pilots, comparators))
    arm_sizes = np.repeat([design.pilots, design.comparators], [design.pilots, design.comparators])
    noise = child_variance_factor * child_variance(design) / (shares * arm_sizes)
    level, scale_pre, scale_post = _components(design, shocks, s, c)
    n, authorities = s.size, shares.size
    years = design.years_pre + shocks.gap + design.years_post
    deviations = _year_shocks((n, authorities, years), shocks, rng)
    lasting = level[:, None, None] * rng.standard_normal((n, authorities, 1))
    pre = lasting + scale_pre[:, None, None] * deviations[:, :, : design.years_pre]
    post = lasting + scale_post[:, None, None] * deviations[:, :, -design.years_post :]
    pre += np.sqrt(noise)[:, None] * rng.standard_normal(pre.shape)
    post += np.sqrt(noise)[:, None] * rng.standard_normal(post.shape)
    pre[:, : design.pilots] += beta[:, None, None]
    post[:, : design.pilots] += (beta + delta)[:, None, None]
    return Panels(pre=pre, post=post, shares=shares, pilots=design.pilots, child_variance=noise)


def _components(
    design: PrintedDesign, shocks: Shocks, s: Array, c: Array
) -> tuple[Array, Array, Array]:
    """SD of the lasting level, and the factors of the year shocks before and after."""
    years = design.years_pre + shocks.gap + design.years_post
    lag = np.abs(np.subtract.outer(np.arange(years), np.arange(years)))
    related = np.where(lag == 0, 1.0, float(shocks.autocorrelation) ** lag)
    first, last = slice(0, design.years_pre), slice(years - design.years_post, years)
    mean_pre, mean_post = related[first, first].mean(), related[last, last].mean()
    shared = related[first, last].mean() / np.sqrt(mean_pre * mean_post)
    of_shocks = np.clip((1 - c) / (1 - shared), 0.0, 1.0)  # share of s² that is not lasting
    sd = s * np.sqrt(of_shocks)
    return s * np.sqrt(1 - of_shocks), sd / np.sqrt(mean_pre), sd / np.sqrt(mean_post)


def _year_shocks(shape: tuple[int, int, int], shocks: Shocks, rng: np.random.Generator) -> Array:
    """Stationary shocks of unit variance, years last."""
    if shocks.df is None:
        fresh = rng.standard_normal(shape)
    else:
        fresh = rng.standard_t(shocks.df, shape) / np.sqrt(shocks.df / (shocks.df - 2))
    return persistent(fresh, shocks.autocorrelation)


def estimate(panels: Panels) -> Estimates:
    """Least squares of every replicate: pilot difference before, DiD, their standard errors.

    Authorities weigh by their shares (their children), years equally. Clustered standard errors
    are CR1: residuals summed by authority, times G / (G - 1).
    """
    before, after = panels.pre.mean(axis=2), panels.post.mean(axis=2)
    beta, se_beta = _difference_of_arms(before, panels)
    delta, se_delta = _difference_of_arms(after - before, panels)
    child = float(panels.shares**2 @ panels.child_variance)
    years_pre, years_post = panels.pre.shape[2], panels.post.shape[2]
    return Estimates(
        beta=beta,
        delta=delta,
        se_beta=se_beta,
        se_delta=se_delta,
        child_se_beta=float(np.sqrt(child / years_pre)),
        child_se_delta=float(np.sqrt(child * (1 / years_pre + 1 / years_post))),
    )


def _difference_of_arms(values: Array, panels: Panels) -> tuple[Array, Array]:
    """Pilots' minus comparators' mean of (replicate, authority) values, and its CR1 SE."""
    authorities = panels.shares.size
    squares = np.zeros(values.shape[0])
    means = []
    for arm in (slice(0, panels.pilots), slice(panels.pilots, authorities)):
        mean = values[:, arm] @ panels.shares[arm]
        scores = panels.shares[arm] * (values[:, arm] - mean[:, None])
        squares += (scores**2).sum(axis=1)
        means.append(mean)
    return means[0] - means[1], np.sqrt(squares * authorities / (authorities - 1))


def stars(coefficient: Array, se: Array | float, test: RowTest) -> Counts:
    """The number of stars: critical values that the test statistic exceeds."""
    ratio = coefficient / se
    along = np.abs(ratio) if test.direction == 0 else test.direction * ratio
    return np.asarray(np.sum(along[..., None] > np.array(test.critical), axis=-1))


def reported(
    fitted: Estimates, design: PrintedDesign, model: PrintedModel
) -> dict[str, tuple[Array, Array]]:
    """Each row's coefficients and the standard errors that the model's reading has them rest on.

    With one pilot a clustered error has nothing of the pilot's chance; one from the spread of
    the comparators is scaled up for it.
    """
    clustered, _ = se_distribution(*authority_shares(design))
    scale = (model.kappa / clustered) ** 0.5
    return {
        "pilot": (fitted.beta, scale * fitted.se_beta),
        "did": (fitted.delta, scale * fitted.se_delta),
    }


def print_row(
    value: float, se: float, like: tuple[Printed, PrintedError | None], test: RowTest
) -> tuple[Printed, PrintedError | None]:
    """A coefficient printed with the decimals of another, and its error in the same form."""
    cell, error = like
    if error is None:
        count = int(stars(np.array(value), se, test))
        return print_cell(value, count, cell), None
    return print_cell(value, 0, cell), _print_error(value, se, error, test)


def print_cell(value: float, star_count: int, like: Printed) -> Printed:
    """A number printed with the decimals of another, and with stars."""
    return read_printed(f"{value:.{like.decimals}f}" + "*" * star_count)


def _print_error(value: float, se: float, like: PrintedError, test: RowTest) -> PrintedError:
    first = like.cells[0]
    if like.kind == "se":
        return replace(like, cells=(print_cell(se, 0, first),))
    if like.kind == "p":
        p = float(test.p_value(np.array(value / se)))
        below = like.below and p < value_and_half_unit(first)[0]
        return like if below else replace(like, cells=(print_cell(p, 0, first),), below=False)
    reach = replace(test, direction=0).quantile((1 - like.level) / 2) * se
    ends = zip((value - reach, value + reach), like.cells, strict=True)
    return replace(like, cells=tuple(print_cell(end, 0, cell) for end, cell in ends))
