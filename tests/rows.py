"""Rows of results by what tables call them: shorter to read in a test than their fields."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sofs_bayes.spec.keys import AT_RATING, IN_YEAR, WORDS, Variant

# What a row of densities has beside its prior, scale and numbers.
DENSITY = {
    "role": "effect after settling-in",
    "target": "pooled",
    "evidence": "open-data",
    "status": "converged",
}
KINDS = {words: kind for kind, words in WORDS.items()}
ASSUMPTIONS = (
    "prior scale of the authority sd",
    "prior of the correlation",
    "prior sd of the pilot difference",
    "critical values",
)


def of_effect(words: str) -> dict[str, Any]:
    """The fields of a row that is about an effect: `effect in year -2`."""
    year, rating = (words.removeprefix(f"{stem} ") for stem in (IN_YEAR, AT_RATING))
    if year != words:
        return {"role": IN_YEAR, "year": int(year)}
    return {"role": AT_RATING, "rating": float(rating)} if rating != words else {"role": words}


def of_fit(words: str) -> dict[str, Any]:
    """The fields of a row of a fit: `main`, `without Ashmere`, or of a reading of the stars."""
    reading, _, change = words.rpartition("; ")
    kind, _, subject = words.partition(" ")
    fields: dict[str, Any] = {"kind": "main", "reading": words}
    if " × " in words:
        name, _, factor = words.partition(" × ")
        fields = {"kind": "scaled", "subject": name.replace(" ", "_"), "factor": float(factor)}
    elif words in ("main", "by year", "no shocks") or words in KINDS:
        fields = {"kind": KINDS.get(words, words)}
    elif kind in ("without", "with"):
        fields = {"kind": kind, "subject": subject}
    if reading and fields["kind"] == "main":
        fields = {"kind": "main", "reading": reading}
    for each in ASSUMPTIONS:
        if change.startswith(each):
            fields = {"kind": each, "subject": change[len(each) + 1 :], "reading": reading}
    return asdict(Variant(**fields))


def on_fit(variant: str, prior: str, verdict: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """A verdict as diagnostics have it: under the name of the fit, and with what the fit is."""
    return {f"{variant} / {prior}": {"prior": prior, **of_fit(variant), **verdict}}
