"""models/README.md gives every key of an analysis file, with its type and default, and no other."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types as at
import pytest
from pydantic.fields import FieldInfo

from sofs_bayes import spec
from sofs_bayes.bayes.from_published import posterior
from sofs_bayes.errors import BadSpec
from sofs_bayes.spec.names import Name

README = Path(__file__).parents[1] / "models" / "README.md"
TEXT = README.read_text(encoding="utf-8")
EVERY, SAMPLED = "Keys of every fit", "Keys of fits by sampling"
KEY_TABLES = {
    spec.PrintedAnalysis: (EVERY, "Keys of a printed analysis"),
    spec.OpenAnalysis: (EVERY, SAMPLED, "Keys of an open-data analysis"),
    spec.HierarchicalAnalysis: (EVERY, SAMPLED, "Keys of a hierarchical analysis"),
}
OF_CHILDREN = "Keys of an analysis of children's records"
COVARIATES = {spec.Levels: "levels", spec.Number: "number"}
FORMS = {spec.Normal: "normal", spec.HalfNormal: "half-normal", spec.Beta: "beta"}
EXPONENTIAL = {spec.Exponential: "exponential"}
FIXED = {spec.Fixed: "fixed"}
OTHER_FORMS: dict[type, dict[type, str]] = dict.fromkeys(spec.DidAnalysis.__args__, EXPONENTIAL)
OTHER_FORMS[spec.PrintedAnalysis] = FIXED
EMBEDDED = {spec.ChildrenAnalysis: "analysis of children's records"}
# Tables that have keys of their own somewhere else in the document, or in another file.
APART: dict[type, str] = FORMS | EXPONENTIAL | FIXED | COVARIATES | EMBEDDED
SYMBOL_TABLES = {
    spec.PrintedAnalysis: "The posterior from print",
    spec.OpenAnalysis: "The hierarchical DiD of open counts",
    spec.HierarchicalAnalysis: "Hierarchical analyses of children",
}

OPEN, HIERARCHICAL = spec.OpenAnalysis, spec.HierarchicalAnalysis

Key = tuple[str, str]
"""Type and allowed values, default."""


# ------------------------------------------------------------------ what the document says


def section(title: str, text: str = TEXT) -> str:
    """The text under a heading that starts with `title`, up to the next heading."""
    found = re.search(rf"^#+ {re.escape(title)}.*?$(.*?)(?=^#+ |\Z)", text, re.M | re.S)
    assert found, f"no heading {title!r}"
    return found[1]


def table(text: str) -> list[list[str]]:
    """The cells of the rows of the first table in a text, without header and rule."""
    lines = text[text.index("|") :].split("\n\n", maxsplit=1)[0].splitlines()
    return [[cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in lines[2:]]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def documented(title: str, text: str = TEXT) -> dict[str, Key]:
    """The keys of a table; several in one row share what follows, or have one type each."""
    keys: dict[str, Key] = {}
    for names, kind, default, *_ in table(section(title, text)):
        each = quoted(names)
        kinds = kind.split("; ") if "; " in kind else [kind] * len(each)
        for name, its in zip(each, kinds, strict=True):
            assert name not in keys, f"{name} twice"
            keys[name] = (its, default)
    return keys


def documented_of(kind: type, text: str = TEXT) -> dict[str, Key]:
    """The keys that all tables for one kind of analysis give, each once."""
    keys: dict[str, Key] = {}
    for title in KEY_TABLES[kind]:
        own = documented(title, text)
        assert not keys.keys() & own.keys(), title
        keys |= own
    return keys


def toml_blocks(text: str = TEXT) -> list[str]:
    return re.findall(r"^```toml\n(.*?)^```$", text, re.M | re.S)


# ------------------------------------------------------------------------ what the code says


def keys_of(kind: type, prefix: str = "") -> Iterator[tuple[str, Key]]:
    """The dotted keys of a dataclass and of those inside it, but for those in `APART`."""
    for field in fields(kind):
        name = prefix + field.name
        yield name, (described(field.type), default_of(field.default))
        inner = inner_table(field.type)
        if inner is not None:
            yield from keys_of(inner, f"{name}.")


def form_keys(forms: Mapping[type, str] = FORMS) -> Iterator[tuple[str, Key]]:
    for form, name in forms.items():
        yield from keys_of(form, f"{name}.")


def coded_of(kind: type) -> dict[str, Key]:
    """The keys of a kind of analysis, with those of the forms its priors may have."""
    return dict(keys_of(kind)) | dict(form_keys(FORMS | OTHER_FORMS.get(kind, {})))


def inner_table(annotation: Any) -> type | None:
    """The dataclass in an annotation, unless its keys stand elsewhere."""
    if isinstance(annotation, type) and is_dataclass(annotation):
        return None if annotation in APART else annotation
    found = (inner_table(part) for part in get_args(annotation))
    return next((part for part in found if part is not None), None)


def default_of(default: object) -> str:
    if default is MISSING:
        return "required"
    if isinstance(default, FieldInfo):
        assert default.default_factory is not None
        return "empty"
    if is_dataclass(default):
        return "empty"
    return "none" if default is None else f"`{json.dumps(default)}`"


def described(annotation: Any, bounds: tuple[Any, ...] = ()) -> str:
    """Type and allowed values in the document's words."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if annotation == Name:
        words = "name"
    elif origin is Annotated:
        fields_ = [each for each in inside[1:] if isinstance(each, FieldInfo)]
        limits = (limit for each in fields_ for limit in each.metadata)
        words = described(inside[0], tuple(limits))
    elif origin in (Union, UnionType):
        parts = [part for part in inside if part is not type(None)]
        words = " or ".join(described(part, bounds) for part in parts)
    elif origin is Literal:
        words = " or ".join(f"`{json.dumps(value)}`" for value in inside)
    elif origin is tuple and inside[1] is not Ellipsis:
        assert len(inside) == 2 and inside[0] == inside[1]
        words = f"pair of: {described(inside[0])}"
    elif origin in (tuple, dict):
        many, of = ("list of", inside[0]) if origin is tuple else ("named", inside[1])
        words = f"{many}: {described(of)}{limits_in_words(bounds)}"
    elif is_dataclass(annotation):
        words = APART.get(annotation, "table")
    else:
        words = scalar(annotation, bounds)
    return words


def scalar(annotation: type, bounds: tuple[Any, ...]) -> str:
    if annotation is bool:
        return "`true` or `false`"
    if annotation is str:
        shortest = max((bound.min_length for bound in bounds), default=1)
        return "text" if shortest == 1 else f"text of {shortest} or more characters"
    return {int: "whole number", float: "number"}[annotation] + limits_in_words(bounds)


def limits_in_words(bounds: tuple[Any, ...]) -> str:
    words = []
    for bound in bounds:
        match bound:
            case at.MinLen(n):
                return f", {n} or more"
            case at.Gt(x):
                words.append(f"> {x}")
            case at.Ge(x):
                words.append(f"≥ {x}")
            case at.Lt(x):
                words.append(f"< {x}")
            case at.Le(x):
                words.append(f"≤ {x}")
            case _:
                raise AssertionError(f"a bound without words: {bound!r}")
    return f" {' and '.join(words)}" if words else ""


def differences(said: Mapping[str, Key], coded: Mapping[str, Key]) -> list[str]:
    """What the document and the code disagree about, by key."""
    return sorted(
        f"{key}: documented {said.get(key)}, in code {coded.get(key)}"
        for key in said.keys() | coded.keys()
        if said.get(key) != coded.get(key)
    )


# ------------------------------------------------------------------------------------ tests


@pytest.mark.parametrize("kind", KEY_TABLES)
def test_documented_keys_are_those_of_the_dataclasses(kind: type) -> None:
    assert differences(documented_of(kind), coded_of(kind)) == []


def test_documented_keys_of_records_are_those_of_the_dataclasses() -> None:
    coded = dict(keys_of(spec.ChildrenAnalysis)) | dict(form_keys(COVARIATES))
    assert differences(documented(OF_CHILDREN), coded) == []


@pytest.mark.parametrize(
    ("kind", "old", "new", "key"),
    [
        (OPEN, "| `data.jump_factor` |", "| `data.jump_faktor` |", "data.jump_faktor"),
        (
            OPEN,
            '| `"refuse"` or `"drop"` | `"refuse"` |',
            '| `"refuse"` | `"refuse"` |',
            "data.above",
        ),
        (
            OPEN,
            "`design.comparators.reuse` | `true` or `false` | `true` |",
            "`design.comparators.reuse` | `true` or `false` | `false` |",
            ".reuse",
        ),
        (OPEN, "whole number ≥ 2 and ≤ 16", "whole number ≥ 2", "sampler.chains"),
        (OPEN, "`sampler.tune`, `sampler.draws`", "`sampler.tune`", "sampler.draws"),
        (HIERARCHICAL, "whole number ≥ 2 and ≤ 16", "whole number ≥ 2", "sampler.chains"),
        (HIERARCHICAL, '| `"effective size"` |', '| `"rows"` |', "model.weights_sum_to"),
        (HIERARCHICAL, "| number > 2 |", "| number > 0 |", "model.degrees_of_freedom"),
        (HIERARCHICAL, "| half-normal or exponential | none | of $σ$;", "| none |", "residual_sd"),
        (HIERARCHICAL, "| `exponential.mean` |", "| `exponential.scale` |", "exponential.mean"),
    ],
)
def test_a_document_that_drifted_is_noticed(kind: type, old: str, new: str, key: str) -> None:
    assert TEXT.count(old) == 1
    found = differences(documented_of(kind, TEXT.replace(old, new)), coded_of(kind))
    assert any(key in difference for difference in found)


def test_a_key_in_two_tables_is_noticed() -> None:
    old = "| `column` | text | required |"
    assert TEXT.count(old) == 1
    twice = TEXT.replace(old, f"| `name` | text | required | again |\n{old}")
    with pytest.raises(AssertionError, match="Keys of a hierarchical analysis"):
        documented_of(HIERARCHICAL, twice)


@pytest.mark.parametrize("kind", SYMBOL_TABLES)
def test_symbols_name_keys_that_exist(kind: type) -> None:
    known = dict(keys_of(kind))
    named = [key for row in table(section(SYMBOL_TABLES[kind])) for key in quoted(row[-1])]
    assert named
    assert [key for key in named if key not in known] == []


def test_every_prior_has_its_symbol() -> None:
    for kind, title in SYMBOL_TABLES.items():
        named = {key for row in table(section(title)) for key in quoted(row[-1])}
        priors = {key for key in dict(keys_of(kind)) if re.fullmatch(r"priors\.\w+", key)}
        assert priors | {"effect_priors"} <= named


def variants() -> dict[str, list[str]]:
    """The values that the table of variants has for each key."""
    text = section(SYMBOL_TABLES[HIERARCHICAL])
    found: dict[str, list[str]] = {}
    for key, value, _ in table(text[text.index("**Variants**") :]):
        found.setdefault(quoted(key)[0] if quoted(key) else list(found)[-1], []).extend(
            quoted(value)
        )
    return found


def test_variants_are_those_of_the_code() -> None:
    known = {key: set(quoted(words)) for key, (words, _) in keys_of(HIERARCHICAL)}
    said = variants()
    assert {key for key in said if not set(said[key]) <= known[key]} == set()
    whole = ("model.shocks", "model.pilot_effects", "model.authorities", "model.years_since")
    assert {key for key in whole if set(said[key]) != known[key]} == set()


def test_bundled_analyses_are_all_in_the_table() -> None:
    rows = {quoted(row[0])[0]: quoted(row[2])[0] for row in table(section("The bundled analyses"))}
    evidence = {
        "printed": "published-inferred",
        "open data": "open-data",
        "children": "synthetic",
        "hierarchical": "synthetic",
    }
    bundled = {name: evidence[spec.load(name).kind] for name in spec.bundled_models()}
    assert rows == bundled


def test_examples_load(tmp_path: Path) -> None:
    kinds = []
    for number, block in enumerate(toml_blocks()):
        file = tmp_path / f"{number}.toml"
        file.write_text(block, encoding="utf-8")
        kinds.append(spec.load(file).kind)
    assert kinds == ["printed", "open data"]


def test_the_printed_example_has_a_posterior() -> None:
    analysis = spec.parse(tomllib.loads(toml_blocks()[0]), file=README)
    assert isinstance(analysis, spec.PrintedAnalysis)
    for prior in analysis.effect_priors:
        effect = posterior(analysis, prior=prior).effect
        assert effect.quantile(0.05) < effect.mean() < effect.quantile(0.95)


def test_an_example_with_an_unknown_key_is_refused() -> None:
    document = tomllib.loads(toml_blocks()[0]) | {"prior": {}}
    with pytest.raises(BadSpec, match="prior"):
        spec.parse(document, file=README)


def test_dollar_signs_of_formulas_are_in_pairs() -> None:
    prose = re.sub(r"^```.*?^```$", "", TEXT, flags=re.M | re.S)
    for line in prose.splitlines():
        assert re.sub(r"`[^`]*`", "", line).count("$") % 2 == 0, line
