"""Numbers as they stand on another study's page, in the signs of print: read, or refused.

A number that could mean two things (a decimal comma or a thousands comma, a percentage or a
share) is never guessed at.
"""

import re
from collections.abc import Callable
from dataclasses import replace

from sofs_bayes.published.facts import Printed, read_printed

# How print writes a minus and a star; a long dash is a gap and stays one.
MINUS = re.compile("[\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d]")
STAR = re.compile("[\u204e\u2217\uff0a\u22c6\u2605]")
BLANK = "[ \t\u00a0\u2002-\u200b\u202f\u2060]*"
_COEFFICIENT = re.compile(
    rf"{BLANK}(?P<sign>[-+]?){BLANK}(?P<number>[0-9]+(?:\.[0-9]+)?|\.[0-9]+){BLANK}"
    rf"(?P<stars>(?:\*{BLANK})*)"
)
_P_VALUE = re.compile(rf"(?:[pP]{BLANK}=?{BLANK})?(?P<less>[<\u2264]?){BLANK}(?P<number>[^<]*)")


def read_coefficient(text: str) -> Printed:
    """A coefficient with its stars; `text` stays as it was written.

    Read are a typographic minus or dash for a minus, a plus in front, typographic stars and gaps
    around sign and stars.

    Raises
    ------
    ValueError
        It is no number, or one that could mean two things; the message says what is allowed.
    """
    plain = STAR.sub("*", MINUS.sub("-", text))
    match = _COEFFICIENT.fullmatch(plain)
    if match is None:
        raise ValueError(_allowed(plain))
    sign = match["sign"].replace("+", "")
    stars = "*" * match["stars"].count("*")
    return replace(read_printed(f"{sign}{match['number']}{stars}"), text=text)


def read_positive(text: str) -> Printed:
    """A standard error, in parentheses or not.

    Raises
    ------
    ValueError
        As `read_coefficient`, or it is negative or has stars.
    """
    inner = text.strip()
    if inner[:1] + inner[-1:] in ("()", "[]"):
        inner = inner[1:-1]
    return _within(read_coefficient(inner), text, lambda value: value >= 0, "a positive number")


def read_p_value(text: str) -> tuple[Printed, bool]:
    """A p-value, and whether only that it is below the number: 0.034, <0.001, p < .001.

    Raises
    ------
    ValueError
        It is no number between 0 and 1.
    """
    match = _P_VALUE.fullmatch(text.strip())
    if match is None:
        raise ValueError("a p-value, as in 0.034 or <0.001")
    cell = _within(
        read_coefficient(match["number"]), text, lambda value: 0 <= value <= 1, "a p-value, 0 to 1"
    )
    if match["less"] and not cell.value:
        raise ValueError("a p-value below a number above 0")
    return cell, bool(match["less"])


def _within(cell: Printed, text: str, holds: Callable[[float], bool], allowed: str) -> Printed:
    if cell.stars or cell.value is None or not holds(cell.value):
        raise ValueError(allowed)
    return replace(cell, text=text)


def _allowed(plain: str) -> str:
    """What would have been accepted in place of a text that is no coefficient."""
    if "%" in plain:
        return "a number without percent sign (-0.018 for -1.8 percentage points)"
    if re.search("[0-9],[0-9]", plain):
        return "a decimal point and no comma (-0.018, 1234.5)"
    return "a number with stars, as in -0.0635*"
