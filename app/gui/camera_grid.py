"""All cameras on the screen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from PyQt5.QtCore import QSize, pyqtSignal
from PyQt5.QtGui import QResizeEvent
from PyQt5.QtWidgets import QWidget
from typing_extensions import override

from app.gui.camera_view import FOOTER, HEADER, CameraView
from app.gui.style import GAP
from app.pipeline import CameraStatus, Status
from tracker.types import Result

USUAL_SHAPE = 1.5
"""Width to height of a picture where none is known yet: between 4:3 and 16:9."""


def best_columns(count: int, width: int, height: int, *, shape: float = USUAL_SHAPE) -> int:
    """The number of columns that shows ``count`` pictures largest in a room of the given pixels.

    shape: width to height of the pictures.
    """

    def picture_height(columns: int) -> float:
        rows = math.ceil(count / columns)
        return min(width / columns / shape, height / rows - HEADER - FOOTER)

    return max(range(1, max(1, count) + 1), key=picture_height)


class CameraGrid(QWidget):
    """As many cameras as there are, each as large as fits; a double click shows one alone, or all again.

    *Signals*:
      person_clicked(int): the identity whose box was clicked.
    """

    person_clicked = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.views: dict[str, CameraView] = {}
        self.enlarged: str | None = None
        self.setMinimumSize(320, 240)

    def set_cameras(self, names: Sequence[str]) -> None:
        """These cameras and no others, in this order, without pictures yet."""
        for view in self.views.values():
            view.setParent(None)
            view.deleteLater()
        self.views = {name: self._view(name) for name in names}
        self.enlarge(None)

    def show_results(self, results: Mapping[str, Result]) -> None:
        """The newest frame of some of the cameras."""
        first = False
        for name, result in results.items():
            if name in self.views:
                first = first or self.views[name].result is None
                self.views[name].set_result(result)
        if first:
            self._arrange()

    def set_status(self, status: Status) -> None:
        for camera in status.cameras:
            if camera.name in self.views:
                self.views[camera.name].set_status(camera)

    def set_state(self, state: str) -> None:
        """One state for all cameras, where no run reports any."""
        for view in self.views.values():
            view.set_status(CameraStatus(view.name, state))

    def set_ended(self) -> None:
        """The run is over: the last figures stay."""
        for view in self.views.values():
            view.set_status(replace(view.status, state="ended", problem=""))

    def set_names(self, names: Mapping[int, str]) -> None:
        for view in self.views.values():
            view.set_names(names)

    def enlarge(self, name: str | None) -> None:
        """Shows one camera alone, or all of them."""
        self.enlarged = name
        for view in self.views.values():
            view.setVisible(name is None or view.name == name)
        self._arrange()

    @override
    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self._arrange()

    def _view(self, name: str) -> CameraView:
        view = CameraView(name, self)
        view.double_clicked.connect(partial(self._toggle, name))
        view.person_clicked.connect(self.person_clicked)
        return view

    def _toggle(self, name: str) -> None:
        self.enlarge(None if self.enlarged == name else name)

    def shape(self) -> float:
        """Width to height of the cameras' pictures, their mean."""
        sizes = [view.result.frame.size for view in self.views.values() if view.result is not None]
        if not sizes:
            return USUAL_SHAPE
        shapes = [width / height for width, height in sizes]
        return sum(shapes) / len(shapes)

    def _arrange(self) -> None:
        shown = [view for view in self.views.values() if self.enlarged in (None, view.name)]
        arrange(shown, self.size(), shape=self.shape())


def arrange(shown: Sequence[QWidget], room: QSize, *, shape: float | None) -> None:
    """Puts widgets that show pictures of that shape into a room, each as large as fits."""
    if not shown:
        return
    columns = best_columns(len(shown), room.width(), room.height(), shape=shape or USUAL_SHAPE)
    rows = math.ceil(len(shown) / columns)
    width = (room.width() - GAP * (columns - 1)) // columns
    height = (room.height() - GAP * (rows - 1)) // rows
    for number, view in enumerate(shown):
        row, column = divmod(number, columns)
        in_row = min(columns, len(shown) - row * columns)
        indent = (columns - in_row) * (width + GAP) // 2
        view.setGeometry(indent + column * (width + GAP), row * (height + GAP), width, height)
