from dataclasses import replace

from sofs_bayes.pipeline.print_fits import fit_printed
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import (
    Beta,
    Departure,
    Exponential,
    HalfNormal,
    HierarchicalAnalysis,
    Normal,
    OpenAnalysis,
    PrintedAnalysis,
    load,
)
from sofs_bayes.tables.contents.assumptions import (
    distribution,
    model_scale,
    windows_table,
)
from sofs_bayes.tables.contents.priors import priors_of, priors_table

WHY = "because it is so"


def printed_run() -> Run:
    analysis = load("icpc-printed")
    assert isinstance(analysis, PrintedAnalysis)
    return fit_printed(analysis)


def test_every_prior_is_listed_with_its_reason() -> None:
    run = printed_run()
    assert isinstance(run.analysis, PrintedAnalysis)
    tables = priors_of(run)
    assert len(tables) == len(run.analysis.readings)
    table = tables[0]
    named = [row[0] for row in table.rows]
    assert named[:2] == ["effect: reference", "effect: sceptical"]
    assert set(named) >= {"authority sd", "correlation", "pilot difference"}
    assert ("effect: sceptical", "Normal(0, sd 0.02)") in {row[:2] for row in table.rows}
    assert run.analysis.priors.correlation.why in {row[2] for row in table.rows}
    assert "percentage point" in " ".join(table.notes)


def test_distributions_are_written_with_their_parameters() -> None:
    assert distribution(Normal(mean=-0.2, sd=0.1, why=WHY)) == "Normal(-0.2, sd 0.1)"
    assert distribution(HalfNormal(scale=0.5, why=WHY)) == "HalfNormal(0.5)"
    assert distribution(Beta(a=2.0, b=3.0, why=WHY)) == "Beta(2, 3)"
    assert distribution(Exponential(mean=0.05, why=WHY)) == "Exponential(mean 0.05)"
    leads = "root mean square of the leads, less their noise"
    assert distribution(Departure(multiple=2.0, why=WHY)) == f"Normal(0, sd 2 × {leads})"


def test_priors_of_a_hierarchical_model_are_those_it_has(hierarchical_run: Run) -> None:
    table = priors_table(hierarchical_run)
    named = [row[0] for row in table.rows]
    assert named[:2] == ["effect: reference", "effect: sceptical"]
    assert {"residual sd", "shock sd", "shock correlation", "departure"} <= set(named)
    assert not {"child covariate", "effect modifier", "year effect sd"} & set(named)
    assert "percentage point" in " ".join(table.notes)
    logistic = load("cla-logistic")
    assert isinstance(logistic, HierarchicalAnalysis)
    other = priors_table(replace(hierarchical_run, analysis=logistic, sensitivity=(), beside={}))
    assert "child covariate" in {row[0] for row in other.rows}
    assert "log-odds" in " ".join(other.notes)


def test_priors_are_on_the_scale_of_the_model(
    made_up_analysis: OpenAnalysis, hierarchical_analysis: HierarchicalAnalysis
) -> None:
    assert model_scale(made_up_analysis) == "log-odds"
    assert model_scale(hierarchical_analysis) == "risk"
    scales = {}
    for name in ("icpc-printed", "cla-printed", "cla-logistic"):
        analysis = load(name)
        assert isinstance(analysis, PrintedAnalysis | HierarchicalAnalysis)
        scales[name] = model_scale(analysis)
    assert scales == {"icpc-printed": "risk", "cla-printed": "log-odds", "cla-logistic": "log-odds"}


def test_windows_name_pilots_breaks_and_exclusions(made_up_analysis: OpenAnalysis) -> None:
    run = replace(printed_run(), analysis=made_up_analysis, evidence="open-data")
    design = made_up_analysis.design
    rows = {str(row[0]): row for row in windows_table(run).rows}
    for pilot in design.pilots:
        first, last = pilot.settling_in
        assert f"{first}/{(first + 1) % 100:02d} to {last}/" in str(rows[pilot.authority][2])
    short = replace(design.pilots[0], settling_in=(2014, 2014))
    once = replace(made_up_analysis, design=replace(design, pilots=(short, *design.pilots[1:])))
    assert windows_table(replace(run, analysis=once)).rows[0][2] == "2014/15"
    for entry in design.recording_breaks:
        assert entry.why in str(rows[entry.authority][3])
        assert "left out of the headline" in str(rows[entry.authority][3])
    for note in design.comparators.exclude:
        assert rows[note.authority][1] == "no comparator"
        assert rows[note.authority][3] == note.why
    kept = replace(made_up_analysis, design=replace(design, breaks_in_headline=True))
    assert "put in" in str(windows_table(replace(run, analysis=kept)).rows)
