"""What every run does at its end, small: these tests look at what comes before."""

import pytest


@pytest.fixture(autouse=True)
def few_frames_tell_what_was_forgotten(monkeypatch):
    monkeypatch.setattr("core.training.scoring.forgetting._FRAMES", 2)
