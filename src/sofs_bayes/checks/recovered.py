"""All that a finished recovery found."""

from dataclasses import dataclass
from typing import Literal

from sofs_bayes.checks.recovery import RecoveryRow
from sofs_bayes.checks.recovery_answers import POSTERIOR
from sofs_bayes.checks.recovery_power import DetectableRow
from sofs_bayes.checks.recovery_prior import FEW, AssuranceRow, OwedRow, ReliabilityRow
from sofs_bayes.checks.recovery_scenarios import Grid
from sofs_bayes.spec import DidAnalysis, Evidence

Origin = Literal["published", "given", "made up", "declared"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """A finished recovery.

    Attributes
    ----------
    analysis, prior
        Whose posterior it was, and its effect prior.
    grid
        What was varied.
    evidence
        Of the cells that the design is taken from; outcomes are simulated in any case.
    design
        How many pilots, comparators and children there are in it.
    origin
        Whose it is: the `published` one, as the bundled made-up children have it in a bundled
        analysis; that of the data `given`; or, in any other analysis, that of the bundled
        children (`made up`).
    rows, owed, reliability, assurance, detectable
        The measures.
    notes
        What was done differently from the analysis itself, in sentences.
    seconds
        Of all replicates, added up over workers.
    """

    analysis: DidAnalysis
    prior: str
    grid: Grid
    evidence: Evidence
    design: tuple[int, int, int]
    origin: Origin
    rows: tuple[RecoveryRow, ...]
    owed: tuple[OwedRow, ...]
    reliability: tuple[ReliabilityRow, ...]
    assurance: tuple[AssuranceRow, ...]
    detectable: tuple[DetectableRow, ...]
    notes: tuple[str, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether coverage is what it owes to be."""
        return all(row.verdict == "in" for row in self.owed)

    @property
    def few(self) -> bool:
        """Whether there are too few replicates to tell."""
        return any(row.verdict == FEW for row in self.owed)

    @property
    def pooled(self) -> tuple[RecoveryRow, ...]:
        """The rows about the pooled effect."""
        return tuple(row for row in self.rows if row.target == "pooled")

    @property
    def replicates(self) -> int:
        """All of them."""
        return sum(row.replicates for row in self.pooled if row.method == POSTERIOR)

    @property
    def refused(self) -> int:
        """Replicates whose fit did not pass its gate; they count all the same."""
        return sum(row.refused for row in self.pooled if row.method == POSTERIOR)
