"""Shared by all tests: a hand-made posterior, the made-up open data, one compiled graph."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr

from sofs_bayes.bayes.did_arrays import AFTER, DidArrays, did_arrays
from sofs_bayes.bayes.hierarchical import build_model, model_data, structure_of
from sofs_bayes.bayes.sampling import Compiled, compile_graph
from sofs_bayes.folders.manifest import sha256
from sofs_bayes.matching.authorities import choose_comparators, did_cells
from sofs_bayes.records import known_files
from sofs_bayes.records.open_data import read_panel
from sofs_bayes.records.panel import Panel
from sofs_bayes.spec import OpenAnalysis, load

DFE = Path(__file__).parent / "data" / "dfe"
CHAINS, DRAWS = 2, 40

Floats = npt.NDArray[np.float64]


# --------------------------------------------------------------------- kept from each other


@pytest.fixture(autouse=True)
def own_ledger(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger of releases for each test, so that none is judged beside another's."""
    ledger = tmp_path_factory.mktemp("custodian") / "ledger.jsonl"
    monkeypatch.setenv("SOFS_BAYES_LEDGER", str(ledger))
    return ledger


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
def arrays() -> DidArrays:
    """Three staggered pilots and four comparators in years with a gap, few children.

    Aldmoor and Birchway settle in 2014, Cranleigh from 2014 to 2016; Glen is not seen in 2013.
    """
    treated = np.array([[0, 0, 0, 1, 1], [0, 0, 0, 1, 1], [0, 0, 0, 0, 1]], dtype=float)
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
    events = np.floor(denominators * np.linspace(0.1, 0.5, 35).reshape(7, 5))
    terms = (AFTER, "-2", "+0", "+1")
    return DidArrays(
        authorities=("Aldmoor", "Birchway", "Cranleigh", "Dell", "Esk", "Fern", "Glen"),
        pilots=("Aldmoor", "Birchway", "Cranleigh"),
        years=(2012, 2013, 2014, 2016, 2017),
        events=events,
        denominators=denominators,
        treated=treated,
        terms=terms,
        term_design=np.stack([treated, *np.zeros((3, 3, 5))], axis=-1),
    )


@pytest.fixture(scope="session")
def by_year_arrays(arrays: DidArrays) -> DidArrays:
    """The same counts with a term per year since settling-in in place of one effect."""
    design = np.zeros_like(arrays.term_design)
    design[:, 0, 1] = 1.0  # 2012 is two years before 2014, for every pilot
    design[:2, 3, 2] = design[2, 4, 2] = 1.0  # the first year after
    design[:2, 4, 3] = 1.0  # the second
    return replace(arrays, term_design=design)


@pytest.fixture(scope="session")
def posterior(arrays: DidArrays) -> xr.Dataset:
    """Draws of every parameter under one effect, with cells that have shocks of their own."""
    return made_up_draws(arrays, (AFTER,))


@pytest.fixture(scope="session")
def by_year_posterior(by_year_arrays: DidArrays) -> xr.Dataset:
    """Draws under an effect per year."""
    return made_up_draws(by_year_arrays, ("-2", "+0", "+1"))


def made_up_draws(arrays: DidArrays, terms: tuple[str, ...]) -> xr.Dataset:
    """Draws from nowhere in particular, in the form in which `labelled` gives them."""
    rng = np.random.default_rng(20150331)
    pilots, years = len(arrays.pilots), len(arrays.years)

    def normal(*shape: int) -> Floats:
        return rng.standard_normal((CHAINS, DRAWS, *shape))

    columns = [arrays.terms.index(term) for term in terms]
    effect, deviation, spread = -0.4 + 0.2 * normal(len(terms)), normal(pilots), abs(normal())
    change = np.einsum("cdk,pyk->cdpy", effect, arrays.term_design[:, :, columns])
    change += spread[..., None, None] * deviation[..., None] * arrays.treated
    cell_logit = -1.0 + 0.5 * normal(len(arrays.authorities), years)
    cell_logit[:, :, :pilots] += change
    variables = {
        "intercept": ((), -1.0 + 0.1 * normal()),
        "year_effect": (("later_year",), 0.1 * normal(years - 1)),
        "pilot_difference": ((), 0.1 * normal()),
        "authority_sd": ((), 0.2 + 0.1 * abs(normal())),
        "authority_intercept": (("authority",), 0.2 * normal(len(arrays.authorities))),
        "effect": (("term",), effect),
        "pilot_effect_sd": ((), spread),
        "pilot_deviation": (("pilot",), deviation),
        "shock_sd": ((), 0.1 + 0.1 * abs(normal())),
        "shock_correlation": ((), rng.beta(2.0, 2.0, (CHAINS, DRAWS))),
        "cell_logit": (("authority", "year"), cell_logit),
    }
    return xr.Dataset(
        {name: (("chain", "draw", *dims), draws) for name, (dims, draws) in variables.items()},
        coords={
            "authority": list(arrays.authorities),
            "pilot": list(arrays.pilots),
            "year": list(arrays.years),
            "later_year": list(arrays.years[1:]),
            "term": list(terms),
        },
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
def made_up_arrays(made_up_cells: xr.Dataset) -> DidArrays:
    """The same cells as a rectangle, with one effect after settling-in."""
    return did_arrays(made_up_cells, effect="constant")


@pytest.fixture(scope="session")
def compiled(made_up_analysis: OpenAnalysis, made_up_arrays: DidArrays) -> Compiled:
    """The graph of the made-up analysis, the only one most tests sample; it takes ten seconds."""
    data = model_data(
        made_up_arrays,
        model=made_up_analysis.model,
        priors=made_up_analysis.priors,
        effect_prior=made_up_analysis.effect_priors["reference"],
    )
    return compile_graph(build_model(structure_of(made_up_arrays, made_up_analysis.model), data))
