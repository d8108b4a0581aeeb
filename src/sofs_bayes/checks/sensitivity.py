"""The same fit on changed data: without one authority, with or without recording breaks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sofs_bayes.bayes.did_arrays import DidArrays, without
from sofs_bayes.matching.choice import Choice
from sofs_bayes.spec import OpenDesign

LeaveOut = Literal["none", "pilots", "all"]
MAIN = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A named change to the data: the counts with some authorities left out."""

    name: str
    arrays: DidArrays


def broken_authorities(arrays: DidArrays, design: OpenDesign) -> tuple[str, ...]:
    """The authorities in the fit whose recording broke, in the analysis's order."""
    declared = dict.fromkeys(entry.authority for entry in design.recording_breaks)
    return tuple(name for name in declared if name in arrays.authorities)


def headline(arrays: DidArrays, design: OpenDesign) -> Variant:
    """The counts the headline rests on: with or without recording breaks, as declared."""
    if design.breaks_in_headline:
        return Variant(name=MAIN, arrays=arrays)
    return Variant(name=MAIN, arrays=without(arrays, broken_authorities(arrays, design)))


def variants(
    arrays: DidArrays, design: OpenDesign, choice: Choice, *, leave_out: LeaveOut
) -> Sequence[Variant]:
    """What the headline is compared with.

    One variant per recording break (put back, or taken out, whichever the headline is not),
    then one per authority left out of the headline: the pilots, all authorities, or none.
    With a pilot go the comparators that were chosen for it alone.
    """
    base = headline(arrays, design).arrays
    broken = broken_authorities(arrays, design)
    found = []
    for name in broken:
        if design.breaks_in_headline:
            found.append(Variant(name=f"without {name}", arrays=without(arrays, [name])))
        else:
            others = [other for other in broken if other != name]
            found.append(Variant(name=f"with {name}", arrays=without(arrays, others)))
    candidates = {"none": (), "pilots": arrays.pilots, "all": arrays.authorities}[leave_out]
    for name in candidates:
        if name not in broken:
            gone = [name, *_chosen_for(name, choice)]
            found.append(Variant(name=f"without {name}", arrays=without(base, gone)))
    return tuple(found)


def _chosen_for(pilot: str, choice: Choice) -> list[str]:
    """The comparators that serve this pilot and no other; none where all serve every pilot."""
    kept = choice.comparators_of(other for other in choice.pilots if other != pilot)
    return [name for name in choice.comparators if name not in kept]
