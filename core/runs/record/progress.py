"""From what the training loop tells to what a reader wants to know: status, time left, one line."""

from collections.abc import Mapping
from typing import Any

from core.runs.record.status import Errors
from core.training.settings.metrics import METRICS

Event = Mapping[str, Any]
ENERGY = "energy_mae_mev_per_atom"


class Progress:
    """Follows the events of one process of a run.

    Args:
        epochs: epochs asked for.
        validation: best validation errors so far, from an earlier process of the run.
    """

    def __init__(self, *, epochs: int, validation: Errors | None = None) -> None:
        self._epochs = epochs
        self._origin = (0.0, 0)
        self._best = validation

    def changes(self, event: Event) -> dict[str, Any]:
        """Return the fields of `core.runs.record.status.Status` that an event changes.

        Args:
            event: as `core.training.loop.loop.fit` emits it.
        """
        told: dict[str, Any] = getattr(self, f"_changed_by_{event['kind']}")(event)
        return told

    def line(self, event: Event) -> str:
        """Return one line of text for the log.

        Args:
            event: as in `changes`.
        """
        text: str = getattr(self, f"_line_of_{event['kind']}")(event)
        return text

    def _changed_by_prepare(self, event: Event) -> dict[str, Any]:
        return {"message": f"Preparing {_share_text(event)}."}

    def _changed_by_compile(self, event: Event) -> dict[str, Any]:
        # compiling takes a minute: the time left is reckoned from its end
        self._origin = (event["time"], self._origin[1])
        return {"message": "Training."}

    def _changed_by_start(self, event: Event) -> dict[str, Any]:
        self._origin = (event["time"], event["step"])
        return {
            "device": event["device"],
            "frames": event["n_train"],
            "step": event["step"],
            "steps": event["steps"],
            "message": "Training.",
        }

    def _changed_by_plan(self, event: Event) -> dict[str, Any]:
        self._epochs = event["epochs"]
        return {"epochs": event["epochs"], "steps": event["steps"]}

    def _changed_by_memory(self, event: Event) -> dict[str, Any]:  # noqa: ARG002
        return {"message": "Training, in smaller pieces for lack of memory."}

    def _changed_by_step(self, event: Event) -> dict[str, Any]:
        return {
            "epoch": event["epoch"],
            "step": event["step"],
            "steps": event["steps"],
            "eta_s": self._time_left(event),
            "revivals": 0,
        }

    def _changed_by_epoch(self, event: Event) -> dict[str, Any]:
        changes = {"epoch": float(event["epoch"])}
        return changes | self._best_so_far(event["epoch"], event["validation"])

    def _changed_by_end(self, event: Event) -> dict[str, Any]:
        keys = ("best_epoch", "validation", "test", "seconds")
        return {key: event[key] for key in keys} | {"eta_s": 0.0}

    def _line_of_prepare(self, event: Event) -> str:
        return f"preparing {_share_text(event)}"

    def _line_of_compile(self, event: Event) -> str:
        reason = event["eager_because"]
        return "steps are compiled" if reason is None else f"steps stay eager: {reason}"

    def _line_of_start(self, event: Event) -> str:
        parts = (("training", "n_train"), ("validation", "n_validation"), ("test", "n_test"))
        counts = ", ".join(f"{event[key]} {name}" for name, key in parts)
        return f"{counts} frames on {event['device']}; untrained: " + errors_text(
            event["validation"]
        )

    def _line_of_plan(self, event: Event) -> str:
        return f"{event['epochs']} epochs fit into the time"

    def _line_of_memory(self, event: Event) -> str:
        return f"out of memory: pieces of {event['piece_cost']:,} bonds and angles from now on"

    def _line_of_step(self, event: Event) -> str:
        left = self._time_left(event)
        return (
            f"epoch {event['epoch']:.1f}/{self._epochs}  step {event['step']}/{event['steps']}"
            f"  loss {event['loss']:.4g}  training: {errors_text(event['train'])}"
            + ("" if left is None else f"  {duration_text(left)} left")
        )

    def _line_of_epoch(self, event: Event) -> str:
        errors = errors_text(event["validation"])
        return f"epoch {event['epoch']}/{self._epochs} done  validation: {errors}"

    def _line_of_end(self, event: Event) -> str:
        return f"best epoch {event['best_epoch']}  test: {errors_text(event['test'])}"

    def _time_left(self, event: Event) -> float | None:
        elapsed, steps = event["time"] - self._origin[0], event["step"] - self._origin[1]
        if steps <= 0 or elapsed <= 0:
            return None
        return float(elapsed / steps * (event["steps"] - event["step"]))

    def _best_so_far(self, epoch: int, validation: Errors) -> dict[str, Any]:
        best = (self._best or {}).get(ENERGY)
        energy = validation.get(ENERGY)
        if energy is not None and best is not None and energy >= best:
            return {}
        self._best = validation
        return {"best_epoch": epoch, "validation": validation}


def errors_text(errors: Mapping[str, Any] | None) -> str:
    """Return metrics as one phrase with units, leaving out what has no labels.

    Args:
        errors: the keys of `core.training.settings.metrics.METRICS`.
    """
    known = [(info, (errors or {}).get(key)) for key, info in METRICS.items()]
    told = [
        f"{info.label.removesuffix(' MAE').lower()} {value:.4g} {info.unit}"
        for info, value in known
        if value is not None
    ]
    return ", ".join(told) or "no labels to compare with"


def _share_text(event: Event) -> str:
    return f"{event['what']}: {event['done']:,} of {event['total']:,}"


def duration_text(seconds: float) -> str:
    """Return a duration in the coarsest units that still tell: 40 s, 12 min, 3 h 5 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
