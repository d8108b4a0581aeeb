"""A TOML file → a frozen Analysis.

Every analysis is one file. A key nobody knows, a value outside its range or a prior
without a `why` is refused, all faults at once, each with file, key, found and allowed.
The fingerprint of an Analysis travels with every result made from it.
"""

import hashlib
import json
import tomllib
from dataclasses import fields, is_dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Self, get_args, get_origin

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass
from pydantic_core import ErrorDetails

from sofs_bayes.errors import BadInput, BadSpec

Evidence = Literal["published", "published-inferred", "synthetic", "open-data", "records"]
Scale = Literal["risk", "log-odds", "odds ratio"]

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

Text = Annotated[str, Field(min_length=1)]
Why = Annotated[str, Field(min_length=10, description="the reason for this choice, in words")]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Year = Annotated[int, Field(ge=1990, le=2100)]
Rate = Annotated[float, Field(gt=0, lt=1)]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Normal:
    """A normal prior, on the scale its key names."""

    mean: float
    sd: Positive
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class HalfNormal:
    """A half-normal prior of a standard deviation; `scale` is the sd of the unfolded normal."""

    scale: Positive
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Beta:
    """A beta prior of a correlation between 0 and 1."""

    a: Positive
    b: Positive
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Statement:
    """A claim about an effect whose probability is wanted: above, below or within.

    `scale` is `risk` (0.01 = one percentage point), `log-odds` or `odds ratio`.
    """

    scale: Scale
    above: float | None = None
    below: float | None = None
    within: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _one_claim(self) -> Self:
        if sum(claim is not None for claim in (self.above, self.below, self.within)) != 1:
            raise ValueError("exactly one of above, below, within")
        if self.within is not None and not self.within[0] < self.within[1]:
            raise ValueError("within = [lower, upper] with lower < upper")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Estimands:
    """What is reported of every effect: interval kind and level, and the statements."""

    interval: Literal["eti", "hdi"] = "eti"
    level: Rate = 0.9
    statements: Annotated[tuple[Statement, ...], Field(min_length=1)]


# ---------------------------------------------------------------- posterior from print


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class FromTable:
    """The two rows used, by their place in the report's own tables."""

    table: Annotated[int, Field(ge=5, le=7)]
    column: Text
    pilot_row: Text
    did_row: Text


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class AsPrinted:
    """The two rows of another study, written as printed: sign, decimals, stars ("-0.0635*")."""

    source: Text
    pilot: Text
    did: Text


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class PrintedDesign:
    """The printed study's design: authorities, years, children and the base rate.

    Without `pilot_shares` and `comparator_shares` (each summing to 1) authorities count
    equally. `children` is over all authorities and years.
    """

    scale: Literal["risk", "log-odds"]
    pilots: Annotated[int, Field(ge=2)]
    comparators: Annotated[int, Field(ge=2)]
    children: Count
    base_rate: Rate
    years_pre: Count
    years_post: Count
    pilot_shares: tuple[Positive, ...] | None = None
    comparator_shares: tuple[Positive, ...] | None = None

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        for name, shares, size in (
            ("pilot_shares", self.pilot_shares, self.pilots),
            ("comparator_shares", self.comparator_shares, self.comparators),
        ):
            if shares is not None and (len(shares) != size or abs(sum(shares) - 1) > 1e-6):
                raise ValueError(f"{name}: {size} shares that sum to 1")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Reading:
    """What the analyst takes the printed stars to rest on; it is never assumed in silence.

    `authority`: standard errors clustered on the authority, so the stars inform the
    between-authority variance. `none`: the stars say nothing. `child`: the child-level error
    is all there is (naive; kept to show what it does). `child_variance_factor` multiplies
    the child-level variance. `stars_from` takes the stars from another column of the table.
    """

    name: Text
    se_reading: Literal["authority", "none", "child"]
    child_variance_factor: Positive = 1.0
    stars_from: Text | None = None
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class CriticalValues:
    """The distribution the printed p-values were taken from, and each star's p-value."""

    distribution: Literal["normal", "t"]
    df: Positive | None = None
    star_levels: Annotated[tuple[Rate, ...], Field(min_length=1)] = (0.1, 0.05, 0.01)
    why: Why

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.distribution == "t") != (self.df is not None):
            raise ValueError('df with distribution = "t", and only with it')
        if list(self.star_levels) != sorted(set(self.star_levels), reverse=True):
            raise ValueError("star_levels from one star (largest p) to most stars (smallest p)")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class PrintedPriors:
    """Priors of the nuisance parameters of the model in design order: s, c, β."""

    authority_sd: HalfNormal
    correlation: Beta
    pilot_difference: Normal


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class PrintedSensitivity:
    """The values each assumption takes in turn in the sensitivity table."""

    authority_sd: tuple[Positive, ...] = ()
    correlation: tuple[tuple[Positive, Positive], ...] = ()
    pilot_difference: tuple[Positive, ...] = ()
    t_critical_df: tuple[Positive, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class PrintedAnalysis:
    """A posterior from printed coefficients and stars (`kind = "printed"`)."""

    kind: Literal["printed"]
    name: Text
    title: Text
    outcome: Text
    why: Why
    from_table: FromTable | None = None
    as_printed: AsPrinted | None = None
    design: PrintedDesign
    readings: Annotated[tuple[Reading, ...], Field(min_length=1)]
    critical_values: CriticalValues
    priors: PrintedPriors
    effect_priors: Annotated[dict[Text, Normal], Field(min_length=1)]
    estimands: Estimands
    sensitivity: PrintedSensitivity = Field(default_factory=PrintedSensitivity)
    draws: Annotated[int, Field(ge=1000)] = 4000
    seed: Annotated[int, Field(ge=0)] = 20220701

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if (self.from_table is None) == (self.as_printed is None):
            raise ValueError("exactly one of [from_table] and [as_printed]")
        if self.as_printed is not None and any(r.stars_from for r in self.readings):
            raise ValueError("stars_from only with [from_table]")
        if len({reading.name for reading in self.readings}) != len(self.readings):
            raise ValueError("readings with different names")
        if self.design.scale == "risk" and any(
            statement.scale != "risk" for statement in self.estimands.statements
        ):
            raise ValueError('statements on the scale "risk" where design.scale = "risk"')
        return self


# ------------------------------------------------------------------------- open data


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class OpenCounts:
    """Which columns of the DfE files are counted, and over which financial years.

    A year is named by its first calendar year (2012 = April 2012 to March 2013).
    """

    events: Text
    denominator: Text
    first_year: Year
    last_year: Year
    above_denominator: Literal["refuse", "drop"] = "refuse"
    jump_factor: Annotated[float, Field(gt=1)] = 2.0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.first_year >= self.last_year:
            raise ValueError("first_year before last_year")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Pilot:
    """One pilot authority and its settling-in years (first and last, both left out)."""

    authority: Text
    wave: Count
    settling_in: tuple[Year, Year]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.settling_in[0] > self.settling_in[1]:
            raise ValueError("settling_in = [first, last] with first <= last")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class AuthorityNote:
    """An authority that the design treats specially, and why."""

    authority: Text
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class RecordingBreak:
    """An authority whose recording changed in `year`; `pre` and `post` are not comparable."""

    authority: Text
    year: Year
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Comparators:
    """How comparators are chosen: `all` others, or the nearest on the `pre-trend`."""

    rule: Literal["all", "pre-trend"]
    per_pilot: Count = 2
    reuse: bool = True
    match_on: Literal["trend", "level and trend"] = "trend"
    exclude: tuple[AuthorityNote, ...] = ()
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class OpenDesign:
    """Pilots with their windows, comparator rule, and breaks in recording."""

    pilots: Annotated[tuple[Pilot, ...], Field(min_length=2)]
    comparators: Comparators
    recording_breaks: tuple[RecordingBreak, ...] = ()
    breaks_in_headline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class OpenModel:
    """The variable parts of the hierarchical binomial DiD.

    `pilot_effects`: `partial` pooling, or `full` (one effect for all).
    `shocks`: authority-by-year shocks, which child-level standard errors ignore: `persistent`
    (correlated from one year to the next), `independent`, or `none`.
    """

    pilot_effects: Literal["partial", "full"] = "partial"
    shocks: Literal["persistent", "independent", "none"] = "persistent"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class OpenPriors:
    """Priors on the log-odds scale, symbols in models/README.md."""

    intercept: Normal
    year: Normal
    pilot_difference: Normal
    authority_sd: HalfNormal
    pilot_effect_sd: HalfNormal
    shock_sd: HalfNormal
    shock_correlation: Beta


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Sampler:
    """The sampler by its name, and its settings."""

    name: Literal["nutpie"]
    chains: Annotated[int, Field(ge=2, le=16)] = 4
    tune: Annotated[int, Field(ge=100)] = 1000
    draws: Annotated[int, Field(ge=100)] = 1000
    target_accept: Rate = 0.9
    seed: Annotated[int, Field(ge=0)] = 20220701


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class OpenAnalysis:
    """A hierarchical binomial DiD on whole authorities' open counts (`kind = "open data"`)."""

    kind: Literal["open data"]
    name: Text
    title: Text
    outcome: Text
    why: Why
    data: OpenCounts
    design: OpenDesign
    model: OpenModel
    priors: OpenPriors
    effect_priors: Annotated[dict[Text, Normal], Field(min_length=1)]
    sampler: Sampler
    estimands: Estimands

    @model_validator(mode="after")
    def _possible(self) -> Self:
        names = [pilot.authority for pilot in self.design.pilots]
        if len(set(names)) != len(names):
            raise ValueError("design.pilots: each authority once")
        first, last = self.data.first_year, self.data.last_year
        for pilot in self.design.pilots:
            if not first < pilot.settling_in[0]:
                raise ValueError(
                    f"design.pilots: {pilot.authority} with settling-in after {first}"
                    " (a year before it is needed)"
                )
            if not pilot.settling_in[1] < last:
                raise ValueError(
                    f"design.pilots: {pilot.authority} with settling-in ending before {last}"
                    " (a year after it is needed)"
                )
        for note in self.design.comparators.exclude:
            if note.authority in names:
                raise ValueError(f"design.comparators.exclude: no pilot ({note.authority} is one)")
        return self


Analysis = PrintedAnalysis | OpenAnalysis
KINDS: dict[str, type[PrintedAnalysis] | type[OpenAnalysis]] = {
    "printed": PrintedAnalysis,
    "open data": OpenAnalysis,
}


# --------------------------------------------------------------------------- reading


def bundled_models() -> dict[str, Path]:
    """The analysis files that come with the package: name → path, sorted by name.

    An installed wheel carries them inside the package; a checkout has them in `models/`.
    """
    here = Path(__file__).resolve().parent
    folders = (here / "models", here.parents[1] / "models")
    folder = next((f for f in folders if f.is_dir()), None)
    if folder is None:
        raise BadInput(folders[1], "", "no such folder", "the folder of analysis files")
    return {path.stem: path for path in sorted(folder.glob("*.toml"), key=lambda path: path.stem)}


def load(source: Path | str) -> Analysis:
    """The Analysis in a TOML file, given by its path or by the name of a bundled one.

    Raises
    ------
    BadInput
        The file is missing, cannot be read, or is not TOML.
    BadSpec
        One or more keys or values cannot be used; every one is named.
    """
    path = Path(source)
    if not path.exists() and path.suffix == "":
        bundled = bundled_models()
        if str(source) not in bundled:
            raise BadInput(
                str(source), "", "no such analysis", "a .toml file or " + ", ".join(bundled)
            )
        path = bundled[str(source)]
    return parse(_read_toml(path), file=path)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(path, "", error.strerror or "unreadable", "a TOML file") from error
    except UnicodeDecodeError as error:
        raise BadInput(path, f"byte {error.start}", "not UTF-8", "UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise BadInput(path, "", f"not TOML ({error})", "valid TOML") from error


def parse(document: dict[str, Any], *, file: Path | str) -> Analysis:
    """The Analysis a TOML document describes; `file` is only named in messages."""
    kind = document.get("kind")
    model = KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise BadSpec([BadInput(file, "kind", repr(kind), " or ".join(map(repr, KINDS)))])
    try:
        # JSON mode: strict types, while arrays may become tuples.
        return TypeAdapter[Analysis](model).validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        raise BadSpec(_faults(file, model, error)) from error


def _faults(file: Path | str, model: type, error: ValidationError) -> list[BadInput]:
    return [_fault(file, model, detail) for detail in error.errors() if not _is_echo(detail)]


def _is_echo(detail: ErrorDetails) -> bool:
    """Whether an array or table is called too short only because items of it are faulty."""
    given = detail["input"]
    if detail["type"] != "too_short" or not isinstance(given, list | dict):
        return False
    return len(given) >= int(detail["ctx"]["min_length"])


def _fault(file: Path | str, model: type, detail: ErrorDetails) -> BadInput:
    place = ".".join(str(part) for part in detail["loc"]) or "the whole file"
    if detail["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        known = _known_keys(model, detail["loc"][:-1])
        near = get_close_matches(str(detail["loc"][-1]), known, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        return BadInput(file, place, "an unknown key" + hint, ", ".join(known))
    if detail["type"] in ("missing", "missing_argument", "missing_keyword_only_argument"):
        key = detail["loc"][-1]
        wanted = key if isinstance(key, str) else "a value"
        return BadInput(file, place, "nothing", f"{wanted} must be given")
    if detail["type"] == "value_error":
        found = "a contradiction" if isinstance(detail["input"], dict) else repr(detail["input"])
        return BadInput(file, place, found, str(detail["ctx"]["error"]))
    message = detail["msg"].removeprefix("Input should be ").removeprefix("Value should have ")
    return BadInput(file, place, repr(detail["input"]), message)


def _known_keys(model: type, loc: tuple[int | str, ...]) -> list[str]:
    """The keys allowed at a place of the document."""
    current: Any = model
    for part in loc:
        if is_dataclass(current):
            current = next(f.type for f in fields(current) if f.name == part)
        else:  # an item of `tuple[X, ...]` or `dict[str, X]`
            current = get_args(current)[-1 if get_origin(current) is dict else 0]
        while get_origin(current) in (Annotated, UnionType):  # `X | None`
            current = get_args(current)[0]
    return [f.name for f in fields(current)] if is_dataclass(current) else []


def changed[Part](part: Part, changes: dict[str, Any], *, file: str) -> Part:
    """A part of an analysis with some keys changed, checked as a file would be."""
    kind = type(part)
    document = TypeAdapter(kind).dump_python(part, mode="json", exclude_none=True) | changes
    try:
        return TypeAdapter(kind).validate_json(json.dumps(document))
    except ValidationError as error:
        raise BadSpec(_faults(file, kind, error)) from error


def with_rows(
    analysis: PrintedAnalysis,
    *,
    column: str | None = None,
    pilot_row: str | None = None,
    did_row: str | None = None,
) -> PrintedAnalysis:
    """A printed analysis with its two cells from another column, or other rows, of the table.

    Readings that took their stars from a column by name take them from the new one.

    Raises
    ------
    BadInput
        The analysis takes no rows from a table.
    """
    named = {"column": column, "pilot_row": pilot_row, "did_row": did_row}
    changes = {key: label for key, label in named.items() if label is not None}
    if not changes:
        return analysis
    if analysis.from_table is None:
        raise BadInput(analysis.name, "from_table", "nothing", "rows from a table of the report")
    readings = tuple(
        replace(reading, stars_from=column) if reading.stars_from and column else reading
        for reading in analysis.readings
    )
    return replace(
        analysis,
        from_table=changed(analysis.from_table, changes, file=analysis.name),
        readings=readings,
        title=f"{analysis.title} [{', '.join(changes.values())}]",
    )


def to_document(analysis: Analysis) -> dict[str, Any]:
    """The analysis as plain dicts, lists and scalars, as a TOML or JSON file would hold it."""
    document: dict[str, Any] = TypeAdapter(type(analysis)).dump_python(
        analysis, mode="json", exclude_none=True
    )
    return document


def fingerprint(analysis: Analysis) -> str:
    """SHA-256 of what the analysis says (not of its spacing or comments), hexadecimal.

    The order of keys says nothing, except which effect prior comes first: it is the headline's.
    """
    document = to_document(analysis) | {"headline prior": next(iter(analysis.effect_priors))}
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
