"""Labels of the source functional that take part in a training."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Teacher(BaseModel):
    """Forces and stresses of the pretrained network, as targets where there are no labels.

    They are those of the source functional. Training frames without force labels are taught, as
    they are and as copies with displaced atoms.

    Attributes:
        weight: weight of these forces and stresses in the loss, times the loss ratio of the kind;
            0 for no teacher.
        copies: displaced copies of each such frame, displaced anew in every epoch.
        displacement: standard deviation of the displacements, Å.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    weight: float = Field(default=0.0, ge=0)
    copies: int = Field(default=1, ge=0, le=100)
    displacement: float = Field(default=0.05, gt=0, le=1)


class Replay(BaseModel):
    """Frames of the source functional that take part in every step, against forgetting.

    Attributes:
        dataset: data set that the frames are from: frames or, with labels of the pretrained model,
            any structures; None for no replay.
        labels: the data set's "own", or those that the "pretrained" model predicts
            (pseudolabels, not DFT).
        ratio: replayed frames for each training frame.
        weight: weight of their loss beside the target's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dataset: str | None = Field(default=None, min_length=1)
    labels: Literal["own", "pretrained"] = "own"
    ratio: float = Field(default=0.5, gt=0, le=100)
    weight: float = Field(default=1.0, gt=0)
