"""An analysis file is read strictly; its fingerprint depends on what it says, not on how."""

import copy
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from sofs_bayes import spec
from sofs_bayes.errors import BadInput, BadSpec
from sofs_bayes.spec import (
    OpenAnalysis,
    PrintedAnalysis,
    bundled_models,
    fingerprint,
    load,
    parse,
    to_document,
)

Document = dict[str, Any]
Change = Callable[[Document], object]

MADE_UP = Path(__file__).parent / "data" / "dfe" / "made-up.toml"
FILES = {**bundled_models(), "made-up": MADE_UP}
FILE = "analysis.toml"


def document(name: str) -> Document:
    return tomllib.loads(FILES[name].read_text(encoding="utf-8"))


def faults(name: str, *changes: Change) -> list[str]:
    """The lines said about an analysis that was changed in these ways."""
    changed = document(name)
    for change in changes:
        change(changed)
    with pytest.raises(BadSpec) as raised:
        parse(changed, file=FILE)
    lines = str(raised.value).splitlines()
    assert [str(fault) for fault in raised.value.faults] == lines
    return lines


def put(place: str, value: object) -> Change:
    """A change: this value at this place, as "design.pilots.0.wave"."""

    def change(changed: Document) -> None:
        *path, last = [int(part) if part.isdigit() else part for part in place.split(".")]
        for part in path:
            changed = changed[part]  # type: ignore[index]
        changed[last] = value  # type: ignore[index]

    return change


def drop(place: str) -> Change:
    """A change: nothing at this place."""

    def change(changed: Document) -> None:
        *path, last = [int(part) if part.isdigit() else part for part in place.split(".")]
        for part in path:
            changed = changed[part]  # type: ignore[index]
        del changed[last]  # type: ignore[arg-type]

    return change


# ------------------------------------------------------------------------------ loading


@pytest.mark.parametrize("name", FILES)
def test_every_bundled_analysis_loads_under_its_name(name: str) -> None:
    analysis = load(FILES[name])
    assert analysis.name == name
    assert isinstance(analysis, spec.files.KINDS[analysis.kind])
    if name != "made-up":
        assert load(name) == analysis


def test_there_is_an_analysis_of_each_kind() -> None:
    assert {load(name).kind for name in bundled_models()} == {
        "printed",
        "open data",
        "children",
        "hierarchical",
    }


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match=r"icpc-prined: found no such analysis.*icpc-printed"):
        load("icpc-prined")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.toml: found no such file"):
        load(tmp_path / "none.toml")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="found a folder; allowed: a TOML file"):
        load(tmp_path)


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "latin.toml"
    file.write_bytes('title = "Café"\n'.encode("latin-1"))
    with pytest.raises(BadInput, match=r"latin\.toml: byte 12: found not UTF-8"):
        load(file)


def test_what_is_no_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "broken.toml"
    file.write_text('kind = "printed"\nname = \n', encoding="utf-8")
    with pytest.raises(BadInput, match=r"broken\.toml: found not TOML \(.*line 2"):
        load(file)


@pytest.mark.parametrize("kind", ["posterior", 3, ["printed"], None])
def test_an_unknown_kind_is_refused(kind: object) -> None:
    changes = [drop("kind")] if kind is None else [put("kind", kind)]
    kinds = "'printed' or 'open data' or 'children' or 'hierarchical'"
    assert faults("made-up", *changes) == [f"{FILE}: kind: found {kind!r}; allowed: {kinds}"]


# ------------------------------------------------------------------- one fault at a time

OPEN_FAULTS: list[tuple[Change, str, str]] = [
    # what is changed, where it is said to be, what is said
    (put("foo", 1), "foo", "an unknown key"),
    (put("sampler.drawz", 1), "sampler.drawz", "an unknown key (did you mean draws?)"),
    (
        put("design.pilots.1.waev", 1),
        "design.pilots.1.waev",
        "(did you mean wave?); allowed: authority, wave, settling_in",
    ),
    (
        put("effect_priors.reference.maen", 1.0),
        "effect_priors.reference.maen",
        "(did you mean mean?); allowed: mean, sd, why",
    ),
    (
        put("estimands.statements.0.abov", 1.0),
        "estimands.statements.0.abov",
        "(did you mean above?); allowed: scale, above, below, within",
    ),
    (drop("priors.year.why"), "priors.year.why", "found nothing; allowed: why must be given"),
    (drop("design"), "design", "found nothing; allowed: design must be given"),
    (put("priors.year.why", "so"), "priors.year.why", "at least 10 characters"),
    (put("priors.year.sd", "0.5"), "priors.year.sd", "found '0.5'; allowed: a number"),
    (put("priors.year.sd", 0.0), "priors.year.sd", "found 0.0; allowed: greater than 0"),
    (put("priors.year.sd", True), "priors.year.sd", "a number"),
    (put("priors.year.mean", float("nan")), "priors.year.mean", "a finite number"),
    (put("priors.year.mean", float("inf")), "priors.year.mean", "a finite number"),
    (put("sampler.draws", 500.5), "sampler.draws", "a whole number"),
    (put("sampler.chains", 1), "sampler.chains", "greater than or equal to 2"),
    (put("sampler.name", "gibbs"), "sampler.name", "found 'gibbs'; allowed: 'nutpie'"),
    (put("model.shocks", "some"), "model.shocks", "'persistent', 'independent' or 'none'"),
    (put("design", 3), "design", "found 3"),
    (put("title", 3), "title", "text"),
    (put("effect_priors", {}), "effect_priors", "at least 1 item"),
    (put("design.comparators.reuse", "yes"), "design.comparators.reuse", "true or false"),
    (put("data.last_year", 2012), "data", "allowed: first_year before last_year"),
    (put("data.jump_factor", 1.0), "data.jump_factor", "greater than 1"),
    (put("estimands.level", 1.0), "estimands.level", "less than 1"),
    (put("estimands.statements", []), "estimands.statements", "at least 1 item"),
    (
        put("estimands.statements.0.above", 0.1),
        "estimands.statements.0",
        "allowed: exactly one of above, below, within",
    ),
    (
        drop("estimands.statements.0.below"),
        "estimands.statements.0",
        "allowed: exactly one of above, below, within",
    ),
    (
        put("estimands.statements", [{"scale": "risk", "within": [0.1, 0.1]}]),
        "estimands.statements.0",
        "allowed: within = [lower, upper] with lower < upper",
    ),
    (
        put("estimands.statements", [{"scale": "risk", "within": [0.1]}]),
        "estimands.statements.0.within.1",
        "found nothing; allowed: a value must be given",
    ),
    (
        put("design.pilots.0.settling_in", [2012, 2014]),
        "the whole file",
        "Ashmere with settling-in after 2012 (a year before it is needed)",
    ),
    (
        put("design.pilots.0.settling_in", [2015, 2018]),
        "the whole file",
        "Ashmere with settling-in ending before 2018 (a year after it is needed)",
    ),
    (
        put("design.pilots.0.settling_in", [2015, 2014]),
        "design.pilots.0",
        "settling_in = [first, last] with first <= last",
    ),
    (
        put("design.pilots.0.settling_in", [2014, 2015, 2016]),
        "design.pilots.0.settling_in",
        "at most 2 items",
    ),
    (
        put("design.pilots.3.authority", "Ashmere"),
        "the whole file",
        "design.pilots: each authority once",
    ),
    (
        put("design.comparators.exclude.0.authority", "Coldharbour"),
        "the whole file",
        "design.comparators.exclude: no pilot (Coldharbour is one)",
    ),
]

PRINTED_FAULTS: list[tuple[Change, str, str]] = [
    (put("design.pilot_shares", [0.5, 0.5]), "design", "pilot_shares: 6 shares that sum to 1"),
    (put("design.pilot_shares", [0.1] * 6), "design", "pilot_shares: 6 shares that sum to 1"),
    (
        put("design.comparator_shares", [0.5, 0.2, 0.2, 0.05, 0.06]),
        "design",
        "comparator_shares: 5 shares that sum to 1",
    ),
    (
        put("design.pilot_shares", [0.6, 0.1, 0.0, 0.1, 0.1, 0.1]),
        "design.pilot_shares.2",
        "greater than 0",
    ),
    (drop("from_table"), "the whole file", "exactly one of [from_table] and [as_printed]"),
    (
        put("as_printed", {"source": "a study", "pilot": "1.0", "did": "1.0"}),
        "the whole file",
        "exactly one of [from_table] and [as_printed]",
    ),
    (put("from_table.colum", "Linear model"), "from_table.colum", "did you mean column?"),
    (put("from_table.table", 3), "from_table.table", "greater than or equal to 5"),
    (drop("readings.0.why"), "readings.0.why", "found nothing; allowed: why must be given"),
    (put("readings", []), "readings", "at least 1 item"),
    (
        put("critical_values.star_levels", [0.01, 0.1]),
        "critical_values",
        "star_levels from one star (largest p) to most stars (smallest p)",
    ),
    (
        put("critical_values.distribution", "t"),
        "critical_values",
        'df with distribution = "t", and only with it',
    ),
    (
        put("critical_values.df", 10.0),
        "critical_values",
        'df with distribution = "t", and only with it',
    ),
    (
        put("estimands.statements.0.scale", "odds ratio"),
        "the whole file",
        'statements on the scale "risk" where design.scale = "risk"',
    ),
    (put("sensitivity.correlation", [[1.0]]), "sensitivity.correlation.0.1", "found nothing"),
]


@pytest.mark.parametrize(("change", "place", "said"), OPEN_FAULTS)
def test_a_fault_is_one_line_with_file_place_found_and_allowed(
    change: Change, place: str, said: str
) -> None:
    [line] = faults("made-up", change)
    assert line.startswith(f"{FILE}: {place}: found ")
    assert "; allowed: " in line
    assert said in line


@pytest.mark.parametrize(("change", "place", "said"), PRINTED_FAULTS)
def test_a_fault_of_a_printed_analysis_is_one_line(change: Change, place: str, said: str) -> None:
    [line] = faults("icpc-printed", change)
    assert line.startswith(f"{FILE}: {place}: found ")
    assert said in line


def test_readings_must_have_names_of_their_own() -> None:
    def twice(changed: Document) -> None:
        changed["readings"].append(changed["readings"][0])

    [line] = faults("icpc-printed", twice)
    assert "readings with different names" in line


def test_stars_of_another_column_need_a_table() -> None:
    rows = {"source": "a study", "pilot": "0.1", "did": "0.1*"}
    [line] = faults(
        "icpc-printed",
        drop("from_table"),
        put("as_printed", rows),
        put("readings.0.stars_from", "another column"),
    )
    assert "stars_from only with [from_table]" in line


def test_all_faults_are_named_at_once() -> None:
    lines = faults(
        "made-up",
        put("foo", 1),
        drop("priors.year.why"),
        put("sampler.chains", 1),
        put("data.first_year", 2018),
        put("design.pilots.1.waev", 1),
        put("estimands.statements.0.scale", "points"),
    )
    places = {line.split(": ")[1] for line in lines}
    assert places == {
        "foo",
        "priors.year.why",
        "sampler.chains",
        "data",
        "design.pilots.1.waev",
        "estimands.statements.0.scale",
    }
    assert len(lines) == len(places)


def test_an_array_is_called_short_only_if_it_is() -> None:
    def one_faulty_pilot(changed: Document) -> None:
        changed["design"]["pilots"] = changed["design"]["pilots"][:1]
        changed["design"]["pilots"][0]["wave"] = 0

    lines = faults("made-up", one_faulty_pilot)
    assert [line.split(": ")[1] for line in lines] == ["design.pilots.0.wave", "design.pilots"]
    [line] = faults("made-up", put("estimands.statements.0.scale", "points"))
    assert "estimands.statements.0.scale" in line


SCALARS = (
    st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.dates()
    | st.datetimes()
    | st.times()
)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(), SCALARS, max_size=3)


@given(data=st.data(), name=st.sampled_from(["made-up", "cla-printed"]), value=VALUES)
@settings(max_examples=300, deadline=None)
def test_whatever_stands_at_a_place_is_read_or_refused_there(
    data: st.DataObject, name: str, value: object
) -> None:
    changed = document(name)
    path, _ = data.draw(st.sampled_from(leaves(changed)))
    target: Any = changed
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    try:
        parse(changed, file=FILE)
    except BadSpec as error:
        top = str(path[0])
        assert all(f.place == "the whole file" or f.place.startswith(top) for f in error.faults)


# -------------------------------------------------------------------------- fingerprints


def shuffled(value: Any, order: Callable[[list[str]], list[str]]) -> Any:
    """The same document with the keys of every table in another order.

    That of the effect priors stays: the first of them is the headline's.
    """
    if isinstance(value, dict):
        keys = list(value) if "reference" in value else order(list(value))
        return {key: shuffled(value[key], order) for key in keys}
    if isinstance(value, list):
        return [shuffled(item, order) for item in value]
    return value


@pytest.mark.parametrize("name", FILES)
def test_an_analysis_survives_being_written_and_read(name: str, tmp_path: Path) -> None:
    analysis = load(FILES[name])
    file = tmp_path / "again.toml"
    file.write_text(tomli_w.dumps(to_document(analysis)), encoding="utf-8")
    again = load(file)
    assert again == analysis
    assert fingerprint(again) == fingerprint(analysis)


@given(data=st.data(), name=st.sampled_from(sorted(FILES)))
@settings(max_examples=30, deadline=None)
def test_the_fingerprint_does_not_depend_on_the_order_of_keys(
    data: st.DataObject, name: str
) -> None:
    order = shuffled(document(name), lambda keys: data.draw(st.permutations(keys)))
    again = tomllib.loads(tomli_w.dumps(order))
    assert fingerprint(parse(again, file=FILE)) == fingerprint(load(FILES[name]))


def test_the_fingerprint_does_not_depend_on_spacing_or_comments(tmp_path: Path) -> None:
    lines = MADE_UP.read_text(encoding="utf-8").splitlines()
    file = tmp_path / "spaced.toml"
    spaced = (f"{line.replace(' = ', '   =  ', 1)}  # {i}\n\n" for i, line in enumerate(lines))
    file.write_text("# a comment\n" + "".join(spaced), encoding="utf-8")
    assert fingerprint(load(file)) == fingerprint(load(MADE_UP))


def test_what_tables_call_an_analysis_is_no_part_of_its_fingerprint() -> None:
    analysis = load(bundled_models()["icpc-printed"])
    assert isinstance(analysis, PrintedAnalysis)
    assert analysis.called == analysis.short == "Conferences, printed main model"
    nameless = replace(analysis, short=None)
    assert nameless.called == analysis.title
    assert fingerprint(nameless) == fingerprint(analysis)
    assert fingerprint(replace(analysis, title="Another")) != fingerprint(analysis)


def test_a_default_that_is_written_out_changes_nothing() -> None:
    written = document("made-up")
    assert "target_accept" not in written["sampler"]
    written["sampler"]["target_accept"] = 0.9
    assert fingerprint(parse(written, file=FILE)) == fingerprint(load(MADE_UP))


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, item in items:
        here = (*path, key)
        found += leaves(item, here) if isinstance(item, dict | list) else [(here, item)]
    return found


def another(value: Any) -> Any:
    """A value of the same type that differs a little."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return f"{value} (changed)"
    return value + 1 if isinstance(value, int) else value + 1e-9


@pytest.mark.parametrize("name", ["made-up", "icpc-printed", "cla-printed"])
def test_the_fingerprint_changes_with_any_value(name: str) -> None:
    known = to_document(load(FILES[name]))
    seen = {fingerprint(load(FILES[name]))}
    tried = 0
    for path, value in leaves(known):
        if path == ("short",):  # what tables call it
            continue
        changed = copy.deepcopy(known)
        target: Any = changed
        for part in path[:-1]:
            target = target[part]
        target[path[-1]] = another(value)
        try:
            analysis = parse(changed, file=FILE)
        except BadSpec:  # a closed list of words, or a value that must fit another
            continue
        tried += 1
        found = fingerprint(analysis)
        assert found not in seen, path
        seen.add(found)
    assert tried > 50


# --------------------------------------------------------------------- parts of an analysis


def test_a_changed_part_is_checked_as_a_file_would_be() -> None:
    analysis = load(MADE_UP)
    assert isinstance(analysis, OpenAnalysis)
    changed = spec.changed(analysis.data, {"last_year": 2017}, file="--years")
    assert (changed.last_year, analysis.data.last_year) == (2017, 2018)
    with pytest.raises(BadSpec, match="--years: the whole file: found a contradiction"):
        spec.changed(analysis.data, {"last_year": 2012}, file="--years")


def test_another_column_takes_its_stars_along() -> None:
    analysis = load("cla-printed")
    assert isinstance(analysis, PrintedAnalysis)
    other = spec.with_rows(analysis, column="Logistic regression - not clustered")
    assert other.from_table is not None
    assert other.from_table.column == "Logistic regression - not clustered"
    named = {reading.stars_from for reading in other.readings} - {None}
    assert named == {"Logistic regression - not clustered"}
    assert other.title.endswith("[Logistic regression - not clustered]")
    assert spec.with_rows(analysis) is analysis
    assert fingerprint(other) != fingerprint(analysis)


def test_rows_of_a_table_cannot_be_changed_without_a_table() -> None:
    changed = document("icpc-printed")
    del changed["from_table"]
    changed["as_printed"] = {"source": "a study", "pilot": "0.1", "did": "0.1*"}
    analysis = parse(changed, file=FILE)
    assert isinstance(analysis, PrintedAnalysis)
    with pytest.raises(BadInput, match="from_table"):
        spec.with_rows(analysis, column="another")


# ------------------------------------------------------------------- children's records


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("records.columns.outcome_flag", "icpc"), "exactly one of outcome_date, outcome_flag"),
        (put("records.window.months", 3), "exactly one of days, months"),
        (put("records.years", [2013, 2012]), "years: in order, each once"),
        (put("records.covariates.0.reference", "unborn"), "reference: one of the levels"),
        (put("records.covariates.0.missing_codes", ["1"]), "each code once"),
        (put("records.covariates.0.name", "age"), "each name once"),
        (put("records.covariates.1.lowest", 30.0), "lowest < highest"),
        (put("records.covariates.0.kind", "text"), "records.covariates.0"),
        (put("matching.exact", ["gender", "age"]), "age is a number, to be cut"),
        (put("matching.cuts", {"gender": [1.0]}), "gender has levels"),
        (put("matching.cuts", {"age": [12.5, 4.5]}), "ascending, each once"),
        (put("matching.balance", ["height"]), "height is none"),
        (put("regressions.covariates", ["height"]), "height is none"),
        (put("regressions.authority_covariates", ["wealth"]), "wealth is none"),
        (put("regressions.unscaled", ["wealth"]), "wealth is none"),
        (put("regressions.columns", []), "regressions.columns"),
    ],
)
def test_a_contradiction_in_an_analysis_of_children_is_named(change: Change, said: str) -> None:
    (line,) = faults("icpc-children", change)
    assert all(part in line for part in said.split(": "))


@pytest.mark.parametrize(
    ("place", "near"),
    [
        ("records.covariates.0.refrence", "reference"),  # levels
        ("records.covariates.1.lowst", "lowest"),  # a number
    ],
)
def test_an_unknown_key_of_a_covariate_is_answered_with_those_of_its_kind(
    place: str, near: str
) -> None:
    (line,) = faults("icpc-children", put(place, 1.0))
    assert f"an unknown key (did you mean {near}?); allowed: kind, name, column" in line


def test_two_regressions_of_one_name_are_refused() -> None:
    def twice(document: Document) -> None:
        columns = document["regressions"]["columns"]
        columns.append(dict(columns[0]))

    (line,) = faults("icpc-children", twice)
    assert "regressions.columns: each name once" in line


def test_the_order_of_covariates_is_part_of_what_a_file_says() -> None:
    first = document("icpc-children")
    other = copy.deepcopy(first)
    other["records"]["covariates"].reverse()
    assert fingerprint(parse(first, file=FILE)) != fingerprint(parse(other, file=FILE))
