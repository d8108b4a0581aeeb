"""A page as a Word document: real headings, framed evidence, figures with alt text, tables."""

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sofs_bayes.pages.page import (
    MADE_UP,
    SYNTHETIC,
    Box,
    CheckLine,
    Page,
    Part,
    figure_caption,
    page_tables,
    with_minus,
)
from sofs_bayes.spec import Evidence
from sofs_bayes.tables.word import (
    CAPTION,
    NOTE,
    add_table,
    new_document,
    save_document,
    turn_for,
)
from sofs_bayes.tables.word_xml import add_field, add_link, bookmark_of, element, mark

if TYPE_CHECKING:
    from docx.document import Document
    from docx.text.paragraph import Paragraph

WIDTH = 16.5  # cm, of figures
MARK = "9A1B1B"
SHADES = {"synthetic": "FBE9E9"}
SHADE = "F0F2F4"
REFUSED = (
    "NOT CONVERGED: a check refused at least one result in this document. Results so marked must"
    " not be used."
)
EXPLORER = (
    "On the page index.html the threshold can be moved; here the probabilities stand at some"
    " thresholds."
)
MADE = "how-it-was-made"
FOLDED = "Further tables, in tables/: {}."


def write_word(page: Page, path: Path, *, figures: Path) -> None:
    """Write the page as a Word document.

    Parameters
    ----------
    figures
        The folder that has the page's figures as PNG.
    """
    document = new_document(page.heading, evidence=evidences_of(page))
    document.add_paragraph(page.lead)
    if page.status != "converged":
        _warn(document, REFUSED)
    _add_contents(document, page.parts)
    for part in page.parts:
        _add_part(document, part, figures, {each.anchor for each in page.parts})
    mark(document.add_heading("How it was made", 1), MADE)
    document.add_paragraph(page.files)
    for line in page.provenance:
        document.add_paragraph(line, style=NOTE)
    save_document(document, path)


def evidences_of(page: Page) -> tuple[Evidence, ...]:
    """The kinds of evidence that a page's boxes, parts and tables name, in that order."""
    named = [box.evidence for part in page.parts for box in part.boxes]
    named += [part.evidence for part in page.parts if part.evidence]
    named += [table.evidence for table in page_tables(page)]
    return tuple(dict.fromkeys(named))


def _add_part(document: "Document", part: Part, figures: Path, places: Collection[str]) -> None:
    if part.tables and not _text_first(part):
        turn_for(document, part.tables[0])
    mark(document.add_heading(_heading(part), part.level - 1), part.anchor)
    if part.evidence == "synthetic":
        _warn(document, f"{SYNTHETIC}. {MADE_UP}")
    for box in part.boxes:
        _add_box(document, box)
    # What an explorer's part says is how to move what does not move here.
    for text in (EXPLORER,) if part.explorer else part.paragraphs:
        document.add_paragraph(with_minus(text))
    for text in part.bullets:
        document.add_paragraph(with_minus(text), style="List Bullet")
    for name, text in part.entries:
        paragraph = document.add_paragraph()
        paragraph.add_run(f"{name}. " if name else "").font.bold = True
        paragraph.add_run(with_minus(text))
    if part.explorer:
        for table in part.explorer.tables:
            add_table(document, table)
    for drawing in part.figures:
        _add_figure(
            document,
            figures / f"{drawing.name}.png",
            drawing.alt,
            figure_caption(part, drawing),
            # Where only files are named below, the picture's own title has to do.
            style=CAPTION if part.captions.get(drawing.name) else NOTE,
        )
    for table in part.tables:
        add_table(document, table)
    _add_checklist(document, part.checklist, places)
    if part.folded:
        named = "; ".join(f"{table.caption} ({table.name})" for table in part.folded)
        document.add_paragraph(FOLDED.format(named), style=NOTE)


def _text_first(part: Part) -> bool:
    """Whether something that reads upright stands between a part's heading and its tables."""
    above = (part.boxes, part.paragraphs, part.bullets, part.entries, part.figures)
    return part.explorer is not None or any(above)


def _heading(part: Part) -> str:
    """A heading in plain text, with its evidence behind it."""
    from markupsafe import Markup

    text = part.heading.striptags() if isinstance(part.heading, Markup) else part.heading
    if part.evidence == "synthetic":
        return f"{text} ({SYNTHETIC.lower()})"
    return f"{text} ({part.evidence})" if part.evidence else text


def _warn(document: "Document", text: str) -> None:
    """A sentence that must not be overlooked: bold, dark red, framed."""
    from docx.shared import RGBColor

    paragraph = document.add_paragraph()
    run = paragraph.add_run(text)
    run.font.bold, run.font.color.rgb = True, RGBColor.from_string(MARK)
    _shade(paragraph, SHADES["synthetic"], MARK)


def _add_box(document: "Document", box: Box) -> None:
    """An evidence box: a shaded heading, then shaded paragraphs."""
    colour = MARK if box.evidence == "synthetic" else "1B1F24"
    shade = SHADES.get(box.evidence, SHADE)
    paragraphs = [document.add_heading(f"{box.heading} ({box.evidence})", 2)]
    for name, text in box.lines:
        paragraph = document.add_paragraph()
        paragraph.add_run(f"{name} ").font.bold = True
        paragraph.add_run(text)
        paragraphs.append(paragraph)
    for paragraph in paragraphs:
        paragraph.paragraph_format.keep_with_next = paragraph is not paragraphs[-1]
        _shade(paragraph, shade, colour)
    document.add_paragraph(style=NOTE)  # else the next box would run into this one


def _shade(paragraph: "Paragraph", fill: str, border: str) -> None:
    """Shading and a rule on the left, where the order of elements allows them."""
    properties = paragraph._p.get_or_add_pPr()
    borders = element("w:pBdr")
    borders.append(element("w:left", val="single", sz="24", space="6", color=border))
    successors = ("w:shd", "w:tabs", "w:spacing", "w:ind", "w:contextualSpacing", "w:jc", "w:rPr")
    properties.insert_element_before(borders, *successors)
    shade = element("w:shd", val="clear", color="auto", fill=fill)
    properties.insert_element_before(shade, *successors[1:])


def _add_figure(document: "Document", png: Path, alt: str, caption: str, *, style: str) -> None:
    from docx.shared import Cm

    document.add_picture(str(png), width=Cm(WIDTH))
    picture = document.paragraphs[-1]
    picture.paragraph_format.keep_with_next = True
    properties = document.inline_shapes[-1]._inline.docPr
    properties.set("descr", alt)
    properties.set("title", png.stem)
    below = document.add_paragraph(style=style)
    before, numbered, after = with_minus(caption), "", ""
    if found := re.search(r"(?<=\bFigure )[0-9]+(?=\.)", before):
        before, numbered, after = before[: found.start()], found[0], before[found.end() :]
    below.add_run(before)
    if numbered:
        add_field(below, "SEQ Figure \\* ARABIC", numbered)
        below.add_run(after)
    below.paragraph_format.keep_with_next = False


def _add_checklist(
    document: "Document", lines: Sequence[CheckLine], places: Collection[str]
) -> None:
    step = ""
    for line in lines:
        if line.step != step:
            step = line.step
            document.add_heading(step, 2)
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.keep_with_next = True
        paragraph.add_run(f"{line.heading}: {line.state}. ").font.bold = True
        paragraph.add_run(line.asks)
        for text in line.has:
            document.add_paragraph(with_minus(text), style="List Bullet")
        if line.links:
            where = document.add_paragraph("Where: ", style=NOTE)
            for i, (text, anchor) in enumerate(line.links):
                where.add_run(", " if i else "")
                if anchor in places:
                    add_link(where, text, anchor)
                else:  # a table that is a file only
                    where.add_run(text)


# ------------------------------------------------------------------------ table of contents


def _add_contents(document: "Document", parts: Sequence[Part]) -> None:
    """A table of contents that leads to its headings; page numbers are filled in on opening."""
    from docx.enum.text import WD_TAB_ALIGNMENT, WD_TAB_LEADER
    from docx.shared import Cm

    title = document.add_paragraph()
    title.add_run("Contents").font.bold = True
    entries = list(_entries(parts))
    for i, (level, text, anchor) in enumerate(entries):
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.left_indent = Cm(0.6 * (level - 1))
        paragraph.paragraph_format.space_after = 0
        if i == 0:
            for made in _field_start('TOC \\o "1-2" \\h \\z \\u'):
                paragraph.add_run()._r.append(made)
        tabs = paragraph.paragraph_format.tab_stops
        tabs.add_tab_stop(Cm(WIDTH), WD_TAB_ALIGNMENT.RIGHT, WD_TAB_LEADER.DOTS)
        add_link(paragraph, text, anchor)
        paragraph.add_run("\t")
        add_field(paragraph, f"PAGEREF {bookmark_of(anchor)} \\h", "", stale=True)
        if i == len(entries) - 1:
            paragraph.add_run()._r.append(element("w:fldChar", fldCharType="end"))


def _entries(parts: Sequence[Part]) -> Iterator[tuple[int, str, str]]:
    for part in parts:
        if part.level <= 3:
            yield part.level - 1, _heading(part), part.anchor
    yield 1, "How it was made", MADE


def _field_start(code: str) -> Iterator[Any]:
    yield element("w:fldChar", fldCharType="begin", dirty="true")
    instruction = element("w:instrText")
    instruction.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    instruction.text = f" {code} "
    yield instruction
    yield element("w:fldChar", fldCharType="separate")
