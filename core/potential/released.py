"""The released models, by name; importing this loads neither torch nor chgnet."""

from dataclasses import dataclass
from importlib.metadata import version


@dataclass(kw_only=True, frozen=True, slots=True)
class ModelInfo:
    """A released model.

    Attributes:
        name: name in the lab.
        functional: functional of its labels.
        corrections: energy corrections in its labels.
        file: checkpoint, relative to the chgnet package.
        chgnet: version of the chgnet package that contains it.
    """

    name: str
    functional: str
    corrections: str
    file: str
    chgnet: str = version("chgnet")


MODELS = {
    info.name: info
    for info in (
        ModelInfo(
            name="chgnet-0.3.0",
            functional="GGA/GGA+U",
            corrections="MP2020",
            file="pretrained/0.3.0/chgnet_0.3.0_e29f68s314m37.pth.tar",
        ),
        ModelInfo(
            name="chgnet-r2scan",
            functional="r2SCAN",
            corrections="none",
            file="pretrained/r2scan/chgnet_r2scan_transfer_learning_e15f36s161m23.pth.tar",
        ),
    )
}
"""The released models by name."""
