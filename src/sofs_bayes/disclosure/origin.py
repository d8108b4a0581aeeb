"""What a result rests on, by its kind and the hashes of its inputs: never by a word in a file."""

from collections.abc import Iterable, Mapping

from sofs_bayes.records import known_files
from sofs_bayes.spec import Analysis, Evidence, HierarchicalAnalysis, OpenAnalysis, PrintedAnalysis

# Evidence whose numbers are public already.
PUBLIC: Mapping[str, str] = {
    "published": "printed in the report: public already",
    "published-inferred": "computed from the printed report alone: no individual records behind it",
    "open-data": "computed from published statistics of whole authorities: public already",
}


def evidence_of(analysis: Analysis, inputs: Iterable[str], claimed: str) -> Evidence:
    """The evidence of a result.

    Parameters
    ----------
    inputs
        SHA-256 of each input.
    claimed
        What a file says it is: believed only where it makes no difference to what may leave.
    """
    inputs = [*inputs]
    if isinstance(analysis, PrintedAnalysis) and not inputs:
        return "published" if claimed == "published" else "published-inferred"
    if isinstance(analysis, OpenAnalysis):
        return known_files.evidence_of_counts(inputs)
    return "synthetic" if claimed == "synthetic" else "records"


def evidence_beside(analysis: Analysis, claimed: str) -> Evidence:
    """The evidence of what `replicate` or `calibrate` wrote, which name no input of counts.

    A calibration of counts holds no count: what it was designed on makes no difference.
    """
    if isinstance(analysis, OpenAnalysis):
        return "open-data" if claimed == "open-data" else "unknown-origin"
    return evidence_of(analysis, (), claimed)


def declared(analysis: object) -> str:
    """Where the analysis says its counts of unknown origin are published; empty if nowhere."""
    return (analysis.data.published or "") if isinstance(analysis, OpenAnalysis) else ""


def published_where(evidence: str, analysis: object) -> str:
    """Why numbers are public already, and on whose word; empty if they are not."""
    if evidence in PUBLIC:
        return PUBLIC[evidence]
    where = declared(analysis)
    if evidence == "unknown-origin" and where:
        return f"counts of unknown origin, published by the analysis's own word: “{where}”"
    return ""


def vouched_for(analysis: Analysis, inputs: Mapping[str, str]) -> str:
    """What vouches for a result's evidence, in words for the custodian."""
    if isinstance(analysis, PrintedAnalysis):
        return "its kind of analysis, which takes no data"
    if isinstance(analysis, HierarchicalAnalysis):
        return "its manifest's SHA-256 alone: records and simulated people are checked alike"
    known = known_files.department_files()
    if inputs and {*inputs.values()} <= known.keys():
        titles = "; ".join(dict.fromkeys(known[each] for each in inputs.values()))
        return f"its inputs' hashes in the manifest, those of the Department's files: {titles}"
    return "nothing: not the Department's files by their hashes"
