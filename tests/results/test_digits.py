"""Monte Carlo error decides the digits: no finer than half of it, no coarser than five times it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sofs_bayes.tables.digits import (
    LOOKS,
    Cell,
    Estimate,
    Format,
    last_digit,
    last_shown,
    shown,
)
from sofs_bayes.tables.formats import DIGITS_NOTE, Column, Table, lines_of, notes_of

NAN = math.nan
WITH_ERRORS: tuple[Format, ...] = tuple(LOOKS)


@pytest.mark.parametrize(
    ("error", "how", "last"),
    [
        (0.0019, "pp", -1),  # 0.19 pp: tenths
        (0.002, "pp", -1),  # half of it is a power of ten, which is not below itself
        (0.00202, "pp", 0),
        (0.0288, "pp", 1),
        (0.0002, "pp", -2),
        (0.02, "probability", -2),
        (0.022, "probability", -1),
        (0.3, "probability", -1),  # never without decimals
        (1.9, "signed", 0),
        (2.88, "signed", 1),
        (NAN, "pp", None),
        (0.0, "pp", None),
        (0.1, "year", None),
        (0.1, "text", None),
    ],
)
def test_the_last_digit_is_the_smallest_power_of_ten_not_below_half_the_error(
    error: float, how: Format, last: int | None
) -> None:
    assert last_digit([error], how) == last


@pytest.mark.parametrize("exponent", range(-6, 3))
def test_powers_of_ten_stay_themselves_in_spite_of_binary_factors(exponent: int) -> None:
    assert last_digit([2 * 10.0**exponent / 100.0], "pp") == exponent


def test_the_least_exact_of_several_decides() -> None:
    assert last_digit([0.0001, NAN, 0.004], "pp") == 0


@pytest.mark.parametrize(
    ("cell", "how", "last", "text"),
    [
        (-0.0265297, "pp", 0, "−3"),
        (-0.0265297, "pp", -1, "−2.7"),
        (-0.0265297, "pp", -2, "−2.7"),  # at most one decimal
        (-0.0265297, "pp2", -5, "−2.65"),  # at most two
        (0.0394, "pp", 1, "0"),
        (0.0794, "pp", 1, "+10"),
        (-0.003, "pp", 0, "0"),  # no sign on nought
        (0.2665, "probability", -1, "0.3"),
        (0.96, "probability", -1, ">0.9"),
        (0.04, "probability", -1, "<0.1"),
        (0.996, "probability", -2, ">0.99"),
        (1.0, "probability", -1, "1.0"),
        (0.12345, "number", -2, "0.12"),
        (12345.6, "number", -1, "12,345.6"),
        (12345.6, "number", 2, "12,300"),
        (0.1234, "percent", 0, "12%"),
        (0.001234, "per10000", -1, "12.3"),
        (0.001234, "per10000", 1, "10"),
        (-92.0, "signed", 1, "−90"),
        (1.00449, "rhat", -2, "1.00"),
        (NAN, "pp", 0, "–"),
        (math.inf, "pp", 0, "∞"),
        ("label", "pp", 0, "label"),
        (2013, "year", 1, "2013"),
    ],
)
def test_a_cell_with_the_digits_its_error_leaves(
    cell: Cell, how: Format, last: int, text: str
) -> None:
    assert shown(cell, how, last) == text


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ((0.0696, -0.329, 0.461), ("0.070", "−0.329", "0.461")),
        ((0.2, 0.067, 1.1, 1.5, 0.71), ("0.200", "0.067", "1.100", "1.500", "0.710")),
        ((0.5, 1.0, NAN), ("0.5", "1.0", "–")),  # noughts that all end in are left out
        ((1.0, 2.0, 0.0), ("1", "2", "0")),
        ((0.3, 0.00004), ("0.30000", "0.00004")),  # what is not nought never looks so
        ((0.3, 4e-9), ("0.3", "4e−09")),  # which here would take too many places
        ((1234.5, 0.25), ("1,234.5", "0.2")),
        ((12345.6, None, math.inf), ("12,346", "–", "∞")),
        (("text", True), ("text", "yes")),
    ],
)
def test_a_column_of_plain_numbers_is_aligned_on_the_point(
    values: tuple[Cell, ...], texts: tuple[str, ...]
) -> None:
    table = Table(
        name="t",
        title="T",
        columns=(Column(key="x", heading="X", format="number"),),
        rows=tuple((value,) for value in values),
        evidence="synthetic",
    )
    assert tuple(line.cells[0] for line in lines_of(table)) == texts
    assert DIGITS_NOTE not in notes_of(table)


def number(text: str) -> float:
    return float(text.replace("−", "-").replace(",", "").rstrip("%"))


def claims_too_much(text: str, error: float) -> bool:
    """Whether a number's last digit stands for less than half its error (both on one scale)."""
    places = text.partition(".")[2].rstrip("%")
    unit = 10.0 ** -len(places)
    return unit < error / 2 * (1 - 1e-6)


@given(
    value=st.floats(-1.0, 1.0),
    error=st.floats(1e-7, 0.009),
    how=st.sampled_from(["pp", "pp2", "number", "percent", "signed", "signed2", "ratio"]),
)
def test_no_digit_is_shown_that_the_error_leaves_open(
    value: float, error: float, how: Format
) -> None:
    factor = LOOKS[how].factor
    last = last_digit([error], how)
    assert last is not None
    text = shown(value, how, last)
    assert not claims_too_much(text, factor * error)
    unit = 10.0 ** last_shown(value, how, last)
    assert abs(number(text) - factor * value) <= unit / 2 * (1 + 1e-6)


def test_the_check_notices_a_digit_too_many() -> None:
    assert claims_too_much("+1.23", 0.05)
    assert claims_too_much(shown(0.0123, "pp"), 100 * 0.01)
    assert not claims_too_much("+1.2", 0.1)


def test_an_estimate_has_its_interval_below_with_the_same_digits() -> None:
    cell = Estimate(median=-0.0266, lower=-0.0921, upper=0.0394, error=0.0028)
    assert shown(cell, "pp") == "−3\n(−9 to +4)"
    unknown = Estimate(median=-0.0266, lower=-0.0921, upper=0.0394)
    assert shown(unknown, "pp") == "−2.7\n(−9.2 to +3.9)"
    assert shown(unknown, "pp", 0) == "−3\n(−9 to +4)"


def test_an_estimate_without_an_interval_is_its_median() -> None:
    assert shown(Estimate(median=0.5, lower=NAN, upper=NAN), "probability") == "0.50"
    assert shown(Estimate(median=NAN, lower=NAN, upper=NAN), "pp") == "–"


@given(value=st.floats(-1e12, 1e12), how=st.sampled_from(WITH_ERRORS), last=st.integers(-12, 6))
def test_any_number_can_be_shown_with_any_digits(value: float, how: Format, last: int) -> None:
    text = shown(value, how, last)
    assert text
    assert "-" not in text
    assert "e" not in text
