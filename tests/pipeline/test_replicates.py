"""Replicates: the same on any workers, kept one by one, gone on with after any death."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sofs_bayes.errors import BadInput
from sofs_bayes.folders.manifest import versions
from sofs_bayes.folders.store import Store, open_store
from sofs_bayes.pipeline import workers as module
from sofs_bayes.pipeline.cluster import check_versions
from sofs_bayes.pipeline.jobs import Execution, WorkersDied
from sofs_bayes.pipeline.replicates import finished, in_a_row, replicates
from sofs_bayes.pipeline.workers import DEATHS

NUMBERS = range(12)
KILLS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Squares:
    """A job that takes `seconds` a replicate, and kills its worker at chosen ones once."""

    key: str = "5" * 64
    name: str = "squares"
    seconds: float = 0.0
    deadly: tuple[int, ...] = ()
    graves: str = ""

    def open(self) -> Callable[[int], dict[str, Any]]:
        def bench(number: int) -> dict[str, Any]:
            time.sleep(self.seconds)
            if number in self.deadly:
                grave = Path(self.graves) / str(number)
                if self.graves == "" or not grave.exists():
                    if self.graves:
                        grave.touch()
                    os.kill(os.getpid(), signal.SIGKILL)
            matrix = np.random.default_rng(number).standard_normal((80, 80))
            return {"square": number**2, "product": float((matrix @ matrix).sum())}

        return bench


def store_in(folder: Path, job: Squares) -> Store:
    return open_store(folder, job.key)


@pytest.fixture(scope="module")
def expected() -> dict[int, dict[str, Any]]:
    bench = Squares().open()
    return {number: bench(number) for number in NUMBERS}


@pytest.mark.parametrize("workers", [1, 2])
def test_results_do_not_depend_on_workers(
    tmp_path: Path, workers: int, expected: dict[int, dict[str, Any]]
) -> None:
    job = Squares()
    found = replicates(job, store_in(tmp_path / "s", job), NUMBERS, Execution(workers=workers))
    assert found == expected
    assert len(list((tmp_path / "s").glob("*.piece"))) == len(NUMBERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Squares):
    """The same, noting who makes it ready."""

    notes: str

    def open(self) -> Callable[[int], dict[str, Any]]:
        (Path(self.notes) / str(os.getpid())).touch()
        return Squares().open()


@pytest.mark.parametrize(("fork", "times"), [(True, 1), (False, 2)])
def test_the_job_is_made_ready_once_where_processes_can_be_forked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    expected: dict[int, dict[str, Any]],
    fork: bool,
    times: int,
) -> None:
    monkeypatch.setattr(module, "FORK", fork)
    job = Noted(notes=str(tmp_path))
    found = replicates(job, store_in(tmp_path / "s", job), NUMBERS, Execution(workers=2))
    assert found == expected
    assert len([path for path in tmp_path.iterdir() if path.name.isdecimal()]) == times


def test_finished_ones_are_not_made_again_and_more_are_added(tmp_path: Path) -> None:
    job = Squares()
    store = store_in(tmp_path / "s", job)
    store.put("00003", b'{"square": "kept"}')
    told: list[str] = []
    found = replicates(job, store, range(5), Execution(progress=told.append))
    assert found[3] == {"square": "kept"}
    assert told[0] == "squares: 1 of 5, making ready"
    assert told[-1].startswith("squares: 5 of 5")
    silent: list[str] = []
    assert replicates(job, store, range(5), Execution(progress=silent.append)) == found
    assert silent == []  # nothing was left to do


def test_a_worker_that_is_killed_is_replaced(
    tmp_path: Path, expected: dict[int, dict[str, Any]]
) -> None:
    (tmp_path / "graves").mkdir()
    job = Squares(deadly=(2, 7), graves=str(tmp_path / "graves"))
    found = replicates(job, store_in(tmp_path / "s", job), NUMBERS, Execution(workers=2))
    assert found == expected
    assert len(list((tmp_path / "graves").iterdir())) == 2


def test_workers_that_always_die_end_the_run_and_what_is_finished_stays(tmp_path: Path) -> None:
    job = Squares(deadly=(0,))
    store = store_in(tmp_path / "s", job)
    with pytest.raises(WorkersDied, match=f"died {DEATHS} times in a row"):
        replicates(job, store, [0], Execution(workers=2))
    assert finished(store) == {}


PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
from test_replicates import NUMBERS, Squares
from sofs_bayes.folders.store import open_store
from sofs_bayes.pipeline.jobs import Execution
from sofs_bayes.pipeline.replicates import replicates
if __name__ == "__main__":
    job = Squares(seconds=0.1)
    replicates(job, open_store(Path(sys.argv[1]), job.key), range(40), Execution(workers=2))
"""


@pytest.mark.long
def test_many_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    """The whole run is killed again and again, each time once it has got on a little."""
    script, folder = tmp_path / "run.py", tmp_path / "s"
    script.write_text(PROGRAM.format(here=str(Path(__file__).parent)))
    for kill in range(KILLS):
        running = subprocess.Popen([sys.executable, script, folder])
        wanted = 3 * (kill + 1)
        while len(list(folder.glob("*.piece"))) < wanted and running.poll() is None:
            time.sleep(0.02)
        running.send_signal(signal.SIGKILL)
        running.wait()
    assert not list(folder.glob("00039.piece"))  # it never came to its end
    subprocess.run([sys.executable, script, folder], check=True)
    found = finished(store_in(folder, Squares()))
    bench = Squares().open()
    assert found == {number: bench(number) for number in range(40)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(Squares):
    """A job whose workers find fault with what they are given, at once or with a replicate."""

    at_once: bool = False

    def open(self) -> Callable[[int], dict[str, Any]]:
        if self.at_once:
            raise BadInput("cells", "children", "0 treated", "some")

        def bench(number: int) -> dict[str, Any]:
            raise BadInput("cells", "children", f"{number} treated", "some")

        return bench


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize(("workers", "fork"), [(1, True), (2, True), (2, False)])
def test_bad_input_found_by_a_worker_is_said_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, fork: bool, at_once: bool
) -> None:
    monkeypatch.setattr(module, "FORK", fork)
    job = Refused(at_once=at_once)
    with pytest.raises(BadInput, match=r"cells: children: found \d treated; allowed: some"):
        replicates(job, store_in(tmp_path / "s", job), range(2), Execution(workers=workers))


def test_workers_of_others_are_left_alone(tmp_path: Path) -> None:
    other = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(3600,))
    other.start()
    try:
        with pytest.raises(BadInput):
            replicates(
                Refused(), store_in(tmp_path / "s", Refused()), range(2), Execution(workers=2)
            )
        assert other.is_alive()
    finally:
        other.terminate()
        other.join()


def test_fewer_workers_than_one_are_refused(tmp_path: Path) -> None:
    job = Squares()
    with pytest.raises(BadInput, match="workers: found 0; allowed: at least 1"):
        replicates(job, store_in(tmp_path / "s", job), NUMBERS, Execution(workers=0))


# ------------------------------------------------------------------------------- on a cluster


@pytest.fixture
def scheduler() -> Iterator[str]:
    """A scheduler with two workers, processes of this machine."""
    distributed = pytest.importorskip("distributed", reason="the extra [cluster]")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


cluster_warnings = pytest.mark.filterwarnings("default")  # of sockets, at the end of workers


@cluster_warnings
def test_a_cluster_gives_the_same_also_if_a_worker_is_killed(
    tmp_path: Path, scheduler: str, expected: dict[int, dict[str, Any]]
) -> None:
    (tmp_path / "graves").mkdir()
    job = Squares(deadly=(5,), graves=str(tmp_path / "graves"))
    found = replicates(job, store_in(tmp_path / "s", job), NUMBERS, Execution(scheduler=scheduler))
    assert found == expected
    assert (tmp_path / "graves" / "5").exists()  # it was killed


@pytest.mark.long
@cluster_warnings
def test_a_replicate_that_kills_every_worker_of_a_cluster_is_one_line(
    tmp_path: Path, scheduler: str
) -> None:
    job = Squares(deadly=(0,))
    store = store_in(tmp_path / "s", job)
    with pytest.raises(WorkersDied, match=r"squares: .* worker after worker died"):
        replicates(job, store, [0], Execution(scheduler=scheduler))
    assert finished(store) == {}


@cluster_warnings
def test_a_worker_of_other_versions_is_refused(
    tmp_path: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its results would be kept as those of the versions that are here."""
    here = versions()
    check_versions(here)
    monkeypatch.setattr(
        "sofs_bayes.pipeline.cluster.versions", lambda: here | {"numpy": "0.1", "pymc": "3"}
    )
    job = Squares()
    store = store_in(tmp_path / "s", job)
    allowed = "allowed: pymc 3, numpy 0.1, as here"
    with pytest.raises(BadInput, match=rf"a worker: found pymc .*, numpy .*; {allowed}"):
        replicates(job, store, NUMBERS, Execution(scheduler=scheduler))
    assert finished(store) == {}


@cluster_warnings
def test_no_scheduler_at_the_address_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="the extra [cluster]")
    monkeypatch.setattr("sofs_bayes.pipeline.cluster.SECONDS", 1)
    job = Squares()
    with pytest.raises(BadInput, match=r"scheduler: tcp://127\.0\.0\.1:9: found no scheduler"):
        replicates(
            job, store_in(tmp_path / "s", job), NUMBERS, Execution(scheduler="tcp://127.0.0.1:9")
        )


def test_replicates_in_a_row_end_at_the_first_gap(tmp_path: Path) -> None:
    assert in_a_row(tmp_path / "none") == 0
    store = store_in(tmp_path / "store", Squares())
    assert in_a_row(store.folder) == 0
    for number in (0, 1, 3):
        store.put(f"{number:05d}", b"{}")
    assert in_a_row(store.folder) == 2
