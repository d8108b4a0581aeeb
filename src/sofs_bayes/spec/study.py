"""Which study an analysis is of: that of the published report, or another with its own words."""

from collections.abc import Sequence
from dataclasses import replace

from sofs_bayes.spec.children import ChildrenAnalysis
from sofs_bayes.spec.files import Analysis
from sofs_bayes.spec.hierarchical import HierarchicalAnalysis
from sofs_bayes.spec.opened import OpenAnalysis
from sofs_bayes.spec.outcomes import OUTCOMES, Outcome, OwnOutcome, column_in_words, outcome
from sofs_bayes.spec.printed import PrintedAnalysis
from sofs_bayes.spec.terms import CHILDREN

OF_REPORT = "the practice model"
UNNAMED = "the programme"
CHILDRENS = (ChildrenAnalysis, HierarchicalAnalysis)


def of_report(analysis: Analysis) -> bool:
    """Whether an analysis declares the published report: its table, or one of its outcomes."""
    if isinstance(analysis, PrintedAnalysis):
        return analysis.from_table is not None
    return isinstance(analysis.outcome, str) and analysis.outcome in OUTCOMES


def evaluated(analysis: Analysis) -> str:
    """What is evaluated, in words that stand in a sentence."""
    if of_report(analysis):
        return OF_REPORT
    own = analysis.children if isinstance(analysis, HierarchicalAnalysis) else analysis
    return getattr(own, "intervention", None) or UNNAMED


def evaluated_by(analyses: Sequence[Analysis]) -> str:
    """What several analyses evaluate; no name where they are of different studies."""
    named = {evaluated(each) for each in analyses}
    return named.pop() if len(named) == 1 else UNNAMED


def words_of(analysis: Analysis) -> Outcome:
    """The words of an analysis's outcome; another study's counts and print are not of children."""
    own = outcome(analysis.outcome)
    if own.counted or of_report(analysis) or isinstance(analysis, CHILDRENS):
        return own
    return replace(own, counted=denominator_of(analysis))


def denominator_of(analysis: Analysis) -> str:
    """What rates are of, in the plural: referrals if nothing is said (a child may have several)."""
    if counted := outcome(analysis.outcome).counted:
        return counted
    if isinstance(analysis, OpenAnalysis):
        return column_in_words(analysis.data.denominator)
    return "cases" if printed_in(analysis) else "referrals"


def events_of(analysis: OpenAnalysis) -> str:
    """Whom open counts count, in the plural: the study's own words, or the column's."""
    if isinstance(analysis.outcome, OwnOutcome):
        return analysis.outcome.unit
    return column_in_words(analysis.data.events)


def persons_of(analysis: Analysis) -> str:
    """Whose referrals, or what else is counted, recur: children if nothing is said."""
    return "persons" if words_of(analysis).counted else CHILDREN


def printed_in(analysis: Analysis) -> str:
    """Where another study than the report printed what an analysis rests on; empty otherwise."""
    written = analysis.as_printed if isinstance(analysis, PrintedAnalysis) else None
    return "" if written is None else written.source
