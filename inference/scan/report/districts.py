"""Which folder of a photo's path is its district."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Final

from inference.scan.inputs import MEMBER
from inference.scan.record import Record

_DEEPEST: Final = 8  # folders looked at
_WHOLE: Final = "全部"
_OTHER: Final = "（其他）"


@dataclass(frozen=True, slots=True)
class Districts:
    """How a photo's district is read from its record.

    Attributes:
        level: Which folder of the path, from 1; 0: the source; None: there is nothing to tell districts by.
        known: Districts that have a column of their own; others are added up.
    """

    level: int | None
    known: frozenset[str]

    def of(self, record: Record) -> str:
        """A photo's district."""
        if self.level is None:
            return _WHOLE
        name = _name(record, self.level)
        return name if name in self.known else _OTHER

    @property
    def explanation(self) -> str:
        """How districts were told, for readers."""
        if self.level is None:
            return "照片路径中没有可用作片区的文件夹层级，全部合并统计。"
        if self.level == 0:
            return "片区按照片来源（扫描时给出的 SOURCE）划分。"
        return f"片区取照片路径的第 {self.level} 级文件夹名（可用 --district-level 另行指定）。"


@dataclass(slots=True)
class DistrictChooser:
    """Looks at all paths, and takes the first level of folders that tells photos apart without telling too many.

    Args:
        most: Names above which a level is not taken.
        level: The level that the user wants, or None.
    """

    most: int
    level: int | None = None
    _names: list[dict[str, int]] = field(default_factory=lambda: [{} for _ in range(_DEEPEST + 1)])

    def add(self, record: Record) -> None:
        """Take note of a photo's folders."""
        for level, name in enumerate(_names(record)):
            names = self._names[level]
            if name in names or len(names) <= max(self.most, 1) or level == self.level:
                names[name] = names.get(name, 0) + 1

    def chosen(self) -> Districts:
        """The districts."""
        if self.level is not None:
            return self._at(self.level)
        for level in (*range(1, _DEEPEST + 1), 0):
            if 1 < len(self._names[level]) <= self.most:
                return self._at(level)
        return Districts(None, frozenset())

    def _at(self, level: int) -> Districts:
        """The districts of a level, those with the most photos told apart."""
        names = sorted(self._names[level], key=lambda name: (-self._names[level][name], name))
        return Districts(level, frozenset(names[: self.most]))


def _names(record: Record) -> list[str]:
    """The source, then the folders of the path, an archive's name among them."""
    folders = PurePath(record.path.replace(MEMBER, "/")).parts[:-1]
    return [record.source, *folders[:_DEEPEST]]


def _name(record: Record, level: int) -> str:
    names = _names(record)
    return names[level] if level < len(names) else "（无）"
