"""Presets for the size of a run: a lesson, a laptop, the paper's recipe."""

from dataclasses import dataclass


@dataclass(kw_only=True, frozen=True, slots=True)
class Preset:
    """How much a run does.

    Attributes:
        label: name on screen.
        about: its purpose in one sentence.
        frames: training frames at most; None for all.
        epochs: passes over them, at most.
        minutes: training time; None for no limit.
    """

    label: str
    about: str
    frames: int | None
    epochs: int
    minutes: float | None


PRESETS: dict[str, Preset] = {
    "lesson": Preset(
        label="Lesson (1 minute)",
        about="Few frames and about a minute of training: enough to compare references.",
        frames=150,
        epochs=10,
        minutes=1.0,
    ),
    "laptop": Preset(
        label="Laptop (15 minutes)",
        about="All frames, and as many epochs as fit into 15 minutes.",
        frames=None,
        epochs=50,
        minutes=15.0,
    ),
    "paper": Preset(
        label="Paper recipe",
        about="All frames for 50 epochs, as in Huang et al.; optimiser, batch size, learning rate "
        "and loss are theirs by default.",
        frames=None,
        epochs=50,
        minutes=None,
    ),
}
"""By key, the shortest first."""
