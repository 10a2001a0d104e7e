import logging
from dataclasses import fields

import numpy as np
import pytest
import torch

from core.potential import compiled_prediction
from core.potential.batch import collate
from core.potential.compiled_prediction import (
    compile_if_faster,
    compile_inference,
    forward,
)
from core.potential.forward import Prediction, Wanted, predict_batch
from core.potential.models import load_model
from core.potential.prediction import predict
from tests.shallow_network import shallow_network

EVERYTHING = ["energy", "interaction", "forces", "stress", "magmoms"]
BATCHES = [
    ["perturbed layered oxide", "perovskite", "perturbed wurtzite"],
    ["perovskite"],
    ["slab with an adsorbate", "one atom, no angles"],
    ["one atom, no angles"],
]
WANTED = [Wanted(), Wanted(forces=False, stress=False, magmoms=False)]


@pytest.fixture(scope="module")
def compiled():
    model = shallow_network().double()
    for wanted in WANTED:
        assert compile_inference(model, wanted, backend="none")
    return model


def batch_of(structures, pack, names, dtype=torch.float64):
    return collate([pack(structures[name]) for name in names], dtype=dtype)


@pytest.mark.parametrize("wanted", WANTED, ids=["all", "energy"])
@pytest.mark.parametrize("names", BATCHES, ids=["several", "one frame", "sparse", "no angles"])
def test_it_predicts_what_eager_inference_does(compiled, structures, pack, wanted, names):
    batch = batch_of(structures, pack, names)
    ours = forward(compiled, batch, wanted)
    plain = predict_batch(compiled, batch, wanted)
    assert [field.name for field in fields(Prediction)] == EVERYTHING
    for name in EVERYTHING:
        value, expected = getattr(ours, name), getattr(plain, name)
        assert (value is None) == (expected is None)
        if value is not None:
            assert not value.requires_grad
            torch.testing.assert_close(value, expected.detach(), rtol=1e-10, atol=1e-10)


def test_weights_may_change_afterwards(compiled, structures, pack):
    batch = batch_of(structures, pack, BATCHES[0])
    before = forward(compiled, batch, Wanted()).magmoms
    with torch.no_grad():
        compiled.site_wise.weight.mul_(2)
    try:
        after = forward(compiled, batch, Wanted()).magmoms
        plain = predict_batch(compiled, batch).magmoms
    finally:
        with torch.no_grad():
            compiled.site_wise.weight.div_(2)
    assert not torch.allclose(after, before)
    torch.testing.assert_close(after, plain)


def test_predict_takes_it(compiled, structures, pack):
    graphs = [pack(structures[name]) for name in BATCHES[0]]
    ours = predict(compiled, graphs)
    plain = predict(shallow_network().double(), graphs)
    for one, other in zip(ours, plain, strict=True):
        np.testing.assert_allclose(one.forces, other.forces, atol=1e-10)
        assert one.energy == pytest.approx(other.energy, abs=1e-10)


def test_only_much_work_is_worth_it(monkeypatch):
    asked = []
    monkeypatch.setattr(compiled_prediction, "compile_inference", lambda *one: asked.append(one))
    model = load_model("chgnet-0.3.0")
    compile_if_faster(model, Wanted(), 1000)
    assert not asked
    compile_if_faster(model, Wanted(), 10_000_000)
    assert asked == [(model, Wanted())]


def test_less_work_is_worth_it_once_the_compiler_has_it_in_its_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiled_prediction, "capture", lambda *_: (None, None))
    monkeypatch.setattr(compiled_prediction, "compiled_graph", lambda *_: list)
    model = load_model("chgnet-0.3.0")
    n_atoms = int(compiled_prediction.COMPILE_SECONDS / compiled_prediction.SAVED_SECONDS)
    compile_if_faster(model, Wanted(), n_atoms)
    assert model not in compiled_prediction._compiled
    assert compile_inference(model, Wanted())
    compiled_prediction._compiled.pop(model)
    compile_if_faster(model, Wanted(stress=False), n_atoms)
    assert model not in compiled_prediction._compiled
    compile_if_faster(model, Wanted(), n_atoms)
    assert model in compiled_prediction._compiled
    compiled_prediction._compiled.pop(model)


def test_where_compiling_fails_the_log_says_so(monkeypatch, caplog, structures, pack):
    def fail(*_):
        raise RuntimeError("no compiler\nmore of this")

    monkeypatch.setattr(compiled_prediction, "capture", lambda *_: (None, None))
    monkeypatch.setattr(compiled_prediction, "compiled_graph", fail)
    model = load_model("chgnet-0.3.0")
    with caplog.at_level(logging.WARNING):
        assert not compile_inference(model, Wanted())
    assert caplog.messages == ["Inference stays eager: RuntimeError: no compiler"]
    batch = batch_of(structures, pack, BATCHES[0], torch.float32)
    assert torch.isfinite(forward(model, batch, Wanted()).energy).all()
