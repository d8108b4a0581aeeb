"""Files of hierarchical analyses: what they embed, what they refuse, what the bundled ones say."""

import copy
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
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
    ChildrenAnalysis,
    HierarchicalAnalysis,
    Regression,
    bundled_models,
    fingerprint,
    load,
    parse,
    to_document,
)

Document = dict[str, Any]
Change = Callable[[Document], object]

FILE = "analysis.toml"
WHY = "for the sake of a test"


def loaded(name: str | Path) -> HierarchicalAnalysis:
    analysis = load(name)
    assert isinstance(analysis, HierarchicalAnalysis)
    return analysis


def children(name: str) -> ChildrenAnalysis:
    analysis = load(name)
    assert isinstance(analysis, ChildrenAnalysis)
    return analysis


BUNDLED = {
    name: analysis
    for name in bundled_models()
    if isinstance(analysis := load(name), HierarchicalAnalysis)
}
CHILDREN = {name: children(name) for name in ("icpc-children", "cla-children")}


def document(name: str) -> Document:
    return tomllib.loads(bundled_models()[name].read_text(encoding="utf-8"))


def put(place: str, value: object) -> Change:
    """A change: this value at this place, as "model.shocks"."""

    def change(changed: Document) -> None:
        *path, last = place.split(".")
        for part in path:
            changed = changed[part]
        changed[last] = value

    return change


def drop(place: str) -> Change:
    """A change: nothing at this place."""

    def change(changed: Document) -> None:
        *path, last = place.split(".")
        for part in path:
            changed = changed[part]
        del changed[last]

    return change


def changed(name: str, *changes: Change) -> Document:
    found = document(name)
    for change in changes:
        change(found)
    return found


def faults(name: str, *changes: Change) -> list[str]:
    """The lines said about an analysis that was changed in these ways."""
    with pytest.raises(BadSpec) as raised:
        parse(changed(name, *changes), file=FILE)
    return str(raised.value).splitlines()


def normal(sd: float = 1.0) -> Document:
    return {"mean": 0.0, "sd": sd, "why": WHY}


# --------------------------------------------------------------------- what is embedded


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_analysis_embeds_that_of_its_outcome(name: str) -> None:
    analysis = BUNDLED[name]
    embedded = f"{name.split('-', maxsplit=1)[0]}-children"
    assert analysis.name == name
    assert analysis.children == CHILDREN[embedded]
    assert analysis.outcome == analysis.children.outcome


def test_children_by_name_by_path_or_as_a_table_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_name = loaded("icpc-linear")
    as_table = parse(
        changed("icpc-linear", put("children", to_document(by_name.children))), file=FILE
    )
    (tmp_path / "models").mkdir()
    (tmp_path / "records").mkdir()
    own = tmp_path / "records" / "own.toml"
    own.write_bytes(bundled_models()["icpc-children"].read_bytes())
    beside = tmp_path / "models" / "linear.toml"
    by_path = changed("icpc-linear", put("children", "../records/own.toml"))
    beside.write_text(tomli_w.dumps(by_path), encoding="utf-8")
    monkeypatch.chdir(tmp_path / "records")  # paths start at the file, not at the working folder
    assert as_table == by_name == loaded(beside)
    assert fingerprint(as_table) == fingerprint(by_name) == fingerprint(loaded(beside))


@pytest.mark.parametrize("kind", ["icpc-printed", "icpc-open-data", "icpc-linear"])
def test_children_must_be_an_analysis_of_records(kind: str) -> None:
    assert faults("icpc-linear", put("children", kind)) == [
        f"{FILE}: children: found {kind!r}; allowed: an analysis of children's records"
    ]


def test_a_table_of_another_kind_is_refused() -> None:
    lines = faults("icpc-linear", put("children", to_document(load("icpc-printed"))))
    assert f"{FILE}: children.kind: found 'printed'; allowed: 'children'" in lines


def test_children_that_are_neither_text_nor_table_are_refused() -> None:
    assert faults("icpc-linear", put("children", 3)) == [
        f"{FILE}: children: found 3; allowed: an object"
    ]


def test_children_must_be_given() -> None:
    (line,) = faults("icpc-linear", drop("children"))
    assert line == f"{FILE}: children: found nothing; allowed: children must be given"


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (
            "ipc-children",
            r"ipc-children: found no such analysis \(did you mean icpc-children or cla-children",
        ),
        ("none.toml", r"none\.toml: found no such file"),
    ],
)
def test_children_that_are_nowhere_are_named(named: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        parse(changed("icpc-linear", put("children", named)), file=FILE)


def test_a_fault_of_the_children_is_said_of_the_file_it_is_in(tmp_path: Path) -> None:
    own = document("icpc-children")
    own["records"]["window"] = {"days": 0}
    (tmp_path / "own.toml").write_text(tomli_w.dumps(own), encoding="utf-8")
    with pytest.raises(BadSpec, match=r"own\.toml: records\.window\.days: found 0"):
        parse(changed("icpc-linear", put("children", "own.toml")), file=tmp_path / FILE)
    (line,) = faults("icpc-linear", put("children", own))
    assert line.startswith(f"{FILE}: children.records.window.days: found 0")


# -------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("icpc-linear", put("column", "Linear"), "column: one of Linear model, Lagged treatment"),
        (
            "icpc-linear",
            drop("priors.residual_sd"),
            "priors.residual_sd, and no priors.child_covariate, with a gaussian model",
        ),
        (
            "icpc-linear",
            put("priors.child_covariate", normal()),
            "priors.residual_sd, and no priors.child_covariate, with a gaussian model",
        ),
        (
            "icpc-linear",
            put("model.likelihood", "binomial logit"),
            "priors.child_covariate, and no priors.residual_sd, with a binomial logit model",
        ),
        (
            "cla-logistic",
            drop("priors.child_covariate"),
            "priors.child_covariate, and no priors.residual_sd, with a binomial logit model",
        ),
        (
            "cla-logistic",
            put("priors.residual_sd", {"scale": 0.5, "why": WHY}),
            "priors.child_covariate, and no priors.residual_sd, with a binomial logit model",
        ),
        (
            "icpc-lagged",
            put("model.years_since", "random walk"),
            "model.years_since: separate, unless column has leads and lags",
        ),
        (
            "icpc-linear",
            put("model.years_since", "exchangeable"),
            "model.years_since: separate, unless column has leads and lags",
        ),
        (
            "icpc-event-study",
            drop("priors.year_effect_sd"),
            "priors.year_effect_sd: a prior, where years since are pooled",
        ),
        (
            "icpc-ofsted",
            drop("priors.effect_modifier"),
            "priors.effect_modifier: a prior, for the interaction",
        ),
        (
            "icpc-quality",
            put("model.pilot_effects", "none"),
            "model.pilot_effects: partial or full, unless column has one effect",
        ),
    ],
)
def test_a_contradiction_is_named(name: str, change: Change, said: str) -> None:
    (line,) = faults(name, change)
    key, _, allowed = said.partition(": ")
    assert line.startswith((f"{FILE}: {key}: found ", f"{FILE}: the whole file: found "))
    assert allowed in line


@pytest.mark.parametrize(
    ("change", "place", "said"),
    [
        (put("model.tail", "normal"), "model.tail", "(did you mean tails?)"),
        (put("model.degrees_of_freedom", 2.0), "model.degrees_of_freedom", "greater than 2"),
        (put("model.weights", "none"), "model.weights", "'likelihood' or 'covariates'"),
        (drop("priors.departure.multiple"), "priors.departure.multiple", "must be given"),
        (put("priors.departure.multiple", 0.0), "priors.departure.multiple", "greater than 0"),
        (drop("priors.year.why"), "priors.year.why", "why must be given"),
        (put("effect_priors", {}), "effect_priors", "at least 1 item"),
        (drop("model.likelihood"), "model.likelihood", "likelihood must be given"),
    ],
)
def test_a_fault_is_one_line(change: Change, place: str, said: str) -> None:
    (line,) = faults("icpc-linear", change)
    assert line.startswith(f"{FILE}: {place}: found ")
    assert said in line


def test_a_prior_of_an_sd_is_half_normal_or_exponential() -> None:
    prior = {"mean": 0.05, "why": WHY}
    analysis = parse(changed("icpc-linear", put("priors.authority_sd", prior)), file=FILE)
    assert isinstance(analysis, HierarchicalAnalysis)
    assert analysis.priors.authority_sd == spec.Exponential(mean=0.05, why=WHY)


@pytest.mark.parametrize(
    ("prior", "said"),
    [
        ({"scal": 0.05, "why": WHY}, "scal: found an unknown key (did you mean scale?)"),
        ({"maen": 0.05, "why": WHY}, "maen: found an unknown key"),
        ({"mean": -0.05, "why": WHY}, "mean: found -0.05; allowed: greater than 0"),
        ({"scale": 0.05}, "why: found nothing; allowed: why must be given"),
    ],
)
def test_a_faulty_prior_of_an_sd_is_refused(prior: Document, said: str) -> None:
    lines = faults("icpc-linear", put("priors.authority_sd", prior))
    assert any(line.startswith(f"{FILE}: priors.authority_sd.{said}") for line in lines)


# -------------------------------------------------------- the same again, and its hash


@pytest.mark.parametrize("name", BUNDLED)
def test_an_analysis_written_out_whole_is_the_same(name: str, tmp_path: Path) -> None:
    file = tmp_path / "again.toml"
    file.write_text(tomli_w.dumps(to_document(BUNDLED[name])), encoding="utf-8")
    assert loaded(file) == BUNDLED[name]
    assert fingerprint(loaded(file)) == fingerprint(BUNDLED[name])


def test_no_two_bundled_analyses_have_one_fingerprint() -> None:
    assert len({fingerprint(load(name)) for name in bundled_models()}) == len(bundled_models())


def test_names_apart_no_two_bundled_analyses_are_the_same_model() -> None:
    blank = {fingerprint(replace(each, name="-", title="-", why=WHY)) for each in BUNDLED.values()}
    assert len(blank) == len(BUNDLED)


def test_the_fingerprint_changes_with_the_children_s_analysis(tmp_path: Path) -> None:
    own = document("icpc-children")
    file = tmp_path / "linear.toml"
    linear = changed("icpc-linear", put("children", "own.toml"))
    file.write_text(tomli_w.dumps(linear), encoding="utf-8")
    found = set()
    for days in (90, 91):
        own["records"]["window"] = {"days": days}
        (tmp_path / "own.toml").write_text(tomli_w.dumps(own), encoding="utf-8")
        found.add(fingerprint(loaded(file)))
    assert len(found) == 2
    assert fingerprint(BUNDLED["icpc-linear"]) in found


@given(number=st.floats(0.001, 10.0), name=st.sampled_from(sorted(BUNDLED)))
@settings(max_examples=20, deadline=None)
def test_the_fingerprint_changes_with_a_prior(number: float, name: str) -> None:
    other = parse(changed(name, put("priors.pilot_difference.sd", number)), file=FILE)
    same = number == BUNDLED[name].priors.pilot_difference.sd
    assert (fingerprint(other) == fingerprint(BUNDLED[name])) is same


def test_the_first_effect_prior_is_part_of_the_fingerprint() -> None:
    analysis = BUNDLED["icpc-linear"]
    turned = dict(reversed(analysis.effect_priors.items()))
    assert fingerprint(replace(analysis, effect_priors=turned)) != fingerprint(analysis)


# --------------------------------------------------------------- the regression that enters


@pytest.mark.parametrize(
    ("name", "model", "authorities", "treatment", "without"),
    [
        ("icpc-linear", "linear", "none", "did", ()),
        ("icpc-logistic", "logistic", "none", "did", ()),
        ("icpc-without-pilot-4", "linear", "none", "did", ("Pilot 4",)),
        ("icpc-ofsted", "linear", "none", "ofsted", ()),
        ("icpc-event-study", "linear", "none", "leads and lags", ()),
        ("cla-logistic", "logistic", "none", "did", ()),
        ("cla-linear", "linear", "none", "did", ()),
        ("cla-lagged", "logistic", "none", "lags", ()),
        ("cla-random-effects", "logistic", "none", "did", ()),  # the model's, not the regression's
        ("cla-fixed-effects", "logistic", "fixed", "did", ()),
    ],
)
def test_the_regression_has_the_model_s_likelihood_and_authorities(
    name: str, model: str, authorities: str, treatment: str, without: tuple[str, ...]
) -> None:
    found = BUNDLED[name].regression
    assert (found.model, found.authorities) == (model, authorities)
    assert (found.treatment, found.without) == (treatment, without)


# --------------------------------------------------------------- what the bundled ones cover


def uncovered(analyses: Iterable[HierarchicalAnalysis], records: ChildrenAnalysis) -> set[str]:
    """The printed columns of an analysis of records that no hierarchical one is a model of.

    Columns that differ in their standard errors alone are one model. Twins that take out or
    exchange a part of the model do not count.
    """
    covered = {
        anonymous(each.regression)
        for each in analyses
        if each.children == records
        and each.model.weights == "likelihood"
        and each.model.tails == "normal"
        and each.model.shocks == "persistent"
        and each.model.pilot_effects == "partial"
    }
    printed = [column for column in records.regressions.columns if column.table is not None]
    return {column.name for column in printed if anonymous(column) not in covered}


def anonymous(column: Regression) -> Regression:
    return replace(column, name="-", table=None, cluster="none")


@pytest.mark.parametrize("name", CHILDREN)
def test_every_printed_column_has_its_hierarchical_analysis(name: str) -> None:
    assert uncovered(BUNDLED.values(), CHILDREN[name]) == set()


@pytest.mark.parametrize(
    ("left_out", "columns"),
    [
        ("icpc-linear", {"Linear model"}),
        ("icpc-lagged", {"Lagged treatment"}),
        ("icpc-without-pilot-4", {"Excluding pilot 4"}),
        ("icpc-quality", {"Quality of delivery"}),
        ("icpc-embeddedness", {"Embeddedness of SofS"}),
        ("icpc-practice-models", {"Alternative practice models"}),
        ("icpc-ofsted", {"Ofsted"}),
        (
            "cla-logistic",
            {"Logistic regression - clustered", "Logistic regression - not clustered"},
        ),
        ("cla-linear", {"Linear regression - clustered"}),
        ("cla-lagged", {"Lagged treatment - logistic regression"}),
    ],
)
def test_a_missing_one_is_noticed(left_out: str, columns: set[str]) -> None:
    others = [each for name, each in BUNDLED.items() if name != left_out]
    records = BUNDLED[left_out].children
    assert uncovered(others, records) == columns


@pytest.mark.parametrize(("name", "tables"), [("icpc-children", {5, 6}), ("cla-children", {7})])
def test_the_printed_columns_are_those_of_the_report_s_tables(name: str, tables: set[int]) -> None:
    from sofs_bayes.published import facts

    folder = Path(facts.__file__).parent / "tables"
    printed = set()
    for table in tables:
        text = (folder / f"table_{table}.csv").read_text(encoding="utf-8")
        printed |= {line.split(",")[1] for line in text.splitlines()[1:]} - {""}
    columns = CHILDREN[name].regressions.columns
    assert printed == {each.name for each in columns if each.table in tables}


# -------------------------------------------------------------------- what their priors say

# A prior is of another quantity where the column's terms are: those of quality and embeddedness
# are per unit of a score, those of practice models about comparators, those of Ofsted at rating 0.
UNITS = {
    "quality": "per unit of a score",
    "embeddedness": "per unit of a score",
    "practice model": "comparators against pilots",
    "ofsted": "at a rating of 0",
}
NAMES = ("reference", "sceptical", "enthusiastic", "pessimistic")


def quantity(analysis: HierarchicalAnalysis, key: str) -> tuple[str, ...]:
    """What a prior is about; priors about one quantity must be one prior."""
    scale = (analysis.outcome, analysis.model.likelihood, key)
    unit = UNITS.get(analysis.regression.treatment, "")
    match key:
        case "year_effect_sd":
            return (*scale, analysis.model.years_since)
        case "intercept":
            return (*scale, unit if unit == "comparators against pilots" else "")
        case "pilot_difference":
            return (*scale, "" if unit == "at a rating of 0" else unit)
        case effect if effect in NAMES:
            return (*scale, unit)
    return scale


def priors(analysis: HierarchicalAnalysis) -> Iterator[tuple[str, Any]]:
    given = ((key, getattr(analysis.priors, key)) for key in analysis.priors.__slots__)
    yield from ((key, prior) for key, prior in given if prior is not None)
    yield from analysis.effect_priors.items()


def contradictions(analyses: Iterable[HierarchicalAnalysis]) -> list[tuple[str, ...]]:
    """The quantities of which analyses have different priors, or different reasons."""
    found: dict[tuple[str, ...], set[Any]] = defaultdict(set)
    for each in analyses:
        for key, prior in priors(each):
            found[quantity(each, key)].add(prior)
    return sorted(what for what, said in found.items() if len(said) > 1)


def test_shared_priors_are_equal_and_have_one_reason() -> None:
    assert contradictions(BUNDLED.values()) == []


def test_another_value_or_reason_is_noticed() -> None:
    linear, others = BUNDLED["icpc-linear"], list(BUNDLED.values())
    for change in ({"sd": 0.06}, {"why": WHY}):
        year = replace(linear.priors.year, **change)  # type: ignore[arg-type]
        other = replace(linear, priors=replace(linear.priors, year=year))
        assert contradictions([*others, other]) == [("ICPC", "gaussian", "year")]


def test_priors_of_different_quantities_have_different_reasons() -> None:
    reasons: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for each in BUNDLED.values():
        for key, prior in priors(each):
            if key in (*NAMES, "intercept", "pilot_difference", "year_effect_sd"):
                outcome, likelihood, *rest = quantity(each, key)
                if likelihood == "gaussian":  # odds are odds, of either outcome
                    reasons[prior.why].add((outcome, *rest))
    assert [why for why, said in reasons.items() if len(said) > 1] == []


@pytest.mark.parametrize("name", BUNDLED)
def test_effect_priors_are_the_four_named_ones(name: str) -> None:
    analysis = BUNDLED[name]
    wide, narrow = {
        ("ICPC", "gaussian"): (0.1, 0.02),
        ("CLA", "gaussian"): (0.02, 0.004),
        ("ICPC", "binomial logit"): (1.0, 0.2),
        ("CLA", "binomial logit"): (1.0, 0.2),
    }[analysis.outcome, analysis.model.likelihood]
    expected = ((0.0, wide), (0.0, narrow), (-narrow, narrow), (narrow, narrow))
    assert tuple(analysis.effect_priors) == NAMES
    found = tuple((prior.mean, prior.sd) for prior in analysis.effect_priors.values())
    assert found == expected


@pytest.mark.parametrize("name", ["icpc-quality", "icpc-embeddedness"])
def test_priors_per_unit_of_a_score_say_so(name: str) -> None:
    analysis = BUNDLED[name]
    for prior in (analysis.priors.pilot_difference, *analysis.effect_priors.values()):
        assert prior.why.startswith("Per unit of the score, which runs from 0 to 1")


JUDGING = ("better", "worse", "improve", "benefit", "harm", "success", "fail")


def judgements(texts: Iterable[str]) -> list[str]:
    """Texts that take one sign of an effect for the good one."""
    return [text for text in texts if any(word in text.lower() for word in JUDGING)]


@pytest.mark.parametrize("name", BUNDLED)
def test_no_sign_is_called_a_benefit(name: str) -> None:
    analysis = BUNDLED[name]
    reasons = [prior.why for prior in analysis.effect_priors.values()]
    assert judgements([analysis.title, analysis.why, *reasons]) == []


def test_a_judgement_is_noticed() -> None:
    assert judgements(["two points fewer", "a Better rate"]) == ["a Better rate"]


@pytest.mark.parametrize("what", ["title", "why"])
def test_every_bundled_analysis_says_something_of_its_own(what: str) -> None:
    said = [getattr(load(name), what) for name in bundled_models()]
    assert len(set(said)) == len(said)


@pytest.mark.parametrize("name", BUNDLED)
def test_statements_are_on_scales_the_model_has(name: str) -> None:
    analysis = BUNDLED[name]
    scales = {statement.scale for statement in analysis.estimands.statements}
    logistic = analysis.model.likelihood == "binomial logit"
    assert scales == ({"risk", "odds ratio"} if logistic else {"risk"})
    least = min(
        statement.above
        for statement in analysis.estimands.statements
        if statement.scale == "risk" and statement.above
    )
    assert least == {"ICPC": 0.01, "CLA": 0.0025}[analysis.outcome]


def test_documents_given_are_not_changed() -> None:
    given_document = document("icpc-linear")
    kept = copy.deepcopy(given_document)
    parse(given_document, file=FILE)
    assert given_document == kept


def test_twins_differ_from_the_main_analysis_in_one_thing() -> None:
    main = BUNDLED["icpc-linear"]
    for name, part in (("weights-as-covariates", "weights"), ("student-t", "tails")):
        twin = BUNDLED[f"icpc-linear-{name}"]
        model = replace(twin.model, **{part: getattr(main.model, part)})
        called = {"name": main.name, "title": main.title, "short": main.short, "why": main.why}
    assert replace(twin, **called, model=model) == main
