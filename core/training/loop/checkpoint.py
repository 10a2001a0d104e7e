"""The position of a run, and the checkpoint from which it is resumed."""

import io
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import torch
from chgnet.model import CHGNet

from core.errors import LabError
from core.files import whole_file
from core.potential.models import load_model
from core.sealed import sealed
from core.training.settings.config import RunConfig
from core.training.settings.metrics import Metrics, MetricSums
from core.training.step.offsets import (
    has_offsets,
    of_functional,
    set_shared_state,
    shared_state,
)

LAST = "last.pt"
BEST = "best.pth.tar"
"""The best model; of several functionals, that of the first."""


def kept_name(epoch: int) -> str:
    """Return the name of the model kept from an epoch."""
    return f"epoch-{epoch}.pth.tar"


_FREE = {"name", "device", "processes", "threads", "keep_every"}
"""Settings that may differ between the start of a run and its resumption."""


@dataclass(kw_only=True, slots=True)
class Position:
    """Where a run stands.

    Attributes:
        epoch: epochs completed, validation included.
        step: training steps done in the epoch after those.
        epochs: total number of epochs fixed by a time limit; None for that of the settings.
        best_epoch: epoch with the lowest validation energy MAE so far, from 1.
        best_validation: its metrics.
        seconds: time spent on completed epochs.
        epoch_seconds: time spent on the steps of this epoch.
        epoch_sums: training errors of this epoch.
        tenth_sums: training errors since the last report.
        tenth_loss: summed loss of the steps since the last report.
        tenth_steps: their number.
        tenth_gradients: summed gradient norms of those steps by probe.
        other_sums: training errors of this epoch on labels of the source functional, by origin.
    """

    epoch: int = 0
    step: int = 0
    epochs: int | None = None
    best_epoch: int | None = None
    best_validation: Metrics | None = None
    seconds: float = 0.0
    epoch_seconds: float = 0.0
    epoch_sums: MetricSums = field(default_factory=MetricSums)
    tenth_sums: MetricSums = field(default_factory=MetricSums)
    tenth_loss: float = 0.0
    tenth_steps: int = 0
    tenth_gradients: dict[str, float] = field(default_factory=dict)
    other_sums: dict[str, MetricSums] = field(default_factory=dict)

    def train_errors(self, of_origin: str) -> Metrics:
        """Return the training errors of this epoch on labels of one other origin."""
        return self.other_sums.get(of_origin, MetricSums()).result()

    def clear_tenth(self) -> None:
        """Begin a new tenth of an epoch."""
        self.tenth_sums, self.tenth_loss, self.tenth_steps = MetricSums(), 0.0, 0
        self.tenth_gradients = {}

    def clear_epoch(self) -> None:
        """Begin a new epoch."""
        self.clear_tenth()
        self.epoch_sums, self.step, self.epoch_seconds = MetricSums(), 0, 0.0
        self.other_sums = {}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild a position from `dataclasses.asdict`."""
        sums = {key: MetricSums(**data[key]) for key in ("epoch_sums", "tenth_sums")}
        # an older checkpoint has none
        others = {key: MetricSums(**each) for key, each in data.get("other_sums", {}).items()}
        return cls(**(data | sums | {"other_sums": others}))


@dataclass(kw_only=True, frozen=True, slots=True)
class Saved:
    """The content of a checkpoint.

    Attributes:
        model: the model; `load` returns it on the CPU.
        optimizer: the optimiser's state dict.
        position: where the run stood.
        baseline: AtomRef that energies are taken relative to, (94,) float64 eV/atom.
        start: the run's "start" event.
        average: weights of the running average; None without one.
        n_updates: steps averaged over.
        anchor: weights that L2-SP pulls toward; None without it.
        replay: AtomRef of replayed frames, (94,) float64 eV/atom, and the fingerprint of their data
            set; None without replay.
        levels: the same of each further functional.
    """

    model: CHGNet
    optimizer: dict[str, Any]
    position: Position
    baseline: torch.Tensor
    start: dict[str, Any]
    average: dict[str, torch.Tensor] | None = None
    n_updates: int = 0
    anchor: dict[str, torch.Tensor] | None = None
    replay: dict[str, Any] | None = None
    levels: list[dict[str, Any]] = field(default_factory=list)


def save(path: Path, state: Saved, *, config: RunConfig, fingerprint: str) -> None:
    """Write everything needed to resume a run bit for bit; the file is complete or missing.

    The learning rate follows from the position and the order of frames from the seed, so neither
    is stored; torch's random state is. The model is stored where `CHGNet.from_file` finds it; of
    several functionals, that of the first is.

    Args:
        path: the file; an older one is replaced.
        state: the parts of the run.
        config: the run's settings.
        fingerprint: the data set's.
    """
    model = state.model
    if has_offsets(model):
        model = of_functional(model, 0, state.baseline.numpy())
    content = {
        "model": {
            "state_dict": model.state_dict(),
            "model_args": json.loads(json.dumps(model.model_args)),
        },
        "optimizer": state.optimizer,
        "position": asdict(state.position),
        "baseline": state.baseline,
        "start": state.start,
        "average": state.average,
        "n_updates": state.n_updates,
        "anchor": state.anchor,
        "replay": state.replay,
        "levels": state.levels,
        "shared": shared_state(state.model),
        "config": config.model_dump(exclude=_FREE),
        "fingerprint": fingerprint,
        "random": torch.get_rng_state(),
    }
    torch.save(content, buffer := io.BytesIO())
    with whole_file(path) as file:
        file.write(sealed(buffer.getvalue()))


def load(path: Path, *, config: RunConfig, fingerprint: str) -> Saved:
    """Read what `save` wrote and restore torch's random state.

    Args:
        path: the file.
        config: settings of the run to resume.
        fingerprint: the data set's, now.

    Returns:
        The parts of the run.

    Raises:
        LabError: if the file is damaged, or belongs to other settings or other data.
    """
    model = load_model(path)
    content = torch.load(path, map_location="cpu", weights_only=True)
    if not {"optimizer", "position", "config", "fingerprint"} <= content.keys():
        raise LabError(f"{path}: is not a checkpoint of a run to resume; start a new run.")
    # An older checkpoint lacks the settings that came after it; they have their defaults.
    if RunConfig.parse(content["config"]).model_dump(exclude=_FREE) != config.model_dump(
        exclude=_FREE
    ):
        raise LabError(f"{path}: belongs to a run with other settings; start a new run instead.")
    if content["fingerprint"] != fingerprint:
        raise LabError(
            f"{path}: data set {config.dataset} has changed since this run began; start a new run."
        )
    torch.set_rng_state(content["random"])
    if content.get("shared") is not None:
        set_shared_state(model, content["shared"])
    return Saved(
        model=model,
        optimizer=content["optimizer"],
        position=Position.from_dict(content["position"]),
        baseline=content["baseline"],
        start=content["start"],
        # an older checkpoint has none of these
        average=content.get("average"),
        n_updates=content.get("n_updates", 0),
        anchor=content.get("anchor"),
        replay=content.get("replay"),
        levels=content.get("levels", []),
    )
