"""Two pictures as one, to be compared."""

from __future__ import annotations

import cv2
import numpy as np

from tracker.types import Image

HEIGHT_PX, GAP_PX = 256, 12
QUALITY = 90


def side_by_side(left: bytes, right: bytes) -> bytes:
    """Two JPEGs -> one, both of the same height, white between them."""
    both = [_scaled(jpeg) for jpeg in (left, right)]
    gap = np.full((HEIGHT_PX, GAP_PX, 3), 255, np.uint8)
    _, data = cv2.imencode(".jpg", np.hstack([both[0], gap, both[1]]), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes()


def _scaled(jpeg: bytes) -> Image:
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if image is None:  # a picture that is damaged leaves its place empty
        return np.full((HEIGHT_PX, HEIGHT_PX // 2, 3), 128, np.uint8)
    height, width = image.shape[:2]
    size = (max(1, round(width * HEIGHT_PX / height)), HEIGHT_PX)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
