"""A finished fit as a folder of plain files, written whole or not at all.

Files: `analysis.toml`, `manifest.json` (hashes, seeds, versions, timings, evidence, status),
`posterior.nc`, `diagnostics.json`, `effects.csv`, `probabilities.csv`, further CSVs a figure
or table is made from, `figures/`. No data of single children is ever stored: the posterior
is stripped to the whitelisted variables given with it.
"""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import tomli_w

from sofs_bayes import spec
from sofs_bayes.errors import BadInput
from sofs_bayes.estimands import DensityRow, EffectRow, ProbabilityRow, RateRow
from sofs_bayes.published.facts import facts_sha256
from sofs_bayes.reporting.tables import rows_to_csv
from sofs_bayes.reporting.whole_files import sha256, whole_folder

if TYPE_CHECKING:
    import xarray as xr


ALWAYS_THERE = ("analysis.toml", "effects.csv", "probabilities.csv", "diagnostics.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one fit leaves behind.

    Attributes
    ----------
    analysis, evidence, status
        What was fitted, what it rests on, `converged` or `not converged`.
    effects, probabilities
        The rows of effects.csv and probabilities.csv.
    extra
        Further dataclass rows by file name without ending: (row type, rows).
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
    extra: Mapping[str, tuple[type, tuple[Any, ...]]]
    diagnostics: Mapping[str, Any]
    posterior: "xr.DataTree | None"
    inputs: Mapping[str, str]
    seconds: Mapping[str, float]
    options: Mapping[str, str]
    versions: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    withheld: tuple[str, ...] = ()


def write(run: Run, target: Path, *, versions: Mapping[str, str], replace: bool = False) -> None:
    """Write the run to a new folder."""
    with whole_folder(target, replace=replace) as folder:
        fill(run, folder, versions=versions)


def fill(run: Run, folder: Path, *, versions: Mapping[str, str]) -> None:
    """Write the run's files into an existing, empty folder."""
    document = tomli_w.dumps(spec.to_document(run.analysis))
    (folder / "analysis.toml").write_text(document, encoding="utf-8")
    (folder / "effects.csv").write_text(rows_to_csv(EffectRow, run.effects), encoding="utf-8")
    probabilities = rows_to_csv(ProbabilityRow, run.probabilities)
    (folder / "probabilities.csv").write_text(probabilities, encoding="utf-8")
    for name, (kind, rows) in run.extra.items():
        (folder / f"{name}.csv").write_text(rows_to_csv(kind, rows), encoding="utf-8")
    _write_json(folder / "diagnostics.json", run.diagnostics)
    if run.posterior is not None:
        run.posterior.to_netcdf(folder / "posterior.nc", engine="h5netcdf")
    manifest = {
        "analysis": run.analysis.name,
        "analysis_sha256": spec.fingerprint(run.analysis),
        "facts_sha256": facts_sha256(),
        "seed": _seed(run.analysis),
        "evidence": run.evidence,
        "status": run.status,
        "inputs_sha256": dict(run.inputs),
        "options": dict(run.options),
        "seconds": {stage: round(value, 3) for stage, value in run.seconds.items()},
        "versions": dict(versions),
        **({"withheld": list(run.withheld)} if run.withheld else {}),
        "files_sha256": {
            path.name: sha256(path) for path in sorted(folder.iterdir()) if path.is_file()
        },
    }
    _write_json(folder / "manifest.json", manifest)


def _seed(analysis: spec.FittedAnalysis) -> int:
    return analysis.seed if isinstance(analysis, spec.PrintedAnalysis) else analysis.sampler.seed


def _write_json(path: Path, document: Mapping[str, Any]) -> None:
    text = json.dumps(_plain(document), indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    """The same with NaN and infinities as null, which is all JSON has for them."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value


def extra_types() -> dict[str, type]:
    """The row types of the further CSVs that run folders hold, by name without ending."""
    from sofs_bayes.checks.children_predictive import ArmYearCheck
    from sofs_bayes.checks.diagnostics import PredictiveCell, PredictiveStatistic
    from sofs_bayes.checks.loo import AuthorityLooRow, LooRow, LooSummary
    from sofs_bayes.checks.power_scaling import PowerScalingRow
    from sofs_bayes.checks.tipping import TippingPoint, TippingRow
    from sofs_bayes.estimands.rows import (
        AuthoritySizeRow,
        MonteCarloRow,
        ShrinkageRow,
        ThresholdRow,
        YearlyRateRow,
    )
    from sofs_bayes.matching.choice import LeftOut, Match
    from sofs_bayes.matching.pre_trend import PreTrendRow
    from sofs_bayes.records.notices import Notice

    return {
        "densities": DensityRow,
        "thresholds": ThresholdRow,
        "yearly_rates": YearlyRateRow,
        "authority_sizes": AuthoritySizeRow,
        "sensitivity": EffectRow,
        "rates": RateRow,
        "predictive": PredictiveCell,
        "predictive_statistics": PredictiveStatistic,
        "pre_trend": PreTrendRow,
        "matches": Match,
        "left_out": LeftOut,
        "notices": Notice,
        "shrinkage": ShrinkageRow,
        "monte_carlo": MonteCarloRow,
        "tipping": TippingRow,
        "tipping_points": TippingPoint,
        "arm_years": ArmYearCheck,
        "loo": LooRow,
        "loo_summary": LooSummary,
        "authority_loo": AuthorityLooRow,
        "power_scaling": PowerScalingRow,
    }


def read(folder: Path) -> Run:
    """A run folder read back, each file checked against the manifest.

    The posterior stays in its file; `open_posterior` reads it.

    Parameters
    ----------
    folder
        A folder `fit` wrote.

    Raises
    ------
    BadInput
        Not a run folder, or one that is incomplete or changed since it was written.
    """
    manifest_path = folder / "manifest.json"
    if not manifest_path.is_file():
        raise BadInput(folder, "manifest.json", "no such file", "a run folder written by fit")
    try:
        manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
        evidence, status, options = (manifest[key] for key in ("evidence", "status", "options"))
        inputs, seconds = manifest["inputs_sha256"], manifest["seconds"]
        files = dict.fromkeys(ALWAYS_THERE, "not listed") | manifest["files_sha256"]
    except KeyError as error:
        if (folder / "runs").is_dir():
            allowed = f"one of the run folders in {folder / 'runs'}"
            raise BadInput(folder, "", "a whole re-analysis", allowed) from error
        raise BadInput(manifest_path, "", "a damaged manifest", "as fit wrote it") from error
    except (ValueError, TypeError) as error:
        raise BadInput(manifest_path, "", "a damaged manifest", "as fit wrote it") from error
    for name, digest in files.items():
        if not (folder / name).is_file():
            raise BadInput(folder / name, "", "no such file", "the run folder as fit wrote it")
        if sha256(folder / name) != digest:
            raise BadInput(folder / name, "", "a changed file", "the run folder as fit wrote it")
    wanted = {name: kind for name, kind in extra_types().items() if f"{name}.csv" in files}
    analysis = spec.load(folder / "analysis.toml")
    if isinstance(analysis, spec.ChildrenAnalysis):
        place, found = "kind", repr(analysis.kind)
        raise BadInput(folder / "analysis.toml", place, found, "an analysis that can be fitted")
    return Run(
        analysis=analysis,
        evidence=evidence,
        status=status,
        effects=tuple(read_rows(folder / "effects.csv", EffectRow)),
        probabilities=tuple(read_rows(folder / "probabilities.csv", ProbabilityRow)),
        extra={
            name: (kind, tuple(read_rows(folder / f"{name}.csv", kind)))
            for name, kind in wanted.items()
        },
        diagnostics=json.loads((folder / "diagnostics.json").read_text(encoding="utf-8")),
        posterior=None,
        inputs=inputs,
        seconds=seconds,
        options=options,
        versions=manifest.get("versions", {}),
        files=files,
        withheld=tuple(manifest.get("withheld", ())),
    )


def open_posterior(folder: Path) -> "xr.DataTree":
    """The stored draws of a run folder, group `posterior`, read into memory."""
    import xarray as xr

    path = folder / "posterior.nc"
    if not path.is_file():
        raise BadInput(path, "", "no such file", "the run folder as fit wrote it")
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        return tree.load()


def read_rows[Row](path: Path, kind: type[Row]) -> list[Row]:
    """Dataclass rows from a CSV that `rows_to_csv` wrote; empty numbers are NaN."""
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        if reader.fieldnames != names:
            found = ", ".join(reader.fieldnames or ("nothing",))
            raise BadInput(path, "header", found, ", ".join(names))
        return [kind(**{n: _read_cell(row[n], hints[n]) for n in names}) for row in reader]


def _read_cell(text: str, hint: Any) -> Any:
    if hint is float:
        return float(text) if text else math.nan
    if hint is int:
        return int(text)
    if hint is bool:
        return text == "yes"
    return text
