"""Refits differ from the headline in the one thing that their name says, field by field."""

from collections.abc import Iterator
from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any, get_args

import arviz_stats as azs
import numpy as np
import pytest

from sofs_bayes.bayes.blocks import Setting, blocks
from sofs_bayes.bayes.cell_data import CellData, left_out, without
from sofs_bayes.bayes.did_model import model_data
from sofs_bayes.bayes.limits import MAX_K
from sofs_bayes.matching import authorities
from sofs_bayes.matching.choice import Choice, LeftOut, Match
from sofs_bayes.pipeline import did_fits
from sofs_bayes.pipeline.did_fits import Programs, Workshop, one_fit, refit
from sofs_bayes.pipeline.did_sources import Source, counts_source
from sofs_bayes.pipeline.refits import refits, setting_of
from sofs_bayes.records.panel import Panel
from sofs_bayes.spec import HierarchicalAnalysis, OpenAnalysis, RecordingBreak, load
from sofs_bayes.spec.keys import AFTER, BY_YEAR, HEADLINE, Estimand, LeaveOut, Variant

WHY = "made up for a test"
PILOTS = ("Ashmere", "Brackwater, City of", "Coldharbour", "Dunmarsh")

# By kind of variant: the fields of a setting that it changes.
CHANGED = {
    "regression": {"replicating"},
    "not pooled": {"pilot_effects"},
    "fully pooled": {"pilot_effects"},
    "no shocks": {"shocks"},
    "departure": {"departure_sd"},
    "scaled": {"scales"},
    "without": set(),
    "with": set(),
}
# The arrays of the graph that it changes: all others are the headline's, number by number.
# Not among them: the units in which fixed terms are sampled, which follow from all the others.
UNITS = {"root", "towards"}
ARRAYS = {
    "regression": {"fixed", "mean", "authorities", "pilots", "shocked"},
    "not pooled": {"fixed", "pilots"},
    "fully pooled": {"pilots"},
    "no shocks": {"shocked"},
    "departure": {"fixed"},
    "scaled": {"sd_scales"},
    "without": {"curvature", "n", "events_of_cell"},
    "with": {"curvature", "n", "events_of_cell"},
}


@pytest.fixture(scope="module")
def source(made_up_analysis: OpenAnalysis, made_up_panel: Panel) -> Source:
    return counts_source(made_up_analysis, made_up_panel)


def differing(one: Setting, other: Setting) -> set[str]:
    return {f.name for f in fields(one) if getattr(one, f.name) != getattr(other, f.name)}


def arrays_of(analysis: OpenAnalysis, data: CellData, setting: Setting) -> dict[str, Any]:
    return dict(model_data(data, blocks(data, analysis, setting), analysis))


def moved(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    assert one.keys() == other.keys()
    return {name for name in one.keys() - UNITS if not np.array_equal(one[name], other[name])}


def test_every_refit_changes_what_it_says_and_nothing_else(
    made_up_analysis: OpenAnalysis, source: Source
) -> None:
    main = setting_of(made_up_analysis, "reference", source.departure)
    before = arrays_of(made_up_analysis, source.data, main)
    made = refits(made_up_analysis, source, leave_out="all")
    assert {variant.kind for variant in made} == set(CHANGED)
    for variant, (data, setting) in made.items():
        assert differing(main, setting) == CHANGED[variant.kind], variant
        after = arrays_of(made_up_analysis, data, setting)
        assert moved(before, after) == ARRAYS[variant.kind], variant
        assert setting.effect_prior == main.effect_prior


def test_a_scaled_prior_is_scaled_alone(made_up_analysis: OpenAnalysis, source: Source) -> None:
    main = setting_of(made_up_analysis, "reference", source.departure)
    before = arrays_of(made_up_analysis, source.data, main)["sd_scales"]
    names = ("authority_sd", "pilot_effect_sd", "shock_sd")
    seen = set()
    for variant, (data, setting) in refits(made_up_analysis, source, leave_out="none").items():
        if variant.kind == "scaled":
            ratio = arrays_of(made_up_analysis, data, setting)["sd_scales"] / before
            expected = [variant.factor if name == variant.subject else 1.0 for name in names]
            np.testing.assert_array_equal(ratio, expected)
            seen.add((variant.subject, variant.factor))
    assert seen == {(name, factor) for name in names for factor in (0.5, 2.0)}


def test_the_loop_fits_what_refits_name(
    made_up_analysis: OpenAnalysis, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A setting or data exchanged between naming and fitting is noticed."""
    fitted: dict[str, tuple[CellData, Setting]] = {}

    class Enough(Exception):
        """The loop has got as far as it has to."""

    def one_fit(_: Any, data: CellData, setting: Setting, name: str, **__: Any) -> Any:
        fitted[name] = data, setting
        return SimpleNamespace(setting=setting)

    def refit(_: Any, data: CellData, setting: Setting, name: str, **__: Any) -> Any:
        fitted[name] = data, setting
        if name.startswith(str(BY_YEAR)):
            raise Enough

    monkeypatch.setattr(did_fits, "one_fit", one_fit)
    monkeypatch.setattr(did_fits, "refit", refit)
    monkeypatch.setattr(did_fits._Collected, "add", lambda *_, **__: None)
    with pytest.raises(Enough):
        did_fits.fit_did(made_up_analysis, source)
    main = setting_of(made_up_analysis, "reference", source.departure)
    data, setting = fitted[f"{HEADLINE} / reference"]
    assert data is source.data
    assert setting == main
    for variant, (other, changed) in refits(made_up_analysis, source, leave_out="pilots").items():
        data, setting = fitted[f"{variant} / reference"]
        assert setting == changed
        assert data.cells.equals(other.cells)


# -------------------------------------------------------------------------- who is left out


def gone(data: CellData, everybody: CellData) -> set[str]:
    """Who has no children in the data, after checking that all else is as it was."""
    left = set()
    for name in everybody.authorities:
        here = everybody.cells["authority"] == name
        if not data.cells.loc[here, "children"].any():
            left.add(name)
            continue
        assert data.cells[here].equals(everybody.cells[here])
    for field in ("authorities", "pilots", "years", "terms"):
        assert getattr(data, field) == getattr(everybody, field)
    np.testing.assert_array_equal(data.design, everybody.design)
    return left


def with_breaks(analysis: OpenAnalysis, *names: str, inside: bool = False) -> OpenAnalysis:
    breaks = tuple(RecordingBreak(authority=name, year=2014, why=WHY) for name in names)
    design = replace(analysis.design, recording_breaks=breaks, breaks_in_headline=inside)
    return replace(analysis, design=design)


def found(
    analysis: OpenAnalysis, panel: Panel, leave_out: LeaveOut
) -> Iterator[tuple[Variant, set[str]]]:
    """The headline and each change of the data, with who is left out of it."""
    everybody = counts_source(with_breaks(analysis), panel).data
    source = counts_source(analysis, panel)
    yield HEADLINE, gone(source.data, everybody)
    for variant, (data, _) in refits(analysis, source, leave_out=leave_out).items():
        if variant.kind in ("with", "without"):
            yield variant, gone(data, everybody)


def names(of: Iterator[tuple[Variant, set[str]]]) -> dict[str, set[str]]:
    listed = list(of)
    assert len({str(variant) for variant, _ in listed}) == len(listed)
    return {str(variant): left for variant, left in listed}


def test_the_headline_is_without_recording_breaks_unless_declared(
    made_up_analysis: OpenAnalysis, made_up_panel: Panel
) -> None:
    one = with_breaks(made_up_analysis, "Dunmarsh")
    assert names(found(one, made_up_panel, "none")) == {
        "main": {"Dunmarsh"},
        "with Dunmarsh": set(),
    }
    inside = with_breaks(made_up_analysis, "Dunmarsh", inside=True)
    expected = {"main": set(), "without Dunmarsh": {"Dunmarsh"}}
    assert names(found(inside, made_up_panel, "none")) == expected
    assert names(found(with_breaks(made_up_analysis), made_up_panel, "none")) == {"main": set()}


def test_a_comparator_with_a_break_is_shown_with_and_without(
    made_up_analysis: OpenAnalysis, made_up_panel: Panel
) -> None:
    two = with_breaks(made_up_analysis, "Fennick", "Dunmarsh")
    assert names(found(two, made_up_panel, "none")) == {
        "main": {"Fennick", "Dunmarsh"},
        "with Fennick": {"Dunmarsh"},
        "with Dunmarsh": {"Fennick"},
    }
    inside = with_breaks(made_up_analysis, "Fennick", inside=True)
    expected = {"main": set(), "without Fennick": {"Fennick"}}
    assert names(found(inside, made_up_panel, "none")) == expected


def test_breaks_are_put_back_or_taken_out_one_by_one(
    made_up_analysis: OpenAnalysis, made_up_panel: Panel
) -> None:
    two = ("Dunmarsh", "Ashmere", "Dunmarsh", "Ottersby")
    assert names(found(with_breaks(made_up_analysis, *two), made_up_panel, "none")) == {
        "main": {"Dunmarsh", "Ashmere"},
        "with Dunmarsh": {"Ashmere"},
        "with Ashmere": {"Dunmarsh"},
    }
    inside = with_breaks(made_up_analysis, *two, inside=True)
    assert names(found(inside, made_up_panel, "none")) == {
        "main": set(),
        "without Dunmarsh": {"Dunmarsh"},
        "without Ashmere": {"Ashmere"},
    }


def test_authorities_are_left_out_of_the_headline_one_by_one(
    made_up_analysis: OpenAnalysis, made_up_panel: Panel
) -> None:
    one = with_breaks(made_up_analysis, "Dunmarsh")
    pilots = {f"without {name}": {name, "Dunmarsh"} for name in PILOTS[:3]}
    start = {"main": {"Dunmarsh"}, "with Dunmarsh": set()}
    assert names(found(one, made_up_panel, "pilots")) == start | pilots
    everybody = counts_source(with_breaks(made_up_analysis), made_up_panel).data.authorities
    every = {f"without {name}": {name} for name in everybody}
    none = with_breaks(made_up_analysis)
    assert names(found(none, made_up_panel, "all")) == {"main": set()} | every


@pytest.mark.parametrize("leave_out", get_args(LeaveOut))
def test_the_headline_is_no_variant(
    made_up_analysis: OpenAnalysis, source: Source, leave_out: LeaveOut
) -> None:
    assert HEADLINE not in refits(made_up_analysis, source, leave_out=leave_out)


def chosen(*pairs: tuple[str, str]) -> Choice:
    matches = tuple(Match(pilot=p, comparator=c, rank=1, distance=0.1) for p, c in pairs)
    served = {match.pilot for match in matches}
    return Choice(
        pilots=PILOTS,
        comparators=tuple(sorted({match.comparator for match in matches})),
        eligible=(),
        matches=matches,
        unmatched=tuple(LeftOut(authority=p, reason=WHY) for p in PILOTS if p not in served),
        left_out=(),
    )


def test_with_a_pilot_go_the_comparators_that_serve_it_alone(
    made_up_analysis: OpenAnalysis, made_up_panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [n for n in made_up_panel.authorities if n not in (*PILOTS, "Ottersby")][:4]
    one, two, three, four = others
    pairs = (
        (PILOTS[0], one),
        (PILOTS[0], two),
        (PILOTS[1], two),
        (PILOTS[1], three),
        (PILOTS[2], four),
    )
    monkeypatch.setattr(authorities, "choose_comparators", lambda *_, **__: chosen(*pairs))
    left = names(found(with_breaks(made_up_analysis), made_up_panel, "all"))
    assert left[f"without {PILOTS[0]}"] == {PILOTS[0], one}
    assert left[f"without {PILOTS[1]}"] == {PILOTS[1], three}
    assert left[f"without {PILOTS[2]}"] == {PILOTS[2], four}
    assert left[f"without {PILOTS[3]}"] == {PILOTS[3]}  # unmatched: nobody goes with it
    assert left[f"without {three}"] == {three}


def test_an_analysis_of_children_asks_for_the_same_refits() -> None:
    """Kinds hang on the model alone, not on what is counted."""
    analysis = load("icpc-logistic")
    assert isinstance(analysis, HierarchicalAnalysis)
    data: Any = SimpleNamespace(pilots=(), authorities=(), terms=("did", "density"))
    source = Source(
        evidence="synthetic", inputs={}, data=data, regressed=data, departure=0.1, sizes=()
    )
    made = refits(analysis, source, leave_out="none")
    assert {variant.kind for variant in made} == set(CHANGED) - {"with", "without"}
    covariates = {str(each) for each in made if each.subject == "authority_covariate"}
    assert covariates == {
        *("no authority covariate", "authority covariate × 0.5", "authority covariate × 2")
    }
    linear = replace(analysis, model=replace(analysis.model, shocks="none", pilot_effects="full"))
    kinds = {variant.kind for variant in refits(linear, source, leave_out="none")}
    assert kinds == {"regression", "not pooled", "departure", "scaled"}


# ------------------------------------------------------------- without sampling anew


def test_authorities_that_are_left_out_are_found(made_up_counts: CellData) -> None:
    first, other = made_up_counts.pilots[0], made_up_counts.authorities[-1]
    for gone in ((first,), (first, other)):
        assert left_out(made_up_counts, without(made_up_counts, gone)) == gone
    assert left_out(made_up_counts, made_up_counts) == ()
    assert left_out(without(made_up_counts, [first]), made_up_counts) is None


def test_anything_else_that_differs_is_not_taken_for_leaving_out(
    made_up_counts: CellData,
) -> None:
    part = without(made_up_counts, made_up_counts.pilots[:1])
    assert part.patterns is not None
    events = part.patterns.events.copy()
    events[-1] += 1.0
    assert (
        left_out(made_up_counts, replace(part, patterns=replace(part.patterns, events=events)))
        is None
    )
    assert left_out(made_up_counts, replace(part, design=2.0 * part.design)) is None
    moved = part.cells.assign(year=part.cells["year"] + 1)
    assert left_out(made_up_counts, replace(part, cells=moved)) is None


def test_draws_weighted_to_be_without_a_pilot_are_those_of_a_fit_without_it(
    made_up_counts: CellData, made_up_analysis: OpenAnalysis, programs: Programs
) -> None:
    sampler = replace(made_up_analysis.sampler, chains=4, tune=500, draws=4000, target_accept=0.95)
    enough = replace(made_up_analysis, sampler=sampler)
    shop = Workshop(analysis=enough, programs=programs, store=None, seconds={})
    setting = setting_of(made_up_analysis, "reference", None)
    main = one_fit(shop, made_up_counts, setting, "main")
    headline = Estimand(role=AFTER, scale="log-odds")
    part = without(made_up_counts, ["Ashmere"])
    weighted = refit(shop, part, setting, "weighted without Ashmere", like=main)
    sampled = one_fit(shop, part, setting, "sampled without Ashmere")
    assert weighted.pareto_k is not None
    assert weighted.pareto_k < MAX_K
    assert set(weighted.effects) == set(sampled.effects)
    one, other, all_of_them = (each.effects[headline] for each in (weighted, sampled, main))
    error = float(np.hypot(azs.mcse(one), azs.mcse(other)))
    assert float(one.mean()) == pytest.approx(float(other.mean()), abs=4 * error)
    assert float(one.std()) == pytest.approx(float(other.std()), rel=0.1)
    assert float(one.mean()) != pytest.approx(float(all_of_them.mean()), abs=4 * error)


def test_a_pilot_whose_leaving_out_also_changes_a_prior_is_sampled(
    made_up_counts: CellData, made_up_analysis: OpenAnalysis, programs: Programs
) -> None:
    shop = Workshop(analysis=made_up_analysis, programs=programs, store=None, seconds={})
    setting = setting_of(made_up_analysis, "reference", None)
    main = one_fit(shop, made_up_counts, setting, "main")
    part = without(made_up_counts, made_up_counts.pilots[:1])
    changed = replace(setting, shocks=False)
    assert refit(shop, part, changed, "without, and no shocks", like=main).pareto_k is None
