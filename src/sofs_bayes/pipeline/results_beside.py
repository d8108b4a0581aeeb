"""Results that lie in one folder with the unfinished work they were made from."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from sofs_bayes.errors import BadInput
from sofs_bayes.pipeline.fit_store import NOTE
from sofs_bayes.pipeline.replicates import KEY_FILE
from sofs_bayes.reporting.whole_files import check_target

# All that calibrations and recoveries write; whatever else lies in their folder is not theirs.
WRITTEN = (
    *("index.html", "calibration.md", "manifest.json", "analysis.toml", "tables", "figures"),
    *("sbc.csv", "coverage.csv", "ranks.csv", "refused.csv"),
    *("recovery.csv", "reliability.csv", "assurance.csv"),
)


@contextmanager
def replaced_results(folder: Path) -> Iterator[Path]:
    """A scratch folder whose content replaces earlier results if the block ends without an error.

    What nobody wrote here (`WRITTEN`) stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scratch = Path(mkdtemp(prefix=".writing.", dir=folder))
    try:
        yield scratch
        for name in WRITTEN:
            _delete(folder / name)
        for left in folder.glob(".writing.*"):  # by one that was killed
            if left != scratch:
                shutil.rmtree(left, ignore_errors=True)
        for new in scratch.iterdir():
            new.replace(folder / new.name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def check_beside(folder: Path, stores: Sequence[str]) -> None:
    """Refuse a place that cannot be for results beside these stores, before any work.

    Raises
    ------
    BadInput
        It cannot be written to, is no folder, or holds things but none of the stores.
    """
    try:
        there = any(folder.iterdir())
    except OSError:  # it is no folder, or there cannot be one
        check_target(folder)
        return
    if there and not any(is_store(folder / name) for name in stores):
        allowed = "a new folder, or one of an earlier calibration or recovery"
        raise BadInput(folder, "", "a folder with other things in it", allowed)


def is_store(folder: Path) -> bool:
    """Whether a folder holds finished replicates, or fits of unfinished work."""
    return (folder / KEY_FILE).is_file() or (folder / NOTE).is_file()
