"""Word tables: read back with python-docx, as a reader's Word reads them."""

import io
import re
import zipfile
from pathlib import Path

import docx
import pytest
from docx.document import Document
from docx.enum.section import WD_ORIENT
from docx.oxml.ns import qn

from sofs_bayes.errors import BadInput
from sofs_bayes.tables.files import to_word
from sofs_bayes.tables.formats import (
    EVIDENCE_LINES,
    Column,
    Table,
    lines_of,
    notes_of,
)
from sofs_bayes.tables.office_files import legal_text, settled
from sofs_bayes.tables.word import add_table, new_document, save_document


def narrow(**changes: object) -> Table:
    settings: dict[str, object] = {
        "name": "effects",
        "title": "Effects",
        "columns": (
            Column(key="target", heading="In"),
            Column(key="median", heading="Median", format="pp"),
        ),
        "rows": (("pooled", 0.0123), ("Pilot 1", None)),
        "evidence": "open-data",
        "notes": ("Medians.",),
    }
    return Table(**(settings | changes))  # type: ignore[arg-type]


@pytest.fixture
def document() -> Document:
    return new_document("Title & <more>", evidence="open-data")


def reopened(document: Document) -> Document:
    return docx.Document(io.BytesIO(settled(document.save)))


def texts(document: Document) -> list[str]:
    return [paragraph.text for paragraph in document.paragraphs]


def test_title_and_evidence_stand_on_top_and_evidence_on_every_page(document: Document) -> None:
    found = reopened(document)
    assert texts(found) == ["Title & <more>", EVIDENCE_LINES["open-data"]]
    (footer,) = found.sections[0].footer.paragraphs
    assert footer.text == f"{EVIDENCE_LINES['open-data']} Page 1 of 1"


def test_several_evidences_are_named_once_each() -> None:
    found = new_document("T", evidence=("synthetic", "published", "synthetic"))
    assert texts(found)[1] == f"{EVIDENCE_LINES['synthetic']} {EVIDENCE_LINES['published']}"


def test_the_document_is_british_and_has_no_date(document: Document) -> None:
    data = settled(document.save)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        core = archive.read("docProps/core.xml").decode()
        styles = archive.read("word/styles.xml").decode()
        settings = archive.read("word/settings.xml").decode()
    assert "dcterms" not in re.sub(r'xmlns:\w+="[^"]*"', "", core)
    assert "Title &amp; &lt;more&gt;" in core
    modes = re.findall(r'w:name="compatibilityMode"[^>]*w:val="(\d+)"', settings)
    assert modes == ["15"]
    assert re.findall(r'<w:lang [^>]*w:val="([^"]+)"', styles) == ["en-GB"]
    assert not re.search(r"w:(ascii|hAnsi)Theme=", styles.split("<w:style ")[1])


def test_caption_table_notes_and_evidence_in_that_order(document: Document) -> None:
    add_table(document, narrow())
    found = reopened(document)
    assert texts(found)[2:] == ["Table 1. Effects", "Medians.", EVIDENCE_LINES["open-data"]]
    caption = found.paragraphs[2]
    assert caption.style.name == "Caption"
    assert caption.style.paragraph_format.keep_with_next
    assert caption._p.getnext().tag == qn("w:tbl")
    (grid,) = found.tables
    assert [[cell.text for cell in row.cells] for row in grid.rows] == [
        ["In", "Median"],
        ["pooled", "+1.2"],
        ["Pilot 1", "–"],
    ]


def test_captions_are_numbered_by_fields(document: Document) -> None:
    for title in ("A", "B", "C"):
        add_table(document, narrow(title=title))
    found = reopened(document)
    captions = [p.text for p in found.paragraphs if p.style.name == "Caption"]
    assert captions == ["Table 1. A", "Table 2. B", "Table 3. C"]
    codes = [field.text for field in found.element.body.iter(qn("w:instrText"))]
    assert codes == [" SEQ Table \\* ARABIC "] * 3


def test_the_header_is_repeated_and_no_row_is_parted(document: Document) -> None:
    add_table(document, narrow())
    header, *rows = reopened(document).tables[0].rows
    assert header._tr.trPr.find(qn("w:tblHeader")) is not None
    for row in rows:
        assert row._tr.trPr.find(qn("w:tblHeader")) is None
    for row in (header, *rows):
        assert row._tr.trPr.find(qn("w:cantSplit")) is not None


def test_short_tables_stay_on_a_page_and_long_ones_do_not(document: Document) -> None:
    add_table(document, narrow())
    add_table(document, narrow(rows=(("x", 0.1),) * 100))
    short, long = reopened(document).tables
    kept = [
        [row.cells[0].paragraphs[0].paragraph_format.keep_with_next for row in grid.rows]
        for grid in (short, long)
    ]
    assert all(kept[0])
    assert kept[1][0]
    assert kept[1][-1]  # the last row stays with the notes
    assert not any(kept[1][10:90])


def test_numbers_stand_right_and_labels_left(document: Document) -> None:
    add_table(document, narrow())
    for row in reopened(document).tables[0].rows:
        left, right = (cell.paragraphs[0].alignment for cell in row.cells)
        assert left is None
        assert right is not None
        assert right.name == "RIGHT"


def test_cells_have_the_style_of_tables(document: Document) -> None:
    add_table(document, narrow())
    cell = reopened(document).tables[0].rows[1].cells[0]
    assert cell.paragraphs[0].style.name == "Table text"


def test_screen_readers_are_told_what_the_table_is(document: Document) -> None:
    add_table(document, narrow())
    properties = reopened(document).tables[0]._tbl.tblPr
    caption = properties.find(qn("w:tblCaption")).get(qn("w:val"))
    described = properties.find(qn("w:tblDescription")).get(qn("w:val"))
    assert caption == "Effects"
    assert EVIDENCE_LINES["open-data"] in described
    assert properties.find(qn("w:tblLook")).get(qn("w:firstRow")) == "1"


def test_what_a_check_refused_is_marked_in_colour_and_words(document: Document) -> None:
    add_table(document, narrow(status="not converged"))
    add_table(document, narrow())
    refused, fine = (p for p in reopened(document).paragraphs if p.style.name == "Caption")
    assert refused.text == "Table 1. NOT CONVERGED: Effects"
    coloured = [run.text for run in refused.runs if run.font.color.rgb is not None]
    assert coloured == ["NOT CONVERGED: "]
    assert "NOT CONVERGED" not in fine.text


def test_hard_texts_are_text_and_none_is_lost(document: Document, hard_table: Table) -> None:
    add_table(document, hard_table)
    (grid,) = reopened(document).tables
    groups, header, heading, *rows = grid.rows
    assert groups.cells[1].text == "First"
    assert groups.cells[-1].text == "Last & least"
    assert [cell.text for cell in header.cells] == [c.heading for c in hard_table.columns]
    assert {cell.text for cell in heading.cells} == {"A heading"}  # merged across
    for row, line in zip(rows, lines_of(hard_table)[1:], strict=True):
        assert [cell.text for cell in row.cells] == [legal_text(cell) for cell in line.cells]
    assert all(run.bold for cell in rows[0].cells for run in cell.paragraphs[0].runs)


def test_an_estimate_has_two_lines_in_its_cell(document: Document, folded_table: Table) -> None:
    add_table(document, folded_table)
    assert reopened(document).tables[0].rows[2].cells[1].text == "−3\n(−9 to +4)"


def orientations(document: Document) -> list[WD_ORIENT]:
    return [section.orientation for section in document.sections]


UP, ACROSS = WD_ORIENT.PORTRAIT, WD_ORIENT.LANDSCAPE


def saved(document: Document, folder: Path) -> Document:
    path = folder / "saved.docx"
    save_document(document, path)
    return docx.Document(str(path))


def test_a_wide_table_turns_its_page_and_no_other(
    document: Document, hard_table: Table, tmp_path: Path
) -> None:
    add_table(document, narrow())
    add_table(document, hard_table)
    document.add_paragraph("Upright again.")
    found = saved(document, tmp_path)
    assert orientations(found) == [UP, ACROSS, UP]
    sizes = [(section.page_width, section.page_height) for section in found.sections]
    assert sizes[1] == sizes[0][::-1]
    assert all(
        section.footer.paragraphs[0].text.startswith("Evidence") for section in found.sections
    )


def test_wide_tables_in_a_row_or_at_the_end_leave_no_blank_page(
    document: Document, hard_table: Table, tmp_path: Path
) -> None:
    add_table(document, hard_table)
    add_table(document, hard_table)
    assert orientations(saved(document, tmp_path)) == [UP, ACROSS]


def test_a_table_is_no_wider_than_its_page(document: Document, hard_table: Table) -> None:
    for table, room in ((narrow(), 9638), (hard_table, 14600)):
        add_table(document, table)
        grid = reopened(document).tables[-1]
        widths = [int(column.get(qn("w:w"))) for column in grid._tbl.iter(qn("w:gridCol"))]
        assert sum(widths) <= room
        assert len(widths) == len(table.columns)


def test_the_same_tables_give_the_same_bytes(
    hard_table: Table, folded_table: Table, tmp_path: Path
) -> None:
    paths = [tmp_path / name for name in ("a.docx", "b.docx", "c.docx")]
    for path in paths[:2]:
        to_word([hard_table, folded_table], path)
    to_word([folded_table, hard_table], paths[2])
    first, second, other = (path.read_bytes() for path in paths)
    assert first == second
    assert first != other


def test_a_file_that_exists_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "t.docx").write_text("mine")
    with pytest.raises(BadInput, match="a file that exists"):
        to_word([narrow()], tmp_path / "t.docx")
    assert (tmp_path / "t.docx").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["t.docx"]


def test_every_table_of_a_document_says_what_it_rests_on(tmp_path: Path) -> None:
    tables = [narrow(), narrow(evidence="synthetic")]
    to_word(tables, tmp_path / "t.docx")
    found = texts(docx.Document(str(tmp_path / "t.docx")))
    for table in tables:
        assert notes_of(table)[-1] in found
