"""What a text looks like, and what of it is seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sofs_bayes.spec.looks import letters, look, look_alikes, seen


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Kent", "КЕΝТ"),  # Cyrillic and Greek
        ("copse", "сорѕе"),
        ("A-B", "A\u2011B"),
        ("King's", "King\u2019s"),
        ("King's", "King\u00b4s"),
        ("Straße", "STRASSE"),
        ("ﬁn", "fin"),
        (" a  b ", "a\u00a0b"),
        ("a\u3164b", "ab"),
        ("e\u200d\u0301", "\u00e9"),
    ],
)
def test_these_look_the_same(one: str, other: str) -> None:
    assert one != other
    assert look(one) == look(other)
    assert look_alikes([one, other, "another"]) == [tuple(sorted([one, other]))]


@pytest.mark.parametrize(("one", "other"), [("a b", "ab"), ("é", "e"), ("1", "l"), ("O", "0")])
def test_these_do_not(one: str, other: str) -> None:
    assert look(one) != look(other)
    assert look_alikes([one, other, one]) == []


@given(text=st.text(max_size=12))
def test_a_look_looks_like_itself(text: str) -> None:
    assert seen(seen(text)) == seen(text)
    assert look(f" {text}\u200b") == look(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 0),
        (" .-–1_", 0),
        ("\u200b\u00ad\u3164\u2800", 0),
        ("a b", 2),
        ("因为", 2),
        ("naïve", 5),
    ],
)
def test_letters_that_are_seen(text: str, number: int) -> None:
    assert letters(text) == number
