"""A finished fit as a folder of plain files, written whole or not at all.

Files: `analysis.toml`, `manifest.json` (hashes, seeds, versions, timings, evidence, status),
`posterior.nc`, `diagnostics.json`, `effects.csv`, `probabilities.csv`, further CSVs a figure
or table is made from, `figures/`. No data of single children is ever stored: the posterior
is stripped to the whitelisted variables given with it.
"""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypedDict

from sofs_bayes import spec
from sofs_bayes.checks.registry import FILES
from sofs_bayes.errors import BadInput, counted
from sofs_bayes.estimands import EffectRow, ProbabilityRow
from sofs_bayes.folders.given import check_there
from sofs_bayes.folders.manifest import read_manifest, write_json
from sofs_bayes.folders.store import to_bytes
from sofs_bayes.folders.temporary import temporary_folder
from sofs_bayes.folders.whole import new_folder
from sofs_bayes.records.csv_rows import read_rows, rows_to_csv
from sofs_bayes.records.netcdf_links import check_no_links
from sofs_bayes.runs.result_manifest import Status, describe, read_result
from sofs_bayes.spec.keys import Kind

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


OF_FIT = {"fit": "effects.csv", "disclose": "effects.csv"}
ALWAYS_THERE = ("analysis.toml", "effects.csv", "probabilities.csv", "diagnostics.json")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Run:
    """What one fit leaves behind.

    Attributes
    ----------
    analysis, evidence, status
        What was fitted, what it rests on, `converged` or `not converged`.
    effects, probabilities
        The rows of effects.csv and probabilities.csv.
    sensitivity
        Those of sensitivity.csv: the pooled effects of refits.
    beside
        The rows of its further files by their type, as `checks.registry` has them.
    diagnostics
        As JSON: the verdict of every fit made.
    posterior
        Group `posterior` of the headline fit, already stripped; None where read without it.
    inputs
        Name of each input → SHA-256.
    seconds
        Time by stage.
    options
        What was asked for beside the analysis; part of what makes two runs the same.
    versions, files
        Of the software that made it, and SHA-256 by file name; empty before it is written.
    withheld
        What disclosure control has suppressed, in sentences for the notes of tables.
    """

    analysis: spec.FittedAnalysis
    evidence: spec.Evidence
    status: str
    effects: tuple[EffectRow, ...]
    probabilities: tuple[ProbabilityRow, ...]
    sensitivity: tuple[EffectRow, ...] = ()
    beside: Mapping[type, tuple[Any, ...]] = field(default_factory=dict)
    diagnostics: Mapping[str, Any]
    posterior: "xr.DataTree | None"
    inputs: Mapping[str, str]
    seconds: Mapping[str, float]
    options: Mapping[str, str]
    versions: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    withheld: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """In a line; thousands of rows stand behind it."""
        priors = len(self.analysis.effect_priors)
        return (
            f"<Run {self.analysis.name}: {self.evidence}, {self.status}; {priors} effect priors,"
            f" {counted(len(self.effects), 'effect')}>"
        )

    def _repr_html_(self) -> str:
        from sofs_bayes.tables.contents.effects import run_html

        return run_html(self)

    def to_frame(self) -> "pd.DataFrame":
        """The rows of effects.csv as a data frame, with evidence and status in each row."""
        import pandas as pd

        names = [each.name for each in fields(EffectRow)]
        rows = [[getattr(row, name) for name in names] for row in self.effects]
        return pd.DataFrame(rows, columns=names).assign(evidence=self.evidence, status=self.status)

    def rows[Row](self, kind: type[Row]) -> tuple[Row, ...]:
        """The rows of a further file, by their type; none where the run has no such file."""
        return self.beside.get(kind, ())

    @property
    def prior(self) -> str:
        """The effect prior of the headline, of refits and of checks."""
        return self.analysis.headline_prior

    @property
    def level(self) -> float:
        """That of the effects' credible intervals: the analysis's, unless another was asked for."""
        return self.effects[0].level if self.effects else self.analysis.estimands.level


def write(run: Run, target: Path, *, replace: bool = False) -> None:
    """Write the run to a new folder."""
    with new_folder(target, written_by="fit", replace=replace) as folder:
        fill(run, folder)


def fill(run: Run, folder: Path, *, written_by: str = "fit") -> None:
    """Write the run's files into an existing folder that has none of them."""
    texts = {
        "effects.csv": rows_to_csv(EffectRow, run.effects),
        "probabilities.csv": rows_to_csv(ProbabilityRow, run.probabilities),
        "sensitivity.csv": rows_to_csv(EffectRow, run.sensitivity),
        **{
            f"{FILES[kind].name}.csv": rows_to_csv(kind, rows, evidence=run.evidence)
            for kind, rows in run.beside.items()
        },
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    write_json(folder / "diagnostics.json", run.diagnostics)
    if run.posterior is not None:
        (folder / "posterior.nc").write_bytes(to_bytes(run.posterior))
    describe(
        folder,
        run.analysis,
        written_by=written_by,
        evidence=run.evidence,
        status=run.status,
        inputs=run.inputs,
        options=run.options,
        seconds=run.seconds,
        seed=_seed(run.analysis),
        **({"versions": dict(run.versions)} if run.versions else {}),
        **({"withheld": list(run.withheld)} if run.withheld else {}),
    )


def packed(run: Run) -> bytes:
    """The run's files in one archive, for a store of unfinished work."""
    archive = io.BytesIO()
    with temporary_folder() as home, zipfile.ZipFile(archive, "w") as zipped:
        folder = home / "run"
        folder.mkdir()
        fill(run, folder)
        for path in sorted(folder.iterdir()):
            zipped.write(path, path.name)
    return archive.getvalue()


def unpack(content: bytes, folder: Path) -> None:
    """Write a packed run's files into a new folder."""
    folder.mkdir(parents=True)
    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        zipped.extractall(folder)


def _seed(analysis: spec.FittedAnalysis) -> int:
    return analysis.seed if isinstance(analysis, spec.PrintedAnalysis) else analysis.sampler.seed


def read(folder: Path | str) -> Run:
    """A run folder read back, without draws; for its errors see `pipeline.levels.read_run`."""
    result = read_result(Path(folder), verbs=OF_FIT, allowed=_allowed(Path(folder)))
    manifest, said, analysis = result.manifest, result.said, result.analysis
    paths = {name: manifest.checked(name) for name in ALWAYS_THERE}
    there = {kind: f"{kept.name}.csv" for kind, kept in FILES.items()}
    sensitivity = "sensitivity.csv" in manifest.files
    if isinstance(analysis, spec.ChildrenAnalysis):
        place, found = "kind", repr(analysis.kind)
        raise BadInput(paths["analysis.toml"], place, found, "an analysis that can be fitted")
    return Run(
        analysis=analysis,
        evidence=said.evidence,
        status=said.status,
        effects=_rows(paths["effects.csv"], EffectRow, said.evidence),
        probabilities=_rows(paths["probabilities.csv"], ProbabilityRow, said.evidence),
        sensitivity=_rows(manifest.checked("sensitivity.csv"), EffectRow, said.evidence)
        if sensitivity
        else (),
        beside={
            kind: _rows(manifest.checked(name), kind, said.evidence)
            for kind, name in there.items()
            if name in manifest.files
        },
        diagnostics=_diagnostics(paths["diagnostics.json"]),
        posterior=None,
        inputs=said.inputs_sha256,
        seconds=said.seconds,
        options=said.options,
        versions=said.versions,
        files=manifest.files,
        withheld=tuple(said.withheld),
    )


def _rows[Row](path: Path, kind: type[Row], evidence: spec.Evidence) -> tuple[Row, ...]:
    """Rows whose evidence is what they rest on, whatever the file says."""
    rows = read_rows(path, kind)
    if not any(each.name == "evidence" for each in fields(kind)):  # type: ignore[arg-type]
        return tuple(rows)
    return tuple(replace(row, evidence=evidence) for row in rows)  # type: ignore[type-var]


def _allowed(folder: Path) -> str:
    allowed = "a run folder written by fit"
    if (check_there(folder, allowed) / "runs").is_dir():
        return f"one of the run folders in {folder / 'runs'}"
    return allowed


class _Failure(TypedDict):
    quantity: str
    measure: str
    value: float | None
    limit: float


class _OfFit(TypedDict):
    """Which fit a verdict is on: its effect prior, and what it changes about the headline."""

    prior: str
    kind: Kind
    subject: str
    factor: float | None
    reading: str


class _Sampled(_OfFit):
    """The verdict on a fit that was sampled; null where a measure is undefined."""

    status: Status
    failures: list[_Failure]
    max_rhat: float | None
    min_ess_bulk: float | None
    min_ess_tail: float | None
    min_bfmi: float | None
    divergences: int
    draws: int
    quantities: int
    pareto_k: NotRequired[float | None]


class _Computed(_OfFit):
    """The verdict on a fit on a grid."""

    status: Status
    edge_mass: float
    max_edge_mass: float
    star_evidence: float
    star_fit: NotRequired[float]
    correlation_told: NotRequired[float]
    bracketed: NotRequired[bool]


class _OfSampled(TypedDict):
    method: Literal["nutpie"]
    status: Status
    fits: dict[str, _Sampled]


class _OfComputed(TypedDict):
    method: Literal["quadrature"]
    status: Status
    fits: dict[str, _Computed]


def _diagnostics(path: Path) -> Mapping[str, Any]:
    """The verdict of every fit of a run, by its name."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(_OfSampled | _OfComputed).validate_json(path.read_bytes())
    except ValidationError:
        raise BadInput(path, "", "a damaged file", "as fit wrote it") from None


def open_posterior(folder: Path | str) -> "xr.DataTree":
    """The stored draws of a run folder, group `posterior`, read into memory.

    Parameters
    ----------
    folder
        A folder `fit` wrote.

    Returns
    -------
    DataTree
        Dims `chain` and `draw` first; for ArviZ.

    Raises
    ------
    BadInput
        Not a run folder, or its draws are missing or changed.

    Examples
    --------
    >>> draws = sb.open_posterior("runs/icpc")
    >>> sorted(draws["posterior"].dims)[:2]
    ['...', ...]
    """
    import xarray as xr

    folder = Path(folder)
    path = read_manifest(folder, allowed=_allowed(folder)).checked("posterior.nc")
    check_no_links(path)
    try:
        with xr.open_datatree(path, engine="h5netcdf") as tree:
            return tree.load()
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(path, "", "a damaged file", "netCDF as fit wrote it") from error
