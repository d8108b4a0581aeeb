"""Many replicates of one job, on several workers: kept one by one, resumed, the same anywhere.

A job knows everything that decides its results and hashes it as its key; a replicate is a
number. What it gives depends on these two alone, so that it does not matter which worker made
it, in which order, or after how many interruptions.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sofs_bayes.folders.store import Store, pieces_in
from sofs_bayes.pipeline.jobs import HERE, AnyJob, Execution, Result, one_thread
from sofs_bayes.pipeline.watching import Progress
from sofs_bayes.pipeline.workers import in_processes


def finished(store: Store) -> dict[int, Result]:
    """The results that are there, by number."""
    found = {int(name): store.get(name) for name in store.names()}
    return {number: json.loads(content) for number, content in found.items() if content}


def in_a_row(folder: Path) -> int:
    """How many finished replicates a store's folder holds, counted from number 0 without a gap."""
    numbers = {int(piece.name) for piece in pieces_in(folder)}
    return next(number for number in range(len(numbers) + 1) if number not in numbers)


def replicates(
    job: AnyJob,
    store: Store,
    numbers: Sequence[int],
    how: Execution = HERE,
) -> dict[int, Result]:
    """The results of the numbers asked for; those in the store are not made again.

    Raises
    ------
    BadInput
        No scheduler at the address.
    WorkersDied
        Workers died again and again; what is finished stays in the store.
    """
    found = finished(store)
    missing = [number for number in numbers if number not in found]
    watch = _Watch(
        job=job, total=len(numbers), before=len(numbers) - len(missing), tell=how.progress
    )
    watch.tell_start()
    if missing:
        made = _made(job, missing, how)
        for number, result in made:
            store.put(f"{number:05d}", json.dumps(result, allow_nan=False).encode())
            found[number] = result
            watch.count()
    return {number: found[number] for number in numbers}


@dataclass(slots=True, kw_only=True)
class _Watch:
    """Tells how far a job is, and how long it will take."""

    job: AnyJob
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


def _made(job: AnyJob, numbers: Sequence[int], how: Execution) -> Iterator[tuple[int, Result]]:
    """Results as they come, in any order."""
    if how.scheduler is not None:
        from sofs_bayes.pipeline.cluster import on_cluster

        return on_cluster(job, numbers, how.scheduler)
    if how.workers == 1:
        return _here(job, numbers)
    return in_processes(job, numbers, how.workers)


def _here(job: AnyJob, numbers: Sequence[int]) -> Iterator[tuple[int, Result]]:
    bench = one_thread()(job.open())
    for number in numbers:
        yield number, bench(number)
