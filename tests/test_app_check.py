"""``sightline check``: what each input is, what is doubtful of it, and the code of what can't be used."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import picture, write_clip
from small_site import small_site

from app import errors
from app.checks.survey import survey
from app.cli import main

Told = dict[str, object]


def checked(capsys: pytest.CaptureFixture[str], *files: Path | str, code: int = errors.OK) -> list[Told]:
    assert main(["check", *map(str, files), "--json"]) == code
    told: list[Told] = json.loads(capsys.readouterr().out)
    return told


def test_a_video_is_told_with_its_rates_start_and_doubts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = {"creation_time": "2026-11-22T09:30:00Z"}
    (told,) = checked(capsys, write_clip(tmp_path / "hall.mp4", metadata=words))
    assert (told["what"], told["will"]) == ("a video", "run as the camera 'hall', 160x120")
    facts = told["facts"]
    assert isinstance(facts, dict)
    assert facts["rate"] == "by container 25, pictures 25, timestamps 25"
    assert facts["codec"] == "h264 in mov,mp4,m4a,3gp,3g2,mj2, 160x120"
    assert facts["begins"].endswith("by creation_time")
    assert told["doubts"] == []


def test_what_is_doubtful_of_a_video_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    times_s = [*(k / 10 for k in range(20)), *(30 + k / 10 for k in range(20))]
    (told,) = checked(capsys, write_clip(tmp_path / "a.mkv", frames=40, times_s=times_s))
    assert "nothing for 28.1 s after 1.9 s" in told["doubts"]  # type: ignore[operator]
    assert any("nothing tells when it begins" in doubt for doubt in told["doubts"])  # type: ignore[attr-defined]


def test_footage_of_other_kinds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts, pictures = tmp_path / "parts", tmp_path / "campus" / "img1"
    for folder in (parts, pictures):
        folder.mkdir(parents=True)
    for n in (1, 2):
        write_clip(parts / f"{n}.mp4", frames=5)
        cv2.imwrite(str(pictures / f"{n:06d}.jpg"), picture(n, width=64, height=48))
    (pictures.parent / "seqinfo.ini").write_text("[Sequence]\nframeRate=10\n")
    brought, _ = small_site(tmp_path)
    told = checked(capsys, parts, pictures.parent, brought, "rtsp://viewer:secret@10.0.0.4/main")
    whats = [one["what"] for one in told]
    assert whats == [
        "a camera's footage in 2 files", "numbered pictures", "detections made elsewhere", "a live camera"
    ]  # fmt: skip
    assert "secret" not in json.dumps(told)


def test_truths_and_pictures_of_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = tmp_path / "truth" / "hall" / "gt" / "gt.txt"
    truth.parent.mkdir(parents=True)
    truth.write_text("1,1,2,3,4,5,1\n1,2,9,3,4,5,1\n")
    video = tmp_path / "annotations.xml"
    box = '<box frame="0" outside="0" xtl="1" ytl="1" xbr="9" ybr="9"/>'
    video.write_text(f'<annotations><track id="0" label="person">{box}</track></annotations>')
    assert checked(capsys, video)[0]["what"] == "boxes of people"
    people = tmp_path / "people"
    for folder in ("query", "bounding_box_test"):
        (people / folder).mkdir(parents=True)
        cv2.imwrite(str(people / folder / "0002_c1s1_000451_03.jpg"), np.zeros((8, 4, 3), np.uint8))
    boxes, pictures = checked(capsys, tmp_path / "truth", people)
    assert boxes["facts"] == {"hall": "2 boxes of 2 people"}
    assert pictures["facts"] == {"pictures": "0 to train, 1 queries, 1 in the gallery, 0 junk"}


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("gone.mp4", None, errors.SOURCE),
        ("text.mp4", b"words", errors.SOURCE),
        ("site.toml", b"camera = [", errors.CONFIG),
        ("a.onnx", b"none", errors.NETWORK),
        ("a.pt", b"none", errors.NETWORK),
        ("a.safetensors", b"none", errors.NETWORK),
        ("a.txt", b"words\nwords\n", errors.CONFIG),
        ("a.npz", b"none", errors.SOURCE),
    ],
)
def test_what_can_not_be_used_is_told_with_its_code(
    name: str, content: bytes | None, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = write_clip(tmp_path / "good.mp4", frames=3)
    if content is not None:
        (tmp_path / name).write_bytes(content)
    first, second = checked(capsys, tmp_path / name, good, code=code)
    assert (first["code"], second["code"]) == (code, errors.OK)
    assert name in str(first["problem"])


@pytest.mark.usefixtures("assets")
def test_networks_are_told_with_layout_classes_and_somebody_found(
    shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    networks = [shared / "data/cases/models/v5.onnx", shared / "data/cases/models/reid_fp16.onnx"]
    detector, reid = checked(capsys, *networks)
    facts = detector["facts"]
    assert isinstance(facts, dict)
    assert facts["layout"] == "with objectness, a row a candidate, cx, cy, w, h in pixels"
    assert facts["classes"] == "80 classes, people: person"
    assert facts["people found"].startswith("1 in a picture")
    assert reid["what"] == "a network for re-identification"


def test_a_lone_wrong_timestamp_is_no_gap(shared: Path) -> None:
    found = survey(shared / "data/cases/stamps/one_bad_stamp.flv")
    assert (found.odd, found.gaps, round(found.fps_stamps)) == (1, (), 10)
    assert found.doubts == ["1 wrong timestamps, which are left out"]


def test_reports_are_for_people_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(write_clip(tmp_path / "hall[1].mp4", frames=3))]) == errors.OK
    said = capsys.readouterr().out
    assert "hall[1].mp4: a video" in said
    assert "doubtful" in said
    assert main(["check", str(tmp_path / "gone.mp4")]) == errors.SOURCE
    assert capsys.readouterr().out == f"{tmp_path / 'gone.mp4'}: there is no such file; check the path.\n"
