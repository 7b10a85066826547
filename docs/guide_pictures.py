"""The pictures of docs/guide.md and of the README: the window over the demo's history, as it is.

    sightline demo --out sightline-demo
    QT_QPA_PLATFORM=offscreen python docs/guide_pictures.py [--demo sightline-demo] [--out docs/images]

Every screen is shown in its turn and saved as a small PNG. --size: of the window. --theme: dark or light. The
history is copied first: what is done for a picture is done to the copy.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from PIL import Image
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QApplication, QDialog, QWidget

from app.config import Settings, cameras_from_sources
from app.gui.dialogs import show_keys
from app.gui.main import _build, application
from app.gui.memory import Memory
from app.gui.window import MainWindow

COLOURS = 160
WIDTH = 1100
"""To which pictures of the whole window are scaled."""
PERSON, OTHER = 4, 7
SHOWN_S = 30.0
"""Into the footage, where all cameras show somebody."""
PATIENCE_MS = 120_000


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--demo", type=Path, default=Path("sightline-demo"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "images")
    parser.add_argument("--size", default="1366x768")
    parser.add_argument("--theme", default="dark")
    told = parser.parse_args()
    told.out.mkdir(parents=True, exist_ok=True)
    app = application()
    with tempfile.TemporaryDirectory() as folder:
        history = Path(folder) / "history.db"
        shutil.copy(told.demo / "history.db", history)
        memory = Memory()
        memory.theme = told.theme
        cameras = cameras_from_sources(
            [str(path) for path in sorted((told.demo / "cameras").glob("*.mp4"))], live=False
        )
        window = MainWindow(build=_build, settings=Settings(cameras, database=history), memory=memory)
        window.resize(*map(int, told.size.split("x")))
        window.show()
        Pictures(window, told.out).all()
        window.close()
    app.quit()
    return 0


class Pictures:
    """The screens, one after the other."""

    def __init__(self, window: MainWindow, out: Path) -> None:
        self.window, self.out = window, out

    def all(self) -> None:
        window = self.window
        until(lambda: len(window.people.rows) > 5)
        self.footage()
        self.review()
        self.filters()
        self.merge()
        self.journal()
        self.dialogs()
        self.find()

    def footage(self) -> None:
        window, page = self.window, self.window.footage
        window.people.choose(PERSON)
        until(lambda: window.sightings.person is not None)
        window.sightings.choose(window.sightings.model.rows[2])
        window.pages.show_footage()
        until(lambda: page.reels is not None)
        assert page.reels is not None
        page.seek(page.reels.begin + SHOWN_S)
        until(lambda: all(screen.settled and screen.shot for screen in page.screens.values()))
        until(lambda: bool(page._walks))
        self.save("window")
        page.enlarge(next(iter(page.screens)))
        until(lambda: all(screen.settled for screen in page._shown()))
        self.save("guide-large")
        page.enlarge(None)

    def review(self) -> None:
        window = self.window
        window.pages.show_review()
        until(lambda: window.review.case is not None)
        until(
            lambda: bool(window.review.sides[0].wall.pictures) and bool(window.review.sides[1].wall.pictures)
        )
        self.save("guide-review")

    def filters(self) -> None:
        window, bar = self.window, self.window.people.bar
        window.pages.show_footage()
        bar.more.setChecked(True)
        bar.camera.setCurrentIndex(1)
        bar.order.setCurrentIndex(4)
        self.save("guide-filter", window.people)
        bar.clear()
        bar.order.setCurrentIndex(0)
        bar.more.setChecked(False)

    def merge(self) -> None:
        window = self.window
        window.deeds.merge(PERSON, with_=OTHER)
        dialog = dialogs()[-1]
        until(lambda: bool(dialog.left.wall.pictures) and bool(dialog.right.wall.pictures))  # type: ignore[attr-defined]
        self.save("guide-merge", dialog)
        dialog.close()

    def journal(self) -> None:
        window = self.window
        window.corrector.make(lambda repair: repair.name(PERSON, "Ann"))
        window.corrector.make(lambda repair: repair.differ(PERSON, OTHER))
        window.actions_.journal.setChecked(True)
        until(lambda: window.journal.list.count() == 2)
        self.save("guide-journal", window.dock)
        window.actions_.journal.setChecked(False)

    def dialogs(self) -> None:
        window = self.window
        for name, action, button in (
            ("guide-site", window.actions_.site, "test"),
            ("guide-case", window.actions_.case, None),
            ("guide-forget", window.actions_.forget, None),
        ):
            action.trigger()
            dialog = dialogs()[-1]
            if button is not None:
                dialog.try_camera()  # type: ignore[attr-defined]
                until(lambda dialog=dialog: dialog.buttons["test"].isEnabled())  # type: ignore[misc]
            self.save(name, dialog)
            dialog.close()
        dialog = show_keys(window, window.actions_.sheet())
        self.save("guide-keys", dialog)
        dialog.close()

    def find(self) -> None:
        """By the networks, which takes seconds."""
        self.window.sightings.choose(self.window.sightings.model.rows[2])
        self.window.deeds.find_alike()
        until(lambda: bool(dialogs()))
        self.save("guide-find", dialogs()[-1])
        dialogs()[-1].close()

    def save(self, name: str, widget: QWidget | None = None) -> None:
        """As a PNG of few colours."""
        QTest.qWait(400)
        path = self.out / f"{name}.png"
        (widget or self.window).grab().save(str(path))
        with Image.open(path) as image:
            if image.width > WIDTH:
                image = image.resize(
                    (WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS
                )
            image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
        print(f"{path}: {path.stat().st_size // 1000} kB")


def dialogs() -> list[QDialog]:
    return [one for one in QApplication.topLevelWidgets() if isinstance(one, QDialog) and one.isVisible()]


def until(done: Callable[[], object]) -> None:
    for _ in range(PATIENCE_MS // 20):
        if done():
            return
        QTest.qWait(20)
    raise TimeoutError("the window did not get there")


if __name__ == "__main__":
    sys.exit(main())
