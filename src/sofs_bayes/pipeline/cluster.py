"""Replicates on the workers of a dask.distributed scheduler."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sofs_bayes.errors import BadParameter
from sofs_bayes.folders.manifest import versions
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
    from distributed import Client

SECONDS = 20  # within which a scheduler has to answer


def on_cluster(job: AnyJob, numbers: Sequence[int], scheduler: str) -> Iterator[tuple[int, Result]]:
    """Results as they come; what a worker that dies had in hand is done by another one.

    The job is a task of its own, so that it, too, is made again if its holder dies.

    Raises
    ------
    BadInput
        dask.distributed is not installed, no scheduler answers at the address, or a worker has
        other versions than are here, on which results depend.
    WorkersDied
        More workers died over one replicate than the scheduler allows (`allowed-failures`).
    """
    with _client(scheduler) as client:
        from distributed import KilledWorker

        there = client.submit(_itself, job, key=f"job-{job.key}", pure=False)
        pool, own = client.get_executor(pure=False), versions()
        at_once = AHEAD * max(sum(client.nthreads().values()), 1)
        try:
            yield from submitted(
                lambda number: pool.submit(_at_work, there, number, own), numbers, at_once=at_once
            )
        except KilledWorker as error:
            found = "a replicate over which worker after worker died"
            raise WorkersDied(f"{job.name}: {found}; what is finished is kept") from error


def check_scheduler(scheduler: str | None) -> None:
    """Refuse an address at which no scheduler answers, before anything is written."""
    if scheduler is not None:
        _client(scheduler).close()  # type: ignore[no-untyped-call]


def _client(scheduler: str) -> "Client":
    try:
        from distributed import Client
    except ImportError as error:
        found = "no dask.distributed"
        allowed = "sofs-bayes installed with its extra [cluster]"
        raise BadParameter("scheduler", found, allowed) from error
    try:
        return Client(scheduler, timeout=SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        allowed = "the address of a dask scheduler, as tcp://host:8786"
        raise BadParameter("scheduler", "no scheduler that answers", allowed, scheduler) from error


# ---------------------------------------------------------------------------------- on a worker

_benches: dict[str, Bench] = {}  # of this process: the one of the latest job
_opening = threading.Lock()  # a worker may have several threads


def check_versions(wanted: Mapping[str, str]) -> None:
    """Refuse a worker whose results would be kept under versions that it does not have."""
    own = versions()
    if other := [name for name in wanted if own.get(name) != wanted[name]]:
        found = ", ".join(f"{name} {own.get(name, 'absent')}" for name in other)
        allowed = ", ".join(f"{name} {wanted[name]}" for name in other)
        raise BadParameter("scheduler", found, f"{allowed}, as here", "a worker")


def _itself(job: AnyJob) -> AnyJob:
    return job


def _at_work(job: AnyJob, number: int, wanted: Mapping[str, str]) -> Result:
    with _opening:
        if job.key not in _benches:
            check_versions(wanted)
            _benches.clear()
            _benches[job.key] = one_thread()(job.open())
    return _benches[job.key](number)
