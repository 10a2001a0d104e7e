"""When relaxations end; the command line need not wait for numpy and pandas here."""

from pydantic import BaseModel, ConfigDict, Field


class RelaxSettings(BaseModel):
    """When a relaxation ends; the defaults are those of chgnet's StructOptimizer.

    Attributes:
        fmax: largest force that counts as none, in eV/Å: of every atom, and of every row of the
            cell's generalised force per atom (ASE's ``FrechetCellFilter``).
        steps: largest number of steps.
        relax_cell: whether the cell is relaxed as well.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fmax: float = Field(default=0.1, gt=0, allow_inf_nan=False)
    steps: int = Field(default=500, ge=0)
    relax_cell: bool = True

    def text(self) -> str:
        """Return the settings in words, as in "relaxed with …"."""
        cell = "cell relaxed" if self.relax_cell else "cell kept"
        return f"FIRE, forces to {self.fmax:g} eV/Å, at most {self.steps:,} steps, {cell}"
