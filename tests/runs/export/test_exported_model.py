"""What a run leaves is a stock CHGNet: its predictions are the run's own, for every method."""

import contextlib
import io

import numpy as np
import pytest
from chgnet.model import CHGNet
from pymatgen.core import Structure

from core.elements import SYMBOLS
from core.potential.models import load_model
from core.potential.prediction import predict
from core.training.loop.loop import fit
from core.training.settings.config import RunConfig
from core.training.settings.methods import ALONE
from tests.labelled_lab import (  # noqa: F401
    complete,
    complete_frames,
    energies_only,
    home,
    mixed,
    mixed_frames,
    one_thread,
    stock,
    use_home,
)


@pytest.mark.parametrize("method", ALONE)
def test_stock_chgnet_predicts_as_the_run_does(complete, tmp_path, method):
    config = RunConfig(dataset="complete", method=method, epochs=1, device="cpu", threads=1)
    fit(config, complete, checkpoints=tmp_path, emit=lambda _: None, should_stop=lambda: False)
    best = tmp_path / "best.pth.tar"
    with contextlib.redirect_stdout(io.StringIO()):
        stock = CHGNet.from_file(best)
    frames = complete.frames(complete.split().test)
    ours = predict(load_model(best), frames)
    for frame, own in zip(frames, ours, strict=True):
        symbols = [SYMBOLS[number - 1] for number in frame.atomic_numbers]
        theirs = stock.predict_structure(Structure(frame.lattice, symbols, frame.frac_coords))
        assert own.energy == pytest.approx(float(theirs["e"]), abs=1e-5)
        np.testing.assert_allclose(own.forces, theirs["f"], atol=1e-4)
