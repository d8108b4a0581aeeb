"""The choice of comparators, its fit before settling-in, and the cells it leaves."""

import json
import math
import os
import tomllib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sofs_bayes.errors import BadInput, BadSpec
from sofs_bayes.matching.authorities import choose_comparators, did_cells
from sofs_bayes.matching.choice import Choice
from sofs_bayes.matching.pre_trend import POOLED, distances, log_odds, pre_trend_fit
from sofs_bayes.records.open_data import read_panel
from sofs_bayes.records.panel import Entry, Panel, make_panel
from sofs_bayes.records.panel_csv import panel_text
from sofs_bayes.spec import (
    AuthorityNote,
    Comparators,
    OpenAnalysis,
    OpenCounts,
    OpenDesign,
    Pilot,
    RecordingBreak,
    load,
    parse,
)

DATA = Path(__file__).parents[1] / "data" / "dfe"
MODELS = Path(__file__).parents[2] / "models"
WHY = "made up for a test"

# Sums of squares of the same numbers in another order of summation.
ROUNDING = 1e-12
# Nearly three standard errors: a cell's log-odds scatter by .057 (shocks of .04, and chance among
# some 700 events), so the mean effect of three pilots, from two or three cells before and after
# against seven comparators, by .036.
PLANTED_EFFECT = 0.1


@pytest.fixture(scope="module")
def analysis() -> OpenAnalysis:
    loaded = load(DATA / "made-up.toml")
    assert isinstance(loaded, OpenAnalysis)
    return loaded


@pytest.fixture(scope="module")
def panel(analysis: OpenAnalysis) -> Panel:
    return read_panel(sorted(DATA.glob("*.csv")), analysis.data)


def panel_of(counts: dict[str, list[tuple[float, float]]], first: int = 2012) -> Panel:
    """A panel from (events, denominator) per year; NaN where missing."""
    entries, names = {}, {}
    for code, (name, cells) in enumerate(counts.items()):
        names[str(code)] = name
        for year, cell in enumerate(cells, first):
            for role, value in zip(("events", "denominator"), cell, strict=True):
                symbol = "x" if math.isnan(value) else ""
                entries[str(code), year, role] = Entry(
                    value=value, symbol=symbol, file=Path("made"), line=1
                )
    settings_ = OpenCounts(
        events="e", denominator="d", first_year=first, last_year=first + len(cells) - 1
    )
    return make_panel(names, entries, counts=settings_, sources=[])


def design_of(
    *pilots: str,
    settling_in: tuple[int, int] = (2015, 2015),
    breaks: tuple[str, ...] = (),
    **rule: object,
) -> OpenDesign:
    return OpenDesign(
        pilots=tuple(Pilot(authority=n, wave=1, settling_in=settling_in) for n in pilots),
        comparators=Comparators(**{"rule": "pre-trend", "per_pilot": 1, "why": WHY, **rule}),
        recording_breaks=tuple(RecordingBreak(authority=n, year=2014, why=WHY) for n in breaks),
    )


@st.composite
def worlds(draw: st.DrawFn) -> Panel:
    """Two pilots, P and Q, and six others over 2012 to 2016."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    counts = {}
    for name in ("P", "Q", *"abcdef"):
        denominators = rng.integers(50, 500, size=5)
        events = rng.binomial(denominators, rng.uniform(0.02, 0.5, size=5))
        counts[name] = [(float(e), float(n)) for e, n in zip(events, denominators, strict=True)]
    return panel_of(counts)


# ---------------------------------------------------------------- rule: all the others


def test_all_takes_everyone_whole_and_says_why_not(panel: Panel, analysis: OpenAnalysis) -> None:
    choice = choose_comparators(panel, analysis.design)
    assert choice.pilots == ("Ashmere", "Brackwater, City of", "Coldharbour", "Dunmarsh")
    assert choice.comparators == choice.eligible
    assert choice.comparators == (
        *("Ellerwick", "Fennick", "Garrowdale", "Hollin Bay", "Inverley"),
        *("Kestrel Vale", "Larkhaven"),
    )
    assert {left.authority: left.reason for left in choice.left_out} == {
        "Marlow Fen": "not observed in 2014",
        "Northmere": "not observed in 2013, 2016, 2017",
        "Ottersby": "excluded: Excluded so that something is.",
        "Westmarch (115)": "not observed in 2017, 2018",
        "Westmarch (116)": "not observed in 2012, 2013, 2014, 2015, 2016",
    }
    everyone = {*choice.pilots, *choice.comparators, *(left.authority for left in choice.left_out)}
    assert everyone == set(panel.authorities)


def test_a_comparator_with_a_declared_break_is_set_aside(
    panel: Panel, analysis: OpenAnalysis
) -> None:
    declared = RecordingBreak(authority="Fennick", year=2015, why=WHY)
    design = replace(analysis.design, recording_breaks=(declared,))
    choice = choose_comparators(panel, design)
    assert "Fennick" not in choice.comparators
    assert any(left.reason.startswith("recording break in 2015") for left in choice.left_out)
    assert choice.set_aside == ("Fennick",)
    for there in (False, True):
        cells = did_cells(panel, choice, design, include_breaks=there)
        assert ("Fennick" in cells["authority"].values) == there
    assert (
        not did_cells(panel, choice, design, include_breaks=True, leave_out=["Fennick"])
        .where(lambda cells: cells["authority"] == "Fennick", drop=True)
        .sizes["cell"]
    )


@pytest.mark.parametrize("name", ["Northmere", "Ottersby", "Ashmere"])
def test_only_what_a_break_alone_keeps_out_is_set_aside(
    panel: Panel, analysis: OpenAnalysis, name: str
) -> None:
    declared = RecordingBreak(authority=name, year=2015, why=WHY)
    design = replace(analysis.design, recording_breaks=(declared,))
    assert choose_comparators(panel, design).set_aside == ()


def test_a_break_sets_nobody_aside_where_comparators_are_matched(
    panel: Panel, analysis: OpenAnalysis
) -> None:
    # Dunmarsh, a pilot, has one year before settling-in, and no trend to be matched on.
    declared = tuple(
        RecordingBreak(authority=name, year=2015, why=WHY) for name in ("Fennick", "Dunmarsh")
    )
    rule = replace(analysis.design.comparators, rule="pre-trend", per_pilot=1)
    design = replace(analysis.design, recording_breaks=declared, comparators=rule)
    choice = choose_comparators(panel, design)
    assert choice.set_aside == () and "Fennick" not in choice.comparators


# ------------------------------------------------------------------- rule: pre-trend


@settings(max_examples=30, deadline=None)
@given(world=worlds(), match_on=st.sampled_from(["trend", "level and trend"]))
def test_distances_are_those_of_the_definition(world: Panel, match_on: str) -> None:
    years = (2012, 2013, 2014)
    found = distances(world, "P", list("abcdef"), years, match_on=match_on)  # type: ignore[arg-type]
    for name, distance in zip("abcdef", found, strict=True):
        gaps = []
        for year in years:
            paths = []
            for authority in ("P", name):
                cell = world.counts.sel(authority=authority, year=year)
                e, n = float(cell["events"]), float(cell["denominator"])
                paths.append(math.log((e + 0.5) / (n - e + 0.5)))
            gaps.append(paths[0] - paths[1])
        mean = sum(gaps) / 3 if match_on == "trend" else 0.0
        expected = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / 3)
        assert distance == pytest.approx(expected, abs=ROUNDING)


@settings(max_examples=30, deadline=None)
@given(world=worlds(), per_pilot=st.integers(1, 5))
def test_with_reuse_each_pilot_gets_its_nearest(world: Panel, per_pilot: int) -> None:
    choice = choose_comparators(world, design_of("P", "Q", per_pilot=per_pilot))
    for pilot in ("P", "Q"):
        everyone = distances(world, pilot, choice.eligible, (2012, 2013, 2014), match_on="trend")
        mine = [match for match in choice.matches if match.pilot == pilot]
        assert [match.rank for match in mine] == list(range(1, per_pilot + 1))
        assert [match.distance for match in mine] == sorted(everyone)[:per_pilot]
    more = choose_comparators(world, design_of("P", "Q", per_pilot=per_pilot + 1))
    assert set(choice.comparators) <= set(more.comparators)


@settings(max_examples=30, deadline=None)
@given(world=worlds(), per_pilot=st.integers(1, 3))
def test_without_reuse_each_comparator_serves_once(world: Panel, per_pilot: int) -> None:
    choice = choose_comparators(world, design_of("P", "Q", per_pilot=per_pilot, reuse=False))
    served = [match.comparator for match in choice.matches]
    assert len(served) == len(set(served)) == 2 * per_pilot
    shared = choose_comparators(world, design_of("P", "Q", per_pilot=per_pilot))
    nearest = min(shared.matches, key=lambda match: match.distance)
    assert replace(nearest, rank=1) in choice.matches  # the smallest distance goes first


@settings(max_examples=20, deadline=None)
@given(world=worlds(), seed=st.integers(0, 2**32 - 1), reuse=st.booleans())
def test_order_of_rows_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, world: Panel, seed: int, reuse: bool
) -> None:
    path = tmp_path_factory.mktemp("rows") / "panel.csv"
    head, *lines = panel_text(world).splitlines(keepends=True)
    np.random.default_rng(seed).shuffle(lines)
    path.write_text(head + "".join(lines), encoding="utf-8")
    counts = OpenCounts(events="e", denominator="d", first_year=2012, last_year=2016)
    shuffled = read_panel([path], counts)
    design = design_of("Q", "P", per_pilot=2, reuse=reuse)
    choice = choose_comparators(world, design)
    assert choose_comparators(shuffled, design) == choice
    cells, others = (
        did_cells(each, choice, design, include_breaks=True) for each in (world, shuffled)
    )
    assert cells.identical(others)


TWINS = {
    "P": [(10.0, 100.0), (20.0, 100.0), (30.0, 100.0), (30.0, 100.0), (30.0, 100.0)],
    "z twin": [(10.0, 100.0), (20.0, 100.0), (30.0, 100.0), (90.0, 100.0), (1.0, 100.0)],
    "a twin": [(10.0, 100.0), (20.0, 100.0), (30.0, 100.0), (5.0, 100.0), (99.0, 100.0)],
    "level": [(20.0, 100.0), (20.0, 100.0), (20.0, 100.0), (30.0, 100.0), (30.0, 100.0)],
    "Q": [(70.0, 100.0), (60.0, 100.0), (50.0, 100.0), (30.0, 100.0), (30.0, 100.0)],
}


def test_equal_distances_go_by_name_and_years_after_have_no_part() -> None:
    choice = choose_comparators(panel_of(TWINS), design_of("P", "Q", per_pilot=2))
    mine = [match for match in choice.matches if match.pilot == "P"]
    assert [(match.comparator, match.distance) for match in mine] == [
        ("a twin", 0.0),
        ("z twin", 0.0),
    ]


def test_level_counts_only_where_asked_for() -> None:
    # The odds of one are exactly twice the pilot's (after adding halves), of the other near.
    counts = {
        "P": [(99.5, 499.5), (199.5, 699.5), (99.5, 499.5), (5.0, 10.0), (5.0, 10.0)],
        "Q": [(99.5, 499.5), (199.5, 699.5), (99.5, 499.5), (5.0, 10.0), (5.0, 10.0)],
        "parallel": [(199.5, 599.5), (399.5, 899.5), (199.5, 599.5), (5.0, 10.0), (5.0, 10.0)],
        "near": [(110.0, 500.0), (190.0, 700.0), (90.0, 500.0), (5.0, 10.0), (5.0, 10.0)],
    }
    by = {
        rule: choose_comparators(panel_of(counts), design_of("P", "Q", match_on=rule))
        for rule in ("trend", "level and trend")
    }
    assert by["trend"].comparators == ("parallel",)
    assert by["level and trend"].comparators == ("near",)
    assert by["trend"].matches[0].distance == pytest.approx(0, abs=ROUNDING)


def test_a_pilot_with_a_declared_break_is_not_matched() -> None:
    choice = choose_comparators(panel_of(TWINS), design_of("P", "Q", breaks=("Q",)))
    assert [pilot.authority for pilot in choice.unmatched] == ["Q"]
    assert {match.pilot for match in choice.matches} == {"P"}
    assert choice.comparators_of(["Q"]) == choice.comparators == ("a twin",)
    with pytest.raises(BadInput, match="every pilot"):
        choose_comparators(panel_of(TWINS), design_of("P", "Q", breaks=("P", "Q")))


# ------------------------------------------------------------------- what is refused


def with_gaps(*years: int) -> Panel:
    gaps = [
        (math.nan, math.nan) if year in years else cell
        for year, cell in enumerate(TWINS["P"], 2012)
    ]
    return panel_of({**TWINS, "P": gaps})


def test_a_pilot_without_years_before_or_after_is_refused() -> None:
    for rule in ("all", "pre-trend"):
        design = design_of("P", "Q", rule=rule)
        with pytest.raises(BadInput, match="P: found no year before settling-in"):
            choose_comparators(with_gaps(2012, 2013, 2014), design, file="a.toml")
        with pytest.raises(BadInput, match=r"^a\.toml: .*no year after settling-in"):
            choose_comparators(with_gaps(2016), design, file="a.toml")


def test_a_single_year_before_has_no_trend() -> None:
    design = design_of("P", "Q")
    with pytest.raises(BadInput, match=r"P: found 2014 alone.*rule = \"all\".*recording_breaks"):
        choose_comparators(with_gaps(2012, 2013), design)
    assert choose_comparators(with_gaps(2012, 2013), design_of("P", "Q", rule="all"))
    assert choose_comparators(with_gaps(2012, 2013), design_of("P", "Q", breaks=("P",)))


def test_unknown_authorities_are_refused_with_near_names(
    panel: Panel, analysis: OpenAnalysis
) -> None:
    pilots = (replace(analysis.design.pilots[0], authority="Brackwater"), analysis.design.pilots[1])
    with pytest.raises(BadInput, match=r"design\.pilots.*did you mean Brackwater, City of"):
        choose_comparators(panel, replace(analysis.design, pilots=pilots))
    excluded = replace(
        analysis.design.comparators, exclude=(AuthorityNote(authority="Fenick", why=WHY),)
    )
    with pytest.raises(BadInput, match=r"exclude.*did you mean Fennick"):
        choose_comparators(panel, replace(analysis.design, comparators=excluded))
    declared = (RecordingBreak(authority="Dunmarch", year=2014, why=WHY),)
    with pytest.raises(BadInput, match=r"recording_breaks.*did you mean Dunmarsh"):
        choose_comparators(panel, replace(analysis.design, recording_breaks=declared))


def test_too_few_authorities_are_refused() -> None:
    world = panel_of(TWINS)
    with pytest.raises(BadInput, match="3 eligible authorities"):
        choose_comparators(world, design_of("P", "Q", per_pilot=4))
    with pytest.raises(BadInput, match=r"3 eligible authorities for 2 pilots.*reuse = true"):
        choose_comparators(world, design_of("P", "Q", per_pilot=2, reuse=False))
    alone = panel_of({name: TWINS[name] for name in ("P", "Q")})
    with pytest.raises(BadInput, match="0 eligible authorities"):
        choose_comparators(alone, design_of("P", "Q", rule="all"))


# ----------------------------------------------------------------------------- the fit


def test_fit_gives_rates_of_summed_counts(panel: Panel, analysis: OpenAnalysis) -> None:
    choice = choose_comparators(panel, analysis.design)
    pooled, *each = pre_trend_fit(panel, choice, analysis.design)
    assert pooled.target == POOLED
    assert pooled.pilots == ("Ashmere", "Brackwater, City of", "Coldharbour")
    assert [year.year for year in pooled.years] == [2012, 2013]
    assert [fit.target for fit in each] == list(choice.pilots)
    assert [year.year for year in each[2].years] == [2012, 2013, 2014]
    for year in pooled.years:
        rates = []
        for names in (pooled.pilots, choice.comparators):
            total = panel.counts.sel(authority=list(names), year=year.year).sum("authority")
            rates.append(float(total["events"] / total["denominator"]))
        assert (year.pilots, year.comparators) == pytest.approx(tuple(rates), abs=ROUNDING)
        assert year.gap == year.pilots - year.comparators
    # with everyone chosen, choosing has changed nothing
    assert all(fit.trend_gap == fit.trend_gap_all for fit in (pooled, *each))
    # a single year before has a gap, but no trend
    assert len(each[3].years) == 1 and each[3].trend_gap is None


def test_fit_keeps_a_declared_break_only_if_the_headline_does() -> None:
    design = design_of("P", "Q", breaks=("Q",))
    choice = choose_comparators(panel_of(TWINS), design)
    assert pre_trend_fit(panel_of(TWINS), choice, design)[0].pilots == ("P",)
    kept = replace(design, breaks_in_headline=True)
    assert pre_trend_fit(panel_of(TWINS), choice, kept)[0].pilots == ("P", "Q")
    none = replace(design, recording_breaks=design_of("P", "Q", breaks=("P", "Q")).recording_breaks)
    assert pre_trend_fit(panel_of(TWINS), choice, none)[0].years == ()


@settings(max_examples=20, deadline=None)
@given(world=worlds())
def test_one_comparator_s_trend_gap_is_its_distance(world: Panel) -> None:
    design = design_of("P", "Q")
    choice = choose_comparators(world, design)
    _, *each = pre_trend_fit(world, choice, design)
    for fit, match in zip(each, choice.matches, strict=True):
        assert fit.target == match.pilot
        assert fit.trend_gap == pytest.approx(match.distance, abs=ROUNDING)


# --------------------------------------------------------------------------- the cells


def test_cells_leave_out_settling_in_and_count_years_since(
    panel: Panel, analysis: OpenAnalysis
) -> None:
    choice = choose_comparators(panel, analysis.design)
    cells = did_cells(panel, choice, analysis.design, include_breaks=False)
    frame = cells.to_dataframe()
    assert list(dict.fromkeys(frame["authority"])) == [*choice.pilots[:3], *choice.comparators]
    pilot = frame[frame["authority"] == "Coldharbour"]
    assert pilot["year"].tolist() == [2012, 2013, 2014, 2017, 2018]
    assert pilot["years_since"].tolist() == [-3, -2, -1, 0, 1]
    assert pilot["period"].tolist() == ["pre"] * 3 + ["post"] * 2
    others = frame[~frame["is_pilot"]]
    assert len(others) == 7 * len(choice.comparators)
    assert set(others["period"]) == {"none"} and others["years_since"].isna().all()
    for cell in frame.itertuples():
        source = panel.counts.sel(authority=cell.authority, year=cell.year)
        assert cell.events == float(source["events"])
        assert cell.denominator == float(source["denominator"]) >= cell.events


def test_cells_keep_a_declared_break_only_if_asked(panel: Panel, analysis: OpenAnalysis) -> None:
    choice = choose_comparators(panel, analysis.design)
    frame = did_cells(panel, choice, analysis.design, include_breaks=True).to_dataframe()
    assert frame.loc[frame["authority"] == "Dunmarsh", "year"].tolist() == [2013, 2016, 2017, 2018]


def test_with_a_pilot_go_the_comparators_it_alone_had() -> None:
    world = panel_of(TWINS)
    design = design_of("P", "Q")
    choice = choose_comparators(world, design)
    assert [match.comparator for match in choice.matches] == ["a twin", "level"]
    cells = did_cells(world, choice, design, leave_out=["Q"], include_breaks=True)
    assert list(dict.fromkeys(cells["authority"].values)) == ["P", "a twin"]
    cells = did_cells(world, choice, design, leave_out=["a twin"], include_breaks=True)
    assert list(dict.fromkeys(cells["authority"].values)) == ["P", "Q", "level"]
    with pytest.raises(BadInput, match=r"leave_out: found 'a twim' \(did you mean a twin"):
        did_cells(world, choice, design, leave_out=["a twim"], include_breaks=True)
    for everyone in (["P", "Q"], ["a twin", "level"]):
        with pytest.raises(BadInput, match="at least one of each"):
            did_cells(world, choice, design, leave_out=everyone, include_breaks=True)


def effects_of(panel: Panel, choice: Choice, design: OpenDesign) -> list[float]:
    """Each pilot's change in log-odds, less the comparators' over the same years."""
    frame = did_cells(panel, choice, design, include_breaks=False).to_dataframe()
    frame["path"] = log_odds(
        frame["events"].to_numpy(dtype=float), frame["denominator"].to_numpy(dtype=float)
    )
    others = frame[~frame["is_pilot"]].groupby("year")["path"].mean()
    effects = []
    for _, mine in frame[frame["is_pilot"]].groupby("authority"):
        gap = mine.set_index("year")["path"] - others
        post = mine.set_index("year")["period"] == "post"
        gap = gap.loc[post.index]
        effects.append(float(gap[post].mean() - gap[~post].mean()))
    return effects


def test_the_planted_effect_is_in_the_cells(panel: Panel, analysis: OpenAnalysis) -> None:
    truth = json.loads((DATA / "truth.json").read_text(encoding="utf-8"))
    choice = choose_comparators(panel, analysis.design)
    mean = float(np.mean(effects_of(panel, choice, analysis.design)))
    assert mean == pytest.approx(truth["effect_logit"], abs=PLANTED_EFFECT)


def test_authorities_without_an_effect_show_none(panel: Panel, analysis: OpenAnalysis) -> None:
    design = analysis.design
    placebo = ("Ellerwick", "Garrowdale", "Larkhaven")
    untreated = replace(
        design,
        pilots=tuple(
            replace(pilot, authority=name)
            for pilot, name in zip(design.pilots, placebo, strict=False)
        ),
        comparators=replace(
            design.comparators,
            exclude=tuple(AuthorityNote(authority=p.authority, why=WHY) for p in design.pilots),
        ),
        recording_breaks=(),
    )
    choice = choose_comparators(panel, untreated)
    assert abs(float(np.mean(effects_of(panel, choice, untreated)))) < PLANTED_EFFECT


# -------------------------------------------------------------------------- the models


@pytest.mark.parametrize(
    "name",
    [
        *("icpc-open-data", "icpc-open-data-matched", "icpc-open-data-referrals"),
        *("cla-open-data", "cla-open-data-2012", "cla-open-data-matched"),
    ],
)
def test_bundled_analyses_load(name: str) -> None:
    analysis = load(MODELS / f"{name}.toml")
    assert isinstance(analysis, OpenAnalysis)
    assert analysis.name == name
    assert [pilot.wave for pilot in analysis.design.pilots] == [1] * 10
    assert {pilot.settling_in for pilot in analysis.design.pilots} == {(2014, 2015)}
    assert not analysis.design.breaks_in_headline
    assert set(analysis.effect_priors) == {"reference", "sceptical", "enthusiastic", "pessimistic"}


REAL = os.environ.get("SOFS_BAYES_OPEN_DATA", "")


@pytest.mark.parametrize(
    ("name", "comparators", "years"),
    [("cla-open-data", 133, 10), ("cla-open-data-2012", 134, 7), ("cla-open-data-matched", 19, 10)],
)
def test_entry_to_care_has_its_comparators(name: str, comparators: int, years: int) -> None:
    analysis = load(MODELS / f"{name}.toml")
    assert isinstance(analysis, OpenAnalysis)
    bundled = read_panel((), analysis.data)
    choice = choose_comparators(bundled, analysis.design)
    assert len(choice.comparators) == comparators
    assert not {"Bexley", "Kent", "Croydon"} & {*choice.comparators}
    cells = did_cells(bundled, choice, analysis.design, include_breaks=False)
    assert cells.sizes["cell"] == 10 * (years - 2) + years * comparators


@pytest.mark.skipif(not REAL, reason="SOFS_BAYES_OPEN_DATA names no folder of DfE files")
@pytest.mark.parametrize(
    ("name", "comparators"),
    [("icpc-open-data", 137), ("icpc-open-data-matched", 17), ("icpc-open-data-referrals", 137)],
)
def test_bundled_analyses_on_the_real_files(name: str, comparators: int) -> None:
    analysis = load(MODELS / f"{name}.toml")
    assert isinstance(analysis, OpenAnalysis)
    real = read_panel(sorted(Path(REAL).glob("*.csv")), analysis.data)
    choice = choose_comparators(real, analysis.design)
    assert len(choice.comparators) == comparators
    assert "Bexley" not in choice.comparators
    cells = did_cells(real, choice, analysis.design, include_breaks=False)
    assert cells.sizes["cell"] == 9 * 5 + 7 * comparators
    pooled = pre_trend_fit(real, choice, analysis.design)[0]
    assert pooled.trend_gap is not None and pooled.trend_gap_all is not None
    assert pooled.trend_gap <= pooled.trend_gap_all
    assert all(a.year < b.year for a, b in pairwise(pooled.years))


def test_years_in_which_all_settle_in_need_no_counts(tmp_path: Path) -> None:
    """A panel without rows of 2015, and one with an oddity there, are the same."""
    document = tomllib.loads((DATA / "made-up.toml").read_text("utf-8"))
    document["data"] |= {"years_without_counts": [2015]}
    analysis = parse(document, file="made up")
    assert isinstance(analysis, OpenAnalysis)
    all_years = replace(analysis.data, years_without_counts=None)
    given = panel_text(read_panel(sorted(DATA.glob("*.csv")), all_years))
    lines = given.splitlines()
    gone = [line for line in lines if ",2015," not in line]
    assert len(gone) < len(lines)
    panels = []
    for name, text in (("with", lines), ("without", gone)):
        file = tmp_path / f"{name}.csv"
        file.write_text("\n".join(text) + "\n", encoding="utf-8")
        panels.append(read_panel([file], analysis.data))
    one, other = (
        did_cells(p, choose_comparators(p, analysis.design), analysis.design, include_breaks=True)
        for p in panels
    )
    assert one.identical(other)
    assert 2015 not in one["year"].values and 2014 in one["year"].values
    with pytest.raises(BadInput, match="column year: found no row of 2015"):
        read_panel([tmp_path / "without.csv"], all_years)


def test_a_year_in_which_a_pilot_is_counted_has_counts() -> None:
    document = tomllib.loads((DATA / "made-up.toml").read_text("utf-8"))
    document["data"] |= {"years_without_counts": [2014]}  # Coldharbour settles in from 2015
    with pytest.raises(BadSpec, match=r"every pilot is settling in \(2014 is none\)"):
        parse(document, file="made up")
