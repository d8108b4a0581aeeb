"""Analyses in TOML, counts, run folders and kept pieces, damaged in any way."""

import copy
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.trying import called, examples, tried

from sofs_bayes import spec
from sofs_bayes.folders.manifest import NAME, sha256
from sofs_bayes.folders.store import Store, open_store
from sofs_bayes.pipeline.fits import fit_folder
from sofs_bayes.runs.run_folder import open_posterior, read

BUNDLED = {
    name: spec.read_toml(path)
    for name, path in spec.bundled_models().items()
    if name in ("icpc-printed", "icpc-children", "icpc-linear", "icpc-open-data", "cla-logistic")
}
DFE = Path(__file__).parents[1] / "data" / "dfe"


# ------------------------------------------------------------------------------------ analyses


def places_of(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The keys under which anything stands, one after another."""
    inner = document.items() if isinstance(document, dict) else enumerate(document)
    found = []
    for key, value in inner:
        found.append((*path, key))
        if isinstance(value, dict | list):
            found += places_of(value, (*path, key))
    return found


def put(document: Any, path: tuple[Any, ...], value: Any) -> None:
    for key in path[:-1]:
        document = document[key]
    document[path[-1]] = value


VALUES = st.one_of(
    st.text(max_size=20),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.booleans(),
    st.just([]),
    st.just({}),
    st.lists(st.integers(-9, 9) | st.text(max_size=3), max_size=3),
    st.dictionaries(st.text(min_size=1, max_size=5), st.integers(-9, 9), max_size=2),
    st.sampled_from(["../up", "/abs", "a\x00b", "x" * 10_000, "icpc-printed", "nan", "\u200b"]),
)


@given(name=st.sampled_from(sorted(BUNDLED)), value=VALUES, seed=st.integers(0, 10**6))
@examples(60)
def test_any_value_in_any_place_of_an_analysis(
    tmp_path_factory: pytest.TempPathFactory, name: str, value: Any, seed: int
) -> None:
    document = copy.deepcopy(BUNDLED[name])
    put(document, random.Random(seed).choice(places_of(document)), value)
    path = tmp_path_factory.mktemp("analysis") / "a.toml"
    path.write_bytes(tomli_w.dumps(document).encode("utf-8", "surrogatepass"))
    called("analyses: values", lambda: spec.load(path), faulty=False)


@given(name=st.sampled_from(sorted(BUNDLED)), seed=st.integers(0, 10**6), lacking=st.booleans())
@examples(40)
def test_a_key_that_is_not_known_is_refused_and_one_that_lacks_is_named(
    tmp_path_factory: pytest.TempPathFactory, name: str, seed: int, lacking: bool
) -> None:
    document, rng = copy.deepcopy(BUNDLED[name]), random.Random(seed)
    path = tmp_path_factory.mktemp("analysis") / "a.toml"
    place = rng.choice([p for p in places_of(document) if isinstance(p[-1], str)])
    if lacking:
        inside = document
        for key in place[:-1]:
            inside = inside[key]
        del inside[place[-1]]
    else:
        document["kindd"] = 1
    path.write_text(tomli_w.dumps(document), encoding="utf-8")
    called("analyses: keys", lambda: spec.load(path), faulty=not lacking)


@given(name=st.sampled_from(sorted(BUNDLED)), seed=st.integers(0, 10**6))
@examples(60)
def test_any_byte_of_an_analysis(
    tmp_path_factory: pytest.TempPathFactory, name: str, seed: int
) -> None:
    content, rng = tomli_w.dumps(BUNDLED[name]).encode(), random.Random(seed)
    place = rng.randrange(len(content))
    path = tmp_path_factory.mktemp("analysis") / "a.toml"
    path.write_bytes(content[:place] + bytes([rng.randrange(256)]) + content[place + 1 :])
    called("analyses: bytes", lambda: spec.load(path), faulty=False)


# -------------------------------------------------------------------------------------- counts


@given(seed=st.integers(0, 10**6), value=st.text(max_size=8) | st.just("\x00"))
@examples(12)
def test_any_text_in_any_cell_of_a_file_of_counts(
    tmp_path_factory: pytest.TempPathFactory, seed: int, value: str
) -> None:
    folder, rng = tmp_path_factory.mktemp("counts"), random.Random(seed)
    files = sorted(DFE.glob("*.csv"))
    chosen = rng.choice(files)
    for path in files:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        if path == chosen:
            place = rng.randrange(len(lines))
            cells = lines[place].split(",")
            cells[rng.randrange(len(cells))] = value
            lines[place] = ",".join(cells)
        content = "\n".join(lines).encode("utf-8", "surrogatepass")
        (folder / path.name).write_bytes(content)
    (folder / "out").mkdir()
    output = folder / "out" / "panel.csv"
    words = ["open-data", str(folder), "--analysis", str(DFE / "made-up.toml"), "-o", str(output)]
    tried("counts", words, output, faulty=False)


# ------------------------------------------------------------------------------------- results


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder, _ = fit_folder(spec.load("cla-printed"), (), tmp_path_factory.mktemp("runs") / "run")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def damaged(content: bytes, rng: random.Random) -> bytes:
    place, kind = rng.randrange(len(content)), rng.randrange(3)
    if kind == 0:
        return content[:place]
    if kind == 1:
        return (
            content[:place]
            + bytes([content[place] ^ (1 << rng.randrange(8))])
            + content[place + 1 :]
        )
    return content[:place] + rng.randbytes(8) + content[place + 8 :]


def opened(folder: Path) -> None:
    read(folder)
    open_posterior(folder)


@given(seed=st.integers(0, 10**6))
@examples(25)
def test_a_run_with_a_damaged_file_is_refused(
    tmp_path_factory: pytest.TempPathFactory, run: dict[str, bytes], seed: int
) -> None:
    folder, rng = tmp_path_factory.mktemp("run"), random.Random(seed)
    name = rng.choice(sorted(run.keys() - {NAME}))
    content = damaged(run[name], rng)
    for each, whole in run.items():
        (folder / each).write_bytes(content if each == name else whole)
    called("runs: files", lambda: opened(folder), faulty=content != run[name])


@given(seed=st.integers(0, 10**6))
@examples(25)
def test_a_run_that_was_edited_and_hashed_again_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, run: dict[str, bytes], seed: int
) -> None:
    folder, rng = tmp_path_factory.mktemp("run"), random.Random(seed)
    for each, whole in run.items():
        (folder / each).write_bytes(whole)
    name = rng.choice(sorted(run.keys() - {NAME}))
    (folder / name).write_bytes(damaged(run[name], rng))
    manifest = json.loads(run[NAME])
    manifest["files_sha256"][name] = sha256(folder / name)
    (folder / NAME).write_text(json.dumps(manifest), encoding="utf-8")
    called("runs: hashed again", lambda: opened(folder), faulty=False)


@given(seed=st.integers(0, 10**6), value=VALUES)
@examples(25)
def test_any_value_in_any_place_of_a_manifest(
    tmp_path_factory: pytest.TempPathFactory, run: dict[str, bytes], seed: int, value: Any
) -> None:
    folder = tmp_path_factory.mktemp("run")
    for each, whole in run.items():
        (folder / each).write_bytes(whole)
    manifest = json.loads(run[NAME])
    put(manifest, random.Random(seed).choice(places_of(manifest)), value)
    text = json.dumps(manifest)
    (folder / NAME).write_bytes(text.encode("utf-8", "surrogatepass"))
    called("runs: manifests", lambda: opened(folder), faulty=False)


# -------------------------------------------------------------------------------------- pieces


@given(content=st.binary(min_size=1, max_size=300), seed=st.integers(0, 10**6))
@examples(100)
def test_a_damaged_piece_is_not_there_or_is_what_was_kept(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, seed: int
) -> None:
    store: Store = open_store(tmp_path_factory.mktemp("store") / "s", "0" * 64)
    store.put("00007", content)
    (path,) = store.folder.iterdir()
    whole = path.read_bytes()
    broken = damaged(whole, random.Random(seed))
    path.write_bytes(broken)

    def gone_or_whole() -> None:
        again: Callable[[str], bytes | None] = open_store(store.folder, "0" * 64).get
        assert again("00007") == (content if broken == whole else None)

    called("pieces", gone_or_whole, faulty=False)
