"""Fixtures every test may use: the real footage and weights, where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def pytest_configure(config: pytest.Config) -> None:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data and weights: SIGHTLINE_SHARED, or ../shared beside the checkout."""
    folder = Path(os.environ.get("SIGHTLINE_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no folder of real data at {folder}; set SIGHTLINE_SHARED to one")
    return folder
