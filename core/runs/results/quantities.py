"""What a run records while it trains, each quantity against four measures of how far it was."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.runs.record.directory import Run
from core.training.settings.metrics import METRICS

if TYPE_CHECKING:
    import pandas as pd

KINDS: dict[str, str] = {
    "validation": "Validation error",
    "train": "Training error",
    "loss": "Loss",
    "learning_rate": "Learning rate",
    "frames_per_second": "Throughput",
    "memory_mb": "Memory",
    "gradient": "Gradient norm",
}
"""What can be drawn; errors are of a metric, gradient norms of a probe."""

AXES: dict[str, tuple[str, str]] = {
    "epoch": ("Epoch", ""),
    "step": ("Step", ""),
    "frames": ("Frames seen", ""),
    "seconds": ("Training time", "s"),
}
"""What it can be drawn against: title and unit."""

_WORDS = {
    "loss": ("Training loss", ""),
    "learning_rate": ("Learning rate", ""),
    "frames_per_second": ("Throughput", "frames/s"),
    "memory_mb": ("Peak memory", "MB"),
}
_AT_EPOCHS = {"frames_per_second", "memory_mb"}


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
        if self.kind in {"validation", "train"}:
            name = METRICS[self.of].label
            which = "Validation" if self.kind == "validation" else "Training"
            return f"{which} {name[0].lower()}{name[1:]}"
        return f"Gradient norm, {self.of}" if self.kind == "gradient" else _WORDS[self.kind][0]

    @property
    def unit(self) -> str:
        """Its unit; empty for a pure number."""
        if self.kind in {"validation", "train"}:
            return METRICS[self.of].unit
        return _WORDS.get(self.kind, ("", ""))[1]

    def read(self, event: dict[str, Any]) -> float | None:
        """Return its value in an event; None where the event does not tell it.

        Args:
            event: as `core.training.loop.loop.fit` emits it.
        """
        value: float | None = None
        if self.kind == "validation" and event["kind"] in {"start", "epoch"}:
            value = event["validation"].get(self.of)
        elif self.kind == "train" and event["kind"] == "step":
            value = event["train"].get(self.of)
        elif self.kind == "gradient" and event["kind"] == "step":
            value = event.get("gradients", {}).get(self.of)
        elif event["kind"] == ("epoch" if self.kind in _AT_EPOCHS else "step"):
            value = event.get(self.kind)
        return value


def history(run: Run, quantity: Quantity) -> "pd.DataFrame":
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
    # A queued process imports this package too, and stays small without pandas.
    import pandas as pd  # noqa: PLC0415

    rows = [
        (*place, value)
        for place, event in _placed(run.metrics())
        if (value := quantity.read(event)) is not None
    ]
    return pd.DataFrame(rows, columns=[*AXES, "value"], dtype="float64")


def probes_of(runs: Sequence[Run]) -> list[str]:
    """Return the probes whose gradients any of some runs recorded, in their order."""
    found: dict[str, None] = {}
    for run in runs:
        for event in run.metrics("step"):
            found |= dict.fromkeys(event.get("gradients", {}))
    return list(found)


def _placed(
    events: Sequence[dict[str, Any]],
) -> Iterator[tuple[tuple[float, float, float, float], dict[str, Any]]]:
    """Yield each event with its place on the AXES."""
    n_train, seconds, last = float("nan"), 0.0, None
    began = False
    for event in events:
        now = float(event.get("time", 0.0))
        if event["kind"] == "start":
            # A pause is no training: the clock of a resumed run goes on from here.
            last, n_train = now, float(event.get("n_train", n_train))
            if not began:
                yield (0.0, 0.0, 0.0, 0.0), event
            began = True
            continue
        seconds += max(0.0, now - (now if last is None else last))
        last = now
        if event["kind"] in {"step", "epoch"}:
            epoch = float(event["epoch"])
            yield (epoch, float(event["step"]), epoch * n_train, seconds), event
