"""Arguments of public functions are of the kinds that their signatures declare, or refused."""

import functools
import inspect
import numbers
import os
import types
from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeAliasType, Union, get_args, get_origin

from sofs_bayes.errors import BadParameter, allowed_by

# What Python and NumPy have of each plain kind; true is no number.
PLAIN: dict[Any, tuple[type, str]] = {
    bool: (bool, "True or False"),
    int: (numbers.Integral, "a whole number"),
    float: (numbers.Real, "a number"),
    str: (str, "text"),
    types.NoneType: (types.NoneType, "None"),
}


@functools.cache
def checked[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """The same function, which refuses arguments of a kind that its signature does not declare.

    Parameters that are not of classes or words to choose from alone (sequences, functions, what is
    imported for type checkers only) are left to the function itself. NumPy's scalars are Python's
    from here on, and what the model of an analysis refuses is refused in a line.

    Raises
    ------
    BadParameter
        When called, with what is not declared.
    """
    signature = inspect.signature(function)
    known = {
        name: kinds
        for name, parameter in signature.parameters.items()
        if (kinds := [*_kinds(parameter.annotation, function)]) and None not in kinds
    }

    several = {
        name
        for name, parameter in signature.parameters.items()
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL
    }

    @functools.wraps(function)
    def call(*given: P.args, **named: P.kwargs) -> R:
        bound = signature.bind(*given, **named)
        for name, given_as in bound.arguments.items():
            value = bound.arguments[name] = _plain(given_as)
            for each in value if name in several else (value,):
                if name in known and not any(_is(each, kind) for kind in known[name]):
                    raise BadParameter(name, _shown(each), ", ".join(map(_said, known[name])))
        try:
            return function(*bound.args, **bound.kwargs)
        except ValueError as error:
            faults: list[Any] = getattr(error, "errors", list)()
            if not faults or (name := str(faults[0]["loc"][-1])) not in signature.parameters:
                raise
            allowed = allowed_by(faults[0]["msg"])
            raise BadParameter(name, _shown(faults[0]["input"]), allowed) from None

    return call


def _kinds(annotation: Any, function: Callable[..., Any]) -> Iterator[Any]:
    """Classes and words that an annotation allows; None for whatever else it allows."""
    if isinstance(annotation, str):
        try:
            annotation = eval(annotation, function.__globals__)
        except NameError:  # imported for type checkers alone
            yield None
            return
    if isinstance(annotation, TypeAliasType):
        annotation = annotation.__value__
    if get_origin(annotation) in (Union, types.UnionType):
        for each in get_args(annotation):
            yield from _kinds(each, function)
    elif get_origin(annotation) is Literal:
        yield from map(repr, get_args(annotation))
    elif annotation is None:
        yield types.NoneType
    elif inspect.isclass(annotation) and not getattr(annotation, "_is_protocol", False):
        yield annotation
    else:
        yield None


def _plain(value: Any) -> Any:
    """A scalar of NumPy's as Python has it; anything else as it is."""
    is_scalar = type(value).__module__ == "numpy" and getattr(value, "shape", None) == ()
    return value.item() if is_scalar else value


def _is(value: Any, kind: Any) -> bool:
    if isinstance(kind, str):
        return repr(value) == kind
    if isinstance(value, bool):
        return kind in (bool, object)
    if issubclass(kind, os.PathLike):
        return isinstance(value, os.PathLike)
    return isinstance(value, PLAIN[kind][0] if kind in PLAIN else kind)


def _said(kind: Any) -> str:
    if isinstance(kind, str):
        return kind
    if issubclass(kind, os.PathLike):
        return "a path"
    return PLAIN[kind][1] if kind in PLAIN else kind.__name__


def _shown(value: Any) -> str:
    """A plain value as it is, anything else by its type: it may hold records."""
    plain = isinstance(value, str | numbers.Number | types.NoneType)
    return repr(value)[:80] if plain else f"what is of type {type(value).__name__}"
