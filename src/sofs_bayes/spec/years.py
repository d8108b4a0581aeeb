"""What years are called: 2012/13, or 2012 where they begin in January."""

from dataclasses import dataclass

from sofs_bayes.spec.children import APRIL, ChildrenAnalysis
from sofs_bayes.spec.files import Analysis
from sofs_bayes.spec.hierarchical import HierarchicalAnalysis
from sofs_bayes.spec.opened import OpenAnalysis


@dataclass(frozen=True, slots=True)
class Years:
    """Years that begin with a month (1 to 12), named by the calendar year they begin in."""

    begin: int = APRIL

    def name(self, first: int) -> str:
        """The year as readers see it: 2012 is 2012/13, or 2012 if it is a calendar year."""
        return str(first) if self.begin == 1 else f"{first}/{(first + 1) % 100:02d}"

    @property
    def kind(self) -> str:
        """What such a year is called."""
        return {1: "calendar year", APRIL: "financial year"}.get(self.begin, "year")

    @property
    def heading(self) -> str:
        """Of a column with the calendar years they begin in."""
        return self.kind.capitalize() + ("" if self.begin == 1 else " from")


FINANCIAL = Years()


def years_of(analysis: Analysis) -> Years:
    """The years of an analysis."""
    own = analysis.children if isinstance(analysis, HierarchicalAnalysis) else analysis
    if isinstance(own, ChildrenAnalysis):
        return Years(own.records.first_month)
    counts = own.data if isinstance(own, OpenAnalysis) else None
    return FINANCIAL if counts is None else Years(counts.year_begins or APRIL)
