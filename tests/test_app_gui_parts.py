"""The window's parts, each by itself: what is written, what is drawn where, what is passed on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clips import number_of, write_clip
from PyQt5.QtCore import QPointF, QRectF, QSize, Qt
from PyQt5.QtGui import QColor, QImage, QPainter
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from small_history import small_history

from app.gui import questions
from app.gui.boxes import draw_box
from app.gui.bridge import Latest
from app.gui.camera_grid import CameraGrid, best_columns
from app.gui.compared_view import ComparedView
from app.gui.faces import Faces
from app.gui.people_panel import PeoplePanel
from app.gui.picture import fitted, scaled_image
from app.gui.reader import Reader
from app.gui.screen import box_at
from app.gui.sightings_panel import SightingsPanel
from app.gui.style import identity_colour, readable_on
from app.gui.words import in_order
from app.pipeline import CameraStatus, Status
from app.sources.ffmpeg import SourceError
from app.sources.file import FileSource
from app.sources.stretch import AHEAD, Shot, Stream, stretch
from storage.history import History, Trajectory
from tracker.types import Frame, Person, Result, Track


def result(camera: str, index: int, *boxes: tuple[float, float, float, float]) -> Result:
    """A grey frame of 400 x 300 with people 1, 2 ... in the boxes."""
    people = tuple(
        Person(Track(camera, n, float(index), np.array(box, np.float32), 0.9, True, 0), n, n, 0.9)
        for n, box in enumerate(boxes, 1)
    )
    return Result(Frame(camera, index, float(index), np.full((300, 400, 3), 90, np.uint8)), people)


def status(*cameras: CameraStatus) -> Status:
    return Status(2.0, 3, cameras, None, {"detect": 1.0})


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(small_history(tmp_path / "small.db"))


# The cameras


@pytest.mark.parametrize(
    ("count", "width", "height", "shape", "columns"),
    [
        (1, 1000, 700, 1.5, 1),
        (2, 1000, 800, 1.5, 1),  # two wide pictures under each other are larger than side by side
        (3, 1000, 700, 0.4, 3),  # three upright ones stand side by side
        (4, 1000, 700, 1.5, 2),
        (5, 1000, 1000, 1.5, 2),
    ],
)
def test_the_grid_shows_its_pictures_as_large_as_fits(
    count: int, width: int, height: int, shape: float, columns: int
) -> None:
    assert best_columns(count, width, height, shape=shape) == columns


def test_cameras_lie_inside_the_grid_beside_each_other(qtbot: QtBot) -> None:
    grid = CameraGrid()
    qtbot.addWidget(grid)
    grid.resize(900, 700)
    grid.set_cameras([f"camera {n}" for n in range(5)])
    grid.show()
    places = [view.geometry() for view in grid.views.values()]
    assert all(grid.rect().contains(place) for place in places)
    assert not any(a.intersects(b) for n, a in enumerate(places) for b in places[:n])


def test_a_double_click_shows_one_camera_alone_and_another_one_all_again(qtbot: QtBot) -> None:
    grid = CameraGrid()
    qtbot.addWidget(grid)
    grid.resize(900, 600)
    grid.set_cameras(["left", "right"])
    grid.show()
    small = grid.views["right"].width()
    qtbot.mouseDClick(grid.views["right"], Qt.MouseButton.LeftButton)
    assert not grid.views["left"].isVisible()
    assert grid.views["right"].width() == 900 > small
    qtbot.mouseDClick(grid.views["right"], Qt.MouseButton.LeftButton)
    assert grid.views["left"].isVisible()
    assert grid.views["right"].width() == small


def test_a_camera_draws_the_frame_and_the_boxes_in_the_identities_colours(qtbot: QtBot) -> None:
    grid = CameraGrid()
    qtbot.addWidget(grid)
    grid.resize(800, 650)
    grid.set_cameras(["left"])
    grid.set_state("playing")
    grid.show()
    grid.show_results({"left": result("left", 0, (100, 50, 200, 250)), "unknown": result("unknown", 0)})
    image = grid.views["left"].grab().toImage()
    found = {QColor(image.pixel(x, 325)).name() for x in range(image.width())}
    assert identity_colour(1).name() in found
    assert QColor(90, 90, 90).name() in found


def test_the_click_on_a_box_tells_who_it_is_the_smaller_one_where_two_overlap(qtbot: QtBot) -> None:
    grid = CameraGrid()
    qtbot.addWidget(grid)
    grid.resize(800, 650)
    grid.set_cameras(["left"])
    grid.show()
    grid.show_results({"left": result("left", 0, (0, 0, 400, 300), (150, 100, 250, 200))})
    view = grid.views["left"]
    with qtbot.waitSignal(grid.person_clicked) as clicked:
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=view.rect().center())
    assert clicked.args == [2]
    assert view.person_at(QPointF(view.width() / 2, view.height() - 40)) == 1
    assert view.person_at(QPointF(5, 5)) is None


def test_a_camera_says_that_it_reconnects_and_why(qtbot: QtBot) -> None:
    grid = CameraGrid()
    qtbot.addWidget(grid)
    grid.resize(600, 450)
    grid.set_cameras(["door"])
    grid.show()
    grid.show_results({"door": result("door", 0)})
    before = grid.grab().toImage()
    grid.set_status(status(CameraStatus("door", "waiting", problem="door: refused the connection.")))
    assert grid.views["door"].toolTip() == "door: refused the connection."
    assert grid.grab().toImage() != before


@pytest.mark.parametrize(
    ("names", "ordered"),
    [
        (["cam10", "cam2", "cam1"], ["cam1", "cam2", "cam10"]),
        (["Yard", "hall 2", "Hall 1", "7"], ["7", "Hall 1", "hall 2", "Yard"]),
        (["a1b10", "a1b9", "²"], ["a1b9", "a1b10", "²"]),
    ],
)
def test_cameras_are_in_the_order_in_which_people_count_them(names: list[str], ordered: list[str]) -> None:
    assert in_order(names) == ordered


def test_a_picture_keeps_its_shape_and_its_colours() -> None:
    room = QRectF(10, 20, 400, 100)
    assert fitted(QSize(200, 100), room) == QRectF(110, 20, 200, 100)
    image = np.zeros((60, 120, 3), np.uint8)
    image[:, :, 2] = 200  # red, as OpenCV orders colours
    for width in (300, 60, 7):
        small = scaled_image(image, width, 50)
        assert (small.width(), small.height()) == (width, 50)
        assert QColor(small.pixel(width // 2, 25)).getRgb() == (200, 0, 0, 255)


def test_a_label_stays_inside_the_picture() -> None:
    image = QImage(100, 80, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.black)
    within = QRectF(20, 20, 60, 50)
    painter = QPainter(image)
    draw_box(painter, QRectF(70, 20, 10, 40), identity=7, name="Bartholomew", within=within)
    painter.end()
    colour = identity_colour(7).rgb()
    rows = [y for y in range(80) for x in range(100) if image.pixel(x, y) == colour]
    assert rows
    assert min(rows) >= 18
    assert readable_on(QColor("yellow")).lightness() < 50 < readable_on(QColor("navy")).lightness()


def test_the_window_finds_only_the_newest_result_of_each_camera() -> None:
    latest = Latest()
    latest.show([result("left", 0), result("right", 0)], status())
    latest.show([result("left", 1)], status(CameraStatus("left", "playing")))
    results, now = latest.take()
    assert {name: one.frame.index for name, one in results.items()} == {"left": 1, "right": 0}
    assert now == status(CameraStatus("left", "playing"))
    assert latest.take() == ({}, None)


# The people


@pytest.fixture
def faces(history: History, qapp: QApplication) -> Iterator[Faces]:
    """Pictures, which the reader fetches."""
    reader = Reader(history.path)
    faces = Faces(reader)
    reader.answered.connect(lambda key, answer: faces.take(answer))
    yield faces
    reader.close()


def all_of(history: History) -> questions.Everybody:
    return questions.everybody(history, None)


def test_people_come_newest_first_and_their_pictures_when_they_are_to_be_seen(
    history: History, faces: Faces, qtbot: QtBot
) -> None:
    everybody = all_of(history)
    assert [row.id for row in everybody.rows] == [2, 1]
    assert everybody.names() == {1: "Ann"}
    assert faces.image(("person", 1)) is None
    with qtbot.waitSignal(faces.changed):
        assert faces.image(("sighting", 5)) is None
    for face in (("person", 1), ("sighting", 5)):
        assert faces.has(face)
    shown = faces.image(("person", 1))
    assert shown is not None
    assert not shown.isNull()
    faces.renew([("person", 1)])
    with qtbot.waitSignal(faces.changed):
        assert faces.image(("person", 1)) is shown  # the older one, until the new one is there
    assert faces.image(("person", 1)) is not shown


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {1, 2}),
        ("ann", {1}),
        ("#2", {2}),
        ("2", {2}),
        ("RIG", {1, 2}),
        ("ann right", {1}),
        ("zoe", set()),
    ],
)
def test_the_search_knows_ids_names_and_cameras(
    history: History, faces: Faces, qtbot: QtBot, text: str, found: set[int]
) -> None:
    panel = PeoplePanel(faces)
    qtbot.addWidget(panel)
    panel.set_everybody(all_of(history))
    qtbot.keyClicks(panel.bar.words, text)
    assert {row.id for row in panel.rows} == found
    assert panel.names() == {1: "Ann"}


def test_who_is_chosen_stays_so_when_others_come(history: History, faces: Faces, qtbot: QtBot) -> None:
    panel = PeoplePanel(faces)
    qtbot.addWidget(panel)
    everybody = all_of(history)
    newer, older = everybody.rows
    panel.set_everybody(replace(everybody, rows=(older,)))
    with qtbot.waitSignal(panel.chosen) as chosen:
        panel.choose(1)
    assert chosen.args == [1]
    with qtbot.assertNotEmitted(panel.chosen):
        panel.set_everybody(everybody)
    assert panel.person == 1
    assert panel.list.currentIndex().row() == 1
    panel.bar.words.setText("Zoe")
    assert panel.person == 1  # only hidden
    panel.bar.words.clear()
    assert panel.list.selectedIndexes()[0].row() == 1
    with qtbot.waitSignal(panel.chosen) as chosen:
        panel.set_everybody(replace(everybody, rows=(newer,)))
    assert chosen.args == [None]


def test_the_list_stays_where_it_was_scrolled_to_when_others_come(
    history: History, faces: Faces, qtbot: QtBot
) -> None:
    panel = PeoplePanel(faces)
    qtbot.addWidget(panel)
    panel.resize(300, 350)
    everybody = all_of(history)
    rows = tuple(replace(everybody.rows[0], id=number) for number in range(30, 0, -1))
    panel.set_everybody(replace(everybody, rows=rows[5:]))
    panel.show()
    panel.choose(12)
    before = panel.list.visualRect(panel.list.currentIndex())
    assert panel.list.viewport().rect().contains(before)
    panel.set_everybody(replace(everybody, rows=rows))
    assert panel.list.visualRect(panel.list.currentIndex()) == before
    assert panel.person == 12


def test_a_persons_sightings_are_in_a_list_and_on_a_timeline(
    history: History, faces: Faces, qtbot: QtBot
) -> None:
    panel = SightingsPanel(faces)
    qtbot.addWidget(panel)
    panel.resize(400, 700)
    panel.show()
    panel.show_sightings(questions.sightings(history, questions.Asked(person=1)), {})
    first, second = history.sightings(person=1)
    assert panel.model.rows == [second, first]
    bar = panel.timeline.bar(second)
    assert bar.left() > panel.timeline.bar(first).right()
    assert bar.top() > panel.timeline.bar(first).bottom()
    with qtbot.waitSignal(panel.play) as asked:
        qtbot.mouseClick(panel.timeline, Qt.MouseButton.LeftButton, pos=bar.center().toPoint())
    assert asked.args == [second]
    assert panel.current == second
    with qtbot.waitSignal(panel.play) as asked:
        place = panel.list.visualRect(panel.model.index(1)).center()
        qtbot.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
        qtbot.mouseDClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert asked.args == [first]
    assert panel.timeline.row_at(QPointF(0, 0)) is None


def test_the_two_pictures_by_which_a_sighting_was_decided(tmp_path: Path, faces: Faces, qtbot: QtBot) -> None:
    history = History(small_history(tmp_path / "compared.db", compared=True))
    panel = SightingsPanel(faces)
    qtbot.addWidget(panel)
    panel.resize(400, 700)
    panel.show_sightings(questions.sightings(history, questions.Asked(person=1)), {})
    panel.show()
    assert not panel.compared.isVisible()
    first, second = history.sightings(person=1)
    panel.choose(second)
    panel.show_evidence(questions.evidence(history, second))
    assert panel.compared.isVisible()
    drawn = panel.compared.grab().toImage()
    width = panel.compared.HEIGHT // 2  # pictures are half as wide as high
    shades = [drawn.pixelColor(x, width).red() for x in (width // 2, width + 16 + width // 2)]
    assert shades == pytest.approx([120, 10], abs=3)
    panel.show_evidence(questions.evidence(history, first))  # an answer that comes too late
    assert panel.compared.lines == [
        "Distance 0.20 -> 80 %",
        "Compared with left, 00:10",
        "Last seen 2.0 s before",
        "Second best 2 at distance 0.60",
        "5 pictures compared",
    ]
    panel.resize(400, 240)  # too low for pictures
    assert not panel.compared.isVisible()
    panel.clear()
    assert not panel.compared.filled


def test_a_new_persons_first_sighting_is_compared_with_nobody(history: History, qtbot: QtBot) -> None:
    view = ComparedView()
    qtbot.addWidget(view)
    first, *_ = history.sightings(person=2)
    view.show_evidence(questions.evidence(history, first))
    assert view.lines[0] == "New; closest known was at distance 0.50"
    assert not any("Compared with" in line or "%" in line for line in view.lines)
    assert view.filled


# The history's thread


def test_the_reader_answers_in_the_windows_thread_and_asks_in_its_own(history: History, qtbot: QtBot) -> None:
    reader = Reader(history.path)
    asked_in = []

    def names(asked: History) -> list[str]:
        asked_in.append(threading.current_thread())
        return asked.cameras()

    with qtbot.waitSignal(reader.answered) as answer:
        reader.ask("cameras", names)
        assert reader.busy("cameras")
    assert answer.args == ["cameras", ["left", "right"]]
    assert not reader.busy("cameras")
    assert asked_in != [threading.current_thread()]
    reader.close()
    assert not asked_in[0].is_alive()


def test_the_reader_passes_errors_on_and_asks_no_file_that_is_not_there(tmp_path: Path, qtbot: QtBot) -> None:
    reader = Reader(tmp_path / "none.db")
    reader.ask("people", History.people)
    assert not reader.busy("people")
    (tmp_path / "text.db").write_text("These are no facts." * 100)
    reader.open(tmp_path / "text.db")
    with qtbot.waitSignal(reader.failed) as failure:
        reader.ask("people", History.people)
    assert failure.args[0] == "people"
    assert "text.db is not a SQLite database" in str(failure.args[1])
    reader.close()


# What is played


@pytest.mark.parametrize(
    ("time_s", "box"),
    [
        (9.0, None),
        (9.9, (0, 0, 10, 20)),  # a little before: the first box
        (10.0, (0, 0, 10, 20)),
        (10.5, (5, 0, 15, 20)),  # half way between two points
        (11.0, (10, 0, 20, 20)),
        (11.4, None),
    ],
)
def test_the_box_moves_from_point_to_point(time_s: float, box: tuple[float, ...] | None) -> None:
    way = Trajectory(
        times=np.array([10.0, 11.0]),
        frames=np.array([0, 10]),
        boxes=np.array([[0, 0, 10, 20], [10, 0, 20, 20]], np.float32),
        scores=np.ones(2, np.float32),
    )
    found = box_at(way, time_s)
    assert (None if found is None else tuple(found.tolist())) == box


@pytest.mark.parametrize(("begin_s", "end_s"), [(0.0, 1.0), (2.0, 3.5), (31.03, 32.0), (59.0, 99.0)])
def test_a_stretch_has_the_frames_and_times_that_the_run_had(
    tmp_path: Path, begin_s: float, end_s: float
) -> None:
    path = write_clip(tmp_path / "a.mp4", frames=600, fps=10, key_every=50)
    start = 1000.0
    with FileSource(camera="a", path=path, start=start) as source:
        frames = list(source)
    shown = max((frame.time for frame in frames if frame.time <= start + begin_s + 1e-6), default=start)
    wanted = [frame for frame in frames if shown <= frame.time <= start + end_s]
    stop = threading.Event()
    shots = list(stretch(path, start=start, begin=start + begin_s, end=start + end_s, stop=stop))
    assert [shot.time for shot in shots] == pytest.approx([frame.time for frame in wanted])
    assert [number_of(shot.image) for shot in shots] == [number_of(frame.image) for frame in wanted]


def test_a_stretch_of_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.mp4: there is no such file"):
        list(stretch(tmp_path / "gone.mp4", start=0.0, begin=0.0, end=1.0, stop=threading.Event()))


def test_pictures_are_decoded_only_a_little_ahead_and_closing_frees_the_thread() -> None:
    made = []

    def shots(stop: threading.Event) -> Iterator[Shot]:
        for number in range(1000):
            made.append(number)
            yield Shot(float(number), np.zeros((2, 2, 3), np.uint8))

    with ThreadPoolExecutor(1) as pool:
        stream = Stream(pool, shots)
        while stream.peek() is None:
            threading.Event().wait(0.01)
        assert stream.take().time == 0.0
        threading.Event().wait(0.1)
        assert len(made) <= AHEAD + 2
        stream.close()
    assert len(made) <= AHEAD + 2
    assert stream.error is None
