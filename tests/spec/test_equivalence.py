"""A declared region of practical equivalence: checked, computed, and in the fingerprint."""

import tomllib
from dataclasses import replace
from typing import Any

import pytest

from sofs_bayes.bayes.from_published import posterior
from sofs_bayes.bayes.printed_summaries import probability
from sofs_bayes.errors import BadSpec
from sofs_bayes.estimands.printed import label_of, probability_rows
from sofs_bayes.spec import (
    ChildrenAnalysis,
    Equivalence,
    FittedAnalysis,
    PrintedAnalysis,
    Statement,
    bundled_models,
    fingerprint,
    load,
    parse,
    to_document,
)

REGION: dict[str, Any] = {
    "scale": "risk",
    "within": [-0.005, 0.005],
    "why": "half a conference in a hundred referrals changes no decision",
}


def with_region(name: str, **changed: object) -> FittedAnalysis:
    document = tomllib.loads(bundled_models()[name].read_text(encoding="utf-8"))
    document["estimands"]["equivalence"] = REGION | changed
    found = parse(document, file="analysis.toml")
    assert not isinstance(found, ChildrenAnalysis)
    return found


FITTED = [name for name in bundled_models() if not isinstance(load(name), ChildrenAnalysis)]


@pytest.mark.parametrize("name", FITTED)
def test_bundled_analyses_declare_none_and_say_nothing_of_it(name: str) -> None:
    analysis = load(name)
    assert not isinstance(analysis, ChildrenAnalysis)
    assert analysis.estimands.equivalence is None
    assert analysis.estimands.claims == analysis.estimands.statements
    told = {"per"} if analysis.estimands.per else set[str]()
    assert set(to_document(analysis)["estimands"]) == {"interval", "level", "statements"} | told


def test_a_region_taken_back_leaves_the_fingerprint_as_it_was() -> None:
    declared = with_region("icpc-linear")
    taken_back = replace(declared, estimands=replace(declared.estimands, equivalence=None))
    assert fingerprint(taken_back) == fingerprint(load("icpc-linear"))


def test_a_declared_region_is_in_the_document_and_the_fingerprint() -> None:
    declared = with_region("icpc-linear")
    assert parse(to_document(declared), file="again") == declared
    assert fingerprint(declared) != fingerprint(load("icpc-linear"))
    assert fingerprint(declared) != fingerprint(with_region("icpc-linear", probability=0.9))
    assert declared.estimands.equivalence == Equivalence(
        scale="risk", within=(-0.005, 0.005), probability=0.95, why=REGION["why"]
    )


def test_its_statement_is_among_those_whose_probability_is_computed() -> None:
    declared = with_region("icpc-printed")
    assert isinstance(declared, PrintedAnalysis)
    region = Statement(scale="risk", within=(-0.005, 0.005))
    assert declared.estimands.claims == (*declared.estimands.statements, region)
    fit = posterior(declared, prior="reference")
    (row,) = (
        row
        for row in probability_rows(fit, label_of(fit, status="converged"))
        if row.statement == "within -0.5 pp to 0.5 pp"
    )
    assert row.probability == probability(fit, region)


def test_a_region_that_is_a_statement_already_is_computed_once() -> None:
    region = {"within": [-0.01, 0.01]}
    estimands = with_region("icpc-linear", **region).estimands
    assert estimands.claims == estimands.statements
    only = replace(estimands, statements=estimands.statements[:1])
    assert len(only.claims) == 2


def test_a_region_on_the_odds_ratio_where_there_is_one() -> None:
    found = with_region("cla-logistic", scale="odds ratio", within=[0.9, 1.11])
    assert found.estimands.equivalence is not None
    assert found.estimands.equivalence.statement.within == (0.9, 1.11)


@pytest.mark.parametrize(
    ("name", "changed", "said"),
    [
        (
            "icpc-linear",
            {"within": [0.01, -0.01]},
            "within = [lower, upper] with lower < 0 < upper",
        ),
        ("icpc-linear", {"within": [0.01, 0.02]}, "within = [lower, upper] with lower < 0 < upper"),
        ("icpc-linear", {"within": [-0.01]}, "estimands.equivalence.within.1"),
        ("icpc-linear", {"probability": 0.5}, "probability: found 0.5; allowed: greater than 0.5"),
        ("icpc-linear", {"probability": 1.0}, "probability: found 1.0; allowed: less than 1"),
        ("icpc-linear", {"why": "so"}, "equivalence.why: found 'so'"),
        ("icpc-linear", {"scale": "points"}, "equivalence.scale: found 'points'"),
        ("icpc-linear", {"witin": [0, 1]}, "an unknown key (did you mean within?)"),
        (
            "icpc-linear",
            {"scale": "log-odds"},
            "equivalence.scale: found 'log-odds'; allowed: \"risk\" with a gaussian model",
        ),
        (
            "icpc-printed",
            {"scale": "log-odds"},
            "estimands.equivalence.scale: found 'log-odds'; allowed: \"risk\" where design.scale",
        ),
        (
            "cla-logistic",
            {"scale": "odds ratio"},
            "within = [lower, upper] with lower < 1 < upper",
        ),
        (
            "cla-logistic",
            {"scale": "odds ratio", "within": [0.0, 1.1]},
            "with lower > 0 for an odds ratio",
        ),
    ],
)
def test_what_makes_no_region_is_refused(name: str, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(BadSpec) as raised:
        with_region(name, **changed)
    (line,) = str(raised.value).splitlines()
    assert said in line


def test_a_region_needs_its_reason() -> None:
    document = tomllib.loads(bundled_models()["icpc-linear"].read_text(encoding="utf-8"))
    document["estimands"]["equivalence"] = {k: v for k, v in REGION.items() if k != "why"}
    with pytest.raises(BadSpec, match=r"equivalence\.why: found nothing"):
        parse(document, file="analysis.toml")
