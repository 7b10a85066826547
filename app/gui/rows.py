"""Rows of a list that are shown, dragged and put in place of others: people, or sightings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from PyQt5.QtCore import QAbstractListModel, QByteArray, QMimeData, QModelIndex, QObject, Qt
from typing_extensions import override

from app.gui.cards import ROW_ROLE
from storage.history import PersonRow, SightingRow

PERSON_MIME = "application/x-sightline-person"
SIGHTINGS_MIME = "application/x-sightline-sightings"
"""What is dragged: ids with commas between them."""

Row = TypeVar("Row", PersonRow, SightingRow)


def dragged(kind: str, ids: Sequence[int]) -> QMimeData:
    """Ids on their way."""
    mime = QMimeData()
    mime.setData(kind, QByteArray(",".join(map(str, ids)).encode()))
    return mime


def dropped_ids(mime: QMimeData | None, kind: str) -> list[int]:
    """The ids of that kind that arrive; none where something else does."""
    if mime is None or not mime.hasFormat(kind):
        return []
    return [int(part) for part in bytes(mime.data(kind)).decode().split(",")]


class RowsModel(QAbstractListModel, Generic[Row]):
    """kind: as what its rows are dragged. title: how a row reads where it is not painted."""

    def __init__(self, kind: str, title: Callable[[Row], str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[Row] = []
        self._kind = kind
        self._title: Callable[[Row], str] = title

    @override
    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    @override
    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        row = self.rows[index.row()]
        if role == ROW_ROLE:
            return row
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._title(row)
        return None

    @override
    def flags(self, index: QModelIndex) -> Qt.ItemFlags:
        return super().flags(index) | Qt.ItemFlag.ItemIsDragEnabled

    @override
    def mimeTypes(self) -> list[str]:
        return [self._kind]

    @override
    def mimeData(self, indexes: list[QModelIndex]) -> QMimeData:  # type: ignore[override]
        return dragged(self._kind, [self.rows[index.row()].id for index in indexes])

    def replace(self, rows: list[Row]) -> None:
        """Shows these; where the same are in the same order, nothing has to be put back."""
        if [row.id for row in rows] == [row.id for row in self.rows]:
            self.rows = rows
            if rows:
                self.dataChanged.emit(self.index(0), self.index(len(rows) - 1))
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()
