"""What the left of the window shows: the cameras of a run, what was filmed, or what is worth a look."""

from __future__ import annotations

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import QStackedWidget, QTabBar, QVBoxLayout, QWidget

from app.gui.camera_grid import CameraGrid
from app.gui.footage_page import FootagePage
from app.gui.review_page import ReviewPage
from app.gui.style import GAP

CAMERAS, FOOTAGE, REVIEW = 0, 1, 2


class Pages(QWidget):
    """Tabs over the pages.

    *Signals*:
      footage_wanted(): the footage is shown, and nothing is known of its files yet.
    """

    footage_wanted = pyqtSignal()

    def __init__(
        self,
        grid: CameraGrid,
        footage: FootagePage,
        review: ReviewPage,
        welcome: QWidget,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.tabs = QTabBar()
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self._footage, self._review = footage, review
        self._cameras = QStackedWidget()
        self._cameras.addWidget(welcome)
        self._cameras.addWidget(grid)
        self._stack = QStackedWidget()
        for name, page in (("Cameras", self._cameras), ("Footage", footage), ("Review", review)):
            self.tabs.addTab(name)
            self._stack.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        layout.addWidget(self.tabs)
        layout.addWidget(self._stack, 1)
        self.tabs.currentChanged.connect(self._turn)
        review.counted.connect(self._count)

    @property
    def shows_footage(self) -> bool:
        return self.tabs.currentIndex() == FOOTAGE

    @property
    def shows_review(self) -> bool:
        return self.tabs.currentIndex() == REVIEW

    def set_cameras(self, there: bool) -> None:
        """Whether there is something to run; else how to begin is told."""
        self._cameras.setCurrentIndex(1 if there else 0)
        self.show_cameras()

    def show_cameras(self) -> None:
        self.tabs.setCurrentIndex(CAMERAS)

    def show_footage(self) -> None:
        self.tabs.setCurrentIndex(FOOTAGE)

    def show_review(self) -> None:
        self.tabs.setCurrentIndex(REVIEW)

    def _count(self, number: int) -> None:
        self.tabs.setTabText(REVIEW, f"Review ({number:,})" if number else "Review")

    def _turn(self, page: int) -> None:
        self._stack.setCurrentIndex(page)
        if page == REVIEW:
            self._review.setFocus()
            self._review.ask()
        if page != FOOTAGE:
            self._footage.halt()
        elif self._footage.reels is None:
            self.footage_wanted.emit()
        else:
            self._footage.seek(self._footage.playhead.now())
