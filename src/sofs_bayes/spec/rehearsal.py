"""The design of a study that has no records yet, from which children can be simulated."""

from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from sofs_bayes.spec.terms import STRICT, Count, Rate, Text, Why


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Rehearsal:
    """How many authorities, referrals and outcomes there are to be.

    `settling_in` has each pilot's first and last day ("2017-10-01"); all `comparators` serve each
    pilot. `referrals` are of an authority in a year, `rate` the share of them with the outcome.
    Standard deviations are on log-odds, of authorities and of their years.
    """

    settling_in: Annotated[tuple[tuple[Text, Text], ...], Field(min_length=2)]
    comparators: Annotated[int, Field(ge=2, le=1000)]
    referrals: Count
    rate: Rate
    authority_sd: Annotated[float, Field(ge=0)] = 0.25
    shock_sd: Annotated[float, Field(ge=0)] = 0.15
    seed: Annotated[int, Field(ge=0)] = 20220701
    why: Why

    @property
    def windows(self) -> tuple[tuple[date, date], ...]:
        """The pilots' settling-in as dates."""
        return tuple((_day(first), _day(last)) for first, last in self.settling_in)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        try:
            windows = self.windows
        except ValueError:
            raise ValueError("settling_in: dates as 2017-10-01") from None
        if any(first > last for first, last in windows):
            raise ValueError("settling_in: the first day before the last one")
        return self


def _day(text: str) -> date:
    return date.fromisoformat(text)
