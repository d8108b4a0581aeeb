"""Names of authorities in several files: one authority has one spelling, or it is said."""

from collections.abc import Collection, Iterable
from pathlib import Path

from sofs_bayes.errors import BadInput
from sofs_bayes.records.text_values import number
from sofs_bayes.spec.looks import look, look_alikes

LONGEST = 1000  # characters
DIFFERING = "capitals, blanks or letters of other scripts"


def faults_of_names(file: Path | str, places: Iterable[tuple[str, str]]) -> list[BadInput]:
    """Faults of the names in a file of authorities or groups, each given with its place.

    Names that are too long or not seen, and names that differ though they look the same.
    """
    first: dict[str, str] = {}
    for name, place in places:
        first.setdefault(name, place)
    faults = [
        BadInput(file, place, f"a name of {len(name):,} characters", f"at most {LONGEST:,}")
        for name, place in first.items()
        if len(name) > LONGEST
    ]
    faults += [
        BadInput(file, place, f"{name!a}, of which nothing is seen", "the name of an authority")
        for name, place in first.items()
        if name and not look(name)
    ]
    for alike in look_alikes(first):
        where = " and ".join(f"{name!a} on {first[name]}" for name in alike)
        found = f"{where}, which look the same but for {DIFFERING}"
        faults.append(BadInput(file, "", found, "one spelling of each authority"))
    return faults


def meant(name: str, known: Collection[str]) -> str:
    """What to say of an unknown name that is known in another spelling, or nothing.

    Nothing that is known is quoted, but for a code of the same digits but for some zeros.
    """
    if any(look(each) == look(name) for each in known):
        return f" as {name!a}; a name there looks the same but for {DIFFERING}"
    value = number(name)  # NaN, if the name is no number, equals none
    same = next((each for each in known if number(each) == value), "")
    return f" (did you mean {same}? Programs for tables change the zeros of codes)" if same else ""
