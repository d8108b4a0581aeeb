"""Replicates on the workers of a dask.distributed scheduler."""

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sofs_bayes.errors import BadInput
from sofs_bayes.pipeline.replicates import AHEAD, Bench, Job, Result, one_thread, submitted

if TYPE_CHECKING:
    from distributed import Client

SECONDS = 20  # within which a scheduler has to answer
RETRIES = 5  # workers that may die over one replicate


def on_cluster(job: Job, numbers: Sequence[int], scheduler: str) -> Iterator[tuple[int, Result]]:
    """Results as they come; what a worker that dies had in hand is done by another one.

    The job is a task of its own, so that it, too, is made again if its holder dies.

    Raises
    ------
    BadInput
        dask.distributed is not installed, or no scheduler answers at the address.
    """
    with _client(scheduler) as client:
        there = client.submit(_itself, job, key=f"job-{job.key}", pure=False, retries=RETRIES)
        pool = client.get_executor(pure=False, retries=RETRIES)
        at_once = AHEAD * max(sum(client.nthreads().values()), 1)
        yield from submitted(
            lambda number: pool.submit(_at_work, there, number), numbers, at_once=at_once
        )


def check_scheduler(scheduler: str | None) -> None:
    """Refuse an address at which no scheduler answers, before anything is written.

    Raises
    ------
    BadInput
        As `on_cluster`.
    """
    if scheduler is not None:
        _client(scheduler).close()  # type: ignore[no-untyped-call]


def _client(scheduler: str) -> "Client":
    try:
        from distributed import Client
    except ImportError as error:
        found = "no dask.distributed"
        allowed = "sofs-bayes installed with its extra [cluster]"
        raise BadInput("--scheduler", "", found, allowed) from error
    try:
        return Client(scheduler, timeout=SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        allowed = "the address of a dask scheduler, as tcp://host:8786"
        raise BadInput("--scheduler", scheduler, "no scheduler that answers", allowed) from error


# ---------------------------------------------------------------------------------- on a worker

_benches: dict[str, Bench] = {}  # of this process: the one of the latest job
_opening = threading.Lock()  # a worker may have several threads


def _itself(job: Job) -> Job:
    return job


def _at_work(job: Job, number: int) -> Result:
    with _opening:
        if job.key not in _benches:
            _benches.clear()
            _benches[job.key] = one_thread(job.open())
    return _benches[job.key](number)
