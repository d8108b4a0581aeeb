"""Risks told per 10,000 children: who may, and what statements then are on."""

from typing import Any

import pytest

from sofs_bayes.errors import BadSpec
from sofs_bayes.spec import Analysis, OpenAnalysis, fingerprint, load, parse, to_document

RARE = {"scale": "children per 10,000", "above": 2.0}


def told(name: str, statements: list[dict[str, Any]], **keys: Any) -> Analysis:
    document = to_document(load(name))
    own = {key: value for key, value in document["estimands"].items() if key != "per"}
    return parse({**document, "estimands": {**own, "statements": statements, **keys}}, file="own")


def test_changes_are_told_per_ten_thousand_where_the_analysis_says_so() -> None:
    care, conferences = load("cla-open-data"), load("icpc-open-data")
    assert isinstance(care, OpenAnalysis) and isinstance(conferences, OpenAnalysis)
    assert care.estimands.risk_scale == "children per 10,000"
    assert conferences.estimands.risk_scale == "risk"
    assert parse(to_document(care), file="again") == care
    assert fingerprint(care) != fingerprint(conferences)


@pytest.mark.parametrize("name", ["icpc-open-data", "icpc-linear"])
def test_any_analysis_that_is_sampled_may_say_so(name: str) -> None:
    assert told(name, [RARE], per=10_000).estimands.per == 10_000  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "statement", "keys", "says"),
    [
        ("cla-open-data", {"scale": "risk", "above": 0.0}, {"per": 10_000}, '"risk" with per'),
        ("cla-open-data", RARE, {}, '"children per 10,000" without per'),
        ("cla-open-data", RARE, {"per": 1_000}, "10000"),
        ("cla-printed", RARE, {"per": 10_000}, "no estimands.per"),
    ],
)
def test_statements_on_another_unit_are_refused(
    name: str, statement: dict[str, Any], keys: dict[str, Any], says: str
) -> None:
    with pytest.raises(BadSpec) as refused:
        told(name, [statement], **keys)
    assert says in str(refused.value)
