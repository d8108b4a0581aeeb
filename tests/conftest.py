"""Shared by all tests: counts made by hand, the made-up open data, one compiled graph."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from tests import alone
from tests.counts import draws_from_nowhere, observed
from tests.cpu_times import CpuTimes
from tests.fuzz import told
from tests.graphs import compile_once, compiled_once
from tests.order import arrange, by_group
from tests.pictures import drawn_empty

from sofs_bayes.bayes import from_published
from sofs_bayes.bayes.blocks import Blocks, Setting, blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.did_model import form_of, model_data
from sofs_bayes.bayes.from_published_pymc import graph, graph_data
from sofs_bayes.bayes.open_counts import open_cell_data
from sofs_bayes.bayes.sampling import Compiled, compile_graph
from sofs_bayes.folders.manifest import sha256
from sofs_bayes.matching.authorities import choose_comparators, did_cells
from sofs_bayes.pipeline.did_fits import Programs
from sofs_bayes.records import known_files
from sofs_bayes.records.open_data import read_panel
from sofs_bayes.records.panel import Panel
from sofs_bayes.spec import OpenAnalysis, PrintedAnalysis, load

DFE = Path(__file__).parent / "data" / "dfe"
CHAINS, DRAWS = 2, 40


def pytest_configure(config: pytest.Config) -> None:
    """Every run ends with the CPU seconds of its files; tests that fork run alone."""
    config.pluginmanager.register(CpuTimes(), "cpu-times")
    config.pluginmanager.register(told, "tried")
    alone.register(config)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest files first, for runs in several processes."""
    if config.pluginmanager.hasplugin("xdist"):
        arrange(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Have files that share graphs share a process."""
    return by_group(config, log)


# --------------------------------------------------------------------- kept from each other


@pytest.fixture(autouse=True)
def own_ledger(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger of releases for each test, so that none is judged beside another's."""
    ledger = tmp_path_factory.mktemp("custodian") / "ledger.jsonl"
    monkeypatch.setenv("SOFS_BAYES_LEDGER", str(ledger))
    return ledger


@pytest.fixture(autouse=True, scope="session")
def shared_graphs() -> Iterator[None]:
    """Graphs are compiled once for all tests of a process."""
    with compiled_once():
        yield


@pytest.fixture(scope="module")
def empty_pictures() -> Iterator[None]:
    """For files that do not look at pictures: each kind is laid out once, and written empty."""
    with pytest.MonkeyPatch.context() as patch:
        drawn_empty(patch)
        yield


@pytest.fixture(autouse=True, scope="session")
def one_process_draws() -> Iterator[None]:
    """Pictures are drawn where tests can put something in their place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sofs_bayes.pages.figure_files.MAY", False)
        yield


@pytest.fixture(autouse=True, scope="session")
def made_up_department() -> Iterator[None]:
    """The made-up DfE files count as the Department's, as the real ones do."""
    real = known_files.department_files()
    made_up = {sha256(path): f"made up, {path.name}" for path in DFE.glob("*.csv")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known_files, "department_files", lambda: {**real, **made_up})
        yield


# ----------------------------------------------------------------------- made by hand


@pytest.fixture(scope="session")
def few_counts() -> xr.Dataset:
    """Three staggered pilots and four comparators in years with a gap, few children.

    Aldmoor and Birchway settle in 2014, Cranleigh from 2014 to 2016; Glen is not seen in 2013.
    """
    denominators = np.array(
        [
            [30, 25, 0, 40, 35],
            [12, 18, 0, 9, 14],
            [50, 45, 0, 0, 60],
            [20, 22, 24, 26, 28],
            [33, 31, 29, 27, 25],
            [40, 40, 40, 40, 40],
            [16, 0, 17, 18, 19],
        ],
        dtype=float,
    )
    return observed(
        np.floor(denominators * np.linspace(0.1, 0.5, 35).reshape(7, 5)),
        denominators,
        ("Aldmoor", "Birchway", "Cranleigh", "Dell", "Esk", "Fern", "Glen"),
        (2012, 2013, 2014, 2016, 2017),
        {"Aldmoor": (2014, 2014), "Birchway": (2014, 2014), "Cranleigh": (2014, 2016)},
    )


@pytest.fixture(scope="session")
def counts(few_counts: xr.Dataset) -> CellData:
    """These counts, with one effect after settling-in."""
    return open_cell_data(few_counts)


@pytest.fixture(scope="session")
def by_year_counts(few_counts: xr.Dataset) -> CellData:
    """The same with a term per year since settling-in in place of one effect."""
    return open_cell_data(few_counts, effect="by year")


@pytest.fixture(scope="session")
def of_counts(counts: CellData, made_up_analysis: OpenAnalysis) -> Blocks:
    """The design of a fit to these counts."""
    return blocks_of(counts, made_up_analysis)


@pytest.fixture(scope="session")
def of_by_year(by_year_counts: CellData, made_up_analysis: OpenAnalysis) -> Blocks:
    """The design with an effect per year."""
    return blocks_of(by_year_counts, made_up_analysis)


def blocks_of(data: CellData, analysis: OpenAnalysis) -> Blocks:
    """The design under the analysis's first effect prior."""
    return blocks(data, analysis, Setting(effect_prior=next(iter(analysis.effect_priors.values()))))


@pytest.fixture(scope="session")
def posterior(counts: CellData, of_counts: Blocks, made_up_analysis: OpenAnalysis) -> xr.Dataset:
    """Draws of every parameter under one effect, with cells that have shocks of their own."""
    return draws_from_nowhere(made_up_analysis, counts, of_counts, chains=CHAINS, draws=DRAWS)


@pytest.fixture(scope="session")
def by_year_posterior(
    by_year_counts: CellData, of_by_year: Blocks, made_up_analysis: OpenAnalysis
) -> xr.Dataset:
    """Draws under an effect per year."""
    return draws_from_nowhere(
        made_up_analysis, by_year_counts, of_by_year, chains=CHAINS, draws=DRAWS
    )


# -------------------------------------------------------------- files with a planted effect


@pytest.fixture(scope="session")
def made_up_analysis() -> OpenAnalysis:
    """The analysis that goes with the made-up DfE files."""
    loaded = load(DFE / "made-up.toml")
    assert isinstance(loaded, OpenAnalysis)
    return loaded


@pytest.fixture(scope="session")
def made_up_panel(made_up_analysis: OpenAnalysis) -> Panel:
    """The counts of the made-up DfE files, whose effects `truth.json` holds."""
    return read_panel(sorted(DFE.glob("*.csv")), made_up_analysis.data)


@pytest.fixture(scope="session")
def made_up_cells(made_up_analysis: OpenAnalysis, made_up_panel: Panel) -> xr.Dataset:
    """The cells of the made-up pilots and their comparators."""
    choice = choose_comparators(made_up_panel, made_up_analysis.design)
    return did_cells(made_up_panel, choice, made_up_analysis.design, include_breaks=True)


@pytest.fixture(scope="session")
def made_up_counts(made_up_cells: xr.Dataset) -> CellData:
    """The same cells as the model sees them, with one effect after settling-in."""
    return open_cell_data(made_up_cells)


@pytest.fixture(scope="session")
def programs(made_up_counts: CellData, made_up_analysis: OpenAnalysis) -> Programs:
    """The graph of the made-up analysis, the only one most tests sample; it takes a minute."""
    design = blocks_of(made_up_counts, made_up_analysis)
    form = form_of(made_up_counts, design, made_up_analysis)
    arrays = model_data(made_up_counts, design, made_up_analysis)
    return {form: compile_once(form, arrays)}


@pytest.fixture(scope="session")
def printed_graph() -> Compiled:
    """The graph of posteriors from print, compiled on one analysis, to be fed with any other."""
    one = load("icpc-printed")
    assert isinstance(one, PrintedAnalysis)
    return compile_graph(graph(graph_data(from_published.posterior(one, prior="reference"))))


@pytest.fixture(scope="session")
def compiled(programs: Programs) -> Compiled:
    """That graph itself."""
    [graph] = programs.values()
    return graph
