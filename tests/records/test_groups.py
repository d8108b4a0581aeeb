"""Matched groups as a CSV file: out and in, and what is refused."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sofs_bayes.errors import BadInput, BadSpec
from sofs_bayes.records.groups import Groups, Pair, Window, groups_text, read_groups

HEADER = "pilot,comparator,settling_in_start,settling_in_end\n"
START, END = date(2014, 10, 1), date(2015, 3, 31)


def written(text: str, folder: Path) -> Path:
    path = folder / "groups.csv"
    path.write_text(HEADER + text, encoding="utf-8")
    return path


def refused(text: str, folder: Path) -> list[str]:
    path = written(text, folder)
    with pytest.raises((BadInput, BadSpec)) as error:
        read_groups(path)
    return [line.removeprefix(f"{path}: ") for line in str(error.value).splitlines()]


def test_groups_are_read(tmp_path: Path) -> None:
    path = written(
        "Aldmoor,Dell,2014-10-01,2015-03-31\n"
        "Birchway,,2015-01-01,2015-01-01\n"
        "Aldmoor, Esk ,2014-10-01,2015-03-31\n",
        tmp_path,
    )
    groups = read_groups(path)
    assert groups == read_groups(tmp_path)
    assert groups.windows == (
        Window(pilot="Aldmoor", start=START, end=END),
        Window(pilot="Birchway", start=date(2015, 1, 1), end=date(2015, 1, 1)),
    )
    assert groups.pairs == tuple(
        Pair(pilot="Aldmoor", comparator=name, start=START, end=END) for name in ("Dell", "Esk")
    )
    assert groups.pilots == ("Aldmoor", "Birchway")
    assert groups.comparators == ("Dell", "Esk")
    assert groups.unmatched == ("Birchway",)
    assert groups.comparators_of("Aldmoor") == ("Dell", "Esk")
    assert groups.comparators_of("Birchway") == ()


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "Aldmoor,Dell,2014-10-01,2015-03-31\nAldmoor,Esk,2014-10-02,2015-03-31\n",
            [
                "line 3: found another window of Aldmoor than on line 2; allowed: one window for"
                " each pilot"
            ],
        ),
        (
            "Aldmoor,Dell,2015-10-01,2015-03-31\n",
            [
                "line 2: found settling-in from 2015-10-01 to 2015-03-31; allowed: a start no later"
                " than the end"
            ],
        ),
        (
            ",Dell,01/10/2014,\n",
            [
                "line 2: found no pilot; allowed: the name of an authority",
                "line 2, column settling_in_start: found '01/10/2014'; allowed: a date such as"
                " 2014-04-30, from 1990-01-01 to 2100-12-31",
                "line 2, column settling_in_end: found ''; allowed: a date such as 2014-04-30,"
                " from 1990-01-01 to 2100-12-31",
            ],
        ),
        (
            "Aldmoor,Birchway,2014-10-01,2015-03-31\nBirchway,Dell,2014-10-01,2015-03-31\n",
            [
                "line 2: found the comparator Birchway, which is a pilot; allowed: comparators that"
                " are no pilots"
            ],
        ),
        (
            "Aldmoor,Aldmoor,2014-10-01,2015-03-31\n",
            [
                "line 2: found the comparator Aldmoor, which is a pilot; allowed: comparators that"
                " are no pilots"
            ],
        ),
        (
            "Aldmoor,Dell,2014-10-01,2015-03-31\nAldmoor,Dell,2014-10-01,2015-03-31\n",
            ["line 3: found Aldmoor and Dell again; allowed: each pair once"],
        ),
        (
            "Aldmoor,Dell,2014-10-01,2015-03-31\nAldmoor,,2014-10-01,2015-03-31\n",
            [
                "line 3: found no comparator of Aldmoor, which has one on another line; allowed:"
                " comparators, or one row without, which leaves them to be chosen"
            ],
        ),
        (
            "Aldmoor,,2014-10-01,2015-03-31\nAldmoor,,2014-10-01,2015-03-31\n",
            ["line 3: found Aldmoor and no comparator again; allowed: each pair once"],
        ),
    ],
)
def test_faults_are_named(text: str, lines: list[str], tmp_path: Path) -> None:
    assert refused(text, tmp_path) == lines


@pytest.mark.parametrize("day", ["2014-02-30", "20141001", "2014-W40-3", "2014-10-1", "2014-10"])
def test_days_are_written_in_one_way(day: str, tmp_path: Path) -> None:
    (line,) = refused(f"Aldmoor,Dell,{day},2015-03-31\n", tmp_path)
    assert line.startswith(f"line 2, column settling_in_start: found {day!r}; ")


def test_missing_columns_are_named(tmp_path: Path) -> None:
    path = tmp_path / "groups.csv"
    path.write_text("Pilot,comparator,settling_in_start,end\na,b,c,d\n")
    with pytest.raises(BadSpec) as error:
        read_groups(path)
    first, second = str(error.value).splitlines()
    assert "no column pilot (did you mean Pilot?)" in first
    assert "no column settling_in_end" in second


NAMES = st.text("abcXYZ ,\"'é-", min_size=1).filter(lambda name: name == name.strip() != "")


@given(
    names=st.lists(NAMES, min_size=2, max_size=8, unique=True),
    first=st.dates(date(2009, 1, 1), date(2018, 1, 1)),
    lengths=st.lists(st.integers(0, 900), min_size=8, max_size=8),
    taken=st.lists(st.sets(st.integers(0, 7)), min_size=8, max_size=8),
)
@settings(deadline=None, max_examples=50)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory,
    names: list[str],
    first: date,
    lengths: list[int],
    taken: list[set[int]],
) -> None:
    pilots, others = names[::2], names[1::2]
    windows = tuple(
        Window(pilot=name, start=first, end=first + timedelta(days=days))
        for name, days in zip(pilots, lengths, strict=False)
    )
    pairs = tuple(
        Pair(pilot=window.pilot, comparator=others[i], start=window.start, end=window.end)
        for window, mine in zip(windows, taken, strict=False)
        for i in sorted(mine)
        if i < len(others)
    )
    groups = Groups(windows=windows, pairs=pairs)
    path = tmp_path_factory.mktemp("groups") / "groups.csv"
    path.write_text(groups_text(groups), encoding="utf-8")
    assert read_groups(path) == groups
