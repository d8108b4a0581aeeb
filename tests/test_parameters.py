"""Arguments of public functions are what their signatures declare, or one line says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import pandas as pd
import pytest
from pydantic import Field
from pydantic.dataclasses import dataclass as model

import sofs_bayes as sb
from sofs_bayes.errors import BadParameter
from sofs_bayes.parameters import checked

if TYPE_CHECKING:
    from decimal import Decimal

type Word = Literal["one", "two"]


@dataclass
class Thing:
    at: int = 1


@model
class Setting:
    count: Annotated[int, Field(ge=0)]


def declared(
    place: Path | str,
    count: int = 1,
    *,
    share: float | None = None,
    yes: bool = False,
    word: Word = "one",
    thing: Thing | None = None,
    further: "Decimal | None" = None,
    many: Sequence[str] = (),
) -> object:
    """What comes in is given back."""
    return Setting(count=count), place, share, yes, word, thing, further, many


GOOD = [
    {},
    {"count": np.int64(3), "share": np.float32(0.5)},
    {"share": 1, "yes": True, "word": "two"},
    {"yes": np.True_, "word": np.str_("two")},
    {"thing": Thing(), "further": "not looked at", "many": 3},
]
BAD = [
    ({"place": None}, "place: found None; allowed: a path, text"),
    ({"place": b"x"}, "place: found what is of type bytes; allowed: a path, text"),
    ({"count": "3"}, "count: found '3'; allowed: a whole number"),
    ({"count": 1.5}, "count: found 1.5; allowed: a whole number"),
    ({"count": True}, "count: found True; allowed: a whole number"),
    ({"count": np.True_}, "count: found True; allowed: a whole number"),
    ({"count": -1}, "count: found -1; allowed: greater than or equal to 0"),
    ({"share": "x"}, "share: found 'x'; allowed: a number, None"),
    ({"yes": 1}, "yes: found 1; allowed: True or False"),
    ({"word": "three"}, "word: found 'three'; allowed: 'one', 'two'"),
    ({"thing": 3}, "thing: found 3; allowed: Thing, None"),
]


@pytest.mark.parametrize("given", GOOD)
def test_what_is_declared_passes(given: dict[str, object]) -> None:
    found = checked(declared)(**{"place": "x"} | given)
    assert found == declared(**{"place": "x"} | given)
    assert type(found[0].count) is int
    assert type(found[3]) is bool


@pytest.mark.parametrize(("given", "said"), BAD)
def test_what_is_not_is_a_line(given: dict[str, object], said: str) -> None:
    with pytest.raises(BadParameter) as refused:
        checked(declared)(**{"place": "x"} | given)
    assert str(refused.value) == said


def test_records_given_by_mistake_are_not_quoted() -> None:
    frame = pd.DataFrame({"name": ["Qx7canary"]})
    with pytest.raises(BadParameter, match="found what is of type DataFrame") as refused:
        checked(declared)(frame)
    assert "Qx7canary" not in str(refused.value)


def test_each_of_several_is_looked_at() -> None:
    def several(*things: Thing) -> int:
        return len(things)

    assert checked(several)(Thing(), Thing()) == 2
    with pytest.raises(BadParameter, match="things: found 'x'; allowed: Thing"):
        checked(several)(Thing(), "x")


def test_errors_of_the_function_itself_stay() -> None:
    def failing(place: str) -> None:
        raise ValueError(place)

    with pytest.raises(ValueError, match=r"^own$"):
        checked(failing)("own")
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        checked(declared)("x", other=1)


def test_public_functions_are_checked_and_themselves() -> None:
    assert sb.fit is sb.fit
    assert sb.fit.__doc__ == sb.fit.__wrapped__.__doc__
    with pytest.raises(BadParameter, match="leave_out: found 'some'; allowed: 'none', 'pilots'"):
        sb.fit("icpc-printed", leave_out="some")
    with pytest.raises(BadParameter, match="seed: found -1; allowed: greater than or equal to 0"):
        sb.fit("icpc-open-data", seed=-1)
    with pytest.raises(BadParameter, match="draws: found no fits to be sampled again"):
        sb.fit("icpc-open-data", draws=5)
    with pytest.raises(BadParameter, match="scale: found 'odd'; allowed: risk"):
        sb.effects_table(sb.fit("icpc-printed"), scale="odd")
    assert "data: found nothing" in str(sb.check([], "icpc-children"))
