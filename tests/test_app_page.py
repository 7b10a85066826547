"""The page, read as a browser would: what it says, what it holds, what it links to."""

from __future__ import annotations

import base64
import re
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import cv2
import numpy as np
import pytest
from filled_history import DIMENSION, MODEL, Demo
from sqlalchemy import update

from app.demo.cameras import scene_of
from app.history.last_run import last_sightings
from app.history.telling import duration
from app.output.contact_sheet import Clock, person_cards
from app.output.drawing import colour_of
from app.output.page import write_page
from app.output.person_page import write_person_page
from app.output.place import OutputError
from app.pipeline import Status
from app.scoring.score import found_in, score
from storage import schema
from storage.database import open_database
from storage.history import History
from storage.writer import Writer
from tracker.types import Evidence, Portrait, Sighting, Terms


class Page(HTMLParser):
    """Elements with their attributes, and the words a reader sees."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self._open.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        if data.strip() and self._open[-1] != "style":
            self.words.append(data.strip())

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [
            attributes
            for name, attributes in self.elements
            if name == tag and all(attributes.get(key.rstrip("_")) == value for key, value in wanted.items())
        ]

    @property
    def text(self) -> str:
        return " ".join(self.words)


def visit(
    writer: Writer,
    number: int,
    camera: str,
    start: float,
    end: float,
    person: int | None,
    sure: float = 0.9,
) -> None:
    writer.sighting(Sighting(number, camera, start, end, person, sure))
    picture = np.full((40, 20, 3), 10 * number, np.uint8)
    writer.portrait(number, Portrait(start, 0.5, np.eye(DIMENSION, dtype=np.float32)[0], picture))


def two_cameras(path: Path, *, start: float = 1_700_000_000.0) -> History:
    """Person 3 on hall, yard, hall; person 8 on hall; somebody undecided on yard. 100 seconds."""
    engine = open_database(path, create=True)
    with Writer(engine, command="test", version="0", model=MODEL, dimension=DIMENSION) as writer:
        for camera in ("hall", "yard"):
            writer.footage(camera, uri=f"{camera}.mp4", start=start, width=640, height=480)
            writer.frames(camera, 1001, start + 100)
        visit(writer, 1, "hall", start + 0, start + 10, 3, 0.8)
        visit(writer, 2, "yard", start + 20, start + 40, 3)
        visit(writer, 3, "hall", start + 50, start + 60, 3, 0.95)
        visit(writer, 4, "hall", start + 65, start + 75, 8)
        visit(writer, 5, "yard", start + 90, start + 100, None)
    return History(engine)


def rename(history: History, person: int, name: str) -> None:
    with open_database(history.path, create=False).begin() as connection:
        connection.execute(update(schema.Identity).where(schema.Identity.id == person).values(name=name))


def test_the_demo_page_is_whole_and_needs_nothing_else(demo: Demo, tmp_path: Path) -> None:
    scores = score(demo.truth, found_in(demo.history))
    timing = Status(4.0, 8, (), 1.0, {"decode": 1.0, "detect": 3.0})
    videos = [tmp_path / "videos" / f"{name}.mp4" for name in ("left", "middle", "right")]

    path = write_page(
        demo.history,
        tmp_path / "index.html",
        videos=videos,
        scene=scene_of(demo.cameras),
        scores=scores,
        timing=timing,
    )

    page = Page(path)
    assert "http" not in page.source.replace("http-equiv", "")
    assert not page.all("script")
    assert not page.all("link")
    assert [video["src"] for video in page.all("video")] == [f"videos/{v.name}" for v in videos]
    assert [rect["x"] for rect in page.all("rect", fill="#000")] == ["0", "320", "576"]
    assert len(page.all("article")) == len(demo.history.people())
    for words in ("IDF1 over all cameras", "all cameras 100.0", "detect 3.0 s 75.0 %", "clock 2 s ahead"):
        assert words in page.text, words


def test_pictures_are_in_the_page(demo: Demo, tmp_path: Path) -> None:
    page = Page(write_page(demo.history, tmp_path / "index.html"))
    sources = [str(image["src"]) for image in page.all("img")]
    assert len(sources) >= len(demo.history.people())
    for source in sources:
        head, data = source.split(",")
        picture = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
        assert head == "data:image/jpeg;base64"
        assert picture is not None
        assert picture.size > 0


def test_a_person_is_a_row_over_the_cameras(tmp_path: Path) -> None:
    history = two_cameras(tmp_path / "h.db")
    begin = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC
    first, second, undecided = person_cards(
        history, ["hall", "yard"], last_sightings(history), Clock(begin, begin + 100)
    )

    assert (first.identity, second.identity, undecided.identity) == (3, 8, None)
    assert first.journey == ["hall", "yard", "hall"]
    assert (first.first, first.last, first.seen, first.sightings) == ("22:13:20", "22:14:20", "40.0 s", 3)
    assert first.probability == "80 % to 95 %"
    assert [[p.time for p in lane.pictures] for lane in first.lanes] == [
        ["22:13:20", "22:14:10"],
        ["22:13:40"],
    ]
    assert [[(bar.left, bar.width) for bar in lane.bars] for lane in first.lanes] == [
        [(0.0, 10.0), (50.0, 10.0)],
        [(20.0, 20.0)],
    ]
    assert first.lanes[1].bars[0].title == "yard, 22:13:40 to 22:14:00 (20.0 s): match 90 %"
    blue, green, red = colour_of(3)
    assert first.colour == f"#{red:02x}{green:02x}{blue:02x}"
    assert (first.travelled, second.travelled) == (True, False)
    assert [len(lane.pictures) for lane in undecided.lanes] == [0, 1]


def test_the_undecided_are_told_apart_from_people(tmp_path: Path) -> None:
    page = Page(write_page(two_cameras(tmp_path / "h.db"), tmp_path / "index.html"))
    assert "2 people 1 on several cameras 2 cameras 5 sightings" in page.text
    assert "? not decided" in page.text


def test_many_visits_are_counted_beyond_the_pictures(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "h.db", create=True)
    with Writer(engine, command="test", version="0", model=MODEL, dimension=DIMENSION) as writer:
        writer.footage("hall", uri="hall.mp4", start=2e9, width=64, height=48)
        for number in range(1, 8):
            visit(writer, number, "hall", 2e9 + 10 * number, 2e9 + 10 * number + 5, 1)
        writer.frames("hall", 900, 2e9 + 90)

    page = Page(write_page(History(engine), tmp_path / "index.html"))
    assert len(page.all("img")) == 4
    assert "+3" in page.words


def test_names_are_text_and_nothing_else(tmp_path: Path) -> None:
    history = two_cameras(tmp_path / "h.db")
    rename(history, 3, "<script>alert('x')</script>")
    rename(history, 8, 'Zoë "Z" & Søn')

    page = Page(write_page(history, tmp_path / "index.html"))

    assert not page.all("script")
    assert "<script>alert('x')</script>" in page.words
    assert 'Zoë "Z" & Søn' in page.words


def test_camera_names_cannot_break_out_of_attributes(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "h.db", create=True)
    camera = '"><img src=x onerror=alert(1)>'
    with Writer(engine, command="test", version="0", model=MODEL, dimension=DIMENSION) as writer:
        writer.footage(camera, uri="x.mp4", start=2e9, width=64, height=48)
        visit(writer, 1, camera, 2e9, 2e9 + 5, 1)
        writer.frames(camera, 50, 2e9 + 5)

    page = Page(write_page(History(engine), tmp_path / "index.html"))

    assert [image for image in page.all("img") if "onerror" in image] == []
    assert str(page.all("img")[0]["alt"]).startswith(camera)


def test_links_to_videos_are_relative_and_quoted(tmp_path: Path) -> None:
    folder = tmp_path / "my videos"
    folder.mkdir()
    video = folder / "front #1 100%.mp4"
    video.write_bytes(b"")

    path = write_page(two_cameras(tmp_path / "h.db"), tmp_path / "site" / "index.html", videos=[video])

    address = str(Page(path).all("video")[0]["src"])
    assert re.fullmatch(r"[\w./%-]+", address)
    assert (path.parent / unquote(address)).resolve() == video


def test_only_the_last_run_is_told_of(tmp_path: Path) -> None:
    two_cameras(tmp_path / "h.db")
    engine = open_database(tmp_path / "h.db", create=False)
    with Writer(engine, command="test", version="0", model=MODEL, dimension=DIMENSION) as writer:
        writer.footage("gate", uri="gate.mp4", start=1_700_000_000.0, width=64, height=48)
        visit(writer, 1, "gate", 1_700_000_001.0, 1_700_000_005.0, 8)
        writer.frames("gate", 50, 1_700_000_005.0)

    page = Page(write_page(History(engine), tmp_path / "index.html"))

    assert "1 person 0 on several cameras 1 camera 1 sighting" in page.text
    assert "hall" not in page.text


def test_an_empty_history_says_so(tmp_path: Path) -> None:
    history = History(open_database(tmp_path / "h.db", create=True))
    page = Page(write_page(history, tmp_path / "index.html"))
    assert "Nobody was seen." in page.text
    assert "0 people" in page.text


def test_an_unknown_start_is_not_shown_as_1970(tmp_path: Path) -> None:
    page = Page(write_page(two_cameras(tmp_path / "h.db", start=0.0), tmp_path / "index.html"))
    assert "start time unknown" in page.text
    assert "1970" not in page.text
    assert "0:50" in page.words


def test_dates_and_the_zone_are_told(tmp_path: Path) -> None:
    page = Page(write_page(two_cameras(tmp_path / "h.db"), tmp_path / "index.html"))
    assert "2023-11-14 22:13:20 \N{EN DASH} 22:15:00, UTC" in page.text
    midnight = two_cameras(tmp_path / "m.db", start=1_700_006_370.0)  # 23:59:30
    page = Page(write_page(midnight, tmp_path / "m.html"))
    assert "2023-11-14 23:59:30 \N{EN DASH} 2023-11-15 00:01:10, UTC" in page.text
    assert "2023-11-15 00:00:20" in page.text


def test_a_person_page_says_why(tmp_path: Path) -> None:
    history = two_cameras(tmp_path / "h.db")
    with Writer(
        open_database(history.path, create=False), command="t", version="0", model=MODEL, dimension=DIMENSION
    ) as writer:
        writer.footage("gate", uri="gate.mp4", start=1_700_001_000.0, width=64, height=48)
        new = Evidence(None, None, 3, 0.89, 4, runner_up_terms=Terms(-2.0, -5.0, 0.5))
        writer.sighting(Sighting(1, "gate", 1_700_001_000.0, 1_700_001_005.0, 9, 0.998, new))
        known = Evidence(0.2, 2.0, 8, 0.5, 4, 1_700_001_010.0, 1, 1_700_001_000.0, Terms(-2.0, 4.1, 1.2))
        writer.sighting(Sighting(2, "gate", 1_700_001_010.0, 1_700_001_015.0, 9, 0.91, known))
        for number in (1, 2):
            picture = np.full((40, 20, 3), 10 * number, np.uint8)
            shown = Portrait(1_699_999_990.0 + 10 * number + 1000, 0.5, np.eye(DIMENSION)[0], picture)
            writer.portrait(number, shown)
    page = Page(write_person_page(history, 9, tmp_path / "9.html"))
    assert "2 sightings on gate; 10.0 s in view; 2023-11-14 22:30:00 \N{EN DASH} 22:30:15, UTC." in page.text
    assert "new nobody known was it 22:30:00 to 22:30:05" in page.text
    assert "closest known 3" in page.text
    assert (
        "new; closest known was 3: looks -5.0, way and time +0.5, before anything is known -2.0" in page.text
    )
    assert "91 % match 22:30:10 to 22:30:15" in page.text
    assert "compared with 9 sighting 6 gate, 22:30:00" in page.text
    assert "looks +4.1, way and time +1.2, before anything is known -2.0 -> 91 %" in page.text
    assert "0.89" not in page.text


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path, small_disk: Path) -> None:
    history = two_cameras(tmp_path / "h.db")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"^The folder .*file.* can't be .*; name another place.*\.$"):
        write_page(history, tmp_path / "file" / "index.html")
    (tmp_path / "index.html").mkdir()
    with pytest.raises(OutputError, match=r"^The page .*index\.html can't be written \(.*\); make room"):
        write_page(history, tmp_path / "index.html")
    with suppress(OSError):
        (small_disk / "filler").write_bytes(bytes(20_000))
    with pytest.raises(OutputError, match=r"^The page .*full\.html can't be written \(No space left"):
        write_page(history, small_disk / "full.html")
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0.0 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"), (3599.7, "1 h 00 min"), (7503, "2 h 05 min")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("span", "ticks"),
    [
        (0.0, ["0:00"]),
        (80.0, ["0:00", "0:20", "0:40", "1:00", "1:20"]),
        (7200.0, ["0:00", "30:00", "1:00:00", "1:30:00", "2:00:00"]),
    ],
)
def test_timelines_have_round_moments(span: float, ticks: list[str]) -> None:
    told = Clock(0.0, span).ticks
    assert [words for _, words in told] == ticks
    assert [left for left, _ in told] == [25.0 * k for k in range(len(ticks))]


def test_timelines_have_round_times_of_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = 1_700_000_000.0
    assert Clock(begin, begin + 100).ticks == [
        (0.0, "22:13:20"),
        (20.0, "22:13:40"),
        (40.0, "22:14:00"),
        (60.0, "22:14:20"),
        (80.0, "22:14:40"),
        (100.0, "22:15:00"),
    ]
    hours = [words for _, words in Clock(begin, begin + 6000).ticks]
    assert hours == ["22:20", "22:40", "23:00", "23:20", "23:40"]
    days = [words for _, words in Clock(begin, begin + 86_400).ticks]
    assert days == ["2023-11-15 00:00", "2023-11-15 06:00", "2023-11-15 12:00", "2023-11-15 18:00"]
