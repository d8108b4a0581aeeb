"""Numbers, counts and days that stand in a file as text: a pattern each, for Python and SQL alike.

A number is ASCII digits with at most one sign, one point and one exponent (`-0.5`, `.5`, `1e+05`):
no separators of any kind, no other digits, and none of `inf`, `nan` or `0x1F`. A day is
`2014-04-30`, alone or with a time of day. A time with `Z` or an offset behind it is an instant,
and its day is London's; without one it is taken as it stands. Blanks around a value, also those
that are not seen, do not count.

In a DfE file a symbol may stand where a count is missing. Source: the Department for Education's
open data standards (section on data symbols), which follow the Government Statistical Service's
guidance; `:` and `~` are listed there as obsolete forms of `x` and `low`, and `k` is the Service's
own letter for `low`. The children in need release adds that `c` stands for 1 to 5 children, or
protects such a number elsewhere.
"""

import math
import re
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sofs_bayes.errors import BadInput

LONDON = "Europe/London"
EARLIEST, LATEST = date(1990, 1, 1), date(2100, 12, 31)

BLANKS = (
    "\t\n\v\f\r \x1c\x1d\x1e\x1f\x85\xa0\u1680"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u200c\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
)
NUMBER = "[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,4})?"
DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
TIME = "[ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?"
ZONE = "(Z|[+-]((0[0-9]|1[0-3])(:?[0-5][0-9])?|14(:?00)?))"
NAIVE, INSTANT = f"{DAY}({TIME})?", f"{DAY}{TIME} ?{ZONE}"
TO_MINUTES = len("2014-04-30 23:30")  # what an instant's day depends on, but for its zone


def trimmed(text: str) -> str:
    """The text without the blanks around it."""
    return text.strip(BLANKS)


def number(text: str) -> float:
    """The number written in a text, NaN if there is none."""
    value = float(text) if re.fullmatch(NUMBER, text := trimmed(text)) else math.nan
    return value if math.isfinite(value) else math.nan


def day(text: str) -> date | None:
    """The day written in a text, None if there is none."""
    text = trimmed(text)
    try:
        if re.fullmatch(NAIVE, text):
            return date.fromisoformat(text[:10])
        if re.fullmatch(INSTANT, text):
            zone = re.search(f"{ZONE}$", text)
            stamp = datetime.fromisoformat(text[:TO_MINUTES] + zone[0]) if zone else None
            return stamp and stamp.astimezone(ZoneInfo(LONDON)).date()
    except (ValueError, OverflowError):  # no day of the calendar
        pass
    return None


SYMBOLS: Mapping[str, str] = {
    "x": "not available",
    "z": "not applicable",
    "c": "confidential, a small number or one that would reveal a small number",
    "u": "of low reliability",
    "k": "not zero, but rounds to zero",
    "low": "not zero, but rounds to zero",
    ":": "not available (an obsolete symbol)",
    "~": "not zero, but rounds to zero (an obsolete symbol)",
}

# Nine digits hold every number of people, and a float holds them exactly.
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")


def count(text: str) -> int | None:
    """The count a field holds, None if it holds none."""
    return int(text) if _WHOLE_NUMBER.fullmatch(text := trimmed(text)) else None


def read_count(
    text: str, *, symbols: Mapping[str, str], file: Path | str, line: int, column: str
) -> tuple[float, str]:
    """The count a field holds and "", or NaN and the symbol that stands in its place.

    Raises
    ------
    BadInput
        Neither one to nine digits nor one of `symbols`: a negative or decimal number, a
        thousands separator, a blank or any other text.
    """
    text = trimmed(text)
    if (found := count(text)) is not None:
        return float(found), ""
    if text in symbols:
        return math.nan, text
    raise BadInput(
        file,
        f"line {line}, column {column}",
        repr(text) if text else "nothing",
        "a whole number of at least 0 in one to nine digits, or one of the symbols "
        + " ".join(symbol for symbol in symbols if symbol),
    )
