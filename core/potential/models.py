"""CHGNet models: the released ones, checkpoints, new ones; and the AtomRef inside them."""

import contextlib
import hashlib
import inspect
import io
import json
import os
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import chgnet
import numpy as np
import torch
from chgnet.model import CHGNet
from numpy.typing import ArrayLike, NDArray

from core.elements import N_ELEMENTS
from core.errors import LabError
from core.files import write_whole
from core.potential.devices import kind_of
from core.potential.released import MODELS
from core.potential.weights import ATOMREF
from core.sealed import UNREADABLE, check_seal, is_whole, sealed

_ARCHITECTURE: dict[str, Any] = {
    "atom_fea_dim": 64,
    "bond_fea_dim": 64,
    "angle_fea_dim": 64,
    "num_radial": 31,
    "num_angular": 31,
    "n_conv": 4,
    "atom_conv_hidden_dim": 64,
    "update_bond": True,
    "bond_conv_hidden_dim": 64,
    "update_angle": True,
    "angle_layer_hidden_dim": 0,
    "conv_dropout": 0,
    "conv_norm": None,
    "mlp_hidden_dims": [64, 64, 64],
    "mlp_dropout": 0,
    "mlp_first": True,
    "mlp_out_bias": False,
    "final_mlp": "MLP",
    "is_intensive": True,
    "non_linearity": "silu",
    "atom_graph_cutoff": 6,
    "bond_graph_cutoff": 3,
    "cutoff_coeff": 8,
    "learnable_rbf": True,
    "gMLP_norm": "layer",
    "readout_norm": "layer",
}
"""Constructor arguments of the released 0.3.0 and r2scan weights, the ones the forward knows."""

_KEYWORD_ONLY = {"conv_norm": None, "mlp_out_bias": False, "final_mlp": "MLP"}
"""Defaults that CHGNet's constructor takes from its keyword arguments."""

_LARGEST = 1 << 30
"""Bytes of a checkpoint's contents; one of CHGNet has two million."""
_LARGEST_PICKLE = 16 << 20
_COMPOSITION_MODELS = frozenset({"MPtrj", "MPtrj_e", "MPF", "MP-r2SCAN"})
"""AtomRef that chgnet starts from, which the checkpoint's own replace."""

UNKNOWN = "unknown"
"""The functional of a checkpoint or a data set that does not name one."""


def load_model(name_or_path: str | os.PathLike[str], device: torch.device | str = "cpu") -> CHGNet:
    """Load a released model or a checkpoint.

    Args:
        name_or_path: a name in ``MODELS`` or the path of a CHGNet checkpoint.
        device: where the model goes.

    Returns:
        The stock module in evaluation mode, its AtomRef frozen.

    Raises:
        LabError: if the file does not exist, is no CHGNet checkpoint, needs code to unpickle, or
            has another architecture than the released 0.3.0 and r2scan weights.
    """
    info = MODELS.get(os.fspath(name_or_path))
    path = Path(chgnet.__file__).parent / info.file if info else Path(name_or_path)
    state = (_read_released(path) if info else _read(path)).get("model")
    if not (
        isinstance(state, Mapping)
        and isinstance(state.get("model_args"), Mapping)
        and isinstance(state.get("state_dict"), Mapping)
    ):
        raise LabError(
            f"{path} is not a CHGNet checkpoint; give a file that chgnet or a run wrote."
        )
    _check_architecture(path, state["model_args"])
    _check_parameters(path, state["state_dict"])
    try:
        model = _build(state["model_args"])
        model.load_state_dict(state["state_dict"])
    except (RuntimeError, TypeError, ValueError, LookupError, AttributeError) as error:
        raise LabError(
            f"{path} does not hold the parameters of a CHGNet; give an undamaged checkpoint."
        ) from error
    return model.eval().to(device)


def new_model(seed: int) -> CHGNet:
    """Make a model of the released architecture with random weights.

    Args:
        seed: seed of the weights; torch's own random state is left as it was.

    Returns:
        The stock module on the CPU. Its AtomRef is chgnet's MPtrj fit until it is set.
    """
    return _build({**_ARCHITECTURE, "composition_model": "MPtrj"}, seed=seed).eval()


def source_functional(source_model: str) -> str:
    """Return the functional whose energies a released model or the checkpoint of a path predicts.

    Returns:
        The functional, or "unknown" for a checkpoint that does not name one.

    Raises:
        LabError: if there is no such checkpoint.
    """
    if source_model in MODELS:
        return MODELS[source_model].functional
    return str(read_extra(Path(source_model)).get("functional", UNKNOWN))


def get_atomref(model: CHGNet) -> NDArray[np.float64]:
    """Return the model's AtomRef in eV/atom, (94,)."""
    weight = model.get_parameter(ATOMREF)
    return weight.detach().cpu().double().numpy().reshape(N_ELEMENTS).copy()


def atomref_of(name_or_path: str | os.PathLike[str]) -> NDArray[np.float64]:
    """Return the AtomRef of a released model or a checkpoint in eV/atom, (94,).

    Raises:
        LabError: as of `load_model`.
    """
    name = os.fspath(name_or_path)
    return _released_atomref(name).copy() if name in MODELS else get_atomref(load_model(name))


@cache
def _released_atomref(name: str) -> NDArray[np.float64]:
    return get_atomref(load_model(name))


def set_atomref(model: CHGNet, energies: ArrayLike, *, trainable: bool = False) -> None:
    """Replace the model's AtomRef.

    Args:
        model: the model to change.
        energies: energy of each element in eV/atom, (94,).
        trainable: whether training may move it.
    """
    weight = model.get_parameter(ATOMREF)
    with torch.no_grad():
        weight.copy_(torch.from_numpy(np.array(energies, dtype=np.float64)).view_as(weight))
    weight.requires_grad_(trainable)


def save_model(path: Path, model: CHGNet, extra: Mapping[str, Any]) -> None:
    """Write a checkpoint that ``CHGNet.from_file`` and ``load_model`` read; whole or not at all.

    Args:
        path: the file to write.
        model: the model.
        extra: further content that JSON can represent; see ``read_extra``.

    Raises:
        OSError: if the directory is missing or cannot be written, or the disk is full.
    """
    content = {
        "model": {
            "state_dict": {key: value.cpu() for key, value in model.state_dict().items()},
            "model_args": json.loads(json.dumps(model.model_args)),
        },
        "extra": json.loads(json.dumps(dict(extra))),
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_whole(path, sealed(buffer.getvalue()))


def read_extra(path: Path) -> dict[str, Any]:
    """Return what ``save_model`` was given as ``extra``; empty for a checkpoint of chgnet's own."""
    extra = _read(path).get("extra", {})
    return dict(extra) if isinstance(extra, Mapping) else {}


def model_fingerprint(model: CHGNet) -> str:
    """Return a SHA-256 over the names and values of all parameters, AtomRef included."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        array = np.ascontiguousarray(value.detach().cpu().numpy())
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def resolve_device(name: str) -> torch.device:
    """Turn "auto", "cpu", "cuda" (or "cuda:1") or "mps" into a device of this machine.

    Raises:
        LabError: if the device is unknown or not available.
    """
    if name == "auto":
        return torch.device(kind_of(name))
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise LabError(f'There is no device "{name}"; take auto, cpu, cuda or mps.') from error
    kind_of(name)
    return device


_OF_MATGL = "state.pt"
"""File of a model's parameters in the folder that matgl writes."""


def _read(path: Path) -> dict[str, Any]:
    """Read a checkpoint's dictionary without running anything in it."""
    if (path / _OF_MATGL).is_file():
        raise LabError(_is_of_matgl(path))
    if not path.is_file():
        raise LabError(
            f"There is no model {path}; give {', '.join(MODELS)} or the path of a checkpoint."
        )
    refusal = (
        f"{path} is not a checkpoint of plain tensors and values, so it is not opened; give a file "
        "that chgnet or a run wrote."
    )
    check_seal(path, "take another copy of it, or train again")
    _check_archive(path, refusal)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception as error:  # anything, on foreign objects or damaged content
        raise LabError(refusal) from error
    if isinstance(content, dict) and any("atom_graph_layers." in str(name) for name in content):
        raise LabError(_is_of_matgl(path))
    return content if isinstance(content, dict) else {}


def _is_of_matgl(path: Path) -> str:
    return (
        f"{path} is a CHGNet of matgl, whose layers have other names and sizes than those of the "
        "released 0.3.0 and r2scan weights; give a checkpoint that chgnet or a run wrote."
    )


@cache
def _read_released(path: Path) -> dict[str, Any]:
    """Read the checkpoint of a released model once per process; its contents are only copied."""
    return _read(path)


def _check_archive(path: Path, refusal: str) -> None:
    """Raise unless a file is an archive as torch writes it, whose checksums are right."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            size = sum(entry.file_size for entry in entries)
            if (
                size > min(_LARGEST, path.stat().st_size)
                or any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
                or any(
                    entry.filename.endswith(".pkl") and entry.file_size > _LARGEST_PICKLE
                    for entry in entries
                )
            ):
                raise LabError(refusal)
    except UNREADABLE as error:
        raise LabError(refusal) from error
    if not is_whole(path):
        raise LabError(f"{path} is damaged; take another copy of it.")


def _check_architecture(path: Path, arguments: Mapping[str, Any]) -> None:
    """Raise unless the arguments describe the architecture of the released weights."""
    parameters = inspect.signature(CHGNet.__init__).parameters
    defaults = {name: parameter.default for name, parameter in parameters.items()}
    effective = defaults | _KEYWORD_ONLY | dict(arguments)
    for name, expected in _ARCHITECTURE.items():
        value = effective[name]
        if (list(value) if isinstance(value, tuple) else value) != expected:
            raise LabError(
                f"{path} is a CHGNet with {name}={value!r}, and only the architecture of the "
                f"released 0.3.0 and r2scan weights ({name}={expected!r}) is supported; give a "
                "model tuned from one of these."
            )
    if not isinstance(effective["composition_model"], str):
        raise LabError(f"{path} is a CHGNet without AtomRef; give a model that has one.")
    if "self" in arguments or effective["composition_model"] not in _COMPOSITION_MODELS:
        raise LabError(f"{path} is not a CHGNet that chgnet or a run wrote; give such a file.")


def _check_parameters(path: Path, parameters: Mapping[Any, Any]) -> None:
    """Raise unless all parameters have names, and are plain tensors of finite numbers."""
    for name, value in parameters.items():
        if not (
            isinstance(name, str)
            and isinstance(value, torch.Tensor)
            and value.layout == torch.strided
            and value.numel() * value.element_size() <= max(1, value.untyped_storage().nbytes())
            and value.is_floating_point()
        ):
            raise LabError(
                f"{path} holds something else than the parameters of a CHGNet; give a file that "
                "chgnet or a run wrote."
            )
        if not torch.isfinite(value).all():
            raise LabError(
                f"{path}: its parameter {name} is not finite; give a checkpoint of a training that "
                "did not diverge."
            )


def _build(arguments: Mapping[str, Any], *, seed: int = 0) -> CHGNet:
    """Construct a CHGNet silently and without moving torch's random state."""
    with torch.random.fork_rng(devices=[]), contextlib.redirect_stdout(io.StringIO()):
        # the CPU generator alone: torch.manual_seed would reseed accelerators for good
        torch.default_generator.manual_seed(seed)
        return CHGNet(**arguments)
