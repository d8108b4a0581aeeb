"""What a verb was asked for: an analysis, its effect prior, and the key of what they give."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sofs_bayes.errors import BadInput, BadParameter
from sofs_bayes.folders.manifest import sha256, versions
from sofs_bayes.folders.store import key_of
from sofs_bayes.published.facts import facts_sha256
from sofs_bayes.spec import (
    Analysis,
    ChildrenAnalysis,
    FittedAnalysis,
    HierarchicalAnalysis,
    OwnOutcome,
    analysis_of,
    fingerprint,
)


def fittable(
    given: Analysis | Path | str, *, instead: str, seed: int | None = None
) -> FittedAnalysis:
    """An analysis, or that of a name or file, if it has something to fit.

    Parameters
    ----------
    instead
        What to do with children's records in its place.
    """
    analysis = analysis_of(given, seed=seed)
    if isinstance(analysis, ChildrenAnalysis):
        allowed = f"another kind (children's records: {instead})"
        raise BadInput(analysis.name, "kind", repr(analysis.kind), allowed)
    return analysis


def prior_of(analysis: FittedAnalysis, name: str | None) -> str:
    """The name of an effect prior, or of the headline's."""
    if name is not None and name not in analysis.effect_priors:
        raise BadParameter("prior", repr(name), ", ".join(analysis.effect_priors))
    return analysis.headline_prior if name is None else name


def work_key(analysis: Analysis, inputs: Mapping[str, str], **settings: Any) -> str:
    """The key of work on an analysis.

    Parameters
    ----------
    inputs
        SHA-256 of its data, by name.
    settings
        What else decides the results.
    """
    return key_of(
        {
            "analysis": fingerprint(analysis),
            "facts": facts_sha256(),
            "inputs": dict(inputs),
            "settings": settings,
            "versions": versions(),
        }
    )


def children_inputs(analysis: HierarchicalAnalysis, data: Path | str | None) -> dict[str, str]:
    """SHA-256 of cells or matched children; without data, of what simulated ones are made from."""
    from sofs_bayes.pipeline.did_sources import children_file

    if data is not None:
        file = children_file(data)
        return {file.name: sha256(file)}
    from sofs_bayes.synthetic.fixture import FIXTURES
    from sofs_bayes.synthetic.scenario import SCENARIOS

    outcome = analysis.children.outcome
    if isinstance(outcome, OwnOutcome):  # its design is in the analysis
        return {"children": fingerprint(analysis.children)}
    name = outcome.lower()
    files = (FIXTURES / f"{name}.json", SCENARIOS / f"{name}.toml")
    return {"children": fingerprint(analysis.children)} | {x.name: sha256(x) for x in files}
