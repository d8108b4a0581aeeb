"""What is kept and told while fits are made: progress, time and versions."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version

Progress = Callable[[str], None]

VERSIONED = ("sofs-bayes", "pymc", "nutpie", "arviz", "numpy", "scipy", "xarray", "pandas")


def silent(_: str) -> None:
    """Progress that nobody watches."""


def versions() -> dict[str, str]:
    """The versions of Python and of the packages a result depends on."""
    import platform

    return {"python": platform.python_version()} | {name: version(name) for name in VERSIONED}


@contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Adds the time the block takes to a stage's seconds."""
    start = time.perf_counter()
    yield
    seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - start
