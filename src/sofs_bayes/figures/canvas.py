"""What stands around every chart: its title, key and notes, and what they rest on."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NotRequired, Self, TypedDict

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sofs_bayes.figures.style import STYLE, Look, line_of
from sofs_bayes.spec import Evidence
from sofs_bayes.spec.years import FINANCIAL, Years

CONVERGED = "converged"
MARK = "NOT CONVERGED"
SIMULATED = "Simulated children"


class Told(TypedDict):
    """What a picture is told by keyword, beside its rows: words of `Canvas`."""

    title: str
    evidence: Evidence
    notes: NotRequired[Sequence[str]]
    name: NotRequired[str]


class ToldBelow(Told):
    """What a picture is told whose title is a finding: `title` stands below, `mark` before it."""

    mark: NotRequired[str]


class Said(Told):
    """What a picture of a fit is told: whether it converged, and whom its scale counts."""

    status: str
    whom: NotRequired[str]


class SaidOfRates(Said):
    """What a picture of rates is told: they are `events` per `per` (usually 100) `denominator`.

    `years` are financial years unless it says others.
    """

    events: str
    denominator: str
    per: NotRequired[int]
    years: NotRequired[Years]


def name_of(said: Told, asked: Any, usual: str) -> str:
    """The picture's name, by default the usual one; `asked` is the type of what it is told.

    Raises
    ------
    TypeError
        A keyword that is missing or unknown, as if they stood in the picture's signature.
    """
    known = asked.__required_keys__ | asked.__optional_keys__
    missing, unknown = sorted(asked.__required_keys__ - said.keys()), sorted(said.keys() - known)
    if missing or unknown:
        raise TypeError(f"figure {usual}: missing keywords {missing}, unknown ones {unknown}")
    return said.get("name", usual)


def named_years(said: SaidOfRates) -> Years:
    """The years of the rates, which name them."""
    return said.get("years", FINANCIAL)


def unit_of(said: SaidOfRates) -> str:
    """What a rate counts, in words."""
    return f"{said['events']} per {said.get('per', 100):,} {said['denominator']}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    """A sample of a line (`line`: arguments of Line2D) or of a fill, and its name."""

    name: str
    line: Look = field(default_factory=dict)
    fill: str | None = None

    @property
    def sample(self) -> Any:
        """What stands before the name, one on the other."""
        fill = [Patch(facecolor=self.fill, edgecolor="none")] if self.fill else []
        look = {"solid_capstyle": "butt", **line_of(self.line)}
        return (*fill, *([Line2D([], [], **look)] if self.line else []))


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """What is said around a chart.

    Attributes
    ----------
    name
        Stem of the picture's files.
    title
        What is shown. That children are simulated, or that a result is refused, is put before it.
    evidence
        What it rests on; each kind is a line below the chart.
    status
        `converged`, or anything else for a result that a check refused.
    subtitle
        What is shown, or what the vertical axis counts.
    below
        What all horizontal axes show, where they do not say it themselves.
    notes
        Sentences below the chart.
    width
        Of the picture, in inches.
    """

    name: str
    title: str
    evidence: Sequence[Evidence]
    status: str = CONVERGED
    subtitle: str = ""
    below: str = ""
    notes: Sequence[str] = ()
    key: Sequence[KeyEntry] = ()
    width: float = STYLE.width

    @classmethod
    def of(cls, said: Told, name: str, *, finding: str = "", **more: Any) -> Self:
        """The canvas of a picture that is usually called so; `more` are its other words.

        A finding becomes the title, and the title that was told stands below it.
        """
        if finding:
            shown = ". ".join(filter(None, (said["title"], more.get("subtitle", ""))))
            more |= {"title": f"{said.get('mark', '')}{finding}", "subtitle": shown}
        notes = [*more.pop("notes", ()), *said.get("notes", ())]
        words = {"name": name, **said, **more, "evidence": (said["evidence"],), "notes": notes}
        return cls(**{each.name: words[each.name] for each in fields(cls) if each.name in words})

    @property
    def inner(self) -> float:
        """Inches between the margins."""
        return self.width - 2 * STYLE.margin

    @property
    def is_narrow(self) -> bool:
        """Whether labels have to stand above what they name, as on a telephone."""
        return self.width < 5.0

    @property
    def caption(self) -> str:
        """The title, with what must not be overlooked before it."""
        text = f"{SIMULATED}: {self.title}" if "synthetic" in self.evidence else self.title
        return text if self.status == CONVERGED else f"{MARK}: {text}"
