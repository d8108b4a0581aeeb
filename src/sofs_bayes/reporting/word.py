"""Tables as Word tables: captions, repeated headers, notes; the document they stand in."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sofs_bayes.reporting.office_files import legal_text, settled
from sofs_bayes.reporting.run_folder import write_new
from sofs_bayes.reporting.table_model import (
    EVIDENCE_LINES,
    Line,
    Table,
    lines_of,
    notes_of,
    spans_of,
)
from sofs_bayes.reporting.widths import PADDING, Layout, layout_of
from sofs_bayes.spec import Evidence

if TYPE_CHECKING:
    from docx.document import Document
    from docx.section import Section
    from docx.styles.style import ParagraphStyle
    from docx.table import Table as WordTable
    from docx.table import _Cell, _Row
    from docx.text.paragraph import Paragraph

FONT = "Arial"
LANGUAGE = "en-GB"
CAPTION, TEXT, NOTE = "Caption", "Table text", "Table note"
MARGIN = 2.0  # cm
REFUSED = "A00000"  # dark enough to be read in grey
# A table of up to so many rows is kept on one page.
KEPT = 25
# Eighths of a point.
THICK, THIN = 8, 4


def new_document(title: str, *, evidence: Evidence | Sequence[Evidence]) -> "Document":
    """An empty A4 document with its styles; title and evidence on top, evidence on every page.

    Parameters
    ----------
    title
        Stands on top and among the document's properties, which have no date.
    evidence
        What the document rests on: one, or several in the order to be named.
    """
    import docx

    document = docx.Document()
    kinds: Sequence[Evidence] = [evidence] if isinstance(evidence, str) else evidence
    said = " ".join(EVIDENCE_LINES[kind] for kind in dict.fromkeys(kinds))
    _set_properties(document, legal_text(title), said)
    _set_styles(document)
    _set_page(document.sections[0], said)
    document.add_paragraph(legal_text(title), style="Title")
    document.add_paragraph(said, style=NOTE)
    return document


def add_table(document: "Document", table: Table) -> None:
    """Add a table with its caption above and its notes and evidence below.

    A table too wide for the page has a page of its own, the other way round; what is added
    after it stands upright again.

    Parameters
    ----------
    document
        From `new_document`, whose styles it needs.
    """
    layout = layout_of(table)
    if layout.landscape:
        _turn(document, landscape=True)
    _add_caption(document, table)
    _add_grid(document, table, layout)
    notes = [document.add_paragraph(legal_text(note), style=NOTE) for note in notes_of(table)]
    for note in notes[:-1]:
        note.paragraph_format.space_after = 0
        note.paragraph_format.keep_with_next = True
    if layout.landscape:
        _turn(document, landscape=False)


def save_document(document: "Document", path: Path) -> None:
    """Write the document whole or not at all; the same document gives the same bytes.

    Raises
    ------
    BadInput
        The file exists, or cannot be written.
    """
    _drop_empty_section(document)
    write_new(path, settled(document.save))


# ------------------------------------------------------------------------- the document


def _set_properties(document: "Document", title: str, said: str) -> None:
    core = document.core_properties
    # Word's own limit for a property.
    core.title, core.comments = title[:255], said[:255]
    core.author = core.last_modified_by = "sofs_bayes"
    core.language = LANGUAGE
    settings = document.settings.element
    # Without it Word opens the file in compatibility mode, with the layout of Word 2007.
    compat = _child(settings, "w:compat")
    compat.append(
        _element(
            "w:compatSetting",
            name="compatibilityMode",
            uri="http://schemas.microsoft.com/office/word",
            val="15",
        )
    )


def _set_styles(document: "Document") -> None:
    from docx.enum.style import WD_STYLE_TYPE
    from docx.shared import Pt

    styles = document.styles
    for language in styles.element.iter(_tag("w:lang")):
        language.set(_tag("w:val"), LANGUAGE)
    _set_font(styles["Normal"], 10.5)
    styles["Normal"].paragraph_format.space_after = Pt(6)
    for name, size in (
        ("Title", 20.0),
        ("Heading 1", 15.0),
        ("Heading 2", 12.5),
        ("Heading 3", 11.0),
    ):
        _set_font(styles[name], size, bold=True)
    for border in list(styles["Title"].element.iter(_tag("w:pBdr"))):
        border.getparent().remove(border)
    _set_font(styles[CAPTION], 10.0, bold=True)
    caption = styles[CAPTION].paragraph_format
    caption.keep_with_next, caption.keep_together = True, True
    caption.space_before, caption.space_after = Pt(12), Pt(4)
    for name, size, after in ((TEXT, 9.0, 0.0), (NOTE, 8.5, 6.0)):
        style = styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        style.base_style = styles["Normal"]
        style.quick_style = True
        _set_font(style, size)
        style.paragraph_format.space_before = Pt(0 if name == TEXT else 2)
        style.paragraph_format.space_after = Pt(after)
        style.paragraph_format.keep_together = True


def _set_font(style: "ParagraphStyle", size: float, *, bold: bool = False) -> None:
    from docx.shared import Pt, RGBColor

    style.font.name, style.font.size = FONT, Pt(size)
    style.font.bold, style.font.color.rgb = bold, RGBColor(0, 0, 0)
    fonts = style.element.rPr.rFonts
    for name in list(fonts.attrib):  # a theme's font would go before the named one
        if "heme" in name:
            del fonts.attrib[name]
    for script in ("w:hAnsi", "w:cs", "w:eastAsia"):
        fonts.set(_tag(script), FONT)


def _set_page(section: "Section", said: str) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Cm

    section.page_width, section.page_height = Cm(21.0), Cm(29.7)
    section.left_margin = section.right_margin = Cm(MARGIN)
    section.top_margin = section.bottom_margin = Cm(MARGIN)
    footer = section.footer.paragraphs[0]
    footer.style = NOTE
    footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
    footer.add_run(f"{said} Page ")
    _add_field(footer, "PAGE", "1")
    footer.add_run(" of ")
    _add_field(footer, "NUMPAGES", "1")


def _turn(document: "Document", *, landscape: bool) -> None:
    """What is added from here on stands on a page this way round."""
    from docx.enum.section import WD_ORIENT, WD_SECTION

    _drop_empty_section(document)
    section = document.sections[-1]
    if (section.orientation == WD_ORIENT.LANDSCAPE) == landscape:
        return
    new = document.add_section(WD_SECTION.NEW_PAGE)
    new.orientation = WD_ORIENT.LANDSCAPE if landscape else WD_ORIENT.PORTRAIT
    new.page_width, new.page_height = section.page_height, section.page_width
    _move_break_up(document)


def _move_break_up(document: "Document") -> None:
    """End a section with its last paragraph, not with an empty one that could need a page."""
    ending = document.element.body[-2]
    before = ending.getprevious()
    if before is not None and before.tag == _tag("w:p") and before.find(BREAK) is None:
        before.get_or_add_pPr().append(ending.find(BREAK))
        ending.getparent().remove(ending)


def _drop_empty_section(document: "Document") -> None:
    """Take back a change of direction after which nothing was added: it would be a blank page."""
    body = document.element.body
    last = body[-2] if len(body) > 1 else None
    ended = last.find(BREAK) if last is not None and last.tag == _tag("w:p") else None
    if ended is not None:
        body.replace(body[-1], ended)


BREAK = (
    "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}pPr/"
    "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}sectPr"
)


# ---------------------------------------------------------------------------- the table


def _add_caption(document: "Document", table: Table) -> None:
    from docx.shared import RGBColor

    number = 1 + sum(
        "SEQ Table" in (field.text or "")
        for field in document.element.body.iter(_tag("w:instrText"))
    )
    paragraph = document.add_paragraph(style=CAPTION)
    paragraph.add_run("Table ")
    _add_field(paragraph, "SEQ Table \\* ARABIC", str(number))
    paragraph.add_run(". ")
    mark = table.caption.removesuffix(table.title)
    if mark:
        paragraph.add_run(mark).font.color.rgb = RGBColor.from_string(REFUSED)
    paragraph.add_run(legal_text(table.title))


def _add_grid(document: "Document", table: Table, layout: Layout) -> None:
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
        cells=tuple(column.heading for column in table.columns), bold=True, heading=False
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
    width = _child(properties, "w:tblW")
    width.set(_tag("w:type"), "dxa")
    width.set(_tag("w:w"), str(round(20 * sum(layout.widths))))
    borders = _element("w:tblBorders")
    for side in ("w:top", "w:bottom"):
        borders.append(_element(side, val="single", sz=str(THICK), space="0", color="000000"))
    margins = _element("w:tblCellMar")
    for side in ("w:left", "w:right"):
        margins.append(_element(side, w=str(round(10 * PADDING)), type="dxa"))
    look = properties.find(_tag("w:tblLook"))
    layout_kind = properties.find(_tag("w:tblLayout"))
    layout_kind.addprevious(borders)
    layout_kind.addnext(margins)
    if look is not None:
        properties.remove(look)
    margins.addnext(
        _element("w:tblLook", val="00A0", firstRow="1", firstColumn="1", noHBand="1", noVBand="1")
    )
    properties.append(_element("w:tblCaption", val=legal_text(table.caption)[:255]))
    described = " ".join(notes_of(table))
    properties.append(_element("w:tblDescription", val=legal_text(described)))


def _set_row(row: "_Row", layout: Layout, *, header: bool) -> None:
    from docx.shared import Pt

    properties = row._tr.get_or_add_trPr()
    properties.append(_element("w:cantSplit"))
    if header:
        properties.append(_element("w:tblHeader"))
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

    cells = row.cells
    if line.heading:
        _write(_only_paragraph(cells[0].merge(cells[-1])), line.cells[0], layout, bold=True)
        return
    for cell, text, column in zip(cells, line.cells, table.columns, strict=True):
        paragraph = cell.paragraphs[0]
        _write(paragraph, text, layout, bold=line.bold)
        if column.format != "text":
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT


def _only_paragraph(cell: "_Cell") -> "Paragraph":
    """The first paragraph of merged cells, without the empty ones of the others."""
    first, *others = cell.paragraphs
    for paragraph in others:
        paragraph._p.getparent().remove(paragraph._p)
    return first


def _write(paragraph: "Paragraph", text: str, layout: Layout, *, bold: bool) -> None:
    from docx.shared import Pt

    paragraph.style = TEXT
    run = paragraph.add_run(legal_text(text))
    run.font.bold = bold or None
    run.font.size = Pt(layout.size)
    paragraph.paragraph_format.space_before = paragraph.paragraph_format.space_after = Pt(1.5)


def _set_border(cell: "_Cell", size: int) -> None:
    borders = _element("w:tcBorders")
    borders.append(_element("w:bottom", val="single", sz=str(size), space="0", color="000000"))
    properties = cell._tc.get_or_add_tcPr()
    before = properties.find(_tag("w:gridSpan"))
    before = properties.find(_tag("w:tcW")) if before is None else before
    before.addnext(borders)


# ----------------------------------------------------------------- what python-docx lacks


def _add_field(paragraph: "Paragraph", code: str, result: str) -> None:
    """A field that Word works out anew, with the result it has as long as it has not."""
    for kind in ("begin", code, "separate", result, "end"):
        run = paragraph.add_run()
        if kind == code:
            instruction = _element("w:instrText")
            instruction.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
            instruction.text = f" {code} "
            run._r.append(instruction)
        elif kind == result:
            run.text = result
        else:
            run._r.append(_element("w:fldChar", fldCharType=kind))


def _tag(name: str) -> str:
    from docx.oxml.ns import qn

    return qn(name)


def _element(tag: str, /, **attributes: str) -> Any:
    from docx.oxml import OxmlElement

    element = OxmlElement(tag)
    for key, value in attributes.items():
        element.set(_tag(f"w:{key}"), value)
    return element


def _child(parent: Any, name: str) -> Any:
    found = parent.find(_tag(name))
    if found is None:
        found = _element(name)
        parent.append(found)
    return found
