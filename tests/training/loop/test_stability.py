import json

import numpy as np
import pytest
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition

from core.elements import SYMBOLS
from core.frames.registry import open_dataset
from core.frames.schema import Card
from core.frames.store import write_frames
from core.potential.models import load_model, save_model
from core.potential.prediction import predict
from core.reference.formation.energies import embedded_references
from core.training.loop.outcome import Outcome
from core.training.loop.stability import with_stability
from core.training.settings.config import RunConfig
from core.training.settings.metrics import STABILITY_METRICS
from core.training.settings.partition import partition
from core.training.settings.stability_text import stability_text

DONE = Outcome(state="finished", best_epoch=1, test={"n_frames": 2, "energy_mae_mev_per_atom": 1.0})


@pytest.fixture(scope="module")
def data(home, complete_frames):
    card = Card(name="hulls", kind="frames", functional="r2SCAN", corrections="none", labels="dft")
    if not (home / "datasets" / "hulls").exists():
        write_frames(home / "datasets" / "hulls", card, complete_frames)
    return "hulls"


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoints")
    extra = {"functional": "r2SCAN", "corrections": "none"}
    save_model(path / "best.pth.tar", load_model("chgnet-0.3.0"), extra)
    return path


def judged(data, checkpoints, stability="static", should_stop=lambda: False):
    frames, events = open_dataset(data), []
    config = RunConfig(dataset=data, stability=stability, device="cpu", threads=1)
    outcome = with_stability(
        DONE,
        config,
        frames,
        checkpoints=checkpoints,
        emit=lambda event: events.append(json.loads(json.dumps(event, allow_nan=False))),
        should_stop=should_stop,
    )
    return outcome, events, frames, partition(config, frames).test


def test_the_errors_are_those_of_pymatgens_hulls(data, checkpoints):
    outcome, events, frames, rows = judged(data, checkpoints)
    table = frames.table()
    lowest = table.loc[table.groupby("material_id")["energy_per_atom"].idxmin()]
    model = load_model("chgnet-0.3.0")
    predicted = [one.energy for one in predict(model, frames.frames(lowest.index))]
    elements = embedded_references("r2SCAN").energies
    tested = set(table["material_id"].iloc[rows])

    def energies(values):
        found = {}
        for name, formula, energy in zip(
            lowest["material_id"], lowest["formula"], values, strict=True
        ):
            if name not in tested:
                continue
            composition = Composition(formula)
            pure = {each: elements[SYMBOLS.index(each.symbol)] for each in composition}
            entry = PDEntry(composition, energy * composition.num_atoms)
            diagram = PhaseDiagram(
                [entry, *(PDEntry(Composition(each.symbol), pure[each]) for each in pure)]
            )
            _, decomposition = diagram.get_decomp_and_phase_separation_energy(entry)
            found[name] = decomposition, diagram.get_form_energy_per_atom(entry)
        return np.array([found[name] for name in sorted(found)])

    gaps = energies(predicted) - energies(lowest["energy_per_atom"])
    expected = 1000 * np.abs(gaps).mean(axis=0)
    np.testing.assert_allclose(
        [outcome.test[key] for key in STABILITY_METRICS], expected, rtol=1e-4
    )
    assert outcome.test["energy_mae_mev_per_atom"] == 1.0
    *_, event = events
    assert event["n"] == len(tested)
    assert f"{len(tested)} materials compared" in stability_text(event)


def test_stopped_while_it_relaxes_it_is_cancelled_and_goes_on(data, checkpoints):
    calls = iter([False, True])
    outcome, *_ = judged(data, checkpoints, "relaxed", lambda: next(calls, True))
    assert (outcome.state, outcome.test) == ("cancelled", None)
    outcome, *_ = judged(data, checkpoints, "relaxed")
    assert outcome.state == "finished"
    assert all(outcome.test[key] > 0 for key in STABILITY_METRICS)


def test_what_cannot_be_judged_says_why_and_keeps_the_test(checkpoints):
    outcome, (*_, event), *_ = judged("complete", checkpoints)
    assert outcome.state == "finished"
    assert outcome.test == {**DONE.test, **dict.fromkeys(STABILITY_METRICS)}
    assert stability_text(event).startswith("stability could not be judged: complete: ")
