"""What may go wrong around a training."""

from __future__ import annotations


class TrainingError(Exception):
    """What the user can mend; the message is one sentence that says what is wrong and what to do."""
