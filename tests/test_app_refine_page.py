"""What a second pass would change, as a page; the history is that of tests/small_history.py, of whose
sightings the pass gives 2 and 4 to people new and 5 to person 1 (tests/test_app_refining.py).
"""

from __future__ import annotations

import base64
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_history import small_history
from sqlalchemy import delete
from test_app_page import Page

from app import errors
from app.cli import main
from app.history.reasons import Found, Reason, reasons
from app.history.refining import differences
from app.output.refine_page import Commands, write_refine_page
from storage import schema
from storage.database import open_database
from storage.history import History
from storage.presences import decisions, presences


@pytest.fixture
def db(tmp_path: Path) -> list[str]:
    small_history(tmp_path / "h.db")
    return ["--db", str(tmp_path / "h.db")]


@pytest.fixture
def found(tmp_path: Path) -> dict[int, Reason]:
    engine = small_history(tmp_path / "r.db")
    rows = presences(engine, since=None, until=None)
    return {
        reason.change.sighting: reason for reason in reasons(rows, differences(rows, decisions(engine)), {})
    }


def shades(page: Page) -> list[int]:
    """The grey of each picture, in order."""
    found = []
    for image in page.all("img"):
        jpeg = base64.b64decode(str(image["src"]).removeprefix("data:image/jpeg;base64,"))
        found.append(round(float(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).mean())))
    return found


def test_the_likest_of_those_it_joins_leaves_and_of_all_others(found: dict[int, Reason]) -> None:
    # The pictures of sighting n lie along axis n of four and a little along the next: 5 is like 1, a little
    # like 2 and 4.
    joins = found[5].joins
    assert joins is not None
    assert (joins.identity, joins.sighting.id, joins.later) == (1, 1, False)
    assert joins.cosine == pytest.approx(1.0)
    assert joins.gap_s == 16.0  # from 14 to 30
    assert found[5].leaves is None  # it was undecided
    runner_up = found[5].runner_up
    assert runner_up is not None
    assert runner_up.sighting.id in (2, 4)
    assert runner_up.identity < 0  # who are people new themselves


def test_who_leaves_and_is_alone(found: dict[int, Reason]) -> None:
    assert found[2].joins is None
    leaves = found[2].leaves
    assert leaves is not None
    assert (leaves.identity, leaves.sighting.id) == (1, 1)
    assert leaves.gap_s == 2.0  # from 14 to 16


def test_the_least_sure_come_first(found: dict[int, Reason]) -> None:
    sure = [reason.change.probability for reason in found.values()]
    assert sure == sorted(sure)


def test_the_page_says_what_would_change_and_why(
    db: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "pages" / "second look.html"
    assert main(["refine", "--page", str(out), *db]) == errors.OK
    assert f"page: {out}" in capsys.readouterr().out
    page = Page(out)
    assert "5 sightings looked at 3 would be reassigned 2 people new" in page.text
    assert [card["id"] for card in page.all("article")] == ["sighting-4", "sighting-2", "sighting-5"]
    joins = re.search(
        r"joins 1 sighting 1 left, 0:00, 16.0 s before looks (\S+), way and time (\S+), ", page.text
    )
    assert joins is not None
    assert all(float(term) > 0 for term in joins.groups())
    assert re.search(r"leaves 1 sighting 1 left, 0:00, 2.0 s before looks -[^=]* = -\d", page.text)
    assert "cosine" not in page.text
    assert "The numbers are log odds" in page.text
    assert f"sightline refine {' '.join(db)} --apply" in page.text
    assert f"this alone: sightline move 5 1 {' '.join(db)}" in page.text
    assert f"never: sightline move 2 1 {' '.join(db)}" in page.text
    *_, five, one, _ = shades(page)  # the first pictures, 10 n, of both are alike, and the second, 10 n + 100
    assert (five, one) in {(50, 10), (150, 110)}
    assert not re.search(r"<script|https?://", page.source)


def test_what_is_typed_is_what_was_typed(db: list[str], tmp_path: Path) -> None:
    site = tmp_path / "my site.toml"
    site.write_text('[[camera]]\nname = "left"\nsource = "l"\n[[camera]]\nname = "right"\nsource = "r"\n')
    out = tmp_path / "p.html"
    typed = ["--since", "10", "--config", str(site), "--own-clocks"]
    assert main(["refine", "--page", str(out), *typed, *db]) == errors.OK
    page = Page(out)
    assert f"sightline refine {' '.join(db)} --since 10 --config '{site}' --own-clocks --apply" in page.text
    assert "left, 0:00 looks" in page.text  # and no time between, which nobody knows


def test_applied_the_page_says_how_to_take_it_back(db: list[str], tmp_path: Path) -> None:
    out = tmp_path / "p.html"
    assert main(["refine", "--apply", "--page", str(out), *db]) == errors.OK
    assert f"It was applied. To take it all back: sightline undo 1 {' '.join(db)}" in Page(out).text
    assert "--apply" not in Page(out).text
    assert main(["refine", "--page", str(out), *db]) == errors.OK
    assert "None: all sightings stay as they are." in Page(out).text


def test_a_page_that_can_not_be_written(
    db: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["refine", "--page", str(tmp_path / "file" / "p.html"), *db]) == errors.OUTPUT
    assert "can't be made" in capsys.readouterr().err


def test_a_picture_that_is_gone_leaves_a_gap(db: list[str], tmp_path: Path) -> None:
    engine = open_database(tmp_path / "h.db", create=False)
    rows = presences(engine, since=None, until=None)
    changes = differences(rows, decisions(engine))
    found = Found(explain=True)
    found.add(rows, changes, {row.id: row.identity for row in rows})
    with engine.begin() as connection:
        connection.execute(delete(schema.Portrait).where(schema.Portrait.sighting_id == 1))
    out = write_refine_page(History(engine), found, tmp_path / "p.html", commands=Commands("", None, ""))
    page = Page(out)
    assert len(page.all("div", class_="gone")) == page.text.count("sighting 1 left") > 0
    assert "joins 1 sighting 1" in page.text
