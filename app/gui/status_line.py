"""The line at the foot of the window: how the run goes, and where its time does."""

from __future__ import annotations

from collections.abc import Mapping

from PyQt5.QtCore import QRectF, QSize, Qt
from PyQt5.QtGui import QColor, QPainter, QPaintEvent
from PyQt5.QtWidgets import QSizePolicy, QStatusBar, QWidget
from typing_extensions import override

from app.gui.style import ACCENT, BORDER, GAP, GOOD, MUTED, WARNING
from app.gui.text import Label, Line
from app.gui.words import clock, count
from app.pipeline import Status

STAGES = {
    "decode": GOOD,
    "detect": ACCENT,
    "embed": QColor("#9a7bff"),
    "track": WARNING,
    "associate": QColor("#e57aa8"),
    "store": QColor("#4fc3c7"),
    "show": QColor("#8f98a8"),
}


class StageBar(QWidget):
    """The stages' shares of the time as one bar, the largest ones named."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shares: dict[str, float] = {}
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.setAccessibleName("Where the time goes")
        self.hide()

    def set_stages(self, stages: Mapping[str, float]) -> None:
        """stages: seconds spent in each."""
        whole = sum(stages.values())
        self._shares = {name: spent / whole for name, spent in stages.items()} if whole > 0 else {}
        lines = [f"{name}: {stages[name]:.1f} s ({share:.0%})" for name, share in self._shares.items()]
        self.setToolTip("Time spent\n" + "\n".join(lines))
        self.setVisible(bool(self._shares))
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(340, 20)

    @override
    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        bar = QRectF(0, self.height() / 2 - 3, 130, 6)
        painter.setPen(Qt.PenStyle.NoPen)
        left = bar.left()
        for name, share in self._shares.items():
            painter.setBrush(STAGES.get(name, BORDER))
            painter.drawRect(QRectF(left, bar.top(), bar.width() * share, bar.height()))
            left += bar.width() * share
        left = bar.right() + GAP
        for name in sorted(self._shares, key=lambda n: -self._shares[n])[:3]:
            left = self._paint_name(painter, left, name)
        painter.end()

    def _paint_name(self, painter: QPainter, left: float, name: str) -> float:
        text = f"{name} {self._shares[name]:.0%}"
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(STAGES.get(name, BORDER))
        painter.drawEllipse(QRectF(left, self.height() / 2 - 3, 6, 6))
        painter.setPen(MUTED)
        width = painter.fontMetrics().horizontalAdvance(text)
        painter.drawText(
            QRectF(left + 10, 0, width + 2, self.height()), int(Qt.AlignmentFlag.AlignVCenter), text
        )
        return left + 10 + width + GAP + 2


class StatusLine(QStatusBar):
    """What the program does, the run's figures, and the stages' shares of the time."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._what = Line()
        self._figures = Label()
        self.stages = StageBar()
        self.addWidget(self._what, 1)
        self.addPermanentWidget(self._figures)
        self.addPermanentWidget(self.stages)

    @property
    def text(self) -> str:
        """What the program does."""
        return self._what.text()

    def say(self, what: str) -> None:
        self._what.setText(what)

    def set_status(self, status: Status) -> None:
        facts = [
            *status.troubles,
            clock(status.elapsed_s),
            count(status.frames, "frame"),
            f"{status.fps:.1f} fps",
            f"{count(status.identities, 'person', 'people')} known",
        ]
        if status.done is not None:
            facts.insert(len(status.troubles), f"{status.done:.0%}")
        if status.done and status.done < 1.0:
            facts.insert(
                len(status.troubles) + 1, f"{clock(status.elapsed_s * (1 - status.done) / status.done)} left"
            )
        self._figures.setText("  ·  ".join(facts))
        self.stages.set_stages(status.stages)
