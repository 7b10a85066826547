"""How the window looks: its colours, its spacing, its style sheet."""

from __future__ import annotations

from PyQt5.QtGui import QColor, QPalette
from PyQt5.QtWidgets import QApplication

from app.output.drawing import colour_of

BACKGROUND = QColor("#14171c")
PANEL = QColor("#1a1e25")
RAISED = QColor("#232933")
HOVER = QColor("#2b323e")
BORDER = QColor("#2d3440")
TEXT = QColor("#e6e9ef")
MUTED = QColor("#8f98a8")
ACCENT = QColor("#4c9aff")
GOOD = QColor("#3fb97f")
WARNING = QColor("#e0a23a")
BAD = QColor("#e5605e")
UNKNOWN = QColor("#9aa3b2")

GAP = 8
"""Pixels between neighbours, everywhere."""


def identity_colour(identity: int | None) -> QColor:
    """The colour that stays with an identity; grey for who is not known yet."""
    if identity is None:
        return UNKNOWN
    blue, green, red = colour_of(identity)
    return QColor(red, green, blue)


def readable_on(colour: QColor) -> QColor:
    """Black or white, whichever is easier to read on a colour (relative luminance, Rec. 709)."""
    light = 0.2126 * colour.redF() + 0.7152 * colour.greenF() + 0.0722 * colour.blueF()
    return QColor("#0d0f12") if light > 0.45 else QColor("#ffffff")


def mixed(colour: QColor, other: QColor, share: float) -> QColor:
    """``share`` of ``colour`` over ``other``."""
    rest = 1.0 - share
    return QColor(
        round(colour.red() * share + other.red() * rest),
        round(colour.green() * share + other.green() * rest),
        round(colour.blue() * share + other.blue() * rest),
    )


def apply_style(app: QApplication) -> None:
    """The same dark look on every desktop, light or dark."""
    app.setStyle("Fusion")
    app.setPalette(_palette())
    app.setStyleSheet(_SHEET)


def _palette() -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: BACKGROUND,
        QPalette.ColorRole.WindowText: TEXT,
        QPalette.ColorRole.Base: PANEL,
        QPalette.ColorRole.AlternateBase: RAISED,
        QPalette.ColorRole.Text: TEXT,
        QPalette.ColorRole.Button: RAISED,
        QPalette.ColorRole.ButtonText: TEXT,
        QPalette.ColorRole.BrightText: BAD,
        QPalette.ColorRole.ToolTipBase: RAISED,
        QPalette.ColorRole.ToolTipText: TEXT,
        QPalette.ColorRole.PlaceholderText: MUTED,
        QPalette.ColorRole.Highlight: ACCENT,
        QPalette.ColorRole.HighlightedText: QColor("#ffffff"),
        QPalette.ColorRole.Link: ACCENT,
    }
    for role, colour in roles.items():
        palette.setColor(role, colour)
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText, QPalette.ColorRole.WindowText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor("#5b6472"))
    return palette


_SHEET = """
QWidget { font-size: 10pt; }
QMainWindow::separator, QSplitter::handle { background: transparent; }
QToolTip { background: #232933; color: #e6e9ef; border: 1px solid #2d3440; padding: 4px; }

QMenuBar { background: #14171c; padding: 2px 4px; }
QMenuBar::item { padding: 4px 10px; border-radius: 4px; background: transparent; }
QMenuBar::item:selected { background: #232933; }
QMenu { background: #1a1e25; border: 1px solid #2d3440; padding: 4px; }
QMenu::item { padding: 5px 28px 5px 20px; border-radius: 4px; }
QMenu::item:selected { background: #2b323e; }
QMenu::item:disabled { color: #5b6472; }
QMenu::separator { height: 1px; background: #2d3440; margin: 4px 8px; }

QToolBar { background: #14171c; border: none; border-bottom: 1px solid #2d3440;
    padding: 6px 8px; spacing: 6px; }
QToolBar::separator { width: 1px; background: #2d3440; margin: 4px 6px; }
QToolButton, QPushButton { background: #232933; border: 1px solid #2d3440; border-radius: 6px;
    padding: 6px 10px; }
QToolBar QToolButton { padding: 6px 12px 6px 8px; }
QToolButton:hover, QPushButton:hover { background: #2b323e; }
QToolButton:pressed, QPushButton:pressed { background: #1a1e25; }
QToolButton:disabled, QPushButton:disabled { color: #5b6472; background: #1a1e25; }
QToolButton:focus, QPushButton:focus { border-color: #4c9aff; }
QToolButton#primary { background: #2f6fd0; border-color: #2f6fd0; color: white; font-weight: 600; }
QToolButton#primary:hover { background: #3a7de0; }
QToolButton#primary:disabled { background: #1a1e25; border-color: #2d3440; color: #5b6472; }
QToolButton#flat { background: transparent; border: none; padding: 4px; }
QToolButton#flat:hover { background: #2b323e; }

QStatusBar { background: #14171c; border-top: 1px solid #2d3440; color: #8f98a8; }
QStatusBar::item { border: none; }
QStatusBar QLabel { color: #8f98a8; padding: 2px 8px; }

QLineEdit, QPlainTextEdit { background: #14171c; border: 1px solid #2d3440; border-radius: 6px;
    padding: 6px 8px; selection-background-color: #2f6fd0; }
QLineEdit:focus, QPlainTextEdit:focus { border-color: #4c9aff; }

QFrame#panel { background: #1a1e25; border: 1px solid #2d3440; border-radius: 8px; }
QLabel#title { font-size: 12pt; font-weight: 600; }
QLabel#muted { color: #8f98a8; }
QListView { background: transparent; border: none; outline: none; }

QScrollBar:vertical { background: transparent; width: 10px; margin: 2px; }
QScrollBar::handle:vertical { background: #3a4250; border-radius: 3px; min-height: 28px; }
QScrollBar::handle:vertical:hover { background: #4b5566; }
QScrollBar::add-line, QScrollBar::sub-line { height: 0; width: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QSlider::groove:horizontal { height: 4px; background: #2d3440; border-radius: 2px; }
QSlider::sub-page:horizontal { background: #4c9aff; border-radius: 2px; }
QSlider::handle:horizontal { background: #e6e9ef; width: 12px; margin: -4px 0; border-radius: 6px; }
QSlider::handle:horizontal:disabled { background: #5b6472; }
"""
