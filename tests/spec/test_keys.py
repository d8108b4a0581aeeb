"""What a number is: keys tell results apart, go into words, and come back from files."""

import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from sofs_bayes.estimands.rows import EffectRow, Label, columns_of
from sofs_bayes.records.csv_rows import read_rows, rows_to_csv
from sofs_bayes.spec.keys import (
    EFFECTS,
    HEADLINE,
    HEADLINES,
    OF_AUTHORITY,
    Estimand,
    Kind,
    Role,
    Variant,
)

PACKAGE = Path(__file__).parents[2] / "src" / "sofs_bayes"
ESTIMANDS = [
    Estimand(role="effect after settling-in", scale="risk"),
    Estimand(role="effect after settling-in", scale="risk", target="Dell"),
    Estimand(role="effect in year", scale="risk", year=0),
    Estimand(role="effect in year", scale="risk", year=-2),
    Estimand(role="effect at an Ofsted rating of", scale="log-odds", rating=1.0),
    Estimand(role="spread between pilots", scale="log-odds"),
]
VARIANTS = [
    HEADLINE,
    Variant(kind="scaled", subject="shock_sd", factor=0.5),
    Variant(kind="without", subject="Brackwater, City of"),
    Variant(reading="clustered"),
    Variant(kind="critical values", subject="t(10)", reading="clustered"),
]
# An attribute that holds a key, and what would read its words.
READS_WORDS = re.compile(
    r"\.(estimand|variant|role|kind)\.(startswith|endswith|removeprefix|partition|split)\("
)


def row_of(estimand: Estimand, variant: Variant) -> EffectRow:
    label = Label(prior="reference", variant=variant, evidence="open-data", status="converged")
    numbers = dict.fromkeys(("mean", "median", "sd", "lower", "upper"), 0.5)
    return EffectRow(**columns_of(estimand, label), **numbers, level=0.9, interval="eti")


@pytest.mark.parametrize("estimand", ESTIMANDS, ids=str)
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_keys_come_back_from_a_row_and_from_its_file(
    estimand: Estimand, variant: Variant, tmp_path: Path
) -> None:
    row = row_of(estimand, variant)
    assert (row.estimand, row.variant) == (estimand, variant)
    file = tmp_path / "effects.csv"
    file.write_text(rows_to_csv(EffectRow, [row]), encoding="utf-8")
    assert read_rows(file, EffectRow) == [row]


def test_words_are_those_of_the_tables() -> None:
    assert [str(each) for each in ESTIMANDS[1:5]] == [
        "effect after settling-in",
        "effect in year +0",
        "effect in year -2",
        "effect at an Ofsted rating of 1",
    ]
    assert [str(each) for each in VARIANTS] == [
        "main",
        "shock sd × 0.5",
        "without Brackwater, City of",
        "clustered",
        "clustered; critical values t(10)",
    ]


def test_different_keys_have_different_words() -> None:
    plain = [Variant(kind=kind, subject="Dell") for kind in get_args(Kind)]
    assert len(set(map(str, plain))) == len(plain)
    assert len({str(Estimand(role=role, scale="risk")) for role in get_args(Role)}) == len(
        get_args(Role)
    )


def test_an_effect_is_the_same_on_every_scale() -> None:
    one, other = (row_of(replace(ESTIMANDS[1], scale=s), HEADLINE) for s in ("risk", "log-odds"))
    assert one.estimand != other.estimand
    assert one.effect == other.effect
    assert one.effect != row_of(ESTIMANDS[0], HEADLINE).effect


def test_effects_are_told_from_spreads() -> None:
    assert [each.is_effect for each in ESTIMANDS] == [True] * 5 + [False]
    assert set(HEADLINES) < set(EFFECTS) < set(get_args(Role))
    assert set(OF_AUTHORITY) < set(get_args(Kind))


def test_nothing_reads_the_words_of_a_key() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}: {line.strip()}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line in path.read_text("utf-8").splitlines()
        if READS_WORDS.search(line)
    ]
    assert found == []
    assert READS_WORDS.search('if row.estimand.startswith("effect"):')  # it would be seen
