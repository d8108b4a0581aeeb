"""Tables as Word tables: captions, repeated headers, notes; the document they stand in."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes.folders.whole import write_new
from sofs_bayes.spec import Evidence
from sofs_bayes.tables.model import EVIDENCE_LINES, Table, notes_of
from sofs_bayes.tables.office_files import legal_text, settled
from sofs_bayes.tables.widths import layout_of
from sofs_bayes.tables.word_grid import TEXT, add_grid
from sofs_bayes.tables.word_xml import add_field, number, tag_of

if TYPE_CHECKING:
    from docx.document import Document
    from docx.section import Section
    from docx.styles.style import ParagraphStyle

FONT = "Arial"
LANGUAGE = "en-GB"
CAPTION, NOTE = "Caption", "Table note"
MARGIN = 2.0  # cm
REFUSED = "A00000"  # dark enough to be read in grey


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
    add_grid(document, table, layout)
    notes = [document.add_paragraph(legal_text(note), style=NOTE) for note in notes_of(table)]
    for note in notes[:-1]:
        note.paragraph_format.space_after = 0
        note.paragraph_format.keep_with_next = True
    if layout.landscape:
        _turn(document, landscape=False)


def turn_for(document: "Document", table: Table) -> None:
    """Turn the page now if the table will need it: for a heading that is to stand above it."""
    if layout_of(table).landscape:
        _turn(document, landscape=True)


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
    # In the mode of the template Word would open the file as one of an earlier version.
    for setting in document.settings.element.iter(tag_of("w:compatSetting")):
        if setting.get(tag_of("w:name")) == "compatibilityMode":
            setting.set(tag_of("w:val"), "15")


def _set_styles(document: "Document") -> None:
    from docx.enum.style import WD_STYLE_TYPE
    from docx.shared import Pt

    styles = document.styles
    for language in styles.element.iter(tag_of("w:lang")):
        language.set(tag_of("w:val"), LANGUAGE)
    _set_font(styles["Normal"], 10.5)
    styles["Normal"].paragraph_format.space_after = Pt(6)
    for name, size in (
        ("Title", 20.0),
        ("Heading 1", 15.0),
        ("Heading 2", 12.5),
        ("Heading 3", 11.0),
    ):
        _set_font(styles[name], size, bold=True)
    for border in list(styles["Title"].element.iter(tag_of("w:pBdr"))):
        border.getparent().remove(border)
    _set_font(styles[CAPTION], 10.0, bold=True)
    caption = styles[CAPTION].paragraph_format
    caption.keep_with_next, caption.keep_together = True, True
    caption.space_before, caption.space_after = Pt(12), Pt(4)
    for name, size, before, after in ((TEXT, 9.0, 1.5, 1.5), (NOTE, 8.5, 2.0, 6.0)):
        style = styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        style.base_style = styles["Normal"]
        style.quick_style = True
        _set_font(style, size)
        style.paragraph_format.space_before = Pt(before)
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
        fonts.set(tag_of(script), FONT)


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
    add_field(footer, "PAGE", "1")
    footer.add_run(" of ")
    add_field(footer, "NUMPAGES", "1")


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
    if before is not None and before.tag == tag_of("w:p") and before.find(BREAK) is None:
        before.get_or_add_pPr().append(ending.find(BREAK))
        ending.getparent().remove(ending)


def _drop_empty_section(document: "Document") -> None:
    """Take back a change of direction after which nothing was added: it would be a blank page."""
    body = document.element.body
    last = body[-2] if len(body) > 1 else None
    ended = last.find(BREAK) if last is not None and last.tag == tag_of("w:p") else None
    if ended is not None:
        body.replace(body[-1], ended)


BREAK = (
    "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}pPr/"
    "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}sectPr"
)


def _add_caption(document: "Document", table: Table) -> None:
    from docx.shared import RGBColor

    paragraph = document.add_paragraph(style=CAPTION)
    paragraph.add_run("Table ")
    number(paragraph, "Table")
    paragraph.add_run(". ")
    mark = table.caption.removesuffix(table.title)
    if mark:
        paragraph.add_run(mark).font.color.rgb = RGBColor.from_string(REFUSED)
    paragraph.add_run(legal_text(table.title))
