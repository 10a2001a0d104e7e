"""Inference that is compiled where there is much to predict."""

import hashlib
import logging
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from chgnet.model import CHGNet
from torch import Tensor

from core.potential.batch import PackedBatch, collate
from core.potential.compiled import Backend, Compiled, compiled_graph, reason
from core.potential.compiled_capture import Targets, capture
from core.potential.forward import Prediction, Wanted, predict_batch
from core.potential.graph import convert
from core.potential.kernels.library import computes

COMPILE_SECONDS = 36.0
"""A cold compilation on the reference machine, one thread."""

CACHED_SECONDS = 8.0
"""One that the compiler's cache has."""

SAVED_SECONDS = 6e-5
"""What compiled inference saves there for each atom."""

_LARGEST_WHOLE = 40_000
"""Directed bonds plus angles of the largest batch whose messages are all held at once, about 1 GB
where torch computes alone; ten times as many on an accelerator."""

_LARGEST_WHOLE_OF_LIBRARY = 120_000
"""Of them where the library computes, about 0.9 GB; in pieces they take twice the time."""

PIECE = 16_384
"""Bonds or angles whose messages are held at once in a larger batch."""

_MARGIN = 2.0
"""How often compiling must pay for itself."""

_log = logging.getLogger(__name__)


_compiled: WeakKeyDictionary[CHGNet, dict[Wanted, Compiled]] = WeakKeyDictionary()


def forward(model: CHGNet, batch: PackedBatch, wanted: Wanted) -> Prediction:
    """Predict a batch, detached: compiled after ``compile_inference``, else eagerly.

    A batch that the compiled form does not hold for (fewer than two angles, say) is predicted
    eagerly, with the same result; one that is too large, in pieces. Arguments as of
    ``predict_batch``.
    """
    if len(batch.bond_centers) + len(batch.angles) > _largest_whole(batch):
        with torch.no_grad():
            return predict_batch(model, batch, wanted, piece=PIECE)
    compiled = _compiled.get(model, {}).get(wanted)
    if compiled is None or not compiled.signature.holds_for(model, batch, {}):
        with torch.no_grad():
            return predict_batch(model, batch, wanted)
    results = compiled.run(*compiled.signature.arguments(model, batch, {}))
    missing: dict[str, Any] = dict.fromkeys(field.name for field in fields(Prediction))
    return Prediction(**(missing | dict(zip(compiled.outputs, results, strict=True))))


def _largest_whole(batch: PackedBatch) -> int:
    if computes(batch.bond_lengths):
        return _LARGEST_WHOLE_OF_LIBRARY
    return _LARGEST_WHOLE * (1 if batch.species.device.type == "cpu" else 10)


def compile_if_faster(model: CHGNet, wanted: Wanted, n_atoms: int) -> None:
    """Compile inference if the atoms that are to be predicted pay for it twice.

    It costs a quarter where the compiler's cache has it, that is, from the second time on.

    Args:
        model: as in ``compile_inference``.
        wanted: what will be wanted.
        n_atoms: atoms of all frames that will be predicted.
    """
    saved = n_atoms * SAVED_SECONDS / _MARGIN
    # The compiler is asked for its cache only where that decides, since its import takes a second.
    if saved > COMPILE_SECONDS or (saved > CACHED_SECONDS and _mark(model, wanted).exists()):
        compile_inference(model, wanted)


def compile_inference(model: CHGNet, wanted: Wanted, *, backend: Backend = "inductor") -> bool:
    """Compile the model's inference for ``forward``; its weights may change afterwards.

    Where compiling fails, a line in the log says why, and inference stays eager.

    Args:
        model: the model, on its device and in its type.
        wanted: what will be wanted.
        backend: as in ``core.potential.compiled.TrainingStep.compile``.

    Returns:
        Whether it is compiled.
    """
    names: list[str] = []

    def inference(model: CHGNet, batch: PackedBatch, _: Targets) -> list[Tensor]:
        with torch.no_grad():
            prediction = predict_batch(model, batch, wanted)
        values = {field.name: getattr(prediction, field.name) for field in fields(prediction)}
        names[:] = [name for name, value in values.items() if value is not None]
        return [values[name] for name in names]

    parameter = model.site_wise.weight
    try:
        batch = _example(parameter.dtype, parameter.device)
        graph, signature = capture(model, inference, batch, {})
        run = compiled_graph(graph, signature, backend)
        if backend == "inductor":
            with suppress(OSError):
                _mark(model, wanted).touch()
    except Exception as error:  # noqa: BLE001 - a compiler may raise anything; eager is right
        _log.warning("Inference stays eager: %s", reason(error))
        return False
    compiled = Compiled(run=run, signature=signature, outputs=tuple(names))
    _compiled.setdefault(model, {})[wanted] = compiled
    return True


def _mark(model: CHGNet, wanted: Wanted) -> Path:
    """Return the file in the compiler's cache that says that such inference is in it."""
    from torch._inductor.runtime.cache_dir_utils import cache_dir  # noqa: PLC0415

    parameter = model.site_wise.weight
    by_library = computes(parameter)
    kind = f"{torch.__version__} {parameter.dtype} {parameter.device.type} {by_library} {wanted}"
    digest = hashlib.sha256(kind.encode()).hexdigest()
    return Path(cache_dir()) / f"atomref-lab-inference-{digest[:16]}"


def _example(dtype: torch.dtype, device: torch.device) -> PackedBatch:
    """Return a batch of ordinary sizes: rock salt cells of 8 and 64 atoms, and a caesium halide."""
    corners = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    salt = np.concatenate([corners, corners + np.array([0.5, 0, 0])])
    shifts = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1]), axis=-1).reshape(-1, 3)
    wide = ((salt[None] + shifts[:, None]) / 2).reshape(-1, 3)
    numbers = np.repeat([12, 8], 4)
    return collate(
        [
            convert(numbers, salt, 4.2 * np.eye(3)),
            convert(np.tile(numbers, 8), wide, 8.4 * np.eye(3)),
            convert(np.array([55, 17]), np.outer([0, 0.5], np.ones(3)), 4.1 * np.eye(3)),
        ],
        dtype=dtype,
        device=device,
    )
