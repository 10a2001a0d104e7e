"""CHGNet on packed batches as a model of TorchSim, for its optimisers and integrators.

TorchSim needs Python 3.12 or newer: ``pip install "atomref-lab[torchsim]"``.
"""

import os
from typing import Any

import numpy as np
import torch
from ase import units
from chgnet.model import CHGNet
from torch import Tensor

from core.errors import LabError
from core.potential.forward import Wanted
from core.potential.graph import convert
from core.potential.models import load_model, resolve_device
from core.potential.prediction import predict

try:
    from torch_sim.models.interface import ModelInterface
except ImportError as error:
    _missing: ImportError | None = error
    ModelInterface = torch.nn.Module
else:
    _missing = None

_WANTED = Wanted(forces=True, stress=True, magmoms=False)


class CHGNetTorchSimModel(ModelInterface):
    """CHGNet for TorchSim: energy (eV of the cell), forces (eV/Å), stress (eV/Å³, sign of ∂E/∂ε).

    Whatever the number of systems in a state, they are predicted on packed batches of bounded
    memory, so an autobatcher may take large states.

    Args:
        model: a model, a name in ``core.potential.models.MODELS``, or the path of a checkpoint.
        device: "auto", "cpu", "cuda" or "mps".

    Raises:
        LabError: if TorchSim is not installed, the model cannot be loaded or the device is not
            available.
    """

    def __init__(
        self, model: CHGNet | str | os.PathLike[str] = "chgnet-0.3.0", *, device: str = "auto"
    ) -> None:
        if _missing is not None:
            raise LabError(
                "TorchSim is not installed; install the extra torchsim with Python 3.12: "
                'pip install "atomref-lab[torchsim]".'
            ) from _missing
        super().__init__()
        loaded = model if isinstance(model, CHGNet) else load_model(model)
        self.model = loaded.to(resolve_device(device))
        parameter = self.model.site_wise.weight
        self._device, self._dtype = parameter.device, parameter.dtype
        self._compute_forces = self._compute_stress = True
        self._memory_scales_with = "n_atoms_x_density"

    def forward(self, state: Any, **_options: Any) -> dict[str, Tensor]:
        """Predict all systems of a state.

        Args:
            state: a ``torch_sim.state.SimState``, whose cells hold lattice vectors as columns.

        Returns:
            energy (n_systems,), forces (n_atoms, 3) and stress (n_systems, 3, 3), zero for
            molecules.

        Raises:
            LabError: if CHGNet cannot represent a system.
        """
        systems = state.system_idx.cpu().numpy()
        positions = state.positions.detach().double().cpu().numpy()
        lattices = state.cell.detach().double().cpu().numpy().swapaxes(1, 2)
        numbers = state.atomic_numbers.cpu().numpy()
        pbc = [bool(one) for one in state.pbc]
        graphs = []
        for system, given in enumerate(lattices):
            atoms = systems == system
            # A molecule may have no cell; its box is then of no account.
            lattice = given if given.any() else np.diag(np.ptp(positions[atoms], axis=0) + 1)
            try:
                frac_coords = positions[atoms] @ np.linalg.inv(lattice)
                graphs.append(convert(numbers[atoms], frac_coords, lattice, pbc))
            except (LabError, np.linalg.LinAlgError) as error:
                raise LabError(f"System {system} (from 0): {error}") from error
        found = predict(self.model, graphs, _WANTED)
        energies = [one.energy * graph.n_atoms for one, graph in zip(found, graphs, strict=True)]
        stresses = np.stack([one.stress for one in found if one.stress is not None]) * units.GPa
        if not any(pbc):
            stresses[:] = 0.0
        forces = np.concatenate([one.forces for one in found if one.forces is not None])
        return {
            "energy": self._tensor(np.array(energies)),
            "forces": self._tensor(forces),
            "stress": self._tensor(stresses),
        }

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(values).to(self._device, self._dtype)
