"""A hierarchical analysis and its cells → a Run."""

from collections.abc import Mapping, MutableMapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sofs_bayes.checks.sensitivity import MAIN, LeaveOut
from sofs_bayes.errors import BadInput
from sofs_bayes.estimands import EffectRow, Label, ProbabilityRow
from sofs_bayes.folders.given import check_there
from sofs_bayes.folders.manifest import check_listed, read_manifest, sha256
from sofs_bayes.folders.store import Store, from_bytes, to_bytes
from sofs_bayes.pipeline.children import matched_file
from sofs_bayes.pipeline.children_changes import changes, departure_sd, setting_of
from sofs_bayes.pipeline.children_checks import shown_beside, shown_of_all
from sofs_bayes.pipeline.watching import Progress, silent, timed
from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.spec import HierarchicalAnalysis

if TYPE_CHECKING:
    import xarray as xr

    from sofs_bayes.bayes.blocks import Blocks, Setting
    from sofs_bayes.bayes.cell_data import CellData
    from sofs_bayes.bayes.children_model import Form
    from sofs_bayes.bayes.sampling import Compiled
    from sofs_bayes.cells.dataset import Cells
    from sofs_bayes.checks.diagnostics import Gate

FILES = ("cells.nc", "cells.csv", "matched.parquet")

ChildrenPrograms = MutableMapping["Form", "Compiled"]

# What is stored of a posterior: parameters, never a cell's or an authority-year's.
NOT_STORED = ("shock",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildrenFit:
    """One fit of children's cells.

    Attributes
    ----------
    data, blocks, setting
        What was fitted, and what the fit changed about the analysis.
    posterior
        Named draws, as `bayes.children_draws.named` gives them.
    answers
        Effects by estimand, dims (chain, draw).
    gate
        The verdict on the draws.
    """

    data: "CellData"
    blocks: "Blocks"
    setting: "Setting"
    posterior: "xr.Dataset"
    answers: "Mapping[Any, xr.DataArray]"
    gate: "Gate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What fits of one analysis share: compiled graphs, finished draws, who watches.

    Attributes
    ----------
    programs
        Compiled graphs by form, filled as they are made; pass one mapping to several analyses.
    store
        Where finished draws are kept, so that an interrupted analysis goes on; None for nowhere.
    seconds
        Time by stage, filled.
    """

    analysis: HierarchicalAnalysis
    programs: ChildrenPrograms
    store: "Store | None"
    seconds: dict[str, float]
    progress: Progress = silent


def children_file(path: Path | str) -> Path:
    """The file of cells or matched children at a path, or in a folder.

    Raises
    ------
    BadInput
        There is none, or more than one; it is not as it was written.
    """
    path = check_there(path, "what collapse or match wrote")
    if path.is_dir():
        allowed = "a folder that collapse or match wrote"
        manifest = read_manifest(path, allowed=allowed)
        names = [f"{s}{n}" for s in ("", "synthetic-") for n in FILES]
        found = [name for name in names if name in manifest.files]
        if len(found) != 1:
            raise BadInput(path, "", f"{len(found)} files of cells or matched children", allowed)
        manifest.check()
        return path / found[0]
    if path.suffix == ".parquet":
        return matched_file(path)
    check_listed(path)  # cells may be carried elsewhere without their manifest
    return path


def children_cells(path: Path | str, analysis: HierarchicalAnalysis) -> "Cells":
    """The cells at a path; matched children are collapsed in memory.

    Parameters
    ----------
    path
        As `children_file` takes it.

    Raises
    ------
    BadInput
        There are none, or they are of another analysis.
    """
    from sofs_bayes.cells.collapse import collapse
    from sofs_bayes.cells.files import read_cells

    file = children_file(path)
    if file.suffix == ".parquet":
        products = analysis.model.likelihood == "gaussian"
        return collapse(file, analysis.children, products=products)
    return read_cells(file, analysis.children)


def fit_children(
    analysis: HierarchicalAnalysis,
    data: Path | str,
    *,
    leave_out: LeaveOut = "pilots",
    quick: bool = False,
    store: "Store | None" = None,
    programs: ChildrenPrograms | None = None,
    progress: Progress = silent,
) -> Run:
    """The hierarchical DiD of children: every prior, the checks, and the refits.

    Parameters
    ----------
    data
        As `children_cells` takes it.
    leave_out
        Whether the fit is repeated without each pilot, without each authority, or not at all.
    quick
        Whether all refits but those with other effect priors are left out.
    store, programs
        As in `Workshop`.

    Returns
    -------
    Run
        Evidence `synthetic` or `records`, as the cells say. The headline is the first effect
        prior; refits use it too.
    """
    from sofs_bayes.bayes.cell_data import cell_data

    shop = Workshop(
        analysis=analysis,
        programs={} if programs is None else programs,
        store=store,
        seconds={},
        progress=progress,
    )
    progress(f"{analysis.name}: reading")
    with timed(shop.seconds, "read"):
        file, cells = children_file(data), children_cells(data, analysis)
        seen = cell_data(cells, analysis)
    found = _Collected.of(analysis, cells.patterns.attrs["evidence"])
    departure = departure_sd(cells, analysis)
    mains = {
        name: one_fit(shop, seen, setting_of(analysis, name, departure), f"{MAIN} / {name}")
        for name in analysis.effect_priors
    }
    for name, fit in mains.items():
        found.add(fit, prior=name, variant=MAIN)
    first = next(iter(mains))
    changed = changes(cells, analysis, seen, departure, leave_out=leave_out, quick=quick)
    refits = {}
    for name, (other, setting) in changed.items():
        refits[name] = one_fit(shop, other, setting, f"{name} / {first}")
        found.add(refits[name], prior=first, variant=name)
    progress(f"{analysis.name}: checks")
    with timed(shop.seconds, "checks"):
        main = mains[first]

        def refit(other: "CellData", name: str) -> "xr.Dataset":
            again = one_fit(shop, other, main.setting, f"{name} / {first}")
            found.judge(again, f"{name} / {first}")
            return again.posterior

        beside = shown_beside(analysis, main, refits, None if quick else refit)
        beside |= shown_of_all(analysis, cells, mains)
    return Run(
        analysis=analysis,
        evidence=found.evidence,
        status=found.status,
        effects=tuple(found.effects),
        probabilities=tuple(found.probabilities),
        extra={"sensitivity": (EffectRow, tuple(found.sensitivity))} | beside,
        diagnostics={"method": "nutpie", "status": found.status, "fits": found.verdicts},
        posterior=_stripped(mains[first]),
        inputs={file.name: sha256(file)},
        seconds=shop.seconds,
        options={"leave_out": leave_out, "quick": "yes" if quick else "no"},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Collected:
    """What the fits of one analysis add up to; filled as they come."""

    analysis: HierarchicalAnalysis
    evidence: Any
    effects: list[EffectRow]
    probabilities: list[ProbabilityRow]
    sensitivity: list[EffectRow]
    verdicts: dict[str, Any]

    @classmethod
    def of(cls, analysis: HierarchicalAnalysis, evidence: str) -> "_Collected":
        return cls(
            analysis=analysis,
            evidence=evidence,
            effects=[],
            probabilities=[],
            sensitivity=[],
            verdicts={},
        )

    def add(self, fit: ChildrenFit, *, prior: str, variant: str) -> None:
        """Rows of a fit: all of its effects, or (for a refit) the pooled ones alone."""
        from sofs_bayes.estimands import did

        label = Label(prior=prior, variant=variant, evidence=self.evidence, status=fit.gate.status)
        wanted = self.analysis.estimands
        rows = did.effect_rows(fit.answers, wanted, label)
        if variant == MAIN:
            self.effects.extend(rows)
            self.probabilities.extend(did.probability_rows(fit.answers, wanted, label))
            self.probabilities.extend(did.largest_pilot_rows(fit.answers, label))
        else:
            self.sensitivity.extend(row for row in rows if row.target == "pooled")
        self.judge(fit, f"{variant} / {prior}")

    def judge(self, fit: ChildrenFit, name: str) -> None:
        """Keep the gate's verdict on a fit: a refused one refuses the run."""
        self.verdicts[name] = asdict(fit.gate) | {"status": fit.gate.status}

    @property
    def status(self) -> str:
        """`converged` if every fit was."""
        passed = all(verdict["status"] == "converged" for verdict in self.verdicts.values())
        return "converged" if passed else "not converged"


def one_fit(shop: Workshop, data: "CellData", setting: "Setting", name: str) -> ChildrenFit:
    """One fit of an analysis, sampled or taken from the store.

    Parameters
    ----------
    name
        Of the fit: it decides the random numbers, and finds the draws in the store.
    """
    from sofs_bayes.bayes.blocks import blocks
    from sofs_bayes.bayes.in_use import in_use
    from sofs_bayes.bayes.sampling import stage_seed
    from sofs_bayes.checks.diagnostics import gate
    from sofs_bayes.estimands.children import children_effects

    analysis = shop.analysis
    design = blocks(data, analysis, setting)
    stored = shop.store.get(name) if shop.store else None
    posterior, statistics = _unpacked(stored) if stored else _sampled(shop, data, design, name)
    seed = stage_seed(analysis.sampler.seed, f"new authority / {name}")
    with timed(shop.seconds, "effects"):
        tails = analysis.model.degrees_of_freedom if analysis.model.tails == "student t" else None
        answers = children_effects(posterior, data, design, seed=seed, degrees_of_freedom=tails)
        derived = {" / ".join(asdict(each).values()): draws for each, draws in answers.items()}
        verdict = gate(in_use(posterior, design), derived, statistics)
    return ChildrenFit(
        data=data,
        blocks=design,
        setting=setting,
        posterior=posterior,
        answers=answers,
        gate=verdict,
    )


def _sampled(
    shop: Workshop, data: "CellData", design: "Blocks", name: str
) -> "tuple[xr.Dataset, xr.Dataset]":
    from sofs_bayes.bayes.children_draws import named
    from sofs_bayes.bayes.children_model import build_model, form_of, model_data
    from sofs_bayes.bayes.sampling import compile_graph, sample, stage_seed

    analysis = shop.analysis
    form, arrays = form_of(data, design, analysis), model_data(data, design, analysis)
    if form not in shop.programs:
        shop.progress(f"{analysis.name}: compiling")
        with timed(shop.seconds, "compile"):
            shop.programs[form] = compile_graph(build_model(form, arrays))
    shop.progress(f"{analysis.name}: {name}")
    with timed(shop.seconds, "sample"):
        tree = sample(shop.programs[form], analysis.sampler, data=arrays, stage=name)
    raw, statistics = (tree[group].to_dataset() for group in ("posterior", "sample_stats"))
    seed = stage_seed(analysis.sampler.seed, f"effects / {name}")
    with timed(shop.seconds, "effects"):
        posterior = named(raw, data, design, arrays, seed=seed)
    statistics = statistics[["diverging", "energy"]]
    if shop.store:
        import xarray as xr

        groups = {"posterior": posterior, "sample_stats": statistics}
        shop.store.put(name, to_bytes(xr.DataTree.from_dict(groups)))
    return posterior, statistics


def _unpacked(content: bytes) -> "tuple[xr.Dataset, xr.Dataset]":
    """Draws and the sampler's statistics, as `_sampled` kept them."""
    tree = from_bytes(content)
    return tree["posterior"].to_dataset(), tree["sample_stats"].to_dataset()


def _stripped(fit: ChildrenFit) -> "xr.DataTree":
    """Group `posterior` with the parameters in use, and nothing of cells."""
    import xarray as xr

    from sofs_bayes.bayes.in_use import in_use

    kept = in_use(fit.posterior, fit.blocks).drop_vars(NOT_STORED, errors="ignore")
    return xr.DataTree.from_dict({"posterior": kept.drop_attrs()})
