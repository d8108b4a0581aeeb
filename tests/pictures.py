"""Pictures that cost nothing, for tests that do not look at them."""

from typing import Any

import pytest
from matplotlib.figure import Figure

from sofs_bayes.figures.drawing import Drawing


def drawn_empty(patch: pytest.MonkeyPatch) -> None:
    """Pictures are laid out once of each kind and width, and written empty."""
    save, lay_out, seen = Figure.savefig, Drawing.at, set[tuple[object, ...]]()

    def empty(figure: Figure, *words: Any, **how: Any) -> None:
        figure.set_size_inches(1, 1)
        save(Figure(figsize=(1, 1)), *words, **how)

    def once_at(drawing: Drawing, width: float) -> Figure:
        kind = (drawing.data[0], drawing.canvas.status, width)
        if kind in seen:
            return Figure(figsize=(1, 1))
        seen.add(kind)
        return lay_out(drawing, width)

    patch.setattr(Figure, "savefig", empty)
    patch.setattr(Drawing, "at", once_at)
