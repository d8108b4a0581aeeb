"""Cells made by hand, and an outsider who attacks them: those of the cells' own tests."""

from tests.cells.conftest import analysis, attack, by_hand, make_matched, matched, of_rows

__all__ = ["analysis", "attack", "by_hand", "make_matched", "matched", "of_rows"]
