"""Which files of tests share a process, and which start first: so two processes end together."""

from collections.abc import Mapping
from typing import Any

import pytest

# Files that sample one graph, which is compiled in their process alone.
TOGETHER: Mapping[str, tuple[str, ...]] = {
    "open graph": (
        "tests/test_cli.py",
        "tests/pipeline/test_reanalysis.py",
        "tests/bayes/test_sampling.py",
        "tests/pipeline/test_fits.py",
        "tests/pipeline/test_calibrate.py",
        "tests/checks/test_placebo.py",
        "tests/pipeline/test_refits.py",
    ),
    "printed graph": (
        "tests/bayes/test_from_published_pymc.py",
        "tests/pipeline/test_second_opinion.py",
    ),
    "documents": (  # what they shorten, and the children they make
        "tests/documents/commands/test_pages.py",
        "tests/documents/commands/test_makefile.py",
        "tests/documents/test_python.py",
        "tests/documents/test_chapters.py",
    ),
}
# Those that take longest, the longest first; a run ends with the CPU seconds of all.
LONGEST = (
    *TOGETHER["open graph"],
    *TOGETHER["documents"],
    "tests/checks/test_children_calibration.py",
    "tests/pipeline/test_children_fits.py",
    "tests/bayes/test_against_rstanarm.py",
    "tests/pipeline/test_printed_calibration.py",
    "tests/pipeline/test_recovery.py",
    "tests/pipeline/test_kills.py",
    "tests/bayes/test_did_model.py",
    "tests/results/test_calibration_page.py",
    "tests/pipeline/test_children.py",
)


def group_of(path: str) -> str:
    """What shares a process with a file: the file's own tests at least."""
    return next((name for name, files in TOGETHER.items() if path in files), path)


def arrange(items: list[pytest.Item]) -> None:
    """Put tests of the longest files first."""
    place = {path: i for i, path in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.location[0], len(place)))


def by_group(config: pytest.Config, log: Any) -> Any:
    """The scheduler of pytest-xdist that gives a process all tests of a group.

    Its own groups, by marks, do nothing beside pytest 9.2. None where tests are asked to be
    distributed in another way.
    """
    if config.getoption("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid.split("::", maxsplit=1)[0])

    return ByGroup(config, log)
