"""A job on several processes of this machine: made ready once, where processes can be forked."""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor
from typing import TYPE_CHECKING

from sofs_bayes.pipeline.jobs import (
    AHEAD,
    AnyJob,
    Bench,
    Result,
    WorkersDied,
    one_thread,
    submitted,
)

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

# Times in a row that all workers may die without having finished anything.
DEATHS = 3
# Whether workers can be made of a process that has the job ready. macOS can fork, but its own
# libraries for linear algebra may not be used afterwards.
FORK = sys.platform == "linux"


def in_processes(job: AnyJob, numbers: Sequence[int], workers: int) -> Iterator[tuple[int, Result]]:
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


def _pool(job: AnyJob, numbers: Sequence[int], workers: int) -> Iterator[tuple[int, Result]]:
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


# ---------------------------------------------------------------- in the foreman and its workers

# Of this process, filled before workers are forked, or as one starts: the job made ready.
_bench: list[Bench] = []


def _lead(job: AnyJob, numbers: Sequence[int], size: int, fork: bool, there: "Connection") -> None:
    """Make the job ready, hand it to workers, and pass on what they give; None at the end."""
    try:
        for each in _led(job, numbers, size, fork):
            there.send(each)
        there.send(None)
    except Exception as error:  # noqa: BLE001 - it is raised where the work was asked for
        there.send(error)


def _led(
    job: AnyJob, numbers: Sequence[int], size: int, fork: bool
) -> Iterator[tuple[int, Result]]:
    import multiprocessing

    _leave_interrupts_to_parent()
    if fork:
        _bench.append(one_thread()(job.open()))
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


def _begin(job: AnyJob | None = None) -> None:
    """Make a worker ready."""
    _leave_interrupts_to_parent()
    if job is None:
        return
    try:
        _bench.append(one_thread()(job.open()))
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
