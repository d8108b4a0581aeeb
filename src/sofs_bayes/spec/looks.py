"""What a text looks like: texts that a reader cannot tell apart look the same."""

import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

# Fillers count as letters or signs in Unicode, and nothing is seen of them.
FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")

# Small letters of other scripts that look like Latin ones, in small or in capitals, and signs
# that are written in several ways.
ALIKE = str.maketrans(
    dict(
        zip(
            "авеѕіјкмнорстухүһԁԛԝӏαβεζηικμνορτυχıɑɡ‐‑‒–—―−‘’‚‛ʼʹ′`",
            "abesijkmhopctyxyhdqwlabezhikmnoptyxiag-------''''''''",
            strict=True,
        )
    )
)
ALL_BUT_SAME = 0.8  # of two names' letters, so many that no third name needs to be offered


def seen(text: str) -> str:
    """The text without what is not seen: format signs, fillers, blanks but for one between words.

    Compatible forms of a sign (composed or not, wide, in a circle) become the plain one.
    """
    plain = unicodedata.normalize("NFKC", text.replace("\u00b4", "'"))
    shown = "".join(c for c in plain if c not in FILLERS and unicodedata.category(c) != "Cf")
    return " ".join(unicodedata.normalize("NFKC", shown).split())


def look(text: str) -> str:
    """A key that is the same for texts that look the same, capitals or not."""
    folded = unicodedata.normalize("NFKC", seen(text).casefold())
    return folded.translate(ALIKE)


def look_alikes(names: Iterable[str]) -> list[tuple[str, ...]]:
    """The names that look the same though they differ, each set of them in alphabetical order."""
    found: dict[str, set[str]] = {}
    for name in names:
        found.setdefault(look(name), set()).add(name)
    return sorted(tuple(sorted(same)) for same in found.values() if len(same) > 1)


def similar(name: str, known: Iterable[str]) -> str:
    """` (did you mean X?)` with the names that resemble or contain `name`, or nothing."""
    names = list(known)
    alike = [c for c in names if c.casefold() != name.casefold() and look(c) == look(name)]
    if alike:
        return f" (did you mean {alike[0]!a}, where {name!a} looks the same?)"
    folded = {candidate.casefold(): candidate for candidate in names}
    small = name.casefold()
    within = [f for f in folded if len(name) > 3 and small in f]
    near = get_close_matches(small, folded, cutoff=ALL_BUT_SAME)
    near = near or [*get_close_matches(small, folded), *within]
    found = [folded[each] for each in list(dict.fromkeys(near))[:3]]
    return f" (did you mean {' or '.join(found)}?)" if found else ""


def letters(text: str) -> int:
    """How many letters of the text are seen."""
    return sum(map(str.isalpha, seen(text)))
