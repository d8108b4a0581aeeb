"""What can be repeated on workers, whoever they are: a job, its bench, and work handed out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from typing import Any, Protocol

from sofs_bayes.errors import SofsBayesError

Result = Mapping[str, Any]
Bench = Callable[[int], Result]

# Work handed out ahead for each worker: enough that none waits, little enough to stop soon.
AHEAD = 2


class Job(Protocol):
    """What is repeated; it is sent to workers whole."""

    @property
    def key(self) -> str:
        """A hash of all that decides the results, hexadecimal."""

    @property
    def name(self) -> str:
        """What a progress line calls it."""

    def open(self) -> Bench:
        """Make ready (compile) once on a worker: gives the function that makes a replicate.

        It takes the replicate's number, from 0, and gives what JSON can hold.
        """


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


def one_thread(bench: Bench) -> Bench:
    """The same with one thread for linear algebra, which more would not make faster.

    Nor would the last digits be the same whatever the number of processors.
    """

    def made(number: int) -> Result:
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):
            return bench(number)

    return made
