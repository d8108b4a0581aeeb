"""What the columns of the files beside the referrals are called."""

from pydantic.dataclasses import dataclass

from sofs_bayes.spec.terms import STRICT, Text


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class AuthorityColumns:
    """Columns of the file of authorities."""

    authority: Text = "authority"
    year: Text = "year"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class GroupColumns:
    """Columns of the file of groups."""

    pilot: Text = "pilot"
    comparator: Text = "comparator"
    settling_in_start: Text = "settling_in_start"
    settling_in_end: Text = "settling_in_end"
