"""The gate of a posterior from print, which is integrated and not sampled."""

from dataclasses import dataclass

from sofs_bayes.bayes.from_published import PrintedPosterior
from sofs_bayes.bayes.limits import MAX_EDGE_MASS
from sofs_bayes.bayes.printed_summaries import star_evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class QuadratureVerdict:
    """The verdict on a posterior from print, and how probable its reading makes the stars.

    `star_evidence` is P(stars | coefficients), 1 where the reading makes no use of the stars.
    """

    status: str
    edge_mass: float
    max_edge_mass: float
    star_evidence: float


def quadrature_verdict(post: PrintedPosterior) -> QuadratureVerdict:
    """Whether the grid of a posterior from print holds all of it but a negligible rest."""
    return QuadratureVerdict(
        status="converged" if post.edge_mass <= MAX_EDGE_MASS else "not converged",
        edge_mass=post.edge_mass,
        max_edge_mass=MAX_EDGE_MASS,
        star_evidence=star_evidence(post),
    )
