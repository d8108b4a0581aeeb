"""What the manifest of a folder says of its files: their evidence, and who wrote them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sofs_bayes.reporting.disclosure.runs import PUBLIC

REPLICATES = ("replicates", "coverage")  # unfinished work of calibrate and recover
SIMULATED = "ranks, coverage and power in data drawn from the model: no child's data behind them"


def public_evidence(path: Path, folder: Path) -> tuple[str, str]:
    """The evidence that a file rests on, by the nearest manifest, and why all of it may leave.

    Empty if it has to be checked.
    """
    _, manifest = manifest_of(path, folder)
    evidence = manifest.get("evidence", "")
    kinds = set(evidence.values()) if isinstance(evidence, dict) else {str(evidence)}
    if kinds <= PUBLIC.keys():
        return ", ".join(sorted(kinds)), "; ".join(PUBLIC[kind] for kind in sorted(kinds))
    if _is_simulation(manifest):
        return "simulation", SIMULATED
    return "", ""


def is_replicate(path: Path, folder: Path) -> bool:
    """Whether a file is a replicate, kept so that calibrate or recover can go on."""
    home, manifest = manifest_of(path, folder)
    return _is_simulation(manifest) and path.relative_to(home).parts[0] in REPLICATES


def _is_simulation(manifest: Mapping[str, Any]) -> bool:
    """Whether calibrate or recover wrote it: results on data drawn from the model."""
    return manifest.get("written_by") in ("calibrate", "recover")


def manifest_of(path: Path, folder: Path) -> tuple[Path, Mapping[str, Any]]:
    """The nearest manifest above a file in the folder, with its place; empty if there is none."""
    for home in (path.parent, *path.parent.parents):
        if (manifest := home / "manifest.json").is_file():
            try:
                found = json.loads(manifest.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                found = {}
            return home, found if isinstance(found, dict) else {}
        if home == folder:
            break
    return folder, {}
