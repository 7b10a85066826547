"""How the window looks: its two themes, its spacing, its style sheet."""

from __future__ import annotations

from string import Template

from PyQt5.QtGui import QColor, QPalette
from PyQt5.QtWidgets import QApplication

from app.output.drawing import colour_of

DARK = {
    "background": "#14171c",
    "panel": "#1a1e25",
    "raised": "#232933",
    "hover": "#2b323e",
    "border": "#2d3440",
    "text": "#e6e9ef",
    "muted": "#8f98a8",
    "disabled": "#5b6472",
    "accent": "#4c9aff",
    "primary": "#2f6fd0",
    "primary_hover": "#3a7de0",
    "scroll": "#3a4250",
    "scroll_hover": "#4b5566",
    "good": "#3fb97f",
    "warning": "#e0a23a",
    "bad": "#e5605e",
    "unknown": "#9aa3b2",
}
LIGHT = {
    "background": "#eef0f3",
    "panel": "#ffffff",
    "raised": "#f4f6f8",
    "hover": "#e6ebf2",
    "border": "#c9d0da",
    "text": "#1b2028",
    "muted": "#5a6472",
    "disabled": "#9aa3b0",
    "accent": "#1f6fd6",
    "primary": "#1f6fd6",
    "primary_hover": "#3a82e0",
    "scroll": "#b6bec9",
    "scroll_hover": "#98a2b0",
    "good": "#1f8a55",
    "warning": "#9a6400",
    "bad": "#c2322f",
    "unknown": "#6b7482",
}
THEMES = {"dark": DARK, "light": LIGHT}

_COLOURS = {name: QColor(value) for name, value in DARK.items()}
"""The colours of the theme that is on: `apply_style` gives them other values, so that whoever paints with
them paints anew in the other theme."""

BACKGROUND = _COLOURS["background"]
PANEL = _COLOURS["panel"]
RAISED = _COLOURS["raised"]
HOVER = _COLOURS["hover"]
BORDER = _COLOURS["border"]
TEXT = _COLOURS["text"]
MUTED = _COLOURS["muted"]
DISABLED = _COLOURS["disabled"]
ACCENT = _COLOURS["accent"]
GOOD = _COLOURS["good"]
WARNING = _COLOURS["warning"]
BAD = _COLOURS["bad"]
UNKNOWN = _COLOURS["unknown"]

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


def apply_style(app: QApplication, theme: str = "dark") -> None:
    """The same look on every desktop. theme: one of THEMES."""
    for name, value in THEMES[theme].items():
        _COLOURS[name].setNamedColor(value)
    app.setStyle("Fusion")
    app.setPalette(_palette())
    app.setStyleSheet(Template(_SHEET).substitute(THEMES[theme]))


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
        palette.setColor(QPalette.ColorGroup.Disabled, role, DISABLED)
    return palette


_SHEET = """
QWidget { font-size: 10pt; }
QMainWindow::separator, QSplitter::handle { background: transparent; }
QToolTip { background: $raised; color: $text; border: 1px solid $border; padding: 4px; }

QMenuBar { background: $background; padding: 2px 4px; }
QMenuBar::item { padding: 4px 10px; border-radius: 4px; background: transparent; }
QMenuBar::item:selected { background: $raised; }
QMenu { background: $panel; border: 1px solid $border; padding: 4px; }
QMenu::item { padding: 5px 28px 5px 20px; border-radius: 4px; }
QMenu::item:selected { background: $hover; }
QMenu::item:disabled { color: $disabled; }
QMenu::separator { height: 1px; background: $border; margin: 4px 8px; }

QToolBar { background: $background; border: none; border-bottom: 1px solid $border;
    padding: 6px 8px; spacing: 6px; }
QToolBar::separator { width: 1px; background: $border; margin: 4px 6px; }
QToolButton, QPushButton { background: $raised; border: 1px solid $border; border-radius: 6px;
    padding: 6px 10px; }
QToolBar QToolButton { padding: 6px 12px 6px 8px; }
QToolButton:hover, QPushButton:hover { background: $hover; }
QToolButton:pressed, QPushButton:pressed { background: $panel; }
QToolButton:disabled, QPushButton:disabled { color: $disabled; background: $panel; }
QToolButton:focus, QPushButton:focus { border-color: $accent; }
QToolButton#primary { background: $primary; border-color: $primary; color: white; font-weight: 600; }
QToolButton#primary:hover { background: $primary_hover; }
QToolButton#primary:disabled { background: $panel; border-color: $border; color: $disabled; }
QToolButton#flat { background: transparent; border: none; padding: 4px; }
QToolButton#flat:hover { background: $hover; }

QStatusBar { background: $background; border-top: 1px solid $border; color: $muted; }
QStatusBar::item { border: none; }
QStatusBar QLabel { color: $muted; padding: 2px 8px; }

QLineEdit, QPlainTextEdit { background: $background; border: 1px solid $border; border-radius: 6px;
    padding: 6px 8px; selection-background-color: $primary; }
QLineEdit:focus, QPlainTextEdit:focus { border-color: $accent; }
QLineEdit[wrong="true"] { border-color: $bad; }

QFrame#panel { background: $panel; border: 1px solid $border; border-radius: 8px; }
QLabel#title { font-size: 12pt; font-weight: 600; }
QLabel#muted { color: $muted; }
QListView { background: transparent; border: none; outline: none; }
QListWidget::item { padding: 5px 6px; border-radius: 4px; color: $text; }
QListWidget::item:selected { background: $hover; color: $text; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }

QScrollBar:vertical { background: transparent; width: 10px; margin: 2px; }
QScrollBar::handle:vertical { background: $scroll; border-radius: 3px; min-height: 28px; }
QScrollBar::handle:vertical:hover { background: $scroll_hover; }
QScrollBar::add-line, QScrollBar::sub-line { height: 0; width: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QSlider::groove:horizontal { height: 4px; background: $border; border-radius: 2px; }
QSlider::sub-page:horizontal { background: $accent; border-radius: 2px; }
QSlider::handle:horizontal { background: $text; width: 12px; margin: -4px 0; border-radius: 6px; }
QSlider::handle:horizontal:disabled { background: $disabled; }

QCheckBox::indicator { width: 14px; height: 14px; border: 1px solid $muted; border-radius: 3px;
    background: $background; }
QCheckBox::indicator:checked { background: $accent; border-color: $accent; }
QCheckBox::indicator:disabled { border-color: $border; }
QTabBar { background: transparent; }
QTabBar::tab { background: transparent; color: $muted; padding: 6px 14px; border: none;
    border-bottom: 2px solid transparent; }
QTabBar::tab:selected { color: $text; border-bottom-color: $accent; }
QTabBar::tab:hover { color: $text; }
QComboBox, QDateTimeEdit, QSpinBox, QDoubleSpinBox { background: $background; border: 1px solid $border;
    border-radius: 6px; padding: 5px 2px 5px 8px; }
QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus { border-color: $accent; }
QComboBox::drop-down { border: none; width: 16px; }
QComboBox::down-arrow { width: 0; height: 0; }
QComboBox QAbstractItemView { background: $panel; border: 1px solid $border; }
QDockWidget::title { padding: 6px 8px; background: $panel; }
QHeaderView::section { background: $raised; color: $muted; border: none; padding: 4px 6px; }
QTableView, QTreeView { background: $panel; border: 1px solid $border; border-radius: 6px; outline: none;
    gridline-color: $border; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 2px; }
QScrollBar::handle:horizontal { background: $scroll; border-radius: 3px; min-width: 28px; }
QToolButton:checked { background: $hover; border-color: $accent; }
QToolButton#flat:checked { background: $hover; }
"""
