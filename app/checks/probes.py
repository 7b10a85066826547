"""What `sightline doctor` tries, each in a process of its own: ``python -m app.checks.probes NAME``.

A library that is missing, broken or crashes the process then costs one row, not the report. A probe
prints what it found; one that fails leaves its last line on stderr for the doctor to show.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Finding = tuple[str, str, str]
"""State (ok, warn or bad), what was found, what to do."""


def torch() -> Finding:
    """Its version, the device networks would run on, and whether torchvision's operators fit it."""
    import torch
    import torchvision

    boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 9.0], [20.0, 20.0, 30.0, 30.0]])
    kept = torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5).tolist()
    found = f"{torch.__version__}, torchvision {torchvision.__version__}, on {_device()}"
    if kept != [0, 2]:
        return "bad", f"{found}; nms keeps {kept} of 0, 1, 2", "install both again"
    if Path("/dev/nvidiactl").exists() and not torch.cuda.is_available():
        return "warn", found, "there is an NVIDIA driver, but this torch can't use it: install a torch for it"
    return "ok", found, ""


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        return f"{card.name}, {card.total_memory / 2**30:.0f} GiB"
    return f"the CPU: {torch.get_num_threads()} threads, {_cpu_features()}"


def _cpu_features() -> str:
    """Of those that make networks faster."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        return "features unknown"
    known = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "asimd", "bf16")
    return ", ".join(flag for flag in known if flag in flags) or "no vector extensions"


def openvino() -> Finding:
    """Its version and devices."""
    from tracker.networks import import_openvino

    openvino = import_openvino()

    core = openvino.Core()
    devices = ", ".join(core.available_devices)
    name = core.get_property("CPU", "FULL_DEVICE_NAME") if "CPU" in core.available_devices else "no CPU"
    return "ok", f"{openvino.__version__.split('-')[0]} on {devices} ({str(name).strip()})", ""


def onnxruntime() -> Finding:
    """Its version and what it can run on."""
    import onnxruntime

    providers = (name.removesuffix("ExecutionProvider") for name in onnxruntime.get_available_providers())
    return "ok", f"{onnxruntime.__version__} with {', '.join(providers)}", ""


def opencv() -> Finding:
    """Whether it loads and writes a JPEG."""
    import cv2
    import numpy as np

    done, _ = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))
    return ("ok", cv2.__version__, "") if done else ("bad", f"{cv2.__version__}: no JPEG", "install it again")


def pyav() -> Finding:
    """Whether it writes H.264, and reads H.264 and H.265."""
    import av

    decoded = {name: _round_trip(name, encoder) for name, encoder in _CODECS.items()}
    readable = {name for name in _CODECS if name in av.codecs_available}
    found = ", ".join(f"{name} {_word(name in readable, decoded[name])}" for name in _CODECS)
    if decoded["h264"] and "hevc" in readable:
        return "ok", f"{av.__version__}: {found}", ""
    return (
        "bad",
        f"{av.__version__}: {found}",
        "install PyAV from its wheel: pip install --force-reinstall av",
    )


_CODECS = {"h264": "libx264", "hevc": "libx265"}


def _word(readable: bool, tried: bool) -> str:
    return "written and read" if tried else "read" if readable else "missing"


def _round_trip(codec: str, encoder: str, frames: int = 5) -> bool:
    """Whether as many frames come back as went in, in memory."""
    import av
    import numpy as np

    if encoder not in av.codecs_available:
        return False
    memory = io.BytesIO()
    with av.open(memory, "w", format="mp4") as written:
        stream: Any = written.add_stream(encoder, rate=10, options={"x265-params": "log-level=none"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for shade in range(frames):
            picture = np.full((64, 64, 3), shade * 40, np.uint8)
            written.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        written.mux(stream.encode())
    memory.seek(0)
    with av.open(memory, "r") as read:
        same = read.streams.video[0].codec_context.name == codec
        return same and len(list(read.decode(video=0))) == frames


def detector() -> Finding:
    """Whether the default detector runs on a grey picture, and that ultralytics stays off the network."""
    from importlib.metadata import version

    import numpy as np

    from app.weights.assets import cache_folder, find
    from tracker.detector import Detector

    weights = find("yolov8n")
    if weights is None:
        return "warn", f"ultralytics {version('ultralytics')}; not tried: no weights here yet", ""
    detector = Detector(weights, cache=cache_folder())
    picture = np.full((480, 640, 3), 128, np.uint8)
    detector.detect([picture])
    begun = time.perf_counter()
    detector.detect([picture])
    took = f"{detector.backend}, {1000 * (time.perf_counter() - begun):.0f} ms a 640x480 picture"
    utils: Any = sys.modules.get("ultralytics.utils")
    if utils is not None and utils.ONLINE:
        return "bad", f"{took}; ultralytics may use the network", "a fault of Sightline: please report it"
    return "ok", f"{took}; ultralytics {version('ultralytics')}, off the network", ""


def embedder() -> Finding:
    """Whether the default re-identification network runs on a grey crop."""
    import numpy as np

    from app.weights.assets import BUNDLED, REID, cache_folder, find
    from reid.embedder import open_embedder

    weights = next((path for path in map(find, (*REID, BUNDLED)) if path is not None), None)
    if weights is None:
        return "warn", "not tried: no weights here yet", ""
    embedder = open_embedder(weights, cache=cache_folder())
    crop = np.full((256, 128, 3), 128, np.uint8)
    embedder.embed([crop])
    begun = time.perf_counter()
    embedder.embed([crop] * 8)
    took = 1000 * (time.perf_counter() - begun) / 8
    return "ok", f"{weights.stem} by {embedder.backend}, {took:.0f} ms a person", ""


PROBES: dict[str, Callable[[], Finding]] = {
    probe.__name__: probe for probe in (torch, openvino, onnxruntime, opencv, pyav, detector, embedder)
}


def main() -> None:
    """Runs the probe that the command line names; stdout is left to its finding alone."""
    out = os.dup(1)
    os.dup2(2, 1)  # what a library prints goes to stderr
    finding = PROBES[sys.argv[1]]()
    with os.fdopen(out, "w", encoding="utf-8") as stream:
        json.dump(finding, stream)


if __name__ == "__main__":
    main()
