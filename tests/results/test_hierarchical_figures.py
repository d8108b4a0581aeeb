"""Shrinkage, arms by year and tipping curve: what is drawn, said, and refused."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from tests.rows import of_effect

from sofs_bayes.checks.registry.predictions import ArmYearCheck
from sofs_bayes.checks.registry.tipping import TippingPoint, TippingRow
from sofs_bayes.errors import BadInput
from sofs_bayes.estimands.rows import ShrinkageRow
from sofs_bayes.figures import (
    Drawing,
    arm_years,
    event_study,
    pilot_forest,
    save,
    shrinkage,
    tipping_curve,
)
from sofs_bayes.figures.tipping import trusted
from sofs_bayes.runs.run_folder import Run, read_rows
from sofs_bayes.tables.formats import EVIDENCE_LINES

Faults = Callable[[Figure], list[str]]

NAN = float("nan")
LONG = "The Metropolitan Borough of Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogoch"
WORDS: dict[str, Any] = {"title": "A title", "evidence": "synthetic", "status": "converged"}
RATES: dict[str, Any] = {**WORDS, "events": "conferences", "denominator": "referrals"}

Rows = tuple[Any, ...]


def rows_of(run: Run, kind: type) -> Rows:
    return run.rows(kind)


@pytest.fixture(scope="module")
def pilots(hierarchical_run: Run) -> tuple[ShrinkageRow, ...]:
    return tuple(row for row in rows_of(hierarchical_run, ShrinkageRow) if row.scale == "risk")


@pytest.fixture(scope="module")
def years(hierarchical_run: Run) -> tuple[ArmYearCheck, ...]:
    return tuple(row for row in rows_of(hierarchical_run, ArmYearCheck) if row.kind == "posterior")


@pytest.fixture(scope="module")
def curve(hierarchical_run: Run) -> tuple[TippingRow, ...]:
    return tuple(row for row in rows_of(hierarchical_run, TippingRow) if row.target == "pooled")


@pytest.fixture(scope="module")
def points(hierarchical_run: Run) -> tuple[TippingPoint, ...]:
    return rows_of(hierarchical_run, TippingPoint)


@pytest.fixture(scope="module")
def drawn(
    pilots: Rows, years: Rows, curve: Rows, points: Rows
) -> dict[str, Callable[[str], Drawing]]:
    """Each figure as a function of the status."""
    return {
        "shrinkage": lambda status: shrinkage(pilots, **{**WORDS, "status": status}),
        "arm-years": lambda status: arm_years(years, **{**RATES, "status": status}),
        "tipping": lambda status: tipping_curve(curve, points, **{**WORDS, "status": status}),
    }


NAMES = ("shrinkage", "arm-years", "tipping")


def texts(drawing: Drawing) -> list[str]:
    return [text.get_text() for text in drawing.figure.findobj(Text)]


# ------------------------------------------------------------------------------ geometry


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("status", ["converged", "not converged"])
def test_no_text_is_cut_off_or_overlaps(
    drawn: dict[str, Callable[[str], Drawing]], name: str, status: str, faults: Faults
) -> None:
    assert faults(drawn[name](status).figure) == []


def test_the_check_of_the_geometry_can_fail(
    drawn: dict[str, Callable[[str], Drawing]], faults: Faults
) -> None:
    drawing = drawn["tipping"]("converged")
    drawing.figure.text(0.9, 0.5, "a text that runs out of the picture")
    assert any("leaves the canvas" in fault for fault in faults(drawing.figure))


def crowded(pilots: Rows, years: Rows, curve: Rows, points: Rows) -> Iterator[Drawing]:
    title = " ".join(["A title that goes on"] * 8)
    words, rates = {**WORDS, "title": title}, {**RATES, "title": title}
    yield shrinkage(pilots[:1], **words)
    yield shrinkage([replace(pilots[i % 4], target=f"{LONG} {i}") for i in range(12)], **words)
    yield shrinkage([replace(row, lower=-7.0, upper=9.0) for row in pilots], **words)
    per_1000 = "children per 1,000"
    yield shrinkage([replace(row, scale=per_1000, pooled_median=12.0) for row in pilots], **words)
    yield arm_years(years[:1], **rates)
    yield arm_years([row for row in years if row.year == "after"], **rates)
    yield arm_years([row for row in years if row.year.isdigit()], **rates)
    many = [replace(years[i % 7], year=str(1990 + i)) for i in range(30)]
    yield arm_years([*many, *(row for row in years if row.year in ("before", "after"))], **rates)
    with_gap = [row for row in years if row.year not in ("2014", "2015")]
    yield arm_years([replace(row, observed=0.0004, lower=0.0) for row in with_gap], **rates)
    yield tipping_curve(curve[:1], (), **words)
    yield tipping_curve(curve[25:], points, **words)  # parallel trends are not among them
    yield tipping_curve(curve[:22], points, **words)  # or stand at the right end
    yield tipping_curve(curve[20:], points, **words)  # or at the left
    logit = [replace(row, scale="log-odds", departure=10 * row.departure) for row in curve]
    found = [replace(row, scale="log-odds", departure=10 * row.departure) for row in points]
    yield tipping_curve(logit, found, **words)


def test_no_text_is_cut_off_or_overlaps_in_crowded_pictures(
    pilots: Rows, years: Rows, curve: Rows, points: Rows, faults: Faults
) -> None:
    for drawing in crowded(pilots, years, curve, points):
        assert faults(drawing.figure) == [], drawing.alt


@pytest.mark.parametrize("name", NAMES)
def test_refusal_and_evidence_are_said(
    drawn: dict[str, Callable[[str], Drawing]], name: str
) -> None:
    good, bad = (drawn[name](status) for status in ("converged", "not converged"))
    assert EVIDENCE_LINES["synthetic"] in texts(good)
    assert good.figure.texts[0].get_text().startswith("Simulated children: ")
    assert bad.figure.texts[0].get_text().startswith("NOT CONVERGED: Simulated children: ")
    assert bad.alt.startswith("Not converged")
    assert "Not converged" not in good.alt


def test_children_that_are_real_are_not_called_simulated(years: Rows) -> None:
    drawing = arm_years(years, **{**RATES, "evidence": "records"})
    assert not any("imulated" in text for text in texts(drawing))


@pytest.mark.parametrize("name", NAMES)
def test_the_rows_can_be_read_back(
    drawn: dict[str, Callable[[str], Drawing]], name: str, tmp_path: Path
) -> None:
    drawing = drawn[name]("converged")
    kind, rows = drawing.data
    assert drawing.name == name
    path = save(drawing, tmp_path, ("png",))[-1]
    assert repr(read_rows(path, kind)) == repr(list(rows))  # as text, since NaN is not NaN


# ---------------------------------------------------------------------------- what is said


def test_shrinkage_has_both_intervals_of_every_pilot(pilots: Rows) -> None:
    drawing = shrinkage(list(reversed(pilots)), **WORDS)
    shown = texts(drawing)
    names = [text for text in shown if text in {row.target for row in pilots}]
    assert names == ["Ashmere", "Brackwater, City of", "Coldharbour"]  # by median; one is wrapped
    assert "−3.0 [−8.0, +2.0]" in shown
    assert "−0.5 [−3.5, +2.5]" in shown
    assert [text for text in shown if text.endswith("%") or text == "–"] == [
        "60%",
        "–",
        "60%",
        "60%",
    ]
    assert "pooled effect +1.2" in drawing.alt
    assert "Ashmere −3.0 [−8.0, +2.0], partially pooled −0.5 [−3.5, +2.5]" in drawing.alt


def test_shrinkage_has_the_inner_halves_of_both(pilots: Rows) -> None:
    halves = {"unpooled_lower_50": -0.011, "unpooled_upper_50": 0.012}
    halves |= {"lower_50": 0.003, "upper_50": 0.007}
    rows = [replace(row, **halves) for row in pilots]
    drawing = shrinkage(rows, title="Pilots", evidence="open-data", status="converged")
    found = [tuple(line.get_xdata()) for line in drawing.figure.axes[0].lines]  # type: ignore[arg-type]
    for ends in ((-1.1, 1.2), (0.3, 0.7)):
        assert sum(each == pytest.approx(ends) for each in found if len(each) == 2) == len(rows)


def test_many_pilots_have_only_the_outermost_in_words(pilots: Rows) -> None:
    rows = [replace(pilots[0], target=f"P{i}", unpooled_median=0.01 * i) for i in range(8)]
    alt = shrinkage(rows, **WORDS).alt
    assert "The outermost: P0" in alt
    assert "P7" in alt
    assert "P4" not in alt


def test_arms_count_years_inside_and_name_those_outside(years: Rows) -> None:
    drawing = arm_years(years, **RATES)
    shown = texts(drawing)
    assert "Pilots: 6 of 7 years inside" in shown
    assert "Comparators: 7 of 7 years inside" in shown
    assert any("conferences per 100 referrals" in text for text in shown)
    assert {"2012/13", "2018/19", "all before", "all after"} <= set(shown)
    assert "Outside: pilots 2015: 14.0 against 9.0 to 13.0." in drawing.alt


def test_the_middle_half_of_predictions_is_thick_where_runs_have_it(years: Rows) -> None:
    assert "median and 90% predictive interval" in texts(arm_years(years, **RATES))
    halves = [replace(row, lower_50=row.lower, upper_50=row.median) for row in years]
    drawing = arm_years(halves, **RATES)
    assert "median, predictive intervals (thick: 50%, thin: 90%)" in texts(drawing)
    bars = [
        line for axes in drawing.figure.axes for line in axes.lines if len(line.get_ydata()) == 2
    ]
    row = halves[0]
    thick = [line for line in bars if line.get_linewidth() > min(x.get_linewidth() for x in bars)]
    assert len(thick) == len(halves)
    assert list(thick[0].get_ydata()) == pytest.approx([100 * row.lower, 100 * row.median])


def test_a_bound_is_inside(years: Rows) -> None:
    row = replace(years[0], observed=years[0].upper)
    assert "1 of 1 year inside" in arm_years([row], **RATES).alt


def test_tipping_points_are_named_with_their_unit(curve: Rows, points: Rows) -> None:
    drawing = tipping_curve(curve, points, **WORDS)
    shown = texts(drawing)
    assert {"95% at −0.27 pp", "50% at +1.20 pp", "parallel trends: 92%"} <= set(shown)
    assert "No departure is found at which the probability is 5%." in shown
    assert "It is 95% at −0.27 pp, 50% at +1.20 pp." in drawing.alt
    assert not any("−2.5" in text or "at −1.00" in text for text in shown)  # another target's
    alone = tipping_curve(curve, (), **WORDS)
    assert "tipping point" not in texts(alone)


def test_doubtful_stretches_are_drawn_otherwise(curve: Rows) -> None:
    looks = {
        str(line.get_linestyle())
        for line in tipping_curve(curve, (), **WORDS).figure.axes[0].lines
        if len(line.get_xdata()) == 2 and line.get_zorder() == 3
    }
    assert len(looks) == 2
    certain = [replace(row, pareto_k=0.1) for row in curve]
    shown = texts(tipping_curve(certain, (), **WORDS))
    assert not any("trusted" in text for text in shown)
    assert [trusted(replace(curve[0], pareto_k=k)) for k in (NAN, 0.7, 0.71)] == [True, True, False]


def test_children_per_1000_have_an_axis(hierarchical_run: Run, faults: Faults) -> None:
    rows = [
        row
        for row in hierarchical_run.effects
        if (row.scale, row.prior) == ("children per 1,000", "reference")
    ]
    drawing = pilot_forest(rows, title="Per 1,000")
    assert faults(drawing.figure) == []
    assert "change, children per 1,000:" in [text.split("\n")[0] for text in texts(drawing)]
    assert "+12.0 [−11.0, +35.0]" in texts(drawing)
    by_year = [
        replace(rows[0], target="pooled", **of_effect(f"effect in year {year:+d}"))
        for year in (-2, 0, 1)
    ]
    assert "Change, children per 1,000: median and 90%" in " ".join(
        texts(event_study(by_year, title="Years"))
    )


# ------------------------------------------------------------------------------- bad input


def test_no_rows_are_refused() -> None:
    for draw in (
        lambda: shrinkage([], **WORDS),
        lambda: arm_years([], **RATES),
        lambda: tipping_curve([], (), **WORDS),
    ):
        with pytest.raises(BadInput, match="no rows"):
            draw()


def changed(rows: Rows, **changes: object) -> list[Any]:
    return [replace(rows[0], **changes), *rows[1:]]


def test_rows_that_cannot_be_drawn_are_refused(pilots: Rows, years: Rows, curve: Rows) -> None:
    cases: list[tuple[Callable[[], Drawing], str]] = [
        (lambda: shrinkage(changed(pilots, lower=NAN), **WORDS), "row 1, lower: found nan"),
        (lambda: shrinkage(changed(pilots, target="Coldharbour"), **WORDS), "'Coldharbour' twice"),
        (lambda: shrinkage(changed(pilots, scale="log-odds"), **WORDS), "scale: found log-odds"),
        (lambda: shrinkage(changed(pilots, level=0.5), **WORDS), "level: found 0.5, 0.9"),
        (lambda: shrinkage(changed(pilots, pooled_median=0.5), **WORDS), "pooled_median: found"),
        (lambda: arm_years(changed(years, observed=NAN), **RATES), "observed: found nan"),
        (lambda: arm_years(changed(years, year="2013"), **RATES), "'pilot, 2013' twice"),
        (lambda: arm_years(changed(years, kind="prior"), **RATES), "kind: found prior, posterior"),
        (lambda: arm_years(changed(years, arm="others"), **RATES), "'others'"),
        (lambda: arm_years(changed(years, year="later"), **RATES), "'later'"),
        (lambda: tipping_curve(changed(curve, departure=NAN), (), **WORDS), "departure: found nan"),
        (lambda: tipping_curve(changed(curve, departure=0.0), (), **WORDS), "'0' twice"),
        (lambda: tipping_curve(changed(curve, target="x"), (), **WORDS), "target: found x, pooled"),
        (lambda: tipping_curve(changed(curve, scale="log-odds"), (), **WORDS), "scale: found"),
    ]
    for draw, message in cases:
        with pytest.raises(BadInput, match=r"^figure ") as caught:
            draw()
        assert message in str(caught.value)
