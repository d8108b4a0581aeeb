"""Stored draws: only parameters may leave, and of single authorities only those large enough."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes.disclosure.log import LogLine
from sofs_bayes.records.netcdf_links import check_no_links

if TYPE_CHECKING:
    import xarray as xr

GROUP = "posterior"

# Parameters of the models, by the name they are stored under.
VARIABLES = frozenset(
    {
        "authority_intercept",
        "authority_sd",
        "child_effect",
        "coefficient",
        "correlation",
        "departure",
        "effect",
        "intercept",
        "pilot_deviation",
        "pilot_difference",
        "pilot_effect_sd",
        "residual_sd",
        "shock_correlation",
        "shock_sd",
        "year_effect",
        "year_effect_sd",
        "year_step",
    }
)
OF_AUTHORITIES = ("authority", "pilot")
DIMENSIONS = frozenset(
    {"chain", "draw", "term", "child_term", "year", "later_year", "step", *OF_AUTHORITIES}
)
WHAT = "posterior draws"
UNKNOWN = "size not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """The draws that may leave, None where they may not, and why."""

    tree: "xr.DataTree | None"
    log: tuple[LogLine, ...]


def cleared_draws(
    tree: "xr.DataTree",
    *,
    output: str,
    may_leave: frozenset[str] | None,
    reasons: Mapping[str, str],
) -> Draws:
    """The draws without single authorities that may not be shown.

    Refused as a whole: any group but `posterior`, and any variable or dimension that is not a
    parameter's, as observed data, predictions and likelihoods of single observations.

    Parameters
    ----------
    may_leave
        Names of authorities; None where all may.
    reasons
        Why others may not.
    """
    import xarray as xr

    unknown = list(_not_parameters(tree))
    if unknown:
        line = LogLine(
            output=output,
            what=WHAT,
            rule="only parameters are stored: no observed data, no predictions or likelihoods of"
            " single observations",
            result="refused",
            affected=len(unknown),
            action=f"not exported: {', '.join(unknown)}",
        )
        return Draws(tree=None, log=(line,))
    passed = LogLine(
        output=output,
        what=WHAT,
        rule="only parameters are stored: no observed data, no predictions or likelihoods of"
        " single observations",
        result="passed",
    )
    draws = tree[GROUP].to_dataset()
    left: dict[str, None] = {}
    for name in OF_AUTHORITIES:
        if may_leave is not None and name in draws.dims:
            here = [str(each) for each in draws[name].values]
            left |= dict.fromkeys(each for each in here if each not in may_leave)
            draws = draws.isel({name: [i for i, each in enumerate(here) if each in may_leave]})
    rule = "no draws of a single authority below the threshold, or of unknown size"
    authorities = LogLine(output=output, what=WHAT, rule=rule, result="passed")
    if left:
        authorities = LogLine(
            output=output,
            what=WHAT,
            rule=rule,
            result="suppressed",
            affected=len(left),
            action=f"draws removed: {reasons_text(left, reasons)}",
        )
    kept = xr.DataTree.from_dict({GROUP: draws.drop_attrs()})
    return Draws(tree=kept, log=(passed, authorities))


def _not_parameters(tree: "xr.DataTree") -> list[str]:
    """Groups, variables, dimensions and coordinates that are no parameter's."""
    found = [f"values outside the group {GROUP}"] if tree.data_vars else []
    for path, node in tree.subtree_with_keys:
        if path not in (".", GROUP):
            found.append(f"group {path}")
        elif path == GROUP:
            found += [f"variable {name}" for name in node.data_vars if name not in VARIABLES]
            found += [f"dimension {name}" for name in node.dims if name not in DIMENSIONS]
            found += [f"coordinate {name}" for name in node.coords if name not in DIMENSIONS]
    if GROUP not in tree.children:
        found.append(f"no group {GROUP}")
    return found


def reasons_text(names: Iterable[str], reasons: Mapping[str, str]) -> str:
    """Names by why they may not be shown."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(reasons.get(name, UNKNOWN), []).append(name)
    return "; ".join(f"{', '.join(own)} ({reason})" for reason, own in found.items())


def open_draws(path: Path) -> "xr.DataTree":
    """All groups of a netCDF file, read into memory.

    Raises
    ------
    BadInput
        A file that cannot be read, or that points elsewhere.
    """
    import xarray as xr

    check_no_links(path)
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        return tree.load()
