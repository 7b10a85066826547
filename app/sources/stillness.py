"""Whether a camera shows the same picture again and again, although packets come."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracker.types import Grey

_EVERY = 8  # pixels; every eighth row and column is compared
_LOOK_S = 0.2
_NOISE = 3  # grey levels by which encoding the same picture twice may differ; a living sensor differs by more
_LONGEST_S = 3600.0


class Stillness:
    """Frozen once no pixel has changed for after_s; 0 turns it off.

    A scene in which nothing moves at all looks frozen too. So what is done about it is done seldom, and ever
    more seldom while the picture stays the same: `due` tells when.
    """

    def __init__(self, *, after_s: float) -> None:
        self.frozen = False
        self.after_s = after_s
        self._sample: NDArray[np.int16] | None = None
        self._since = self._tried = self._looked = -np.inf
        self._patience_s = after_s

    def see(self, grey: Grey, now_s: float) -> bool:
        """The next picture; whether it is frozen. grey: (H, W) brightness; now_s: monotonic seconds."""
        if self.after_s <= 0 or now_s - self._looked < _LOOK_S:
            return self.frozen
        self._looked = now_s
        sample = grey[::_EVERY, ::_EVERY].astype(np.int16)
        before = self._sample
        if before is None or before.shape != sample.shape or np.abs(sample - before).max() > _NOISE:
            self._sample, self._since, self._tried = sample, now_s, now_s
            self._patience_s = self.after_s
            self.frozen = False
        else:
            self.frozen = self.frozen or now_s - self._since >= self.after_s
        return self.frozen

    def due(self, now_s: float) -> bool:
        """Whether to connect anew; asking counts as trying, and doubles the wait for the next time."""
        if not self.frozen or now_s - self._tried < self._patience_s:
            return False
        self._tried, self._patience_s = now_s, min(2 * self._patience_s, _LONGEST_S)
        return True
