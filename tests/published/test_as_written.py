"""Numbers of other studies' pages: the signs of print are read, what is ambiguous is refused."""

import pytest

from sofs_bayes.published.as_written import read_coefficient, read_p_value, read_positive
from sofs_bayes.published.facts import read_printed


@pytest.mark.parametrize(
    ("text", "value", "decimals", "stars"),
    [
        ("-0.0635*", -0.0635, 4, 1),
        ("\u22120.018**", -0.018, 3, 2),  # minus
        ("\u20130.018", -0.018, 3, 0),  # en dash
        ("\u2212 0.018", -0.018, 3, 0),
        ("0.075 ***", 0.075, 3, 3),
        ("0.075\u2009* *", 0.075, 3, 2),
        ("0.075\u2217\u2217", 0.075, 3, 2),
        ("+0.018*", 0.018, 3, 1),
        (" .5 ", 0.5, 1, 0),
        ("-119", -119.0, 0, 0),
        ("0.0230", 0.023, 4, 0),
    ],
)
def test_the_signs_of_print_are_read(text: str, value: float, decimals: int, stars: int) -> None:
    cell = read_coefficient(text)
    assert (cell.value, cell.decimals, cell.stars, cell.text) == (value, decimals, stars, text)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("-0,018", "a decimal point"),
        ("1,234", "a decimal point"),
        ("-1.8%**", "without percent sign"),
        ("\u20141.2", "as in"),  # an em dash is a gap
        ("0.018\u00b2", "as in"),  # a footnote is no digit
        ("0.018\u2020", "as in"),
        ("0.0 18", "as in"),
        ("0.018a", "as in"),
        ("(0.018)", "as in"),
        ("1e-3", "as in"),
        ("--0.1", "as in"),
        ("", "as in"),
        ("N/A", "as in"),
    ],
)
def test_what_could_mean_two_things_is_refused(text: str, allowed: str) -> None:
    with pytest.raises(ValueError, match=allowed):
        read_coefficient(text)


@pytest.mark.parametrize("text", ["0,018", "-0,018", "00,018"])
def test_a_thousands_comma_never_follows_a_lone_zero(text: str) -> None:
    with pytest.raises(ValueError, match="not a printed number"):
        read_printed(text)


def test_standard_errors_may_stand_in_parentheses() -> None:
    assert [read_positive(text).value for text in ("(0.008)", "[0.008]", "0.008")] == [0.008] * 3
    for text in ("(\u22120.008)", "0.008*", "(0.008", "(0,008)"):
        with pytest.raises(ValueError, match=r".+"):
            read_positive(text)


@pytest.mark.parametrize(
    ("text", "value", "below"),
    [
        ("0.034", 0.034, False),
        (".034", 0.034, False),
        ("p = .034", 0.034, False),
        ("<0.001", 0.001, True),
        ("P < .001", 0.001, True),
        ("0.000", 0.0, False),
    ],
)
def test_p_values_are_read(text: str, value: float, below: bool) -> None:
    cell, less = read_p_value(text)
    assert (cell.value, less) == (value, below)


@pytest.mark.parametrize("text", ["1.2", "-0.1", "0.03*", "<0", "3%", ">0.05", "0,03", "ns"])
def test_what_is_no_p_value_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_p_value(text)
