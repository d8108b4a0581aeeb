"""Which single authority, and which year of it, a row of results is of."""

from typing import Any

from sofs_bayes.spec.keys import NEW, OF_AUTHORITY, POOLED


def authority_of(row: Any) -> str | None:
    """The single authority a row of results is of, or of the fit without it; None if of none.

    Whatever is not the pooled effect, nor a new authority's, counts as a single authority's.
    """
    if (named := getattr(row, "authority", None)) is not None:
        return str(named)
    if (target := getattr(row, "target", POOLED)) not in (POOLED, NEW):
        return str(target)
    return str(row.subject) if getattr(row, "kind", "") in OF_AUTHORITY else None


def authority_year_of(row: Any) -> tuple[str, str] | None:
    """The authority and year a row is of; None if it is of no single authority-year."""
    name, year = getattr(row, "authority", None), getattr(row, "year", None)
    return None if name is None or year is None else (str(name), str(year))
