"""CSV files as other programs end and fill their lines: read, or named as what they are."""

import gzip
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sofs_bayes.errors import BadInput, BadSpec
from sofs_bayes.records.csv_lines import ends_alike
from sofs_bayes.records.csv_text import read_csv_text
from sofs_bayes.records.groups import read_groups
from sofs_bayes.records.referrals import open_referrals
from sofs_bayes.spec import ChildrenAnalysis, load

HEADER = (
    "child,authority,referral_date,icpc_date,gender,age,disabled,school_phase,low_income,"
    "ethnic_group,main_need,note"
)
ROWS = [f"Q{i},Zorbury,2013-05-{i:02},,1,4.5,no,primary,0,White,N1,plain" for i in range(1, 10)]


@pytest.fixture(scope="module")
def analysis() -> ChildrenAnalysis:
    loaded = load("icpc-children")
    assert isinstance(loaded, ChildrenAnalysis)
    return loaded


def read(path: Path, analysis: ChildrenAnalysis) -> list[tuple[Any, ...]]:
    with open_referrals(path, analysis) as referrals:
        return referrals.connection.execute("FROM referrals ORDER BY child").fetchall()


def refused(path: Path, analysis: ChildrenAnalysis) -> str:
    with pytest.raises((BadInput, BadSpec)) as error:
        read(path, analysis)
    (line,) = str(error.value).splitlines()
    assert not any(word in line for word in ("Zorbury", "plain", "Q1", "Q5"))
    return line.removeprefix(f"{path}: ")


def ended(*ends: str) -> str:
    """The header and the rows, their ends by turns."""
    lines = [HEADER, *ROWS]
    return "".join(line + ends[i * len(ends) // len(lines)] for i, line in enumerate(lines))


ENDINGS = {
    "LF": ended("\n"),
    "CRLF": ended("\r\n"),
    "CR": ended("\r"),
    "CRLF, then LF": ended("\r\n", "\n"),
    "LF, then CRLF": ended("\n", "\r\n"),
    "CR, then LF": ended("\r", "\n"),
    "LF, then CR": ended("\n", "\r"),
    "all of them": ended("\r\n", "\n", "\r"),
    "CR CR LF": ended("\r\r\n"),
    "only the header's differs": ended("\n").replace("\n", "\r\n", 1),
    "none at the end": ended("\r\n", "\n").rstrip(),
    "others within quotes": ended("\n").replace("plain", '"a\r\nb, ""c"" \rd"'),
    "others within quotes, CRLF": ended("\r\n").replace("plain", '"a\nb"'),
    "mixed, and within quotes": ended("\r\n", "\n").replace("plain", '"a\nb"'),
    "a byte order mark": "\ufeff" + ended("\r", "\r\n"),
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_lines_may_end_in_any_way(
    ending: str, suffix: str, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    plain = tmp_path / "plain.csv"
    plain.write_bytes(ENDINGS["LF"].encode())
    path = tmp_path / f"referrals{suffix}"
    content = ENDINGS[ending].encode()
    path.write_bytes(gzip.compress(content) if suffix == ".csv.gz" else content)
    expected = read(plain, analysis)
    assert len(expected) == len(ROWS)
    assert [row[1:] for row in read(path, analysis)] == [row[1:] for row in expected]


@pytest.mark.parametrize("ending", ENDINGS)
def test_lines_of_a_table_may_end_in_any_way(ending: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(ENDINGS[ending].encode())
    found = read_csv_text(path)
    assert found.header == tuple(HEADER.split(","))
    assert [record.fields[:-1] for record in found.records] == [
        tuple(row.split(","))[:-1] for row in ROWS
    ]


@given(
    ends=st.lists(st.sampled_from(["\n", "\r\n", "\r"]), min_size=1, max_size=6),
    notes=st.lists(st.text("a\r\n\"'", max_size=5), min_size=6, max_size=6),
)
@settings(max_examples=100, deadline=None)
def test_ends_within_quotes_do_not_count(
    ends: list[str], notes: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("ends") / "t.csv"
    quoted = ['"' + note.replace('"', '""') + '"' for note in notes]
    text = "".join(f"x,{note}{end}" for note, end in zip(quoted, ends, strict=False))
    path.write_bytes(text.encode())
    assert ends_alike(path) == (len(set(ends)) == 1)


def test_faults_of_a_file_with_mixed_ends_have_their_line(
    analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    path = tmp_path / "referrals.csv"
    mixed = ENDINGS["CRLF, then LF"]
    path.write_bytes(mixed.replace("Q7,Zorbury,", "Q7,").encode())
    assert refused(path, analysis).startswith("line 8: found 11 fields")
    path.write_bytes(mixed.replace("Zorbury", "Zörbury").encode("latin-1"))
    assert refused(path, analysis).startswith("found text that is not UTF-8")
    path.write_bytes(mixed.encode("utf-16"))
    assert refused(path, analysis).startswith("line 1: found text in UTF-16")
    path.write_bytes(mixed.replace("2013-05-07", "2013-05-77").encode())
    assert "found no day of the calendar written YYYY-MM-DD in 1 of 9 rows" in refused(
        path, analysis
    )


LONG = "x" * 3_000_000
QUOTE = "a quote that does not end, or ends within its field"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (
            ended("\n").replace("plain", LONG, 1),
            "line 2: found a line of more than 2,000,000 bytes",
        ),
        (
            ended("\n").replace("plain", '"' + "x\n" * 1_500_000 + '"', 1),
            "line 2: found a record of more than 2,000,000 bytes",
        ),
        (
            ended("\r\n", "\n").replace("plain", "x" * 150_000, 1),
            "line 2: found a field of more than 131,072 characters",
        ),
        (ended("\n").replace("note", LONG), "line 1: found a header of more than 1,000,000 bytes"),
        (
            ended("\n").replace("note", "x" * 150_000),
            "line 1: found a field of more than 131,072 characters",
        ),
        (LONG, "line 1: found a header of more than 1,000,000 bytes"),
        (HEADER + '\n"' + LONG, "line 2: found a line of more than 2,000,000 bytes"),
        (ended("\n").replace("plain", '"plain', 1), f"line 2: found {QUOTE}"),
        (
            ended("\n").replace("plain", 'pl"ain"', 1).replace("Q5", '"Q"5'),
            f"line 6: found {QUOTE}",
        ),
        ("\n\n\n", "line 1: found nothing in the place of a header"),
        ("\ufeff", "line 1: found nothing in the place of a header"),
        (" \t \n", "line 1: found nothing in the place of a header"),
        (HEADER.encode("utf-16-le").decode(), "line 1: found no text in UTF-8 (is it encrypted"),
        (HEADER, "found a header and no rows"),
        (HEADER + "\r", "found a header and no rows"),
        (HEADER + "\r\n\n\n", "found a header and no rows"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_what_cannot_be_read_is_named_as_what_it_is(
    content: str, found: str, suffix: str, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    path = tmp_path / f"referrals{suffix}"
    path.write_bytes(gzip.compress(content.encode()) if suffix == ".csv.gz" else content.encode())
    assert refused(path, analysis).startswith(found)


@pytest.mark.parametrize("start", ["", HEADER + "\n"])
def test_a_gzip_bomb_takes_no_memory(
    start: str, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    path = tmp_path / "referrals.csv.gz"
    with gzip.open(path, "wb") as file:
        file.write(start.encode())
        for _ in range(200):
            file.write(b"x" * 1_000_000)
    tracemalloc.start()
    try:
        assert "bytes" in refused(path, analysis)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 30_000_000


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda content: content[:-10], "no gzip file, or one that is damaged or cut off"),
        (lambda content: content + b"more", "no gzip file, or one that is damaged or cut off"),
        (lambda content: b"no gzip", "no gzip file, or one that is damaged or cut off"),
    ],
)
def test_damaged_gzip_files_are_named(
    spoil: Callable[[bytes], bytes], found: str, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    path = tmp_path / "referrals.csv.gz"
    path.write_bytes(spoil(gzip.compress(ended("\n").encode())))
    assert refused(path, analysis).startswith(f"found {found}")


@pytest.mark.parametrize(("sign", "called"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_columns_between_other_signs_are_told(
    sign: str, called: str, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    path = tmp_path / "referrals.csv"
    path.write_bytes(ENDINGS["LF"].replace(",", sign).encode())
    with pytest.raises(BadSpec) as error:
        read(path, analysis)
    assert f"no such column (columns stand between {called} here, not commas)" in str(error.value)
    assert "Zorbury" not in str(error.value)


def test_fields_of_a_table_that_are_too_long_are_named(tmp_path: Path) -> None:
    path = tmp_path / "groups.csv"
    header = "pilot,comparator,settling_in_start,settling_in_end\n"
    for text, found in (
        (header + "x" * 150_000, "line 2: found a field of more than 131,072 characters"),
        ("x" * 150_000, "line 1: found a field of more than 131,072 characters"),
        (header + '"Aldmoor,Dell', "line 2: found a quote that does not end"),
        (header + "Aldmoor\0,Dell", "line 2: found byte 0x00, which is no text"),
    ):
        path.write_text(text)
        with pytest.raises(BadInput) as error:
            read_groups(path)
        assert str(error.value).startswith(f"{path}: {found}")
