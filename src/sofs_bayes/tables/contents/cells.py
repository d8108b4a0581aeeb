"""Cells → a table that says what they are and what the disclosure check did."""

from typing import TYPE_CHECKING

from sofs_bayes.spec import ChildrenAnalysis, Evidence
from sofs_bayes.tables.formats import Cell, Column, Table

if TYPE_CHECKING:
    from sofs_bayes.cells.dataset import Cells
    from sofs_bayes.disclosure.cells import Release

UNCHECKED = (
    "NOT CHECKED for disclosure: these cells hold single children and stay where the records are."
)
CHECKED = (
    "Checked for disclosure: cells and covariates as below are cleared for release; this table"
    " and the log stay with the custodian."
)


def cells_table(
    cells: "Cells", released: "Release | None", analysis: ChildrenAnalysis, evidence: Evidence
) -> Table:
    """What the cells tell apart, how many there are, and each rule with what it did."""
    from sofs_bayes.cells.dataset import listed

    patterns = cells.patterns
    rows: list[tuple[Cell, ...]] = [
        ("cells by", ", ".join(listed(patterns, "by")), None),
        ("covariates kept", ", ".join(listed(patterns, "covariates")) or "none", None),
        ("counts", "rows of the file", patterns.sizes["pattern"]),
    ]
    if released is not None:
        rows += [(row.rule, row.action, row.affected) for row in released.log]
    return Table(
        name="disclosure",
        title=f"{analysis.title}: cells",
        columns=(
            Column(key="rule", heading="What"),
            Column(key="action", heading="How"),
            Column(key="cells", heading="Number", format="integer"),
        ),
        rows=tuple(rows),
        evidence=evidence,
        notes=(UNCHECKED if released is None else CHECKED,),
    )
