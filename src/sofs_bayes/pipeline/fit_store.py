"""Finished fits of an interrupted analysis, kept until its run folder is written."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr


NOTE = "key.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class FitStore:
    """A folder of draws by the name of the fit; of no use to any other analysis or data.

    It holds posteriors of the cells' rates, and is deleted with `close`.
    """

    folder: Path
    key: str

    def draws(self, name: str) -> "tuple[xr.Dataset, xr.Dataset] | None":
        """The draws and the sampler's statistics of a finished fit, if it is there."""
        import xarray as xr

        path = self._path(name)
        if not path.is_file():
            return None
        with xr.open_datatree(path, engine="h5netcdf") as tree:
            loaded = tree.load()
        return loaded["posterior"].to_dataset(), loaded["sample_stats"].to_dataset()

    def keep(self, name: str, posterior: "xr.Dataset", statistics: "xr.Dataset") -> None:
        """Write a finished fit whole."""
        import xarray as xr

        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / NOTE).write_text(self.key, encoding="utf-8")
        tree = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": statistics})
        path = self._path(name)
        partial = path.with_suffix(".partial")
        tree.to_netcdf(partial, engine="h5netcdf")
        partial.replace(path)

    def close(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, name: str) -> Path:
        safe = "".join(c if c.isalnum() else f"_{ord(c):x}_" for c in name)
        return self.folder / f"{safe}.nc"


def open_store(folder: Path, key: Mapping[str, Any]) -> FitStore:
    """The store in a folder: what is there is kept if it was made for the same key, else deleted.

    Parameters
    ----------
    folder
        Made with the first fit that is kept.
    key
        Whatever decides the draws: hashes of analysis and data, versions.
    """
    wanted = json.dumps(key, sort_keys=True)
    note = folder / NOTE
    if folder.exists() and not (note.is_file() and note.read_text(encoding="utf-8") == wanted):
        shutil.rmtree(folder)
    return FitStore(folder=folder, key=wanted)
