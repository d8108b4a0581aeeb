"""A table object → the grid of a Word table."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from sofs_bayes.tables.model import Line, Table, lines_of, notes_of, spans_of
from sofs_bayes.tables.office_files import legal_text
from sofs_bayes.tables.widths import PADDING, Layout
from sofs_bayes.tables.word_xml import child_of, element, tag_of

if TYPE_CHECKING:
    from docx.document import Document
    from docx.table import Table as WordTable
    from docx.table import _Cell, _Row
    from docx.text.paragraph import Paragraph

TEXT = "Table text"
# What python-docx calls it in the file: to look it up by name takes longer than all else.
TEXT_ID = "Tabletext"
# A table of up to so many rows is kept on one page.
KEPT = 25
# Eighths of a point.
THICK, THIN = 8, 4
# Of the document's font and of those made to take its place, in its size: what may hang behind
# a number. What is not here is as wide as a figure.
FIGURE = 0.556
ARIAL = {**dict.fromkeys(".,; []", 0.278), **dict.fromkeys("()", 0.333), "*": 0.389, "%": 0.889}


def add_grid(document: "Document", table: Table, layout: Layout) -> None:
    """Add the header, repeated on every page, and the rows, none of which is parted."""
    from docx.shared import Pt

    lines, spans = lines_of(table), spans_of(table)
    heads = 2 if spans else 1
    grid = document.add_table(rows=heads + len(lines), cols=len(table.columns))
    grid.autofit = False
    _set_grid_properties(grid, table, layout)
    for column, width in zip(grid.columns, layout.widths, strict=True):
        column.width = Pt(width)
    rows = list(grid.rows)
    for row in rows:
        _set_row(row, layout, header=row in rows[:heads])
    if spans:
        _fill_groups(rows[0], spans, layout)
    headings = Line(
        cells=tuple(column.heading for column in table.columns),
        pads=((),) * len(table.columns),
        bold=True,
        heading=False,
    )
    _fill(rows[heads - 1], headings, table, layout)
    for cell in rows[heads - 1].cells:
        _set_border(cell, THIN)
    for row, line in zip(rows[heads:], lines, strict=True):
        _fill(row, line, table, layout)
    kept = len(lines) <= KEPT
    for i, row in enumerate(rows):
        if kept or i < heads + 1 or i >= len(rows) - 2:
            for cell in row.cells:
                for paragraph in cell.paragraphs:
                    paragraph.paragraph_format.keep_with_next = True


def _set_grid_properties(grid: "WordTable", table: Table, layout: Layout) -> None:
    """Rules above and below, padding, its width, and its words for screen readers."""
    properties = grid._tbl.tblPr
    width = child_of(properties, "w:tblW")
    width.set(tag_of("w:type"), "dxa")
    width.set(tag_of("w:w"), str(round(20 * sum(layout.widths))))
    borders = element("w:tblBorders")
    for side in ("w:top", "w:bottom"):
        borders.append(element(side, val="single", sz=str(THICK), space="0", color="000000"))
    margins = element("w:tblCellMar")
    for side in ("w:left", "w:right"):
        margins.append(element(side, w=str(round(10 * PADDING)), type="dxa"))
    look = properties.find(tag_of("w:tblLook"))
    layout_kind = properties.find(tag_of("w:tblLayout"))
    layout_kind.addprevious(borders)
    layout_kind.addnext(margins)
    if look is not None:
        properties.remove(look)
    margins.addnext(
        element("w:tblLook", val="00A0", firstRow="1", firstColumn="1", noHBand="1", noVBand="1")
    )
    properties.append(element("w:tblCaption", val=legal_text(table.caption)[:255]))
    described = " ".join(notes_of(table))
    properties.append(element("w:tblDescription", val=legal_text(described)))


def _set_row(row: "_Row", layout: Layout, *, header: bool) -> None:
    from docx.shared import Pt

    properties = row._tr.get_or_add_trPr()
    properties.append(element("w:cantSplit"))
    if header:
        properties.append(element("w:tblHeader"))
    for cell, width in zip(row.cells, layout.widths, strict=True):
        cell.width = Pt(width)


def _fill_groups(row: "_Row", spans: Sequence[tuple[str, int]], layout: Layout) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH

    cells, start = row.cells, 0
    for group, width in spans:
        cell = cells[start].merge(cells[start + width - 1])
        start += width
        paragraph = _only_paragraph(cell)
        _write(paragraph, group, layout, bold=True)
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        if group:
            _set_border(cell, THIN)


def _fill(row: "_Row", line: Line, table: Table, layout: Layout) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt

    cells = row.cells
    if line.heading:
        _write(_only_paragraph(cells[0].merge(cells[-1])), line.cells[0], layout, bold=True)
        return
    for cell, text, pads, column in zip(cells, line.cells, line.pads, table.columns, strict=True):
        # An indent is a paragraph's: lines that lack different things stand in several.
        parted = any(pads)
        parts = zip_longest(text.split("\n"), pads, fillvalue="") if parted else [(text, "")]
        for i, (part, pad) in enumerate(parts):
            paragraph = cell.add_paragraph() if i else cell.paragraphs[0]
            _write(paragraph, part, layout, bold=line.bold)
            if column.format != "text":
                paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
            if pad:
                indent = sum(ARIAL.get(each, FIGURE) for each in pad)
                paragraph.paragraph_format.right_indent = Pt(indent * layout.size)


def _only_paragraph(cell: "_Cell") -> "Paragraph":
    """The first paragraph of merged cells, without the empty ones of the others."""
    first: Paragraph = cell.paragraphs[0]
    for paragraph in cell.paragraphs[1:]:
        paragraph._p.getparent().remove(paragraph._p)
    return first


def _write(paragraph: "Paragraph", text: str, layout: Layout, *, bold: bool) -> None:
    from docx.shared import Pt

    paragraph._p.style = TEXT_ID
    run = paragraph.add_run(legal_text(text))
    run.font.bold = bold or None
    run.font.size = Pt(layout.size)


def _set_border(cell: "_Cell", size: int) -> None:
    borders = element("w:tcBorders")
    borders.append(element("w:bottom", val="single", sz=str(size), space="0", color="000000"))
    properties = cell._tc.get_or_add_tcPr()
    before = properties.find(tag_of("w:gridSpan"))
    before = properties.find(tag_of("w:tcW")) if before is None else before
    before.addnext(borders)
