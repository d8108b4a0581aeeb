"""Which single authority, and which year of it, a row of results is of."""

from typing import Any

from sofs_bayes.estimands import NEW, POOLED

WITHOUT = ("without ", "leaving out ")


def authority_of(row: Any) -> str | None:
    """The single authority a row of results is of, or of the fit without it; None if of none.

    Whatever is not the pooled effect, nor a new authority's, counts as a single authority's.
    """
    if (named := getattr(row, "authority", None)) is not None:
        return str(named)
    if (target := getattr(row, "target", POOLED)) not in (POOLED, NEW):
        return str(target)
    if (left_out := left_out_of(getattr(row, "variant", ""))) is not None:
        return left_out
    _, slash, last = getattr(row, "quantity", "").rpartition(" / ")
    return last if slash and last not in (POOLED, NEW) else None


def authority_year_of(row: Any) -> tuple[str, str] | None:
    """The authority and year a row is of; None if it is of no single authority-year."""
    name, year = getattr(row, "authority", None), getattr(row, "year", None)
    return None if name is None or year is None else (str(name), str(year))


def left_out_of(variant: str) -> str | None:
    """The authority that a variant of the fit goes without; None if it is another change."""
    for start in WITHOUT:
        if variant.startswith(start):
            return variant.removeprefix(start)
    return None
