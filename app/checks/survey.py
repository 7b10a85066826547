"""What a video says of itself, and what its timestamps say: nothing is decoded but its first picture."""

from __future__ import annotations

import itertools
import statistics
from dataclasses import dataclass
from pathlib import Path

import av

from app.sources.clocks import FileClock
from app.sources.ffmpeg import best_video, duration_s, frames_per_s, is_dated, open_file, sample_aspect

MOST_PACKETS = 2_000_000
GAP_S, GAP_STEPS = 2.0, 20.0
DIFFERS = 0.03  # by so large a part two rates are two


@dataclass(frozen=True, slots=True)
class Survey:
    """fps_container, fps_pictures, fps_stamps: frames a second by each, 0 where it says nothing. aspect:
    width of a pixel by its height. packets: of pictures. gaps: where and how long nothing is, seconds.
    lasts_s: by the container, None where unknown. shown_s: by the timestamps, to the last picture. odd:
    timestamps that are wrong.
    """

    container: str
    codec: str
    coded: tuple[int, int]
    aspect: float
    fps_container: float
    fps_pictures: float
    fps_stamps: float
    packets: int
    lasts_s: float | None
    shown_s: float
    gaps: tuple[tuple[float, float], ...]
    odd: int

    @property
    def doubts(self) -> list[str]:
        """Where these contradict each other, a few words each."""
        told = {"container": self.fps_container, "pictures": self.fps_pictures, "timestamps": self.fps_stamps}
        rates = {who: fps for who, fps in told.items() if fps > 0}
        words = []
        if rates and max(rates.values()) > min(rates.values()) * (1 + DIFFERS):
            words.append("rates differ: " + ", ".join(f"{who} {fps:.3g}" for who, fps in rates.items()))
        words += [f"{self.odd} wrong timestamps, which are left out"] if self.odd else []
        words += [f"nothing for {lasts_s:.1f} s after {at_s:.1f} s" for at_s, lasts_s in self.gaps[:5]]
        return words


def survey(path: Path) -> Survey:
    """Raises SourceError where there is no video."""
    with open_file(path) as container:
        stream = best_video(container)
        assert stream is not None, "a source of this file was opened before"
        dated = is_dated(container)
        lasts_s = duration_s(container, stream)
        stamps, group, packets = list[float](), list[float](), 0
        clock = FileClock[None](start=0.0, step_s=1 / (frames_per_s(container, stream) or 25.0))
        try:
            for packet in itertools.islice(container.demux(stream), MOST_PACKETS):
                packets += packet.size > 0
                if packet.is_keyframe:
                    stamps += _as_shown(group, clock)
                    group.clear()
                if dated and packet.pts is not None and packet.time_base is not None:
                    group.append(float(packet.pts * packet.time_base))
        except (av.FFmpegError, MemoryError, IndexError):
            pass  # the run tells what is damaged
        stamps = sorted([*stamps, *_as_shown(group, clock), *(at for _, at in clock.rest())])
        steps = [b - a for a, b in itertools.pairwise(stamps) if b > a]
        usual_s = statistics.median(steps) if steps else 0.0
        return Survey(
            container=container.format.name,
            codec=stream.codec_context.name,
            coded=(stream.width, stream.height),
            aspect=sample_aspect(stream),
            fps_container=float(stream.average_rate or 0) if dated else 0.0,
            fps_pictures=float(stream.codec_context.framerate or 0),
            fps_stamps=1 / usual_s if usual_s else 0.0,
            packets=packets,
            lasts_s=lasts_s,
            shown_s=stamps[-1] - stamps[0] if stamps else 0.0,
            gaps=_gaps(stamps, usual_s),
            odd=clock.odd,
        )


def _as_shown(group: list[float], clock: FileClock[None]) -> list[float]:
    """Times of the pictures from one key picture to the next, which are stored in another order."""
    return [at for stamp in sorted(group) for _, at in clock.take(None, stamp)]


def _gaps(stamps: list[float], usual_s: float) -> tuple[tuple[float, float], ...]:
    least_s = max(GAP_S, GAP_STEPS * usual_s)
    return tuple((a - stamps[0], b - a) for a, b in itertools.pairwise(stamps) if b - a > least_s)
