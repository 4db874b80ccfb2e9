"""Factors of a corpus on disk: a file each in one folder, written as they come and read one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import overload

from bilrp.exceptions import RelevanceFileError
from bilrp.factors import Factor, checked_factors


def _files(directory: Path) -> list[Path]:
    """Files of factors in their order. Not by `glob`, which finds nothing, without a word, where it cannot read."""
    return sorted(path for path in directory.iterdir() if path.suffix == ".npz")


class FactorFolder(Sequence[Factor]):
    """The factors of a folder in their order; each is read when it is asked for, none is held.

    Parameters
    ----------
    directory : str or Path
    """

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        if not self.directory.is_dir():
            raise RelevanceFileError(f"{self.directory}: no such folder")
        self._paths = _files(self.directory)

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, index: int) -> Factor: ...
    @overload
    def __getitem__(self, index: slice) -> list[Factor]: ...
    def __getitem__(self, index: int | slice) -> Factor | list[Factor]:
        """One factor, or a list of some, read from disk."""
        if isinstance(index, slice):
            return [Factor.load(path) for path in self._paths[index]]
        return Factor.load(self._paths[index])

    def __repr__(self) -> str:
        return f"FactorFolder({str(self.directory)!r}, {len(self)} factors)"


def save_factors(factors: Iterable[Factor], directory: str | Path) -> FactorFolder:
    """Write factors into a folder as they come, ``00000000.npz`` and so on; nothing is held.

    Parameters
    ----------
    factors : iterable of Factor
        Such as the stream of `bilrp.BiLRP.factors`.
    directory : str or Path
        Made if it is not there; must have no factors yet.

    Raises
    ------
    FileExistsError
        When there are factors already.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    if _files(directory):
        raise FileExistsError(f"{directory}: has factors already. Choose an empty folder.")
    for n, factor in enumerate(checked_factors("save_factors", factors)):
        factor.save(directory / f"{n:08d}.npz")
    return FactorFolder(directory)


def load_factors(directory: str | Path) -> FactorFolder:
    """The factors that `save_factors` wrote, read one by one as they are asked for.

    Raises
    ------
    RelevanceFileError
        When there is no such folder, or no factor in it; for a damaged file when it is read.
    """
    folder = FactorFolder(directory)
    if not folder:
        raise RelevanceFileError(f"{directory}: has no factors (.npz), expected a folder that save_factors has filled")
    return folder
