"""The report as a Word document: its headings, framed evidence, alt texts and tables."""

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import docx
import matplotlib
import pytest
from docx.oxml.ns import qn
from PIL import ImageFont

from sofs_bayes.pages.page import Page, Part
from sofs_bayes.pages.word_page import write_word
from sofs_bayes.tables.formats import Column, Table
from sofs_bayes.tables.widths import PADDING, layout_of
from sofs_bayes.tables.word_xml import bookmark_of

PAGE = Page(
    title="Ours",
    heading="Ours",
    lead="One analysis.",
    parts=(
        Part(heading="Key results", anchor="short", bullets=("It is -1.2.",)),
        Part(heading="Print", anchor="print", level=3, evidence="published-inferred"),
        Part(heading="Made up", anchor="made", level=3, evidence="synthetic"),
    ),
    files="Files.",
    provenance=("Seed 1.",),
    status="converged",
)


@pytest.fixture(scope="module")
def document(report_folder: Path) -> Any:
    return docx.Document(str(report_folder / "report.docx"))


def headings(document: Any) -> list[tuple[int, str]]:
    return [
        (int(paragraph.style.name.split()[-1]), paragraph.text)
        for paragraph in document.paragraphs
        if paragraph.style.name.startswith("Heading")
    ]


def shaded(document: Any) -> list[str]:
    return [p.text for p in document.paragraphs if p._p.find(f".//{qn('w:shd')}") is not None]


def test_headings_are_headings_and_none_is_left_out(document: Any) -> None:
    found = headings(document)
    assert (1, "The answer") in found
    assert (1, "Annex: reporting guidelines") in found
    assert (2, "Step 5: report sensitivity") in found
    levels = [level for level, _ in found]
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_made_up_parts_say_so_in_heading_and_text(document: Any) -> None:
    title = "Initial child protection conferences: hierarchical linear model of Table 5"
    assert (2, f"{title} (simulated children)") in headings(document)
    marks = [text for text in shaded(document) if text.startswith("Simulated children. None")]
    assert len(marks) >= 4


def test_evidence_is_framed(document: Any) -> None:
    texts = " ".join(shaded(document))
    assert "Computed from print (published-inferred)" in texts
    assert "What it cannot say. Anything about Signs of Safety." in texts


def test_figures_have_alt_text_and_a_caption(document: Any) -> None:
    pictures = [shape._inline.docPr for shape in document.inline_shapes]
    assert len(pictures) == 3
    assert pictures[0].get("descr").startswith("No source settles")
    assert pictures[1].get("descr").startswith("Prior and posterior densities")
    assert pictures[2].get("descr").startswith("Simulated children")
    captions = [p.text for p in document.paragraphs if p.style.name == "Caption"]
    assert [text for text in captions if "Figure 1." in text]
    assert [text for text in captions if text.startswith("Simulated children: Figure 3.")]


def test_a_document_does_not_say_how_to_move_what_does_not_move(document: Any) -> None:
    texts = [paragraph.text for paragraph in document.paragraphs]
    assert any(text.startswith("On the page index.html the threshold") for text in texts)
    assert not any("The address of the page then holds" in text for text in texts)


def test_the_contents_are_a_field_that_already_lists_the_headings(document: Any) -> None:
    codes = [each.text for each in document.element.body.iter(qn("w:instrText"))]
    assert [code for code in codes if code.strip().startswith("TOC")]
    begins = list(document.element.body.iter(qn("w:fldChar")))
    pages = [code.split()[1] for code in codes if "PAGEREF" in code]
    marks = {each.get(qn("w:name")) for each in document.element.body.iter(qn("w:bookmarkStart"))}
    assert len(pages) > 10 and set(pages) <= marks
    stale = [each for each in begins if each.get(qn("w:dirty")) == "true"]
    assert len(stale) == 1 + len(pages)  # of these and the contents as a whole
    kinds = [each.get(qn("w:fldCharType")) for each in begins]
    assert kinds.count("begin") == kinds.count("end")
    texts = [p.text for p in document.paragraphs if not p.style.name.startswith("Heading")]
    assert "How likely is an effect larger than …?\t" in texts


def test_every_link_leads_to_a_place_in_the_document(document: Any) -> None:
    body = document.element.body
    marks = [each.get(qn("w:name")) for each in body.iter(qn("w:bookmarkStart"))]
    ids = [each.get(qn("w:id")) for each in body.iter(qn("w:bookmarkStart"))]
    ends = [each.get(qn("w:id")) for each in body.iter(qn("w:bookmarkEnd"))]
    links = [each.get(qn("w:anchor")) for each in body.iter(qn("w:hyperlink"))]
    assert len(set(marks)) == len(marks) == len(headings(document)) - headings_of_boxes(document)
    assert ids == ends and len(set(ids)) == len(ids)
    assert all(re.fullmatch("_[A-Za-z0-9_]{1,39}", name) for name in marks)
    assert len(links) > 20 and set(links) <= set(marks)
    [first] = [p for p in document.paragraphs if p.text.startswith("Where: ")][:1]
    assert first._p.find(qn("w:hyperlink")) is not None


def headings_of_boxes(document: Any) -> int:
    """Headings that are no part's: of evidence boxes and of a checklist's steps."""
    unmarked = [
        paragraph
        for paragraph in document.paragraphs
        if paragraph.style.name.startswith("Heading")
        and paragraph._p.find(qn("w:bookmarkStart")) is None
    ]
    assert {p.style.name for p in unmarked} == {"Heading 2"}
    return len(unmarked)


def test_long_names_of_places_stay_apart() -> None:
    one, other = bookmark_of("a" * 60), bookmark_of("a" * 61)
    assert len(one) == len(other) == 40 and one != other
    assert bookmark_of("icpc-printed: pilots") == "_icpc_printed__pilots"


def test_figures_are_numbered_as_word_does(document: Any) -> None:
    codes = [each.text.split() for each in document.element.body.iter(qn("w:instrText"))]
    assert sum(code[:2] == ["SEQ", "Figure"] for code in codes) == 3
    assert sum(code[:2] == ["SEQ", "Table"] for code in codes) > 3


def split_words(document: Any) -> list[str]:
    """Words of tables that their column cannot hold where DejaVu Sans stands in for Arial."""
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    plain, bold = (
        ImageFont.truetype(str(fonts / f"{name}.ttf"), 1000)
        for name in ("DejaVuSans", "DejaVuSans-Bold")
    )
    found = []
    for table in document.tables:
        for row in table.rows:
            for cell in row.cells:
                room = cell.width.pt - PADDING
                for run in (run for paragraph in cell.paragraphs for run in paragraph.runs):
                    font = bold if run.font.bold else plain
                    size = run.font.size.pt / 1000
                    found += [w for w in run.text.split() if font.getlength(w) * size > room]
    return found


def test_no_number_is_split_where_another_font_stands_in(document: Any) -> None:
    assert not [word for word in split_words(document) if re.search(r"\d", word)]
    narrow = document.tables[0].rows[-1].cells[-1]
    narrow.width = narrow.width // 4
    assert split_words(document), "the check sees nothing"


def test_thresholds_and_checklist_are_there(document: Any) -> None:
    text = "\n".join(paragraph.text for paragraph in document.paragraphs)
    assert "here the probabilities stand at some thresholds" in text
    assert "Criterion: not reported." in text
    assert document.tables


def test_a_refused_report_says_so_and_others_do_not(tmp_path: Path) -> None:
    write_word(PAGE, tmp_path / "good.docx", figures=tmp_path)
    write_word(replace(PAGE, status="not converged"), tmp_path / "refused.docx", figures=tmp_path)
    good, refused = (docx.Document(str(tmp_path / f"{n}.docx")) for n in ("good", "refused"))
    assert not [text for text in shaded(good) if text.startswith("NOT CONVERGED")]
    assert [text for text in shaded(refused) if text.startswith("NOT CONVERGED")]
    assert "It is −1.2." in [paragraph.text for paragraph in good.paragraphs]


def test_a_heading_stands_on_the_page_of_its_wide_table(tmp_path: Path) -> None:
    columns = tuple(Column(key=f"c{i}", heading=f"A rather long heading {i}") for i in range(14))
    wide = Table(
        name="wide",
        title="Wide",
        columns=columns,
        rows=(("some words here",) * 14,),
        evidence="synthetic",
    )
    assert layout_of(wide).landscape
    part = Part(heading="Wide things", anchor="wide", tables=(wide,))
    for parts, together in (
        ((PAGE.parts[0], part), True),
        ((PAGE.parts[0], replace(part, paragraphs=("Words first.",))), False),
    ):
        path = tmp_path / f"{together}.docx"
        write_word(replace(PAGE, parts=parts), path, figures=tmp_path)
        page_of: dict[str, int] = {}
        page = 0
        for paragraph in docx.Document(str(path)).paragraphs:
            page_of[paragraph.text] = page
            page += paragraph._p.find(f".//{qn('w:sectPr')}") is not None
        assert (page_of["Wide things"] == page_of["Table 1. Wide"]) is together
