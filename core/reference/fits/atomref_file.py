"""The JSON form of an AtomRef, checked when read."""

import platform
from typing import Annotated, Literal

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    model_validator,
)

import core
from core.elements import INDEX
from core.errors import LabError, plain_fault
from core.frames.schema import MOST_ENERGY, Corrections

Count = Annotated[int, Field(ge=0, le=1 << 53)]
"""A number of frames, which JSON holds exactly."""

Energy = Annotated[FiniteFloat, Field(ge=-MOST_ENERGY, le=MOST_ENERGY)]
"""eV/atom."""


def _versions() -> dict[str, str]:
    return {
        "atomref-lab": core.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


class AtomRefFile(BaseModel):
    """One AtomRef as JSON.

    Attributes:
        version: version of this format.
        functional: level of theory.
        method: how it was fitted.
        n: number of frames fitted; 0 if unknown.
        rank: rank of the columns of the elements present; 0 if unknown.
        condition: their condition number; null if they are dependent.
        energies: eV/atom by symbol; an element left out has 0.
        counts: frames by symbol; an element left out has 0.
        prior: description of the prior; null if there is none.
        strength: ridge strength; null if there is no prior.
        scale: robust standard deviation of a Huber fit's residuals, eV/atom; null for other
            methods.
        labels: "dft" or the model that made the fitted energies; null if unknown.
        corrections: whether MP2020 corrections are in them.
        off_scale: data minus prior, eV/atom, by symbol, of elements fitted without the pull.
        deviations: standard deviations of a prior with a covariance, eV/atom, by part.
        errors: standard deviation of an energy after the data, eV/atom, by symbol.
        versions: versions of the software that wrote it.
    """

    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    functional: str
    method: Literal["lstsq", "huber", "ridge", "residual", "given"]
    n: Count
    rank: Count
    condition: Annotated[FiniteFloat, Field(ge=0.999)] | None
    energies: dict[str, Energy]
    counts: dict[str, Count]
    prior: str | None = None
    strength: Annotated[FiniteFloat, Field(gt=0)] | None = None
    scale: Annotated[FiniteFloat, Field(gt=0)] | None = None
    labels: str | None = None
    corrections: Corrections = "unknown"
    off_scale: dict[str, FiniteFloat] = Field(default_factory=dict)
    deviations: dict[str, FiniteFloat] = Field(default_factory=dict)
    errors: dict[str, Annotated[FiniteFloat, Field(ge=0)]] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=_versions)

    @model_validator(mode="after")
    def _known_elements(self) -> "AtomRefFile":
        if unknown := sorted(
            (self.energies.keys() | self.counts.keys() | self.off_scale.keys() | self.errors.keys())
            - INDEX.keys()
        ):
            raise ValueError(f"{unknown[0]} is not an element from H to Pu")
        return self


def parse(text: str | bytes, name: str) -> AtomRefFile:
    """Read the JSON form.

    Args:
        text: one JSON object.
        name: name in error messages.

    Raises:
        LabError: if it is not an AtomRef of this format.
    """
    try:
        return AtomRefFile.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the whole file"
        problem = plain_fault(first["msg"].removeprefix("Value error, "))
        raise LabError(
            f"{name} is not an AtomRef ({field}: {problem}); give a file that atomref --out wrote."
        ) from None
