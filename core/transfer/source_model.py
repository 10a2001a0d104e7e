"""The pretrained model that a fit starts from."""

from dataclasses import dataclass
from pathlib import Path

from core.elements import N_ELEMENTS
from core.errors import LabError
from core.reference.fits.atomref import AtomRef
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
        from core.potential.models import (  # noqa: PLC0415
            get_atomref,
            load_model,
            source_functional,
        )

        atomref, source = get_atomref(load_model(self.name)), source_functional(self.name)
        return {kind: prior(atomref, source, functional, kind) for kind in PRIOR_KINDS}

    def prior(self, functional: str, start: str = "shifted") -> Prior:
        """Return one prior for the references of a functional.

        Args:
            functional: level of theory of the references.
            start: a kind of `core.reference.fits.priors`, or the path of an AtomRef in JSON.

        Raises:
            LabError: if the model cannot be loaded, or `start` is neither a kind nor an AtomRef.
        """
        if start in PRIOR_KINDS:
            return self.priors(functional)[start]
        path = Path(start)
        if not path.is_file():
            raise LabError(
                f"{start} is neither a prior nor a file; choose one of {', '.join(PRIOR_KINDS)}, "
                "or give a file that atomref --out wrote."
            )
        return Prior(
            energies=AtomRef.read(path).energies, origin=[f"AtomRef of {path.name}"] * N_ELEMENTS
        )
