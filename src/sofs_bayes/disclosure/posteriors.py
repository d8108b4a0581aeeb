"""Stored draws: only parameters may leave, and of single authorities only those large enough."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes.disclosure.log import LogLine
from sofs_bayes.records.netcdf_links import check_no_links
from sofs_bayes.spec.keys import NEW, OF_AUTHORITY, POOLED, PRIOR_GROUPS

if TYPE_CHECKING:
    import xarray as xr

GROUP = "posterior"
FURTHER = "further_fits"

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
        "effects",
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
EFFECT = frozenset({"chain", "draw", "effect", "role", "scale", "target", "year", "rating"})
OF_FIT = ("prior", "kind", "subject", "factor", "status")
# What each group may hold: its variables, its dimensions and coordinates.
GROUPS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    GROUP: (VARIABLES, DIMENSIONS | EFFECT),
    "prior": (VARIABLES, DIMENSIONS | EFFECT),
    "estimands": (frozenset({"effects"}), EFFECT),
    FURTHER: (frozenset(), frozenset()),
    "sample_stats": (frozenset({"diverging", "energy"}), frozenset({"chain", "draw"})),
    "log_prior": (
        frozenset(PRIOR_GROUPS),
        frozenset({"chain", "draw"}),
    ),
}
# These are of authorities' years, and leave where all of them may.
RATES = (frozenset({"rate"}), frozenset({"chain", "draw", "authority_year"}))
OF_OBSERVATIONS = ("log_likelihood", "posterior_predictive", "observed_data")
WHAT = "posterior draws"
PARAMETERS = (
    "only parameters are stored: no observed data, no predictions or likelihoods of single"
    " observations"
)
LARGE = "no draws of a single authority below the threshold, or of unknown size"
UNKNOWN = "size not known"
UNSAID = "an authority that is not named"


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
    vouched: str = "",
) -> Draws:
    """The draws without single authorities that may not be shown.

    Refused as a whole: any group that `fit` does not write, and any variable, dimension or
    coordinate that such a group does not have. Likelihoods, predictions and observed rates of
    authorities' years are taken out unless all authorities may be shown.

    Parameters
    ----------
    may_leave
        Names of authorities; None where all may.
    reasons
        Why others may not.
    vouched
        What vouches for them, in words for the log.
    """
    import xarray as xr

    stored = LogLine(output=output, what=WHAT, rule=PARAMETERS, result="passed", vouched=vouched)
    if unknown := _unknown(tree):
        action = f"not exported: {', '.join(unknown)}"
        line = replace(stored, result="refused", affected=len(unknown), action=action)
        return Draws(tree=None, log=(line,))
    left: dict[str, None] = {}
    of_effect, kept, observed = _targets(tree), {}, []
    for path, node in tree.subtree_with_keys:
        if path in (".", FURTHER):
            continue
        draws = node.to_dataset(inherit=False)
        if may_leave is not None and path in OF_OBSERVATIONS:
            observed.append(path)
        elif (own := _of_shown(draws, may_leave, left, of_effect)) is not None:
            said = {name: draws.attrs[name] for name in OF_FIT if name in draws.attrs}
            told = said if path.partition("/")[0] in ("estimands", FURTHER) else {}
            kept[path] = own.drop_attrs().assign_attrs(told)
    removed = f"removed: {', '.join(observed)}", f"draws removed: {reasons_text(left, reasons)}"
    log = tuple(
        replace(line, result="suppressed", affected=len(gone), action=action) if gone else line
        for line, gone, action in zip(
            (stored, replace(stored, rule=LARGE)), (observed, left), removed, strict=True
        )
    )
    return Draws(tree=xr.DataTree.from_dict(kept), log=log)


def _targets(tree: "xr.DataTree") -> Mapping[str, str]:
    """Whom each effect is of, where the tree says so."""
    if "estimands" not in tree.children:
        return {}
    said = tree["estimands"].to_dataset()
    if not {"effect", "target"} <= {*said.coords}:
        return {}
    pairs = zip(said["effect"].values, said["target"].values, strict=True)
    return {str(effect): str(target) for effect, target in pairs}


def _of_shown(
    draws: "xr.Dataset",
    may_leave: frozenset[str] | None,
    left: dict[str, None],
    of_effect: Mapping[str, str],
) -> "xr.Dataset | None":
    """The draws of authorities that may be shown; others' names are added to `left`.

    `of_effect` says whom an effect is of, where the draws themselves do not.

    None where all of them are of a fit without an authority that may not.
    """
    if may_leave is None:
        return draws
    if draws.attrs.get("kind") in OF_AUTHORITY and draws.attrs.get("subject") not in may_leave:
        left[str(draws.attrs.get("subject"))] = None
        return None
    if "effect" in draws.dims:
        known = {*may_leave, POOLED, NEW}
        labels = draws["target"].values if "target" in draws else draws["effect"].values
        targets = [str(each) if "target" in draws else of_effect.get(str(each)) for each in labels]
        left |= dict.fromkeys(each or UNSAID for each in targets if each not in known)
        draws = draws.isel(effect=[i for i, each in enumerate(targets) if each in known])
    for name in OF_AUTHORITIES:
        if name in draws.dims:
            here = [str(each) for each in draws[name].values]
            left |= dict.fromkeys(each for each in here if each not in may_leave)
            draws = draws.isel({name: [i for i, each in enumerate(here) if each in may_leave]})
    return draws


def _unknown(tree: "xr.DataTree") -> list[str]:
    """Groups, variables, dimensions and coordinates that `fit` does not write."""
    found = ["values outside the groups"] if tree.data_vars else []
    for path, node in tree.subtree_with_keys:
        group, _, below = path.partition("/")
        held = GROUPS.get(group, RATES if group in OF_OBSERVATIONS else None)
        if group == FURTHER and below.isdecimal():
            held = GROUPS["estimands"]
        if path == ".":
            continue
        if held is None or (below and held is not GROUPS["estimands"]):
            found.append(f"group {path}")
            continue
        variables, dimensions = held
        own = node.to_dataset(inherit=False)
        where = "" if path == GROUP else f" in group {path}"
        found += [f"variable {name}{where}" for name in own.data_vars if name not in variables]
        found += [f"dimension {name}{where}" for name in own.dims if name not in dimensions]
        found += [f"coordinate {name}{where}" for name in own.coords if name not in dimensions]
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
