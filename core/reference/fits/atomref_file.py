"""The JSON form of an AtomRef, checked when read."""

import platform
from typing import Annotated, Literal

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    NonNegativeInt,
    ValidationError,
    model_validator,
)

import core
from core.elements import INDEX
from core.errors import LabError
from core.frames.schema import Corrections


def _versions() -> dict[str, str]:
    return {
        "atomref-lab": core.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


class AtomRefFile(BaseModel):
    """One AtomRef as JSON.

    Attributes:
        version: Of this format.
        functional: Level of theory.
        method: How it was fitted.
        n: Frames fitted; 0 where nobody said.
        rank: Of the columns of the elements present; 0 where nobody said.
        condition: Of the same; null where they are dependent.
        energies: eV/atom by symbol; an element left out has 0.
        counts: Frames by symbol; an element left out has 0.
        prior: What the prior was; null where there is none.
        strength: Ridge strength; null where there is no prior.
        scale: Robust standard deviation of a Huber fit's residuals, eV/atom; null for others.
        labels: Who made the fitted energies, "dft" or a model's name; null if nobody said.
        corrections: Whether MP2020 corrections are in them.
        versions: Of the software that wrote it.
    """

    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    functional: str
    method: Literal["lstsq", "huber", "ridge", "residual", "given"]
    n: NonNegativeInt
    rank: NonNegativeInt
    condition: Annotated[FiniteFloat, Field(ge=0.999)] | None
    energies: dict[str, FiniteFloat]
    counts: dict[str, NonNegativeInt]
    prior: str | None = None
    strength: Annotated[FiniteFloat, Field(gt=0)] | None = None
    scale: Annotated[FiniteFloat, Field(gt=0)] | None = None
    labels: str | None = None
    corrections: Corrections = "unknown"
    versions: dict[str, str] = Field(default_factory=_versions)

    @model_validator(mode="after")
    def _known_elements(self) -> "AtomRefFile":
        if strangers := sorted((self.energies.keys() | self.counts.keys()) - INDEX.keys()):
            raise ValueError(f"{strangers[0]} is no element from H to Pu")
        return self


def parse(text: str | bytes, name: str) -> AtomRefFile:
    """Read the JSON form.

    Args:
        text: One JSON object.
        name: What to call it in an error.

    Raises:
        LabError: It is not an AtomRef of this format.
    """
    try:
        return AtomRefFile.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the whole file"
        problem = first["msg"].removeprefix("Value error, ")
        raise LabError(
            f"{name} is not an AtomRef ({field}: {problem}); give a file that atomref --out wrote."
        ) from None
