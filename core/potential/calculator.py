"""An ASE calculator on the packed forward, for relaxations and molecular dynamics."""

import os
from collections.abc import Sequence
from typing import Any

from ase import Atoms, units
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress
from chgnet.model import CHGNet

from core.errors import LabError
from core.potential.graph import convert
from core.potential.models import load_model, resolve_device
from core.potential.prediction import predict


class CHGNetCalculator(Calculator):
    """CHGNet for ASE: energy, free_energy, forces, stress and magmoms.

    Units and signs are ASE's: eV for the whole cell, eV/Å, eV/Å³ in Voigt order with the sign of
    ∂E/∂ε, absolute moments in μB. Only the directions of ``atoms.pbc`` are periodic, as in chgnet's
    own calculator; without any there is no stress.

    Args:
        model: a model, a name in ``core.potential.models.MODELS``, or the path of a checkpoint.
        device: "auto", "cpu", "cuda" or "mps".
        **options: what any ASE calculator takes, such as ``label`` or ``atoms``.

    Raises:
        LabError: if the model cannot be loaded or the device is not available; from a calculation,
            if the structure has no cell, an isolated atom or an element beyond Pu
            (``core.potential.graph.convert``).
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress", "magmoms"]  # noqa: RUF012

    def __init__(
        self,
        model: CHGNet | str | os.PathLike[str] = "chgnet-0.3.0",
        *,
        device: str = "auto",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        loaded = model if isinstance(model, CHGNet) else load_model(model)
        self.model = loaded.to(resolve_device(device))

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Calculate all properties; the others cost little beside the forces.

        Args:
            atoms: the structure; by default the one the calculator has.
            properties: what ASE needs of it.
            system_changes: what is new since the last calculation.
        """
        super().calculate(atoms, list(properties), list(system_changes))
        structure = self.atoms
        if structure is None or structure.cell.rank < 3:
            raise LabError(
                "The structure has no three lattice vectors; give the calculator a crystal's cell."
            )
        frac_coords = structure.cell.scaled_positions(structure.positions)
        graph = convert(structure.numbers, frac_coords, structure.cell.array, structure.pbc)
        (prediction,) = predict(self.model, [graph])
        energy = prediction.energy * graph.n_atoms
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "forces": prediction.forces,
            "magmoms": prediction.magmoms,
        }
        if structure.pbc.any():
            self.results["stress"] = full_3x3_to_voigt_6_stress(prediction.stress) * units.GPa
