"""A TOML file → a frozen Analysis.

Every analysis is one file. A key nobody knows, a value outside its range or a prior
without a `why` is refused, all faults at once, each with file, key, found and allowed.
The fingerprint of an Analysis travels with every result made from it.
"""

from sofs_bayes.spec.files import (
    Analysis,
    bundled_models,
    changed,
    fingerprint,
    load,
    parse,
    to_document,
    with_rows,
)
from sofs_bayes.spec.opened import (
    AuthorityNote,
    Comparators,
    OpenAnalysis,
    OpenCounts,
    OpenDesign,
    OpenModel,
    OpenPriors,
    Pilot,
    RecordingBreak,
)
from sofs_bayes.spec.printed import (
    AsPrinted,
    CriticalValues,
    FromTable,
    PrintedAnalysis,
    PrintedDesign,
    PrintedPriors,
    PrintedSensitivity,
    Reading,
)
from sofs_bayes.spec.terms import (
    Beta,
    Estimands,
    Evidence,
    HalfNormal,
    Normal,
    Sampler,
    Scale,
    Statement,
)

__all__ = [
    "Analysis",
    "AsPrinted",
    "AuthorityNote",
    "Beta",
    "Comparators",
    "CriticalValues",
    "Estimands",
    "Evidence",
    "FromTable",
    "HalfNormal",
    "Normal",
    "OpenAnalysis",
    "OpenCounts",
    "OpenDesign",
    "OpenModel",
    "OpenPriors",
    "Pilot",
    "PrintedAnalysis",
    "PrintedDesign",
    "PrintedPriors",
    "PrintedSensitivity",
    "Reading",
    "RecordingBreak",
    "Sampler",
    "Scale",
    "Statement",
    "bundled_models",
    "changed",
    "fingerprint",
    "load",
    "parse",
    "to_document",
    "with_rows",
]
