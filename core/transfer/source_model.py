"""The pretrained model that a fit starts from."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.elements import INDEX
from core.frames.store import FrameSet
from core.reference.fits.priors import PRIOR_KINDS, Prior, prior


@dataclass(frozen=True, slots=True)
class SourceModel:
    """A pretrained model, and where its network is evaluated.

    Attributes:
        name: name of a released model, or path of a checkpoint.
        device: "auto", "cpu", "cuda" or "mps".
        threads: number of CPU threads; None uses the physical cores.
    """

    name: str = "chgnet-0.3.0"
    device: str = "auto"
    threads: int | None = None

    def priors(self, functional: str) -> dict[str, Prior]:
        """Return the prior of every kind for the references of a functional.

        Raises:
            LabError: if the model cannot be loaded.
        """
        # Torch reads the model's AtomRef; fits without a prior do not wait for it.
        from core.potential.models import atomref_of, source_functional  # noqa: PLC0415

        atomref, source = atomref_of(self.name), source_functional(self.name)
        return {kind: prior(atomref, source, functional, kind) for kind in PRIOR_KINDS}

    def embedding(self) -> NDArray[np.float64]:
        """Return the network's embedding of each element, (94, 64).

        Raises:
            LabError: if the model cannot be loaded.
        """
        from core.potential.models import load_model  # noqa: PLC0415  imports torch

        rows = load_model(self.name).get_parameter("atom_embedding.embedding.weight")
        return np.asarray(rows.detach().cpu().double().numpy())

    def prior(
        self, functional: str, start: str = "shifted", *, data: FrameSet | None = None
    ) -> Prior:
        """Return one prior for the references of a functional.

        Args:
            functional: level of theory of the references.
            start: a kind of `core.reference.fits.priors`, or reference energies as of
                `core.reference.fits.library.own_energies`; elements that these lack take the
                "shifted" prior.
            data: the data set whose isolated atoms may be asked for.

        Raises:
            LabError: if the model cannot be loaded, or `start` is neither.
        """
        if start in PRIOR_KINDS:
            return self.priors(functional)[start]
        # Only this reads files of references.
        from core.transfer.named_atomrefs import energies_named  # noqa: PLC0415

        own = energies_named(start, functional=functional, data=data)
        usual = self.priors(functional)["shifted"]
        energies, origin = usual.energies.copy(), list(usual.origin)
        name = f"AtomRef of {Path(start).name}"
        for symbol, energy in own.items():
            energies[INDEX[symbol]], origin[INDEX[symbol]] = energy, name
        return Prior(energies=energies, origin=origin)
