"""The folder of model packages from which the service may load; nothing outside it can be named over the network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from inference.package import DESCRIPTION, ModelDescription, PackageError, read_description
from inference.service.problems import AMBIGUOUS_MODEL, UNKNOWN_MODEL, Problem


@dataclass(frozen=True, slots=True)
class Found:
    """A package that was found.

    Attributes:
        path: Below the folder, with forward slashes.
        description: Its model.json, or why that cannot be read.
    """

    path: str
    description: ModelDescription | str


class ModelFolder:
    """Packages right in a folder or one folder deeper (name/version).

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def packages(self) -> Iterator[Found]:
        """What lies in it, by path; hashes are not checked yet."""
        for path in sorted({*self._root.glob(f"*/{DESCRIPTION}"), *self._root.glob(f"*/*/{DESCRIPTION}")}):
            folder = path.parent
            name = folder.relative_to(self._root).as_posix()
            try:
                self.at(name)
                yield Found(name, read_description(folder))
            except PackageError as error:
                yield Found(name, str(error))
            except Problem:
                continue  # a link that leads elsewhere

    def at(self, path: str) -> Path:
        """The package at a path below the folder.

        Raises:
            Problem: There is none, or the path leads out of the folder.
        """
        named = PurePosixPath(path)
        is_plain = path != "" and not named.is_absolute() and ".." not in named.parts and not {"\\", "\0"} & set(path)
        folder = self._root / named
        if not is_plain or not self._is_below(folder) or not (folder / DESCRIPTION).is_file():
            raise Problem(UNKNOWN_MODEL, f"There is no model package {path[:200]!r} in the folder of models.")
        return folder

    def of_version(self, version: str) -> Path:
        """The package of a version.

        Raises:
            Problem: There is none, or several.
        """
        having = [
            found.path
            for found in self.packages()
            if isinstance(found.description, ModelDescription) and found.description.version == version
        ]
        if not having:
            raise Problem(UNKNOWN_MODEL, f"No package in the folder of models has version {version[:200]!r}.")
        if len(having) > 1:
            raise Problem(AMBIGUOUS_MODEL, f"Version {version} is in {', '.join(having)}; load one by its path.")
        return self._root / having[0]

    def name_of(self, folder: Path) -> str | None:
        """The path of a package below the folder; None where it lies elsewhere."""
        return folder.relative_to(self._root).as_posix() if folder.is_relative_to(self._root) else None

    def _is_below(self, folder: Path) -> bool:
        root = self._root.resolve()
        return folder.resolve() != root and folder.resolve().is_relative_to(root)
