"""The page about a training: what it shows, and that it needs nothing beside it."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from market_files import person_like, write_files

from training.errors import TrainingError
from training.evaluate import Scores
from training.market1501 import read_market
from training.report import Ranked, Run, ranked_answers, write_report

LOG = "epoch,step,lr,loss,loss_id,loss_triplet,loss_centre,loss_distill,accuracy,images_per_s,seconds\n"
SCORES = "epoch,rank1,rank5,rank10,map,map_trapezoid,minp\n"


def logs(folder: Path, *, rows: str = "", scores: str = "") -> Run:
    rows = rows or "".join(
        f"{epoch},{10 * epoch},{0.1 / epoch},{6 / epoch},{5 / epoch},{1 / epoch},,,0.5,100,{70 * epoch}\n"
        for epoch in (1, 2, 3, 4)
    )
    scores = scores or "2,0.5,0.6,0.7,0.4,0.39,0.1\n4,0.8,0.9,0.95,0.6,0.59,0.3\n"
    (folder / "train.csv").write_text(LOG + rows)
    (folder / "evaluations.csv").write_text(SCORES + scores)
    return Run("small on <colours> & co", folder / "train.csv", folder / "evaluations.csv")


def finished(run: Run) -> Run:
    """With scores, facts and answers of a network."""
    cmc = np.linspace(0.81, 0.99, 50)
    scores = Scores(cmc=cmc, map=0.613, map_trapezoid=0.6, minp=0.3, queries=12, skipped=2)
    ranked = Ranked(
        query=person_like(1, 1, 0),
        pictures=[person_like(1, 2, 0), person_like(2, 1, 0, height=300, width=90)],
        right=[True, False],
        distances=[0.125, 0.5],
        names=['query/"one".jpg', "a.jpg", "b.jpg"],
        there=3,
    )
    return Run(run.name, run.log, run.evaluations, {"recipe": "a<b"}, scores, [ranked])


def written(folder: Path, run: Run) -> str:
    page = write_report(folder, run)
    assert page == folder / "report.html"
    assert not (folder / "report.html.part").exists()
    return page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """That of a training that is over."""
    folder = tmp_path_factory.mktemp("page")
    return written(folder, finished(logs(folder)))


def test_the_page_stands_alone(page: str) -> None:
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    assert "http" not in page
    assert "<script" not in page


def test_the_page_tells_the_figures(page: str) -> None:
    tiles = re.findall(r"<b>([^<]*)</b><span[^>]*>([^<]*)</span>", page)
    assert tiles == [
        ("81.0 %", "rank-1"),
        ("61.3 %", "mAP"),
        ("30.0 %", "mINP"),
        ("4", "epochs"),
        ("4:40", "of training"),
        ("100", "pictures/s"),
    ]
    assert "<td>mAP (trapezoidal, the official form)</td><td>60.00 %</td>" in page
    assert "12 (2 more without a right answer)" in page
    assert "<td>recipe</td><td>a&lt;b</td>" in page


def test_names_are_escaped(page: str) -> None:
    assert "<h1>small on &lt;colours&gt; &amp; co</h1>" in page
    assert "&#34;one&#34;.jpg" in page


def test_every_plot_is_there(page: str) -> None:
    assert re.findall(r"<h3>([^<]*)</h3>", page) == [
        "Losses",
        "Learning rate",
        "Identities named right in training",
        "Scores on the test pictures",
        "CMC: a right answer is among the first k",
        "Pictures a second",
    ]


def losses_drawn(page: str) -> bytes:
    source = re.search(r'src="data:image/svg\+xml;base64,([^"]*)" alt="Losses"', page)
    assert source is not None
    return base64.b64decode(source[1])


def test_a_loss_not_in_use_is_not_drawn(tmp_path: Path) -> None:
    colours = []
    for centre in ("2", ""):
        rows = f"1,10,.1,6,5,1,{centre},,.1,90,9\n2,20,.1,5,4,1,{centre},,.1,90,9\n"
        drawn = losses_drawn(written(tmp_path, logs(tmp_path, rows=rows)))
        colours.append([colour in drawn for colour in (b"#3b76f0", b"#17a398", b"#f2a33a", b"#d9538c")])
    assert colours == [[True] * 4, [True, True, True, False]]


def test_of_a_step_written_twice_the_last_holds(tmp_path: Path) -> None:
    """A training that was killed and went on writes some steps again."""
    rows = "1,1,.1,6,5,1,,,.1,90,9\n1,2,.1,9,5,1,,,.1,90,9\n2,3,.1,4,5,1,,,.1,90,9\n"
    twice = logs(tmp_path, rows=rows + "1,2,.1,5,5,1,,,.1,90,9\n2,3,.1,4,5,1,,,.1,90,9\n")
    once = losses_drawn(written(tmp_path, twice))
    kept = rows.replace("1,2,.1,9,", "1,2,.1,5,")
    assert once == losses_drawn(written(tmp_path, logs(tmp_path, rows=kept)))
    assert once != losses_drawn(written(tmp_path, logs(tmp_path, rows=rows)))


def test_a_training_that_has_only_begun(tmp_path: Path) -> None:
    run = logs(tmp_path)
    run.log.write_text(LOG)
    run.evaluations.write_text(SCORES)
    page = written(tmp_path, run)
    assert "<h3>" not in page
    assert "small on" in page


def test_answers_are_marked(page: str) -> None:
    marks = re.findall(r'<figure class="(right|wrong)" title="([^"]*)">.*?<b>(.)</b> ([\d.]+)', page)
    assert marks == [("right", "a.jpg", "✓", "0.12"), ("wrong", "b.jpg", "✗", "0.50")]
    assert "<figcaption>3 to find</figcaption>" in page
    shown = re.findall(r'src="data:image/jpeg;base64,([^"]*)"', page)
    sizes = [cv2.imdecode(np.frombuffer(base64.b64decode(s), np.uint8), cv2.IMREAD_COLOR) for s in shown]
    assert [image.shape for image in sizes if image is not None] == [(192, 96, 3), (192, 96, 3), (192, 58, 3)]


def test_answers_come_from_the_data_set(tmp_path: Path) -> None:
    """With vectors that are the persons themselves, the right answers come first."""
    market = read_market(write_files(tmp_path / "small"))
    query, gallery = (np.eye(110, dtype=np.float32)[table.person] for table in (market.query, market.gallery))
    ranked = ranked_answers(query, gallery, market, queries=3, count=6)
    assert [row.names[0] for row in ranked] == [market.query.names[number] for number in (0, 5, 11)]
    for row in ranked:
        assert row.right == [True] * 4 + [False] * 2
        assert row.there == 4
        assert row.distances[:4] == [0] * 4
        path = tmp_path / "small" / row.names[1]
        assert (row.pictures[0] == cv2.imread(str(path))).all()


def test_a_log_that_is_missing(tmp_path: Path) -> None:
    run = logs(tmp_path)
    run.log.unlink()
    with pytest.raises(TrainingError, match=r"^The log .*train\.csv can't be read \(No such file"):
        write_report(tmp_path, run)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"^The page .*none/report\.html can't be written \(No such file"):
        write_report(tmp_path / "none", logs(tmp_path))


def test_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / "report.html.part").symlink_to("/dev/full")
    with pytest.raises(TrainingError, match=r"can't be written \(No space left on device\); make room"):
        write_report(tmp_path, logs(tmp_path))
