"""What verbs that write for readers have in common: the runs, opened for export."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sofs_bayes.reporting.run_folder import Run


def runs_to_export(folders: Sequence[Path]) -> "list[Run]":
    """The runs in the folders, as far as they may be shown outside the setting of the records."""
    from sofs_bayes.reporting.run_folder import read

    return [read(folder) for folder in folders]
