import csv
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image
from tests.results.conftest import effect_row as effect
from tests.rows import DENSITY, of_effect, of_fit

from sofs_bayes import figures
from sofs_bayes.checks.registry.predictions import PredictiveCell
from sofs_bayes.errors import BadInput
from sofs_bayes.estimands import DensityRow, EffectRow
from sofs_bayes.figures import (
    STYLE,
    Drawing,
    audit_brackets,
    event_study,
    pilot_forest,
    predictive,
    prior_posterior,
    rate_and_counterfactual,
    save,
)
from sofs_bayes.figures.before import PreTrendDistance, distances_before
from sofs_bayes.figures.curves import moved_apart
from sofs_bayes.figures.densities import threshold_values
from sofs_bayes.figures.predictions import shares_inside
from sofs_bayes.figures.style import width_of, wrap
from sofs_bayes.figures.ticks import ratio_ticks, roomy_ticks, tick_labels, ticks
from sofs_bayes.frequentist.counterfactual import YearRate
from sofs_bayes.published.stars import ChildLevel, StarBracket
from sofs_bayes.records.csv_rows import read_rows
from sofs_bayes.spec import Statement
from sofs_bayes.tables.formats import EVIDENCE_LINES

Faults = Callable[[Figure], list[str]]

NAN, INF = float("nan"), float("inf")
REFUSED = "not converged"
PILOTS = (
    "Brightwater",
    "Castlemoor",
    "Dunford and the Isles of Westermain",
    "Eastmarch",
    "Fenwick",
    "Greater Hollowdale",
    "Inchester",
)
STATEMENTS = (
    Statement(scale="risk", above=0.0),
    Statement(scale="risk", above=0.01),
    Statement(scale="risk", within=(-0.02, 0.02)),
    Statement(scale="odds ratio", within=(0.9, 1.11)),
)


def forest_rows(**changes: object) -> list[EffectRow]:
    medians = (0.013, -0.021, 0.034, 0.002, -0.006, 0.051, 0.018)
    rows = [effect("pooled", 0.012, 0.023), effect("new authority", 0.011, 0.061)]
    pilots = zip(PILOTS, medians, strict=True)
    rows += [effect(p, m, 0.03 + 0.004 * i) for i, (p, m) in enumerate(pilots)]
    return [replace(row, **changes) for row in rows]  # type: ignore[arg-type]


def left_out_rows() -> list[EffectRow]:
    names = [*PILOTS, *(f"Comparator {i} upon the River Somewhat" for i in range(20))]
    rows = [effect("pooled", 0.012, 0.023)]
    for i, name in enumerate(names):
        status = REFUSED if i == 3 else "converged"
        row = effect("pooled", 0.012 + 0.001 * (i % 7 - 3), 0.02 + 0.0005 * i, status=status)
        rows.append(replace(row, kind="without", subject=name))
    return rows


def year_rows(**changes: object) -> list[EffectRow]:
    found = ((-4, 0.004, 0.02), (-3, -0.011, 0.018), (-2, 0.006, 0.015), (0, 0.01, 0.02),
             (1, 0.022, 0.025), (2, 0.03, 0.034))  # fmt: skip
    return [
        effect("pooled", median, half, **of_effect(f"effect in year {year:+d}"), **changes)
        for year, median, half in found
    ]


def normal(x: float, mean: float, sd: float) -> float:
    return math.exp(-0.5 * ((x - mean) / sd) ** 2) / (sd * math.sqrt(2 * math.pi))


def density_rows(
    variants: tuple[str, ...] = ("clustered on the authority",), scale: str = "risk"
) -> list[DensityRow]:
    unit = 1.0 if scale == "risk" else 8.0
    priors = {
        "reference": (0.0, 0.1),
        "sceptical": (0.0, 0.02),
        "enthusiastic": (-0.02, 0.02),
        "pessimistic": (0.02, 0.02),
    }
    rows = []
    for i, variant in enumerate(variants):
        for name, (mean, sd) in priors.items():
            precision = 1 / sd**2 + 1 / 0.04**2
            centre = (mean / sd**2 + (0.04 - 0.01 * i) / 0.04**2) / precision
            for x in np.linspace(-0.14, 0.14, 121):
                rows.append(
                    DensityRow(
                        **DENSITY,
                        **of_fit(variant),
                        prior=name,
                        scale=scale,
                        value=float(unit * x),
                        prior_density=normal(float(x), mean, sd) / unit,
                        posterior_density=normal(float(x), centre, precision**-0.5) / unit,
                    )
                )
    return rows


READINGS = (
    "stars ignored, standard errors tripled",
    "column 'clustered' clustered by authority",
    "column 'not clustered' clustered by authority",
)


def rate_rows() -> list[YearRate]:
    observed = (0.101, 0.108, 0.112, 0.12, 0.119, 0.128, 0.131)
    others = (0.11, 0.113, 0.117, 0.118, 0.116, 0.12, 0.121)
    expected = {2016: 0.116, 2017: 0.119, 2018: 0.121}
    period = ("pre", "pre", "pre", "settling-in", "post", "post", "post")
    return [
        YearRate(
            year=year,
            period=period[i],
            pilots=6 if year == 2013 else 7,
            observed=observed[i],
            comparators=others[i],
            counterfactual=expected.get(year, NAN),
            lower=expected.get(year, NAN) - 0.006 - 0.001 * i,
            upper=expected.get(year, NAN) + 0.006 + 0.001 * i,
            level=0.9,
        )
        for i, year in enumerate(range(2012, 2019))
    ]


def bracket(row: str, column: str, lower: float, upper: float, **changes: object) -> StarBracket:
    child = ChildLevel(se=0.002, basis="printed children", assumed=False)
    found = StarBracket(
        table=5,
        row=row,
        column=column,
        unit="probability",
        printed="-0.0635*",
        coefficient=-0.0635,
        stars=1,
        se_lower=0.002 * lower,
        se_upper=0.002 * upper,
        child_level=child,
    )
    return replace(found, **changes)  # type: ignore[arg-type]


def brackets(copies: int = 1) -> list[StarBracket]:
    did = "DiD (pilot LA * post settling-in period)"
    guess = ChildLevel(se=0.002, basis="divided equally", assumed=True)
    rows = [
        bracket("Pilot LA", "Linear model", 14.0, 16.7),
        bracket(did, "Linear model", 7.1, INF, coefficient=0.0407, stars=0, child_level=guess),
        bracket(did, "Excluding pilot 4", 7.0, INF, child_level=None),
        bracket("Pilot LA", "Logistic regression", 0.0, 3.2, table=7, stars=3, coefficient=-0.3),
        bracket(did, "Logistic regression - not clustered", 0.3, 0.8, table=7, coefficient=0.08),
        bracket("Year dummy 2010", "Linear", 0.0, INF, table=7, coefficient=0.0, child_level=guess),
    ]
    return [replace(row, row=f"{row.row}{' again' * i}") for i in range(copies) for row in rows]


def predictive_cells() -> list[PredictiveCell]:
    rng = np.random.default_rng(7)
    names = [(name, "pilot") for name in PILOTS]
    names += [(f"Comparator {i}", "comparator") for i in range(14)]
    cells = []
    for name, arm in names:
        level = 0.08 + 0.08 * rng.random()
        for year in (2012, 2013, 2014, 2016, 2017, 2018):
            middle = level + 0.004 * rng.standard_normal()
            observed = middle + 0.012 * rng.standard_normal()
            cells.append(
                PredictiveCell(
                    authority=name,
                    year=year,
                    arm=arm,
                    denominator=4000.0,
                    observed=float(observed),
                    lower=float(middle - 0.018),
                    median=float(middle),
                    upper=float(middle + 0.018),
                    level=0.9,
                    pit=0.5,
                )
            )
    return cells


RATE = {"events": "conferences", "denominator": "referrals", "evidence": "open-data"}


def draw_prior_posterior(status: str = "converged") -> Drawing:
    return prior_posterior(
        density_rows(),
        thresholds=STATEMENTS,
        title="What each prior makes of Table 5",
        evidence="published-inferred",
        status=status,
    )


def draw_grid(status: str = "converged") -> Drawing:
    return prior_posterior(
        density_rows(READINGS, "log-odds"),
        thresholds=STATEMENTS,
        title="What each prior makes of Table 7, by what the stars are taken to say",
        evidence="published-inferred",
        status=status,
        name="prior-posterior-cla",
    )


def draw_forest(status: str = "converged") -> Drawing:
    return pilot_forest(forest_rows(status=status), title="Effect in each pilot")


def draw_left_out(status: str = "converged") -> Drawing:
    rows = left_out_rows()
    if status == REFUSED:
        rows = [replace(row, status=REFUSED) for row in rows]
    return pilot_forest(
        rows,
        title="The pooled effect with one authority left out at a time, which is a long title"
        " that does not fit on one line of the picture",
        label=lambda row: str(row.variant),
        apart=lambda row: str(row.variant) == "main",
        name="leave-one-out",
    )


def draw_event_study(status: str = "converged") -> Drawing:
    return event_study(year_rows(status=status), title="Effect by year")


def draw_rates(status: str = "converged") -> Drawing:
    return rate_and_counterfactual(
        rate_rows(), title="Conferences in pilots and comparators", status=status, **RATE
    )


def draw_brackets(status: str = "converged") -> Drawing:
    return audit_brackets(brackets(), title="What the stars say of the errors", status=status)


def draw_predictive(status: str = "converged") -> Drawing:
    return predictive(
        predictive_cells(), title="Observed and predicted rates", status=status, **RATE
    )


DRAW: dict[str, Callable[..., Drawing]] = {
    "prior_posterior": draw_prior_posterior,
    "prior_posterior_grid": draw_grid,
    "pilot_forest": draw_forest,
    "leave_one_out": draw_left_out,
    "event_study": draw_event_study,
    "rates": draw_rates,
    "brackets": draw_brackets,
    "predictive": draw_predictive,
}


@pytest.fixture(scope="module")
def drawings() -> dict[str, Drawing]:
    return {name: draw() for name, draw in DRAW.items()}


@pytest.fixture(scope="module")
def refused() -> dict[str, Drawing]:
    return {name: draw(REFUSED) for name, draw in DRAW.items()}


# ------------------------------------------------------------------------------ geometry


def texts(drawing: Drawing) -> list[tuple[str, Bbox]]:
    """Every text that is drawn, with its box in pixels; the mark across the picture is left out."""
    return texts_of(drawing.figure)


@cache
def texts_of(figure: Figure) -> list[tuple[str, Bbox]]:
    figure.draw_without_rendering()  # only then ticks have their labels in place
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    return [
        (text.get_text(), text.get_window_extent(renderer))
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text() and text.get_gid() != "not-converged"
    ]


@pytest.mark.parametrize("name", DRAW)
def test_no_text_is_cut_off_or_overlaps(
    drawings: dict[str, Drawing], name: str, faults: Faults
) -> None:
    assert faults(drawings[name].figure) == []
    assert faults(drawings[name].at(STYLE.narrow)) == []


def test_the_check_of_the_geometry_can_fail(faults: Faults) -> None:
    drawing = draw_event_study()
    drawing.figure.text(0.9, 0.5, "a text that runs out of the picture")
    drawing.figure.text(0.1, 0.5, "one")
    drawing.figure.text(0.1, 0.5, "two")
    assert any("leaves the canvas" in fault for fault in faults(drawing.figure))
    assert "'one' overlaps 'two'" in faults(drawing.figure)


LONG = "The Metropolitan Borough of Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogoch"


def crowded() -> Iterator[Drawing]:
    """Few and many rows, long names, tiny, large and one-sided numbers."""
    title = " ".join(["A title that goes on"] * 8)
    yield pilot_forest(forest_rows()[:1], title="One row")
    yield pilot_forest([effect(f"{LONG} {i}", 0.0001 * i, 1e-5) for i in range(40)], title=title)
    ratios = [
        replace(row, scale="odds ratio", median=1.1 + 0.1 * i, lower=0.2, upper=9.0 + 30 * i)
        for i, row in enumerate(forest_rows(interval="hdi", level=0.95))
    ]
    yield pilot_forest(ratios, title=title)
    yield event_study(year_rows()[:1], title=title)
    many = [
        effect(
            "pooled",
            3.5 + year / 3,
            2.0,
            **of_effect(f"effect in year {year:+d}"),
            scale="log-odds",
        )
        for year in range(-12, 12)
        if year != -1
    ]
    yield event_study(many, title=title)
    common = {"title": title, "status": "converged", **RATE}
    yield rate_and_counterfactual(rate_rows()[:2], **common)
    yield rate_and_counterfactual(rate_rows()[-1:], **common)
    long = [replace(rate_rows()[i % 7], year=1990 + i, period="settling-in") for i in range(30)]
    yield rate_and_counterfactual(long, per=10_000, **common)
    flat = [replace(row, observed=0.121, comparators=0.121) for row in rate_rows()]
    yield rate_and_counterfactual(flat, **common)
    yield audit_brackets(brackets()[:1], title=title)
    yield audit_brackets(brackets(copies=12), title=title)
    cells = predictive_cells()
    yield predictive([cell for cell in cells if cell.arm == "comparator"], **common)
    yield predictive([cell for cell in cells if cell.authority == PILOTS[0]], **common)
    named = [replace(cell, authority=f"{LONG} {cell.authority}", arm="pilot") for cell in cells]
    yield predictive(named[:36], **common)
    densities = {"thresholds": (), "evidence": "published-inferred", "status": "converged"}
    single = [row for row in density_rows() if row.prior == "reference"]
    yield prior_posterior(single, title=title, **densities)
    long_names = [
        replace(row, **of_fit(f"{LONG} {row.variant!s}")) for row in density_rows(READINGS)
    ]
    yield prior_posterior(long_names, title=title, **densities)


def test_no_text_is_cut_off_or_overlaps_in_crowded_pictures(faults: Faults) -> None:
    for drawing in crowded():
        assert faults(drawing.figure) == [], drawing.name


@pytest.mark.parametrize("name", DRAW)
def test_the_picture_of_a_refused_result_is_marked(
    refused: dict[str, Drawing], name: str, faults: Faults
) -> None:
    drawing = refused[name]
    width, height = drawing.figure.get_size_inches() * drawing.figure.dpi
    marks = [t for t in drawing.figure.findobj(Text) if t.get_gid() == "not-converged"]
    assert marks
    for mark in marks:
        box = mark.get_window_extent()
        assert mark.get_text() == "NOT CONVERGED"
        assert 0.5 * width < box.width < width or 0.5 * height < box.height < height
        assert box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and box.y1 <= height
    assert drawing.figure.texts[0].get_text().startswith("NOT CONVERGED: ")
    assert drawing.alt.startswith("Not converged")
    assert faults(drawing.figure) == []


@pytest.mark.parametrize("name", DRAW)
def test_a_converged_result_is_not_marked(drawings: dict[str, Drawing], name: str) -> None:
    assert not [t for t in drawings[name].figure.findobj(Text) if t.get_gid() == "not-converged"]
    assert "Not converged" not in drawings[name].alt


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("prior_posterior", EVIDENCE_LINES["published-inferred"]),
        ("brackets", EVIDENCE_LINES["published-inferred"]),
        ("pilot_forest", EVIDENCE_LINES["open-data"]),
        ("event_study", EVIDENCE_LINES["open-data"]),
        ("rates", EVIDENCE_LINES["open-data"]),
        ("predictive", EVIDENCE_LINES["open-data"]),
    ],
)
def test_the_picture_says_what_it_rests_on(
    drawings: dict[str, Drawing], name: str, line: str
) -> None:
    assert line in [text for text, _ in texts(drawings[name])]


# ---------------------------------------------------------------------------- what is said


def test_alt_texts_contain_the_numbers(drawings: dict[str, Drawing]) -> None:
    expected = {
        "prior_posterior": ["4 panels", "reference: peak at +3.5, 82% of its area above 0"],
        "prior_posterior_grid": ["12 panels", "reference (stars ignored"],
        "pilot_forest": [
            "9 effects (change in risk, percentage points), median and 90% equal-tailed interval",
            "pooled +1.2 [−1.1, +3.5]",
            "from Castlemoor −2.1 [−5.5, +1.3] to Greater Hollowdale +5.1 [+0.1, +10.1]",
            "8 of 9 intervals include 0",
        ],
        "leave_one_out": ["28 effects", "main +1.2 [−1.1, +3.5]"],
        "event_study": ["year −3 −1.1 [−2.9, +0.7]", "year +2 +3.0 [−0.4, +6.4]"],
        "rates": [
            "conferences per 100 referrals",
            "pilots from 10.1 in 2012/13 to 13.1 in 2018/19",
            "11.6 [10.6, 12.6] in 2016/17, observed 11.9",
        ],
        "brackets": ["5 of 6 coefficients", "2 lie wholly above", "−0.0635*, 14 to 17 times"],
        "predictive": ["of 42 pilot authority-years", "of 84 comparator authority-years"],
    }
    for name, parts in expected.items():
        for part in parts:
            assert part in drawings[name].alt


def test_predictive_counts_are_those_of_the_cells(drawings: dict[str, Drawing]) -> None:
    cells = [cell for cell in predictive_cells() if cell.arm == "pilot"]
    inside = sum(cell.lower <= cell.observed <= cell.upper for cell in cells)
    assert f"{inside} of 42 pilot" in drawings["predictive"].alt
    assert 0 < inside < 42
    one = [replace(cells[0], observed=0.5), replace(cells[1], observed=cells[1].upper)]
    assert shares_inside(one) == {2012: 0.0, 2013: 1.0}


def test_forest_lines_stand_by_median_with_summaries_last(drawings: dict[str, Drawing]) -> None:
    shown = [text for text, _ in texts(drawings["pilot_forest"])]
    found = [text for text in shown if text in {*PILOTS, "pooled", "new authority"}]
    by_median = sorted(forest_rows()[2:], key=lambda row: row.median)
    assert found == [*(row.target for row in by_median), "pooled", "new authority"]


def halved(rows: Sequence[EffectRow]) -> list[EffectRow]:
    """The rows with 50% intervals of two fifths the width."""
    return [
        replace(
            row,
            lower_50=row.median + 0.4 * (row.lower - row.median),
            upper_50=row.median + 0.4 * (row.upper - row.median),
        )
        for row in rows
    ]


def thick(drawing: Drawing) -> list[Line2D]:
    """The bars that are drawn on others."""
    bars = [line for line in drawing.figure.axes[0].lines if len(line.get_xdata()) == 2]  # type: ignore[arg-type]
    return [line for line in bars if line.get_linewidth() > 3.0]


@pytest.mark.parametrize("level", [0.9, 0.95, 0.5])
def test_the_inner_half_is_thick_and_the_words_say_so(level: float) -> None:
    for rows, draw in ((forest_rows(), pilot_forest), (year_rows(), event_study)):
        own = [replace(row, level=level) for row in halved(rows)]
        drawing = draw(own, title="Effects")
        wider = level > 0.5
        assert len(thick(drawing)) == len(rows) * wider
        said = " ".join(" ".join(text for text, _ in texts(drawing)).split())
        assert (f"(thick: 50%, thin: {100 * level:.3g}%)" in said) == wider
        assert ("thick" in said) == wider
        older = draw(rows, title="Effects")
        assert not thick(older)
        assert "thick" not in " ".join(text for text, _ in texts(older))


def test_a_refused_row_has_no_inner_half() -> None:
    rows = halved(forest_rows())
    refused = [replace(rows[0], status=REFUSED), *rows[1:]]
    assert len(thick(pilot_forest(refused, title="Effects"))) == len(rows) - 1


def test_forest_in_given_order() -> None:
    rows = [effect("pooled", m, 0.01, prior=p) for p, m in (("b", 0.02), ("a", 0.01))]
    drawing = pilot_forest(rows, title="Priors", label=lambda row: row.prior, order="given")
    assert [text for text, _ in texts(drawing) if text in "ab"] == ["b", "a"]


def test_forest_marks_single_rows_that_did_not_converge(drawings: dict[str, Drawing]) -> None:
    shown = [text for text, _ in texts(drawings["leave_one_out"])]
    assert any(text.startswith("NOT CONVERGED, so no result: 1 row") for text in shown)
    assert "NOT CONVERGED, so no result: 1 row" in drawings["leave_one_out"].alt
    assert "without Eastmarch: NOT CONVERGED" in [" ".join(text.split()) for text in shown]


def test_forest_of_mixed_evidence_names_it_at_each_row() -> None:
    rows = [effect("pooled", 0.01, 0.02), effect("b", 0.01, 0.02, evidence="synthetic")]
    shown = [text for text, _ in texts(pilot_forest(rows, title="Mixed"))]
    assert {"pooled (open-data)", "b (synthetic)"} <= set(shown)
    assert "Evidence: simulated (synthetic). It says nothing about real people." in shown


def test_numbers_have_proper_minus_signs(drawings: dict[str, Drawing]) -> None:
    for drawing in drawings.values():
        for text, _ in texts(drawing):
            assert not any(
                f"{sign}{digit}" in f" {text}" for sign in (" -", "[-") for digit in "0123456789"
            )


def test_thresholds_on_the_scale_of_the_rows() -> None:
    assert threshold_values(STATEMENTS, "risk") == (-0.02, 0.0, 0.01, 0.02)
    assert threshold_values(STATEMENTS, "log-odds") == pytest.approx(
        (math.log(0.9), math.log(1.11))
    )
    on_odds = (Statement(scale="log-odds", below=0.0), Statement(scale="odds ratio", above=1.11))
    assert threshold_values(on_odds, "odds ratio") == (1.0, 1.11)


def test_open_ends_of_brackets_are_said_in_words(drawings: dict[str, Drawing]) -> None:
    shown = [text for text, _ in texts(drawings["brackets"])]
    expected = ["14 to 17", "over 7.1", "under 3.2", "0.3 to 0.8", "any"]
    assert [text for text in shown if text in expected] == expected


def test_years_without_rates_are_gaps_and_named() -> None:
    rows = [replace(r, observed=NAN, pilots=0) if r.year == 2014 else r for r in rate_rows()]
    drawing = rate_and_counterfactual(rows, title="Gaps", status="converged", **RATE)
    shown = [text for text, _ in texts(drawing)]
    assert "No rate, and a gap in the line, in 2014/15." in shown
    assert "Pilots with counts: 7; 6 in 2013/14 and 0 in 2014/15." in shown
    line = next(line for line in drawing.figure.axes[0].lines if len(line.get_xdata()) == 7)
    assert np.isnan(line.get_ydata()[2])


# --------------------------------------------------------------------------------- files


def test_files_are_whole_and_the_rows_can_be_read_back(
    drawings: dict[str, Drawing], tmp_path: Path
) -> None:
    for name, drawing in drawings.items():
        folder = tmp_path / name
        paths = save(drawing, folder)
        assert [p.name for p in paths] == [f"{drawing.name}.{end}" for end in ("png", "pdf", "csv")]
        with Image.open(paths[0]) as picture:
            picture.load()
            assert min(picture.info["dpi"]) >= 299.9
            assert picture.width == round(STYLE.width * STYLE.dpi)
            assert picture.info["Description"] == drawing.alt
            assert "Software" not in picture.info
        pdf = paths[1].read_bytes()
        assert pdf.startswith(b"%PDF-") and pdf.rstrip().endswith(b"%%EOF")
        assert b"CreationDate" not in pdf
        kind, rows = drawing.data
        found = read_rows(paths[2], kind)
        assert repr(found) == repr(list(rows))  # as text, since NaN is not NaN
        assert all(
            line.get("evidence")
            for line in csv.DictReader(paths[2].read_text("utf-8").splitlines())
        )


@pytest.mark.parametrize("name", ["pilot_forest", "prior_posterior"])
def test_the_same_rows_give_the_same_bytes(name: str, tmp_path: Path) -> None:
    first, second = (save(DRAW[name](), tmp_path / folder) for folder in ("a", "b"))
    again = save(DRAW[name](), tmp_path / "a")
    for one, other, third in zip(first, second, again, strict=True):
        assert one.read_bytes() == other.read_bytes() == third.read_bytes()


def test_other_rows_give_other_bytes(tmp_path: Path) -> None:
    rows = forest_rows()
    rows[0] = replace(rows[0], median=0.02)
    changed = save(pilot_forest(rows, title="Effect in each pilot"), tmp_path / "a", ("png",))
    given = save(draw_forest(), tmp_path / "b", ("png",))
    assert changed[0].read_bytes() != given[0].read_bytes()


@pytest.mark.parametrize("name", DRAW)
def test_global_parameters_are_neither_changed_nor_followed(name: str, tmp_path: Path) -> None:
    plain = save(DRAW[name](), tmp_path / "plain", ("png",))[0].read_bytes()
    before = dict(mpl.rcParams)
    gaudy = {
        "axes.grid": True, "axes.facecolor": "pink", "axes.spines.top": True, "lines.linewidth": 9,
        "lines.marker": "s", "font.size": 30, "font.family": "serif", "text.color": "green",
        "xtick.top": True, "ytick.left": True, "figure.autolayout": True, "figure.dpi": 50,
        "axes.unicode_minus": False, "axes.xmargin": 0.5, "xtick.minor.visible": True,
        "legend.frameon": False, "savefig.dpi": 40, "figure.facecolor": "grey",
        "legend.fontsize": 20, "legend.labelspacing": 3, "legend.shadow": True, "grid.alpha": 0.2,
        "axes.labelsize": 25, "axes.labelcolor": "red", "xtick.labelsize": 20, "hatch.color": "red",
        "figure.constrained_layout.h_pad": 1.0, "text.parse_math": False, "lines.markersize": 20,
        "patch.linewidth": 5, "patch.edgecolor": "red", "patch.force_edgecolor": True,
    }  # fmt: skip
    with mpl.rc_context(gaudy):
        inside = dict(mpl.rcParams)
        assert save(DRAW[name](), tmp_path / "gaudy", ("png",))[0].read_bytes() == plain
        assert dict(mpl.rcParams) == inside
    assert dict(mpl.rcParams) == before


def test_neither_pyplot_nor_global_parameters_are_used() -> None:
    sources = [
        path.read_text(encoding="utf-8") for path in Path(figures.__file__).parent.glob("*.py")
    ]
    assert len(sources) > 5
    assert not any(word in source for source in sources for word in ("pyplot", "rcParams", "pylab"))


def test_pictures_can_be_told_apart_in_grey(drawings: dict[str, Drawing]) -> None:
    """The lines of the rates differ in lightness, dashes and markers, not in hue alone."""
    lines = [line for line in drawings["rates"].figure.axes[0].lines if len(line.get_xdata()) == 7]
    assert len(lines) == 3
    looks = {(line.get_marker(), str(line.get_linestyle())) for line in lines}
    assert len({marker for marker, _ in looks}) == 3
    greys = sorted(luminance(line.get_color()) for line in lines)
    assert greys[1] - greys[0] > 0.15 and greys[2] - greys[1] > 0.1


def luminance(colour: str) -> float:
    with Image.new("RGB", (1, 1), colour) as pixel:
        return float(np.asarray(pixel.convert("L"))[0, 0]) / 255


# ------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    "draw",
    [
        lambda: pilot_forest([], title="t"),
        lambda: event_study([], title="t"),
        lambda: audit_brackets([], title="t"),
        lambda: predictive([], title="t", status="converged", **RATE),
        lambda: rate_and_counterfactual([], title="t", status="converged", **RATE),
        lambda: prior_posterior([], thresholds=(), title="t", evidence="published", status="x"),
    ],
)
def test_no_rows_are_refused(draw: Callable[[], Drawing]) -> None:
    with pytest.raises(BadInput, match="no rows"):
        draw()


def rates_with(**changes: object) -> Drawing:
    rows = rate_rows()
    rows[-1] = replace(rows[-1], **changes)  # type: ignore[arg-type]
    return rate_and_counterfactual(rows, title="t", status="converged", **RATE)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: pilot_forest(forest_rows(lower=NAN), title="t"), "row 1, lower: found nan"),
        (lambda: pilot_forest(forest_rows(upper=INF), title="t"), "row 1, upper: found inf"),
        (lambda: pilot_forest(forest_rows(target="x"), title="t"), "'x' twice"),
        (lambda: pilot_forest(forest_rows(scale="pounds"), title="t"), "'pounds'"),
        (lambda: pilot_forest(forest_rows(scale="odds ratio"), title="t"), "above 0"),
        (
            lambda: pilot_forest([*forest_rows(), effect("y", 0, 1, level=0.5)], title="t"),
            "level: found 0.9, 0.5",
        ),
        (
            lambda: pilot_forest([*forest_rows(), effect("y", 0, 1, scale="log-odds")], title="t"),
            "scale: found risk, log-odds",
        ),
        (lambda: event_study(forest_rows()[:1], title="t"), "estimand: found 'effect after"),
        (lambda: event_study(year_rows() + year_rows(), title="t"), "'-4' twice"),
        (
            lambda: event_study(
                [effect("pooled", 0, 1, **of_effect("effect in year -1"))], title="t"
            ),
            "the reference",
        ),
        (
            lambda: event_study([*year_rows()[:1], *year_rows(prior="x")[1:]], title="t"),
            "prior: found reference, x",
        ),
        (lambda: rates_with(observed=INF), "2018/19, observed: found an infinity"),
        (lambda: rates_with(lower=NAN), "NaN in part"),
        (lambda: rates_with(period="later"), "'later'"),
        (lambda: rates_with(year=2012), "'2012/13' twice"),
        (lambda: audit_brackets([bracket("a", "b", NAN, 1)], title="t"), "a, b: found NaN"),
        (
            lambda: audit_brackets([bracket("a", "b", 1, 2, child_level=None)], title="t"),
            "none with a child-level error",
        ),
        (
            lambda: predictive(
                [replace(predictive_cells()[0], observed=NAN)], title="t", status="x", **RATE
            ),
            "observed: found nan",
        ),
        (
            lambda: predictive(predictive_cells()[:1] * 2, title="t", status="x", **RATE),
            "'Brightwater, 2012/13' twice",
        ),
        (
            lambda: prior_posterior(
                [replace(density_rows()[0], posterior_density=NAN)],
                thresholds=(),
                title="t",
                evidence="published",
                status="x",
            ),
            "posterior_density: found nan",
        ),
    ],
)
def test_rows_that_cannot_be_drawn_are_refused(draw: Callable[[], Drawing], message: str) -> None:
    with pytest.raises(BadInput, match=r"^figure ") as caught:
        draw()
    assert message in str(caught.value)


def test_rates_without_any_observation_are_refused() -> None:
    rows = [replace(row, observed=NAN) for row in rate_rows()]
    with pytest.raises(BadInput, match="only NaN"):
        rate_and_counterfactual(rows, title="t", status="converged", **RATE)


def test_files_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    drawing = draw_event_study()
    with pytest.raises(BadInput, match="'gif'; allowed: png, pdf"):
        save(drawing, tmp_path, ("gif",))
    with pytest.raises(BadInput, match=r"found '\.\./away'"):
        save(replace(drawing, name="../away"), tmp_path)
    assert not [*tmp_path.iterdir()]


# --------------------------------------------------------------------------------- parts


def test_wrapping_keeps_to_the_width_and_loses_nothing() -> None:
    text = "a word, supercalifragilisticexpialidocious and some more of them"
    for width in (0.5, 1.0, 2.5, 20.0):
        lines = wrap(text, 9.0, width)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
        assert all(width_of(line, 9.0) <= width for line in lines)
    assert wrap("", 9.0, 1.0) == [""]


def test_labels_are_moved_apart_and_kept_inside() -> None:
    placed = moved_apart([1.0, 1.0, 0.1], [0.4, 0.6, 0.4], 0.0, 2.0)
    assert placed == pytest.approx([1.0, 1.5, 0.2])
    placed = moved_apart([1.9, 1.9], [0.5, 0.5], 0.0, 2.0)
    assert placed == pytest.approx([1.25, 1.75])


def test_ticks_have_room_for_their_labels() -> None:
    for width in (0.8, 1.3, 4.0):
        for upper in (0.03, 1.0, 15.0, 2000.0):
            values = roomy_ticks(-upper, upper, width, signed=True)
            labels = tick_labels(values, signed=True)
            room = width / (2 * upper) * (values[1] - values[0]) if len(values) > 1 else width
            assert max(width_of(label, STYLE.small) for label in labels) < room
    assert len(roomy_ticks(-1.0, 1.0, 4.0, signed=True)) > len(roomy_ticks(-1, 1, 1, signed=True))


def test_ticks_are_round_and_within_the_axis() -> None:
    assert ticks(-5.3, 10.2, 5) == [-5.0, 0.0, 5.0, 10.0]
    assert tick_labels([-5.0, 0.0, 2.5], signed=True) == ["−5.0", "0", "+2.5"]
    assert ratio_ticks(0.15, 30, 9) == pytest.approx([0.2, 0.5, 1, 2, 5, 10, 20])
    assert ratio_ticks(0.85, 1.3, 6) == pytest.approx([0.9, 1.0, 1.1, 1.2, 1.3])


def test_titles_of_rates_and_distances_are_counts_of_what_is_drawn() -> None:
    rows = [row for row in rate_rows() if not math.isnan(row.counterfactual + row.observed)]
    outside = sum(not row.lower <= row.observed <= row.upper for row in rows)
    title = draw_rates().canvas.title
    assert title.startswith("The rate leaves the interval of the counterfactual in ")
    assert title.endswith(f" {outside or 'none'} of {len(rows)} years")
    distances = [
        PreTrendDistance(pilot=pilot, authority=f"C{i}", named=i == place, distance=0.1 * (i + 1))
        for pilot, place in (("Ashby", 0), ("Birch", 1))
        for i in range(2)
    ]
    drawing = distances_before(distances, title="Distances", evidence="records")
    assert drawing.canvas.title == "The nearest candidate is a named one for 1 of 2 pilots"
    assert drawing.canvas.subtitle == "Distances"
