"""Documented commands and Python with short work, and the things that documents presuppose.

What is documented runs in this process, in a folder of its own, with relative paths, as it stands.
What it does is shortened here, in `shortened`, and nowhere else:

- No posterior is sampled. Graphs are not compiled; draws come from the priors, with a standard
  normal where the sampler's own units have none, and are followed through the graph. The gate
  lets them pass, as it would have nothing to judge.
- Populations are drawn, with some of the children, instead of solved.
- Calibrations, recoveries and placebo studies make `FEW` replicates whatever is asked for, here; a
  recovery has few scenarios unless the words ask for them.
- Where all bundled analyses are asked for (`reanalyse`, `calibrate all`) there is one of each kind;
  beside posteriors (`replicate --posterior`) there are two columns; the wild bootstrap
  draws nothing; fits are not repeated without single pilots, or with other scales, and once
  without an authority, which stands for all.
- The same drawing, release or fit of the same data is made once; linear algebra has one thread,
  and the main job one process.
- Pictures are made once of each kind, and written empty.

What samplers, solvers, workers and checks find is the matter of other tests.
"""

import contextlib
import functools
import importlib.util
import io
import pickle
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import xarray as xr
from tests.graphs import COMPILE_ANEW, USERS
from tests.pictures import drawn_empty
from threadpoolctl import threadpool_limits

from sofs_bayes import spec
from sofs_bayes.cli import main
from sofs_bayes.folders.manifest import read_manifest, sha256
from sofs_bayes.records import known_files

ROOT = Path(__file__).parents[2]
FEW = 2
CHAINS, DRAWS = 2, 20
SMALL: Mapping[str, Any] = {"drawn": True, "effect": 0.3, "times": 0.35}
OF_ALL = ("icpc-printed", "icpc-linear", "icpc-open-data")


@pytest.fixture(autouse=True)
def _usual_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger of what was released is where a reader has it: in the folder at work."""
    monkeypatch.delenv("SOFS_BAYES_LEDGER")


# ------------------------------------------------------------------------------ short work


@pytest.fixture(scope="module")
def shortened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """All of the shortening that this file's first lines list."""
    with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
        _no_sampling(patch)
        _few_children(patch, tmp_path_factory.mktemp("designs"))
        _few_fits(patch)
        _few_replicates(patch)
        drawn_empty(patch)
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A graph that is not compiled: draws from its priors."""

    graph: Any
    names: tuple[str, ...]
    draw: Callable[[], list[Any]]


def followed(graph: Any) -> Any:
    """Stands for `sampling.compile_graph`."""
    import pymc as pm
    from pytensor.compile.mode import Mode

    from sofs_bayes.bayes.sampling import Compiled, derivation

    flat = [rv for rv in graph.free_RVs if isinstance(rv.owner.op, pm.Flat.rv_type)]
    proper = [rv for rv in graph.free_RVs if rv not in flat]
    how = Mode(linker="py", optimizer="fast_compile")
    prior = pm.compile([], [*proper, *(rv.shape for rv in flat)], mode=how, random_seed=1)
    rng = np.random.default_rng(1)

    def draw() -> list[Any]:
        found = prior()
        return [*found[: len(proper)], *map(rng.standard_normal, found[len(proper) :])]

    names = tuple(each.name for each in (*proper, *flat))
    program = Followed(graph=graph, names=names, draw=draw)
    return Compiled(program=program, derive=derivation(graph), data={})


def drawn(compiled: Any, *_: object, data: Mapping[str, Any] | None = None, **__: object) -> Any:
    """Stands for `sampling.sample`."""
    program: Followed = compiled.program
    for name, array in (data or {}).items():
        place = program.graph[name]
        place.set_value(np.asarray(array).astype(place.dtype))
    rows = zip(*(program.draw() for _ in range(CHAINS * DRAWS)), strict=True)
    found = dict(zip(program.names, map(np.stack, rows), strict=True))
    given = {each.name: each.get_value() for each in program.graph.data_vars}
    posterior = {}
    for name, values in (found | compiled.derive(given | found)).items():
        shape = values.shape[1:]
        known = program.graph.named_vars_to_dims.get(name)
        dims = known or [f"{name} {i}" for i in range(len(shape))]
        posterior[name] = (("chain", "draw", *dims), np.reshape(values, (CHAINS, DRAWS, *shape)))
    size = (CHAINS, DRAWS)
    energy = np.random.default_rng(2).standard_normal(size)
    stats = {"diverging": np.zeros(size, dtype=bool), "energy": energy}
    return xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(posterior),
            "sample_stats": xr.Dataset({k: (("chain", "draw"), v) for k, v in stats.items()}),
        }
    )


def _no_sampling(patch: pytest.MonkeyPatch) -> None:
    from sofs_bayes.checks.diagnostics import Gate

    def passed(
        parameters: xr.Dataset, derived: Mapping[str, Any], *_: object, **__: object
    ) -> Gate:
        return Gate(
            failures=(),
            max_rhat=1.0,
            min_ess_bulk=400.0,
            min_ess_tail=400.0,
            min_bfmi=1.0,
            divergences=0,
            draws=CHAINS * DRAWS,
            quantities=len(parameters.data_vars) + len(derived),
        )

    patch.setattr("sofs_bayes.checks.diagnostics.gate", passed)
    patch.setattr("sofs_bayes.bayes.sampling.compile_graph", followed)
    patch.setattr("sofs_bayes.bayes.compiled_model.compile_graph", followed)
    for module in USERS:
        patch.setattr(module, "compile_model", COMPILE_ANEW)
    patch.setattr("sofs_bayes.bayes.sampling.sample", drawn)
    patch.setattr("sofs_bayes.checks.short_fits.sample", drawn)
    for name in ("did_calibration", "placebo", "recovery_fits"):
        patch.setattr(f"sofs_bayes.checks.{name}.short_gate", lambda *_, **__: ())


def _few_children(patch: pytest.MonkeyPatch, designs: Path) -> None:
    from sofs_bayes.disclosure.release import release
    from sofs_bayes.pipeline import children, recovery, sbc, simulation

    simulate, source_of = simulation.simulate, sbc.source_of_design

    @functools.wraps(simulate)
    def small(analysis: Any, output: Any = None, *, solve: bool = False, **how: Any) -> Path:
        return simulate(analysis, output, **(how if how.get("drawn") else how | SMALL))

    @functools.cache
    def matched(name: str) -> Path:
        people = small(name, designs / name / "people")
        return children.match(name, people, designs / name / "matched")

    def of_design(analysis: Any, data: Any, progress: Any) -> Any:
        if not data and isinstance(analysis, spec.HierarchicalAnalysis):
            data = [matched(analysis.children.name)]
        return source_of(analysis, data, progress)

    patch.setattr(simulation, "simulate", small)
    patch.setattr(simulation, "_drawn", once(simulation._drawn))
    patch.setattr("sofs_bayes.disclosure.release.release", once(release))
    for module in (sbc, recovery):
        patch.setattr(module, "source_of_design", of_design)


def _few_fits(patch: pytest.MonkeyPatch) -> None:
    from sofs_bayes.checks.loo import loo_authorities
    from sofs_bayes.frequentist import published_analysis as published
    from sofs_bayes.frequentist.term import DID
    from sofs_bayes.frequentist.wild_bootstrap import WildBootstrap
    from sofs_bayes.pipeline import (
        did_fits,
        fits,
        posterior_replication,
        reanalysis,
    )

    patch.setattr(reanalysis, "MAY", False)
    columns, changes = posterior_replication.hierarchical_columns, did_fits.refits

    def few_changes(*words: Any, **how: Any) -> Any:
        found = changes(*words, **how).items()
        return {each: fit for each, fit in found if each.kind not in ("without", "scaled")}

    def no_draws(*_: Any, level: float, draws: int, **__: Any) -> WildBootstrap:
        found = {"estimate": 0.0, "p_value": 1.0, "lower": -1.0, "upper": 1.0}
        of = {"term": DID, "level": level, "clusters": 2, "draws": draws, "enumerated": False}
        return WildBootstrap(**found, **of)

    patch.setattr(posterior_replication, "hierarchical_columns", lambda each: columns(each)[:2])
    beside = posterior_replication.posterior_replication
    patch.setattr(posterior_replication, "posterior_replication", once(beside))
    patch.setattr(did_fits, "refits", few_changes)
    patch.setattr("sofs_bayes.checks.loo.loo_authorities", one_left_out(loo_authorities))
    patch.setattr(published, "wild_bootstrap", no_draws)
    patch.setattr(published, "published_analysis", once(published.published_analysis))
    patch.setattr(did_fits, "fit_did", once(did_fits.fit_did))
    kept = once(fits.fit_printed)
    for module in (fits, reanalysis):
        patch.setattr(module, "fit_printed", kept)
    patch.setattr(reanalysis, "reanalyse", of_each_kind(reanalysis.reanalyse))


def one_left_out(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, with one refit that stands for those without each other authority."""

    def short(*words: Any, refit: Callable[[str], Any] | None = None, **how: Any) -> Any:
        made: list[Any] = []

        def once_made(name: str) -> Any:
            assert refit is not None
            made.extend([] if made else [refit(name)])
            return made[0]

        return function(*words, refit=refit and once_made, **how)

    return short


KEPT: dict[bytes, Any] = {}  # what `once` has computed
OF_THE_WAY = ("progress", "programs", "store", "unfinished")  # what results do not depend on


@pytest.fixture
def forget() -> Callable[[], None]:
    """Has all be computed again."""
    return KEPT.clear


def once(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, but what it was once given is not computed again."""

    @functools.wraps(function)
    def kept(*words: Any, **how: Any) -> Any:
        asked = [_content(each) for each in words]
        others = {name: value for name, value in how.items() if name not in OF_THE_WAY}
        key = pickle.dumps((function.__name__, asked, others))
        if key not in KEPT:
            KEPT[key] = function(*words, **how)
        return KEPT[key]

    return kept


def _content(word: Any) -> Any:
    """What a word stands for: a path for its data, wherever they lie."""
    if not isinstance(word, Path):
        return word
    if word.is_file():
        return word.read_bytes()
    return {n: h for n, h in read_manifest(word).files.items() if n.endswith((".parquet", ".nc"))}


def of_each_kind(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, with one bundled analysis of each kind."""

    @functools.wraps(function)
    def short(*words: Any, **how: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            few = {name: path for name, path in spec.bundled_models().items() if name in OF_ALL}
            patch.setattr(spec, "bundled_models", lambda: few)
            return function(*words, **how)

    return short


def _few_replicates(patch: pytest.MonkeyPatch) -> None:
    from sofs_bayes.pipeline import calibrate, placebo, recovery, replicates

    real, recover, here = calibrate.calibrate, recovery.recover, replicates._here
    drawn = placebo.placebo

    @functools.wraps(real)
    def few(*words: Any, replicates: int | None = None, **how: Any) -> Any:
        return real(*words, replicates=FEW, **how)

    @functools.wraps(recover)
    def few_recovered(*words: Any, **how: Any) -> Any:
        some = {"effect": (0.0, 0.05), "process": ("model",), "authorities": (1,)}
        given = {name: value for name, value in how.items() if value is not None}
        return recover(*words, **some | given | {"replicates": FEW, "prior_replicates": FEW})

    @functools.wraps(drawn)
    def few_sets(*words: Any, **how: Any) -> Any:
        return drawn(*words, **how | {"sets": FEW})

    patch.setattr(placebo, "placebo", few_sets)
    patch.setattr(placebo, "LEAST", FEW)
    patch.setattr(calibrate, "calibrate", few)
    patch.setattr(calibrate, "LEAST", FEW)
    patch.setattr(calibrate, "calibrate_all", of_each_kind(calibrate.calibrate_all))
    patch.setattr(recovery, "recover", few_recovered)
    patch.setattr(recovery, "LEAST", FEW)
    patch.setattr(replicates, "in_processes", lambda job, numbers, _: here(job, numbers))
    patch.setattr("sofs_bayes.pipeline.printed_calibration.STUDIES", FEW)


# ------------------------------------------------------------------------------- open data


@pytest.fixture(scope="module")
def dfe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Made-up files that count as the Department's, with all that bundled analyses name."""
    make = _module(ROOT / "tests" / "data" / "make_dfe.py")
    analysis = spec.load("icpc-open-data")
    assert isinstance(analysis, spec.OpenAnalysis)
    named = [pilot.authority for pilot in analysis.design.pilots]
    named += [each.authority for each in analysis.design.comparators.exclude]
    named += [f"Elsewhere {letter}" for letter in "ABCDEFGHIJKLMNOPQRSTU"]
    make.AUTHORITIES = [
        (f"{200 + i}", name, ("North", "South")[i % 2], 3000 + 50 * i)
        for i, name in enumerate(named)
    ]
    make.SETTLING_IN = {}
    counts = make.draw_counts(np.random.default_rng(make.SEED))
    folder = tmp_path_factory.mktemp("dfe")
    for file in make.FILES:
        (folder / f"{file}.csv").write_text(make.table(file, counts), encoding="utf-8")
    named += [each.authority for each in _care().design.recording_breaks]
    _put_care(folder, {f"{200 + i}": name for i, name in enumerate(named)})
    known = known_files.department_files()
    made_up = {sha256(path): f"made up, {path.name}" for path in folder.iterdir()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known_files, "department_files", lambda: {**known, **made_up})
        yield folder


def _care() -> spec.OpenAnalysis:
    analysis = spec.load("cla-open-data")
    assert isinstance(analysis, spec.OpenAnalysis)
    return analysis


def _put_care(folder: Path, authorities: Mapping[str, str]) -> None:
    """An extract of children starting to be looked after, and estimates of all who live there."""
    data = _care().data
    started = ["Short Desc,Years,LA and Regions,Values,LA Number,Region"]
    living = [
        "time_period,time_identifier,geographic_level,old_la_code,new_la_code,la_name,age_group,"
        "population_estimate"
    ]
    for year in range(data.first_year, data.last_year + 1):
        for code, name in authorities.items():
            number = int(code) + year % 7
            started.append(f'LACnum_Start,{year + 1},"{name}",{number},{code}.0,North')
            place = f'{year},Reporting year,Local authority,{code},,"{name}"'
            living.append(f"{place},Children aged 0 to 17 years,{400 * int(code)}")
    (folder / "starting-care.csv").write_text("\n".join([*started, ""]), encoding="utf-8")
    (folder / "living-there.csv").write_text("\n".join([*living, ""]), encoding="utf-8")


def _split(text: str) -> str:
    """A file whose rows are split by a column without totals, as that of looked-after children."""
    header, *rows = text.splitlines()
    header = header.replace("referral_child_count", "children_count")
    lines = ["population_type," + header.replace("referral_count", "population_estimate")]
    for kind in ("Children ceasing", "Children starting"):
        lines += [f"{kind} to be looked after,{row}" for row in rows]
    return "\n".join([*lines, ""])


def _module(path: Path) -> ModuleType:
    found = importlib.util.spec_from_file_location(path.stem, path)
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


# ------------------------------------------------------------------------------ the shelf

# What documents presuppose, and the command that makes it: one that a page shows, but for those in
# `OWN`, which stand for a reader's own.
SHOWN = {
    "children": "simulate icpc -o children",
    "matched": "match icpc-children children -o matched",
    "cells": "collapse icpc-children matched -o cells",
    "replicated": "replicate icpc-children matched -o replicated",
    "calibrated": "calibrate icpc-printed -o calibrated",
    "counts.dta": "open-data dfe-files -o counts.dta",
    "for-release": "disclose runs/icpc -o for-release",
    "runs/icpc": "fit icpc-linear matched -o runs/icpc",
    "runs/icpc-logistic": "fit icpc-logistic cells --quick -o runs/icpc-logistic",
    "runs/icpc-printed": "fit icpc-printed -o runs/icpc-printed",
}
OWN = {
    "runs/icpc-lagged": "fit icpc-lagged matched --quick -o runs/icpc-lagged",
    "runs/cla": "fit cla-printed -o runs/cla",
}
GIVEN = ("dfe-files", "folder", "starting.csv")  # the Department's files


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """What documents presuppose, each made once, when it is first wanted."""

    folder: Path
    shown: Mapping[str, str]

    def fill(self, target: Path, commands: Sequence[Sequence[str]]) -> None:
        """Put into a folder what commands name and none before them makes."""
        for name in self._presupposed(commands):
            self.put(name, target)

    def put(self, name: str, target: Path) -> None:
        """Put a copy of one thing into a folder, under its name."""
        source, place = self._made(name), target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, place)
        else:
            shutil.copy(source, place)

    def _presupposed(self, commands: Sequence[Sequence[str]]) -> list[str]:
        made: set[str] = set()
        needed: set[str] = set()
        for words in commands:
            here = {word for option, word in pairwise(words) if option == "-o"}
            needed |= {*words} - here - made
            made |= here
        return [name for name in (*GIVEN, *SHOWN, *OWN) if name in needed]

    def _made(self, name: str) -> Path:
        place = self.folder / name
        if not place.exists():
            words = (SHOWN | OWN)[name].split()
            for other in self._presupposed([words]):
                self._made(other)
            with contextlib.chdir(self.folder), contextlib.redirect_stdout(io.StringIO()):
                assert main(words) in (0, 1)
        return place


@pytest.fixture(scope="session")
def shelf_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where what documents presuppose is kept, for all files that share a process."""
    return tmp_path_factory.mktemp("shelf")


@pytest.fixture(scope="module")
def shelf(shortened: None, dfe: Path, shelf_folder: Path) -> Shelf:
    """Nothing is on it at first but the Department's files."""
    if not any(shelf_folder.iterdir()):
        for name in ("dfe-files", "folder"):
            shutil.copytree(dfe, shelf_folder / name)
        split = _split((dfe / "referrals.csv").read_text("utf-8-sig"))
        (shelf_folder / "starting.csv").write_text(split)
    return Shelf(folder=shelf_folder, shown=SHOWN)
