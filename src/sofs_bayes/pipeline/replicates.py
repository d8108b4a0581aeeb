"""Many replicates of one job, on several workers: kept one by one, resumed, the same anywhere.

A job knows everything that decides its results and hashes it as its key; a replicate is a
number. What it gives depends on these two alone, so that it does not matter which worker made
it, in which order, or after how many interruptions.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sofs_bayes.errors import BadInput, SofsBayesError
from sofs_bayes.folders.store import Store, pieces_in
from sofs_bayes.pipeline.watching import Progress, silent

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

Result = Mapping[str, Any]
Bench = Callable[[int], Result]

# Work handed out ahead for each worker: enough that none waits, little enough to stop soon.
AHEAD = 2
# Times in a row that all workers may die without having finished anything.
DEATHS = 3
# Whether workers can be made of a process that has the job ready.
FORK = hasattr(os, "fork")


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


def finished(store: Store) -> dict[int, Result]:
    """The results that are there, by number."""
    found = {int(name): store.get(name) for name in store.names()}
    return {number: json.loads(content) for number, content in found.items() if content}


def in_a_row(folder: Path) -> int:
    """How many finished replicates a store's folder holds, counted from number 0 without a gap."""
    numbers = {int(piece.name) for piece in pieces_in(folder)}
    return next(number for number in range(len(numbers) + 1) if number not in numbers)


def replicates(
    job: Job,
    store: Store,
    numbers: Sequence[int],
    *,
    workers: int = 1,
    scheduler: str | None = None,
    progress: Progress = silent,
) -> dict[int, Result]:
    """The results of the numbers asked for; those in the store are not made again.

    Parameters
    ----------
    workers
        Processes on this machine; with 1 all is done in this one.
    scheduler
        Address of a dask.distributed scheduler whose workers take the work instead.

    Raises
    ------
    BadInput
        Fewer workers than one, or no scheduler at the address.
    WorkersDied
        Workers died again and again; what is finished stays in the store.
    """
    if workers < 1:
        raise BadInput("--workers", "", str(workers), "at least 1")
    found = finished(store)
    missing = [number for number in numbers if number not in found]
    watch = _Watch(job=job, total=len(numbers), before=len(numbers) - len(missing), tell=progress)
    watch.tell_start()
    if missing:
        made = _made(job, missing, workers, scheduler)
        for number, result in made:
            store.put(f"{number:05d}", json.dumps(result, allow_nan=False).encode())
            found[number] = result
            watch.count()
    return {number: found[number] for number in numbers}


@dataclass(slots=True, kw_only=True)
class _Watch:
    """Tells how far a job is, and how long it will take."""

    job: Job
    total: int
    before: int
    tell: Progress
    done: int = 0
    start: float = 0.0

    def tell_start(self) -> None:
        self.start = time.monotonic()
        if self.before < self.total:
            self.tell(f"{self.job.name}: {self.before} of {self.total}, making ready")

    def count(self) -> None:
        self.done += 1
        left = self.total - self.before - self.done
        seconds = (time.monotonic() - self.start) / self.done * left
        left_text = f"{seconds / 60:.0f} min" if seconds > 90 else f"{seconds:.0f} s"
        self.tell(f"{self.job.name}: {self.before + self.done} of {self.total}, {left_text} left")


def _made(
    job: Job, numbers: Sequence[int], workers: int, scheduler: str | None
) -> Iterator[tuple[int, Result]]:
    """Results as they come, in any order."""
    if scheduler is not None:
        from sofs_bayes.pipeline.cluster import on_cluster

        return on_cluster(job, numbers, scheduler)
    if workers == 1:
        return _here(job, numbers)
    return _in_processes(job, numbers, workers)


def _here(job: Job, numbers: Sequence[int]) -> Iterator[tuple[int, Result]]:
    bench = one_thread(job.open())
    for number in numbers:
        yield number, bench(number)


def _in_processes(job: Job, numbers: Sequence[int], workers: int) -> Iterator[tuple[int, Result]]:
    """In processes of this machine; if one is killed, all are started anew with what is left."""
    left, deaths = dict.fromkeys(numbers), 0
    while left:
        try:
            for number, result in _pool(job, list(left), workers):
                del left[number]
                deaths = 0
                yield number, result
        except BrokenProcessPool as error:
            deaths += 1
            if deaths == DEATHS:
                found = f"workers that died {DEATHS} times in a row"
                raise WorkersDied(f"{job.name}: {found}; what is finished is kept") from error


def _pool(job: Job, numbers: Sequence[int], workers: int) -> Iterator[tuple[int, Result]]:
    """Results of workers that a foreman makes: a process that gets the job ready for them all.

    Where a process cannot be forked each worker makes it ready for itself.
    """
    import multiprocessing

    size, context = min(workers, len(numbers)), multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    foreman = context.Process(target=_lead, args=(job, list(numbers), size, FORK, there))
    foreman.start()
    there.close()
    try:
        while (message := here.recv()) is not None:
            if isinstance(message, Exception):
                raise message
            yield message
        foreman.join()
    except EOFError:
        raise BrokenProcessPool("the process of the workers was killed") from None
    finally:  # whatever ends the work early, its workers are not waited for
        foreman.terminate()
        here.close()


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


# ---------------------------------------------------------------- in the foreman and its workers

# Of this process, filled before workers are forked, or as one starts: the job made ready.
_bench: list[Bench] = []


def _lead(job: Job, numbers: Sequence[int], size: int, fork: bool, there: "Connection") -> None:
    """Make the job ready, hand it to workers, and pass on what they give; None at the end."""
    try:
        for each in _led(job, numbers, size, fork):
            there.send(each)
        there.send(None)
    except Exception as error:  # noqa: BLE001 - it is raised where the work was asked for
        there.send(error)


def _led(job: Job, numbers: Sequence[int], size: int, fork: bool) -> Iterator[tuple[int, Result]]:
    import multiprocessing

    _leave_interrupts_to_parent()
    if fork:
        _bench.append(one_thread(job.open()))
    pool = ProcessPoolExecutor(
        size,
        mp_context=multiprocessing.get_context("fork" if fork else "spawn"),
        initializer=_begin,
        initargs=() if fork else (job,),
    )
    yield from submitted(
        lambda number: pool.submit(_at_work, number), numbers, at_once=AHEAD * size
    )
    pool.shutdown()


def _begin(job: Job | None = None) -> None:
    """Make a worker ready."""
    _leave_interrupts_to_parent()
    if job is None:
        return
    try:
        _bench.append(one_thread(job.open()))
    except Exception as error:  # noqa: BLE001 - raised here it would pass for a worker's death
        _bench.append(_refusing(error))


def _refusing(error: Exception) -> Bench:
    def refuse(_: int) -> Result:
        raise error

    return refuse


def _leave_interrupts_to_parent() -> None:
    """And end when it ends, however it ends."""
    import multiprocessing

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None  # this process was started for the work

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _at_work(number: int) -> Result:
    return _bench[0](number)
