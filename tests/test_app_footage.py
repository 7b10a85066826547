"""Footage as people bring it: shapes, clocks, promises and names of files, and files in parts."""

from __future__ import annotations

import itertools
import os
import resource
import shutil
import sqlite3
import time
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from av.video.stream import VideoStream
from clips import number_of, picture, write_clip

from app import errors
from app.build import build_run
from app.cli import main
from app.config import cameras_from_sources, read_config
from app.sources.ffmpeg import SourceError
from app.sources.file import FileSource
from app.sources.names import file_of, is_file_uri, path_of, shown, uri_of
from app.sources.pictures import decoded_image
from app.sources.stored import stored_source
from app.sources.taken import camera_name, seem_one
from storage.database import open_database
from storage.history import FootageRow, History
from tracker.types import DetectedFrame, Frame


def frames_of(*sources: Path | str, **settings: object) -> list[Frame | DetectedFrame]:
    with stored_source(camera="hall", sources=[str(source) for source in sources], **settings) as source:  # type: ignore[arg-type]
        return list(source)


def times_of(*sources: Path | str, **settings: object) -> list[float]:
    return [frame.time for frame in frames_of(*sources, **settings)]


def refusal(*sources: Path | str, **settings: object) -> str:
    with pytest.raises(SourceError) as caught:
        frames_of(*sources, **settings)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")
    return str(caught.value)


# The shape that is to be shown


def squeezed(path: Path, aspect: Fraction, size: tuple[int, int] = (160, 120)) -> Path:
    def prepare(stream: VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = aspect

    return write_clip(path, frames=3, size=size, prepare=prepare)


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".avi", ".ts"])
@pytest.mark.parametrize(
    ("aspect", "shape"),
    [
        (Fraction(2, 1), (120, 320)),
        (Fraction(1, 2), (240, 160)),
        (Fraction(16, 15), (120, 171)),
        (Fraction(1, 1), (120, 160)),
        (Fraction(200, 1), (120, 160)),  # damage, and not believed
    ],
)
def test_pixels_are_square(tmp_path: Path, ending: str, aspect: Fraction, shape: tuple[int, int]) -> None:
    path = squeezed(tmp_path / f"a{ending}", aspect)
    with FileSource(camera="hall", path=path) as source:
        image = next(iter(source)).image
        assert image.shape[:2] == shape
        assert (source.info.height, source.info.width) == shape
    height, width = shape
    assert image[height // 4, width // 4].argmax() == 2  # the red quarter is where it was
    assert np.ptp(image[height // 4, 3 * width // 4].astype(int)) < 40


# When it was filmed


def test_a_film_begins_with_its_first_picture_and_not_with_its_sound(shared: Path) -> None:
    times = times_of(shared / "data/cases/stamps/picture_after_sound.mp4")
    assert times[0] == pytest.approx(1795338003.0)  # 2026-11-22T09:00:00Z, and three seconds of sound


def test_one_wrong_timestamp_is_left_out_and_told(shared: Path) -> None:
    path = shared / "data/cases/stamps/one_bad_stamp.flv"
    with FileSource(camera="hall", path=path) as source:
        times = [frame.time for frame in source]
    assert times == pytest.approx([k / 10 for k in range(140)])
    assert (source.odd, source.gaps_s) == (1, ())


def test_a_first_timestamp_that_is_wrong_is_left_out_and_a_slow_film_is_slow(tmp_path: Path) -> None:
    """As of recorders that begin at 0 and go on by their clock."""
    first = write_clip(tmp_path / "a.mkv", frames=20, times_s=[0.0, *(50_000 + k / 10 for k in range(19))])
    with FileSource(camera="hall", path=first) as source:
        times = [frame.time for frame in source]
    assert np.diff(times) == pytest.approx([0.04, *[0.1] * 18])
    assert (source.odd, source.gaps_s, source.lost) == (1, (), ())
    slow = [300.0 * k for k in range(8)]
    assert times_of(write_clip(tmp_path / "b.mkv", frames=8, times_s=slow)) == pytest.approx(slow)


def test_a_gap_is_believed_and_told(tmp_path: Path) -> None:
    times_s = [*(k / 10 for k in range(20)), *(60 + k / 10 for k in range(20))]
    path = write_clip(tmp_path / "a.mkv", frames=40, times_s=times_s)
    with FileSource(camera="hall", path=path) as source:
        assert [frame.time for frame in source] == pytest.approx(times_s)
    assert source.gaps_s == pytest.approx((58.1,))


def test_a_raw_stream_runs_at_its_own_rate(shared: Path) -> None:
    path = shared / "data/cases/raw/ten_fps.264"
    assert times_of(path) == pytest.approx([k / 10 for k in range(140)])


def test_a_rate_that_nothing_tells_is_assumed_and_told_or_set(shared: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.mjpeg"
    pictures = [cv2.imencode(".jpg", picture(k, width=160, height=120))[1].tobytes() for k in range(6)]
    path.write_bytes(b"".join(pictures))
    with FileSource(camera="hall", path=path) as source:
        assert [frame.time for frame in source] == pytest.approx([k / 25 for k in range(6)])
        assert source.info.doubts == ("25 frames a second are assumed, for nothing tells how many",)
    assert times_of(path, fps=5.0) == pytest.approx([k / 5 for k in range(6)])
    film = write_clip(tmp_path / "b.mp4", frames=4, fps=25)
    assert times_of(film, fps=10.0) == pytest.approx([0, 0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    ("words", "creation", "start"),
    [
        ({"creation_time": "2026-11-22T09:00:14Z"}, "auto", 14.0),
        ({"creation_time": "2026-11-22T09:00:14Z"}, "end", 12.0),
        ({"creation_time": "2026-11-22T09:00:14Z", "com.android.version": "14"}, "auto", 12.0),
        ({"creation_time": "2026-11-22T09:00:14Z", "com.android.version": "14"}, "start", 14.0),
        (
            {
                "creation_time": "2026-11-22T09:00:14Z",
                "com.apple.quicktime.creationdate": "2026-11-22T10:00:05+0100",
            },
            "auto",
            5.0,
        ),
        ({"creation_time": "2026-11-22T09:00:14Z", "com.android.capture.fps": "30"}, "auto", 12.0),
        ({"creation_time": "1904-01-01T00:00:00Z"}, "auto", None),
        ({"creation_time": "9999-01-01T00:00:00Z"}, "auto", None),
    ],
)
def test_creation_times_are_read_as_their_makers_mean_them(
    words: dict[str, str], creation: str, start: float | None, tmp_path: Path
) -> None:
    path = tmp_path / "a.mov"
    write_clip(path, frames=50, metadata=words, options={"preset": "ultrafast"}, container_options=USE_TAGS)
    expected = 0.0 if start is None else 1795338000.0 + start
    assert times_of(path, creation=creation)[0] == pytest.approx(expected)


USE_TAGS = {"movflags": "use_metadata_tags"}


def test_a_maker_that_writes_local_time_is_read_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def prepare(stream: VideoStream) -> None:
        stream.metadata["handler_name"] = "GoPro AVC"

    monkeypatch.setenv("TZ", "Etc/GMT-2")
    time.tzset()
    words = {"creation_time": "2026-11-22T11:00:14Z"}
    path = write_clip(tmp_path / "GH010121.MP4", frames=50, metadata=words, prepare=prepare)
    try:
        assert times_of(path)[0] == pytest.approx(1795338014.0)
        assert times_of(path, creation="start")[0] == pytest.approx(1795345214.0)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_two_phones_are_on_one_clock(shared: Path) -> None:
    first, second = (shared / f"data/cases/phones/phone{name}.mp4" for name in "AB")
    assert times_of(first)[0] == pytest.approx(1795338000.0)
    assert times_of(second)[0] == pytest.approx(1795338008.0)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("hall_20261122_093000Z.mp4", 1795339800.0),
        ("2026-11-22_09-30-00Z.mp4", 1795339800.0),
        ("2026-11-22T09.30.00Z.mp4", 1795339800.0),
        ("20261122T093000.250Z.mp4", 1795339800.25),
        ("cam1-1795339800.mp4", 1795339800.0),
        ("cam1-1795339800500.mp4", 1795339800.5),
        ("2026-11-22/09-30-00Z.mp4", 1795339800.0),
        ("VID_20261322_093000.mp4", None),
        ("part_000123.mp4", None),
        ("12345678901234567890.mp4", None),
    ],
)
def test_a_name_that_holds_a_time_tells_the_start(name: str, told: float | None, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    with FileSource(camera="hall", path=write_clip(path, frames=3)) as source:
        assert source.info.start == (told or 0.0)
        assert source.info.start_by == ("the file's name" if told else "")


# What was promised, and what is too much


def test_frames_that_are_cut_away_were_not_promised(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with FileSource(camera="hall", path=shared / "data/cases/cut/cut_copy.mp4") as source:
        assert source.info.frames == len(list(source)) == 104


@pytest.mark.parametrize("steps_s", [[0.05] * 59, [0.03, 0.1, 1.5] * 20])
def test_frames_that_were_never_filmed_are_not_missed(steps_s: list[float], tmp_path: Path) -> None:
    """The container tells another rate than its pictures have, but they reach to its end."""
    times_s = [0.0, *itertools.accumulate(steps_s)]
    path = write_clip(tmp_path / "a.mkv", frames=len(times_s), fps=25, times_s=times_s)
    with FileSource(camera="hall", path=path) as source:
        assert len(list(source)) < (source.info.frames or 0) - 2
    assert source.lost == ()


@pytest.mark.parametrize("ending", [".mkv", ".flv", ".ts"])
def test_timestamps_that_begin_late_promise_no_more(ending: str, tmp_path: Path) -> None:
    path = write_clip(tmp_path / f"a{ending}", frames=40, fps=10, times_s=[4 + k / 10 for k in range(40)])
    with FileSource(camera="hall", path=path) as source:
        assert source.info.duration_s == pytest.approx(4.0, abs=0.2)
        assert len(list(source)) == 40


def test_what_is_cut_off_is_told_also_in_the_midst_of_several(tmp_path: Path) -> None:
    paths = [write_clip(tmp_path / f"{k}.mkv", frames=40, fps=10) for k in range(3)]
    paths[1].write_bytes(paths[1].read_bytes()[: paths[1].stat().st_size // 2])
    with stored_source(camera="hall", sources=[str(path) for path in paths]) as source:
        frames = list(source)
    assert 80 < len(frames) < 118
    assert list(source.lost) == [f"1.mkv ends after {len(frames) - 80} of 40 frames"]


def test_a_file_that_ffmpeg_has_no_memory_for_is_one_sentence(shared: Path) -> None:
    assert "cannot be read further (" in refusal(shared / "data/cases/hostile/enomem.mp4")


def test_pictures_larger_than_allowed_are_refused(shared: Path, tmp_path: Path) -> None:
    told = refusal(shared / "data/cases/hostile/huge12k.mp4")
    assert "pictures of 12000x12000, more than 40 million pixels" in told
    assert "--max-megapixels" in told
    path = write_clip(tmp_path / "a.mp4", frames=3)
    assert "more than 0.01 million pixels" in refusal(path, max_pixels=10_000)
    assert len(frames_of(path, max_pixels=160 * 120)) == 3


def test_a_picture_is_measured_before_it_is_decoded(shared: Path) -> None:
    bomb = (shared / "data/cases/hostile/pic_bomb_60000.png").read_bytes()
    with pytest.raises(ValueError, match="has more than 40 million pixels"):
        decoded_image(bomb)


def test_a_picture_takes_no_memory_for_what_it_only_promises() -> None:
    """A part of a PNG that says it has two gigabytes, which are not there."""
    whole = cv2.imencode(".png", picture(3, width=64, height=48))[1].tobytes()
    place = whole.index(b"IDAT") - 4
    promised = whole[:place] + (2**31 - 1).to_bytes(4, "big") + whole[place + 4 :]
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match="is no picture, or damaged"):
        decoded_image(promised)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before_kb + 100_000
    assert decoded_image(whole).shape == (48, 64, 3)


def test_what_is_no_picture_is_refused_also_where_others_changed_how_pictures_are_opened() -> None:
    """As ultralytics does at its import: PIL then looks for a plug-in that is not there."""
    import ultralytics

    assert ultralytics.__version__
    for data in (b"no picture", b"", bytes(100)):
        with pytest.raises(ValueError, match="is no picture, or damaged"):
            decoded_image(data)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (
            "list.m3u8",
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nclip.ts\n#EXT-X-ENDLIST\n",
            "list of other",
        ),
        ("list.txt", "ffconcat version 1.0\nfile clip.ts\n", "list of other"),
        ("text.mp4", "words, and nothing else\n" * 40, "is"),
    ],
)
def test_a_file_leads_to_no_other(name: str, content: str, told: str, tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.ts")
    (tmp_path / name).write_text(content)
    assert told in refusal(tmp_path / name)


# Names of any bytes

ODD = os.fsdecode(b"caf\xe9 \xff.mp4")


def test_a_name_that_is_no_text_leads_back_to_its_file(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", frames=3).rename(tmp_path / ODD)
    assert shown(path.name) == "caf\ufffd \ufffd.mp4"
    assert path_of(uri_of(path)) == path
    assert is_file_uri(uri_of(path))
    assert uri_of(tmp_path / "plain.mp4") == str(tmp_path / "plain.mp4")
    assert len(frames_of(path)) == 3


@pytest.mark.usefixtures("assets")
def test_a_file_is_looked_for_where_it_was_and_then_beside_its_history(tmp_path: Path) -> None:
    history, was = tmp_path / "case" / "history.db", "/gone/from here/site/cameras/hall.mp4"
    history.parent.mkdir()
    assert file_of(was, history=history) == Path(was), "it is nowhere"
    alone = history.parent / "hall.mp4"
    alone.touch()
    assert file_of(was, history=history) == alone
    among = history.parent / "cameras" / "hall.mp4"
    among.parent.mkdir()
    among.touch()
    assert file_of(was, history=history) == among, "in its folder rather than alone"
    assert file_of(uri_of(Path(was)), history=history) == among
    assert file_of(str(alone), history=history) == alone, "it is where it was"
    (tmp_path / "secret.mp4").touch()
    assert file_of("/gone/../secret.mp4", history=history) == Path("/gone/../secret.mp4")
    for strange in ("hall\0.mp4", "x" * 5000, "rtsp://camera/main", ""):
        assert file_of(strange, history=history) == path_of(strange)


def test_a_run_over_such_names_is_recorded_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / os.fsdecode(b"\xe9t\xe9")
    folder.mkdir()
    path = write_clip(tmp_path / "a.mp4", frames=3).rename(folder / ODD)
    command = ["run", str(path), "--db", str(folder / "h.db"), "--annotate", str(folder / "out")]
    assert main(command) == errors.OK
    history = History(open_database(folder / "h.db", create=False))
    (row,) = history.footage()
    assert (row.camera, path_of(row.uri)) == ("caf\ufffd \ufffd", path)
    assert [entry.suffix for entry in (folder / "out").iterdir()] == [".mp4"]
    assert main(["people", "--db", str(folder / "h.db")]) == errors.OK


# One camera's footage in several files


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    """Three files of a second each; frame k of all tells k."""
    folder = tmp_path / "hall"
    folder.mkdir()
    for number in (9, 10, 11):
        write_clip(folder / f"part_{number}.mp4", frames=10, fps=10)
    return sorted(folder.iterdir(), key=lambda path: int(path.stem[5:]))


def test_a_folder_a_pattern_and_a_list_are_one_camera(parts: list[Path]) -> None:
    expected = [k / 10 for k in range(30)]
    for sources in ([parts[0].parent], [parts[0].parent / "part_*.mp4"], parts):
        frames = frames_of(*sources)
        assert [frame.time for frame in frames] == pytest.approx(expected)
        assert [frame.index for frame in frames] == list(range(30))
        assert [number_of(frame.image) for frame in frames if isinstance(frame, Frame)] == [*range(10)] * 3
    assert times_of(parts[0].parent, start=100.0) == pytest.approx([100 + time for time in expected])


def test_files_that_tell_their_time_are_put_where_it_belongs(tmp_path: Path) -> None:
    """The last one a minute late; names round to seconds, so that the first seems to reach into the next."""
    for name, frames in (("093000", 11), ("093001", 10), ("093100", 10)):
        write_clip(tmp_path / f"hall_20261122_{name}Z.mp4", frames=frames, fps=10)
    times = [time - 1795339800.0 for time in times_of(tmp_path)]
    assert times[:11] == pytest.approx([k / 11 for k in range(11)], abs=1e-5)
    assert times[11:21] == pytest.approx([1 + k / 10 for k in range(10)], abs=1e-5)
    assert times[21:] == pytest.approx([60 + k / 10 for k in range(10)], abs=1e-5)


def test_what_two_files_show_is_shown_once(tmp_path: Path) -> None:
    """The second began four seconds before the first ended, as recorders do that hold back some seconds."""
    for name in ("093000", "093006"):
        write_clip(tmp_path / f"hall_20261122_{name}Z.mp4", frames=100, fps=10)
    frames = frames_of(tmp_path)
    assert [frame.time - 1795339800.0 for frame in frames] == pytest.approx([k / 10 for k in range(160)])
    seen = [number_of(frame.image) for frame in frames if isinstance(frame, Frame)]
    assert seen == [k % 40 for k in (*range(100), *range(40, 100))]


def test_files_of_two_cameras_are_not_one(tmp_path: Path) -> None:
    for name in ("front", "back"):
        write_clip(tmp_path / f"2026-11-22_09-30-00-{name}.mp4", frames=20, fps=10)
    told = refusal(tmp_path)
    assert "-back.mp4 and 2026-11-22_09-30-00-front.mp4 were filmed at the same time, by two cameras" in told
    assert len(frames_of(tmp_path / "*front*.mp4")) == 20
    folder = tmp_path / "b"
    folder.mkdir()
    write_clip(folder / "a_20261122_093000Z.mp4", frames=20, fps=10)
    write_clip(folder / "b_20261122_093000.5Z.mp4".replace(".5", ".500"), frames=20, fps=10)
    with stored_source(camera="hall", sources=[str(folder)]) as source:
        assert len(list(source)) == 25
    assert "its first 2 s are left out: give the files of another camera alone." in source.lost[0]


def test_files_of_one_start_follow_each_other(tmp_path: Path) -> None:
    paths = [
        write_clip(
            tmp_path / f"{n}.mp4", frames=10, fps=10, metadata={"creation_time": "2026-11-22T09:30:00Z"}
        )
        for n in range(3)
    ]
    times = [time - 1795339800.0 for time in times_of(*paths)]
    assert times == pytest.approx([k / 10 for k in range(30)], abs=1e-5)


def test_a_part_that_is_none_is_left_out_and_told(parts: list[Path]) -> None:
    parts[1].write_bytes(parts[1].read_bytes()[:300])
    with stored_source(camera="hall", sources=[str(parts[0].parent)]) as source:
        assert len(list(source)) == 20
    assert len(source.lost) == 1
    assert "part_10.mp4" in source.lost[0]
    for path in parts:
        path.write_bytes(b"nothing of the kind")
    assert "part_9.mp4: is no video" in refusal(parts[0].parent)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("{folder}/none_*.mp4", "no file fits this pattern"),
        ("{folder}/empty", "holds no video and no pictures"),
        ("{folder}/cameras", "holds no video, but folders (hall, yard); name one camera's"),
        ("{folder}/numbers", "holds no video, but folders (1, 2); name one camera's"),
        ("{folder}/gone", "there is no such file"),
    ],
)
def test_what_is_no_footage_is_said(source: str, told: str, tmp_path: Path) -> None:
    for name in ("empty", "cameras/hall", "cameras/yard", "numbers/1", "numbers/2"):
        (tmp_path / name).mkdir(parents=True)
    write_clip(tmp_path / "cameras/hall/a.mp4", frames=2)
    assert told in refusal(source.format(folder=tmp_path))


def test_recordings_are_read_back_as_what_they_are(tmp_path: Path) -> None:
    """By day and time in UTC, the camera's name escaped, as Sightline writes them."""
    names = ("2026-11-22/20261122T235959.500Z.mp4", "2026-11-23/20261123T000000.500Z.mp4")
    paths = [tmp_path / "front%2Fdoor" / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True)
        write_clip(path, frames=10, fps=10)
    (camera,) = cameras_from_sources([str(path) for path in paths], live=False)
    assert camera.name == "front/door"
    times = times_of(*camera.sources)
    assert times == pytest.approx([1795391999.5 + k / 10 for k in range(20)])
    assert times_of(tmp_path / "front%2Fdoor") == pytest.approx(times)
    assert camera_name([str(tmp_path / "front%2Fdoor")]) == "front/door"


def footage(database: Path) -> list[FootageRow]:
    return History(open_database(database, create=False)).footage()


@pytest.mark.usefixtures("assets")
def test_each_part_is_found_again_in_the_history(parts: list[Path], tmp_path: Path) -> None:
    database = tmp_path / "h.db"
    command = ["run", str(parts[0].parent), "--db", str(database), "--annotate", str(tmp_path / "out")]
    assert main(command) == errors.OK
    rows = footage(database)
    assert [(row.camera, row.uri, row.start, row.frames) for row in rows] == [
        ("hall", str(path), pytest.approx(float(k)), 10) for k, path in enumerate(parts)
    ]
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == [
        "hall-2.mp4",
        "hall-3.mp4",
        "hall.mp4",
    ]


@pytest.mark.usefixtures("assets")
def test_a_second_file_without_a_start_comes_after_the_first_and_deletes_nothing(
    parts: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = tmp_path / "h.db"
    for k, path in enumerate(parts[:2]):
        config = tmp_path / f"{k}.toml"
        config.write_text(f'[[camera]]\nname = "hall"\nsource = "{path}"\n')
        assert main(["run", "--config", str(config), "--db", str(database)]) == errors.OK
    assert [(row.uri, row.start) for row in footage(database)] == [(str(parts[0]), 0.0), (str(parts[1]), 2.0)]
    again = ["run", "--config", str(tmp_path / "1.toml"), "--db", str(database)]
    assert main(again) == errors.CONFIG
    told = capsys.readouterr().err
    assert "already holds hall" in told
    assert "if they were filmed at another time, say when with --start" in told
    assert main([*again, "--start", "2026-11-24T09:00:00Z"]) == errors.OK
    assert [row.start for row in footage(database)][:2] == [0.0, 2.0]  # nothing is gone


def test_a_configuration_takes_lists_folders_and_patterns(parts: list[Path], tmp_path: Path) -> None:
    config = tmp_path / "site.toml"
    config.write_text(
        '[[camera]]\nname = "a"\nsource = ["hall/part_9.mp4", "hall/part_10.mp4"]\nfps = 5.0\n'
        '[[camera]]\nsource = "hall"\ncreation_time = "end"\n'
        '[[camera]]\nname = "c"\nsource = "hall/part_1*.mp4"\n'
    )
    listed, folder, pattern = read_config(config).cameras
    assert listed.sources == (str(parts[0]), str(parts[1]))
    assert (listed.fps, folder.name, folder.creation) == (5.0, "hall", "end")
    assert len(frames_of(*pattern.sources)) == 20


def test_parts_on_the_command_line_are_one_camera_where_that_is_said(
    parts: list[Path], tmp_path: Path
) -> None:
    names = [str(path) for path in parts]
    (camera,) = cameras_from_sources(names, live=False, as_one=True)
    assert (camera.name, camera.sources) == ("part", tuple(names))
    assert [camera.name for camera in cameras_from_sources(names, live=False)] == [
        "part_9",
        "part_10",
        "part_11",
    ]
    assert seem_one(names)
    assert not seem_one(["hall.mp4", "stairs.mp4", "yard.mp4"])
    assert not seem_one(["cam1.mp4", "cam2.mp4"])


# Numbered pictures


@pytest.fixture
def sequence(tmp_path: Path) -> Path:
    folder = tmp_path / "campus" / "img1"
    folder.mkdir(parents=True)
    for number in (1, 2, 3, 5):
        cv2.imwrite(str(folder / f"{number:06d}.jpg"), picture(number, width=160, height=120))
    (folder.parent / "seqinfo.ini").write_text("[Sequence]\nname=campus\nimDir=img1\nframeRate=10\n")
    return folder


def test_numbered_pictures_are_a_film(sequence: Path) -> None:
    every = sorted(sequence.iterdir())
    for sources in ([sequence], [sequence.parent], every, [sequence / "*.jpg"]):
        frames = frames_of(*sources)
        assert [(frame.index, frame.time) for frame in frames] == [
            (0, 0.0), (1, pytest.approx(0.1)), (2, pytest.approx(0.2)), (4, pytest.approx(0.4))
        ]  # fmt: skip
        assert number_of(frames[3].image) == 5  # type: ignore[union-attr]
    for sources in ([str(sequence)], [str(sequence.parent)], [str(path) for path in every]):
        (camera,) = cameras_from_sources(sources, live=False)
        assert camera.name == "campus"


def test_pictures_without_a_rate_need_one_or_times_in_their_names(sequence: Path) -> None:
    (sequence.parent / "seqinfo.ini").unlink()
    assert "nothing tells how many a second; give --fps" in refusal(sequence)
    assert times_of(sequence, fps=2.0) == pytest.approx([0, 0.5, 1.0, 2.0])
    for second, path in enumerate(sorted(sequence.iterdir())):
        path.rename(sequence / f"snap_20261122_0930{5 * second:02d}Z.jpg")
    assert times_of(sequence) == pytest.approx([1795339800.0 + 5 * k for k in range(4)])


def test_a_wrong_rate_and_a_damaged_picture_are_told(sequence: Path) -> None:
    (sequence / "000002.jpg").write_bytes(b"no picture")
    with stored_source(camera="hall", sources=[str(sequence)]) as source:
        assert [frame.index for frame in source] == [0, 2, 4]
    assert source.damaged == 1
    (sequence.parent / "seqinfo.ini").write_text("[Sequence]\nframeRate=fast\n")
    assert "seqinfo.ini: a frameRate in frames a second is expected" in refusal(sequence)


def test_one_picture_alone_is_no_film(sequence: Path) -> None:
    lone = sequence / "000001.jpg"
    shutil.copy(lone, sequence.parent.parent / "photo.mp4")
    assert "is a picture" in refusal(sequence.parent.parent / "photo.mp4")
    assert "is one picture alone; give a video" in refusal(lone, fps=5.0)


# A moment that none can be


@pytest.mark.parametrize("start", ["1764403200000", "nan", "1e300", "0001-01-01T00:00:00"])
def test_a_start_that_is_none_is_refused_and_nothing_is_stored(
    start: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_clip(tmp_path / "tiny.mp4", frames=3)
    command = ["run", str(path), "--start", start, "--db", str(tmp_path / "h.db")]
    assert main(command) == errors.CONFIG
    assert "is no time" in capsys.readouterr().err
    assert not (tmp_path / "h.db").exists()


@pytest.mark.usefixtures("assets")
@pytest.mark.parametrize("start", [1764403200000.0, 1e300, -6e10])
def test_a_history_with_such_a_row_still_answers(
    start: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from small_history import small_history

    small_history(tmp_path / "h.db").dispose()
    with sqlite3.connect(tmp_path / "h.db") as connection:
        connection.execute("UPDATE sighting SET start = ?, end = ? WHERE id = 3", (start, start))
        connection.execute("UPDATE footage SET start = ?, end = ? WHERE id = 2", (start, start))
    for question in ("people", "show 2", "show 2 --json", "people --json", "topology", "refine"):
        assert main([*question.split(), "--db", str(tmp_path / "h.db")]) == errors.OK, question
    out = tmp_path / "out"
    assert main(["export", "--db", str(tmp_path / "h.db"), "--out", str(out)]) == errors.OK


def test_a_run_can_be_built_over_a_folder(parts: list[Path], tmp_path: Path, assets: None) -> None:
    settings = read_config(_site(tmp_path, parts[0].parent))
    with build_run(settings) as run:
        assert [camera.expected for camera in run.line.feed.cameras()] == [30]


def _site(tmp_path: Path, folder: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(f'database = "h.db"\n[[camera]]\nsource = "{folder}"\n')
    return path
