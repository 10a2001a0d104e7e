"""Labels of the source functional that take part in a training."""

from pydantic import BaseModel, ConfigDict, Field

ORIGINS: dict[str, str] = {
    "teacher": "forces and stresses of the pretrained model (source functional)",
}
"""Where labels that are not the target's come from, and what they are."""


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
