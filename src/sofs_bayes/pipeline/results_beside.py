"""Results that lie in one folder with the unfinished work they were made from."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp


@contextmanager
def replaced_results(folder: Path, *, kept: Sequence[str]) -> Iterator[Path]:
    """A scratch folder whose content replaces the folder's if the block ends without an error.

    Parameters
    ----------
    kept
        Names in the folder that stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scratch = Path(mkdtemp(prefix=".writing.", dir=folder))
    try:
        yield scratch
        for old in folder.iterdir():
            if old.name in kept or old.name == scratch.name:
                continue
            if old.is_dir():
                shutil.rmtree(old)
            else:
                old.unlink()
        for new in scratch.iterdir():
            new.replace(folder / new.name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
