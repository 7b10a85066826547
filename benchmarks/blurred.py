"""Whose face a clip of `sightline report --clips --blur` would show though it is somebody else's.

    sightline demo --out sightline-demo
    python benchmarks/blurred.py [--demo sightline-demo] [--gt ../shared/data/mot/PETS09-S2L1/gt/gt.txt]

Of every person of the demo's ground truth in every frame of its cameras: is the upper quarter of the box,
where the face is, within what would be blurred in a clip of somebody else? Where less than half of it is, it
is counted as shown. The history is read, not written.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from app.demo.cameras import CLIP_FPS, demo_truth, make_cameras
from app.output.clip import WIDER, Others
from storage.database import open_database
from storage.history import History
from tracker.types import Floats

ROOT = Path(__file__).parents[1]
GRID = 12
SHOWN = 0.5


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = ROOT.parent / "shared"
    parser.add_argument("--demo", type=Path, default=Path("sightline-demo"))
    parser.add_argument("--clip", type=Path, default=shared / "data/video/vtest.avi")
    parser.add_argument("--gt", type=Path, default=shared / "data/mot/PETS09-S2L1/gt/gt.txt")
    told = parser.parse_args()
    history = History(open_database(told.demo / "history.db", create=False))
    cameras = make_cameras(told.clip, told.demo / "cameras")
    truth = demo_truth(told.gt, cameras)
    asked, shown = 0, Counter[tuple[str, int]]()
    for camera in cameras:
        rows = history.sightings(camera=camera.name)
        others = Others(list(history.trajectories([row.id for row in rows]).values()))
        times = camera.start - camera.clock_offset_s + np.array(camera.clip_frames) / CLIP_FPS
        boxes = truth[camera.name]
        for frame, person, box, ignored in zip(
            boxes.frames, boxes.ids, boxes.boxes, boxes.ignored, strict=True
        ):
            if not ignored:
                asked += 1
                face = np.array([box[0], box[1], box[2], box[1] + (box[3] - box[1]) / 4], np.float32)
                shown[camera.name, int(person)] += covered(face, others.boxes(times[frame])) < SHOWN
    print(f"{sum(shown.values())} of {asked} boxes ({sum(shown.values()) / asked:.1%}) show their face")
    for (camera, person), count in shown.most_common(3):
        print(f"  {count} of them person {person} of the truth on {camera}")
    return 0


def covered(face: Floats, boxes: list[Floats]) -> float:
    """The share of a box that is in any of the others, made wider as they are where they are blurred."""
    x, y = (np.linspace(face[k], face[k + 2], GRID + 2)[1:-1] for k in (0, 1))
    inside = np.zeros((GRID, GRID), bool)
    for x1, y1, x2, y2 in boxes:
        wider, higher = WIDER * (x2 - x1), WIDER * (y2 - y1)
        across, down = (x >= x1 - wider) & (x <= x2 + wider), (y >= y1 - higher) & (y <= y2 + higher)
        inside |= down[:, None] & across[None, :]
    return float(inside.mean())


if __name__ == "__main__":
    sys.exit(main())
