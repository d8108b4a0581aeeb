"""One table object, written as CSV and JSON (full precision) or Markdown and HTML (readable).

Word, Excel and LaTeX have modules of their own beside this one.
"""

import html
import json
import math
from collections.abc import Sequence
from html import escape
from itertools import zip_longest
from typing import Any

from sofs_bayes.records.csv_rows import csv_text, rows_to_csv
from sofs_bayes.tables.digits import Cell, Estimate, Format, shown
from sofs_bayes.tables.model import (
    DIGITS_NOTE,
    EVIDENCE_LINES,
    Column,
    Line,
    Table,
    error_of,
    flat_header,
    flat_rows,
    lines_of,
    notes_of,
    spans_of,
    table_of,
    unfolded,
    writer,
)

__all__ = [
    "DIGITS_NOTE",
    "EVIDENCE_LINES",
    "Cell",
    "Column",
    "Estimate",
    "Format",
    "Table",
    "lines_of",
    "notes_of",
    "rows_to_csv",
    "shown",
    "table_of",
    "to_csv",
    "to_html",
    "to_json",
    "to_markdown",
    "unfolded",
]

# What a number lacks at its right is there, but neither seen, read out nor copied.
PADDED = "[data-pad]::after{content:attr(data-pad);white-space:pre;visibility:hidden}"
# Notebooks align all cells to the right, and would break no line in a long one.
TABLE_STYLE = (
    "<style scoped>.table{overflow-x:auto}.table caption{text-align:left;font-weight:600;"
    "caption-side:top}.table th,.table td{text-align:left;vertical-align:top}"
    ".table .num{text-align:right;white-space:nowrap}.table thead .num{white-space:normal}"
    f".table {PADDED}"
    "</style>"
)


@writer
def to_csv(table: Table) -> str:
    """The table as CSV: keys as header, numbers at full precision, gaps empty.

    The last columns say in every line what the table rests on and whether a check refused it.
    A label that a spreadsheet would calculate (it begins like a formula) has an apostrophe in
    front; numbers never have one. Lines end in a line feed.
    """
    return csv_text(flat_header(table), flat_rows(table))


# ------------------------------------------------------------------------------ JSON


@writer
def to_json(table: Table) -> str:
    """The table as JSON: what it is and rests on, columns, rows as stored and as shown.

    A row has, by column key, `value` at full precision, `shown` and, where it is known, `mcse`
    (the Monte Carlo standard error). Gaps are null; infinities, which JSON has no numbers for,
    are "Infinity" and "-Infinity".
    """
    keys = [column.key for column in table.columns]
    if len(set(keys)) < len(keys):
        raise ValueError(f"{table.name}: two columns of one key: {keys}")
    document = {
        "name": table.name,
        "title": table.title,
        "status": table.status,
        "evidence": table.evidence,
        "evidence_line": table.evidence_line,
        **({"evidence_of_rows": list(table.rests)} if table.rests else {}),
        "notes": list(notes_of(table)[:-1]),
        "columns": [
            {key: getattr(column, key) for key in ("key", "heading", "group", "format")}
            for column in table.columns
        ],
        "rows": [
            {
                key: {"value": _json_value(cell), "shown": text, **_json_error(table, key, i, cell)}
                for key, cell, text in zip(keys, row, line.cells, strict=True)
            }
            for i, (row, line) in enumerate(zip(table.rows, lines_of(table), strict=True))
        ],
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _json_value(cell: Cell) -> Any:
    if isinstance(cell, Estimate):
        parts = {"median": cell.median, "lower": cell.lower, "upper": cell.upper}
        found = {key: _json_value(part) for key, part in parts.items()}
        found |= {"mark": cell.mark} if cell.mark else {}
        return found | ({"bracket": [*map(_json_value, cell.bracket)]} if cell.bracket else {})
    if isinstance(cell, float) and not math.isfinite(cell):
        return None if math.isnan(cell) else "Infinity" if cell > 0 else "-Infinity"
    # numpy's own numbers are no numbers to json, unless they are Python's, too
    return cell if cell is None or isinstance(cell, bool | str | int) else float(cell)


def _json_error(table: Table, key: str, row: int, cell: Cell) -> dict[str, float]:
    error = error_of(cell, table.errors[key][row] if key in table.errors else math.nan)
    return {"mcse": float(error)} if math.isfinite(error) else {}


# ----------------------------------------------------------------- Markdown and HTML


@writer
def to_markdown(table: Table) -> str:
    """The table as Markdown with its caption, notes and evidence line; pipes are escaped."""
    before = ("", *(column.group for column in table.columns))
    heads = [
        f"{own.group}: {own.heading}" if own.group not in ("", last) else own.heading
        for own, last in zip(table.columns, before, strict=False)
    ]
    rule = ["---" if column.format == "text" else "---:" for column in table.columns]
    lines = [_markdown_row(heads), _markdown_row(rule)]
    for line in lines_of(table):
        cells = (line.cells[0], *("" for _ in line.cells[1:])) if line.heading else line.cells
        lines.append(_markdown_row([f"**{c}**" if c and line.bold else c for c in cells]))
    return "\n".join([f"**{table.caption}**", "", *lines, "", *notes_of(table), ""])


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


@writer
def to_html(table: Table) -> str:
    """The table as an HTML fragment with caption, column scopes, notes and evidence line.

    A `div` with a table and its notes; texts are escaped.
    """
    out = [f'<table id="{html.escape(table.name)}"><caption>{html.escape(table.caption)}</caption>']
    kinds = ["text" if column.format == "text" else "num" for column in table.columns]
    kinds[0] = "text"  # rows are named at the left, by numbers, too
    heads = "".join(
        f'<th scope="col" class="{kind}">{html.escape(column.heading)}</th>'
        for column, kind in zip(table.columns, kinds, strict=True)
    )
    out.append(f"<thead>{_html_groups(table)}<tr>{heads}</tr></thead><tbody>")
    out += [_html_line(line, kinds) for line in lines_of(table)]
    out.append(f'</tbody></table><p class="note">{html.escape(" ".join(notes_of(table)))}</p>')
    return f'<div class="table">{"".join(out)}</div>'


def notebook_html(table: Table) -> str:
    """The table in a frame that the keyboard reaches; without id, as one may be shown twice."""
    frame = f'<div class="table" role="group" tabindex="0" aria-label="{escape(table.caption)}">'
    text = to_html(table).replace('<div class="table">', frame, 1)
    return TABLE_STYLE + text.replace(f' id="{escape(table.name)}"', "", 1)


def _html_groups(table: Table) -> str:
    spans = "".join(
        f'<th scope="colgroup" class="group" colspan="{width}">{html.escape(group)}</th>'
        if group
        else f'<td colspan="{width}"></td>'
        for group, width in spans_of(table)
    )
    return f"<tr>{spans}</tr>" if spans else ""


def _html_line(line: Line, kinds: Sequence[str]) -> str:
    cells = [_html_cell(*cell) for cell in zip(line.cells, line.pads, strict=True)]
    if line.heading:
        width = len(cells)
        return f'<tr class="bold"><th scope="rowgroup" colspan="{width}">{cells[0]}</th></tr>'
    if line.bold:
        cells = [f"<strong>{cell}</strong>" for cell in cells]
    rest = "".join(
        f'<td class="{kind}">{cell}</td>' for cell, kind in zip(cells[1:], kinds[1:], strict=True)
    )
    mark = ' class="bold"' if line.bold else ""
    return f'<tr{mark}><th scope="row">{cells[0]}</th>{rest}</tr>'


def _html_cell(text: str, pads: Sequence[str]) -> str:
    """A cell's lines, each with room for what it lacks at its right."""
    ends = (f'<span data-pad="{html.escape(pad)}"></span>' if pad else "" for pad in pads)
    lines = zip_longest(text.split("\n"), ends, fillvalue="")
    return "<br>".join(f"{html.escape(line)}{end}" for line, end in lines)
