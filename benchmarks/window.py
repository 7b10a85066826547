"""Whether the window keeps up: with a large history, and while videos are run and played.

    python benchmarks/window.py [--history history.db] [--run A.mp4 B.mp4 C.mp4 D.mp4] [--play history.db]

--history: how long until it is open, how long each filter takes until the list shows it, and, at 200 places
that the list is scrolled to, how long until everybody there has a picture. --run: the gaps between beats of
a timer of 5 ms in the window's thread while the videos are run by the networks. --play: the same while the
footage of a history is played on all its cameras at once. Where the history of --history is not there, one of
--sightings and a hundredth as many people is made (a million: 4.6 GB, some minutes). Without a screen, set
QT_QPA_PLATFORM=offscreen.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from heartbeat import heartbeat
from history_parts.made import make_history
from PyQt5.QtWidgets import QApplication

from app.config import Settings
from app.gui.main import application, loaded_run
from app.gui.memory import Memory
from app.gui.window import MainWindow
from app.loading import loading
from storage.database import open_database

BEAT_MS = 5
PLACES = 200
PATIENCE_S = 120.0
PLAYED_S = 15.0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--history", type=Path)
    parser.add_argument("--sightings", type=int, default=1_000_000)
    parser.add_argument("--run", nargs="+", default=[])
    parser.add_argument("--play", type=Path)
    told = parser.parse_args()
    app = application()
    print("| what | figure |\n|---|---|")
    if told.history is not None and not told.history.exists():
        grow(told.history, told.sightings)
    if told.history is not None:
        large_history(told.history)
    if told.run:
        run(told.run)
    if told.play is not None:
        play(told.play)
    app.quit()
    return 0


def grow(path: Path, sightings: int) -> None:
    dice = np.random.default_rng(0)
    pictures = []
    for _ in range(64):
        noise = cv2.resize(dice.integers(0, 255, (8, 4, 3)).astype(np.uint8), (40, 80))
        pictures.append(cv2.imencode(".jpg", noise)[1].tobytes())
    make_history(path, sightings=sightings, portraits=1, jpeg=0, visits=100, pictures=pictures)
    open_database(path, create=False)
    for copy in path.parent.glob(f"{path.name}.schema*"):
        copy.unlink()


def large_history(path: Path) -> None:
    begun = time.perf_counter()
    window = opened(path)
    until(lambda: bool(window.people.rows))
    row("open: the first people", f"{time.perf_counter() - begun:.2f} s")
    everybody = lambda: window.people.everybody  # noqa: E731
    until(lambda: (there := everybody()) is not None and there.whole)
    row(f"open: all {len(window.people.rows):,} people", f"{time.perf_counter() - begun:.2f} s")
    until(lambda: bool(window.sightings.model.rows))
    with heartbeat(BEAT_MS) as gaps:
        filters(window)
        scroll(window)
    tell("while filtering and scrolling", gaps)
    closed(window)


def filters(window: MainWindow) -> None:
    """From the keystroke or the choice to the list that shows it."""
    bar, whole = window.people.bar, len(window.people.rows)
    last = window.people.rows[0].last
    row("filter: a word", ms(timed(lambda: bar.words.setText("12"), lambda: len(window.people.rows) < whole)))
    bar.words.clear()
    row("filter: a camera", ms(timed(lambda: bar.camera.setCurrentIndex(3), lambda: True)))
    bar.camera.setCurrentIndex(0)
    row("filter: without a name", ms(timed(lambda: bar.kind.setCurrentIndex(2), lambda: True)))
    bar.kind.setCurrentIndex(0)
    row("sort: most sightings", ms(timed(lambda: bar.order.setCurrentIndex(4), lambda: True)))
    bar.order.setCurrentIndex(0)
    for name, length_s in (("an hour", 3600.0), ("a day", 86400.0)):

        def ask(length_s: float = length_s) -> None:
            bar.since.setText(str(round(last - length_s)))
            bar.since.editingFinished.emit()

        row(f"filter: {name}", ms(timed(ask, lambda: window.people.meant is not None)))
        bar.since.clear()
        bar.since.editingFinished.emit()
        until(lambda: len(window.people.rows) == whole)


def scroll(window: MainWindow) -> None:
    """To places at random: how long until every row there has its picture."""
    view, bar = window.people.list, window.people.list.verticalScrollBar()
    assert bar is not None
    dice, waited = np.random.default_rng(0), []
    for place in dice.integers(0, bar.maximum(), PLACES):
        begun = time.perf_counter()
        bar.setValue(int(place))
        QApplication.processEvents()
        rows = range(
            view.indexAt(view.rect().topLeft()).row(), view.indexAt(view.rect().bottomLeft()).row() + 1
        )
        people = [("person", window.people.rows[number].id) for number in rows]
        until(lambda people=people: all(window.faces.has(face) for face in people))  # type: ignore[misc]
        waited.append(time.perf_counter() - begun)
    row(f"scroll: pictures there, of {PLACES} places p50", ms(float(np.percentile(waited, 50))))
    row("scroll: p95", ms(float(np.percentile(waited, 95))))


def run(videos: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        window = opened(Path(folder) / "history.db")
        window.add_files(videos)
        with heartbeat(BEAT_MS) as gaps:
            window.start()
            until(lambda: not window.run.running or window.grid.shape() != 1.5)
        tell("until the first pictures of a run", gaps)
        with heartbeat(BEAT_MS) as gaps:
            until(lambda: not window.run.running, PATIENCE_S)
        tell(f"while {len(videos)} videos are run", gaps)
        print(f"\n{window.line.text}\n")
        closed(window)


def play(path: Path) -> None:
    window = opened(path)
    window.pages.show_footage()
    until(lambda: bool(window.footage.screens))
    until(lambda: all(screen.settled for screen in window.footage.screens.values()))
    with heartbeat(BEAT_MS) as gaps:
        window.footage.set_playing(True)
        begun = time.perf_counter()
        until(lambda: time.perf_counter() - begun > PLAYED_S)
    tell(f"while {len(window.footage.screens)} cameras are played", gaps)
    closed(window)


def opened(path: Path) -> MainWindow:
    with loading():
        window = MainWindow(build=loaded_run, settings=Settings((), database=path), memory=Memory())
    window.resize(1600, 1000)
    window.show()
    return window


def closed(window: MainWindow) -> None:
    window.close()
    until(lambda: not window.isVisible())


def tell(what: str, gaps: list[float]) -> None:
    late = sum(gap > 0.05 for gap in gaps)
    row(f"{what}: longest stall", ms(max(gaps)))
    row(f"{what}: stalls over 50 ms", f"{late} of {len(gaps):,} beats")


def timed(do: Callable[[], object], shown: Callable[[], bool]) -> float:
    """Seconds, painting included."""
    begun = time.perf_counter()
    do()
    until(shown)
    QApplication.processEvents()
    return time.perf_counter() - begun


def until(done: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    limit = time.perf_counter() + patience_s
    while not done():
        QApplication.processEvents()
        time.sleep(0.001)
        if time.perf_counter() > limit:
            raise TimeoutError("the window did not get there")


def row(what: str, figure: str) -> None:
    print(f"| {what} | {figure} |", flush=True)


def ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"


if __name__ == "__main__":
    sys.exit(main())
