"""Connections to DuckDB: closed to the outside, with a limit of memory and room on disk."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes.errors import BadInput
from sofs_bayes.folders.temporary import temporary_folder

if TYPE_CHECKING:
    import duckdb

NO_ROOM = ("no space left", "disk quota", "max_temp_directory_size", "could not write")


@contextmanager
def connected(
    *, memory: str = "1GB", threads: int | None = None, on_disk: bool = False
) -> Iterator["duckdb.DuckDBPyConnection"]:
    """A connection whose temporary files are removed with it.

    Nothing is fetched through it, no variable of a caller becomes a table by its name, and it
    shows nothing.

    Parameters
    ----------
    memory
        What DuckDB may take, such as `1GB`; the rest goes to the folder for temporary files.
    threads
        As many as there are processors by default.
    on_disk
        Whether its tables lie in the folder for temporary files, too.

    Raises
    ------
    BadInput
        Settings that DuckDB does not take; the folder for temporary files cannot be used, or has
        no room.
    """
    import duckdb

    with temporary_folder() as folder:
        settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory,
            "temp_directory": str(folder / "spilled"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
            **({} if threads is None else {"threads": threads}),
        }
        database = str(folder / "tables.duckdb") if on_disk else ":memory:"
        try:
            connection = duckdb.connect(database, config=settings)
        except duckdb.Error:
            found = repr(memory) + ("" if threads is None else f" with {threads!r} threads")
            raise BadInput(
                "memory", "", found, "a size such as 1GB, and 1 thread or more"
            ) from None
        with room_in(folder.parent), connection:
            # Its bar is on where Python is interactive. Where a notebook cannot show one it is off,
            # and setting it is refused.
            with suppress(duckdb.InvalidInputException):
                connection.execute("SET enable_progress_bar = false")
            yield connection


@contextmanager
def room_in(folder: Path) -> Iterator[None]:
    """Turns a full disk or memory, as DuckDB tells of it, into one line.

    Raises
    ------
    BadInput
        The block found no room.
    """
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        full = any(each in str(error).casefold() for each in NO_ROOM)
        if not full and not isinstance(error, duckdb.OutOfMemoryException):
            raise
        found = "more than fits in memory and in the folder for temporary files"
        raise BadInput(folder, "", found, "a disk with room (TMPDIR), or more --memory") from None
