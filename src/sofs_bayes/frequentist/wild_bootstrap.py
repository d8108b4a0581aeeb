"""The wild cluster bootstrap of one term of a linear regression, and when clusters are too few.

Null imposed, CR1 in the statistic: WCR11 of MacKinnon, Nielsen and Webb (2023), as the package
wildboottest has it. Numerator and squared standard error of every bootstrap statistic are
polynomials in the distance of the tested value from the estimate, so that their coefficients are
computed once and a test is a comparison of numbers.

With few clusters, or few in one arm, CR1 is too small and t with G − 1 degrees of freedom too
narrow (Cameron, Gelbach and Miller 2008; Ferman and Pinto 2019). With one treated cluster its
residuals sum to 0 whatever happened there, and the error knows of the other arm alone (MacKinnon
and Webb 2017). The wild cluster bootstrap keeps its level with few clusters, but with one in an
arm it hardly ever rejects, and with G clusters no p-value is below 2 / 2^G.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.errors import BadInput, counted
from sofs_bayes.frequentist.clustering import cluster_labels
from sofs_bayes.frequentist.multilevel import authority_sums
from sofs_bayes.frequentist.term import effect_terms
from sofs_bayes.frequentist.terms import Design, design
from sofs_bayes.spec import ChildrenAnalysis, Regression

# More than England has authorities; with as many in both arms CR1 needs no bootstrap.
MOST_CLUSTERS = 200
# Enough for all sign patterns of 13 authorities.
DRAWS = 9999
BOOTSTRAP = "wild cluster bootstrap"


@dataclass(frozen=True, slots=True, kw_only=True)
class WildBootstrap:
    """A bootstrapped test and interval.

    Parameters
    ----------
    p_value
        Two-sided (symmetric), of no effect.
    lower, upper
        Values that are not rejected at 1 − level lie between them; infinite where none is.
    draws
        Sign patterns used. `enumerated`: all 2^G of them, so that no seed matters.
    """

    term: str
    estimate: float
    p_value: float
    lower: float
    upper: float
    level: float
    clusters: int
    draws: int
    enumerated: bool


def wild_bootstrap(
    matched: pd.DataFrame,
    analysis: ChildrenAnalysis,
    regression: Regression,
    term: str,
    *,
    level: float = 0.95,
    draws: int = DRAWS,
    seed: int | None = None,
) -> WildBootstrap:
    """The wild cluster bootstrap of a term of a linear regression clustered on authorities.

    Parameters
    ----------
    draws
        If there are no more sign patterns (2^G), all are used, each once.
    seed
        The analysis's, if not given.

    Raises
    ------
    BadInput
        The regression is not linear, not clustered on authorities or has random effects; it
        has no such term; there are more than `MOST_CLUSTERS` authorities.
    """
    if not has_bootstrap(regression):
        place = f"regressions.columns, {regression.name!r}"
        found = (
            f"{regression.model}, cluster {regression.cluster}, {regression.authorities} effects"
        )
        allowed = "linear, clustered on authority, without random effects"
        raise BadInput("the analysis", place, found, allowed)
    numbers = design(matched, analysis, regression)
    if term not in numbers.terms:
        raise BadInput("the regression", regression.name, f"no term {term!r}", "one of its terms")
    sums = authority_sums(numbers)
    count = len(sums.xx)
    if count > MOST_CLUSTERS:
        allowed = f"at most {MOST_CLUSTERS}"
        raise BadInput("matched referrals", "authority", counted(count, "cluster"), allowed)
    rng = np.random.default_rng(analysis.regressions.seed if seed is None else seed)
    weights = signs(count, draws, rng)
    weights[0] = 1.0  # the observed signs count, drawn or not: no p-value is 0
    tests = wild_tests(sums.xx, sums.xy, list(numbers.terms).index(term), weights)
    lower, upper = tests.interval(level)
    return WildBootstrap(
        term=term,
        estimate=tests.estimate,
        p_value=tests.p_value(0.0),
        lower=lower,
        upper=upper,
        level=level,
        clusters=count,
        draws=len(weights),
        enumerated=2**count <= draws,
    )


def has_bootstrap(regression: Regression) -> bool:
    """Whether there is one: of linear regressions clustered on authority, no random effects."""
    return (
        regression.model == "linear"
        and regression.cluster == "authority"
        and regression.authorities != "random"
    )


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


LEVEL = 0.05
# Errors that reject a true null more often than this, at `LEVEL`, are not shown. Unequal clusters
# and shocks add one to three points to what is computed for equal ones.
MOST_FALSE = 0.08
ONE = "whatever else happened in a single one counts as an effect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """Numbers of clusters with treated rows (a pilot's after settling-in), and without."""

    treated: int
    others: int

    @property
    def clusters(self) -> int:
        """All of them."""
        return self.treated + self.others

    @property
    def single(self) -> bool:
        """Whether an arm has no more than one cluster."""
        return min(self.treated, self.others) < 2

    @property
    def false_positives(self) -> float:
        """How often CR1 with t(G − 1) rejects a true null at `LEVEL`, for clusters of one size.

        A difference of two means of clusters with equal variances: what CR1 expects of its
        variance, against that; its degrees of freedom are Satterthwaite's.
        """
        from scipy.special import stdtr, stdtrit

        if self.single:
            return 1.0
        sizes = np.array([self.treated, self.others], dtype=np.float64)
        of_arm = (sizes - 1) / sizes**2
        share = self.clusters / (self.clusters - 1) * of_arm.sum() / (1 / sizes).sum()
        degrees = of_arm.sum() ** 2 / (of_arm**2 / (sizes - 1)).sum()
        critical = stdtrit(self.clusters - 1, 1 - LEVEL / 2) * np.sqrt(share)
        return float(2 * stdtr(degrees, -critical))

    @property
    def too_few(self) -> bool:
        """Whether errors clustered on them mean nothing."""
        return self.single or self.false_positives > MOST_FALSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """Why a regression has no p-values and stars.

    Attributes
    ----------
    sentence
        For the reader, without its full stop.
    errors
        Whether its standard errors can be shown: those that take children as independent.
    """

    sentence: str
    errors: bool


def arms_of(labels: npt.NDArray[np.int64], treated: npt.NDArray[np.bool_]) -> Arms:
    """The arms of clusters, from the cluster of each row and whether it is treated."""
    of_treated = len(np.unique(labels[treated]))
    return Arms(treated=of_treated, others=len(np.unique(labels)) - of_treated)


def caution(numbers: Design, regression: Regression) -> Caution | None:
    """What is to be said of the errors of a regression; None if they can be read.

    The rule is that of `Arms.too_few`, on what the errors rest on (clusters, or authorities with
    random effects). Errors that rest on children have no p-values with one authority in an arm.
    """
    authorities = arms_of(numbers.authority, numbers.treated)
    random = regression.authorities == "random"
    labels = numbers.authority if random else cluster_labels(numbers, regression)
    clusters = None if labels is None else arms_of(labels, numbers.treated)
    if clusters is not None and clusters.too_few:
        units = "children" if labels is numbers.child else "authorities"
        how = "random effects of them" if random else "errors clustered on them"
        sentence = (
            f"no standard errors, p-values or stars: {clusters.treated} treated and"
            f" {clusters.others} other {units} are too few, as {how}"
            f" {_what_is_wrong(clusters, random=random)};"
            f" {_in_place(numbers, regression, clusters)}"
        )
        return Caution(sentence=sentence, errors=False)
    if authorities.single:
        counts = f"{authorities.treated} treated and {authorities.others} other authorities"
        return Caution(
            sentence=f"no p-values or stars: {counts} are too few, as {ONE}", errors=True
        )
    return None


def _what_is_wrong(arms: Arms, *, random: bool) -> str:
    if arms.single:
        return f"are far too small, and {ONE}"
    if random:
        return "do not tell how much they differ"
    share = f"about {100 * arms.false_positives:.0f} of 100 studies"
    return f"would find an effect that is not there in {share}"


def terms_to_bootstrap(numbers: Design, regression: Regression) -> tuple[str, ...]:
    """The effects of a regression whose wild cluster bootstrap can reject at `LEVEL` at all."""
    if not has_bootstrap(regression):
        return ()
    return tuple(
        term
        for term in effect_terms(map(str, numbers.terms))
        if _rejects(arms_of(numbers.authority, numbers.terms[term].to_numpy() != 0))
    )


def _rejects(arms: Arms) -> bool:
    return not arms.single and arms.clusters <= MOST_CLUSTERS and _least_p(arms) <= LEVEL


def _least_p(arms: Arms) -> float:
    return float(max(2.0 ** (1 - arms.clusters), 1 / DRAWS))


def _in_place(numbers: Design, regression: Regression, arms: Arms) -> str:
    least = f"{_least_p(arms):.2g}"
    if not has_bootstrap(regression):
        return "nothing stands in their place"
    if terms_to_bootstrap(numbers, regression):
        return f"in their place stands the wild cluster bootstrap, whose p is {least} or more"
    if arms.single:
        return f"nothing in their place: a wild cluster bootstrap (p {least} or more) is no safer"
    return f"nothing in their place, as a wild cluster bootstrap gives no p below {least} here"
