"""The site: its cameras and networks, read from and written to a configuration, each camera tried."""

from __future__ import annotations

import threading
from collections.abc import Callable, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import (
    QCheckBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from app.checks.first_picture import FirstPicture, first_picture
from app.config import ConfigError, Settings
from app.gui.asking import ask_for_file, ask_for_files, ask_for_new, ask_for_text
from app.gui.combo import Combo
from app.gui.dialogs import show_problem
from app.gui.files import VIDEO_FILTER
from app.gui.region_view import RegionView
from app.gui.style import GAP
from app.gui.text import Label
from app.gui.words import count, in_window
from app.moments import MomentError, moment_of
from app.output.place import OutputError
from app.regions import Polygon
from app.site_file import SiteFile
from app.times import moment

TIMEOUT_S = 10.0
SITE_FILTER = "Configurations (*.toml);;All files (*)"
NUMBERS = {"clock_offset_s": "Clock offset, s", "fps": "Frames a second"}
KEPT = {
    "sightings_days": "Sightings, days",
    "portraits_days": "Pictures and vectors, days",
    "pictures_days": "Pictures, days",
}
TOP = {
    "detector": ("Detector", ("yolov8n",)),
    "reid": ("Re-identification", ("default",)),
    "device": ("Device", ("auto", "cpu", "cuda")),
    "detector_size": ("Detector size, pixels", ("640", "320", "960", "1280")),
    "detector_rate": ("Detector rate, frames a second", ("5", "10", "every-frame")),
    "confidence": ("Confidence", ("0.1",)),
}


class SiteDialog(QDialog):
    """What a site.toml says, to be changed. settings: what the window has now; file: where that is from.

    *Signals*:
      used(object, object): the Settings that were saved, and the path of their file.
    """

    used = pyqtSignal(object, object)
    _tried = pyqtSignal(object)

    def __init__(self, settings: Settings, path: Path | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Site")
        self.file = SiteFile.of(settings) if path is None else SiteFile.read(path)
        self.list = QListWidget()
        self.fields: dict[str, QLineEdit] = {}
        self.top: dict[str, Combo] = {}
        self.kept: dict[str, QLineEdit] = {}
        self.record = QCheckBox("Record the footage (live streams)")
        self.view = RegionView()
        self.told = Label(kind="muted", wrap=True)
        self.regions = Label(kind="muted")
        self.database = QLineEdit()
        self.buttons: dict[str, QPushButton] = {}
        self._filling = False
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="try")
        self._lay_out()
        self._connect()
        self._fill()
        self.resize(1120, 640)

    @property
    def number(self) -> int:
        """Of the camera chosen, from 0; below 0 where there is none."""
        return self.list.currentRow()

    def open_file(self, path: Path) -> None:
        """Another configuration. One that can't be read is told, and changes nothing."""
        try:
            file = SiteFile.read(path)
            file.settings()
        except ConfigError as error:
            show_problem(self, str(error))
            return
        self.file = file
        self._fill()

    def add_cameras(self, sources: list[str]) -> None:
        """A camera for each file or address, named by what is free."""
        for source in sources:
            taken = {str(row.get("name")) for row in self.file.cameras}
            stem = Path(source).stem if "://" not in source else "camera"
            names = (stem if not n else f"{stem}-{n + 1}" for n in range(len(taken) + 1))
            self.file.add({"name": next(name for name in names if name not in taken), "source": source})
        self._fill(len(self.file.cameras) - 1)

    def save(self, path: Path) -> None:
        """Writes it and uses it; what is wrong is told, and nothing is written."""
        try:
            settings = self.file.save(path)
        except (ConfigError, OutputError) as error:
            show_problem(self, str(error))
            return
        self.used.emit(settings, path)
        self.accept()

    def try_camera(self) -> None:
        """Opens the camera chosen, for its first picture, in a thread."""
        try:
            settings = self.file.settings()
        except ConfigError as error:
            self.told.setText(in_window(str(error)))
            return
        camera = settings.cameras[self.number]
        self.told.setText(f"Opening {camera.name}…")
        self.buttons["test"].setEnabled(False)
        future = self._pool.submit(
            first_picture, camera, max_pixels=settings.max_pixels, timeout_s=TIMEOUT_S, stop=self._stop
        )
        future.add_done_callback(self._deliver)

    @override
    def done(self, result: int) -> None:
        self._stop.set()
        self._pool.shutdown(wait=True)
        super().done(result)

    def _deliver(self, future: Future[FirstPicture]) -> None:
        with suppress(RuntimeError):  # the dialog is gone
            self._tried.emit(future)

    def _show_tried(self, future: Future[FirstPicture]) -> None:
        self.buttons["test"].setEnabled(True)
        tried = future.result()
        self.told.setText(tried.told)
        self.view.set_image(tried.image)

    # What the fields say

    def _row(self) -> MutableMapping[str, Any]:
        return self.file.cameras[self.number]

    def _fill(self, number: int = 0) -> None:
        """Shows the file, with a camera chosen."""
        self._filling = True
        self.list.clear()
        self.list.addItems([str(row.get("name", "")) for row in self.file.cameras])
        default = Settings(())
        for key, box in self.top.items():
            value = self.file.top.get(key, getattr(default, key))
            box.setEditText(f"{value:g}" if isinstance(value, float) else str(value))
        self.database.setText(str(self.file.top.get("database", default.database)))
        self.database.setCursorPosition(0)  # else of a long path the end alone is seen
        self.database.setToolTip(self.database.text())
        for key, field in self.kept.items():
            field.setText(_shown(self.file.top.get("keep", {}).get(key)))
        where = "not saved yet" if self.file.path is None else self.file.path.name
        self.setWindowTitle(f"Site: {where}")
        self._filling = False
        self.list.setCurrentRow(min(number, self.list.count() - 1))
        self._show_camera()

    def _show_camera(self) -> None:
        there = 0 <= self.number < len(self.file.cameras)
        for part in (*self.fields.values(), self.record, self.view):
            part.setEnabled(there)
        for key in ("test", "remove", "clear"):
            self.buttons[key].setEnabled(there)
        self._filling = True
        row = self._row() if there else {}
        for key, field in self.fields.items():
            field.setText(_shown(row.get(key)))
        self.record.setChecked(bool(row.get("record", False)))
        self.told.setText("")
        self.view.set_image(None)
        self._show_regions()
        self._filling = False

    def _show_regions(self) -> None:
        there = 0 <= self.number < len(self.file.cameras)
        told = self._row().get("ignore", []) if there else []
        self.view.set_regions([tuple((float(x), float(y)) for x, y in one) for one in told])
        number = len(told)
        self.regions.setText(
            f"{count(number, 'region')} to ignore" if number else "Draw on the picture what is to be ignored."
        )

    def _take(self, key: str, text: str) -> None:
        """A field of the camera was changed."""
        if self._filling or self.number < 0:
            return
        row, text = self._row(), text.strip()
        if not text and key not in ("name", "source"):
            row.pop(key, None)
            return
        if isinstance(row.get(key), list) and text == _shown(row[key]):
            return
        row[key] = _value(key, text)
        item = self.list.currentItem()
        if key == "name" and item is not None:
            item.setText(text)

    def _take_top(self, key: str, text: str) -> None:
        if self._filling:
            return
        default, text = getattr(Settings(()), key), text.strip()
        value = _number(text) if isinstance(default, int | float) else text
        if not text or (value == default and key != "database"):
            self.file.top.pop(key, None)
        else:
            self.file.top[key] = value

    def _take_kept(self, key: str, text: str) -> None:
        if not self._filling:
            self.file.keep(key, _number(text.strip()) if text.strip() else None)

    def _take_record(self, on: bool) -> None:
        if self._filling or self.number < 0:
            return
        if on:
            self._row()["record"] = True
        else:
            self._row().pop("record", None)

    def _add_region(self, region: Polygon) -> None:
        if self.number >= 0:
            row = self._row()
            row["ignore"] = [
                *[list(map(list, one)) for one in row.get("ignore", [])],
                list(map(list, region)),
            ]
            self._show_regions()

    def _clear_regions(self) -> None:
        self._row().pop("ignore", None)
        self._show_regions()

    def _remove(self) -> None:
        if self.number >= 0:
            self.file.remove(self.number)
            self._fill(max(0, self.number - 1))

    # How it is asked

    def _ask_files(self) -> None:
        ask_for_files(self, "Add video files", VIDEO_FILTER, self.add_cameras)

    def _ask_stream(self) -> None:
        ask_for_text(self, "Add a stream", "rtsp://user:password@192.168.1.20/stream1", self._add_stream)

    def _add_stream(self, address: str) -> None:
        if address.strip():
            self.add_cameras([address.strip()])

    def _ask_open(self) -> None:
        ask_for_file(self, "Open a site", SITE_FILTER, self.open_file)

    def _ask_save(self) -> None:
        if self.file.path is not None:
            self.save(self.file.path)
            return
        ask_for_new(self, "Save the site", SITE_FILTER, self.save, Path("site.toml"))

    def _connect(self) -> None:
        self.list.currentRowChanged.connect(self._show_camera)
        self.record.toggled.connect(self._take_record)
        self.view.drawn.connect(self._add_region)
        self._tried.connect(self._show_tried)
        for key, field in self.fields.items():
            field.textChanged.connect(partial(self._take, key))
        for key, box in self.top.items():
            box.editTextChanged.connect(partial(self._take_top, key))
        for key, field in self.kept.items():
            field.textChanged.connect(partial(self._take_kept, key))
        self.database.textChanged.connect(partial(self._take_top, "database"))
        self.database.textChanged.connect(self.database.setToolTip)

    def _lay_out(self) -> None:
        columns = QHBoxLayout()
        columns.setSpacing(GAP)
        for column, share in ((self._left(), 2), (self._middle(), 4), (self._right(), 3)):
            columns.addLayout(column, share)
        foot = QHBoxLayout()
        foot.addWidget(self._button("open", "Open…", self._ask_open))
        foot.addSpacing(2 * GAP)
        foot.addWidget(Label("History"))
        foot.addWidget(self.database, 1)
        foot.addSpacing(2 * GAP)
        foot.addWidget(self._button("save", "Save and use", self._ask_save))
        foot.addWidget(self._button("cancel", "Cancel", self.reject))
        whole = QVBoxLayout(self)
        whole.setSpacing(GAP)
        whole.addLayout(columns, 1)
        whole.addLayout(foot)

    def _left(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.addWidget(Label("Cameras", kind="title"))
        column.addWidget(self.list, 1)
        column.addWidget(self._button("files", "Add files…", self._ask_files))
        column.addWidget(self._button("stream", "Add a stream…", self._ask_stream))
        column.addWidget(self._button("remove", "Remove", self._remove))
        return column

    def _middle(self) -> QVBoxLayout:
        form = QFormLayout()
        names = {"name": "Name", "source": "Address or file", "start": "Start"} | NUMBERS
        for key, name in names.items():
            self.fields[key] = QLineEdit()
            self.fields[key].setAccessibleName(name)
            form.addRow(name, self.fields[key])
        self.fields["start"].setPlaceholderText("2026-11-22 09:30:00, where the file does not say it")
        form.addRow("", self.record)
        tried = QHBoxLayout()
        tried.addWidget(self._button("test", "Test", self.try_camera))
        tried.addWidget(self.told, 1)
        drawn = QHBoxLayout()
        drawn.addWidget(self.regions, 1)
        drawn.addWidget(self._button("clear", "Clear regions", self._clear_regions))
        column = QVBoxLayout()
        column.addLayout(form)
        column.addLayout(tried)
        column.addWidget(self.view, 1)
        column.addLayout(drawn)
        return column

    def _right(self) -> QVBoxLayout:
        form = QFormLayout()
        for key, (name, choices) in TOP.items():
            box = Combo()
            box.setEditable(True)
            box.addItems(choices)
            box.setAccessibleName(name)
            self.top[key] = box
            form.addRow(name, box)
        column = QVBoxLayout()
        column.addWidget(Label("Networks", kind="title"))
        column.addLayout(form)
        column.addWidget(Label("Kept by live runs", kind="title"))
        kept = QFormLayout()
        for key, name in KEPT.items():
            self.kept[key] = QLineEdit()
            self.kept[key].setPlaceholderText("for ever")
            self.kept[key].setAccessibleName(name)
            kept.addRow(name, self.kept[key])
        column.addLayout(kept)
        column.addStretch()
        return column

    def _button(self, key: str, text: str, do: Callable[[], None]) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(False)
        button.clicked.connect(lambda: do())
        self.buttons[key] = button
        return button


def _shown(value: Any) -> str:
    """A value of the file as it is typed."""
    if isinstance(value, datetime):
        return moment(value.astimezone().timestamp())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _value(key: str, text: str) -> Any:
    """What was typed as a value of the file; as text, which reading then refuses, where it makes no sense."""
    if key == "start":
        with suppress(MomentError):
            return datetime.fromtimestamp(moment_of(text), UTC)
    return _number(text) if key in NUMBERS else text


def _number(text: str) -> Any:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text
