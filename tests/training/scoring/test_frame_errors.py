"""Errors frame by frame: against `evaluate`, against a run's own, against loops over atoms."""

import mmap
import multiprocessing
from pathlib import Path

import numpy as np
import pytest
import torch

from core.elements import SYMBOLS
from core.errors import LabError
from core.potential.models import load_model, set_atomref
from core.training.loop.memory import peak_memory_mb
from core.training.loop.preflight import preflight
from core.training.scoring.evaluate import evaluate
from core.training.scoring.frame_errors import KINDS, among, summary
from core.training.scoring.predictions import frame_errors, untrained_model
from core.training.settings.config import RunConfig
from core.training.settings.metrics import LABEL_METRICS
from core.transfer.uncertainty import Uncertainty

CPU = torch.device("cpu")


def look(model, data, rows, told=lambda *_: None):
    rows = np.asarray(rows)
    return frame_errors(
        model, data, rows, n_available=len(data), device=CPU, threads=1, progress=told
    )


@pytest.fixture(scope="module")
def model():
    return load_model("chgnet-0.3.0")


@pytest.mark.parametrize("name", ["mixed", "complete", "energies_only"])
def test_means_are_those_of_evaluate(name, model, request):
    data = request.getfixturevalue(name)
    rows, shares = np.arange(3, len(data)), []
    found = look(model, data, rows, lambda share, _: shares.append(share))
    metrics = evaluate(model, data, rows, device="cpu", threads=1)
    assert found.kinds == [kind for kind in KINDS if metrics[LABEL_METRICS[kind]] is not None]
    for kind in found.kinds:
        told = summary(found.compared(kind), kind)
        assert told["mae"] == pytest.approx(metrics[LABEL_METRICS[kind]], rel=1e-6)
        assert told["mae"] <= told["rmse"] <= told["largest"]
    assert found.rows.tolist() == rows.tolist()
    assert (found.n_available, found.n_left_out) == (len(data), 0)
    assert shares[-1] == 1.0


def test_values_know_their_frames(model, mixed):
    found = look(model, mixed, np.arange(8))
    frames = mixed.frames(range(8))
    assert found.frame_ids.tolist() == [one.frame_id for one in frames]
    for kind, attribute in (("force", "forces"), ("stress", "stress"), ("magmom", "magmoms")):
        table = found.compared(kind)
        for number, frame in enumerate(frames):
            label = getattr(frame, attribute)
            expected = [] if label is None else np.ravel(label)
            own = table["label"][table["frame"] == number]
            np.testing.assert_allclose(own, expected, rtol=1e-6)
    np.testing.assert_allclose(
        found.energy_label, [one.energy_per_atom for one in frames], rtol=1e-12
    )


def test_energies_minus_atomref_have_the_same_errors(model, mixed):
    found = look(model, mixed, np.arange(8))
    total, without = found.compared("energy"), found.without_atomref()
    errors = [table["predicted"] - table["label"] for table in (total, without)]
    np.testing.assert_allclose(*errors, atol=1e-9)
    references = model.composition_model.fc.weight.detach().numpy().ravel()
    expected = [
        energy - references[frame.atomic_numbers.astype(int) - 1].mean()
        for energy, frame in zip(total["label"], mixed.frames(total["frame"]), strict=True)
    ]
    np.testing.assert_allclose(without["label"], expected, atol=1e-5)
    alone = among(total, np.arange(8) == 2)
    assert alone["frame"].tolist() == [2]
    assert summary(alone, "energy")["n"] == 1


def test_errors_by_element_are_those_of_a_loop(model, mixed):
    found = look(model, mixed, np.arange(len(mixed)))
    table = found.by_element().set_index("symbol")
    frames = mixed.frames(range(len(mixed)))
    for symbol in SYMBOLS:
        number = SYMBOLS.index(symbol) + 1
        own = [i for i, frame in enumerate(frames) if number in frame.atomic_numbers]
        if not own:
            assert symbol not in table.index
            continue
        errors = np.abs(found.energy_predicted[own] - found.energy_label[own])
        assert table.loc[symbol, "energy"] == pytest.approx(1000 * errors.mean())
        assert table.loc[symbol, "n_frames"] == len(own)
        components, begin, n_atoms = [], 0, 0
        for frame in frames:
            atoms = slice(begin, begin := begin + len(frame))
            here = np.asarray(frame.atomic_numbers) == number
            n_atoms += here.sum()
            if frame.forces is not None:
                components.append((found.force_predicted[atoms] - frame.forces)[here].ravel())
        expected = 1000 * np.abs(np.concatenate(components)).mean()
        assert table.loc[symbol, "force"] == pytest.approx(expected, rel=1e-5)
        assert table.loc[symbol, "n_atoms"] == n_atoms


def test_without_forces_elements_have_none(model, energies_only):
    table = look(model, energies_only, [0, 1]).by_element()
    assert table["force"].isna().all()
    assert table["energy"].notna().all()


@pytest.mark.parametrize("method", ["scratch", "residual"])
def test_untrained_model_is_what_the_run_began_with(method, mixed):
    config = RunConfig(dataset="mixed", method=method, device="cpu", threads=1, epochs=1)
    found = look(untrained_model(config, mixed), mixed, mixed.split().validation)
    energy = summary(found.compared("energy"), "energy")["mae"]
    expected = preflight(config).energy_mae_mev_per_atom
    # What single precision leaves of energies of some eV/atom.
    assert energy == pytest.approx(expected, rel=1e-5, abs=1e-3)


def test_a_broken_model_is_told(mixed):
    broken = load_model("chgnet-0.3.0")
    set_atomref(broken, np.full(94, np.nan))
    with pytest.raises(LabError, match="not a finite number"):
        look(broken, mixed, [0])


def peaks(told):
    # Linux forgets the peak so far, below which what is held now may be.
    Path("/proc/self/clear_refs").write_text("5")
    before = peak_memory_mb(CPU)
    # Fresh memory: malloc may hand out again what tests before have freed.
    fresh = mmap.mmap(-1, 320_000_000)
    np.frombuffer(fresh, dtype=np.uint8)[:] = 1
    told.put((before, peak_memory_mb(CPU)))


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux")
def test_peak_memory_is_that_of_this_process():
    # In a fork, so that the memory goes back.
    context = multiprocessing.get_context("fork")
    told = context.SimpleQueue()
    fork = context.Process(target=peaks, args=(told,))
    fork.start()
    before, after = told.get()
    fork.join()
    assert 0 < before < 5_000
    assert after - before == pytest.approx(320, rel=0.15)


def test_deviations_are_those_of_the_draws_and_tell_their_coverage(model, mixed):
    drawn = np.random.default_rng(2).normal(0, 0.3, (5, 94))
    uncertainty = Uncertainty(
        parameters={},
        references=drawn,
        noise=0.02,
        left_out=np.zeros(0),
        materials=np.zeros(0, int),
        factor=1.5,
    )
    rows = np.arange(8)
    found = frame_errors(
        model, mixed, rows, n_available=8, device=CPU, threads=1, uncertainty=uncertainty
    )
    spread = np.sqrt(((mixed.fractions()[rows] @ drawn.T) ** 2).mean(axis=1) + 0.02**2)
    np.testing.assert_allclose(found.energy_deviation, 1.5 * spread, rtol=1e-6)
    errors = np.abs(found.energy_predicted - found.energy_label)
    within = errors[np.isfinite(errors)] <= (1.645 * 1.5 * spread)[np.isfinite(errors)]
    assert found.coverage() == (within.sum(), len(within))
    assert look(model, mixed, rows).coverage() is None
