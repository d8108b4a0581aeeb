"""Referrals, authorities and groups that are damaged in any way: refused in a line, or read right.

Every value of a child's record holds a canary, or stands where one stood.
"""

import csv
import gzip
import io
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.trying import CANARY, examples, tried

ANALYSIS = """
kind = "children"
name = "small"
title = "A small made-up study"
outcome = "ICPC"
why = "A small study that is damaged in every way."
[records]
years = [2012, 2013, 2014, 2015, 2016, 2017, 2018]
[records.columns]
outcome_date = "icpc_date"
[records.window]
days = 90
[[records.covariates]]
kind = "levels"
name = "gender"
reference = "male"
levels = { male = ["1"], female = ["2"] }
missing_codes = ["9"]
[[records.covariates]]
kind = "number"
name = "age"
unit = "years at referral"
lowest = -1.0
highest = 25.0
centre = 8.0
[[records.authority_covariates]]
name = "ofsted"
lowest = 1.0
highest = 4.0
[matching]
exact = ["gender"]
cuts = { age = [4.5, 12.5] }
balance = ["gender", "age"]
summary = ["gender", "age"]
[regressions]
covariates = ["gender", "age"]
authority_covariates = ["ofsted"]
unscaled = ["ofsted"]
[[regressions.columns]]
name = "Linear model"
model = "linear"
"""
PILOTS, COMPARATORS = ("Alpha", "Beta"), ("Cee", "Dee", "Eff")
YEARS = range(2012, 2019)
Table = list[list[str]]


def small_study() -> dict[str, Table]:
    """Three tables of a study in which all is right."""
    rng = random.Random(1)
    children = [["child", "authority", "referral_date", "icpc_date", "gender", "age"]]
    for number in range(120):
        authority = rng.choice(PILOTS + COMPARATORS)
        day = f"{rng.choice(YEARS)}-{rng.randint(5, 12):02}-{rng.randint(1, 28):02}"
        event = day if rng.random() < 0.3 else ""
        values = [rng.choice("12"), str(rng.randint(0, 17))]
        children.append([f"{CANARY}{number}", authority, day, event, *values])
    authorities = [["authority", "year", "ofsted"]]
    for name in PILOTS + COMPARATORS:
        authorities += [[name, str(year), str(rng.randint(1, 4))] for year in YEARS]
    groups = [["pilot", "comparator", "settling_in_start", "settling_in_end"]]
    for pilot in PILOTS:
        groups += [[pilot, each, "2014-10-01", "2015-09-30"] for each in COMPARATORS]
    return {"children": children, "authorities": authorities, "groups": groups}


STUDY = small_study()
# By table and column: values that nobody may read as anything.
FAULTS = {
    ("children", "child"): ["", " ", "\u200b"],
    ("children", "authority"): ["", "Nowhere\u00a0"],
    ("children", "referral_date"): ["", "2014-02-30", "30/04/2014", "2014-4-30", "0", "20140430"],
    ("children", "icpc_date"): ["2014-13-01", "yes", "2014-04-30T25:00", "1_0", "2014-04-31"],
    ("children", "gender"): ["3", "male", "١", "1_", "0x1", "1.5"],
    ("children", "age"): ["-2", "26", "1_0", "٣", "1,5", "inf", "0x1F", "1e99", "five", "--1"],
    ("authorities", "year"): ["", "2014.5", "201٤", "two", "2_014"],
    ("authorities", "ofsted"): ["5", "0", "1_0", "good", "inf"],
    ("groups", "settling_in_start"): ["", "2014-02-30", "2030-01-01", "soon"],
    ("groups", "comparator"): ["Alpha", "Nowhere"],
}


def text_of(table: Table) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(table)
    return out.getvalue()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, bytes]], Path]:
    """A function: a folder with the study, some of its files of other content."""
    made: list[Path] = []

    def write(changed: dict[str, bytes]) -> Path:
        folder = tmp_path_factory.mktemp("study")
        (folder / "in").mkdir()
        (folder / "out").mkdir()
        (folder / "small.toml").write_text(ANALYSIS, encoding="utf-8")
        contents = {f"{name}.csv": text_of(table).encode() for name, table in STUDY.items()}
        for name, content in (contents | changed).items():
            if content != b"no such file":
                (folder / "in" / name).write_bytes(content)
        made.append(folder)
        return folder

    return write


def matched(folder: Path, *, faulty: bool, suite: str) -> int:
    target = folder / "out" / "matched"
    words = ["match", folder / "small.toml", folder / "in", "-o", target]
    return tried(suite, list(map(str, words)), target, faulty=faulty)


Study = Callable[[dict[str, bytes]], Path]


def test_the_study_itself_is_matched(study: Study) -> None:
    assert matched(study({}), faulty=False, suite="records: whole") == 0


PLACES = [(place, value) for place, values in FAULTS.items() for value in values]


@given(fault=st.sampled_from(PLACES), seed=st.integers(0, 10**6))
@examples(30)
def test_a_value_that_is_none_is_refused(
    study: Study, fault: tuple[tuple[str, str], str], seed: int
) -> None:
    (name, column), value = fault
    table = [list(row) for row in STUDY[name]]
    random.Random(seed).choice(table[1:])[table[0].index(column)] = value
    folder = study({f"{name}.csv": text_of(table).encode()})
    assert matched(folder, faulty=True, suite="records: values") == 2


@given(
    name=st.sampled_from(sorted(STUDY)),
    value=st.text(max_size=12),
    seed=st.integers(0, 10**6),
)
@examples(15)
def test_any_text_in_any_cell_is_read_or_refused(
    study: Study, name: str, value: str, seed: int
) -> None:
    table, rng = [list(row) for row in STUDY[name]], random.Random(seed)
    row = rng.choice(table[1:])
    # What stands in groups and authorities is no child's, and may be quoted.
    row[rng.randrange(len(row))] = value + CANARY if name == "children" else value
    content = text_of(table).encode("utf-8", "surrogatepass")
    matched(study({f"{name}.csv": content}), faulty=False, suite="records: texts")


def cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content))]


def flipped(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(content))
    return (
        content[:place] + bytes([content[place] ^ (1 << rng.randrange(8))]) + content[place + 1 :]
    )


def doubled(content: bytes, _: random.Random) -> bytes:
    return content + content


def without_column(content: bytes, rng: random.Random) -> bytes:
    table = list(csv.reader(io.StringIO(content.decode())))
    place = rng.randrange(len(table[0]))
    return text_of([row[:place] + row[place + 1 :] for row in table]).encode()


DAMAGES: dict[str, tuple[Callable[[bytes, random.Random], bytes], bool]] = {
    "cut": (cut, False),
    "flipped": (flipped, False),
    "doubled": (doubled, True),
    "without a column": (without_column, True),
    "empty": (lambda _, __: b"", True),
    "no file": (lambda _, __: b"no such file", True),
    "header alone": (lambda content, _: content.split(b"\n")[0] + b"\n", True),
    "of zeros": (lambda content, _: bytes(len(content)), True),
    "in UTF-16": (lambda content, _: content.decode().encode("utf-16"), True),
    "with old line ends": (lambda content, _: content.replace(b"\n", b"\r"), False),
    "with mixed line ends": (lambda content, _: content.replace(b"\n", b"\r\n", 40), False),
}


@given(
    name=st.sampled_from(sorted(STUDY)),
    damage=st.sampled_from(sorted(DAMAGES)),
    seed=st.integers(0, 10**6),
)
@examples(30)
def test_a_damaged_file_is_refused_or_read(study: Study, name: str, damage: str, seed: int) -> None:
    change, faulty = DAMAGES[damage]
    content = change(text_of(STUDY[name]).encode(), random.Random(seed))
    matched(study({f"{name}.csv": content}), faulty=faulty, suite="records: files")


@given(seed=st.integers(0, 10**6), damage=st.sampled_from([cut, flipped]))
@examples(10)
def test_a_damaged_archive_is_refused_or_read(
    study: Study, seed: int, damage: Callable[[bytes, random.Random], bytes]
) -> None:
    content = damage(
        gzip.compress(text_of(STUDY["children"]).encode(), mtime=0), random.Random(seed)
    )
    changed = {"children.csv": b"no such file", "children.csv.gz": content}
    matched(study(changed), faulty=False, suite="records: gzip")
