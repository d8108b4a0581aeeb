"""Refits differ from the headline in the counts they leave out, and in nothing else."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from sofs_bayes.bayes.did_arrays import DidArrays
from sofs_bayes.checks.sensitivity import (
    MAIN,
    LeaveOut,
    Variant,
    broken_authorities,
    headline,
    variants,
)
from sofs_bayes.matching.choice import Choice, LeftOut, Match
from sofs_bayes.spec import Comparators, OpenDesign, Pilot, RecordingBreak

WHY = "made up for a test"
PILOTS = ("Aldmoor", "Birchway", "Cranleigh")
COMPARATORS = ("Dell", "Esk", "Fern", "Glen")


def design(*breaks: str, in_headline: bool = False) -> OpenDesign:
    return OpenDesign(
        pilots=tuple(Pilot(authority=p, wave=1, settling_in=(2014, 2014)) for p in PILOTS),
        comparators=Comparators(rule="all", why=WHY),
        recording_breaks=tuple(RecordingBreak(authority=b, year=2014, why=WHY) for b in breaks),
        breaks_in_headline=in_headline,
    )


EVERYONE = Choice(pilots=PILOTS, comparators=COMPARATORS, eligible=COMPARATORS, left_out=())


def left_out(variant: Variant, arrays: DidArrays) -> set[str]:
    """Who has no children in the variant, after checking that all else is as it was."""
    gone = set()
    for i, name in enumerate(arrays.authorities):
        if not variant.arrays.denominators[i].any():
            gone.add(name)
            assert not variant.arrays.events[i].any()
            continue
        np.testing.assert_array_equal(variant.arrays.denominators[i], arrays.denominators[i])
        np.testing.assert_array_equal(variant.arrays.events[i], arrays.events[i])
    same = replace(variant.arrays, events=arrays.events, denominators=arrays.denominators)
    for field in ("authorities", "pilots", "years", "terms"):
        assert getattr(same, field) == getattr(arrays, field)
    np.testing.assert_array_equal(same.treated, arrays.treated)
    np.testing.assert_array_equal(same.term_design, arrays.term_design)
    return gone


def found(
    arrays: DidArrays, of: OpenDesign, leave_out: LeaveOut, choice: Choice = EVERYONE
) -> dict[str, set[str]]:
    """Each variant's name and who is left out of it."""
    refits = variants(arrays, of, choice, leave_out=leave_out)
    assert len({variant.name for variant in refits}) == len(refits)
    return {variant.name: left_out(variant, arrays) for variant in refits}


def test_the_headline_is_without_recording_breaks_unless_declared(arrays: DidArrays) -> None:
    main = headline(arrays, design("Birchway"))
    assert main.name == MAIN
    assert left_out(main, arrays) == {"Birchway"}
    assert left_out(headline(arrays, design("Birchway", in_headline=True)), arrays) == set()
    assert left_out(headline(arrays, design()), arrays) == set()


def test_a_break_of_an_authority_not_in_the_fit_changes_nothing(arrays: DidArrays) -> None:
    assert broken_authorities(arrays, design("Nowhere", "Fern", "Birchway")) == ("Fern", "Birchway")
    assert left_out(headline(arrays, design("Nowhere")), arrays) == set()
    assert found(arrays, design("Nowhere"), "none") == {}


def test_two_breaks_of_one_authority_are_one_variant(arrays: DidArrays) -> None:
    assert found(arrays, design("Fern", "Fern"), "none") == {"with Fern": set()}


def test_breaks_are_put_back_one_by_one(arrays: DidArrays) -> None:
    assert found(arrays, design("Birchway", "Fern"), "none") == {
        "with Birchway": {"Fern"},
        "with Fern": {"Birchway"},
    }


def test_breaks_in_the_headline_are_taken_out_one_by_one(arrays: DidArrays) -> None:
    assert found(arrays, design("Birchway", "Fern", in_headline=True), "none") == {
        "without Birchway": {"Birchway"},
        "without Fern": {"Fern"},
    }


def test_pilots_are_left_out_of_the_headline_one_by_one(arrays: DidArrays) -> None:
    assert found(arrays, design("Birchway"), "pilots") == {
        "with Birchway": set(),
        "without Aldmoor": {"Birchway", "Aldmoor"},
        "without Cranleigh": {"Birchway", "Cranleigh"},
    }
    assert found(arrays, design("Birchway", in_headline=True), "pilots") == {
        "without Birchway": {"Birchway"},
        "without Aldmoor": {"Aldmoor"},
        "without Cranleigh": {"Cranleigh"},
    }


def test_all_authorities_are_left_out_one_by_one(arrays: DidArrays) -> None:
    refits = found(arrays, design(), "all")
    assert refits == {f"without {name}": {name} for name in arrays.authorities}


@pytest.mark.parametrize("leave_out", get_args(LeaveOut))
def test_the_headline_is_no_variant(arrays: DidArrays, leave_out: LeaveOut) -> None:
    assert MAIN not in found(arrays, design("Birchway"), leave_out)


def chosen(*pairs: tuple[str, str]) -> Choice:
    matches = tuple(Match(pilot=p, comparator=c, rank=1, distance=0.1) for p, c in pairs)
    return Choice(
        pilots=PILOTS,
        comparators=tuple(sorted({match.comparator for match in matches})),
        eligible=COMPARATORS,
        matches=matches,
        unmatched=tuple(
            LeftOut(authority=p, reason=WHY) for p in PILOTS if p not in {m.pilot for m in matches}
        ),
        left_out=(),
    )


def test_with_a_pilot_go_the_comparators_that_serve_it_alone(arrays: DidArrays) -> None:
    pairs = (
        ("Aldmoor", "Dell"),
        ("Aldmoor", "Esk"),
        ("Birchway", "Esk"),
        ("Birchway", "Fern"),
        ("Cranleigh", "Glen"),
    )
    assert found(arrays, design(), "pilots", chosen(*pairs)) == {
        "without Aldmoor": {"Aldmoor", "Dell"},
        "without Birchway": {"Birchway", "Fern"},
        "without Cranleigh": {"Cranleigh", "Glen"},
    }


def test_without_a_comparator_the_others_stay(arrays: DidArrays) -> None:
    pairs = (("Aldmoor", "Dell"), ("Birchway", "Esk"), ("Cranleigh", "Fern"), ("Cranleigh", "Glen"))
    refits = found(arrays, design(), "all", chosen(*pairs))
    assert refits["without Fern"] == {"Fern"}
    assert refits["without Aldmoor"] == {"Aldmoor", "Dell"}


def test_an_unmatched_pilot_takes_no_comparator_with_it(arrays: DidArrays) -> None:
    pairs = (("Aldmoor", "Dell"), ("Cranleigh", "Esk"), ("Cranleigh", "Fern"), ("Aldmoor", "Glen"))
    refits = found(arrays, design("Birchway", in_headline=True), "pilots", chosen(*pairs))
    assert refits["without Birchway"] == {"Birchway"}
    assert refits["without Aldmoor"] == {"Aldmoor", "Dell", "Glen"}
