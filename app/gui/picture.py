"""Pictures for the screen: the one place of the window that touches OpenCV."""

from __future__ import annotations

import os

import cv2
import numpy as np
from PyQt5.QtCore import QRectF, QSize, QSizeF, Qt
from PyQt5.QtGui import QImage

from tracker.types import Image

# OpenCV's wheel points Qt at plug-ins of its own, which do not fit PyQt5's.
os.environ.pop("QT_QPA_PLATFORM_PLUGIN_PATH", None)
os.environ.pop("QT_QPA_FONTDIR", None)


SHRINK_BY_AREA = 2.5
"""From this shrinking on, pixels are averaged: slower by far, but linear sampling would miss too many."""


def fitted(size: QSize, room: QRectF) -> QRectF:
    """The largest rectangle of the size's shape in the middle of the room."""
    best = QSizeF(size).scaled(room.size(), Qt.AspectRatioMode.KeepAspectRatio)
    left = room.x() + (room.width() - best.width()) / 2
    top = room.y() + (room.height() - best.height()) / 2
    return QRectF(left, top, best.width(), best.height())


def scaled_image(image: Image, width: int, height: int) -> QImage:
    """A frame (H, W, 3) BGR at a size in pixels, with memory of its own, ready to be drawn."""
    much_smaller = image.shape[1] > SHRINK_BY_AREA * width
    how = cv2.INTER_AREA if much_smaller else cv2.INTER_LINEAR
    small = np.ascontiguousarray(cv2.resize(image, (max(1, width), max(1, height)), interpolation=how))
    rows, columns = small.shape[:2]
    view = QImage(small.tobytes(), columns, rows, 3 * columns, QImage.Format.Format_BGR888)
    return view.convertToFormat(QImage.Format.Format_RGB32)


def jpeg_image(jpeg: bytes, height: int) -> QImage:
    """A stored picture, at most ``height`` pixels high; a null image where it can't be read."""
    image = QImage.fromData(jpeg, "JPEG")
    if image.height() > height:
        image = image.scaledToHeight(height, Qt.TransformationMode.SmoothTransformation)
    return image


def decoded(jpeg: bytes) -> Image:
    """A stored picture as (H, W, 3) BGR."""
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(image, np.uint8)
