from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.config import (
    CameraSettings,
    ConfigError,
    RecordingSettings,
    cameras_from_sources,
    read_config,
    read_time,
    with_starts,
)
from tracker.rules import Rule


def written(folder: Path, text: str) -> Path:
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_everything_a_file_may_say(tmp_path: Path) -> None:
    settings = read_config(
        written(
            tmp_path,
            """
            database = "data/history.db"
            detector = "yolov8n"
            reid = "net.xml"
            device = "cpu"
            overlap = [["hall", "stairs"]]
            [[camera]]
            name = "hall"
            source = "hall.mp4"
            start = 2026-11-22T09:30:00Z
            clock_offset_s = 2
            [[camera]]
            name = "stairs"
            source = "/videos/stairs.mp4"
            start = 12.5
            [[camera]]
            source = "yard.mkv"
            """,
        )
    )
    noon = datetime(2026, 11, 22, 9, 30, tzinfo=UTC).timestamp()
    assert settings.cameras == (
        CameraSettings("hall", str(tmp_path / "hall.mp4"), noon, 2.0),
        CameraSettings("stairs", "/videos/stairs.mp4", 12.5, 0.0),
        CameraSettings("yard", str(tmp_path / "yard.mkv"), None, 0.0),
    )
    assert settings.database == tmp_path / "data/history.db"
    assert (settings.detector, settings.reid, settings.device) == ("yolov8n", "net.xml", "cpu")
    assert settings.overlap == {frozenset({"hall", "stairs"})}
    assert not settings.live


def test_what_is_recorded_and_how_long_it_is_kept(tmp_path: Path) -> None:
    table = '[recording]\nfolder = "kept"\nkeep_days = 2\nkeep_gb = 1.5\nsegment_s = 30\nkeep_free_gb = 3\n'
    cameras = '[[camera]]\nsource = "rtsp://h/x"\nrecord = true\n[[camera]]\nsource = "rtsp://h/y"\n'
    settings = read_config(written(tmp_path, table + cameras))
    assert settings.recording == RecordingSettings(tmp_path / "kept", 2.0, 1.5, 30.0, 3.0)
    assert [camera.record for camera in settings.cameras] == [True, False]


CAMERAS = "".join(f'[[camera]]\nsource = "{name}.mp4"\n' for name in "abc")


def test_what_is_known_of_the_ways_between_cameras(tmp_path: Path) -> None:
    links = """
        [[link]]
        from = "a"
        to = "b"
        after_s = [4, 60.5]
        overlap = false
        [[link]]
        from = "b"
        to = "a"
        never = true
        [[link]]
        from = "c"
        to = "a"
        overlap = true
        [[link]]
        from = "b"
        to = "c"
        after_s = [0, inf]
    """
    settings = read_config(written(tmp_path, 'overlap = [["c", "b"]]\n' + CAMERAS + links))
    assert settings.links == (
        Rule("a", "b", after_s=(4.0, 60.5), overlap=False),
        Rule("b", "a", never=True),
        Rule("c", "a", overlap=True),
        Rule("b", "c", after_s=(0.0, math.inf)),
    )
    assert settings.overlap == {frozenset("bc"), frozenset("ac")}


@pytest.mark.parametrize(
    ("links", "words"),
    [
        ('["a"]', "'link' in link 1: expected a [[link]] table"),
        ('[{from = "a"}]', "'to' in link 1: expected a camera's name, one of a, b, c"),
        (
            '[{from = "x", to = "a", never = true}]',
            "'from' in link 1: expected a camera's name, one of a, b, c, ",
        ),
        ('[{from = "a", to = "a", never = true}]', "'to' in link 1: expected another camera than 'a'"),
        ('[{from = "a", to = "b"}]', "'after_s' in link 1: expected this key, never = true, or overlap"),
        ('[{from = "a", to = "b", since = 1}]', "'since' in link 1: expected one of after_s, from, never"),
        ('[{from = "a", to = "b", never = 1}]', "'never' in link 1: expected true or false"),
        ('[{from = "a", to = "b", after_s = 4}]', "'after_s' in link 1: expected a list"),
        (
            '[{from = "a", to = "b", after_s = [9, 4]}]',
            "'after_s' in link 1: expected the lowest and the highest",
        ),
        ('[{from = "a", to = "b", after_s = [-1, 4]}]', "such as [5, 60.0], but found [-1, 4]"),
        ('[{from = "a", to = "b", after_s = [true, 4]}]', "'after_s' in link 1: expected the lowest"),
        ('[{from = "a", to = "b", after_s = [nan, 4]}]', "'after_s' in link 1: expected the lowest"),
        (
            '[{from = "a", to = "b", never = true, after_s = [1, 2]}]',
            "'never' in link 1: expected this key without",
        ),
        (
            '[{from = "a", to = "b", overlap = true, after_s = [1, 2]}]',
            "'after_s' in link 1: expected no such key",
        ),
        (
            '[{from = "a", to = "b", never = true}, {from = "a", to = "b", overlap = false}]',
            "'to' in link 2: expected one [[link]] for each way",
        ),
        (
            '[{from = "a", to = "b", overlap = true}, {from = "b", to = "a", overlap = false}]',
            "'overlap' in link 2: expected the same as in the [[link]] of the way back",
        ),
        (
            '[{from = "b", to = "c", overlap = false}]',
            "'overlap' at the top: expected no b and c, as a [[link]]",
        ),
    ],
)
def test_an_error_in_a_link_names_its_place(tmp_path: Path, links: str, words: str) -> None:
    path = written(tmp_path, f'overlap = [["b", "c"]]\nlink = {links}\n{CAMERAS}')
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert words in str(caught.value)


def test_streams_make_a_live_run(tmp_path: Path) -> None:
    path = written(tmp_path, '[[camera]]\nname = "door"\nsource = "rtsp://10.0.0.4/main"\n')
    settings = read_config(path)
    assert settings.live
    assert settings.cameras[0].source == "rtsp://10.0.0.4/main"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("camera = [", "not valid TOML"),
        ("", "'camera' at the top: expected at least one"),
        (
            'colour = 1\n[[camera]]\nsource = "a.mp4"',
            "'colour' at the top: expected one of camera",
        ),
        ('[[camera]]\nname = "a"', "'source' in camera 1: expected a file's path"),
        ("[[camera]]\nsource = 5", "'source' in camera 1: expected a file's path"),
        (
            '[[camera]]\nsource = "a.mp4"\nclock_offset_s = "2"',
            "'clock_offset_s' in camera 1: expected a number",
        ),
        ('[[camera]]\nsource = "a.mp4"\nclock_offset_s = true', "expected a number, but found True"),
        ('[[camera]]\nsource = "a.mp4"\nstart = "noon"', "'start' in camera 1: expected a time"),
        ('[[camera]]\nsource = "a.mp4"\n[[camera]]\nsource = "b/a.mp4"', "'a' is there twice"),
        ('overlap = [["a", "c"]]\n[[camera]]\nsource = "a.mp4"', "'overlap' at the top: expected pairs"),
        ('[[camera]]\nsource = "a.mp4"\nrecord = true', "'record' in camera 1: expected a live stream"),
        ('[[camera]]\nsource = "rtsp://h"\nrecord = 1', "'record' in camera 1: expected true or false"),
        ('[recording]\nkeep = 1\n[[camera]]\nsource = "a"', "'keep' in [recording]: expected one of folder"),
        ('[recording]\nkeep_gb = 0\n[[camera]]\nsource = "a"', "'keep_gb' in [recording]: expected a number"),
        ('camera = ["a.mp4"]', "'camera' in camera 1: expected a [[camera]] table"),
    ],
)
def test_an_error_names_the_key_its_place_and_what_was_expected(
    tmp_path: Path, text: str, words: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_cameras_are_named_after_their_files() -> None:
    names = [c.name for c in cameras_from_sources(["a/x.mp4", "b/x.mp4", "y.avi"], live=False)]
    assert names == ["x", "x-2", "y"]
    assert [c.name for c in cameras_from_sources(["rtsp://a", "rtsp://b"], live=True)] == ["cam1", "cam2"]


def test_times_as_they_may_be_written() -> None:
    assert read_time("12.5") == 12.5
    assert read_time("2026-11-22T09:30:00Z") == datetime(2026, 11, 22, 9, 30, tzinfo=UTC).timestamp()
    assert read_time("2026-11-22T10:30:00+01:00") == read_time("2026-11-22T09:30:00Z")
    assert read_time("2026-11-22 09:30") == datetime(2026, 11, 22, 9, 30).astimezone().timestamp()
    with pytest.raises(ConfigError, match="'soon' is no time"):
        read_time("soon")


def test_starts_are_given_once_for_each_file() -> None:
    cameras = cameras_from_sources(["a.mp4", "b.mp4"], live=False)
    assert [c.start for c in with_starts(cameras, ["1", "2"])] == [1.0, 2.0]
    with pytest.raises(ConfigError, match="1 times for 2 files"):
        with_starts(cameras, ["1"])


def test_passwords_from_the_environment_and_from_files(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "hall").write_text("from file\n", encoding="utf-8")
    path = written(
        tmp_path,
        """
        [[camera]]
        source = "rtsp://10.0.0.4/main"
        username = "${WHO}"
        password_file = "${KEYS}/hall"
        [[camera]]
        source = "rtsp://viewer:${WORD}@10.0.0.5/main"
        [[camera]]
        source = "${URL}"
        """,
    )
    url = "rtsp://10.0.0.6/t0ken/main"
    settings = read_config(path, environment={"WHO": "me", "KEYS": "keys", "WORD": "from/env", "URL": url})
    assert [camera.source for camera in settings.cameras] == [
        "rtsp://me:from%20file@10.0.0.4/main",
        "rtsp://viewer:from%2Fenv@10.0.0.5/main",
        url,
    ]
    assert [c.shown for c in settings.cameras] == ["", "rtsp://viewer:${WORD}@10.0.0.5/main", "${URL}"]
    assert [camera.name for camera in settings.cameras] == ["cam1", "cam2", "cam3"]
    for secret in ("from%20file", "from%2Fenv", "t0ken"):
        assert secret not in repr(settings)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('source = "rtsp://me:${GONE}@h/x"', "'source' in camera 1: expected the environment variable GONE"),
        (
            'source = "rtsp://h/x"\nusername = "me"\npassword_file = "gone"',
            "'password_file' in camera 1: expected a file that holds the password, but there is no",
        ),
        (
            'source = "rtsp://h/x"\nusername = "me"',
            "'username' in camera 1: expected a password_file beside it",
        ),
        ('source = "rtsp://h/x"\nusername = "${GONE}"', "'username' in camera 1: expected the environment"),
        (
            'source = "rtsp://h/x"\npassword_file = "pw"',
            "'password_file' in camera 1: expected the user's name",
        ),
        (
            'source = "rtsp://me:${WORD}@h/x"\npassword_file = "pw"',
            "'password_file' in camera 1: expected the password either",
        ),
        (
            'source = "rtsp://me:${WORD}@h/x"\n[[camera]]\nsource = "a.mp4"',
            "'source' in camera 2: expected a live stream like the others",
        ),
    ],
)
def test_a_password_that_can_not_be_had_is_told_without_telling_one(
    tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "pw").write_text("secret", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_config(written(tmp_path, f"[[camera]]\n{text}"), environment={"WORD": "secret"})
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


def test_the_detectors_size(tmp_path: Path) -> None:
    camera = '[[camera]]\nsource = "a.mp4"'
    assert read_config(written(tmp_path, camera)).detector_size == 640
    assert read_config(written(tmp_path, f"detector_size = 320\n{camera}")).detector_size == 320
    for wrong in ("100", "0", "true", "320.0", "8192"):
        with pytest.raises(ConfigError, match=r"'detector_size' at the top: expected a multiple of 32"):
            read_config(written(tmp_path, f"detector_size = {wrong}\n{camera}"))


def test_the_price_of_a_false_merge(tmp_path: Path) -> None:
    camera = '[[camera]]\nsource = "a.mp4"'
    assert read_config(written(tmp_path, camera)).false_merge_price == 1.0
    assert read_config(written(tmp_path, f"false_merge_price = 20\n{camera}")).false_merge_price == 20.0
    for wrong in ("0", "-1", "true", "nan", "inf", '"high"'):
        with pytest.raises(ConfigError, match=r"'false_merge_price' at the top"):
            read_config(written(tmp_path, f"false_merge_price = {wrong}\n{camera}"))


def test_the_detectors_rate(tmp_path: Path) -> None:
    camera = '[[camera]]\nsource = "a.mp4"'
    assert read_config(written(tmp_path, camera)).detector_rate == 5.0
    assert read_config(written(tmp_path, f"detector_rate = 2.5\n{camera}")).detector_rate == 2.5
    assert read_config(written(tmp_path, f'detector_rate = "every-frame"\n{camera}')).detector_rate is None
    for wrong in ("0", "-1", "true", "nan", "inf", '"all"', "[5]"):
        with pytest.raises(ConfigError, match=r"'detector_rate' at the top: expected frames a second"):
            read_config(written(tmp_path, f"detector_rate = {wrong}\n{camera}"))


def test_settings_of_streams(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(
        'max_latency_s = 0.5\n[[camera]]\nsource = "rtsp://h/x"\nopen_timeout_s = 3\nread_timeout_s = 2.5\n'
        'frozen_after_s = 0\ndecode = "software"\nsize = [1920, 1080]\n[[camera]]\nsource = "rtsp://h/y"\n',
        encoding="utf-8",
    )
    settings = read_config(path)
    first, second = settings.cameras
    assert settings.max_latency_s == 0.5
    assert (first.open_timeout_s, first.read_timeout_s, first.frozen_after_s) == (3.0, 2.5, 0.0)
    assert (first.decode, first.size) == ("software", (1920, 1080))
    assert (second.open_timeout_s, second.read_timeout_s, second.frozen_after_s) == (10.0, 5.0, 30.0)
    assert (second.decode, second.size) == ("auto", None)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("read_timeout_s = 0", "'read_timeout_s' in camera 1: expected seconds, 0.1 to 86400, but found 0"),
        ('decode = "gpu"', "'decode' in camera 1: expected one of auto, software"),
        ("size = [1920]", "'size' in camera 1: expected a width and a height"),
        ("size = [1920, 0]", "'size' in camera 1: expected a width and a height"),
    ],
)
def test_a_wrong_setting_of_a_stream_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "site.toml"
    path.write_text(f'[[camera]]\nsource = "rtsp://h/x"\n{line}\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(said)):
        read_config(path)
