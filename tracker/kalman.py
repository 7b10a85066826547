"""A stateless constant-velocity filter for boxes, in seconds.

The box is its centre, width and height. Each of the four moves on its own, as a position and a velocity
that decays with a time constant (an integrated Ornstein-Uhlenbeck process; Bar-Shalom, Li, Kirubarajan,
*Estimation with Applications to Tracking and Navigation*, 2001, ch. 6 and 8), so T targets are 4 T filters
of two numbers each, and one numpy expression moves them all.

mean: (T, 4, 2): value in pixels and velocity in pixels a second, of centre x, centre y, width, height.
covariance: (T, 4, 2, 2). Boxes are xyxy.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma, log, pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

TAIL = 4.0
"""Degrees of freedom of where a box is: fewer have longer tails."""

_T_PEAK = lgamma((TAIL + 4) / 2) - lgamma(TAIL / 2) - 2 * log(TAIL * pi)
"""Log of that density's peak in four dimensions of unit variance."""


@dataclass(frozen=True, slots=True)
class Motion:
    """How people move and how well boxes are seen, in heights of the person's box.

    jitter: standard deviation of a seen box's centre and sides. push: random change of the velocity,
    heights a second over one second, for the centre. stretch: the same for width and height.
    memory_s: how long a velocity of the centre lasts. size_memory_s: the same for width and height.
    start_speed: standard deviation of a new target's speed, heights a second.
    """

    jitter: float = 0.05
    push: float = 0.6
    stretch: float = 0.15
    memory_s: float = 3.0
    size_memory_s: float = 0.5
    start_speed: float = 0.6

    def begin(self, boxes: Array) -> tuple[Array, Array]:
        """(N, 4) boxes -> mean and covariance of N new targets at rest."""
        values = centres(boxes)
        mean = np.stack([values, np.zeros_like(values)], axis=-1)
        height = values[:, 3:4]
        covariance = np.zeros((len(boxes), 4, 2, 2))
        covariance[:, :, 0, 0] = (2 * self.jitter * height) ** 2
        speeds = np.array([self.start_speed, self.start_speed, self.stretch, self.stretch])
        covariance[:, :, 1, 1] = (speeds * height) ** 2
        return mean, covariance

    def predict(self, mean: Array, covariance: Array, dt_s: Array) -> tuple[Array, Array]:
        """Moves T targets on by (T,) seconds."""
        memory = np.array([self.memory_s, self.memory_s, self.size_memory_s, self.size_memory_s])
        dt = np.asarray(dt_s, float)[:, None]
        fade = np.exp(-dt / memory)
        reach = memory * (1.0 - fade)
        moved = np.stack([mean[..., 0] + reach * mean[..., 1], fade * mean[..., 1]], axis=-1)
        p, c, v = covariance[..., 0, 0], covariance[..., 0, 1], covariance[..., 1, 1]
        density = self._density(mean)
        grown = np.empty_like(covariance)
        grown[..., 0, 0] = p + 2 * reach * c + reach**2 * v + density * dt**3 / 3
        grown[..., 0, 1] = grown[..., 1, 0] = fade * (c + reach * v) + density * dt**2 / 2
        grown[..., 1, 1] = fade**2 * v + density * dt
        return moved, grown

    def update(self, mean: Array, covariance: Array, boxes: Array) -> tuple[Array, Array]:
        """Corrects T targets by the (T, 4) boxes they were seen at."""
        noise = (self.jitter * mean[:, 3:4, 0]) ** 2
        gain = covariance[..., :, 0] / (covariance[..., 0, 0] + noise)[..., None]
        innovation = centres(boxes) - mean[..., 0]
        corrected = mean + gain * innovation[..., None]
        kept = covariance - gain[..., :, None] * covariance[..., 0, None, :]
        return corrected, kept

    def log_odds(self, mean: Array, covariance: Array, boxes: Array) -> Array:
        """(T, N): log odds that box j is target i rather than one of somebody nobody knows of.

        The density of the box's centre and sides where target i is expected, against one stranger in each
        height of target i in all four. A multivariate t (Lange, Little, Taylor, "Robust Statistical Modeling
        Using the t Distribution", 1989): detectors' boxes jump more often than a normal density allows.
        """
        height = np.maximum(mean[:, 3, 0], 1.0)
        variance = covariance[..., 0, 0] + (self.jitter * height[:, None]) ** 2
        apart = centres(boxes)[None] - mean[:, None, :, 0]
        squared = (apart**2 / variance[:, None]).sum(axis=-1)
        peak = _T_PEAK - 0.5 * np.log(variance / height[:, None] ** 2).sum(axis=1)
        return np.asarray(peak[:, None] - (TAIL + 4) / 2 * np.log1p(squared / TAIL))

    def margin(self, covariance: Array) -> Array:
        """(T, 2): standard deviation of the expected centre in x and y, pixels."""
        return np.asarray(np.sqrt(covariance[:, :2, 0, 0]))

    def _density(self, mean: Array) -> Array:
        """(T, 4): spectral density of the velocity noise, px^2 / s^3."""
        height = mean[:, 3:4, 0]
        return np.asarray((np.array([self.push, self.push, self.stretch, self.stretch]) * height) ** 2)


def centres(boxes: Array) -> Array:
    """(N, 4) xyxy -> (N, 4) centre x, centre y, width, height."""
    boxes = np.asarray(boxes, float)
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)


def corners(mean: Array) -> Array:
    """(T, 4, 2) means -> (T, 4) xyxy; sides are at least one pixel."""
    centre, half = mean[:, :2, 0], np.maximum(mean[:, 2:, 0], 1.0) / 2
    return np.concatenate([centre - half, centre + half], axis=1)
