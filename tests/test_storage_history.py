from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_history import (
    MODEL,
    SIGHTINGS,
    leaning,
    name_footage,
    picture,
    record_all,
    small_history,
    unit,
    writer,
)
from sqlalchemy import event, insert

from storage import schema
from storage.database import DatabaseError, open_database
from storage.history import History, PersonRow, UnknownPerson
from storage.templates import renew
from tracker.types import Evidence, Portrait, Sighting


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return History(small_history(tmp_path_factory.mktemp("history") / "h.db"))


def ids(rows: list[PersonRow]) -> list[int]:
    return [row.id for row in rows]


def test_people_by_first_seen(history: History) -> None:
    assert history.people() == [
        PersonRow(1, "Ann", 10.0, 18.0, ("left", "right"), 2, 6.0),
        PersonRow(2, None, 19.0, 25.0, ("right", "left"), 2, 8.0),
    ]


def test_people_of_a_camera_are_told_by_their_sightings_there(history: History) -> None:
    assert history.people(camera="left") == [
        PersonRow(1, "Ann", 10.0, 14.0, ("left",), 1, 4.0),
        PersonRow(2, None, 21.0, 23.0, ("left",), 1, 2.0),
    ]
    assert history.people(camera="nowhere") == []


@pytest.mark.parametrize(
    ("since", "until", "people", "starts"),
    [
        (None, None, [1, 2], [10.0, 16.0, 19.0, 21.0, 30.0]),
        (14.0, None, [1, 2], [10.0, 16.0, 19.0, 21.0, 30.0]),  # both ends count
        (14.5, None, [1, 2], [16.0, 19.0, 21.0, 30.0]),
        (None, 19.0, [1, 2], [10.0, 16.0, 19.0]),
        (None, 18.5, [1], [10.0, 16.0]),
        (22.0, 22.5, [2], [19.0, 21.0]),  # inside of a sighting
        (26.0, 29.0, [], []),
    ],
)
def test_a_span_of_time(
    history: History, since: float | None, until: float | None, people: list[int], starts: list[float]
) -> None:
    assert ids(history.people(since=since, until=until)) == people
    assert [s.start for s in history.sightings(since=since, until=until)] == starts


def test_one_person(history: History) -> None:
    assert history.person(2) == history.people()[1]
    with pytest.raises(
        UnknownPerson, match=r"nobody in .*h\.db has the id 7; 'sightline people' lists"
    ) as caught:
        history.person(7)
    assert isinstance(caught.value, DatabaseError)


def test_sightings_by_start_with_their_evidence(history: History) -> None:
    assert [(s.person, s.camera, s.start, s.evidence) for s in history.sightings()] == [
        (s.identity, s.camera, s.start, s.evidence) for s in SIGHTINGS
    ]
    assert [s.start for s in history.sightings(person=2)] == [19.0, 21.0]
    assert [s.start for s in history.sightings(person=2, camera="left")] == [21.0]
    assert [(s.person, s.start) for s in history.sightings(unidentified=True)] == [(None, 30.0)]


def test_the_way_of_a_sighting(history: History) -> None:
    sighting = history.sightings()[2]  # six seconds: two rows
    way = history.trajectory(sighting.id)
    assert way.frames.tolist() == list(range(90, 151))
    np.testing.assert_allclose(way.times, 19.0 + np.arange(61) / 10, atol=1e-9)
    np.testing.assert_allclose(way.boxes[-1], [130, 20, 170, 120])
    np.testing.assert_allclose(way.scores, 0.6, atol=1e-6)


def test_the_ways_of_many_sightings(history: History) -> None:
    wanted = [sighting.id for sighting in history.sightings()]
    ways = history.trajectories(wanted)
    assert [len(ways[id_]) for id_ in wanted] == [41, 21, 61, 21, 11]
    assert len(history.trajectory(999)) == 0


def test_pictures_best_first(history: History) -> None:
    pictures = history.portraits()
    assert [p.quality for p in pictures] == [0.9] * 5 + [0.5] * 5
    assert [p.time for p in history.portraits(most=2)] == [11.0, 17.0]
    assert [(p.person, p.time) for p in history.portraits(person=2)] == [
        (2, 20.0),
        (2, 22.0),
        (2, 19.0),
        (2, 21.0),
    ]
    assert [p.time for p in history.portraits(person=2, each=1)] == [20.0, 22.0]
    assert [p.time for p in history.portraits(person=2, each=1, most=1)] == [20.0]
    assert [p.time for p in history.portraits(sighting=pictures[0].sighting)] == [11.0, 10.0]
    image = cv2.imdecode(np.frombuffer(pictures[0].jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert abs(int(image[40, 20, 0]) - 110) <= 2


def test_footage_and_cameras(history: History) -> None:
    assert [(f.camera, f.uri, f.start, f.end, f.width, f.height, f.frames) for f in history.footage()] == [
        ("left", "left.mp4", 10.0, 31.9, 320, 240, 220),
        ("right", "right.mp4", 10.0, 29.9, 640, 480, 200),
    ]
    assert [f.camera for f in history.footage("right")] == ["right"]
    assert history.cameras() == ["left", "right"]


@pytest.mark.parametrize(
    ("camera", "start", "end", "held"),
    [
        ("left", 0.0, 10.0, False),  # they touch
        ("left", 0.0, 10.1, True),
        ("left", 12.0, 13.0, True),
        ("left", 31.9, 40.0, False),
        ("left", 10.0, 10.0, True),  # of unknown length, from the same start
        ("nowhere", 0.0, 100.0, False),
    ],
)
def test_whether_a_span_is_held(history: History, camera: str, start: float, end: float, held: bool) -> None:
    assert history.held(camera, start, end) is held


def test_a_gallery_to_start_from(history: History) -> None:
    one, two = history.identities(MODEL, most=3)
    assert (one.id, one.name, two.id, two.name) == (1, "Ann", 2, None)
    assert one.seen == {"left": (10.0, 14.0), "right": (16.0, 18.0)}
    assert two.seen == {"left": (21.0, 23.0), "right": (19.0, 25.0)}
    by_quality_then_time = [leaning(1), leaning(2), unit(1)]
    np.testing.assert_allclose(one.embeddings, by_quality_then_time, atol=1e-3)
    assert one.embeddings.dtype == np.float32
    assert (history.last_identity(), history.models()) == (2, [MODEL])


def test_another_models_gallery_is_refused(history: History) -> None:
    with pytest.raises(DatabaseError, match=r"vectors of the model model-a, .* those of model-b; run with"):
        history.identities("model-b")


def test_the_last_presence_is_that_of_the_latest_run(tmp_path: Path) -> None:
    engine = small_history(tmp_path / "h.db")
    with writer(engine) as record:
        record_all(record, later_s=1000.0)
    assert History(engine).identities(MODEL)[0].seen["left"] == (1010.0, 1014.0)


def test_an_empty_history_has_an_answer_to_everything(tmp_path: Path) -> None:
    history = History(open_database(tmp_path / "h.db", create=True))
    assert history.people() == history.sightings() == history.portraits() == history.footage() == []
    assert history.cameras() == history.models() == history.identities("any") == []
    assert history.last_identity() == 0
    assert not history.held("left", 0, 1)


def test_questions_are_answered_while_a_run_writes(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "h.db", create=True)
    with writer(engine) as record:
        name_footage(record)
        for number in range(1, 30):
            record.sighting(Sighting(number, "left", 10.0, 11.0, number, 0.9))
            record.flush()
            assert len(History(engine).people()) == number


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> History:
    """10,000 sightings of 500 people on 4 cameras, each with two pictures."""
    engine = open_database(tmp_path_factory.mktemp("big") / "h.db", create=True)
    with writer(engine) as record:
        for camera in range(4):
            record.footage(str(camera), uri="x", start=0.0, width=1, height=1)
        for number in range(1, 10_001):
            person = number * 7 % 500 + 1
            evidence = Evidence(0.2, 1.0, 2, 0.4, 5)
            record.sighting(
                Sighting(number, str(number % 4), number * 3.0, number * 3.0 + 9, person, 0.9, evidence)
            )
        record.portrait(1, Portrait(3.0, 0.5, unit(0), picture(0)))
    with engine.begin() as connection:
        (model,) = connection.scalars(schema.Model.__table__.select().with_only_columns(schema.Model.id))
        vector = np.ones(4, np.float16).tobytes()
        connection.execute(
            insert(schema.Portrait),
            [
                {
                    "sighting_id": k // 2 + 1,
                    "model_id": model,
                    "time": 1.0,
                    "quality": 0.5,
                    "vector": vector,
                }
                for k in range(20_000)
            ],
        )
        pictures = [{"portrait_id": k + 2, "jpeg": bytes(5000)} for k in range(20_000)]
        connection.execute(insert(schema.Picture), pictures)
        while renew(connection, most=500):
            continue
    return History(engine)


def test_a_listing_asks_as_little_of_the_database_of_ten_thousand_sightings_as_of_five(
    big: History, tmp_path: Path
) -> None:
    small = History(small_history(tmp_path / "small.db"))
    for question in (
        lambda history: history.sightings(),
        lambda history: history.people(),
        lambda history: history.identities(MODEL),
        lambda history: history.portraits(person=1, each=1),
    ):
        assert statements(big, question) == statements(small, question)


def statements(history: History, question: Callable[[History], object]) -> list[str]:
    """What it asks of the database."""
    asked: list[str] = []

    def note(*told: object) -> None:
        asked.append(re.sub(r"\?(, \?)+", "?", str(told[2])))  # a question for many is one question

    event.listen(history.engine, "before_cursor_execute", note)
    assert question(history)
    event.remove(history.engine, "before_cursor_execute", note)
    return asked
