"""From an analysis and its input to a run: everything asked for is there, and says its status."""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from tests.arviz_calls import check_arviz_calls
from tests.rows import of_effect, of_fit

import sofs_bayes as sb
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.checks.diagnostics import Failure, Gate
from sofs_bayes.checks.registry import FILES
from sofs_bayes.checks.registry.predictions import PredictiveCell
from sofs_bayes.errors import BadInput
from sofs_bayes.estimands import NEW, POOLED, EffectRow, ProbabilityRow
from sofs_bayes.estimands.effects import Effects
from sofs_bayes.estimands.rows import (
    DensityRow,
    MonteCarloRow,
    ShrinkageRow,
    ThresholdRow,
    YearlyRateRow,
)
from sofs_bayes.folders.manifest import versions
from sofs_bayes.folders.store import open_store
from sofs_bayes.matching.choice import LeftOut, Match
from sofs_bayes.pipeline import did_fits, did_sources
from sofs_bayes.pipeline.did_fits import Programs, Refit, fit_did
from sofs_bayes.pipeline.did_sources import counts_source, files_for, source_of
from sofs_bayes.pipeline.fits import fit, fit_folder, save
from sofs_bayes.pipeline.print_fits import fit_printed
from sofs_bayes.records.counts_table import BUNDLED
from sofs_bayes.records.notices import Notice
from sofs_bayes.records.panel import Panel
from sofs_bayes.runs.run_folder import Run, open_posterior, read
from sofs_bayes.spec import Normal, OpenAnalysis, OwnOutcome, PrintedAnalysis, Statement, load
from sofs_bayes.spec.keys import HEADLINE, Variant

DFE = Path(__file__).parents[1] / "data" / "dfe"
MODELS = Path(__file__).parents[2] / "models"
AFTER = "effect after settling-in"
WHY = "made up for a test"

# Half a unit of the last digit in which the figures are stated: .033 and .81.
STATED_EFFECT, STATED_PROBABILITY = 5e-4, 5e-3


# ---------------------------------------------------------------------- posterior from print


@pytest.fixture(scope="module")
def icpc() -> Run:
    analysis = load("icpc-printed")
    assert isinstance(analysis, PrintedAnalysis)
    return fit_printed(analysis)


def test_the_printed_posterior_is_the_one_stated(icpc: Run) -> None:
    [row] = [
        r for r in icpc.effects if str(r.estimand) == "effect (DiD)" and r.prior == "reference"
    ]
    assert row.median == pytest.approx(0.033, abs=STATED_EFFECT)
    found = [p for p in icpc.probabilities if p.prior == "reference"]
    [positive] = [p for p in found if p.statement == "above 0 pp"]
    assert positive.probability == pytest.approx(0.81, abs=STATED_PROBABILITY)
    assert (icpc.status, icpc.evidence) == ("converged", "published-inferred")


@pytest.mark.parametrize("name", ["icpc-printed", "cla-printed"])
def test_a_printed_run_has_every_prior_reading_and_statement(name: str, icpc: Run) -> None:
    analysis = load(name)
    assert isinstance(analysis, PrintedAnalysis)
    run = icpc if name == "icpc-printed" else fit_printed(analysis)
    pairs = len(analysis.readings) * len(analysis.effect_priors)
    scales = 1 if analysis.design.scale == "risk" else 3
    nuisance = 4  # pilot difference, authority sd, correlation, standard error
    assert len(run.effects) == pairs * (scales + nuisance)
    assert len(run.probabilities) == pairs * len(analysis.estimands.statements)
    ranges = analysis.sensitivity
    changes = 1 + sum(len(getattr(ranges, field.name)) for field in fields(ranges))
    assert len(run.sensitivity) == pairs * changes
    assert set(run.diagnostics["fits"]) == {
        f"{r.name} / {p}" for r in analysis.readings for p in analysis.effect_priors
    }
    assert {(str(row.variant), row.prior) for row in run.rows(DensityRow)} == {
        (r.name, p) for r in analysis.readings for p in analysis.effect_priors
    }
    assert {(str(row.variant), row.prior) for row in run.rows(ThresholdRow)} == {
        (r.name, p) for r in analysis.readings for p in analysis.effect_priors
    }
    assert run.inputs == {}
    assert run.posterior is not None
    assert run.posterior["posterior"].sizes["chain"] == 4


def test_the_unchanged_row_of_the_sensitivity_table_is_the_main_result(icpc: Run) -> None:
    for row in icpc.effects:
        if str(row.estimand) == "effect (DiD)":
            assert row in icpc.sensitivity


ANOTHER_STUDY = """
kind = "printed"
name = "another-study"
title = "Another practice model"
outcome = "re-referral"
why = "Any difference-in-differences that prints a coefficient and its stars can be read so."

[as_printed]
source = "A made-up report, Table 2"
pilot = "0.114"
did = "-0.350***"

[design]
scale = "log-odds"
pilots = 8
comparators = 12
children = 90000
base_rate = 0.2
years_pre = 2
years_post = 2

[[readings]]
name = "authority"
se_reading = "authority"
why = "The report says that errors are clustered on the authority."

[critical_values]
distribution = "normal"
why = "The report's key gives the usual three p-values."

[priors.authority_sd]
scale = 0.3
why = "Authorities' odds differ by about a third."

[priors.correlation]
a = 2.0
b = 2.0
why = "Neither identical nor unrelated."

[priors.pilot_difference]
mean = 0.0
sd = 0.5
why = "Pilots volunteered; their level is left to the data."

[effect_priors.reference]
mean = 0.0
sd = 1.0
why = "Hardly informative on purpose."

[estimands]
statements = [{ scale = "odds ratio", below = 1.0 }, { scale = "risk", below = -0.02 }]
"""


def test_another_study_is_read_from_its_printed_rows(tmp_path: Path) -> None:
    file = tmp_path / "another-study.toml"
    file.write_text(ANOTHER_STUDY, encoding="utf-8")
    run = fit(load(file))
    assert run.status == "converged"
    rows = {r.scale: r for r in run.effects if str(r.estimand) == "effect (DiD)"}
    # Three stars on -0.350 allow a standard error up to 0.350 / 2.58.
    assert rows["log-odds"].upper < 0.0
    assert rows["log-odds"].median == pytest.approx(-0.35, abs=0.07)
    assert rows["odds ratio"].median == pytest.approx(math.exp(rows["log-odds"].median), rel=0.01)
    lowered = [p.probability for p in run.probabilities if p.scale == "odds ratio"]
    assert lowered[0] > 0.95


def test_without_its_stars_the_other_study_says_less(tmp_path: Path) -> None:
    file = tmp_path / "another-study.toml"
    file.write_text(ANOTHER_STUDY.replace("-0.350***", "-0.350"), encoding="utf-8")
    [row] = [
        r
        for r in fit(load(file)).effects
        if (str(r.estimand), r.scale) == ("effect (DiD)", "log-odds")
    ]
    assert row.upper > 0.0


def test_a_grid_that_is_too_small_is_not_converged(monkeypatch: pytest.MonkeyPatch) -> None:
    from sofs_bayes.checks import quadrature

    monkeypatch.setattr(quadrature, "MAX_EDGE_MASS", -1.0)
    run = fit(load("icpc-printed"))
    assert run.status == "not converged"
    rows = (*run.effects, *run.probabilities, *run.sensitivity)
    assert {row.status for row in rows} == {"not converged"}


# ------------------------------------------------------------------------------ open data


@pytest.fixture(scope="module")
def made_up(made_up_analysis: OpenAnalysis, made_up_panel: Panel, programs: Programs) -> Run:
    """The made-up panel, under two priors."""
    strong = Normal(mean=0.5, sd=0.1, why=WHY)
    analysis = replace(
        made_up_analysis,
        effect_priors={**made_up_analysis.effect_priors, "against": strong},
        sampler=replace(made_up_analysis.sampler, chains=2, tune=300, draws=400),
    )
    return fitted(analysis, made_up_panel, programs=programs)


def fitted(analysis: OpenAnalysis, panel: Panel, **how: Any) -> Run:
    return fit_did(analysis, counts_source(analysis, panel), **how)


def row_of(rows: tuple[EffectRow, ...], **wanted: str) -> EffectRow:
    [row] = [r for r in rows if all(getattr(r, key) == value for key, value in wanted.items())]
    return row


def planted(panel: Panel, pilots: tuple[str, ...]) -> float:
    """The planted effect in log-odds, averaged over these pilots' treated children."""
    truth = json.loads((DFE / "truth.json").read_text(encoding="utf-8"))
    effects, children = [], []
    for name in pilots:
        for year in panel.years:
            if year > truth["settling_in"][name][1]:
                effects.append(truth["effect_logit"] + truth["pilot_deviations_logit"][name])
                at = panel.counts.sel(authority=name, year=year)
                children.append(float(at["denominator"]))
    return float(np.average(effects, weights=children))


WHOLE = ("Ashmere", "Brackwater, City of", "Coldharbour")


def test_the_planted_effect_is_recovered(made_up: Run, made_up_panel: Panel) -> None:
    row = row_of(
        made_up.effects,
        **of_effect(AFTER),
        target="pooled",
        scale="log-odds",
        prior="reference",
        **of_fit("main"),
    )
    truth = planted(made_up_panel, WHOLE)
    assert row.lower < truth < row.upper < -0.2
    assert row.mean == pytest.approx(truth, abs=3 * row.sd)
    [below] = [
        p
        for p in made_up.probabilities
        if (p.target, p.prior, str(p.variant), p.statement)
        == ("pooled", "reference", "main", "below 0 pp")
    ]
    assert below.probability == 1.0
    assert math.isnan(below.mcse)


def test_arviz_reads_the_draws_as_they_are(made_up: Run, tmp_path: Path) -> None:
    save(made_up, tmp_path / "run")
    check_arviz_calls(open_posterior(tmp_path / "run"), made_up)


def assert_alike(row: Any, other: Any) -> None:
    """The same but for the order in which numbers were summed."""
    for name, value in asdict(row).items():
        same = getattr(other, name)
        assert value == (pytest.approx(same, rel=1e-9, nan_ok=True) if _is_float(same) else same)


def _is_float(value: object) -> bool:
    return isinstance(value, float)


def test_draws_give_the_rows_of_every_fit_again(made_up: Run, tmp_path: Path) -> None:
    save(made_up, tmp_path / "run")
    again = sb.read_run(tmp_path / "run", level=made_up.analysis.estimands.level)
    for row, was in zip(again.effects, made_up.effects, strict=True):
        assert_alike(row, was)
    pairs = [(again.sensitivity, made_up.sensitivity)]
    pairs += [(again.rows(kind), made_up.rows(kind)) for kind in (ShrinkageRow, MonteCarloRow)]
    for rows, were in pairs:
        assert rows
        for row, was in zip(rows, were, strict=True):
            assert_alike(row, was)
    wider = sb.at_level(made_up, 0.95)
    rows = zip(wider.sensitivity, made_up.sensitivity, strict=True)
    assert all(a.lower < b.lower and b.upper < a.upper for a, b in rows)
    with pytest.raises(BadInput, match="above 0 and below 1"):
        sb.at_level(made_up, 95.0)
    with pytest.raises(BadInput, match="no draws of effects"):
        sb.at_level(replace(made_up, posterior=None), 0.95)


def without_halves(folder: Path) -> Run:
    """The run of a folder as it was before there were 50% intervals in its files."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    of_effects = ("effects.csv", "sensitivity.csv", "shrinkage.csv")
    for name in (*of_effects, "arm_years.csv", "predictive.csv", "predictive_statistics.csv"):
        if (folder / name).exists():
            frame = pd.read_csv(folder / name, dtype=str, keep_default_na=False)
            older = frame[[column for column in frame.columns if not column.endswith("_50")]]
            older.to_csv(folder / name, index=False, lineterminator="\n")
            digest = sha256((folder / name).read_bytes()).hexdigest()
            manifest["files_sha256"][name] = digest
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return read(folder)


@pytest.mark.parametrize("name", ["made_up", "icpc"])
def test_half_the_probability_is_in_an_interval_of_its_own(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    run: Run = request.getfixturevalue(name)
    half = sb.at_level(run, 0.5)
    pairs = [(run.effects, half.effects), (run.sensitivity, half.sensitivity)]
    for rows, halves in pairs:
        for row, other in zip(rows, halves, strict=True):
            assert (row.lower_50, row.upper_50) == pytest.approx((other.lower, other.upper))
    for row, other in zip(run.rows(ShrinkageRow), half.rows(ShrinkageRow), strict=True):
        assert (row.lower_50, row.upper_50) == (other.lower, other.upper)
        ends = (row.unpooled_lower_50, row.unpooled_upper_50)
        assert ends == (other.unpooled_lower, other.unpooled_upper)
    save(run, tmp_path / "run")
    assert all(row.lower_50 is None for row in without_halves(tmp_path / "run").effects)
    again = sb.read_run(tmp_path / "run")
    for rows, halves in ((again.effects, half.effects), (again.sensitivity, half.sensitivity)):
        for row, other in zip(rows, halves, strict=True):
            assert (row.lower_50, row.upper_50) == pytest.approx((other.lower, other.upper))


def test_an_older_folder_without_draws_is_read_without_halves(made_up: Run, tmp_path: Path) -> None:
    save(replace(made_up, posterior=None), tmp_path / "run")
    without_halves(tmp_path / "run")
    again = sb.read_run(tmp_path / "run")
    assert [row.median for row in again.effects] == [row.median for row in made_up.effects]
    assert {row.lower_50 for row in again.effects} == {None}


def test_print_has_other_levels_from_its_grid(icpc: Run) -> None:
    assert sb.at_level(icpc, icpc.analysis.estimands.level).effects == icpc.effects
    wider = sb.at_level(icpc, 0.95)
    for name in ("effects", "sensitivity"):
        was, now = (getattr(run, name) for run in (icpc, wider))
        for a, b in zip(was, now, strict=True):
            assert b.lower < a.lower and a.upper < b.upper and b.mean == a.mean


def test_each_pilot_and_a_new_authority_are_reported_but_no_broken_one(made_up: Run) -> None:
    targets = {
        r.target for r in made_up.effects if (str(r.estimand), r.prior) == (AFTER, "reference")
    }
    assert targets == {"pooled", "new authority", *WHOLE}
    largest = [
        p
        for p in made_up.probabilities
        if p.statement.startswith("largest") and p.prior == "against"
    ]
    assert [p.target for p in largest] == list(WHOLE)
    assert sum(p.probability for p in largest) == pytest.approx(1.0)


def test_a_strong_prior_is_felt(made_up: Run) -> None:
    rows = [
        row_of(
            made_up.effects,
            **of_effect(AFTER),
            target="pooled",
            scale="log-odds",
            prior=prior,
            **of_fit("main"),
        )
        for prior in ("reference", "against")
    ]
    assert rows[1].median > rows[0].median + 0.02


def test_refits_leave_out_what_they_say(made_up: Run) -> None:
    rows = made_up.sensitivity
    names = ["with Dunmarsh", *(f"without {name}" for name in WHOLE)]
    assert list(dict.fromkeys(str(row.variant) for row in rows))[-4:] == names
    assert {row.target for row in rows} == {"pooled"}
    assert {row.prior for row in rows} == {"reference"}
    medians = {
        str(r.variant): r.median for r in rows if (str(r.estimand), r.scale) == (AFTER, "log-odds")
    }
    # A quarter of Dunmarsh's events before hides its effect, and more, in the pooled one.
    assert medians["with Dunmarsh"] > -0.2
    for name in names[1:]:
        assert medians[name] == pytest.approx(-0.42, abs=0.06)


def test_the_event_study_has_a_row_per_year_since(made_up: Run) -> None:
    rows = [r for r in made_up.effects if str(r.variant) == "by year" and r.scale == "log-odds"]
    assert [str(r.estimand) for r in rows if str(r.estimand).startswith("effect in")] == [
        f"effect in year {k}" for k in ("-3", "-2", "+0", "+1", "+2")
    ]
    for row in rows:
        if str(row.estimand) in ("effect in year -3", "effect in year -2"):
            assert row.lower < 0.0 < row.upper
        elif str(row.estimand).startswith("effect in"):
            assert row.upper < -0.1


def test_every_fit_has_its_verdict_and_rows_carry_it(made_up: Run) -> None:
    fits = made_up.diagnostics["fits"]
    others = ["with Dunmarsh", *(f"without {name}" for name in WHOLE), "by year"]
    changed = ["the regression itself", "pilots not pooled", "pilots fully pooled", "no shocks"]
    changed += ["trends may depart"]
    scaled = [f"{n} sd × {x}" for n in ("authority", "pilot effect", "shock") for x in ("0.5", "2")]
    assert list(fits) == ["main / reference", "main / against"] + [
        f"{o} / reference" for o in (*changed, *scaled, *others)
    ]
    for row in (*made_up.effects, *made_up.probabilities, *made_up.sensitivity):
        assert row.status == fits[f"{row.variant!s} / {row.prior}"]["status"]
        assert row.evidence == "open-data"
    headline = fits[f"main / {made_up.prior}"]["status"]
    worst = {verdict["status"] for verdict in fits.values()}
    # A near miss beside the headline refuses nothing.
    assert made_up.status == "converged" or worst != {"converged"}
    assert headline in ("converged", made_up.status)
    assert made_up.diagnostics["status"] == made_up.status


def test_what_is_shown_beside_the_effects(
    made_up: Run, made_up_panel: Panel, made_up_counts: CellData
) -> None:
    assert set(made_up.beside) <= set(FILES)
    priors = set(made_up.analysis.effect_priors)
    for kind in (ThresholdRow, DensityRow):
        assert {row.prior for row in made_up.rows(kind)} == priors, kind
    assert {row.target for row in made_up.rows(ThresholdRow)} == {POOLED, NEW}
    checks = {"monte_carlo", "shrinkage", "tipping", "tipping_points", "power_scaling", "loo"}
    checks |= {"loo_summary", "authority_loo", "arm_years", "predictive_statistics"}
    assert checks <= {FILES[kind].name for kind, rows in made_up.beside.items() if rows}
    rates = made_up.rows(YearlyRateRow)
    assert [row.year for row in rates] == list(range(2012, 2019))
    assert all(row.counterfactual > row.observed for row in rates if row.year >= 2017)
    seen = made_up_counts.cells["authority"] != "Dunmarsh"
    assert len(made_up.rows(PredictiveCell)) == seen.sum()
    assert "Ottersby" in {row.authority for row in made_up.rows(LeftOut)}
    assert made_up.rows(Match) == ()
    assert made_up.rows(Notice) == made_up_panel.notices
    assert made_up.inputs == {source.file: source.sha256 for source in made_up_panel.sources}
    assert made_up.options == {"leave_out": "pilots", "quick": "no"}
    assert {"sample", "effects", "checks"} <= set(made_up.seconds)


# ----------------------------------------------------------------- what a folder may hold


STORED = {"coefficient", "authority_intercept", "authority_sd", "pilot_deviation"}
STORED |= {"pilot_effect_sd", "shock_sd", "shock_correlation"}


def nodes(tree: xr.DataTree) -> Iterator[xr.DataTree]:
    yield from tree.subtree


def test_a_stored_posterior_holds_parameters_and_no_counts(
    made_up: Run, made_up_counts: CellData, tmp_path: Path
) -> None:
    save(made_up, tmp_path / "run")
    tree = open_posterior(tmp_path / "run")
    held = tree["posterior"].to_dataset()
    assert set(held.data_vars) == {*STORED, "effects"}
    assert set(held.coords) == {"chain", "draw", "term", "pilot", "authority", "effect"}
    assert list(held["pilot"].values) == list(made_up_counts.pilots)
    for node in nodes(tree):
        assert node.attrs.keys() <= {"prior", "kind", "subject", "factor", "status"}
        for variable in node.to_dataset().variables.values():
            assert variable.attrs == {}
            assert not {"cell", "year"} & set(variable.dims)
    events = made_up_counts.cells["events"]
    counts = set(events[events > 0].tolist())
    numbers = (each for node in nodes(tree) for each in node.to_dataset().data_vars.values())
    for variable in numbers:
        assert not counts & set(variable.values.ravel().tolist())


def test_a_saved_run_is_read_back(made_up: Run, tmp_path: Path) -> None:
    save(made_up, tmp_path / "run")
    again = read(tmp_path / "run")
    assert repr(again.effects) == repr(made_up.effects)
    assert repr(again.probabilities) == repr(made_up.probabilities)
    assert again.sensitivity == made_up.sensitivity
    assert {k: repr(v) for k, v in again.beside.items()} == {
        k: repr(v) for k, v in made_up.beside.items()
    }
    assert again.analysis == made_up.analysis
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text("utf-8"))
    assert manifest["versions"] == versions()
    with pytest.raises(BadInput, match="exists"):
        save(made_up, tmp_path / "run")


# ------------------------------------------------------------------------- good and bad


def test_a_starved_sampler_is_not_converged(
    made_up_analysis: OpenAnalysis, made_up_panel: Panel, programs: Programs
) -> None:
    starved = replace(made_up_analysis.sampler, chains=2, tune=100, draws=100)
    above = Statement(scale="children per 10,000", above=0.0)
    analysis = replace(
        made_up_analysis,
        sampler=starved,
        outcome=OwnOutcome(name="plan", plural="plans", unit="plans", counted="contacts"),
        estimands=replace(made_up_analysis.estimands, per=10_000, statements=(above,)),
    )
    run = fitted(analysis, made_up_panel, quick=True, programs=programs)
    assert run.status == "not converged"
    rows = (*run.effects, *run.probabilities, *run.sensitivity)
    assert {row.status for row in rows} == {"not converged"}
    assert {str(row.variant) for row in rows} == {"main", "by year"}
    failures = run.diagnostics["fits"]["main / reference"]["failures"]
    assert {failure["measure"] for failure in failures} >= {"bulk ESS", "tail ESS"}
    told = {each["quantity"] for each in failures if "per 10,000" in each["quantity"]}
    assert told and all("(contacts per 10,000)" in each for each in told)


def lively(panel: Panel, analysis: OpenAnalysis) -> Panel:
    """The same authorities with shocks many times the chance of their counts, and an effect."""
    rng = np.random.default_rng(3)
    counts = panel.counts.copy(deep=True)
    children = counts["denominator"].values
    logit = -1.5 + 0.3 * rng.standard_normal((len(panel.authorities), 1))
    logit = logit + 0.3 * rng.standard_normal(children.shape)
    for pilot in analysis.design.pilots:
        after = np.array(panel.years) > pilot.settling_in[1]
        logit[panel.authorities.index(pilot.authority), after] -= 0.4
    seen = panel.observed.values
    drawn = rng.binomial(np.where(seen, children, 0).astype(int), 1 / (1 + np.exp(-logit)))
    counts["events"][:] = np.where(seen, drawn, np.nan)
    return replace(panel, counts=counts)


def test_enough_draws_of_a_sound_panel_converge(
    made_up_analysis: OpenAnalysis,
    made_up_panel: Panel,
    programs: Programs,
) -> None:
    """All fits, and so the run; the graph is made once and kept under its structure."""
    sampler = replace(made_up_analysis.sampler, chains=4, tune=1000, draws=1500, target_accept=0.98)
    analysis = replace(made_up_analysis, sampler=sampler)
    said: list[str] = []
    kept: dict[Any, Any] = {}
    run = fitted(
        analysis,
        lively(made_up_panel, analysis),
        quick=True,
        progress=said.append,
        programs=kept,
    )
    assert run.status == "converged", run.diagnostics
    assert {row.status for row in run.effects} == {"converged"}
    assert list(kept) == list(programs)
    assert said[:2] == ["made-up: compiling", "made-up: main / reference"]
    assert said[-2:] == ["made-up: by year / reference", "made-up: checks"]


def test_fits_repeat_with_their_seed_whatever_came_before(
    made_up_analysis: OpenAnalysis, made_up_panel: Panel, programs: Programs
) -> None:
    """Another prior before, with other counts, does not change a fit: only its name does."""
    small = replace(made_up_analysis.sampler, chains=2, tune=100, draws=100)
    alone = replace(made_up_analysis, sampler=small)
    priors = {"first": Normal(mean=0.0, sd=0.1, why=WHY), **alone.effect_priors}
    second = replace(alone, effect_priors=priors)
    one, other = (
        fitted(analysis, made_up_panel, quick=True, programs=programs)
        for analysis in (alone, second)
    )

    def headline(run: Run) -> list[EffectRow | ProbabilityRow]:
        rows = (*run.effects, *run.probabilities)
        return [row for row in rows if (row.prior, str(row.variant)) == ("reference", "main")]

    assert repr(headline(one)) == repr(headline(other))


def test_open_counts_without_files_are_those_of_the_package() -> None:
    analysis = load("cla-open-data")
    assert isinstance(analysis, OpenAnalysis)
    source = source_of(analysis, ())
    assert source.inputs == {BUNDLED.name: sha256(BUNDLED.read_bytes()).hexdigest()}
    assert source.evidence == "open-data"
    assert [str(variant) for variant in source.changed] == ["with Kent", "with Croydon"]


def test_files_serve_the_analyses_whose_columns_they_have() -> None:
    care, conferences = load("cla-open-data"), load("icpc-open-data")
    files = tuple(sorted(DFE.glob("*.csv")))
    chosen = files_for([care, conferences, load("icpc-printed")], files)
    assert chosen == {"cla-open-data": (), "icpc-open-data": files}
    assert files_for([care], files) == {"cla-open-data": files}  # and is refused for it
    assert files_for([care, conferences], ()) == {"cla-open-data": (), "icpc-open-data": ()}


def test_data_are_asked_for_where_needed_and_refused_where_not(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"icpc-linear: found no data; allowed: one"):
        fit(load("icpc-linear"))
    with pytest.raises(BadInput, match=r"a\.csv: found data; allowed: none"):
        fit(load("icpc-printed"), ["a.csv"])
    with pytest.raises(BadInput, match=r"none\.csv"):
        fit(load("icpc-open-data"), [tmp_path / "none.csv"])


def test_a_design_the_data_cannot_answer_is_refused(
    made_up_analysis: OpenAnalysis, made_up_panel: Panel
) -> None:
    first, *others = made_up_analysis.design.pilots
    pilots = (replace(first, authority="Ashmeer"), *others)
    analysis = replace(made_up_analysis, design=replace(made_up_analysis.design, pilots=pilots))
    with pytest.raises(BadInput, match="did you mean Ashmere"):
        fitted(analysis, made_up_panel)


def test_a_fit_that_is_made_again_is_the_only_one_that_is_sampled(
    made_up_analysis: OpenAnalysis,
    made_up_panel: Panel,
    programs: Programs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    analysis = replace(
        made_up_analysis,
        effect_priors={
            **made_up_analysis.effect_priors,
            "far": Normal(mean=3.0, sd=0.1, why=WHY),  # so far that no draws can be weighted
        },
        sampler=replace(made_up_analysis.sampler, chains=2, tune=100, draws=100),
    )
    sampled, real = [], did_fits._sampled

    def watched(shop: Any, data: Any, design: Any, name: str, sampler: Any = None) -> Any:
        sampled.append((name, (sampler or shop.analysis.sampler).draws))
        return real(shop, data, design, name, sampler)

    monkeypatch.setattr(did_fits, "_sampled", watched)
    how: dict[str, Any] = {"quick": True, "kinds": (), "programs": programs}
    how |= {"store": open_store(tmp_path / "store", "key")}
    first = fitted(analysis, made_up_panel, **how)
    headline = analysis.headline_prior
    assert {f"main / {headline}", "main / far"} <= {name for name, _ in sampled}
    sampled.clear()
    second = fitted(analysis, made_up_panel, again=["far"], draws=150, **how)
    assert sampled == [("main / far", 150)]
    fits = second.diagnostics["fits"]
    assert (fits["main / far"]["draws"], fits[f"main / {headline}"]["draws"]) == (300, 200)
    assert second.options["draws of main / far"] == "150"

    def rows(run: Run, prior: str) -> list[Any]:
        return [row for row in run.effects if row.prior == prior]

    assert rows(first, headline) == rows(second, headline)
    assert rows(first, "far") != rows(second, "far")
    with pytest.raises(BadInput, match=f"again: found 'fra'; allowed: {headline}, "):
        fitted(analysis, made_up_panel, again=["fra"], **how)


def test_a_run_is_made_again_as_it_was_made(
    made_up: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def told(_analysis: Any, _source: Any, **how: Any) -> Run:
        asked.append(how)
        return made_up

    monkeypatch.setattr(did_fits, "fit_did", told)
    monkeypatch.setattr(did_sources, "source_of", lambda *_: SimpleNamespace(inputs={}))
    analysis, folder = made_up.analysis, tmp_path / "run"
    assert isinstance(analysis, OpenAnalysis)
    first, *others = analysis.effect_priors
    usual = analysis.sampler.draws
    options = {"leave_out": "none", "quick": "yes", f"draws of main / {first}": str(usual)}
    save(replace(made_up, options=options), folder)
    how: dict[str, Any] = {"folder": folder, "replace": True}
    fit_folder(analysis, again=others[:1], **how)
    assert (asked[-1]["quick"], asked[-1]["leave_out"]) == (True, "none")
    assert asked[-1]["again"] == [first, others[0]]
    assert asked[-1]["draws"] == {first: usual, others[0]: 2 * usual}
    save(replace(made_up, options=options), folder, replace=True)
    fit_folder(analysis, again=[first], draws=3000, leave_out="all", **how)
    assert (asked[-1]["leave_out"], asked[-1]["draws"]) == ("all", {first: 3000})
    for other, where in ((analysis, tmp_path / "none"), (replace(analysis, why=WHY), folder)):
        with pytest.raises(BadInput, match="found no run of this analysis; allowed: the run whose"):
            fit_folder(other, again=[first], folder=where, replace=True)


@pytest.mark.parametrize(
    ("name", "rhat", "status"),
    [
        ("main / reference", 1.011, "not converged"),
        ("main / sceptical", 1.011, "converged"),
        ("without Aldmoor / reference", 1.011, "converged"),
        ("main / sceptical", 1.3, "not converged"),
    ],
)
def test_a_near_miss_beside_the_headline_marks_its_row_alone(
    made_up_analysis: OpenAnalysis, name: str, rhat: float, status: str
) -> None:
    found = did_fits._Collected(analysis=made_up_analysis, evidence="open-data")
    said = {"max_rhat": rhat, "min_ess_bulk": 500.0, "min_ess_tail": 500.0, "min_bfmi": 1.0}
    said |= {"divergences": 0, "draws": 1000, "quantities": 3}
    failure = Failure(quantity="did", measure="R-hat", value=rhat, limit=1.01)
    verdict = Gate(failures=(failure,), **said)
    effects = Effects(xr.DataArray(np.zeros((1, 1, 0)), dims=("chain", "draw", "effect")))
    prior = name.rpartition(" / ")[2]
    changed = name.startswith("without")
    variant = Variant(kind="without", subject="Aldmoor") if changed else HEADLINE
    found.judge(Refit(effects=effects, gate=verdict), prior=prior, variant=variant)
    assert found.status == status
    assert [each["status"] for each in found.verdicts.values()] == ["not converged"]
