"""The store of unfinished work: whole pieces of the same work come back, nothing else does."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sofs_bayes.errors import BadInput
from sofs_bayes.folders.store import Store, from_bytes, key_of, open_store, to_bytes

KEY = key_of({"analysis": "a", "data": "d"})
OTHER = key_of({"analysis": "a", "data": "e"})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "unfinished", KEY)


def only_file(store: Store) -> Path:
    (path,) = store.folder.iterdir()
    return path


def test_nothing_is_there_before_a_piece_is_kept_and_nothing_once_closed(store: Store) -> None:
    assert not store.folder.exists()
    assert store.get("main / reference") is None
    store.put("main / reference", b"draws")
    assert store.get("main / reference") == b"draws"
    assert store.get("main / sceptical") is None
    store.close()
    assert not store.folder.exists()


NAMES = st.text(min_size=1).filter(lambda name: not any("\ud800" <= c <= "\udfff" for c in name))


@given(names=st.sets(NAMES, max_size=5), content=st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_and_content_come_back(
    names: set[str], content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = open_store(tmp_path_factory.mktemp("store") / "unfinished", KEY)
    for name in names:
        store.put(name, content + name.encode())
    assert store.names() == sorted(names)
    assert all(store.get(name) == content + name.encode() for name in names)
    if names:
        assert all(path.parent == store.folder for path in store.folder.iterdir())


@pytest.mark.parametrize("damage", ["cut", "empty", "zeroed", "flipped", "header", "gone"])
def test_a_damaged_piece_counts_as_not_there_and_is_made_anew(store: Store, damage: str) -> None:
    store.put("00001", b"one result")
    path = only_file(store)
    whole = path.read_bytes()
    made = {
        "cut": whole[:-3],
        "empty": b"",
        "zeroed": bytes(len(whole)),
        "flipped": whole[:-1] + bytes([whole[-1] ^ 1]),
        "header": b"[" * 100_000 + whole,
        "gone": None,
    }[damage]
    if made is None:
        path.unlink()
    else:
        path.write_bytes(made)
    again = open_store(store.folder, KEY)
    assert again.get("00001") is None
    assert again.names() == []
    again.put("00001", b"one result")
    assert again.get("00001") == b"one result"


def test_every_flip_of_a_bit_is_seen(store: Store) -> None:
    store.put("a", b"0.5")
    path = only_file(store)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        assert store.get("a") is None, place


def test_pieces_of_another_work_are_refused_unless_they_may_go(store: Store) -> None:
    store.put("a", b"1")
    assert Store(folder=store.folder, key=OTHER).get("a") is None
    with pytest.raises(BadInput, match="results of other data, settings or versions"):
        open_store(store.folder, OTHER)
    assert open_store(store.folder, OTHER, replace=True).names() == []
    assert not store.folder.exists()


def test_a_folder_with_other_things_is_never_touched(tmp_path: Path) -> None:
    mine = tmp_path / "unfinished"
    mine.mkdir()
    (mine / "mine.txt").touch()
    for replace in (False, True):
        with pytest.raises(BadInput, match=r"other things in it \(mine\.txt\)"):
            open_store(mine, KEY, replace=replace)
    assert (mine / "mine.txt").exists()
    (tmp_path / "link").symlink_to(mine)
    with pytest.raises(BadInput, match="a file or link"):
        open_store(tmp_path / "link", KEY)


def test_half_written_pieces_of_the_dead_are_removed(store: Store) -> None:
    store.put("a", b"1")
    (store.folder / ".b.piece.0123abcd.partial").touch()
    assert open_store(store.folder, KEY).names() == ["a"]
    assert [path.name for path in store.folder.iterdir()] == ["a.piece"]


def test_a_full_disk_is_one_line(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadInput, match="unfinished: found no space left on device"):
        store.put("a", b"1")
    assert list(store.folder.iterdir()) == []


def test_draws_come_back_to_the_bit() -> None:
    rng = np.random.default_rng(1)
    posterior = xr.Dataset({"effect": (("chain", "draw", "term"), rng.normal(size=(2, 5, 3)))})
    statistics = xr.Dataset({"energy": (("chain", "draw"), rng.normal(size=(2, 5)))})
    tree = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": statistics})
    xr.testing.assert_identical(from_bytes(to_bytes(tree)), tree)


@given(
    one=st.dictionaries(st.text(), st.integers() | st.text()),
    other=st.dictionaries(st.text(), st.integers() | st.text()),
)
def test_a_key_hangs_on_all_it_is_made_of_and_not_on_its_order(
    one: dict[str, object], other: dict[str, object]
) -> None:
    assert key_of(one) == key_of(dict(reversed(one.items())))
    assert (key_of(one) == key_of(other)) == (one == other)


def test_labels_that_are_no_index_come_back_with_the_draws() -> None:
    labels = {"target": ("effect", ["pooled", "new authority"])}
    drawn = xr.Dataset({"effects": (("draw", "effect"), np.eye(2))}, coords=labels)
    tree = xr.DataTree.from_dict({"effects": drawn})
    found = from_bytes(to_bytes(tree))["effects"].to_dataset()
    assert found["target"].values.tolist() == ["pooled", "new authority"]
    np.testing.assert_array_equal(found["effects"].values, np.eye(2))
