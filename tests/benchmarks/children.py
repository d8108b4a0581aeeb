"""How the children's steps grow with the number of children, and what cells spare."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from sofs_bayes.cells.collapse import collapse
from sofs_bayes.cells.dataset import Cells
from sofs_bayes.frequentist.estimation import least_squares
from sofs_bayes.frequentist.gram import gram
from sofs_bayes.frequentist.terms import design
from sofs_bayes.matching.strata import read_matched
from sofs_bayes.pipeline.children import load_children, match, matched_file
from sofs_bayes.pipeline.simulation import simulate

ANALYSIS = "icpc-children"
TENTH, WHOLE = 0.1, 1.0

Timed = tuple[str, float, str, float]
Clock = Callable[[Callable[[], object]], float]


def children_times(seconds: Clock) -> list[Timed]:
    """What, its seconds, beside what, and its seconds; on populations drawn for it."""
    analysis = load_children(ANALYSIS)
    with TemporaryDirectory() as name:
        folder = Path(name)
        files: dict[float, Path] = {}
        matching: dict[float, float] = {}
        collapsing: dict[float, float] = {}
        for times in (TENTH, WHOLE):
            people, matched = folder / f"people {times}", folder / f"matched {times}"
            simulate(analysis, people, drawn=True, times=times)
            matching[times] = seconds(lambda a=people, b=matched: match(analysis, a, b))  # type: ignore[misc]
            files[times] = matched_file(matched)
            collapsing[times] = seconds(lambda a=files[times]: collapse(a, analysis))  # type: ignore[misc]
        frame = read_matched(files[WHOLE], analysis)
        cells = collapse(files[WHOLE], analysis)
        main = analysis.regressions.columns[0]
        by_rows = seconds(lambda: least_squares(design(frame, analysis, main)))
        by_cells = seconds(lambda: solved(cells))
    ten = "ten times the time of a tenth of them"
    return [
        ("match the published number of children", matching[WHOLE], ten, 10 * matching[TENTH]),
        ("collapse them", collapsing[WHOLE], ten, 10 * collapsing[TENTH]),
        ("the linear regression, from cells", by_cells, "from the children's rows", by_rows),
    ]


def solved(cells: Cells) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The coefficients of the main linear regression, from the cells' cross-products."""
    analysis = load_children(ANALYSIS)
    found = gram(cells, analysis, analysis.regressions.columns[0])
    return np.linalg.solve(found.xx.sum(axis=0), found.xy.sum(axis=0))
