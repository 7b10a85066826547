"""``sightline find``: the picture of somebody who was recorded, of somebody else, of nobody."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_history import picture, small_history
from street import PEOPLE, street_crops, street_film, street_history, written

from app import errors
from app.cli import main
from app.history import finding
from app.history.finding import ask_sighting
from reid.embedder import open_embedder
from storage.database import open_database
from storage.forgetting import Forgetting, Order
from storage.history import History
from storage.repair import Repair
from storage.writer import Writer
from tracker.types import Identity, Image, Portrait, Sighting


@pytest.fixture(scope="module")
def film(shared: Path) -> list[Image]:
    return street_film(shared)


@pytest.fixture(scope="module")
def crops(shared: Path, film: list[Image]) -> dict[int, list[Image]]:
    return street_crops(shared, film)


@pytest.fixture(scope="module")
def history(
    assets: None, shared: Path, tmp_path_factory: pytest.TempPathFactory, crops: dict[int, list[Image]]
) -> Path:
    """Of two people of the street; the second has a name."""
    embedder = open_embedder(shared / "weights/person-reidentification-retail-0277.xml", device="cpu")
    path = street_history(tmp_path_factory.mktemp("find") / "history.db", crops, embedder)
    assert main(["name", "2", "Bob", "--db", str(path)]) == 0
    return path


def asked(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["find", *map(str, arguments), "--reid", "retail-0277", "--json"]) == 0
    return dict(json.loads(capsys.readouterr().out))


@pytest.mark.parametrize("person", [1, 2])
def test_a_cut_out_person_is_found(
    history: Path,
    crops: dict[int, list[Image]],
    person: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By a picture the history does not have."""
    photo = written(tmp_path, crops[person][0])
    answer = asked(capsys, photo, "--whole", "--db", history)
    [found] = answer["people"]
    assert answer["even_distance"] == 0.5, "two people who came once teach nothing"
    assert found["box"] is None
    first, second = found["likely"]
    time, camera = PEOPLE[person]
    assert (first["id"], first["name"], first["camera"]) == (person, {1: None, 2: "Bob"}[person], camera)
    assert first["sighting"] == person
    assert first["time"] in [time + later / 2 for later in range(4)]
    assert first["probability"] > 0.9
    assert second["probability"] < 0.05
    assert first["distance"] < second["distance"]
    assert found["nobody"] + first["probability"] + second["probability"] == pytest.approx(1, abs=1e-3)


def test_everybody_in_a_photograph_is_asked_for(
    history: Path, film: list[Image], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """More people are in the street than in the history: both are found, the others are nobody."""
    people = asked(capsys, written(tmp_path, film[0]), "--db", history)["people"]
    assert len(people) >= 5
    sizes = [(box[2] - box[0]) * (box[3] - box[1]) for box in (who["box"] for who in people)]
    assert sizes == sorted(sizes, reverse=True)
    likely = [who["likely"][0]["id"] for who in people if who["likely"][0]["probability"] > 0.8]
    assert sorted(likely) == [1, 2]
    assert sum(who["nobody"] > 0.8 for who in people) >= len(people) - 3


def test_the_answer_in_a_terminal_and_as_a_page(
    history: Path, film: list[Image], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo, page = written(tmp_path, film[0]), tmp_path / "who.html"
    told = ["find", str(photo), "--db", str(history), "--reid", "retail-0277", "--count", "1"]
    assert main([*told, "--page", str(page)]) == 0
    said = capsys.readouterr().out
    assert "Person 1 of " in said
    assert "Bob" in said
    assert "nobody of them" in said
    assert "all sightings: sightline show 2" in said
    shown = page.read_text(encoding="utf-8")
    page.unlink()
    assert len(asked(capsys, photo, "--db", history, "--page", page)["people"]) >= 5, "still JSON alone"
    assert page.exists()
    assert "Bob" in shown
    assert "photo.png" in shown
    assert shown.count("data:image/jpeg") >= 10, "everybody, and who is most alike"


def test_only_those_of_a_camera_and_a_time_are_asked_for(
    history: Path, crops: dict[int, list[Image]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = written(tmp_path, crops[1][0])
    for where in (["--camera", "yard"], ["--since", "1970-01-01T00:00:30Z"]):
        [found] = asked(capsys, photo, "--whole", "--db", history, *where)["people"]
        assert [one["id"] for one in found["likely"]] == [2]
        assert found["nobody"] > 0.9, "who else it may be is not asked"
    nobody = asked(capsys, photo, "--whole", "--db", history, "--since", "2030-01-01")
    assert (nobody["people"], nobody["even_distance"]) == ([], None)


def test_a_picture_without_people_is_taken_as_a_whole(
    history: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = written(tmp_path, np.full((200, 300, 3), 90, np.uint8))
    assert main(["find", str(photo), "--db", str(history), "--reid", "retail-0277"]) == 0
    said = capsys.readouterr().out
    assert f"No person was found in {photo}; the whole picture is taken for one." in said.replace("\n", " ")
    assert "sightline show" not in said, "it is nobody"


@pytest.mark.parametrize(
    ("name", "content", "code", "sentence"),
    [
        ("gone.jpg", None, 3, "gone.jpg: there is no such file; check the path."),
        (".", None, 3, ": is a folder; give a picture in it."),
        (
            "text.jpg",
            b"no picture",
            3,
            "text.jpg: is no picture, or damaged; give a picture such as .jpg or .png.",
        ),
        ("empty.jpg", b"", 3, "empty.jpg: is no picture, or damaged; give a picture such as .jpg or .png."),
    ],
)
def test_what_is_no_picture_is_said(
    history: Path,
    tmp_path: Path,
    name: str,
    content: bytes | None,
    code: int,
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert main(["find", str(tmp_path / name), "--db", str(history)]) == code
    assert sentence in capsys.readouterr().err


def test_a_history_of_another_network_and_a_wrong_count_are_refused(
    history: Path, crops: dict[int, list[Image]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = written(tmp_path, crops[1][0])
    told = ["find", str(photo), "--db", str(history), "--whole"]
    assert main([*told, "--reid", "bnneck-mobilenet"]) == 5
    assert "run with the same --reid as before" in capsys.readouterr().err
    assert main([*told, "--count", "0"]) == 7
    assert "--count 0: give 1 at least." in capsys.readouterr().err


def test_a_history_of_nobody_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine = open_database(tmp_path / "none.db", create=True)
    engine.dispose()
    photo = written(tmp_path, np.zeros((20, 10, 3), np.uint8))
    assert main(["find", str(photo), "--db", str(tmp_path / "none.db")]) == 0
    assert "Nobody was recorded there and then" in capsys.readouterr().out


def test_a_sighting_is_asked_for_without_a_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sighting n's pictures lie along axis n of four, and 5, of nobody, along that of 1."""
    db = ["--db", str(tmp_path / "h.db")]
    small_history(tmp_path / "h.db")
    assert main(["find", "--sighting", "5", "--json", *db]) == errors.OK
    (asked,) = json.loads(capsys.readouterr().out)["people"]
    assert [(one["id"], one["sighting"]) for one in asked["likely"]] == [(1, 1), (2, 4)]
    assert asked["likely"][0]["distance"] < 0.2 < asked["likely"][1]["distance"]
    assert main(["find", "--sighting", "1", "--json", *db]) == errors.OK
    (asked,) = json.loads(capsys.readouterr().out)["people"]
    assert {one["sighting"] for one in asked["likely"]} <= {2, 3, 4}  # its own pictures are no match
    assert main(["find", "--sighting", "5", "--page", str(tmp_path / "p.html"), *db]) == errors.OK
    assert "Sighting 5" in capsys.readouterr().out
    assert main(["find", "--sighting", "77", *db]) == errors.USAGE
    assert "77 is no sighting" in capsys.readouterr().err
    for typed in ([], ["a.jpg", "--sighting", "1"]):
        assert main(["find", *typed, *db]) == errors.CONFIG
        assert "Name a picture, or a sighting" in capsys.readouterr().err


def test_of_many_only_those_alike_by_their_means_are_looked_at_closely(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is that of comparing everybody's every picture."""
    engine = open_database(tmp_path / "h.db", create=True)
    dice = np.random.default_rng(1)
    people = dice.normal(size=(200, 64))
    told = {"command": "sightline run", "version": "0.1", "model": "model-a", "dimension": 64}
    with Writer(engine, **told) as record:
        record.footage("left", uri="left.mp4", start=10.0, width=320, height=240)
        for number in range(400):
            start, who = 10.0 + 5 * number, number % 200
            record.sighting(Sighting(number + 1, "left", start, start + 2, who + 1, 0.9))
            for k in range(2):
                look = people[who] + dice.normal(size=64)
                vector = (look / np.linalg.norm(look)).astype(np.float32)
                record.portrait(number + 1, Portrait(start + k, 0.5, vector, picture(9)))
    history = Counting(engine)
    for sighting in (1, 77, 300):
        (whole,), _ = ask_sighting(history, sighting)
        history.read = 0
        with monkeypatch.context() as patch:
            patch.setattr(finding, "CLOSELY", 20)
            (near,), _ = ask_sighting(history, sighting)
        assert history.read == 20
        assert [one.id for one in near.likely] == [one.id for one in whole.likely]
        chances = [one.candidate.chance for one in whole.likely]
        assert [one.candidate.chance for one in near.likely] == pytest.approx(chances, abs=0.01)
        assert near.nobody == pytest.approx(whole.nobody, abs=0.02)


def test_the_first_look_is_at_everybodys_mean_whoever_came_and_went(tmp_path: Path) -> None:
    path, dice = tmp_path / "h.db", np.random.default_rng(2)
    engine = open_database(path, create=True)
    told = {"command": "sightline run", "version": "0.1", "model": "model-a", "dimension": 32}
    with Writer(engine, **told) as record:
        record.footage("left", uri="left.mp4", start=10.0, width=320, height=240)
        for number, who in enumerate([1, 2, 63, 64, 65, 130, 700, 701], 1):
            start = 10.0 + 9 * number
            record.sighting(Sighting(number, "left", start, start + 2, who, 0.9))
            for k in range(3):
                vector = dice.normal(size=32).astype(np.float32)
                vector /= np.linalg.norm(vector)
                record.portrait(number, Portrait(start + k, 0.5, vector, picture(9)))
    Repair(engine).merge(64, 63)
    forgetting = Forgetting(engine, remove=lambda *_: True)
    for person in (2, 700, 701):
        forgetting.order(Order("sightings", person=person))
    forgetting.carry_out()
    history = History(engine)
    looks = dice.normal(size=(2, 32)).astype(np.float32)
    means = {who.id: who.embeddings.mean(axis=0) for who in history.identities("model-a")}
    assert sorted(means) == [1, 64, 65, 130]
    for ids, there in ((None, sorted(means)), ([2, 65, 130, 5000], [65, 130]), ([2], [])):
        found = history.likeness("model-a", looks, ids=ids)
        assert (found.ids.tolist(), found.unknown) == (there, ())
        expected = [[look @ means[who] for who in there] for look in looks]
        assert found.alike == pytest.approx(np.array(expected), abs=0.03)
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT block FROM centroids ORDER BY 1").fetchall() == [(0,), (1,), (2,)]


def test_a_sighting_is_looked_for_without_what_pictures_need(tmp_path: Path) -> None:
    """Nor threads of NumPy's, which would wait for each other."""
    small_history(tmp_path / "h.db")
    code = f"""
import os, sys
from app.cli import main
assert main(["find", "--sighting", "5", "--db", {str(tmp_path / "h.db")!r}]) == 0
print(len(os.listdir("/proc/self/task")), sorted({{"cv2", "av", "torch", "openvino"}} & sys.modules.keys()))
"""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.splitlines()[-1] == "1 []"


class Counting(History):
    """Counts people whose pictures are read."""

    read = 0

    def identity_blocks(self, *of: Any, **more: Any) -> Iterator[list[Identity]]:
        for block in super().identity_blocks(*of, **more):
            self.read += len(block)
            yield block


def test_who_is_to_be_worked_out_anew_is_looked_at_closely(tmp_path: Path) -> None:
    """As after a run that was killed."""
    engine = small_history(tmp_path / "h.db")
    with closing(sqlite3.connect(tmp_path / "h.db")) as file, file:
        file.execute("CREATE TEMP TABLE away AS SELECT * FROM template WHERE identity_id = 1")
        file.execute("DELETE FROM template WHERE identity_id = 1")  # and the mean with them
        file.execute("INSERT INTO template SELECT * FROM away")
        file.execute("INSERT INTO stale VALUES (1)")
    (asked,), _ = ask_sighting(History(engine), 5)
    assert [one.id for one in asked.likely] == [1, 2]
