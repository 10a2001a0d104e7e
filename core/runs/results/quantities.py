"""What a run records while it trains, each quantity against four measures of its progress."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from core.runs.record.directory import Run
from core.training.settings.metrics import METRICS


class Kind(NamedTuple):
    """A kind of quantity.

    Attributes:
        label: its name.
        events: events of the training loop that carry it.
        field: the events' field; empty for one named as the kind.
        unit: its unit; empty for pure numbers and for errors, which have the metric's.
    """

    label: str
    events: tuple[str, ...]
    field: str = ""
    unit: str = ""


KINDS: dict[str, Kind] = {
    "validation": Kind("Validation error", ("start", "epoch")),
    "train": Kind("Training error", ("step",)),
    "loss": Kind("Training loss", ("step",)),
    "learning_rate": Kind("Learning rate", ("step",)),
    "frames_per_second": Kind("Throughput", ("epoch",), unit="frames/s"),
    "memory_mb": Kind("Peak memory", ("epoch",), unit="MB"),
    "gradient": Kind("Gradient norm", ("step",), field="gradients"),
}
"""Quantities that can be drawn; errors are of a metric, gradient norms of a probe."""

ERRORS = ("validation", "train")

AXES: dict[str, tuple[str, str]] = {
    "epoch": ("Epoch", ""),
    "step": ("Step", ""),
    "frames": ("Frames seen", ""),
    "seconds": ("Training time", "s"),
}
"""What it can be drawn against: title and unit."""


@dataclass(kw_only=True, frozen=True, slots=True)
class Quantity:
    """One quantity.

    Attributes:
        kind: key of KINDS.
        of: for errors a key of METRICS, for gradient norms a probe, else empty.
    """

    kind: str
    of: str = ""

    @property
    def label(self) -> str:
        """Its name, e.g. "Validation energy MAE"."""
        label = KINDS[self.kind].label
        if self.kind in ERRORS:
            metric = METRICS[self.of].label
            return f"{label.removesuffix('error')}{metric[0].lower()}{metric[1:]}"
        return f"{label}, {self.of}" if self.of else label

    @property
    def unit(self) -> str:
        """Its unit; empty for a pure number."""
        return METRICS[self.of].unit if self.kind in ERRORS else KINDS[self.kind].unit

    def read(self, event: dict[str, Any]) -> float | None:
        """Return its value in an event; None where the event does not carry it.

        Args:
            event: as `core.training.loop.loop.fit` emits it.
        """
        kind = KINDS[self.kind]
        if event["kind"] not in kind.events:
            return None
        value = event.get(kind.field or self.kind)
        if self.of:
            value = (value or {}).get(self.of)
        return value


def history(run: Run, quantity: Quantity) -> pd.DataFrame:
    """Return a quantity over a run.

    Training errors, losses and gradient norms are means over the tenth of an epoch that ends there;
    memory is the highest so far. Runs of an older version lack what it did not record.

    Args:
        run: the run.
        quantity: the quantity.

    Returns:
        Columns `epoch`, `step`, `frames` (epochs times training frames), `seconds` (since training
        began, with compiling and validation, without pauses) and `value`, all float64.
    """
    rows = [
        (*place, value)
        for place, event in _placed(run.metrics())
        if (value := quantity.read(event)) is not None
    ]
    return pd.DataFrame(rows, columns=[*AXES, "value"], dtype="float64")


def probes_of(runs: Sequence[Run]) -> list[str]:
    """Return the probes for which any of the runs recorded gradients, in their order."""
    probes: dict[str, None] = {}
    for run in runs:
        for event in run.metrics("step"):
            probes |= dict.fromkeys(event.get("gradients", {}))
    return list(probes)


def _placed(
    events: Sequence[dict[str, Any]],
) -> Iterator[tuple[tuple[float, float, float, float], dict[str, Any]]]:
    """Yield each event with its place on the AXES."""
    n_train, seconds, last = float("nan"), 0.0, None
    started = False
    for event in events:
        now = float(event.get("time", 0.0))
        if event["kind"] == "start":
            # A pause is no training: the clock of a resumed run goes on from here.
            last, n_train = now, float(event.get("n_train", n_train))
            if not started:
                yield (0.0, 0.0, 0.0, 0.0), event
            started = True
            continue
        seconds += max(0.0, now - (now if last is None else last))
        last = now
        if event["kind"] in {"step", "epoch"}:
            epoch = float(event["epoch"])
            yield (epoch, float(event["step"]), epoch * n_train, seconds), event
