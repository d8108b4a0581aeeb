"""A TOML file → a frozen Analysis.

Every analysis is one file. A key nobody knows, a value outside its range or a prior
without a `why` is refused, all faults at once, each with file, key, found and allowed.
The fingerprint of an Analysis travels with every result made from it.
"""

from sofs_bayes.spec.beside import AuthorityColumns, GroupColumns
from sofs_bayes.spec.children import (
    AuthorityCovariate,
    AuthorityMatching,
    ChildrenAnalysis,
    Columns,
    Levels,
    Matching,
    Number,
    OutcomeWindow,
    OwnTreatment,
    Records,
    Regression,
    Regressions,
    Treatment,
)
from sofs_bayes.spec.files import (
    Analysis,
    FittedAnalysis,
    analysis_of,
    bundled_models,
    changed,
    fingerprint,
    load,
    parse,
    to_document,
    with_rows,
)
from sofs_bayes.spec.hierarchical import (
    HierarchicalAnalysis,
    HierarchicalModel,
    HierarchicalPriors,
)
from sofs_bayes.spec.names import check_name
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
from sofs_bayes.spec.outcomes import OwnOutcome
from sofs_bayes.spec.printed import (
    AsPrinted,
    CriticalValues,
    FromTable,
    PrintedAnalysis,
    PrintedDesign,
    PrintedPriors,
    PrintedSensitivity,
    Reading,
    RowKey,
)
from sofs_bayes.spec.rehearsal import Rehearsal
from sofs_bayes.spec.terms import (
    Beta,
    Departure,
    Equivalence,
    Estimands,
    Evidence,
    Exponential,
    Fixed,
    HalfNormal,
    Normal,
    Sampler,
    Scale,
    Statement,
)
from sofs_bayes.spec.toml_files import read_toml

DidAnalysis = HierarchicalAnalysis | OpenAnalysis

__all__ = [
    "Analysis",
    "AsPrinted",
    "AuthorityColumns",
    "AuthorityCovariate",
    "AuthorityMatching",
    "AuthorityNote",
    "Beta",
    "ChildrenAnalysis",
    "Columns",
    "Comparators",
    "CriticalValues",
    "Departure",
    "DidAnalysis",
    "Equivalence",
    "Estimands",
    "Evidence",
    "Exponential",
    "FittedAnalysis",
    "Fixed",
    "FromTable",
    "GroupColumns",
    "HalfNormal",
    "HierarchicalAnalysis",
    "HierarchicalModel",
    "HierarchicalPriors",
    "Levels",
    "Matching",
    "Normal",
    "Number",
    "OpenAnalysis",
    "OpenCounts",
    "OpenDesign",
    "OpenModel",
    "OpenPriors",
    "OutcomeWindow",
    "OwnOutcome",
    "OwnTreatment",
    "Pilot",
    "PrintedAnalysis",
    "PrintedDesign",
    "PrintedPriors",
    "PrintedSensitivity",
    "Reading",
    "RecordingBreak",
    "Records",
    "Regression",
    "Regressions",
    "Rehearsal",
    "RowKey",
    "Sampler",
    "Scale",
    "Statement",
    "Treatment",
    "analysis_of",
    "bundled_models",
    "changed",
    "check_name",
    "fingerprint",
    "load",
    "parse",
    "read_toml",
    "to_document",
    "with_rows",
]
