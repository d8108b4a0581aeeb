"""Pictures of calibrations: bands hold what is right, not what is wrong; labels find room."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from sofs_bayes.checks.calibration import Calibrated
from sofs_bayes.checks.ranks import DRAWS, Kind, RankedReplicate, RankVerdict, rank_verdict
from sofs_bayes.errors import BadInput
from sofs_bayes.figures import (
    Drawing,
    coverage_levels,
    dispersion_strips,
    rank_ecdf,
    rank_histogram,
)
from sofs_bayes.figures.marks import Axis
from sofs_bayes.figures.rank_bands import (
    attained_rows,
    bin_rows,
    dispersion_rows,
    ecdf_rows,
    shown_tests,
    simultaneous_band,
)
from sofs_bayes.figures.rank_panels import MOST, rank_grid
from sofs_bayes.pages.calibration_page import calibration_drawings

Faults = Callable[[Figure], list[str]]

OUT = "pilot_effect_sd"
# Of 2,000 simulated ECDFs; the standard error is 0.005, that of the band's own simulation alike.
SLACK = 0.02


def verdict_of(ranks: dict[str, np.ndarray], kinds: dict[str, Kind]) -> RankVerdict:
    number = len(next(iter(ranks.values())))
    replicates = [
        RankedReplicate(
            number=i,
            ranks={name: int(each[i]) for name, each in ranks.items()},
            status="converged",
            failures=(),
            attempts=1,
            seconds=1.0,
        )
        for i in range(number)
    ]
    return rank_verdict(replicates, kinds, seed=1)


def written(drawing: Drawing) -> str:
    return " ".join(" ".join(text.get_text() for text in drawing.figure.findobj(Text)).split())


# -------------------------------------------------------------------------------------- bands


@pytest.mark.parametrize("replicates", [300, 1000])
def test_the_band_holds_95_percent_of_uniform_ecdfs(replicates: int) -> None:
    places, lower, upper = simultaneous_band(replicates)
    rng = np.random.default_rng(11)
    inside = 0
    for _ in range(2000):
        counts = np.bincount(rng.integers(0, DRAWS + 1, replicates), minlength=DRAWS + 1)
        apart = np.concatenate([[0], np.cumsum(counts)]) / replicates - places
        inside += bool(((apart >= lower - 1e-9) & (apart <= upper + 1e-9)).all())
    assert inside / 2000 == pytest.approx(0.95, abs=SLACK)


def test_the_ecdf_is_that_of_the_ranks(calibrated: Calibrated) -> None:
    test = next(test for test in calibrated.verdict.tests if test.quantity == OUT)
    rows = ecdf_rows(calibrated.verdict, [test])
    ranks = np.array([each.ranks[OUT] for each in calibrated.verdict.replicates])
    assert len(rows) == DRAWS + 2
    assert [row.difference for row in rows] == pytest.approx(
        [(ranks < j).mean() - j / (DRAWS + 1) for j in range(DRAWS + 2)]
    )


def test_the_band_excludes_what_is_too_narrow_and_holds_most_of_what_is_right(
    calibrated: Calibrated,
) -> None:
    tests, _ = shown_tests(calibrated.verdict, MOST)
    rows = ecdf_rows(calibrated.verdict, tests)
    outside = {row.quantity for row in rows if not row.inside}
    assert OUT in outside
    assert len(outside - {OUT}) <= 2  # of 20 right ones one is expected
    bins = bin_rows(calibrated.verdict, tests)
    share = {
        name: np.mean([row.inside for row in bins if row.quantity == name])
        for name in (OUT, "shock_sd")
    }
    assert share[OUT] < 0.8
    assert share["shock_sd"] >= 0.9
    assert all(row.expected == 400 / 20 for row in bins)
    assert sum(row.count for row in bins if row.quantity == OUT) == 400


def test_coverage_of_what_is_right_is_in_its_bands_and_of_what_is_narrow_is_not(
    calibrated: Calibrated,
) -> None:
    rows = attained_rows(calibrated.verdict)
    assert len(rows) == 45 * 4
    assert {row.quantity for row in rows if not row.inside} == {OUT}
    single = [row.lower <= row.coverage <= row.upper for row in rows if row.quantity != OUT]
    assert 0.9 < np.mean(single) < 1
    for row in rows:
        assert row.lower_all <= row.lower <= row.level <= row.upper <= row.upper_all


def test_dispersion_has_the_band_of_chi_squared(calibrated: Calibrated) -> None:
    rows = dispersion_rows(calibrated)
    assert rows[0].lower == pytest.approx(1 - 1.96 * (2 / 400) ** 0.5, abs=0.01)
    assert rows[0].upper == pytest.approx(1 + 1.96 * (2 / 400) ** 0.5, abs=0.01)
    found = {row.quantity: row for row in rows}
    assert found[OUT].dispersion > found[OUT].upper and found[OUT].verdict == "out"
    assert np.mean([row.lower <= row.dispersion <= row.upper for row in rows]) > 0.85


# ---------------------------------------------------------------------------------- selection


def test_reported_quantities_and_parameters_that_are_out_have_panels(
    calibrated: Calibrated, uniform: Calibrated
) -> None:
    tests, wanted = shown_tests(uniform.verdict, MOST)
    assert wanted == len(tests) == 20
    assert not any(test.kind == "parameter" for test in tests)
    shock = "shock[Ashmere, 2014]"
    ranks = {test.quantity: np.arange(400) % (DRAWS + 1) for test in uniform.verdict.tests}
    kinds = {test.quantity: test.kind for test in calibrated.verdict.tests if test.quantity != OUT}
    found = verdict_of({**ranks, shock: np.full(400, 2)}, kinds)
    assert shock in [test.quantity for test in shown_tests(found, MOST)[0]]
    drawing = rank_ecdf(found, title="Ranks", evidence="synthetic")
    assert "Other parameters that are out" in written(drawing)


def many(effects: int, replicates: int = 120) -> RankVerdict:
    rng = np.random.default_rng(5)
    names = [f"effect in year {year:+d}, pooled (risk)" for year in range(effects)]
    ranks = {name: rng.integers(0, DRAWS + 1, replicates) for name in names}
    ranks[names[-1]] = np.full(replicates, 4)
    return verdict_of(ranks, dict.fromkeys(names, "effect"))


def test_of_too_many_quantities_the_most_suspicious_are_drawn() -> None:
    found = many(60)
    tests, wanted = shown_tests(found, MOST)
    assert (len(tests), wanted) == (MOST, 60)
    assert "effect in year +59, pooled (risk)" in [test.quantity for test in tests]
    drawing = rank_ecdf(found, title="Ranks", evidence="open-data")
    assert f"Of 60 quantities, the {MOST} with the smallest p-values are drawn." in written(drawing)


def test_one_that_is_far_out_does_not_flatten_the_others(calibrated: Calibrated) -> None:
    cut = "Curves that leave the frame are cut off there"
    for draw, largest in ((rank_ecdf, "distance is 0.938"), (rank_histogram, "count is 120")):
        drawing = draw(many(60), title="Ranks", evidence="open-data")
        assert f"{cut}: the largest {largest}." in written(drawing)
        assert cut not in written(draw(calibrated.verdict, title="Ranks", evidence="synthetic"))
    band = max(row.upper for row in ecdf_rows(many(60), many(60).tests[:1]))
    axes = rank_ecdf(many(60), title="Ranks", evidence="open-data").figure.axes
    assert all(axis.get_ylim()[1] < 3 * band for axis in axes)


def test_places_are_the_same_to_the_bit_wherever_in_memory_a_picture_is() -> None:
    kept: list[object] = []  # so that the next picture is elsewhere
    found, verdict = set(), many(30)
    for i in range(5):
        kept.append([bytearray(1 + k % 997) for k in range(1009 * i)])
        figure = rank_ecdf(verdict, title="Ranks " * 30, evidence="records").figure
        found.add(tuple(axes.get_position().bounds for axes in figure.axes))
        kept.append(figure)
    assert len(found) == 1


def test_what_all_effects_share_is_said_once(calibrated: Calibrated) -> None:
    up = Axis(ends=(0.0, 1.0))
    panels = rank_grid(shown_tests(calibrated.verdict, MOST)[0], up, lambda _: [])
    groups = [panel.group for panel in panels if panel.group]
    assert groups == ["Effect after settling-in", "Spreads and log likelihood"]
    assert panels[0].heading == "pooled (risk)"
    other = rank_grid(many(3).tests, up, lambda _: [])
    assert [panel.group for panel in other] == ["Effects", "", ""]
    assert other[0].heading == "effect in year +0, pooled (risk)"


# ------------------------------------------------------------------------------- the drawings


def drawings(found: Calibrated, others: list[Calibrated], title: str = "Ranks") -> list[Drawing]:
    how = {"title": title, "evidence": found.evidence}
    return [
        rank_ecdf(found.verdict, **how),
        rank_histogram(found.verdict, **how),
        coverage_levels(found.verdict, **how),
        dispersion_strips([found, *others], **how),
    ]


def test_no_text_is_cut_off_or_overlaps(
    calibrated: Calibrated, uniform: Calibrated, faults: Faults
) -> None:
    long = "authority_of_Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogoch"
    names = [f"{long}-{i}" for i in range(9)]
    others = [
        replace(each, analysis=replace(each.analysis, name=name))
        for each, name in zip([uniform, calibrated] * 5, names, strict=False)
    ]
    title = " ".join(["RANKS ARE NOT UNIFORM: a title that goes on"] * 3)
    for drawing in drawings(calibrated, others, title):
        assert faults(drawing.figure) == [], drawing.name


def test_long_names_of_quantities_find_room(faults: Faults) -> None:
    rng = np.random.default_rng(2)
    kinds: dict[str, Kind] = {
        f"effect of the {'very ' * i}long-named change, Llanfairpwllgwyngyllgogerychwyrn {i}": kind
        for i, kind in enumerate(("effect", "effect", "spread", "parameter"))
    }
    found = verdict_of({name: rng.integers(0, 3, 60) for name in kinds}, kinds)
    for draw in (rank_ecdf, rank_histogram, coverage_levels):
        drawing = draw(found, title="Ranks", evidence="records")
        assert faults(drawing.figure) == [], drawing.name


def test_alt_texts_say_what_is_out(calibrated: Calibrated, uniform: Calibrated) -> None:
    for drawing in drawings(calibrated, [uniform]):
        assert OUT in drawing.alt, drawing.name
        assert OUT in written(drawing), drawing.name
    right = replace(uniform, analysis=replace(uniform.analysis, name="another"))
    ecdf, histogram, coverage, strips = drawings(uniform, [right])
    assert "none that is not uniform" in ecdf.alt
    assert "none that is not uniform" in histogram.alt
    assert coverage.alt.endswith("none is outside.")
    assert strips.alt.endswith("none is out.")
    assert "OUT" not in written(ecdf)


def test_titles_are_what_is_found_and_what_is_shown_stands_below(
    calibrated: Calibrated, uniform: Calibrated
) -> None:
    out = {each.name: each.canvas for each in calibration_drawings(calibrated)}
    right = {each.name: each.canvas for each in calibration_drawings(uniform)}
    drawn, _ = shown_tests(calibrated.verdict, MOST)
    outside = {row.quantity for row in ecdf_rows(calibrated.verdict, drawn) if not row.inside}
    assert out["ecdf"].title == (
        f"RANKS ARE NOT UNIFORM: The ranks of {len(outside)} of {len(drawn)} quantities leave the"
        " band of right posteriors"
    )
    assert out["ecdf"].subtitle.startswith("ECDF of the truths' ranks. Share of ranks below")
    assert out["coverage"].title.endswith(
        "4 of 180 shares of truths inside intervals are not those of right posteriors"
    )
    assert right["coverage"].title == (
        "Intervals hold the truth as often as they say, as far as 400 replicates can tell"
    )
    shares = [
        float(np.mean([not row.inside for row in bin_rows(v, shown_tests(v, MOST)[0])]))
        for v in (calibrated.verdict, uniform.verdict)
    ]
    for each, share in zip((out, right), shares, strict=True):
        assert f"{share:.0%} of bins are outside their band" in each["histogram"].title
    for found, said in (([calibrated, uniform], "1 is out"), ([uniform], "none is out")):
        drawing = dispersion_strips(found, title="Strips", mark="MARK: ", evidence="synthetic")
        assert drawing.canvas.title.startswith("MARK: Of ")
        assert drawing.canvas.title.endswith(said)
        assert drawing.canvas.subtitle == "Strips"


def test_what_is_out_differs_in_more_than_colour(calibrated: Calibrated) -> None:
    drawing = rank_ecdf(calibrated.verdict, title="Ranks", evidence="synthetic")
    styles = {
        line.get_linestyle() for axes in drawing.figure.axes for line in axes.get_lines()[3:4]
    }
    assert len(styles) == 2
    every = drawing.figure.findobj(Text)
    assert sum(text.get_text().startswith("OUT: ") for text in every) == 1


def test_rows_are_the_data_of_a_drawing(calibrated: Calibrated, uniform: Calibrated) -> None:
    for drawing in drawings(calibrated, [uniform]):
        kind, rows = drawing.data
        assert rows and all(isinstance(row, kind) for row in rows)


def test_the_evidence_is_written_with_where_the_ranks_come_from(calibrated: Calibrated) -> None:
    note = "Of individual records only the design is used."
    for draw in (rank_ecdf, rank_histogram, coverage_levels):
        drawing = draw(calibrated.verdict, title="Ranks", evidence="records", notes=(note,))
        assert note in written(drawing) and "Evidence: individual records." in written(drawing)


def test_nothing_to_draw_is_refused(calibrated: Calibrated) -> None:
    nothing = rank_verdict([], {}, seed=1)
    for draw in (rank_ecdf, rank_histogram, coverage_levels):
        with pytest.raises(BadInput, match="no rows"):
            draw(nothing, title="Ranks", evidence="synthetic")
    with pytest.raises(BadInput, match="no rows"):
        dispersion_strips([replace(calibrated, verdict=nothing)], title="D", evidence="synthetic")
    with pytest.raises(BadInput, match="twice"):
        dispersion_strips([calibrated, calibrated], title="D", evidence="synthetic")


def test_an_analysis_without_ranks_is_named(calibrated: Calibrated, uniform: Calibrated) -> None:
    nothing = replace(uniform, verdict=rank_verdict([], {}, seed=1))
    drawing = dispersion_strips([calibrated, nothing], title="D", evidence="synthetic")
    assert "Not drawn, as no replicate has ranks: icpc-right." in written(drawing)
