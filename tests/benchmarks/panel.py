"""One panel, several packages: `python -m tests.benchmarks.panel`.

The rows that the headline of an analysis of open counts is fitted to are given to the estimators
of pyfixest, diff-diff and bambi, in a virtual environment of their own, and to that of CausalPy,
which needs a PyMC before 6, in another. They are made in the folder of `--peer FOLDER` if there
are none (without FOLDER: in a temporary one). One table has effect, interval and seconds of each;
times are of one run on one machine, imports and compilation included. Nothing is asserted:
estimators differ in what they assume, which the table says, and agreement is no proof.
"""

import argparse
import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.__main__ import readable
from tests.benchmarks.peer import BESIDE, peer_python

import sofs_bayes as sb
from sofs_bayes import spec
from sofs_bayes.pipeline.did_sources import source_of

# By environment: its packages' requirements, and which of them have estimators.
ENVIRONMENTS = {
    "peer": ("peer-requirements.txt", ("pyfixest", "diff-diff", "bambi")),
    "causalpy": ("peer-requirements-causalpy.txt", ("CausalPy",)),
}
OURS = "hierarchical, shocks that persist, pilots that differ"


def ours(name: str) -> dict[str, Any]:
    """The headline's effect, as a change in risk, by this package."""
    start = time.perf_counter()
    run = sb.fit(name, quick=True)
    seconds = time.perf_counter() - start
    found = (row for row in run.effects if row.is_effect and row.scale == "risk")
    row = next(row for row in found if row.prior == run.prior and row.target == "pooled")
    return {
        "estimator": OURS,
        "package": f"sofs-bayes, {run.status}",
        "effect": row.median,
        "lower": row.lower,
        "upper": row.upper,
        "seconds": seconds,
    }


def by_peers(name: str, folder: Path, environments: Path) -> list[dict[str, Any]]:
    """What the other packages make of the same rows."""
    analysis = spec.load(name)
    assert isinstance(analysis, spec.OpenAnalysis)
    source_of(analysis, ()).data.cells.to_parquet(folder / "panel.parquet")
    found: list[dict[str, Any]] = []
    for environment, (required, packages) in ENVIRONMENTS.items():
        python = peer_python(environments / environment, required)
        subprocess.run([python, BESIDE / "peer_panel.py", folder, *packages], check=True)
        found += json.loads((folder / "peers.json").read_text())
    return found


def table(lines: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: effects in percentage points."""
    rows = [
        "| estimator | package | effect (pp) | 90% from | to | seconds |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for line in lines:
        if "failed" in line:
            numbers = [line["failed"], "", ""]
        else:
            numbers = [f"{100 * line[key]:+.2f}" for key in ("effect", "lower", "upper")]
        cells = [line["estimator"], line["package"], *numbers, readable(line["seconds"])]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def main() -> None:
    """The table of one analysis, on the screen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--analysis", default="icpc-open-data")
    parser.add_argument("--peer", type=Path, help="folder of the peers' environments")
    asked = parser.parse_args()
    with TemporaryDirectory() as scratch:
        environments = asked.peer or Path(scratch)
        lines = [ours(asked.analysis), *by_peers(asked.analysis, Path(scratch), environments)]
    print(table(lines))


if __name__ == "__main__":
    main()
