"""What every run does at its end, small: these tests look at what comes before."""

import pytest


@pytest.fixture(autouse=True, scope="module")
def few_frames_tell_what_was_forgotten():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.training.scoring.forgetting._FRAMES", 2)
        yield
