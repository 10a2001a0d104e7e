"""The AtomRef that come with chgnet, as numbers."""

import numpy as np
from numpy.typing import NDArray

CHGNET_ATOMREFS = {"chgnet-mptrj": "MPtrj", "chgnet-mp-r2scan": "MP-r2SCAN"}
"""The lab's names of the AtomRef in chgnet, and chgnet's own."""

FUNCTIONALS = {"chgnet-mptrj": "GGA/GGA+U", "chgnet-mp-r2scan": "r2SCAN"}
"""Level of theory of each."""


def chgnet_atomref(name: str) -> NDArray[np.float64]:
    """Return an AtomRef of chgnet in eV/atom, (94,).

    Source: `chgnet.model.composition_model.AtomRef.initialize_from`, chgnet 0.4.2.

    Args:
        name: a key of CHGNET_ATOMREFS.
    """
    # Pages that only list the names do not wait for torch.
    from chgnet.model.composition_model import AtomRef as CompositionModel  # noqa: PLC0415

    model = CompositionModel(is_intensive=True)
    model.initialize_from(CHGNET_ATOMREFS[name])
    return model.fc.weight.detach().double().numpy().ravel().copy()
