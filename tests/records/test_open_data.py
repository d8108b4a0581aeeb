"""Reading DfE files: what is taken, what is noticed, and everything that is refused."""

import csv
import importlib.util
import io
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sofs_bayes.errors import BadInput
from sofs_bayes.records.dfe_files import financial_year
from sofs_bayes.records.notices import Notice
from sofs_bayes.records.open_data import read_panel
from sofs_bayes.records.panel import PANEL_SYMBOLS, ROLES, Entry, Panel, make_panel
from sofs_bayes.records.panel_csv import panel_text
from sofs_bayes.records.text_values import SYMBOLS, read_count, trimmed
from sofs_bayes.spec import OpenCounts
from sofs_bayes.spec.looks import look

DATA = Path(__file__).parents[1] / "data"
FILES = sorted((DATA / "dfe").glob("*.csv"))
COUNTS = OpenCounts(
    events="ICPC_child", denominator="Started_child", first_year=2012, last_year=2018
)
COLUMNS = ("authority", "code", "year", "e", "d")

Edit = Callable[[str], str]


@pytest.fixture(scope="module")
def panel() -> Panel:
    return read_panel(FILES, COUNTS)


def of_kind(panel: Panel, kind: str) -> list[Notice]:
    return [notice for notice in panel.notices if notice.kind == kind]


def count(panel: Panel, role: str, authority: str, year: int) -> float:
    return float(panel.counts[role].sel(authority=authority, year=year))


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def edited(folder: Path, edit: Edit, name: str = "conferences.csv") -> list[Path]:
    """The made-up files, one of them edited as text (it keeps its BOM, if it has one)."""
    original = next(file for file in FILES if file.name == name)
    changed = write(folder / name, edit(original.read_bytes().decode()))
    return [changed, *(file for file in FILES if file.name != name)]


def set_field(authority: str, period: str, column: str, value: str) -> Edit:
    """Set a field of an authority's row, found by name and time period; () → the text."""

    def edit(text: str) -> str:
        rows = list(csv.reader(io.StringIO(text)))
        at = [name.removeprefix("\ufeff") for name in rows[0]]
        for row in rows[1:]:
            if row[at.index("la_name")] == authority and row[0] == period:
                row[at.index(column)] = value
        return as_csv(rows)

    return edit


def as_csv(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def line_of(text: str, start: str, part: str) -> int:
    return next(
        i for i, line in enumerate(text.splitlines(), 1) if line.startswith(start) and part in line
    )


# ------------------------------------------------------------------ the made-up files


def test_script_remakes_the_files(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("make_dfe", DATA / "make_dfe.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.make(tmp_path)
    made = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    kept = {name: (DATA / "dfe" / name).read_bytes() for name in made}
    assert made == kept


def test_counts_are_those_of_the_rows(panel: Panel) -> None:
    for file, role, column in (
        ("conferences", "events", "ICPC_child"),
        ("children_in_need", "denominator", "Started_child"),
    ):
        text = (DATA / "dfe" / f"{file}.csv").read_text(encoding="utf-8-sig")
        for row in csv.DictReader(io.StringIO(text)):
            if row["la_name"] == "Fennick" and row["time_period"] <= "2019":
                year = int(row["time_period"]) - 1
                assert count(panel, role, "Fennick", year) == int(row[column])


def test_panel_has_years_by_their_first_and_authorities_by_name(panel: Panel) -> None:
    assert panel.years == tuple(range(2012, 2019))
    assert panel.authorities == tuple(sorted(panel.authorities))
    assert panel.counts["events"].dims == ("authority", "year")
    assert "Brackwater, City of" in panel.authorities
    assert "Not available" not in panel.authorities
    assert panel.counts.attrs == {"events": "ICPC_child", "denominator": "Started_child"}


def test_missing_counts_keep_their_symbols_and_meanings(panel: Panel) -> None:
    for name, year, role, symbol in (
        ("Dunmarsh", 2012, "events", "x"),
        ("Dunmarsh", 2012, "denominator", "x"),
        ("Northmere", 2013, "events", "c"),
        ("Northmere", 2016, "events", "low"),
        ("Northmere", 2017, "events", "z"),
        ("Marlow Fen", 2014, "denominator", "u"),
    ):
        assert math.isnan(count(panel, role, name, year))
        cell = panel.counts[f"{role}_symbol"].sel(authority=name, year=year)
        assert cell.item() == symbol
        found = [n for n in of_kind(panel, "missing") if (n.authority, n.year) == (name, year)]
        assert any(f"{symbol}: {SYMBOLS[symbol]}" in notice.detail for notice in found)
    assert len(of_kind(panel, "missing")) == 6
    whole = {notice.authority for notice in of_kind(panel, "not observed in every year")}
    assert whole == {"Dunmarsh", "Marlow Fen", "Northmere", "Westmarch (115)", "Westmarch (116)"}


def test_an_authority_outlives_its_new_code_but_not_itself(panel: Panel) -> None:
    (changed,) = of_kind(panel, "code changed")
    assert changed.authority == "Larkhaven"
    assert "E06999991" in changed.detail and "E06999111" in changed.detail
    assert bool(panel.observed.sel(authority="Larkhaven").all())
    (shared,) = of_kind(panel, "name shared")
    assert shared.authority == "Westmarch" and "115 and 116" in shared.detail
    old = panel.observed.sel(authority="Westmarch (115)").values
    assert old.tolist() == [True] * 5 + [False] * 2
    assert (panel.observed.sel(authority="Westmarch (116)").values == ~old).all()


def test_a_changed_name_is_the_latest_one(panel: Panel) -> None:
    (changed,) = of_kind(panel, "name changed")
    assert changed.authority == "Hollin Bay" and "Hollin in 2012-2013" in changed.detail
    assert bool(panel.observed.sel(authority="Hollin Bay").all())


def test_breaks_and_rounding_are_noticed(panel: Panel) -> None:
    assert {(n.authority, n.year) for n in of_kind(panel, "recording break")} == {
        ("Dunmarsh", 2014)
    }
    assert {(n.authority, n.year) for n in of_kind(panel, "rounded")} == {("Kestrel Vale", 0)}


def test_a_rounded_year_is_noticed(tmp_path: Path) -> None:
    def round_2015(text: str) -> str:
        rows = list(csv.reader(io.StringIO(text)))
        for row in rows[1:]:
            if row[0] == "2016" and row[2] == "Local authority" and row[-1].isdigit():
                row[-1] = str(10 * round(int(row[-1]) / 10))
        return as_csv(rows)

    panel = read_panel(edited(tmp_path, round_2015), COUNTS)
    found = [notice for notice in of_kind(panel, "rounded") if notice.year]
    assert [(notice.year, notice.detail.split(":")[0]) for notice in found] == [
        (2015, "ICPC_child")
    ]


def test_jump_factor_is_the_analysts(panel: Panel) -> None:
    strict = read_panel(FILES, replace(COUNTS, jump_factor=1.3))
    lax = read_panel(FILES, replace(COUNTS, jump_factor=10.0))
    assert len(of_kind(strict, "recording break")) > len(of_kind(panel, "recording break"))
    assert of_kind(lax, "recording break") == []


def test_national_totals_are_compared(tmp_path: Path, panel: Panel) -> None:
    assert of_kind(panel, "national total") == []
    files = edited(tmp_path, set_field("Fennick", "2015", "ICPC_child", "1600"))
    (found,) = of_kind(read_panel(files, COUNTS), "national total")
    assert found.year == 2014 and found.file == "conferences.csv"


def test_sources_carry_hashes_and_their_indicators(panel: Panel) -> None:
    assert [source.file for source in panel.sources] == [file.name for file in FILES]
    assert [source.indicators for source in panel.sources] == [
        ("Started_child",),
        ("ICPC_child",),
        (),
    ]
    assert all(len(source.sha256) == 64 for source in panel.sources)
    (unused,) = of_kind(panel, "file not used")
    assert unused.file == "referrals.csv"


def test_rows_of_no_authority_are_reported(panel: Panel) -> None:
    counts = replace(COUNTS, denominator="referral_child_count")
    (found,) = of_kind(read_panel(FILES, counts), "not an authority")
    assert (found.year, found.file) == (2014, "referrals.csv")


def test_six_digit_financial_years_are_the_same_years(tmp_path: Path, panel: Panel) -> None:
    def six_digits(text: str) -> str:
        rows = list(csv.reader(io.StringIO(text)))
        for row in rows[1:]:
            row[:2] = [f"{int(row[0]) - 1}{row[0][2:]}", "Financial year"]
        return as_csv(rows)

    other = read_panel(edited(tmp_path, six_digits), COUNTS)
    assert other.counts.identical(panel.counts)


def test_byte_order_mark_line_ends_and_order_of_files_do_not_matter(
    tmp_path: Path, panel: Panel
) -> None:
    def windows(text: str) -> str:
        return text.removeprefix("\ufeff").replace("\n", "\r\n") + "\r\n\r\n"

    other = read_panel(list(reversed(edited(tmp_path, windows))), COUNTS)
    assert other.counts.identical(panel.counts)
    assert other.notices == panel.notices


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_order_of_rows_does_not_matter(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    rng = np.random.default_rng(seed)
    folder = tmp_path_factory.mktemp("shuffled")
    files = []
    for file in FILES:
        head, *lines = file.read_text(encoding="utf-8-sig").splitlines(keepends=True)
        rng.shuffle(lines)
        files.append(write(folder / file.name, head + "".join(lines)))
    shuffled, straight = read_panel(files, COUNTS), read_panel(FILES, COUNTS)
    assert shuffled.counts.identical(straight.counts)
    assert shuffled.notices == straight.notices


LENGTH = (DATA / "dfe" / "conferences.csv").stat().st_size


# half of the cuts fall in the last tenth, where a cut is hard to see
@settings(max_examples=40, deadline=None)
@given(kept=st.one_of(st.integers(0, LENGTH - 1), st.integers(LENGTH * 9 // 10, LENGTH - 1)))
def test_a_file_cut_anywhere_is_never_read_in_silence(
    tmp_path_factory: pytest.TempPathFactory, kept: int
) -> None:
    straight = read_panel(FILES, COUNTS)
    cut = tmp_path_factory.mktemp("cut") / "conferences.csv"
    cut.write_bytes((DATA / "dfe" / "conferences.csv").read_bytes()[:kept])
    try:
        panel = read_panel([cut, *(f for f in FILES if f.name != cut.name)], COUNTS)
    except BadInput as refused:
        assert str(cut) in str(refused) and "\n" not in str(refused)
    else:
        assert set(panel.notices) - set(straight.notices)


# ------------------------------------------------------------------------- identity


def rows_of(*rows: tuple[str, str, str, str, str], column: str) -> str:
    """A DfE file of (time period, old code, new code, name, count)."""
    head = (
        *("time_period", "time_identifier", "geographic_level"),
        *("old_la_code", "new_la_code", "la_name", column),
    )
    return as_csv([head, *((p, "Reporting year", "Local authority", *rest) for p, *rest in rows)])


def two_years(tmp_path: Path, events: str, denominators: str) -> Panel:
    files = [write(tmp_path / "e.csv", events), write(tmp_path / "d.csv", denominators)]
    return read_panel(
        files, OpenCounts(events="e", denominator="d", first_year=2012, last_year=2013)
    )


WHOLE = rows_of(
    ("2013", "901", "E06999901", "Upper", "90"),
    ("2014", "901", "E06999901", "Upper", "91"),
    ("2013", "902", "E06999902", "Nether", "92"),
    ("2014", "902", "E06999902", "Nether", "93"),
    column="d",
)


def test_an_empty_code_is_filled_in_from_the_new_code(tmp_path: Path) -> None:
    events = rows_of(
        ("2013", "", "E06999901", "Upper Town", "9"),  # the name alone would not do
        ("2014", "901", "E06999901", "Upper", "8"),
        ("2013", "902", "E06999902", "Nether", "7"),
        ("2014", "", "", "Nether", "6"),  # no new code, so by the name
        column="e",
    )
    panel = two_years(tmp_path, events, WHOLE)
    assert panel.authorities == ("Nether", "Upper")
    assert panel.counts["code"].values.tolist() == ["902", "901"]
    assert panel.counts["events"].values.tolist() == [[7, 6], [9, 8]]
    filled = of_kind(panel, "code filled in")
    assert [(n.authority, n.year) for n in filled] == [("Nether", 2013), ("Upper", 2012)]


def test_without_three_digit_codes_anywhere_the_new_code_serves(tmp_path: Path) -> None:
    bare = [
        rows_of(
            *((p, "", new, name, value) for p in ("2013", "2014") for new, name, value in each),
            column=column,
        )
        for column, each in (
            ("e", [("E06999901", "Upper", "9"), ("E06999902", "Nether", "8")]),
            ("d", [("E06999901", "Upper", "90"), ("E06999902", "Nether", "80")]),
        )
    ]
    panel = two_years(tmp_path, *bare)
    assert panel.counts["code"].values.tolist() == ["E06999902", "E06999901"]


@pytest.mark.parametrize(
    ("new_code", "name"),
    [
        ("E06999909", "Upper"),  # a new code of the old authority, or a new authority?
        ("", "Nowhere"),
    ],
)
def test_an_authority_that_cannot_be_told_is_refused(
    tmp_path: Path, new_code: str, name: str
) -> None:
    events = rows_of(
        ("2013", "", new_code, name, "9"),
        ("2014", "901", "E06999901", "Upper", "8"),
        ("2013", "902", "E06999902", "Nether", "7"),
        ("2014", "902", "E06999902", "Nether", "6"),
        column="e",
    )
    with pytest.raises(BadInput, match=r"line 2, column old_la_code: found nothing"):
        two_years(tmp_path, events, WHOLE)


@pytest.mark.parametrize(("name", "code"), [("Upper", "901"), ("Nether", "902"), ("Mid", "")])
def test_a_new_code_of_two_authorities_is_settled_by_the_name(
    tmp_path: Path, name: str, code: str
) -> None:
    denominators = WHOLE.replace("E06999902", "E06999901")
    other = "902" if code == "901" else "901"
    events = rows_of(
        ("2013", "", "E06999901", name, "9"),
        ("2014", code or "902", "E06999901", name if code else "Nether", "8"),
        ("2013", other, "E06999901", "Nether" if code == "901" else "Upper", "7"),
        ("2014", other, "E06999901", "Nether" if code == "901" else "Upper", "6"),
        column="e",
    )
    if not code:
        with pytest.raises(BadInput, match=r"for Mid E06999901 \(elsewhere: 901, 902\)"):
            two_years(tmp_path, events, denominators)
        return
    panel = two_years(tmp_path, events, denominators)
    assert panel.counts["events"].sel(authority=name).values.tolist() == [9, 8]


def test_two_codes_of_one_name_are_two_authorities(tmp_path: Path) -> None:
    events, denominators = (
        rows_of(
            ("2013", "901", "E10999901", "Dale", "9"),
            ("2014", "903", "E06999903", "Dale", "8"),
            ("2013", "902", "E06999902", "Nether", "7"),
            ("2014", "902", "E06999902", "Nether", "6"),
            column=column,
        )
        for column in ("e", "d")
    )
    panel = two_years(tmp_path, events, denominators)
    assert panel.authorities == ("Dale (901)", "Dale (903)", "Nether")


# ------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "value",
    [
        "-3",
        "3.5",
        "1,204",
        "n/a",
        "",
        "1 2",
        "1_2",
        "٣",
        "５",
        "²",
        "+5",
        "5.0",
        "X",
        "..",
        ".",
        "1e3",
        "9" * 17,
    ],
)
def test_a_count_that_is_none_is_refused_with_its_place(tmp_path: Path, value: str) -> None:
    files = edited(tmp_path, set_field("Fennick", "2015", "ICPC_child", value))
    line = line_of(files[0].read_text(encoding="utf-8"), "2015", "Fennick")
    with pytest.raises(BadInput) as refused:
        read_panel(files, COUNTS)
    assert refused.value.file == str(files[0])
    assert refused.value.place == f"line {line}, column ICPC_child"
    assert refused.value.found == (repr(value) if value else "nothing")


def test_years_and_columns_not_asked_for_are_not_judged(tmp_path: Path, panel: Panel) -> None:
    files = edited(tmp_path, set_field("Fennick", "2020", "ICPC_child", "-3"))
    assert read_panel(files, COUNTS).counts.identical(panel.counts)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda text: "", "an empty file"),
        (lambda text: text.splitlines()[0] + "\n", "line 1: found a header and no rows"),
        (lambda text: text[:-12], "line 145: found 11 fields .is the file cut off"),
        (lambda text: text.replace("2015,Rep", "\n2015,Rep", 1), "an empty line"),
        (
            lambda text: text.replace("la_name", "LA_name", 1),
            "no column la_name .did you mean LA_n",
        ),
        (lambda text: text.replace("ICPC_child", "ICPC_children", 1), "did you mean ICPC_children"),
        (lambda text: text.replace(",ICPC,", ",ICPC_child,", 1), "the column ICPC_child twice"),
        (lambda text: text.replace(",ICPC,", ",,", 1), "a column without a name"),
        (
            lambda text: text.replace("2015,Reporting", "2015,Academic", 1),
            "'2015' and 'Academic ye",
        ),
        (
            lambda text: text.replace("2015,Reporting", "201415,Reporting", 1),
            "'201415' and 'Report",
        ),
        (lambda text: text.replace("2015,Reporting year", "201416,Financial year", 1), "'201416'"),
        (lambda text: text.replace("Local authority", "LA"), "only 'LA', 'National', 'Regional'"),
        (lambda text: text.replace(",106,", ",16,", 1), "column old_la_code: found '16'"),
        (lambda text: text.replace(",E06999106,", ",E069,", 1), "column new_la_code: found 'E069'"),
        (lambda text: text.replace(",Fennick,", ",,", 1), "column la_name: found nothing"),
        (
            lambda text: text + text.splitlines()[25] + "\n",
            r"line \d+: found .* again .first on li",
        ),
        (lambda text: text.replace("2015,Reporting", "1999,Reporting"), "financial year 2014"),
        (lambda text: text.replace(",Section", ',"Section', 1), "not CSV"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, edit: Edit, message: str) -> None:
    with pytest.raises(BadInput, match=message) as refused:
        read_panel(edited(tmp_path, edit), COUNTS)
    assert "conferences.csv" in refused.value.file
    assert "\n" not in str(refused.value)


def test_a_year_that_lost_rows_is_refused(tmp_path: Path) -> None:
    def cut(text: str) -> str:
        return "".join(text.splitlines(keepends=True)[:-3])

    with pytest.raises(BadInput, match=r"year 2012: found 12 local authorities"):
        read_panel(edited(tmp_path, cut), COUNTS)


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("latin-1", r"line \d+: found byte 0x.., which is not UTF-8"),
        ("utf-16", r"line 1: found text in UTF-16 \(save it as CSV in UTF-8\)"),
    ],
)
def test_another_encoding_is_refused(tmp_path: Path, encoding: str, found: str) -> None:
    text = FILES[0].read_text(encoding="utf-8").replace("Fennick", "Fénnick")
    bad = write(tmp_path / "bad.csv", text, encoding)
    with pytest.raises(BadInput, match=found):
        read_panel([bad, *FILES[1:]], COUNTS)


@pytest.mark.parametrize(("sign", "called"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_columns_between_other_signs_are_told(tmp_path: Path, sign: str, called: str) -> None:
    text = FILES[0].read_text(encoding="utf-8").replace(",", sign)
    bad = write(tmp_path / "bad.csv", text, "utf-8")
    with pytest.raises(BadInput, match=f"time_period .columns stand between {called} here"):
        read_panel([bad, *FILES[1:]], COUNTS)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.csv: found no such file"):
        read_panel([tmp_path / "nowhere.csv"], COUNTS)


def test_an_indicator_no_file_has_is_refused_with_what_there_is() -> None:
    with pytest.raises(BadInput, match="no column ICPC_kids") as refused:
        read_panel(FILES, replace(COUNTS, events="ICPC_kids"))
    assert "Started_child" in refused.value.allowed and "la_name" not in refused.value.allowed


def test_an_indicator_in_two_files_must_be_the_same(tmp_path: Path, panel: Panel) -> None:
    original = DATA / "dfe" / "conferences.csv"
    twin = write(tmp_path / "twin.csv", original.read_text(encoding="utf-8-sig"))
    both = read_panel([*FILES, twin], COUNTS)
    assert both.counts.identical(panel.counts)
    assert len(of_kind(both, "indicator in two files")) == 1
    write(twin, set_field("Fennick", "2015", "ICPC_child", "1")(twin.read_text()))
    with pytest.raises(BadInput, match=r"authority 106 in 2014: found \d+, where "):
        read_panel([*FILES, twin], COUNTS)


def test_more_events_than_the_denominator_are_refused_or_left_out(tmp_path: Path) -> None:
    files = edited(tmp_path, set_field("Fennick", "2015", "ICPC_child", "99999"))
    with pytest.raises(BadInput, match=r"Fennick in 2014: found ICPC_child 99999, more than"):
        read_panel(files, COUNTS)
    panel = read_panel(files, replace(COUNTS, above_denominator="drop"))
    (found,) = of_kind(panel, "above denominator")
    assert (found.authority, found.year) == ("Fennick", 2014)
    for role in ROLES:
        assert math.isnan(count(panel, role, "Fennick", 2014))


# ----------------------------------------------------------------- panels as CSV files


def test_a_panel_survives_its_file(tmp_path: Path, panel: Panel) -> None:
    write(tmp_path / "panel.csv", panel_text(panel))
    again = read_panel([tmp_path / "panel.csv"], COUNTS)
    assert again.counts.identical(panel.counts)
    of_counts = {"not observed in every year", "recording break", "rounded"}
    for kind in of_counts:
        assert of_kind(again, kind) == of_kind(panel, kind)
    assert len(of_kind(again, "missing")) == len(of_kind(panel, "missing"))


names = (
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12).map(trimmed).filter(look)
)
symbols = st.sampled_from(sorted(PANEL_SYMBOLS))


@st.composite
def panels(draw: st.DrawFn) -> Panel:
    labels = draw(st.lists(names, min_size=1, max_size=4, unique_by=look))
    entries = {}
    for code, _ in enumerate(labels):
        for year in range(2012, 2015):
            whole = code == 0  # so that every year has a row
            below = draw(st.integers(0, 10**6))
            for role, value in (("events", draw(st.integers(0, below))), ("denominator", below)):
                symbol = "" if whole else draw(st.one_of(st.none(), symbols))
                missing = symbol is not None and not whole
                number = math.nan if missing else float(value)
                entries[str(code), year, role] = Entry(
                    value=number, symbol=symbol or "", file=Path("made"), line=1
                )
    settings_ = OpenCounts(events="e", denominator="d", first_year=2012, last_year=2014)
    named = {str(code): name for code, name in enumerate(labels)}
    return make_panel(named, entries, counts=settings_, sources=[])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(panel=panels())
def test_any_panel_survives_its_file(
    tmp_path_factory: pytest.TempPathFactory, panel: Panel
) -> None:
    path = tmp_path_factory.mktemp("panel") / "panel.csv"
    write(path, panel_text(panel))
    counts = OpenCounts(events="e", denominator="d", first_year=2012, last_year=2014)
    again = read_panel([path], counts)
    # an authority without any row at all has no place in a file
    there = (panel.counts["events_symbol"] != "") | (panel.counts["denominator_symbol"] != "")
    there |= panel.counts["events"].notnull() | panel.counts["denominator"].notnull()
    expected = panel.counts.isel(authority=there.any("year").values)
    assert again.counts.identical(expected)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("A", "1", "2012", "-1", "9")], "line 2, column e: found '-1'"),
        ([("A", "1", "2012", "1", "nine")], "line 2, column d: found 'nine'"),
        ([("A", "1", "twelve", "1", "9")], "line 2, column year: found 'twelve'"),
        ([("", "1", "2012", "1", "9")], "line 2: found no name or no code"),
        ([("A", "1", "2012", "1", "9"), ("A", "1", "2012", "1", "9")], "A in 2012 again"),
        ([("A", "1", "2012", "1", "9"), ("B", "1", "2013", "1", "9")], "code 1 of 'B' and of 'A'"),
        ([("A", "1", "2012", "1", "9"), ("A", "2", "2013", "1", "9")], "a second code 2 of 'A'"),
        ([("A", "1", "2012", "1", "9")], "column year: found no row of 2013"),
        ([("A", "1", "2012", "10", "9"), ("A", "1", "2013", "1", "9")], "more than d 9"),
        ([("A", "1", "2012", "1")], "line 2: found 4 fields"),
    ],
)
def test_a_panel_that_cannot_be_used_is_refused(
    tmp_path: Path, rows: list[tuple[str, ...]], message: str
) -> None:
    path = write(tmp_path / "panel.csv", as_csv([COLUMNS, *rows]))
    counts = OpenCounts(events="e", denominator="d", first_year=2012, last_year=2013)
    with pytest.raises(BadInput, match=message):
        read_panel([path], counts)


def test_a_panel_of_other_counts_is_refused(tmp_path: Path, panel: Panel) -> None:
    path = write(tmp_path / "panel.csv", panel_text(panel))
    other = replace(COUNTS, denominator="referral_child_count")
    with pytest.raises(BadInput, match="header, denominator: found Started_child; allowed: ref"):
        read_panel([path], other)


def test_a_panel_beside_other_files_is_refused(tmp_path: Path, panel: Panel) -> None:
    write(tmp_path / "panel.csv", panel_text(panel))
    with pytest.raises(BadInput, match="a panel beside other files"):
        read_panel([tmp_path / "panel.csv", *FILES], COUNTS)


# ----------------------------------------------------------------------- small pieces


@given(year=st.integers(1990, 2100))
def test_both_ways_of_writing_a_year_agree(year: int) -> None:
    assert financial_year(str(year + 1), "Reporting year") == year
    assert financial_year(f"{year}{(year + 1) % 100:02d}", "Financial year") == year
    assert financial_year(f"{year}{(year + 2) % 100:02d}", "Financial year") is None
    for other in ("Calendar year", "Academic year", "Financial year Q1", "reporting year"):
        assert financial_year(str(year + 1), other) is None


@given(text=st.one_of(st.text(max_size=6), st.integers().map(str), st.floats().map(str), symbols))
def test_a_field_is_a_count_or_a_symbol_or_refused(text: str) -> None:
    try:
        value, symbol = read_count(text, symbols=SYMBOLS, file="f", line=2, column="c")
    except BadInput:
        assert text not in SYMBOLS
        assert not (text.isascii() and text.isdigit() and len(text) <= 9)
    else:
        read = trimmed(text)
        assert (symbol == read and math.isnan(value)) or (symbol == "" and value == int(read))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_counts_that_are_not_rounded_are_not_called_so(seed: int) -> None:
    rng = np.random.default_rng(seed)
    entries = {}
    for code in range(30):
        for year in range(2012, 2019):
            below = int(rng.integers(500, 5000))
            value = {"events": rng.binomial(below, 0.2), "denominator": below}
            for role in ROLES:
                entries[str(code), year, role] = Entry(
                    value=float(value[role]), symbol="", file=Path("made"), line=1
                )
    panel = make_panel({str(c): str(c) for c in range(30)}, entries, counts=COUNTS, sources=[])
    assert of_kind(panel, "rounded") == []


def test_a_denominator_of_zero_is_noticed_and_not_observed() -> None:
    entries = {
        ("1", year, role): Entry(
            value=0.0 if year == 2013 else 7.0, symbol="", file=Path("made"), line=1
        )
        for year in (2012, 2013)
        for role in ROLES
    }
    counts = OpenCounts(events="e", denominator="d", first_year=2012, last_year=2013)
    panel = make_panel({"1": "A"}, entries, counts=counts, sources=[])
    assert panel.observed.values.tolist() == [[True, False]]
    assert [notice.year for notice in of_kind(panel, "no denominator")] == [2013]


# --------------------------------------------------------------------- the real files

REAL = os.environ.get("SOFS_BAYES_OPEN_DATA", "")


@pytest.fixture(scope="module")
def real() -> Panel:
    return read_panel(sorted(Path(REAL).glob("*.csv")), COUNTS)


@pytest.mark.skipif(not REAL, reason="SOFS_BAYES_OPEN_DATA names no folder of DfE files")
class TestRealFiles:
    """The statistics 'Children in need' as published, 2013 to 2025."""

    def test_2013_in_the_file_is_2012(self, real: Panel) -> None:
        assert real.years[0] == 2012
        assert float(real.counts["events"].sel(year=2012).sum()) == 58415
        assert len(real.authorities) == 152

    def test_norfolk_lacks_2012_and_jumps_in_2014(self, real: Panel) -> None:
        gaps = of_kind(real, "not observed in every year")
        assert [n.detail for n in gaps if n.authority == "Norfolk"] == ["without 2012"]
        jumps = of_kind(real, "recording break")
        assert [n.year for n in jumps if n.authority == "Norfolk"] == [2014]

    def test_gateshead_is_one_authority(self, real: Panel) -> None:
        changed = {notice.authority for notice in of_kind(real, "code changed")}
        assert changed == {"Gateshead", "Northumberland"}
        assert bool(real.observed.sel(authority="Gateshead").all())

    def test_no_local_count_is_rounded(self, real: Panel) -> None:
        assert of_kind(real, "rounded") == []

    def test_abolished_authorities_are_not_their_successors(self) -> None:
        files = sorted(Path(REAL).glob("*.csv"))
        late = read_panel(files, replace(COUNTS, last_year=2024))
        assert {"Dorset (835)", "Dorset (838)", "Cumbria", "Cumberland"} <= set(late.authorities)
        old = late.observed.sel(authority="Dorset (835)")
        assert [year for year, there in zip(late.years, old.values, strict=True) if there] == list(
            range(2012, 2019)
        )
        buckinghamshire = [n for n in late.notices if n.authority == "Buckinghamshire"]
        assert [notice.kind for notice in buckinghamshire] == ["code changed"]
