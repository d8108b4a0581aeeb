"""A TOML file → an Analysis, and back; every fault named at once."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from sofs_bayes.errors import BadInput, BadSpec, allowed_by, unreadable
from sofs_bayes.spec.children import ChildrenAnalysis
from sofs_bayes.spec.hierarchical import HierarchicalAnalysis
from sofs_bayes.spec.looks import similar
from sofs_bayes.spec.opened import OpenAnalysis
from sofs_bayes.spec.printed import PrintedAnalysis
from sofs_bayes.spec.toml_files import check_decided, check_sizes, read_toml, shortened

FittedAnalysis = PrintedAnalysis | OpenAnalysis | HierarchicalAnalysis
Analysis = FittedAnalysis | ChildrenAnalysis
KINDS: dict[str, type[Analysis]] = {
    "printed": PrintedAnalysis,
    "open data": OpenAnalysis,
    "children": ChildrenAnalysis,
    "hierarchical": HierarchicalAnalysis,
}


def bundled_models() -> dict[str, Path]:
    """The analysis files that come with the package: name → path, sorted by name.

    An installed wheel carries them inside the package; a checkout has them in `models/`.

    Returns
    -------
    dict
        Name → path of the TOML file, sorted by name.

    Examples
    --------
    >>> "icpc-printed" in sb.bundled_models()
    True
    """
    package = Path(__file__).resolve().parents[1]
    folders = (package / "models", package.parents[1] / "models")
    folder = next((f for f in folders if f.is_dir()), None)
    if folder is None:
        raise BadInput(folders[1], "", "no such folder", "the folder of analysis files")
    return {path.stem: path for path in sorted(folder.glob("*.toml"), key=lambda path: path.stem)}


def load(source: Path | str) -> Analysis:
    """The Analysis in a TOML file, given by its path or by the name of a bundled one.

    Parameters
    ----------
    source
        A path, or the name of a bundled analysis such as `icpc-printed`.

    Returns
    -------
    Analysis
        Frozen; of the class that its `kind` says.

    Raises
    ------
    BadInput
        The file is missing, cannot be read, or is not TOML.
    BadSpec
        One or more keys or values cannot be used; every one is named.

    Examples
    --------
    >>> sb.load("icpc-printed").outcome
    'ICPC'
    """
    path = _located(source)
    return parse(read_toml(path), file=path)


def analysis_of(given: Analysis | Path | str, *, seed: int | None = None) -> Analysis:
    """An analysis, or the one that `load` reads of a name or file; with another seed if given.

    Raises
    ------
    BadInput, BadSpec
        As `load`; a seed for an analysis that draws nothing.
    """
    found = load(given) if isinstance(given, Path | str) else given
    if seed is None:
        return found
    if isinstance(found, PrintedAnalysis):
        return replace(found, seed=seed)
    if isinstance(found, ChildrenAnalysis):
        raise BadInput(found.name, "seed", str(seed), "none: nothing is drawn")
    return replace(found, sampler=replace(found.sampler, seed=seed))


def _located(source: Path | str) -> Path:
    """The file at a path, or the bundled one of that name."""
    path = Path(source)
    bundled = bundled_models()
    try:
        if str(source) in bundled and not path.is_file():
            return bundled[str(source)]
        there = path.exists()
    except OSError as error:
        raise unreadable(shortened(str(source)), error, "a TOML file") from error
    if not there and path.suffix == "":
        allowed = "a .toml file or " + ", ".join(bundled)
        found = f"no such analysis{similar(str(source), bundled)}"
        raise BadInput(shortened(str(source)), "", found, allowed)
    return path


def parse(document: dict[str, Any], *, file: Path | str) -> Analysis:
    """The Analysis a TOML document describes; `file` is named in messages.

    A hierarchical analysis may name its children's analysis: a bundled one, or a file whose
    path starts where `file` is.

    Raises
    ------
    BadSpec
        One or more keys or values cannot be used; every one is named.
    """
    check_sizes(document, file)
    check_decided(document, file)
    kind = document.get("kind")
    model = KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        allowed = " or ".join(map(repr, KINDS))
        raise BadSpec([BadInput(file, "kind", shortened(repr(kind)), allowed)])
    if kind == "hierarchical" and isinstance(document.get("children"), str):
        document = document | {"children": _children(document["children"], file)}
    return checked(model, document, file=file)


def _children(named: str, file: Path | str) -> dict[str, Any]:
    """The document of the children's analysis that a hierarchical one names.

    Its kind is looked at before anything in it is followed, so that no two name each other.
    """
    path = _located(Path(file).parent / named if named.endswith(".toml") else named)
    document = read_toml(path)
    if document.get("kind") != "children":
        allowed = "an analysis of children's records"
        raise BadSpec([BadInput(file, "children", shortened(repr(named)), allowed)])
    return to_document(parse(document, file=path))


# Priors of an sd, and of a correlation, come in two forms each, told apart by a key; pydantic
# tries both and names them.
FORMS = ("HalfNormal", "Exponential", "Beta", "Fixed")
# Forms that the value itself tells apart; these names are no part of a place either.
TOLD_APART = (*FORMS, "ReportOutcome", "OwnOutcome")


def _faults(
    file: Path | str, model: type, error: ValidationError, document: dict[str, Any]
) -> list[BadInput]:
    return [
        _fault(file, model, detail)
        for detail in error.errors()
        if not _is_echo(detail) and not _is_of_other_form(detail, document)
    ]


def _is_of_other_form(detail: ErrorDetails, document: dict[str, Any]) -> bool:
    """Whether a prior is faulted for not having the form that it does not mean to have."""
    given: Any = document
    for part in detail["loc"]:
        if part in FORMS:
            keys = given.keys() if isinstance(given, dict) else ()
            return part != _form_of(part, keys)
        try:
            given = given[part]
        except (KeyError, IndexError, TypeError):
            return False
    return False


def _form_of(tried: str, keys: Collection[str]) -> str:
    """The form that a prior with these keys means to have, of that tried and its other."""
    if tried in ("Beta", "Fixed"):
        return "Fixed" if "fixed" in keys else "Beta"
    return "Exponential" if "mean" in keys and "scale" not in keys else "HalfNormal"


def _is_echo(detail: ErrorDetails) -> bool:
    """Whether an array or table is called too short only because items of it are faulty."""
    given = detail["input"]
    if detail["type"] != "too_short" or not isinstance(given, list | dict):
        return False
    return len(given) >= int(detail["ctx"]["min_length"])


def _fault(file: Path | str, model: type, detail: ErrorDetails) -> BadInput:
    parts = ".".join(str(part) for part in detail["loc"] if part not in TOLD_APART)
    place = shortened(parts) or "the whole file"
    if detail["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        known = _known_keys(model, detail["loc"][:-1])
        found = f"an unknown key{similar(str(detail['loc'][-1]), known)}"
        return BadInput(file, place, found, ", ".join(known))
    if detail["type"] in ("missing", "missing_argument", "missing_keyword_only_argument"):
        key = detail["loc"][-1]
        wanted = key if isinstance(key, str) else "a value"
        return BadInput(file, place, "nothing", f"{wanted} must be given")
    if detail["type"] == "value_error":
        return _contradiction(file, place, detail)
    message = allowed_by(detail["msg"])
    if "ReportOutcome" in detail["loc"]:
        message += ", or a table with name, plural and unit"
    return BadInput(file, place, shortened(repr(detail["input"])), message)


def _contradiction(file: Path | str, place: str, detail: ErrorDetails) -> BadInput:
    """What a rule of several keys was broken by: the key it names, if that holds one value."""
    given, allowed = detail["input"], str(detail["ctx"]["error"])
    if not isinstance(given, dict):
        return BadInput(file, place, shortened(repr(given)), allowed)
    named, _, rest = allowed.partition(": ")
    for part in named.split("."):
        given = given.get(part) if isinstance(given, dict) else None
    if rest and isinstance(given, str | int | float):
        inside = "" if place == "the whole file" else f"{place}."
        return BadInput(file, f"{inside}{named}", shortened(repr(given)), rest)
    return BadInput(file, place, "a contradiction", allowed)


def _known_keys(model: type, loc: tuple[int | str, ...]) -> list[str]:
    """The keys allowed at a place of the document."""
    current: Any = model
    for part in loc:
        if len(choices := _choices(current)) > 1:  # then the place names the one that was tried
            current = next(each for each in choices if part in (each.__name__, _tag(each)))
        elif is_dataclass(current := choices[0]):
            current = next(f.type for f in fields(current) if f.name == part)
        else:  # an item of `tuple[X, ...]` or `dict[str, X]`
            current = get_args(current)[-1 if get_origin(current) is dict else 0]
    current = _choices(current)[0]
    return [f.name for f in fields(current)] if is_dataclass(current) else []


def _choices(annotation: Any) -> list[Any]:
    """What an annotation such as `X | Y | None` leaves to choose from."""
    if get_origin(annotation) is Annotated:
        return _choices(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        parts = [part for part in get_args(annotation) if part is not type(None)]
        return [choice for part in parts for choice in _choices(part)]
    return [annotation]


def _tag(model: type) -> str | None:
    """The `kind` by which a table says which of several it is."""
    if not is_dataclass(model):
        return None
    kinds = [get_args(f.type)[0] for f in fields(model) if f.name == "kind"]
    return kinds[0] if kinds else None


def changed[Part](part: Part, changes: dict[str, Any], *, file: str) -> Part:
    """A part of an analysis with some keys changed, checked as a file would be."""
    kind = type(part)
    document = TypeAdapter(kind).dump_python(part, mode="json", exclude_none=True) | changes
    return checked(kind, document, file=file)


def checked[Part](kind: type[Part], document: dict[str, Any], *, file: Path | str) -> Part:
    """What a document describes; every fault of it named at once."""
    try:
        # JSON mode: strict types, while arrays may become tuples and text dates.
        return TypeAdapter(kind).validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        raise BadSpec(_faults(file, kind, error, document)) from error


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
        short=None,
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
    What tables call an analysis (`short`) is no part of it.
    """
    document = to_document(analysis)
    if not isinstance(analysis, ChildrenAnalysis):
        document |= {"headline prior": analysis.headline_prior}
        document.pop("short", None)
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
