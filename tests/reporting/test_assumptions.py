from dataclasses import replace

from sofs_bayes.pipeline.print_fits import fit_printed
from sofs_bayes.reporting.assumptions import distribution, priors_table, windows_table
from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.spec import Beta, HalfNormal, Normal, OpenAnalysis, PrintedAnalysis, load

WHY = "because it is so"


def printed_run() -> Run:
    analysis = load("icpc-printed")
    assert isinstance(analysis, PrintedAnalysis)
    return fit_printed(analysis)


def test_every_prior_is_listed_with_its_reason() -> None:
    run = printed_run()
    assert isinstance(run.analysis, PrintedAnalysis)
    table = priors_table(run)
    named = [row[0] for row in table.rows]
    assert named[:2] == ["effect, reference", "effect, sceptical"]
    assert set(named) >= {"authority sd", "correlation", "pilot difference"}
    assert ("effect, sceptical", "Normal(0, sd 0.02)") in {row[:2] for row in table.rows}
    assert run.analysis.priors.correlation.why in {row[2] for row in table.rows}
    assert "percentage point" in table.notes[0]


def test_distributions_are_written_with_their_parameters() -> None:
    assert distribution(Normal(mean=-0.2, sd=0.1, why=WHY)) == "Normal(-0.2, sd 0.1)"
    assert distribution(HalfNormal(scale=0.5, why=WHY)) == "HalfNormal(0.5)"
    assert distribution(Beta(a=2.0, b=3.0, why=WHY)) == "Beta(2, 3)"


def test_windows_name_pilots_breaks_and_exclusions(made_up_analysis: OpenAnalysis) -> None:
    run = replace(printed_run(), analysis=made_up_analysis, evidence="open-data")
    design = made_up_analysis.design
    rows = {str(row[0]): row for row in windows_table(run).rows}
    for pilot in design.pilots:
        first, last = pilot.settling_in
        assert f"{first}/{(first + 1) % 100:02d} to {last}/" in str(rows[pilot.authority][2])
    for entry in design.recording_breaks:
        assert entry.why in str(rows[entry.authority][3])
        assert "left out of the headline" in str(rows[entry.authority][3])
    for note in design.comparators.exclude:
        assert rows[note.authority][1] == "no comparator"
        assert rows[note.authority][3] == note.why
    kept = replace(made_up_analysis, design=replace(design, breaks_in_headline=True))
    assert "put in" in str(windows_table(replace(run, analysis=kept)).rows)
