"""The table object, and what readers see of it: lines of text, headings, notes."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from sofs_bayes.spec import Evidence
from sofs_bayes.spec.keys import Estimand, Variant
from sofs_bayes.tables.digits import Cell, Estimate, Format, last_digit, shown

if TYPE_CHECKING:
    import pandas as pd

Holds = Literal["", "children", "events", "rate", "extreme"]

EVIDENCE_LINES: Mapping[Evidence, str] = {
    "published": "Evidence: printed in the report.",
    "published-inferred": "Evidence: computed from what is printed (published-inferred).",
    "synthetic": "Evidence: simulated (synthetic). It says nothing about real children.",
    "open-data": "Evidence: Department for Education open data on whole authorities (open-data).",
    "unknown-origin": "Evidence: counts of unknown origin on whole authorities (unknown-origin).",
    "records": "Evidence: children's records.",
}
DIGITS_NOTE = (
    "Digits: rounded to the smallest power of ten that is not below half the Monte Carlo error, the"
    " same in a whole column: that of its middle row, a median and its interval as the least exact"
    " of them."
)
ADDED = ("evidence", "status")  # said in every line of a file
# Of a key like `unpooled_lower`, what it shares with the other numbers of its interval.
OF_INTERVAL = re.compile(r"(.*?)(?:mean|median|lower|upper)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: key in CSV, heading for readers, how its numbers are shown, what they are of.

    `holds` is for a disclosure check: counts of children, or of children with an event, in the
    line's group; a rate of events among them; a smallest or largest child's value. Empty for
    labels and for what models estimate. `group` is a heading above the headings of all
    neighbouring columns that have the same.
    """

    key: str
    heading: str
    format: Format = "text"
    holds: Holds = ""
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Columns and rows with title, notes, evidence and, where refused by a check, its status.

    `errors` has, by column key, the Monte Carlo standard error of each row's number, NaN where
    it has none; it decides how many digits are shown, the same in a whole column. Columns whose
    keys differ in nothing but mean, median, lower and upper (`unpooled_median`,
    `unpooled_lower`) share their digits. `study` says where another study than the report printed
    what the numbers are computed from. `bold` has the numbers of the rows that stand out; one
    of them with nothing (None) behind its first cell is a heading of the rows below it.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    evidence: Evidence
    notes: tuple[str, ...] = ()
    status: str = "converged"
    errors: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    bold: tuple[int, ...] = ()
    study: str = ""

    @property
    def evidence_line(self) -> str:
        """What the table rests on, as a sentence; another study's print by its name."""
        if self.study:
            return f"Evidence: computed from numbers printed in {self.study} ({self.evidence})."
        return EVIDENCE_LINES[self.evidence]

    @property
    def caption(self) -> str:
        """The title, with the refusal in front where a check refused the result."""
        return self.title if self.status == "converged" else f"NOT CONVERGED: {self.title}"

    def to_frame(self) -> "pd.DataFrame":
        """A data frame: a column per key at full precision, with evidence and status in each row.

        An estimate with its interval has a column each for its median and ends. `attrs` has the
        title and the notes.
        """
        import pandas as pd

        frame = pd.DataFrame(list(flat_rows(self)), columns=list(flat_header(self)))
        frame.attrs |= {"title": self.title, "notes": list(self.notes)}
        return frame

    def _repr_html_(self) -> str:
        from sofs_bayes.tables.formats import notebook_html

        return notebook_html(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row as readers see it; a heading is its first cell, above all columns."""

    cells: tuple[str, ...]
    bold: bool
    heading: bool


def table_of(
    name: str,
    title: str,
    items: Sequence[Any],
    columns: Sequence[Column],
    *,
    evidence: Evidence,
    notes: Sequence[str] = (),
    status: str = "converged",
    errors: Mapping[str, tuple[float, ...]] | None = None,
    study: str = "",
) -> Table:
    """A table whose cells are the attributes of dataclass objects named by the columns' keys."""
    rows = tuple(
        tuple(_in_words(getattr(item, column.key)) for column in columns) for item in items
    )
    return Table(
        name=name,
        title=title,
        columns=tuple(columns),
        rows=rows,
        evidence=evidence,
        notes=tuple(notes),
        status=status,
        errors=errors or {},
        study=study,
    )


def _in_words(value: Any) -> Cell:
    cell: Cell = str(value) if isinstance(value, Estimand | Variant) else value
    return cell


# ------------------------------------------------------------------- what readers see


def lines_of(table: Table) -> tuple[Line, ...]:
    """The rows as text, with the digits that Monte Carlo errors leave."""
    formats = [column.format for column in table.columns]
    bold, digits = frozenset(table.bold), last_digits(table)
    return tuple(
        Line(
            cells=tuple(shown(*cell) for cell in zip(row, formats, digits, strict=True)),
            bold=i in bold,
            heading=i in bold and len(row) > 1 and all(cell is None for cell in row[1:]),
        )
        for i, row in enumerate(table.rows)
    )


def last_digits(table: Table) -> tuple[int | None, ...]:
    """Column by column, the power of ten of the last digit; None where no error decides it.

    So decimals are aligned. It is that of the middle row, the less exact of two: one row that is
    known worse takes no digit from all others.
    """
    errors = [table.errors.get(c.key, (math.nan,) * len(table.rows)) for c in table.columns]
    by_row = list(zip(*errors, strict=True)) if errors else []
    found: list[int | None] = []
    for column, own in zip(table.columns, _together(table.columns), strict=True):
        each = [last_digit([row[j] for j in own], column.format) for row in by_row]
        known = sorted(last for last in each if last is not None)
        found.append(known[len(known) // 2] if known else None)
    return tuple(found)


def _together(columns: Sequence[Column]) -> list[list[int]]:
    """For each column, the columns of the interval it belongs to; else itself."""
    parts = [OF_INTERVAL.fullmatch(column.key) for column in columns]
    found: list[list[int]] = []
    for i, (column, part) in enumerate(zip(columns, parts, strict=True)):
        if part is None:
            found.append([i])
            continue
        alike = [
            j
            for j, (other, of) in enumerate(zip(columns, parts, strict=True))
            if of is not None and of[1] == part[1] and other.format == column.format
        ]
        found.append(alike)
    return found


def spans_of(table: Table) -> tuple[tuple[str, int], ...]:
    """The headings above headings, each with its number of columns; none without groups."""
    if not any(column.group for column in table.columns):
        return ()
    groups = groupby(table.columns, key=lambda column: column.group)
    return tuple((group, len(list(columns))) for group, columns in groups)


def notes_of(table: Table) -> tuple[str, ...]:
    """What stands below a table: its notes, what decided the digits, what it rests on."""
    decided = any(last is not None for last in last_digits(table))
    estimates = any(
        isinstance(cell, Estimate) and cell.error > 0 for row in table.rows for cell in row
    )
    digits = [DIGITS_NOTE] if decided or estimates else []
    return (*table.notes, *digits, table.evidence_line)


def unfolded(table: Table) -> Table:
    """The table with a column each for an estimate's median and ends, as one calculates."""
    folded = {i for row in table.rows for i, cell in enumerate(row) if isinstance(cell, Estimate)}
    if not folded:
        return table
    columns: list[Column] = []
    cells: list[list[Cell]] = [[] for _ in table.rows]
    errors = dict(table.errors)
    for i, column in enumerate(table.columns):
        own = [row[i] for row in table.rows]
        if i not in folded:
            columns.append(column)
            _append(cells, [[cell] for cell in own])
            continue
        columns += _of_estimate(column)
        _append(cells, [_parts(cell) for cell in own])
        known = errors.pop(column.key, (math.nan,) * len(own))
        errors[f"{column.key}_median"] = tuple(
            cell.error if isinstance(cell, Estimate) and not math.isnan(cell.error) else error
            for cell, error in zip(own, known, strict=True)
        )
    rows = tuple(map(tuple, cells))
    return replace(table, columns=tuple(columns), rows=rows, errors=errors)


def flat_header(table: Table) -> tuple[str, ...]:
    """The keys of all columns of a file; behind the table's own, evidence and status."""
    own = tuple(column.key for column in unfolded(table).columns)
    return (*own, *(key for key in ADDED if key not in own))


def flat_rows(table: Table) -> Iterator[tuple[Cell, ...]]:
    """Rows below that header, at full precision."""
    own = {column.key for column in table.columns}
    added = [getattr(table, key) for key in ADDED if key not in own]
    return ((*row, *added) for row in unfolded(table).rows)


def _append(rows: Sequence[list[Cell]], cells: Sequence[Sequence[Cell]]) -> None:
    for row, more in zip(rows, cells, strict=True):
        row.extend(more)


def _of_estimate(column: Column) -> list[Column]:
    within = f"{column.group}: {column.heading}" if column.group else column.heading
    return [
        replace(column, key=f"{column.key}_{part}", heading=heading, group=within)
        for part, heading in (("median", "Median"), ("lower", "from"), ("upper", "to"))
    ]


def _parts(cell: Cell) -> list[Cell]:
    if isinstance(cell, Estimate):
        return [cell.median, cell.lower, cell.upper]
    return [cell, None, None]
