"""``sightline topology`` as typed: over a history that the real writer filled."""

from __future__ import annotations

import io
import json
import re
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from small_history import DIMENSION, picture, unit, writer
from test_app_page import Page

from app import errors
from app.cli import main
from app.config import read_config
from app.topology import command
from app.topology.layout import places
from app.topology.table import print_topology
from storage.database import open_database
from storage.topology import saved
from storage.writer import Writer
from tracker.types import Link, Overlap, Portrait, Sighting, Topology

PEOPLE = 40
WAY_S = 20.0
NEVER = '[[link]]\nfrom = "hall"\nto = "roof"\nnever = true\n'


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everybody is 5 s at the gate and 20 s later, give or take 2, 5 s in the hall; a roof has nobody."""
    path = tmp_path_factory.mktemp("topology") / "h.db"
    rng = np.random.default_rng(0)
    engine = open_database(path, create=True)
    with writer(engine) as record:
        for camera in ("gate", "hall", "roof"):
            record.footage(camera, uri=f"{camera}.mp4", start=0.0, width=320, height=240)
        for person, begin in enumerate(rng.uniform(0, 3600, PEOPLE), 1):
            came = begin + 5 + WAY_S + rng.normal(0, 2)
            for number, (camera, start) in enumerate((("gate", begin), ("hall", came)), 2 * person - 1):
                record.sighting(Sighting(number, camera, start, start + 5, person, 0.9))
                record.portrait(number, Portrait(start, 0.5, unit(person % DIMENSION), picture(person)))
    return path


@pytest.fixture
def db(filled: Path, tmp_path: Path) -> list[str]:
    copy = tmp_path / "h.db"
    copy.write_bytes(filled.read_bytes())
    return ["--db", str(copy)]


def site(tmp_path: Path, links: str) -> list[str]:
    cameras = "".join(f'[[camera]]\nname = "{n}"\nsource = "{n}.mp4"\n' for n in ("gate", "hall", "roof"))
    (tmp_path / "site.toml").write_text(cameras + links, encoding="utf-8")
    return ["--config", str(tmp_path / "site.toml")]


def answered(capsys: pytest.CaptureFixture[str], *typed: str) -> Any:
    assert main(["topology", "--json", *typed]) == errors.OK
    return json.loads(capsys.readouterr().out)


def printed(capsys: pytest.CaptureFixture[str], *typed: str) -> str:
    assert main(["topology", *typed]) == errors.OK
    return capsys.readouterr().out


def test_a_table_of_the_links(db: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    heading, row, *sentences = printed(capsys, *db).splitlines()
    assert heading.split()[:6] == ["from", "to", "people", "transitions", "share", "delay"]
    first, second, people, ways, share, delay, *_ = row.split()
    assert (first, second) == ("gate", "hall")
    assert (int(people), int(ways), int(share.rstrip("%"))) == (
        int(people),
        int(people),
        round(int(people) / 0.4),
    )
    assert int(people) > 30
    assert float(delay) == pytest.approx(WAY_S, abs=1)
    assert any("From 80 sightings of people on 2 cameras." in sentence for sentence in sentences)
    assert sentences[-1] == "Learned now and not kept; --save keeps it in the history."


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_of_the_links_is_whole_in_any_terminal(width: int) -> None:
    cameras = [f"camera of the {floor} floor" for floor in ("first", "second", "third")]
    links = tuple(
        Link(one, two, 1234, 1200, 0.5, 3599.0, (59.0, 7200.0), (1.0, 9000.0), 12.5, (0.0, 9000.0), (1,))
        for one in cameras
        for two in cameras
        if one != two
    )
    overlaps = (Overlap(cameras[0], cameras[1], 12_345, 0.5, 10.5, seen=False),)
    console = Console(file=io.StringIO(), width=width, highlight=False)
    print_topology(Topology(links, overlaps, {}, 0.0, 9e3), (), state="", console=console)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    head = next(line for line in lines if line.startswith("from"))
    assert head.split() == ["from", "to", "people", "transitions", "share", "delay", "IQR", "sd", "overlap"]
    table = lines[: next(n for n, line in enumerate(lines) if line.startswith("From "))]
    assert max(map(len, table)) <= width
    told = " ".join(" ".join(table).split())
    assert told.count(" 12.5 ") == len(links)
    assert told.count(" 1234 ") == len(links)
    assert told.count("first") == 4


def test_what_is_learned_is_kept_and_found_again(
    db: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = answered(capsys, *db)
    assert first["saved"] is False
    assert saved(open_database(tmp_path / "h.db", create=False)) is None
    kept = answered(capsys, "--save", *db)
    again = answered(capsys, *db)
    assert kept == again
    assert {**kept, "learned": 0, "saved": 0} == {**first, "learned": 0, "saved": 0}
    assert "and kept; --learn learns anew." in printed(capsys, *db)
    # Asked of another span, it is learned anew, and what is kept stays.
    some = answered(capsys, "--until", "1800", *db)
    assert (some["saved"], sum(some["visits"].values()) < 60) == (False, True)
    assert answered(capsys, "--learn", *db)["saved"] is False
    assert answered(capsys, *db) == kept


def test_a_second_saving_takes_the_first_ones_place(
    db: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    answered(capsys, "--save", *db)
    some = answered(capsys, "--save", "--until", "1800", *db)
    assert answered(capsys, *db)["visits"] == some["visits"]


def test_the_piece_of_a_configuration_can_be_pasted(
    db: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(capsys, "--toml", *db)
    (link,) = tomllib.loads(text)["link"]
    assert (link["from"], link["to"], link["after_s"][1]) == ("gate", "hall", float("inf"))
    assert 5 < link["after_s"][0] < 12  # half of the shortest way seen
    settings = read_config(Path(site(tmp_path, text)[1]))
    assert settings.links[0].after_s == tuple(link["after_s"])
    # What was told is printed as it was told.
    told = '[[link]]\nfrom = "gate"\nto = "hall"\nafter_s = [3, 60]\noverlap = false\n'
    assert tomllib.loads(printed(capsys, "--toml", *site(tmp_path, told), *db)) == tomllib.loads(told)


def test_what_is_told_stands_beside_what_is_learned(
    db: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    links = NEVER + '[[link]]\nfrom = "gate"\nto = "hall"\noverlap = true\n'
    lines = printed(capsys, *site(tmp_path, links), *db).splitlines()
    assert "yes, told" in lines[1]
    assert lines[2].split() == ["hall", "roof", "unknown", "never"]
    endless = site(tmp_path, '[[link]]\nfrom = "gate"\nto = "hall"\nafter_s = [4, inf]\n')
    (told,) = answered(capsys, *endless, *db)["told"]
    assert (told["first"], told["second"], told["after_s"]) == ("gate", "hall", [4.0, None])
    assert "4 s or more" in printed(capsys, *endless, *db)


def test_a_page_with_a_picture(db: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "links.html"
    printed(capsys, "--page", str(out), *db)
    page = Page(out)
    assert {"gate", "hall"} <= set(page.words)
    assert len([path for path in page.all("path") if "way" in str(path.get("class"))]) == 1
    assert len([bar for bar in page.all("rect") if str(bar.get("class")).startswith("bar")]) == 24
    assert "40 sightings" in page.text
    assert "<script" not in page.source


def test_a_drawing_by_itself(db: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    links = NEVER + '[[link]]\nfrom = "gate"\nto = "roof"\noverlap = true\n'
    out = tmp_path / "links.svg"
    printed(capsys, "--page", str(out), *site(tmp_path, links), *db)
    drawing = ElementTree.parse(out)
    name = "{http://www.w3.org/2000/svg}"
    ways = [path for path in drawing.iter(f"{name}path") if path.get("class", "").startswith("way")]
    assert [path.get("class") for path in ways] == ["way learned", "way never"]
    assert len(drawing.findall(f".//{name}line[@class='band']")) == 1
    boxes = drawing.findall(f".//{name}rect[@class='box']")
    assert len(boxes) == 3
    assert "gate to hall" in str(ways[0].findtext(f"{name}title"))


def test_no_other_kind_of_picture(db: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["topology", "--save", "--page", str(tmp_path / "x.gif"), *db]) == errors.CONFIG
    assert "ends in .html or .svg" in capsys.readouterr().err
    assert saved(open_database(tmp_path / "h.db", create=False)) is None


def refused(capsys: pytest.CaptureFixture[str], *typed: str) -> str:
    assert main(["topology", *typed]) == errors.DATABASE
    sentence = capsys.readouterr().err
    assert sentence.count("\n") == 1
    return sentence


def test_a_history_that_tells_nothing(
    db: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_database(tmp_path / "empty.db", create=True)
    assert "holds no sightings with pictures; " in refused(capsys, "--db", str(tmp_path / "empty.db"))
    assert "in that span, holds no sightings with pictures; " in refused(capsys, "--since", "9000", *db)
    assert "in that span, holds sightings of one camera only (gate); " in refused(
        capsys, "--until", "1", *first_only(db)
    )
    few = "--own-clocks", "--since", "0", "--until", "300"
    assert "which takes people who are on several cameras" in refused(capsys, *few, *db)
    assert "there is no history" in refused(capsys, "--db", str(tmp_path / "none.db"))


def first_only(db: list[str]) -> list[str]:
    """The history with one more sighting, long before all others."""
    with writer(open_database(Path(db[1]), create=False)) as record:
        record.footage("gate", uri="early.mp4", start=-9000.0, width=320, height=240)
        record.sighting(Sighting(1, "gate", -9000.0, -8990.0, 1, 0.9))
        record.portrait(1, Portrait(-9000.0, 0.5, unit(0), picture(1)))
    return db


def test_clocks_that_nobody_told_are_found_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Everybody comes to the hall 40 s after the gate, to the roof 70 s after; clocks are off by so much.
    ahead_s = {"gate": 0.0, "hall": 500.0, "roof": -900.0}
    rng = np.random.default_rng(5)
    engine = open_database(tmp_path / "clocks.db", create=True)
    with Writer(engine, command="test", version="0", model="wide", dimension=64) as record:
        for camera in ahead_s:
            record.footage(camera, uri=camera, start=10_000.0, width=320, height=240)
        for person in range(150):
            look, begin = rng.normal(size=64), 10_000 + rng.uniform(0, 7200)
            for k, (camera, way_s) in enumerate((("gate", 0.0), ("hall", 40.0), ("roof", 70.0))):
                number, start = 3 * person + k + 1, begin + way_s + ahead_s[camera] + rng.normal(0, 2)
                seen = look + rng.normal(0, 0.8, 64)
                vector = (seen / np.linalg.norm(seen)).astype(np.float32)
                record.sighting(Sighting(number, camera, start, start + 3, number, 0.9))
                record.portrait(number, Portrait(start, 0.5, vector, picture(person)))
    db = ["--db", str(tmp_path / "clocks.db")]
    found = answered(capsys, "--own-clocks", "--save", *db)
    offsets = {clock["camera"]: clock["offset_s"] for clock in found["clocks"]}
    assert offsets == pytest.approx({"gate": 0.0, "hall": 540.0, "roof": -830.0}, abs=6)
    assert {clock["group"] for clock in found["clocks"]} == {0}
    assert len(found["links"]) >= 2
    assert found["overlaps"] == []
    text = printed(capsys, *db)
    assert text.splitlines()[0].split()[:2] == ["between", "and"]
    assert "Clocks were not told" in text
    ahead = {row.split()[1]: float(row.split()[2]) for row in text.splitlines() if row.endswith(" 1")}
    assert ahead == pytest.approx(offsets, abs=0.1)
    assert "[[link]]" not in printed(capsys, "--toml", *db)  # nobody knows a way to put bounds to


def test_no_link_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine = open_database(tmp_path / "two.db", create=True)
    with writer(engine) as record:
        for number, camera in enumerate(("gate", "hall"), 1):
            record.footage(camera, uri="x", start=0.0, width=1, height=1)
            record.sighting(Sighting(number, camera, 10.0 * number, 10.0 * number + 5, 1, 0.9))
            record.portrait(number, Portrait(10.0 * number, 0.5, unit(0), picture(1)))
    said = printed(capsys, "--db", str(tmp_path / "two.db"))
    assert said.startswith("No link rises over chance in 2 sightings of people on 2 cameras")


def test_neighbours_lie_beside_each_other() -> None:
    row = places(4, [(2, 0), (0, 3), (3, 1)])
    assert np.argsort(row[:, 0]).tolist() in ([2, 0, 3, 1], [1, 3, 0, 2])
    assert np.ptp(row[:, 1]) == 0
    ring = places(5, [(k, (k + 1) % 5) for k in range(5)])
    sides = np.linalg.norm(ring - np.roll(ring, 1, axis=0), axis=1)
    assert sides == pytest.approx(np.full(5, sides[0]), rel=0.05)
    assert places(1, []).tolist() == [[0, 0]]
    assert len({tuple(place) for place in places(3, []).round(3).tolist()}) == 3  # nobody on another


def test_a_long_history_tells_by_stretches_of_it(
    db: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "MOST", 60)
    assert main(["topology", *db]) == errors.OK
    told = capsys.readouterr()
    assert told.err == "80 sightings: it is learned from 60 of them, in 5 stretches over that time.\n"
    row = told.out.splitlines()[1].split()
    assert row[:2] == ["gate", "hall"]
    assert float(row[5]) == pytest.approx(WAY_S, abs=1)
    (count,) = re.findall(r"From (\d+) sightings of people on 2 cameras", told.out)
    assert 40 <= int(count) <= 60
    monkeypatch.setattr(command, "MOST_ON_OWN_CLOCKS", 20)
    assert main(["topology", "--own-clocks", *db]) in (errors.OK, errors.DATABASE)
    assert "learned from 20 of them, from their beginning on" in capsys.readouterr().err
