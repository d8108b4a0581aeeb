"""Numbers and their nouns."""

import pytest

from sofs_bayes.errors import counted


@pytest.mark.parametrize(
    ("number", "text"), [(0, "no rows"), (1, "1 row"), (2, "2 rows"), (1200, "1,200 rows")]
)
def test_a_number_has_its_noun(number: int, text: str) -> None:
    assert counted(number, "row") == text


def test_a_noun_may_have_a_plural_of_its_own() -> None:
    assert [counted(n, "authority", "authorities") for n in (1, 2)] == [
        "1 authority",
        "2 authorities",
    ]
