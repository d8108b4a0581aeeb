"""What can be repeated on workers, whoever they are: a job, its bench, and work handed out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sofs_bayes.errors import BadParameter, SofsBayesError
from sofs_bayes.pipeline.watching import Progress, silent

Result = Mapping[str, Any]
Bench = Callable[[int], Result]

# Work handed out ahead for each worker: enough that none waits, little enough to stop soon.
AHEAD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Job[Design]:
    """What is repeated; it is sent to workers whole.

    Attributes
    ----------
    design
        What replicates share.
    ready
        A function of a module that makes the design ready (compiles) once on a worker: gives the
        function that makes a replicate. It takes the replicate's number, from 0, and gives what
        JSON can hold.
    name
        What a progress line calls it.
    key
        A hash of all that decides the results, hexadecimal.
    """

    design: Design
    ready: Callable[[Design], Bench]
    name: str
    key: str

    def open(self) -> Bench:
        """The function that makes a replicate."""
        return self.ready(self.design)


AnyJob = Job[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """Who does the work, with how much memory, and who is told how far it is.

    Attributes
    ----------
    workers
        Processes on this machine; with 1 all is done in this one.
    scheduler
        Address of a dask.distributed scheduler whose workers take the work instead.
    memory
        What DuckDB may hold of children's records; the rest goes to temporary files.
    progress
        Told a line each.

    Raises
    ------
    BadInput
        Fewer workers than one.
    """

    workers: int = 1
    scheduler: str | None = None
    memory: str = "1GB"
    progress: Progress = silent

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise BadParameter("workers", str(self.workers), "at least 1")


HERE = Execution()


class WorkersDied(SofsBayesError):
    """Workers were killed again and again; what is finished is kept, and can be gone on from."""

    exit_code = 3


def submitted(
    submit: Callable[[int], Future[Result]], numbers: Sequence[int], *, at_once: int
) -> Iterator[tuple[int, Result]]:
    """Results of an executor as they come, with only so many handed out at once."""
    waiting = iter(numbers)
    running: dict[Future[Result], int] = {}
    while True:
        for number in waiting:
            running[submit(number)] = number
            if len(running) == at_once:
                break
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            number = running.pop(future)
            try:
                yield number, future.result()
            except CancelledError as error:
                raise WorkersDied(f"replicate {number} was cancelled") from error


@contextmanager
def one_thread() -> Iterator[None]:
    """Linear algebra on one thread, which more would not make faster beside another process.

    Nor would the last digits be the same whatever the number of processors.
    """
    import scipy.linalg  # noqa: F401 - only what is loaded can be limited
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield
