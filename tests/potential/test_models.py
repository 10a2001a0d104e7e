import json
import pickle

import numpy as np
import pytest
import torch
from chgnet.model import CHGNet

from core.errors import LabError
from core.potential import models
from core.potential.batch import collate
from core.potential.forward import predict_batch
from core.potential.released import ModelInfo

MPTRJ_HYDROGEN = -3.4431


@pytest.mark.parametrize(
    ("name", "version"), [("chgnet-0.3.0", "0.3.0"), ("chgnet-r2scan", "r2scan")]
)
def test_released_models_are_stock(name, version):
    ours = models.load_model(name).state_dict()
    stock = CHGNet.load(model_name=version, use_device="cpu", verbose=False).state_dict()
    assert ours.keys() == stock.keys()
    assert all(torch.equal(ours[key], stock[key]) for key in ours)
    assert models.MODELS[name].chgnet == "0.4.2"


@pytest.mark.filterwarnings("ignore:Converting a tensor")
def test_checkpoint_goes_both_ways(tmp_path, structures, pack):
    model = models.new_model(5)
    energies = np.linspace(-20, 4, 94).astype(np.float32)
    models.set_atomref(model, energies)
    path = tmp_path / "model.pth.tar"
    models.save_model(path, model, {"method": "residual", "rows": [1, 2]})
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.pth.tar"]
    assert models.read_extra(path) == {"method": "residual", "rows": [1, 2]}

    stock = CHGNet.from_file(str(path))
    assert stock.composition_model.fitted
    ours = models.load_model(path)
    for again in (stock, ours):
        np.testing.assert_array_equal(models.get_atomref(again), energies)
        assert models.model_fingerprint(again) == models.model_fingerprint(model)
    plain = torch.load(path, weights_only=True)
    json.dumps(plain["model"]["model_args"])

    structure = structures["perturbed layered oxide"]
    batch = collate([pack(structure)])
    expected = stock.predict_structure(structure)
    result = predict_batch(ours, batch)
    np.testing.assert_allclose(result.energy.item(), expected["e"], rtol=1e-5)
    np.testing.assert_allclose(result.forces, expected["f"], atol=1e-4)


def test_a_stock_checkpoint_loads(tmp_path):
    path = tmp_path / "stock.pth.tar"
    stock = CHGNet.load(use_device="cpu", verbose=False)
    torch.save({"model": stock.as_dict()}, path)
    assert models.model_fingerprint(models.load_model(path)) == models.model_fingerprint(stock)
    assert models.read_extra(path) == {}


def test_a_failed_save_leaves_the_old_file(tmp_path, released):
    path = tmp_path / "model.pth.tar"
    path.write_text("old")
    with pytest.raises(TypeError):
        models.save_model(path, released, {"not json": object()})
    assert [entry.read_text() for entry in tmp_path.iterdir()] == ["old"]


def test_atomref():
    model = models.load_model("chgnet-0.3.0")
    weight = model.composition_model.fc.weight
    assert models.get_atomref(model).shape == (94,)
    assert models.get_atomref(model)[0] == pytest.approx(MPTRJ_HYDROGEN, abs=1e-6)
    assert not weight.requires_grad
    models.set_atomref(model, np.arange(94), trainable=True)
    assert weight.requires_grad
    np.testing.assert_array_equal(models.get_atomref(model), np.arange(94))
    models.get_atomref(model)[:] = 0
    assert models.get_atomref(model)[3] == 3


def test_new_model_is_seeded_silent_and_leaves_random_numbers_alone(capsys):
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    one, same, other = models.new_model(1), models.new_model(1), models.new_model(2)
    assert torch.equal(torch.rand(3), expected)
    assert models.model_fingerprint(one) == models.model_fingerprint(same)
    assert models.model_fingerprint(one) != models.model_fingerprint(other)
    assert capsys.readouterr().out == ""
    released = models.load_model("chgnet-0.3.0")
    assert one.state_dict().keys() == released.state_dict().keys()


def test_fingerprint_sees_atomref(released):
    changed = models.load_model("chgnet-0.3.0")
    assert models.model_fingerprint(changed) == models.model_fingerprint(released)
    models.set_atomref(changed, np.zeros(94))
    assert models.model_fingerprint(changed) != models.model_fingerprint(released)


class _Harmful:
    def __reduce__(self):
        return (print, ("this ran",))


def test_files_that_are_no_checkpoint(tmp_path, capsys):
    missing = tmp_path / "missing.pth.tar"
    with pytest.raises(
        LabError, match=r"no model .*missing\.pth\.tar; give chgnet-0.3.0, chgnet-r2scan"
    ):
        models.load_model(missing)
    contents = {
        "text": b"energies,forces\n",
        "empty": b"",
        "binary": bytes(range(256)),
        "pickle": pickle.dumps({"model": _Harmful()}),
    }
    for name, content in contents.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(LabError, match=f"{name} is not a checkpoint"):
            models.load_model(path)
    for name, content in {
        "harmful": {"model": _Harmful()},
        "list": [1, 2],
        "other": {"weights": torch.ones(2)},
        "half": {"model": {"state_dict": {}}},
    }.items():
        torch.save(content, tmp_path / name)
        with pytest.raises(LabError, match=f"{name} is not a"):
            models.load_model(tmp_path / name)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mlp_first": False}, "mlp_first=False"),
        ({"atom_graph_cutoff": 5}, "atom_graph_cutoff=5"),
        ({"mlp_out_bias": True}, "mlp_out_bias=True"),
        ({"composition_model": None}, "without AtomRef"),
    ],
)
def test_other_architectures_are_refused(tmp_path, changes, message, released):
    path = tmp_path / "other.pth.tar"
    arguments = {**released.model_args, **changes}
    torch.save({"model": {"model_args": arguments, "state_dict": released.state_dict()}}, path)
    with pytest.raises(LabError, match=message):
        models.load_model(path)


def test_the_deprecated_release_is_refused(monkeypatch):
    old = ModelInfo(
        name="old",
        functional="",
        corrections="",
        file="pretrained/0.2.0/chgnet_0.2.0_e30f77s348m32.pth.tar",
    )
    monkeypatch.setitem(models.MODELS, "old", old)
    with pytest.raises(LabError, match=r"chgnet_0\.2\.0.*num_radial=9"):
        models.load_model("old")


def test_a_damaged_state_is_refused(tmp_path, released):
    path = tmp_path / "damaged.pth.tar"
    state = dict(released.state_dict())
    del state["site_wise.bias"]
    torch.save({"model": {"model_args": released.model_args, "state_dict": state}}, path)
    with pytest.raises(LabError, match="does not hold the parameters"):
        models.load_model(path)
    state["site_wise.bias"] = torch.zeros(1, dtype=torch.int8)
    torch.save({"model": {"model_args": released.model_args, "state_dict": state}}, path)
    with pytest.raises(LabError, match="holds something else than the parameters"):
        models.load_model(path)


def test_devices():
    assert models.resolve_device("cpu").type == "cpu"
    assert models.resolve_device("auto").type in {"cpu", "cuda", "mps"}
    with pytest.raises(LabError, match='no device "abacus"'):
        models.resolve_device("abacus")
    with pytest.raises(LabError, match="not available here"):
        models.resolve_device("xpu")


def test_a_model_of_matgl_is_named(tmp_path):
    """matgl 4.1 writes a folder with the parameters alone in state.pt."""
    state = {"atom_graph_layers.0.conv_layer.node_update_func.layers.0.weight": torch.zeros(2, 2)}
    torch.save(state, tmp_path / "state.pt")
    for path in (tmp_path, tmp_path / "state.pt"):
        with pytest.raises(LabError, match="is a CHGNet of matgl"):
            models.load_model(path)
