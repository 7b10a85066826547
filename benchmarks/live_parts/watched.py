"""`sightline watch` over films that are served over RTSP, until all of them play."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kill_cycle import start, until_running
from live_parts.samples import metrics, metrics_url, playing
from live_parts.site import write_config
from rtsp_server import RtspServer

SETTLE_S = 8.0
PLAYING_S = 60.0


@contextmanager
def watched(films: Mapping[str, Path], folder: Path, *, detector_size: int) -> Iterator[tuple[str, int]]:
    """Address of its metrics and number of its process, with a history of its own in the folder; it is ended
    on leaving. films: by camera.
    """
    for old in folder.glob("history.db*"):
        old.unlink()
    log = folder / "log.jsonl"
    log.unlink(missing_ok=True)
    with RtspServer(dict(films)) as server:
        urls = {name: server.url(name) for name in films}
        config = write_config(folder / "site.toml", urls, detector_size=detector_size, record=False)
        process = start(config, log, ["--metrics", "0"])
        try:
            until_running(process, log)
            url = metrics_url(log)
            _until_playing(url, len(films))
            yield url, process.pid
        finally:
            process.terminate()
            process.wait(timeout=60)


def _until_playing(url: str, count: int) -> None:
    """All of them, and a while longer. Raises AssertionError where they don't."""
    deadline = time.monotonic() + PLAYING_S
    while playing(metrics(url)) < count:
        assert time.monotonic() < deadline, f"{count} cameras don't play after {PLAYING_S:g} s"
        time.sleep(0.5)
    time.sleep(SETTLE_S)
