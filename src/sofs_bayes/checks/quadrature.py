"""The gate of a posterior from print, which is integrated and not sampled."""

from dataclasses import dataclass

from sofs_bayes.bayes.from_published import PrintedPosterior
from sofs_bayes.bayes.limits import MAX_EDGE_MASS
from sofs_bayes.bayes.printed_evidence import (
    bracketed,
    correlation_told,
    star_evidence,
    star_fit,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuadratureVerdict:
    """The verdict on a posterior from print, and what it rests on.

    `star_evidence` is P(stars | coefficients) under the priors, `star_fit` how likely any s and c
    make the stars beside what is possible; both are 1 where the reading makes no use of them.
    `correlation_told` is how far the posterior of c is from its prior, 0 to 1; `bracketed` whether
    print gives the effect's standard error a lower and an upper limit, so that c hardly matters.
    """

    status: str
    edge_mass: float
    max_edge_mass: float
    star_evidence: float
    star_fit: float
    correlation_told: float
    bracketed: bool


def quadrature_verdict(post: PrintedPosterior) -> QuadratureVerdict:
    """Whether the grid of a posterior from print holds all of it but a negligible rest."""
    return QuadratureVerdict(
        status="converged" if post.edge_mass <= MAX_EDGE_MASS else "not converged",
        edge_mass=post.edge_mass,
        max_edge_mass=MAX_EDGE_MASS,
        star_evidence=star_evidence(post),
        star_fit=star_fit(post),
        correlation_told=correlation_told(post),
        bracketed=bracketed(post),
    )
