"""From the training loop's events to a run's status and log."""

from collections.abc import Mapping
from typing import Any

from core.progress import duration_text
from core.runs.record.status import Errors
from core.training.settings.energies_only import drift_text, replay_text, teacher_text
from core.training.settings.left_out import left_out_text
from core.training.settings.metrics import TEST_METRICS, is_better
from core.training.settings.stability_text import stability_text

Event = Mapping[str, Any]
ENERGY = "energy_mae_mev_per_atom"


class StatusTracker:
    """Follows the events of one process of a run.

    Args:
        epochs: number of epochs requested.
        validation: best validation errors so far, from an earlier process of the run.
        best_by: kind of label whose validation error tells the best epoch.
    """

    def __init__(
        self, *, epochs: int, validation: Errors | None = None, best_by: str = "energy"
    ) -> None:
        self._epochs = epochs
        self._origin = (0.0, 0)
        self._best = validation
        self._best_by = best_by

    def changes(self, event: Event) -> dict[str, Any]:  # noqa: PLR0911 - one per kind of event
        """Return the fields of `core.runs.record.status.Status` that an event changes.

        Args:
            event: as `core.training.loop.loop.fit` emits it.
        """
        match event["kind"]:
            case "prepare":
                return {"message": f"Preparing {_share_text(event)}."}
            case "compile":
                # compiling takes a minute: the time left is estimated from its end
                self._origin = (event["time"], self._origin[1])
                return {"message": "Training."}
            case "start":
                self._origin = (event["time"], event["step"])
                steps = {"step": event["step"], "steps": event["steps"]}
                frames = {"device": event["device"], "frames": event["n_train"]}
                solved = self._best_so_far(0, event["validation"]) if _is_solved(event) else {}
                return {**frames, **steps, **solved, "message": "Training."}
            case "plan":
                self._epochs = event["epochs"]
                return {"epochs": event["epochs"], "steps": event["steps"]}
            case "relax":
                return {"message": f"Judging stability. {event['what']}."}
            case "stability":
                return {}
            case "memory":
                return {"message": "Training, in smaller pieces for lack of memory."}
            case "step":
                progress = {key: event[key] for key in ("epoch", "step", "steps")}
                return {**progress, "eta_s": self._time_left(event), "revivals": 0}
            case "epoch":
                changes = {"epoch": float(event["epoch"])}
                return changes | self._best_so_far(event["epoch"], event["validation"])
            case "end":
                keys = ("best_epoch", "validation", "test", "seconds")
                return {key: event[key] for key in keys} | {"eta_s": 0.0}
            case kind:
                raise ValueError(f"unknown event: {kind}")

    def line(self, event: Event) -> str:  # noqa: PLR0911 - one per kind of event
        """Return one line of text for the log.

        Args:
            event: as in `changes`.
        """
        match event["kind"]:
            case "prepare":
                return f"preparing {_share_text(event)}"
            case "compile":
                reason = event["eager_because"]
                return "steps are compiled" if reason is None else f"steps stay eager: {reason}"
            case "start":
                parts = (
                    ("training", "n_train"),
                    ("validation", "n_validation"),
                    ("test", "n_test"),
                )
                counts = ", ".join(f"{event[key]} {name}" for name, key in parts)
                errors = errors_text(event["validation"])
                left_out = left_out_text(event.get("left_out_why", {}))
                taught = teacher_text(event.get("source_functional"))
                replayed = replay_text(event.get("source_functional"))
                return "; ".join(
                    filter(
                        None,
                        [
                            f"{counts} frames on {event['device']}",
                            left_out,
                            taught and f"teacher: {taught}",
                            replayed and f"replay: {replayed}",
                            *(
                                f"{one['n_train']} training frames in {one['functional']}, "
                                f"untrained: {errors_text(one['validation'])}"
                                for one in event.get("functionals", [])
                            ),
                            f"{'closed form' if _is_solved(event) else 'untrained'}: {errors}",
                        ],
                    )
                )
            case "plan":
                return f"{event['epochs']} epochs fit into the time"
            case "relax":
                return f"stability: {event['what']}"
            case "stability":
                return stability_text(event)
            case "memory":
                cost = f"{event['piece_cost']:,}"
                return f"out of memory: pieces of {cost} bonds and angles from now on"
            case "step":
                left = self._time_left(event)
                return (
                    f"epoch {event['epoch']:.1f}/{self._epochs}  step {event['step']}/"
                    f"{event['steps']}  loss {event['loss']:.4g}  training: "
                    + errors_text(event["train"])
                    + ("" if left is None else f"  {duration_text(left)} left")
                )
            case "epoch":
                errors = errors_text(event["validation"])
                source = "".join(
                    f"  {name} (source functional): {errors_text(found)}"
                    for name, found in event.get("source_functional", {}).items()
                )
                source += "".join(
                    f"  {name}: {errors_text(found['validation'])}"
                    for name, found in event.get("functionals", {}).items()
                )
                return f"epoch {event['epoch']}/{self._epochs} done  validation: {errors}{source}"
            case "end":
                text = f"best epoch {event['best_epoch']}  test: {errors_text(event['test'])}"
                further = [
                    f"test in {name}: {errors_text(found['test'])}"
                    for name, found in event.get("functionals", {}).items()
                ]
                drift = drift_text(event.get("force_drift"))
                return "; ".join(filter(None, [text, *further, drift]))
            case kind:
                raise ValueError(f"unknown event: {kind}")

    def _time_left(self, event: Event) -> float | None:
        elapsed, steps = event["time"] - self._origin[0], event["step"] - self._origin[1]
        if steps <= 0 or elapsed <= 0:
            return None
        return float(elapsed / steps * (event["steps"] - event["step"]))

    def _best_so_far(self, epoch: int, validation: Errors) -> dict[str, Any]:
        if not is_better(validation, self._best, self._best_by):
            return {}
        self._best = validation
        return {"best_epoch": epoch, "validation": validation}


def errors_text(errors: Mapping[str, Any] | None) -> str:
    """Return metrics as one phrase with units, without those that have no labels.

    Args:
        errors: values by the keys of `core.training.settings.metrics.TEST_METRICS`.
    """
    phrases = [
        f"{info.label.removesuffix(' MAE').lower()} {value:.4g} {info.unit}"
        for key, info in TEST_METRICS.items()
        if (value := (errors or {}).get(key)) is not None
    ]
    return ", ".join(phrases) or "no labels to compare with"


def _share_text(event: Event) -> str:
    return f"{event['what']}: {event['done']:,} of {event['total']:,}"


def _is_solved(event: Event) -> bool:
    """Return whether a run starts from a closed form that it has just solved."""
    return event.get("closed_form") is not None and event["step"] == 0
