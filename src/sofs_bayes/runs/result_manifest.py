"""What every folder made from an analysis says of itself: its inputs, evidence and status."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import tomli_w

from sofs_bayes import spec
from sofs_bayes.disclosure.origin import evidence_beside, evidence_of
from sofs_bayes.errors import BadInput
from sofs_bayes.folders.manifest import Manifest, read_manifest, write_manifest
from sofs_bayes.published.facts import facts_sha256

Status = Literal["converged", "not converged", "in", "out", "too few"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a result says of itself beside its files.

    Attributes
    ----------
    evidence
        Of a `Result`: what its analysis and its inputs' hashes say, not the manifest's word.
    status
        The verdict: `converged` or not of fits, `in` or `out` of calibrations.
    """

    evidence: spec.Evidence
    status: Status
    options: dict[str, Any]
    seconds: dict[str, float]
    versions: dict[str, str]
    inputs_sha256: dict[str, str]
    withheld: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A folder that a verb made from an analysis, every file as it was written."""

    manifest: Manifest
    analysis: spec.Analysis
    said: Said


def read_result(folder: Path, *, verbs: Mapping[str, str], allowed: str) -> Result:
    """A folder that one of the verbs wrote, its files checked against its manifest.

    Parameters
    ----------
    verbs
        Each with a file that its results have.
    allowed
        What a message says is wanted.

    Raises
    ------
    BadInput
        It is of another kind, incomplete, or changed since it was written.
    """
    manifest = read_manifest(folder, allowed=allowed)
    if manifest.written_by not in verbs:
        raise BadInput(folder, "", f"a result of {manifest.written_by}", allowed)
    said = _said(manifest)
    manifest.checked(verbs[manifest.written_by])
    manifest.check()
    analysis = spec.load(manifest.checked("analysis.toml"))
    if manifest.written_by in ("fit", "disclose"):
        evidence = evidence_of(analysis, said.inputs_sha256.values(), said.evidence)
    else:
        evidence = evidence_beside(analysis, said.evidence)
    return Result(manifest=manifest, analysis=analysis, said=replace(said, evidence=evidence))


def _said(manifest: Manifest) -> Said:
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(Said).validate_python(manifest.document, extra="ignore")
    except ValidationError as error:
        place = str(error.errors()[0]["loc"][0])
        allowed = f"as {manifest.written_by} wrote it"
        raise BadInput(manifest.path, place, "a damaged manifest", allowed) from None


def describe(
    folder: Path,
    analysis: spec.Analysis,
    *,
    written_by: str,
    evidence: spec.Evidence,
    status: str,
    inputs: Mapping[str, str],
    options: Mapping[str, Any],
    seconds: Mapping[str, float],
    **more: Any,
) -> None:
    """Write `analysis.toml` and the manifest of a folder whose other files are there already.

    Parameters
    ----------
    written_by
        The verb.
    inputs
        SHA-256 by name.
    options
        What was asked for beside the analysis.
    seconds
        Time by stage.
    more
        Further entries of the manifest.
    """
    document = tomli_w.dumps(spec.to_document(analysis))
    (folder / "analysis.toml").write_text(document, encoding="utf-8", newline="")
    manifest = {
        "analysis": analysis.name,
        "analysis_sha256": spec.fingerprint(analysis),
        "facts_sha256": facts_sha256(),
        "evidence": evidence,
        "status": status,
        "inputs_sha256": dict(inputs),
        "options": dict(options),
        "seconds": {stage: round(value, 3) for stage, value in seconds.items()},
        **more,
    }
    write_manifest(folder, manifest, written_by=written_by)
