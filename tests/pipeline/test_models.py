"""Models to look at and build on, analyses by name, seeds, and a run in a line."""

from pathlib import Path

import pymc as pm
import pytest

from sofs_bayes.errors import BadInput
from sofs_bayes.pipeline.fits import fit, model
from sofs_bayes.pipeline.sbc import rules
from sofs_bayes.spec import OpenAnalysis, analysis_of, load

MODELS = Path(__file__).parents[2] / "models"


def test_the_model_of_counts_is_pymcs() -> None:
    found = model("cla-open-data")
    assert isinstance(found, pm.Model)
    names = {"authority_sd", "pilot_effect_sd", "shock_sd", "shock_correlation", "effects"}
    assert names <= set(found.named_vars)
    with found:  # it can be built on
        pm.Normal("of_mine", 0.0, 1.0)
    assert "of_mine" in found.named_vars


def test_the_model_of_print_is_pymcs() -> None:
    assert {each.name for each in model("icpc-printed").free_RVs} == {
        each.name for each in model(load("icpc-printed"), prior="sceptical").free_RVs
    }


@pytest.mark.parametrize(
    ("name", "how", "says"),
    [
        ("icpc-children", {}, "another kind"),
        ("icpc-printed", {"prior": "hopeful"}, "reference"),
        ("icpc-nowhere", {}, "no such analysis"),
        ("icpc-linear", {}, "no data"),
    ],
)
def test_what_has_no_model_is_refused(name: str, how: dict[str, str], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        model(name, **how)  # type: ignore[arg-type]


def test_analyses_are_given_by_name_file_or_object() -> None:
    by_name = analysis_of("icpc-open-data")
    assert by_name == analysis_of(MODELS / "icpc-open-data.toml") == analysis_of(by_name)


def test_a_seed_takes_the_place_of_the_analysiss_own() -> None:
    counted = analysis_of("icpc-open-data", seed=7)
    assert isinstance(counted, OpenAnalysis)
    assert counted.sampler.seed == 7
    assert rules(counted) == rules(load("icpc-open-data"))  # type: ignore[arg-type]
    assert analysis_of("icpc-printed", seed=7) != load("icpc-printed")
    with pytest.raises(BadInput, match="nothing is drawn"):
        analysis_of("icpc-children", seed=7)


def test_a_run_is_a_line() -> None:
    run = fit("icpc-printed", seed=11)
    assert run.analysis.seed == 11  # type: ignore[union-attr]
    assert repr(run).startswith("<Run icpc-printed: published-inferred, converged; 4 effect")
    assert len(repr(run)) < 120
