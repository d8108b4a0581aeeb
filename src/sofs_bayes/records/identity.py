"""Who an authority is, over years and files.

The three-digit code (`old_la_code`) is the authority's own: it stayed where only the
nine-character code changed, as with a new boundary, and became another one where the authority
itself was abolished or founded. Names and nine-character codes serve only where it is absent.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sofs_bayes.errors import BadInput
from sofs_bayes.records.dfe_files import DfeFile, DfeRow
from sofs_bayes.records.notices import Kind, Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCodes:
    """What rows say that have a three-digit code: which ones go with a new code or a name.

    `new_codes_without` holds, per name, the nine-character codes of rows without one.
    """

    by_new_code: Mapping[str, frozenset[str]]
    by_name: Mapping[str, frozenset[str]]
    new_codes_without: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedRow:
    """A local-authority row, its file, and the code of the authority it is about."""

    file: DfeFile
    row: DfeRow
    code: str


def known_codes(files: Iterable[DfeFile]) -> KnownCodes:
    """What the rows of all files and years say about codes."""
    by_new_code: dict[str, set[str]] = defaultdict(set)
    by_name: dict[str, set[str]] = defaultdict(set)
    without: dict[str, set[str]] = defaultdict(set)
    for file in files:
        for row in file.rows:
            if not row.is_authority:
                continue
            if not row.old_code:
                without[row.name].add(row.new_code)
                continue
            by_name[row.name].add(row.old_code)
            if row.new_code:
                by_new_code[row.new_code].add(row.old_code)
    return KnownCodes(
        by_new_code={key: frozenset(codes) for key, codes in by_new_code.items()},
        by_name={key: frozenset(codes) for key, codes in by_name.items()},
        new_codes_without={key: frozenset(codes) for key, codes in without.items()},
    )


def code_of(row: DfeRow, file: DfeFile, known: KnownCodes) -> str:
    """The code of the authority a row is about.

    Its three-digit code; where that is empty, the one that other rows give beside the same
    nine-character code; without a nine-character code, the one they give beside the same name;
    and where no row knows a three-digit code, the nine-character one.

    Raises
    ------
    BadInput
        The row could be about more than one authority: nothing there tells a new code of an
        old authority from a new authority of an old name.
    """
    if row.old_code:
        return row.old_code
    beside = known.by_new_code.get(row.new_code, frozenset())
    named = known.by_name.get(row.name, frozenset())
    settled = beside & named if len(beside) > 1 else beside
    if len(settled) == 1:
        return next(iter(settled))
    if not beside and not row.new_code and len(named) == 1:
        return next(iter(named))
    unknown = not beside and not named and row.new_code
    if unknown and known.new_codes_without[row.name] == {row.new_code}:
        return row.new_code
    candidates = sorted(beside | named) or sorted(known.new_codes_without[row.name])
    raise BadInput(
        file.path,
        f"line {row.line}, column old_la_code",
        f"nothing, for {row.name} {row.new_code or 'without a new code'}".rstrip()
        + f" (elsewhere: {', '.join(filter(None, candidates)) or 'no code'})",
        "the three-digit code, as names and new codes do not settle which authority it is",
    )


def notices_of_identity(rows: Iterable[PlacedRow], names: Mapping[str, str]) -> list[Notice]:
    """Codes and names that changed over years or differ between files; codes filled in."""
    notices = set()
    said: dict[tuple[str, Kind], dict[str, set[tuple[int, str]]]] = defaultdict(
        lambda: defaultdict(set)
    )
    for placed in rows:
        row, where = placed.row, (placed.row.year, placed.file.name)
        said[placed.code, "name changed"][row.name].add(where)
        if row.new_code:
            said[placed.code, "code changed"][row.new_code].add(where)
        if not row.old_code:
            detail = f"code {placed.code}, from other rows"
            notices.add(
                Notice(
                    kind="code filled in",
                    authority=names[placed.code],
                    year=row.year,
                    file=placed.file.name,
                    detail=detail,
                )
            )
    for (code, kind), values in said.items():
        if len(values) > 1:
            detail = "; ".join(f"{v} in {_where(places)}" for v, places in sorted(values.items()))
            notices.add(Notice(kind=kind, authority=names[code], detail=detail))
    return sorted(notices)


def _where(places: set[tuple[int, str]]) -> str:
    """Years and files in words: `2012-2018 (a.csv, b.csv)`."""
    years = sorted({year for year, _ in places})
    span = str(years[0]) if len(years) == 1 else f"{years[0]}-{years[-1]}"
    return f"{span} ({', '.join(sorted({file for _, file in places}))})"
