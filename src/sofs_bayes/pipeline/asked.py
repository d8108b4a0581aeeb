"""What a verb was asked for: the analysis that it fits, and its effect prior."""

from pathlib import Path

from sofs_bayes.errors import BadInput
from sofs_bayes.spec import Analysis, ChildrenAnalysis, FittedAnalysis, analysis_of


def fittable(
    given: Analysis | Path | str, *, instead: str, seed: int | None = None
) -> FittedAnalysis:
    """An analysis, or that of a name or file, if it has something to fit.

    Parameters
    ----------
    instead
        What to do with children's records in its place.

    Raises
    ------
    BadInput, BadSpec
        As `analysis_of`; an analysis of children's records, which are matched first.
    """
    analysis = analysis_of(given, seed=seed)
    if isinstance(analysis, ChildrenAnalysis):
        allowed = f"another kind (children's records: {instead})"
        raise BadInput(analysis.name, "kind", repr(analysis.kind), allowed)
    return analysis


def prior_of(analysis: FittedAnalysis, name: str | None) -> str:
    """The name of an effect prior, or of the headline's.

    Raises
    ------
    BadInput
        The analysis does not have it.
    """
    if name is not None and name not in analysis.effect_priors:
        raise BadInput("prior", "", repr(name), ", ".join(analysis.effect_priors))
    return analysis.headline_prior if name is None else name
