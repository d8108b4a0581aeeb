"""How fast calibration by simulation is: `python -m tests.benchmarks.calibration`.

`--peer FOLDER` also calibrates the counts of 117 cells with simuk, in a virtual environment of
its own, which is made in the folder if there is none (without FOLDER: in a temporary one). Its
model means the same; its fits are as long as the short ones of ours, and not checked. Nothing
is compiled before, times are of one run on one machine, and nothing is asserted.
"""

import argparse
import json
import os
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
from tests.benchmarks.__main__ import Line, readable
from tests.benchmarks.peer import BESIDE, ONE_THREAD, peer_python

from sofs_bayes import spec
from sofs_bayes.folders.store import open_store
from sofs_bayes.pipeline.jobs import Bench, Execution, Job, Result
from sofs_bayes.pipeline.replicates import replicates
from sofs_bayes.pipeline.sbc import prepared, ranks_of
from sofs_bayes.pipeline.watching import silent

if TYPE_CHECKING:
    from sofs_bayes.checks.calibration import Problem
    from sofs_bayes.checks.did_calibration import Design

PARTS = ("peer", "workers", "main")
COUNTS = "counts of cells"
MAIN = ("icpc-linear", "cla-logistic")
WORKERS = 2
ASKED, MINUTES = 1000, 12.0
PEERS = {"nutpie": "simuk with nutpie, its default", "pymc": "simuk with PyMC's own sampler"}

# What of a replicate each function of `checks.did_calibration` is counted to.
STAGES = {"sampled": "sampling", "quantities": "effects by draws", "short_gate": "gate"}


# ------------------------------------------------------------------------------- what is timed


@dataclass(slots=True)
class Stopwatch:
    """Seconds by stage; what is called within a stage is counted to it."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    running: bool = False

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, timed."""

        def inner(*args: Any, **kwargs: Any) -> Any:
            if self.running:
                return function(*args, **kwargs)
            self.running, start = True, time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.running = False
                self.seconds[stage] += time.perf_counter() - start

        return inner


def timed_ranks(design: "Design") -> Bench:
    """As `pipeline.sbc.ranks_of`; results say when and on what they were, too."""
    from sofs_bayes.checks.did_calibration import did_problem

    problem = did_problem(design)
    return partial(timed_replicate, problem, design.analysis.sampler.seed, time.process_time())


def timed_replicate(problem: "Problem[Any]", seed: int, opened: float, number: int) -> Result:
    """A replicate, and the seconds of its stages."""
    from sofs_bayes.checks import calibration, did_calibration
    from sofs_bayes.spec.seeds import stage_seed

    watch, began, cpu = Stopwatch(), time.monotonic(), time.process_time()
    stages: dict[str, Any] = {
        name: watch.timed(stage, getattr(did_calibration, name)) for name, stage in STAGES.items()
    }
    seen = replace(problem, generate=watch.timed("generating", problem.generate))
    with patch.multiple(did_calibration, **stages):
        found = calibration.replicate(seen, stage_seed(seed, f"replicate {number}"))
    ended = time.monotonic()  # one clock for all processes
    return found | {
        "began": began,
        "ended": ended,
        "stages": dict(watch.seconds),
        "cpu": time.process_time() - cpu,
        "cpu_opened": opened,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Replicates of a job, the seconds until workers were ready, and those of the replicates."""

    name: str
    workers: int
    results: Sequence[Mapping[str, Any]]
    ready: float
    working: float

    @property
    def rate(self) -> float:
        """Replicates per second once workers are ready."""
        return len(self.results) / self.working

    @property
    def note(self) -> str:
        """What a replicate's seconds went to, and how many needed more of them."""
        mean = np.mean([each["ended"] - each["began"] for each in self.results])
        cpu = np.mean([each["cpu"] for each in self.results])
        stages = {
            stage: np.mean([each["stages"].get(stage, 0.0) for each in self.results])
            for stage in ("generating", *dict.fromkeys(STAGES.values()))
        }
        stages["all else"] = mean - sum(stages.values())
        longer = sum(each["attempts"] > 1 for each in self.results)
        refused = sum(each["status"] != "converged" for each in self.results)
        return (
            f"{self.name}, {self.workers} worker{'s' * (self.workers > 1)}: ready after"
            f" {readable(self.ready)} s (CPU {readable(self.results[0]['cpu_opened'])} s each),"
            f" then {len(self.results)} replicates of"
            f" {len(self.results[0]['ranks'])} ranks in {readable(self.working)} s, {longer} of"
            f" them with a longer attempt (in the times), {refused} not converged; of a"
            f" replicate's {readable(mean)} s (CPU {readable(cpu)} s) "
            + ", ".join(f"{stage} {readable(seconds)} s" for stage, seconds in stages.items())
            + "."
        )


@cache
def job_of(name: str) -> Job[Any]:
    """The job of a bundled analysis, or of counts by authority and year."""
    if name == COUNTS:
        return Job(design=counts_design(), ready=ranks_of, name=name, key="0" * 64)
    analysis = spec.load(name)
    assert isinstance(analysis, spec.HierarchicalAnalysis)
    with TemporaryDirectory() as folder:
        return prepared(
            analysis,
            [],
            prior="reference",
            around="prior",
            folder=Path(folder),
            progress=silent,
        ).job


@cache
def counts_design() -> "Design":
    """Authorities, years, windows and numbers of children of cla-logistic, without covariates.

    Shocks are independent, as they are in the peer's textbook model.
    """
    import xarray as xr

    from sofs_bayes.bayes.blocks import Setting
    from sofs_bayes.bayes.open_counts import open_cell_data
    from sofs_bayes.checks.did_calibration import Design

    cells = job_of("cla-logistic").design.data.cells
    both = cells.groupby(["authority", "year", "pilot", "treated"], as_index=False)[
        "children"
    ].sum()
    pilot, treated = both["pilot"] == 1, both["treated"] == 1
    first = both[treated].groupby("authority")["year"].min()
    since = both["year"] - both["authority"].map(first)
    columns = {
        "authority": both["authority"].to_numpy(object),
        "year": both["year"].to_numpy(np.int64),
        "events": 0.5 * both["children"].round().to_numpy(np.float64),
        "denominator": both["children"].round().to_numpy(np.float64),
        "is_pilot": pilot.to_numpy(bool),
        "period": np.where(pilot, np.where(treated, "post", "pre"), "none").astype(object),
        "years_since": since.to_numpy(np.float64),
    }
    data = open_cell_data(xr.Dataset({name: ("cell", each) for name, each in columns.items()}))
    analysis = spec.load("icpc-open-data")
    assert isinstance(analysis, spec.OpenAnalysis)
    analysis = replace(analysis, model=replace(analysis.model, shocks="independent"))
    setting = Setting(effect_prior=analysis.effect_priors["reference"])
    return Design(analysis=analysis, setting=setting, data=data)


@cache
def measured(name: str, workers: int, number: int) -> Measured:
    """So many replicates of a job."""
    job = replace(job_of(name), ready=timed_ranks)
    with TemporaryDirectory() as made, patch.dict(os.environ, nothing_compiled(Path(made))):
        store = open_store(Path(made) / "store", job.key)
        start = time.perf_counter()
        found = list(replicates(job, store, range(number), Execution(workers=workers)).values())
        total = time.perf_counter() - start
    working = max(each["ended"] for each in found) - min(each["began"] for each in found)
    return Measured(
        name=name, workers=workers, results=found, ready=total - working, working=working
    )


def nothing_compiled(folder: Path) -> dict[str, str]:
    """The environment in which PyTensor finds nothing that was compiled before."""
    flags = [os.environ.get("PYTENSOR_FLAGS"), f"base_compiledir={folder / 'compiled'}"]
    return {"PYTENSOR_FLAGS": ",".join(filter(None, flags))} | ONE_THREAD


# ------------------------------------------------------------------------------- beside simuk


def peer_lines(folder: Path, asked: argparse.Namespace) -> Iterator[Line | str]:
    """Counts of cells by our engine and by simuk."""
    ours = measured(COUNTS, WORKERS, asked.replicates)
    yield ours.note
    if asked.peer is None:
        return
    peer_input(folder, counts_design())
    python = peer_python(Path(asked.peer) if asked.peer else folder / "peer")
    for sampler, label in PEERS.items():
        found = by_simuk(folder, python, sampler, asked)
        ends, cpu = found["ends"], found["cpu"]
        yield (
            f"{label}: " + ", ".join(" ".join(each) for each in found["versions"].items()) + ";"
            f" {found['ranked']} ranks; the first of {len(ends)} replicates after"
            f" {readable(found['total'] - (ends[-1] - ends[0]))} s, the others within"
            f" {readable(ends[-1] - ends[0])} s (CPU of each"
            f" {readable((cpu[-1] - cpu[0]) / (len(cpu) - 1))} s)."
        )
        yield Line(
            what=f"{COUNTS}: replicates, {WORKERS} workers, compiled before",
            ours=ours.rate,
            other=f"{label}, after its first",
            theirs=(len(ends) - 1) / (ends[-1] - ends[0]),
            unit="per s",
            more_is_better=True,
        )
        yield Line(
            what=f"{COUNTS}: {asked.replicates} replicates with all set-up",
            ours=ours.ready + ours.working,
            other=label,
            theirs=found["total"],
            unit="s",
        )


def peer_input(folder: Path, design: "Design") -> None:
    """The cells' design, numbers and priors as our fits have them, a row for each cell."""
    from sofs_bayes.checks.short_fits import shortened

    of_fit, priors = design.blocks, design.analysis.priors
    used = (of_fit.prior_sd > 0) & of_fit.design.any(axis=0)
    children = design.data.cells["children"].to_numpy(np.int64)
    np.savez(
        folder / "cells.npz",
        design=of_fit.design[:, used],
        prior_mean=of_fit.prior_mean[used],
        prior_sd=of_fit.prior_sd[used],
        authorities=of_fit.authorities,
        pilots=of_fit.pilots,
        n=children,
        events=np.zeros_like(children),  # simulated ones take their place
    )
    short = asdict(shortened(design.analysis.sampler, 0))
    sampling = {name: short[name] for name in ("chains", "tune", "draws", "target_accept")}
    names = ("authority_sd", "pilot_effect_sd", "shock_sd")
    given = {"sds": {name: getattr(priors, name).scale for name in names}, "sampling": sampling}
    (folder / "model.json").write_text(json.dumps(given))


def by_simuk(folder: Path, python: Path, sampler: str, asked: argparse.Namespace) -> dict[str, Any]:
    """What simuk says of as many replicates, and the seconds from its start to its end."""
    words: list[str | Path] = [python, BESIDE / "peer_simuk.py", folder, "--sampler", sampler]
    words += ["--replicates", str(asked.replicates), "--cores", str(WORKERS)]
    with TemporaryDirectory() as made:
        start = time.perf_counter()
        subprocess.run(words, check=True, env=os.environ | nothing_compiled(Path(made)))
        total = time.perf_counter() - start
    found: dict[str, Any] = json.loads((folder / "peer.json").read_text())
    return found | {"total": total}


# ------------------------------------------------------------------- workers, and main analyses


def workers_lines(folder: Path, asked: argparse.Namespace) -> Iterator[Line | str]:
    """The same job on two workers and on one."""
    many, one = (measured(COUNTS, workers, asked.replicates) for workers in (WORKERS, 1))
    yield one.note
    yield Line(
        what=f"{COUNTS}: replicates, {WORKERS} workers",
        ours=many.rate,
        other="one worker",
        theirs=one.rate,
        unit="per s",
        more_is_better=True,
    )


def main_lines(folder: Path, asked: argparse.Namespace) -> Iterator[Line | str]:
    """A thousand replicates of each main analysis, from a few of them."""
    for name in MAIN:
        found = measured(name, WORKERS, asked.replicates)
        yield found.note
        yield Line(
            what=f"{name}: {ASKED:,} replicates, {WORKERS} workers, with set-up,"
            f" extrapolated from {asked.replicates}",
            ours=(found.ready + ASKED / found.rate) / 60,
            other="asked for",
            theirs=MINUTES,
            unit="min",
        )


def main() -> None:
    """Print the table, and what it rests on."""
    asked = arguments()
    makers = dict(zip(PARTS, (peer_lines, workers_lines, main_lines), strict=True))
    notes = []
    print("| what | takes | beside | takes | times better |")
    print("| --- | ---: | --- | ---: | ---: |")
    try:
        for part in asked.parts or PARTS:
            with TemporaryDirectory() as name:
                for line in makers[part](Path(name), asked):
                    if isinstance(line, str):
                        notes.append(line)
                    else:
                        print(line.markdown(), flush=True)
    finally:  # what was measured before an interruption, too
        print("", *(f"- {note}" for note in notes), sep="\n")


def arguments() -> argparse.Namespace:
    """Which parts, the peer's folder, and how many replicates."""
    parser = argparse.ArgumentParser(description="How fast calibration by simulation is.")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="default: all")
    parser.add_argument("--peer", nargs="?", const="", metavar="FOLDER", help="simuk too")
    parser.add_argument("--replicates", type=int, default=20, help="of each measurement")
    return parser.parse_args()


if __name__ == "__main__":
    main()
