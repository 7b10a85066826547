"""The footage of all cameras on one clock: played, scrubbed, stepped through, with everybody's boxes."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import time

from PyQt5.QtCore import Qt, QTimer, pyqtSignal
from PyQt5.QtGui import QIcon, QResizeEvent
from PyQt5.QtWidgets import QHBoxLayout, QLineEdit, QToolButton, QVBoxLayout, QWidget
from typing_extensions import override

from app.gui.camera_grid import arrange
from app.gui.combo import Combo
from app.gui.icons import back_icon, forward_icon, next_icon, pause_icon, play_icon, previous_icon
from app.gui.lanes import Lanes
from app.gui.playhead import SPEEDS, Playhead
from app.gui.questions import Walk
from app.gui.reels import Reels
from app.gui.screen import Screen
from app.gui.style import GAP
from app.gui.text import Label, Line, mark_wrong, set_tip
from app.gui.words import in_order, person_title
from app.moments import MomentError, is_dated, nearest_said
from app.times import moment
from storage.history import SightingRow

TICK_MS = 15
LEAD_S = 1.0
"""Shown before a sighting that is played."""
AHEAD_S = 30.0
"""The ways of people are fetched this far ahead, in seconds of waiting, and kept this long."""
SPAN_S = 120.0
"""Of a long history, the timeline shows this much about a sighting that is played."""
PAST_END_S = 0.5
GAP_S = 2.0
"""A time without footage that is longer is passed over."""
NOTHING_FILMED = "Nothing has been filmed yet: open files or streams, and press Start."


class FootagePage(QWidget):
    """All cameras, or one of them large, and the timeline that scrubs them together.

    *Signals*:
      walks_wanted(float, float): who is where in that span is to be fetched: `set_walks`.
      reels_wanted(float): the files about that time are: `set_reels`.
      picked(object): the Walk whose box was clicked.
      menu_asked(object, object): the Walk (or None) under the right button, and where on the screen.
      marked(object, str): a part of a picture that a box was drawn round, and of which camera.
      step_sighting(int): to the next (1) or the previous (-1) sighting of the person chosen.
    """

    walks_wanted = pyqtSignal(float, float)
    reels_wanted = pyqtSignal(float)
    picked = pyqtSignal(object)
    menu_asked = pyqtSignal(object, object)
    marked = pyqtSignal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.playhead = Playhead()
        self.screens: dict[str, Screen] = {}
        self.enlarged: str | None = None
        self.reels: Reels | None = None
        self.lanes = Lanes()
        self.empty = Label(kind="muted")
        self.title = Line(kind="title")
        self.time = Label(kind="muted")
        self.speed = Combo(letters=4)
        self.to = QLineEdit()
        self._grid = QWidget()
        self._walks: tuple[Walk, ...] = ()
        self._walks_of = (0.0, -1.0)
        self._names: Mapping[int, str] = {}
        self._rows: Sequence[SightingRow] = ()
        self._asked_reels = False
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MS)
        self.buttons = self._make_buttons()
        self._lay_out()
        self._timer.timeout.connect(self._tick)
        self.lanes.sought.connect(self.seek)
        self.speed.currentIndexChanged.connect(self._take_speed)
        self.to.textEdited.connect(lambda: mark_wrong(self.to, ""))
        self.to.returnPressed.connect(self._go_to)

    # What is shown

    def set_reels(self, reels: Reels) -> None:
        """The cameras and their files. The first time it stands where the last run's footage begins; later
        what is shown stays, and what is new is there once it is come to.
        """
        first, others = self.reels is None, set(self.screens) != set(reels.filmed)
        self.reels, self._asked_reels = reels, False
        if others:
            self._set_screens(in_order(reels.filmed))
        for name, screen in self.screens.items():
            screen.pieces = reels.pieces.get(name, ())
        self.lanes.set_filmed({name: reels.filmed[name] for name in self.screens})
        self.tell("" if self.screens else NOTHING_FILMED)
        if first:
            self.playhead.seek(reels.newest)
        if self.isVisible() and (first or others):
            self.seek(self.playhead.now())
        elif self.isVisible():
            self._timer.start()

    def tell(self, words: str) -> None:
        """What stands in the place of the cameras, while there are none."""
        self.empty.setText(words)
        self.empty.setVisible(bool(words))

    def set_person(self, rows: Sequence[SightingRow], person: int | None, name: str | None) -> None:
        """The sightings of the person chosen, by start."""
        self._rows = sorted(rows, key=lambda row: (row.start, row.id))
        self.title.setText("All cameras" if person is None else person_title(person, name))
        self.lanes.set_sightings(self._rows)
        for screen in self.screens.values():
            screen.set_chosen(person)
        for key in ("next", "previous"):
            self.buttons[key].setEnabled(bool(self._rows))

    def set_names(self, names: Mapping[int, str]) -> None:
        self._names = names
        self._share_walks()

    def set_walks(self, walks: Sequence[Walk], since: float, until: float) -> None:
        """Who is where between the two times."""
        self._walks, self._walks_of = tuple(walks), (since, until)
        self._share_walks()

    def forget_walks(self) -> None:
        """They may be others' now."""
        self._walks_of = (0.0, -1.0)
        self._want_walks(self.playhead.now())

    def play(self, sighting: SightingRow) -> None:
        """Plays a sighting from a little before it, on all cameras."""
        if self.lanes.view[1] - self.lanes.view[0] > 5 * SPAN_S:
            self.lanes.show_span(sighting.start - SPAN_S / 4, sighting.start + 3 * SPAN_S / 4)
        self.seek(sighting.start - LEAD_S)
        self.set_playing(True)

    def seek(self, to: float) -> None:
        """Shows that time on all cameras."""
        if self.reels is None:
            return
        self.playhead.seek(min(max(to, self.reels.begin), self.reels.end))
        self._restart()
        self._timer.start()
        self._show_time()

    def set_playing(self, on: bool) -> None:
        if on and self.reels is not None and self.playhead.now() >= self.reels.end:
            self.seek(self.reels.begin)
        self.playhead.play(on)
        self.buttons["play"].setIcon(pause_icon() if on else play_icon())
        self._timer.start()

    def toggle(self) -> None:
        """Play becomes pause, and back."""
        if self.reels is not None:
            self.set_playing(not self.playhead.playing)

    def step(self, by: int) -> None:
        """To the next picture of any camera, or the one before."""
        self.set_playing(False)
        if by > 0:
            times = [screen.next_time for screen in self._shown() if screen.next_time is not None]
            if times:
                self.playhead.seek(min(times))
                self._timer.start()
            return
        times = [screen.shot.time for screen in self._shown() if screen.shot is not None]
        if times:
            self.seek(max(times) - 1e-3)

    def step_sighting(self, by: int) -> None:
        """To the next sighting of the person chosen, on whichever camera, or to the one before."""
        starts = [row.start - LEAD_S for row in self._rows]
        now = self.playhead.now()
        number = (
            bisect.bisect_right(starts, now + 1e-3) if by > 0 else bisect.bisect_left(starts, now - 1e-3) - 1
        )
        if 0 <= number < len(starts):
            self.seek(starts[number])

    def enlarge(self, name: str | None) -> None:
        """Shows one camera alone, or all of them."""
        self.enlarged = name if name in self.screens else None
        for screen in self.screens.values():
            screen.setVisible(self.enlarged in (None, screen.name))
            screen.reset_zoom()
        self._arrange()
        self._restart()

    def faster(self, by: int) -> None:
        """The next speed, or the one before."""
        self.speed.setCurrentIndex(min(max(0, self.speed.currentIndex() + by), len(SPEEDS) - 1))

    def set_marking(self, on: bool) -> None:
        """Whether a drag draws a box to look for who is in it."""
        for screen in self.screens.values():
            screen.marking = on

    @property
    def shows_pictures(self) -> bool:
        """Whether there is anything to be seen of any camera."""
        return self.isVisible() and any(screen.shot is not None for screen in self._shown())

    def snapshot(self, folder: Path) -> list[Path]:
        """The pictures that are shown, with boxes, camera and time, as PNG files; those that were written."""
        written = []
        for screen in self._shown():
            image = screen.drawn()
            if image.isNull() or screen.shot is None:
                continue
            path = folder / f"{_file_name(screen.name)}-{_file_time(screen.shot.time)}.png"
            if image.save(str(path)):
                written.append(path)
        return written

    def halt(self) -> None:
        """Ends the playing and lets go of the files."""
        self.set_playing(False)
        self._timer.stop()
        for screen in self.screens.values():
            screen.halt()

    def clear(self) -> None:
        """Another history: nothing is known of it."""
        self.halt()
        self.reels, self._walks, self._walks_of, self._asked_reels = None, (), (0.0, -1.0), False
        self._set_screens([])
        self.lanes.set_filmed({})
        self.tell("")
        self.set_person((), None, None)

    def close_threads(self) -> None:
        """Ends the playing for good, and waits for the threads."""
        self.clear()
        self._timer.stop()

    @override
    def resizeEvent(self, event: QResizeEvent | None) -> None:
        QTimer.singleShot(0, self._arrange)

    # How it goes on

    def _tick(self) -> None:
        now = self.playhead.now()
        if self.reels is not None and self.playhead.playing and now > self.reels.end + PAST_END_S:
            self.set_playing(False)
            now = self.reels.end
            self.playhead.seek(now)
        now = self._past_gap(now)
        self._want_walks(now)
        self._want_reels(now)
        for screen in self._shown():
            self._advance(screen, now)
        self._show_time()
        if not self.playhead.playing and all(screen.settled for screen in self._shown()):
            self._timer.stop()

    def _past_gap(self, now: float) -> float:
        """Where none of the cameras that are shown was filmed, playing goes on at once where one was: the
        night between two days of footage is not waited for.
        """
        if self.reels is None or not self.playhead.playing:
            return now
        spans = [span for screen in self._shown() for span in self.reels.filmed.get(screen.name, ())]
        if any(first <= now <= last + PAST_END_S for first, last in spans):
            return now
        following = min((first for first, _ in spans if first > now), default=now)
        if following - now < GAP_S:
            return now
        self.seek(following)
        return following

    def _advance(self, screen: Screen, now: float) -> None:
        """A camera that is not filmed just now says so; one that is again begins."""
        assert self.reels is not None
        if not self.reels.shows(screen.name, now):
            screen.go_away(self.reels.missing.get(screen.name, "Not filmed at this time."))
        elif screen.away:
            screen.restart()
        else:
            first = screen.shot is None
            if screen.advance(now) and first:
                self._arrange()

    def _restart(self) -> None:
        now = self.playhead.now()
        for screen in self.screens.values():
            if screen not in self._shown():
                screen.halt()
            elif self.reels is not None and self.reels.shows(screen.name, now):
                screen.restart()
        self._timer.start()

    def _want_walks(self, now: float) -> None:
        since, until = self._walks_of
        ahead = min(5.0, AHEAD_S / 4) * max(1.0, self.playhead.speed)
        if self.reels is not None and not (since <= now and now + ahead <= until):
            span = (now - 5.0, now + AHEAD_S * max(1.0, self.playhead.speed))
            self._walks_of = span
            self.walks_wanted.emit(*span)

    def _want_reels(self, now: float) -> None:
        if self.reels is None or self._asked_reels:
            return
        if not self.reels.since + 60.0 <= now <= self.reels.until - 60.0:
            self._asked_reels = True
            self.reels_wanted.emit(now)

    def _share_walks(self) -> None:
        for name, screen in self.screens.items():
            screen.set_walks([walk for walk in self._walks if walk.sighting.camera == name], self._names)

    def _show_time(self) -> None:
        now = self.playhead.now()
        self.time.setText(moment(now))
        self.lanes.set_now(now)

    def _shown(self) -> list[Screen]:
        return [one for one in self.screens.values() if self.enlarged in (None, one.name)]

    def _take_speed(self) -> None:
        self.playhead.set_speed(float(self.speed.currentData()))

    def _go_to(self) -> None:
        now = self.playhead.now()
        try:
            clock = time()
            self.seek(nearest_said(self.to.text(), now=clock if is_dated(now) else now, near=now))
            self.to.clear()
            mark_wrong(self.to, "")
        except MomentError as error:
            mark_wrong(self.to, f"{error}.")

    # How it is put together

    def _set_screens(self, names: Sequence[str]) -> None:
        for screen in self.screens.values():
            screen.close_thread()
            screen.setParent(None)
            screen.deleteLater()
        self.screens = {name: self._screen(name) for name in names}
        self.enlarge(None)
        self._share_walks()

    def _screen(self, name: str) -> Screen:
        screen = Screen(name, self.playhead, self._grid)
        screen.double_clicked.connect(partial(self._toggle_large, name))
        screen.picked.connect(self.picked)
        screen.menu_asked.connect(self.menu_asked)
        screen.marked.connect(lambda image: self.marked.emit(image, name))
        screen.show()
        return screen

    def _toggle_large(self, name: str) -> None:
        self.enlarge(None if self.enlarged == name else name)

    def _arrange(self) -> None:
        shapes = [s.shot.image.shape[1] / s.shot.image.shape[0] for s in self._shown() if s.shot is not None]
        arrange(self._shown(), self._grid.size(), shape=sum(shapes) / len(shapes) if shapes else None)

    def _make_buttons(self) -> dict[str, QToolButton]:
        said: dict[str, tuple[str, QIcon, Callable[[], None]]] = {
            "previous": (
                "Previous sighting of this person (P)",
                previous_icon(),
                partial(self.step_sighting, -1),
            ),
            "back": ("One picture back (,)", back_icon(), partial(self.step, -1)),
            "play": ("Play or pause (Space)", play_icon(), self.toggle),
            "forward": ("One picture on (.)", forward_icon(), partial(self.step, 1)),
            "next": ("Next sighting of this person (N)", next_icon(), partial(self.step_sighting, 1)),
        }
        return {key: _flat_button(*told) for key, told in said.items()}

    def _lay_out(self) -> None:
        for speed in SPEEDS:
            self.speed.addItem(f"{speed:g}x".replace("0.25", "1/4").replace("0.5", "1/2"), speed)
        self.speed.setCurrentIndex(SPEEDS.index(1.0))
        self.speed.setAccessibleName("Speed")
        set_tip(self.speed, "Speed (- and +)")
        self.to.setPlaceholderText("Go to 12:00:30")
        self.to.setMaximumWidth(150)
        self.to.setAccessibleName("Go to a time")
        self.foot = QHBoxLayout()
        self.foot.setSpacing(GAP)
        self.foot.addWidget(self.title, 1)
        for button in self.buttons.values():
            self.foot.addWidget(button)
        self.foot.addWidget(self.speed)
        self.foot.addStretch(1)
        self.foot.addWidget(self.time)
        self.foot.addWidget(self.to)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.hide()
        layout.addWidget(self._grid, 1)
        layout.addWidget(self.empty, 1)
        layout.addWidget(self.lanes)
        layout.addLayout(self.foot)


def _flat_button(tip: str, icon: QIcon, do: Callable[[], None]) -> QToolButton:
    button = QToolButton()
    button.setObjectName("flat")
    button.setIcon(icon)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    button.clicked.connect(lambda: do())
    return button


def _file_name(camera: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in camera)


def _file_time(time: float) -> str:
    return moment(time).replace(" ", "T").replace(":", "-")
