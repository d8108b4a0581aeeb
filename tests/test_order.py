"""The files that `order.py` names are there, and each has one group."""

from pathlib import Path

from tests.order import LONGEST, TOGETHER, group_of

ROOT = Path(__file__).parents[1]


def test_files_that_start_first_or_stay_together_are_there() -> None:
    named = {*LONGEST, *(path for files in TOGETHER.values() for path in files)}
    assert [path for path in sorted(named) if not (ROOT / path).is_file()] == []
    assert all(group_of(path) == name for name, files in TOGETHER.items() for path in files)
    assert group_of("tests/test_spec.py") == "tests/test_spec.py"
