"""Office files hold any text and no date."""

import io
import zipfile
from typing import IO
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from sofs_bayes.tables.office_files import NO_DATE, legal_text, settled


@given(text=st.text(st.characters()))
def test_any_text_becomes_text_that_xml_holds(text: str) -> None:
    kept = legal_text(text)
    element = ElementTree.Element("a")
    element.text = kept
    assert (ElementTree.fromstring(ElementTree.tostring(element, "utf-8")).text or "") == kept


def test_only_what_is_illegal_goes() -> None:
    assert legal_text("a\tb\r\nc\rd\x00\x1b\ufffe\ud800e🙂") == "a\tb\nc\nde🙂"


def written_at(year: int, created: str) -> bytes:
    def save(stream: IO[bytes]) -> None:
        with zipfile.ZipFile(stream, "w") as archive:
            core = f"<c><dcterms:created x='1'>{created}</dcterms:created><title>T</title></c>"
            for name, text in (("docProps/core.xml", core), ("body.xml", f"<b>{created}</b>")):
                archive.writestr(zipfile.ZipInfo(name, (year, 5, 1, 0, 0, 0)), text)

    return settled(save)


def test_the_time_of_writing_leaves_no_trace() -> None:
    data = written_at(2020, "x")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {NO_DATE}
        assert archive.read("docProps/core.xml") == b"<c><title>T</title></c>"
        assert archive.read("body.xml") == b"<b>x</b>"
    assert data == written_at(2021, "x")


def test_other_contents_give_other_bytes() -> None:
    assert written_at(2020, "x") != written_at(2020, "y")
