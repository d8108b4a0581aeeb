"""When clusters are so few that errors clustered on them mean nothing, and what is said then.

With few clusters, or few in one arm, CR1 is too small and t with G − 1 degrees of freedom too
narrow (Cameron, Gelbach and Miller 2008; Ferman and Pinto 2019). With one treated cluster its
residuals sum to 0 whatever happened there, and the error knows of the other arm alone (MacKinnon
and Webb 2017). The wild cluster bootstrap keeps its level with few clusters, but with one in an
arm it hardly ever rejects, and with G clusters no p-value is below 2 / 2^G.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sofs_bayes.frequentist.clustering import cluster_labels
from sofs_bayes.frequentist.term import effect_terms
from sofs_bayes.frequentist.terms import Design
from sofs_bayes.frequentist.wild_bootstrap import DRAWS, MOST_CLUSTERS, has_bootstrap
from sofs_bayes.spec import Regression

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
