"""Files as sources, on real files: encoded here, or the real footage; and what is said of bad ones."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import av
import av.stream
import numpy as np
import pytest
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream
from clips import number_of, picture, write_clip

from app.sources.ffmpeg import SourceError, SourceInfo
from app.sources.file import FileSource
from tracker.types import Frame


def read(path: Path, *, start: float | None = None) -> tuple[FileSource, list[Frame]]:
    with FileSource(camera="left", path=path, start=start) as source:
        return source, list(source)


def refusal(path: Path) -> str:
    """The sentence a file is refused with."""
    with pytest.raises(SourceError) as caught, FileSource(camera="left", path=path):
        pass
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence.removeprefix(f"{path}: ")


def digest(frames: list[Frame]) -> str:
    state = hashlib.sha256()
    for frame in frames:
        state.update(f"{frame.camera} {frame.index} {frame.time!r} {frame.image.shape}".encode())
        state.update(np.ascontiguousarray(frame.image).data)
    return state.hexdigest()


def overwrite(path: Path, *, first: int, last: int, every: int) -> Path:
    """Damages the bytes between the two offsets."""
    data = bytearray(path.read_bytes())
    for offset in range(first, last, every):
        data[offset : offset + 30] = bytes((offset * 7 + k * 31) % 256 for k in range(30))
    path.write_bytes(data)
    return path


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("decode")]


def test_frames_come_in_order_with_their_times(tmp_path: Path) -> None:
    source, frames = read(write_clip(tmp_path / "clip.mp4", options={"bf": "3", "crf": "15"}), start=1000.5)
    assert [frame.index for frame in frames] == list(range(25))
    assert [number_of(frame.image) for frame in frames] == list(range(25))
    assert [frame.time for frame in frames] == pytest.approx([1000.5 + n / 25 for n in range(25)])
    assert {frame.camera for frame in frames} == {"left"}
    assert (source.decoded, source.damaged) == (25, 0)


def test_info(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4")
    with FileSource(camera="left", path=path, start=7.0) as source:
        assert source.info == SourceInfo(
            uri=str(path),
            codec="h264",
            width=160,
            height=120,
            fps=25.0,
            start=7.0,
            start_by="the settings",
            frames=25,
            duration_s=1.0,
            live=False,
        )


def test_images_are_what_opencv_decodes(shared: Path) -> None:
    import cv2

    path = shared / "data/video/vtest.avi"
    reference = cv2.VideoCapture(str(path))
    with FileSource(camera="left", path=path) as source:
        for frame, _ in zip(source, range(30), strict=False):
            read_it, image = reference.read()
            assert read_it
            assert frame.image.shape == (576, 768, 3)
            assert frame.image.dtype == np.uint8
            assert frame.image.flags.c_contiguous
            assert np.abs(frame.image.astype(int) - image).mean() < 1.0
            assert frame.time == pytest.approx(frame.index / 10)
    reference.release()


def test_real_footage_is_whole(shared: Path) -> None:
    source, frames = read(shared / "data/video/vtest.avi")
    assert (len(frames), source.info.frames, source.info.fps, source.damaged) == (795, 795, 10.0, 0)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_variable_frame_rate(tmp_path: Path, name: str) -> None:
    times_s = [0, 0.04, 0.2, 0.24, 1.1, 1.5]
    _, frames = read(write_clip(tmp_path / name, frames=6, times_s=times_s), start=50.0)
    assert [frame.time - 50 for frame in frames] == pytest.approx(times_s, abs=1e-6)


def test_start_is_read_from_the_container(tmp_path: Path) -> None:
    metadata = {"creation_time": "2024-05-06T07:08:09.5Z"}
    path = write_clip(tmp_path / "clip.mkv", metadata=metadata)
    source, frames = read(path)
    assert source.info.start_known
    assert source.info.start == frames[0].time == 1714979289.5
    assert read(path, start=12.0)[0].info.start == 12.0


def test_words_in_another_alphabet_do_no_harm(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", metadata={"title": "XXXXXXXX"})
    path.write_bytes(path.read_bytes().replace(b"XXXXXXXX", b"Caf\xe9\xff\xfe\xfd\xfc"))
    _, frames = read(path)
    assert len(frames) == 25


@pytest.mark.parametrize(
    "metadata", [{}, {"creation_time": "1970-01-01T00:00:00Z"}, {"creation_time": "June"}]
)
def test_start_is_unknown(tmp_path: Path, metadata: dict[str, str]) -> None:
    source, frames = read(write_clip(tmp_path / "clip.mkv", metadata=metadata))
    assert not source.info.start_known
    assert source.info.start == frames[0].time == 0.0


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
def test_pictures_are_upright(tmp_path: Path, degrees: int, mirrored: bool) -> None:
    def turn(stream: VideoStream) -> None:
        stream.set_display_rotation(degrees, hflip=mirrored)

    source, frames = read(write_clip(tmp_path / "clip.mp4", frames=2, prepare=turn))
    expected = picture(0, width=160, height=120)
    # FFmpeg mirrors what it has turned; np.rot90 turns counterclockwise, as display matrices do.
    expected = np.rot90(expected, degrees // 90)
    expected = expected[:, ::-1] if mirrored else expected
    image = frames[0].image
    assert image.shape == expected.shape
    assert (source.info.height, source.info.width) == expected.shape[:2]
    assert image.flags.c_contiguous
    assert np.abs(image.astype(int) - expected).mean() < 12


@pytest.mark.parametrize(
    "pixels", ["yuv420p", "yuv422p", "yuv420p10le", "gray", "gray16le", "bgr0", "yuva420p"]
)
def test_odd_sizes_and_pixel_formats(tmp_path: Path, pixels: str) -> None:
    path = write_clip(tmp_path / "clip.mkv", frames=3, size=(161, 121), codec="ffv1", pixels=pixels)
    _, frames = read(path)
    assert [frame.image.shape for frame in frames] == [(121, 161, 3)] * 3
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2]


def test_interlaced(tmp_path: Path) -> None:
    _, frames = read(write_clip(tmp_path / "clip.mp4", options={"x264-params": "interlaced=1:crf=15"}))
    assert [number_of(frame.image) for frame in frames] == list(range(25))


def test_size_may_change_and_time_start_anew(tmp_path: Path) -> None:
    small = write_clip(tmp_path / "small.ts", frames=30)
    large = write_clip(tmp_path / "large.ts", frames=30, size=(320, 240))
    both = tmp_path / "both.ts"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    _, frames = read(both)
    assert [frame.image.shape for frame in frames] == [(120, 160, 3)] * 30 + [(240, 320, 3)] * 30
    assert [frame.time for frame in frames] == pytest.approx([n / 25 for n in range(60)])


def test_without_timestamps(tmp_path: Path) -> None:
    source, frames = read(write_clip(tmp_path / "clip.h264", fps=20))
    assert len(frames) == 25
    times = [frame.time for frame in frames]
    assert times == pytest.approx([n / source.info.fps for n in range(25)])


def test_frames_an_avi_dropped_leave_gaps(tmp_path: Path) -> None:
    path = tmp_path / "dropped.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for number in range(20):
            if number % 5 != 4:  # for each number left out the muxer writes an empty chunk
                image = av.VideoFrame.from_ndarray(picture(number, width=160, height=120), "bgr24")
                image.pts = number
                container.mux(stream.encode(image.reformat(format="yuv420p")))
        container.mux(stream.encode())
    _, frames = read(path)
    assert [round(frame.time * 25) for frame in frames] == [n for n in range(20) if n % 5 != 4]


def test_cover_art_is_no_video(tmp_path: Path) -> None:
    _, frames = read(write_with_cover(tmp_path / "both.mp4", footage=True))
    assert [frame.image.shape for frame in frames] == [(120, 160, 3)] * 5
    assert refusal(write_with_cover(tmp_path / "album.mp4", footage=False)).startswith("has no pictures")


def write_with_cover(path: Path, *, footage: bool) -> Path:
    """An MP4 with a cover that is larger than its footage, or that goes with sound."""
    with av.open(str(path), "w") as container:
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 640, 480, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        other = container.add_stream("libx264", rate=25) if footage else add_sound(container)
        if isinstance(other, VideoStream):
            other.width, other.height, other.pix_fmt = 160, 120, "yuv420p"
        front = av.VideoFrame.from_ndarray(picture(9, width=640, height=480), "bgr24")
        container.mux(cover.encode(front.reformat(format="yuvj420p")))
        container.mux(cover.encode())
        if isinstance(other, VideoStream):
            for number in range(5):
                image = av.VideoFrame.from_ndarray(picture(number, width=160, height=120), "bgr24")
                image.pts = number
                container.mux(other.encode(image.reformat(format="yuv420p")))
            container.mux(other.encode())
        else:
            write_silence(container, other)
    return path


def add_sound(container: OutputContainer) -> AudioStream:
    return container.add_stream("aac", rate=16000, layout="mono")


def write_silence(container: OutputContainer, sound: AudioStream) -> None:
    silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
    silence.sample_rate = 16000
    container.mux(sound.encode(silence))
    container.mux(sound.encode())


def test_no_character_of_a_name_means_anything(tmp_path: Path) -> None:
    _, frames = read(write_clip(tmp_path / "clip.mp4").rename(tmp_path / "a:b %03d|ü?.mp4"))
    assert len(frames) == 25


def test_two_runs_are_equal_also_over_damage(tmp_path: Path) -> None:
    """With FFmpeg's frame threads, what hides the damage depends on how far the other thread has come."""
    path = write_texture(tmp_path / "clip.mp4")
    size = path.stat().st_size
    overwrite(path, first=size // 8, last=size * 7 // 8, every=size // 60)
    first, frames = read(path)
    assert first.damaged > 0
    assert len(frames) > 40
    assert {digest(read(path)[1]) for _ in range(4)} == {digest(frames)}


def write_texture(path: Path) -> Path:
    """Sixty frames of a noisy texture that moves, over which noise moves faster."""
    noise = np.random.default_rng(0).integers(0, 255, (480, 1000, 3), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "veryfast", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for number in range(60):
            image = noise[:, number * 2 : number * 2 + 640] // 4
            image[100:300, number * 7 : number * 7 + 150] = noise[100:300, :150]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "bgr24")
            frame.pts = number
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("name", ["clip.mkv", "clip.avi", "clip.ts"])
def test_a_cut_off_recording_is_used_as_far_as_it_goes(tmp_path: Path, name: str) -> None:
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    path = write_clip(tmp_path / name, frames=100, codec=codec)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    _, frames = read(path)
    assert 20 < len(frames) < 80
    assert [frame.time for frame in frames] == pytest.approx([n / 25 for n in range(len(frames))])


def test_a_cut_off_mp4_with_its_index_in_front(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.mp4", frames=100)
    path = tmp_path / "front.mp4"
    with av.open(str(whole)) as old, av.open(str(path), "w", options={"movflags": "faststart"}) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    source, frames = read(path)
    assert 20 < len(frames) < 80
    assert source.info.frames == 100


def test_missing_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.mp4") == "there is no such file; check the path."


def test_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "is a folder; give the video files in it."


def test_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert refusal(tmp_path / "pipe.mp4") == "is no regular file; give a video file."


@pytest.mark.parametrize("name", ["notes.mp4", "notes.txt", "notes.avi"])
def test_text(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("Who was where, and when?\n" * 200)
    assert refusal(tmp_path / name).endswith("give a video file such as .mp4, .mkv or .avi.")


def test_zero_bytes(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    assert refusal(tmp_path / "empty.mp4") == "is empty (0 bytes); copy or record it again."


def test_sound_only(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        write_silence(container, add_sound(container))
    assert refusal(tmp_path / "sound.mp4") == "has no pictures that can be decoded; give a video file."


def test_cut_off_before_the_index(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=50)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert refusal(path) == "is cut off or damaged, its index (moov) is missing; copy or record it again."


def test_unreadable() -> None:
    path = Path("/proc/self/mem")  # reading its beginning fails for everybody, root included
    assert refusal(path) == "cannot be read (Input/output error); check its permissions."


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_forbidden(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4")
    path.chmod(0)
    assert refusal(path) == "cannot be read (Permission denied); check its permissions."


def test_nothing_can_be_decoded(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4")
    data = bytearray(path.read_bytes())
    begin, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
    data[begin:end] = bytes(end - begin)
    path.write_bytes(data)
    assert refusal(path) == "no picture in it can be decoded; copy or record it again."


def test_leaving_early_ends_the_thread(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=100)
    with FileSource(camera="left", path=path, buffer=2) as source:
        next(iter(source))
        deadline = time.monotonic() + 5
        while source.decoded < 3 and time.monotonic() < deadline:  # until the buffer is full
            time.sleep(0.01)
        assert source.decoded <= 4
        left = time.monotonic()
    assert time.monotonic() - left < 2


def test_a_bug_in_the_thread_reaches_the_one_who_iterates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FileSource(camera="left", path=write_clip(tmp_path / "clip.mp4"), buffer=4) as source:
        monkeypatch.setattr(source, "_pictures", None)
        with pytest.raises(AttributeError):
            list(source)


def test_only_one_camera_waits(tmp_path: Path) -> None:
    """Each source has its own thread: one whose frames nobody takes does not hold up another."""
    path = write_clip(tmp_path / "clip.mp4", frames=50)
    with FileSource(camera="a", path=path, buffer=1), FileSource(camera="b", path=path, buffer=1) as other:
        assert len(list(other)) == 50


def test_import_is_light() -> None:
    heavy = "'torch', 'cv2', 'PyQt5', 'sqlalchemy'"
    code = f"import sys, app.sources.live; print([name for name in ({heavy}) if name in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert found.stdout.strip() == "[]"
