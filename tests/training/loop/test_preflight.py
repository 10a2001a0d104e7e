import numpy as np
import pytest

from core.errors import LabError
from core.frames.registry import open_frame_set
from core.frames.schema import Card, Frame
from core.frames.store import write_frames
from core.potential.models import load_model
from core.potential.prediction import predict
from core.runs.record.events import StatusTracker
from core.training.loop import preflight as preflight_module
from core.training.loop.loop import fit
from core.training.loop.method_preview import warnings
from core.training.loop.preflight import estimated_seconds, preflight
from core.training.scoring.evaluate import evaluate
from core.training.settings.config import LossRatios, RunConfig
from core.training.settings.methods import ALONE, METHODS
from core.training.step import step
from core.transfer.interaction import interaction_energies
from core.transfer.source_model import SourceModel

SOURCE = "chgnet-0.3.0"


def untrained_validation(config, frame_set, path):
    """The energy error that a run reports before its first step."""
    seen = []
    fit(
        config,
        frame_set,
        checkpoints=path,
        emit=seen.append,
        should_stop=lambda: any(event["kind"] == "start" for event in seen),
    )
    start = next(event for event in seen if event["kind"] == "start")
    return start["validation"]["energy_mae_mev_per_atom"]


@pytest.mark.parametrize("method", [m for m in ALONE if not METHODS[m].closed_form])
def test_preflight_tells_what_the_run_begins_with(energies_only, tmp_path, method):
    config = RunConfig(dataset="energies", method=method, device="cpu", threads=1)
    found = preflight(config)
    expected = untrained_validation(config, energies_only, tmp_path)
    assert found.energy_mae_mev_per_atom == pytest.approx(expected, rel=1e-4, abs=1e-3)
    assert found.n_train + found.n_validation + found.n_test == len(energies_only)
    assert found.labels == {"energy": found.n_train}
    assert found.n_atoms_mean == 2
    assert any("force" in warning for warning in warnings(config, found))
    assert estimated_seconds(config) > 0


def test_the_residual_atomref_undoes_an_offset_an_element(complete):
    """The labels are the source model's plus an offset: residual finds it, frozen cannot."""
    config = RunConfig(dataset="complete", device="cpu", threads=1, ridge_strength=1e-6)
    residual = preflight(config).energy_mae_mev_per_atom
    without = config.model_copy(update={"method": "frozen"})
    frozen = preflight(without)
    assert residual < 5
    assert frozen.energy_mae_mev_per_atom > 1000
    assert any("eV/atom" in warning for warning in warnings(without, frozen))
    evaluated = evaluate(SOURCE, complete, complete.split().validation, device="cpu", threads=1)
    assert evaluated["energy_mae_mev_per_atom"] == pytest.approx(
        frozen.energy_mae_mev_per_atom, rel=1e-5
    )


def test_a_constant_is_that_of_the_other_frames(energies_only):
    config = RunConfig(dataset="energies", method="frozen", device="cpu", threads=1)
    rows = energies_only.split().validation
    predicted = predict(load_model(SOURCE), energies_only.frames(rows))
    errors = np.array([one.energy for one in predicted]) - energies_only.energies()[rows]
    left = [abs(errors[i] - np.delete(errors, i).mean()) for i in range(len(errors))]
    found = preflight(config)
    # Of one material, whose frames are off by one offset: what is left is single precision.
    assert found.energy_mae_after_constant == pytest.approx(1000 * np.mean(left), abs=1e-3)
    assert found.energy_mae_after_constant < 1e-5 * found.energy_mae_mev_per_atom


def test_the_work_is_divided_among_the_processes(energies_only, monkeypatch):
    monkeypatch.setattr(preflight_module, "_clock", lambda _: 0.5)
    # It would import PyTorch's compiler, which nothing here needs.
    monkeypatch.setattr(step, "Adam", None)
    config = RunConfig(dataset="energies", method="refit", device="cpu", threads=1)
    alone, three = (
        estimated_seconds(config.model_copy(update={"processes": number})) for number in (1, 3)
    )
    assert alone == pytest.approx(3 * three)


def test_preflight_refuses_what_fit_would_refuse():
    with pytest.raises(LabError, match="1000"):
        preflight(RunConfig(dataset="energies", frames=1000))
    with pytest.raises(LabError):
        preflight(RunConfig(dataset="no-such-data"))
    nothing = RunConfig(dataset="energies", loss=LossRatios(energy=0))
    with pytest.raises(LabError, match="label that is trained on"):
        preflight(nothing)
    with pytest.raises(LabError, match="label that is trained on"):
        estimated_seconds(nothing)


def test_interaction_energies_are_computed_once(mixed, monkeypatch, tmp_path):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    expected = [one.interaction for one in predict(load_model(SOURCE), mixed.frames(range(6)))]
    computed = []
    monkeypatch.setattr(
        "core.transfer.interaction.predict",
        lambda model, graphs, *rest, **options: (
            computed.append(len(graphs)) or predict(model, graphs, *rest, **options)
        ),
    )
    some = interaction_energies(mixed, SourceModel(SOURCE, "cpu"), rows=[4, 1])
    np.testing.assert_allclose(some, [expected[4], expected[1]], atol=1e-5)
    more = interaction_energies(mixed, SourceModel(SOURCE, "cpu"), rows=range(6))
    np.testing.assert_allclose(more, expected, atol=1e-5)
    assert (more[[4, 1]] == some).all()
    interaction_energies(mixed, SourceModel(SOURCE, "cpu"), rows=[0, 5])
    assert computed == [2, 4]
    for path in (tmp_path / "cache").rglob("*.npz"):
        path.write_bytes(path.read_bytes()[:-20])
    again = interaction_energies(mixed, SourceModel(SOURCE, "cpu"), rows=[4, 1])
    np.testing.assert_allclose(again, some, atol=1e-6)


def test_evaluate_tells_its_progress(mixed):
    told = []
    found = evaluate(
        SOURCE, mixed, range(5), device="cpu", threads=1, progress=lambda *p: told.append(p)
    )
    assert told[-1] == (1.0, "Predicting frames: 5 of 5")
    assert found["n_frames"] == 5


@pytest.fixture
def with_atoms(home, complete_frames):
    """The complete data set, and an isolated atom of each element in a box among its frames."""
    directory = home / "datasets" / "with-atoms"
    if not directory.exists():
        alone = [
            Frame(
                frame_id=f"atom-{number}",
                material_id=complete_frames[place].material_id,
                atomic_numbers=np.array([number]),
                frac_coords=np.zeros((1, 3)),
                lattice=15 * np.eye(3),
                energy_per_atom=-0.3,
                forces=np.zeros((1, 3)),
            )
            for place, number in enumerate((8, 11, 26))
        ]
        card = Card(name="with-atoms", kind="frames", functional="test", labels="chgnet-0.3.0")
        write_frames(directory, card, [*complete_frames, *alone])
    return open_frame_set("with-atoms")


@pytest.mark.parametrize("method", ["refit", "residual"])
def test_frames_that_cannot_be_trained_on_are_in_no_fit(complete, with_atoms, tmp_path, method):
    config = RunConfig(dataset="complete", method=method, device="cpu", threads=1)
    expected = untrained_validation(config, complete, tmp_path)
    more = config.model_copy(update={"dataset": "with-atoms"})
    found = preflight(more)
    assert found.energy_mae_mev_per_atom == pytest.approx(expected, rel=1e-4, abs=1e-3)
    # Other frames in a batch change the rounding of single precision.
    assert untrained_validation(more, with_atoms, tmp_path) == pytest.approx(expected, abs=5e-3)
    assert found.n_train == len(complete.split().train)
    in_training = np.isin(with_atoms.split().train, [24, 25, 26]).sum()
    assert in_training
    assert found.left_out == {"an atom has no neighbour within 6 Å": in_training}
    assert any("no neighbour within 6 Å" in warning for warning in warnings(config, found))


def test_the_log_says_which_frames_are_left_out(with_atoms, tmp_path):
    config = RunConfig(dataset="with-atoms", method="refit", device="cpu", threads=1)
    seen = []
    fit(
        config,
        with_atoms,
        checkpoints=tmp_path,
        emit=seen.append,
        should_stop=lambda: any(event["kind"] == "start" for event in seen),
    )
    start = next(event for event in seen if event["kind"] == "start")
    assert start["left_out_why"] == {"an atom has no neighbour within 6 Å": 3}
    assert start["n_train"] + start["n_validation"] + start["n_test"] == 24
    line = StatusTracker(epochs=1).line(start)
    assert "3 frames left out: an atom has no neighbour within 6 Å" in line
