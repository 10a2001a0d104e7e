"""The five ways of transfer, in the order in which they are always shown."""

from dataclasses import dataclass
from typing import Literal


@dataclass(kw_only=True, frozen=True, slots=True)
class Method:
    """One way of moving a potential to another functional.

    Attributes:
        key: name in configurations, on the command line and in tables.
        label: name on screen.
        paper: "Method 1" to "Method 4" of Huang et al. (DOI 10.1038/s41524-025-01796-y), or "ours".
        start: where the network's weights come from.
        atomref: one sentence on the AtomRef that the method starts with.
        trainable_atomref: whether the optimiser may change the AtomRef.
    """

    key: str
    label: str
    paper: str
    start: Literal["random", "pretrained"]
    atomref: str
    trainable_atomref: bool = False


METHODS: dict[str, Method] = {
    method.key: method
    for method in (
        Method(
            key="scratch",
            label="From scratch",
            paper="Method 1",
            start="random",
            atomref="Least squares on the target training frames, then frozen.",
        ),
        Method(
            key="trainable",
            label="Transfer, trainable AtomRef",
            paper="Method 2",
            start="pretrained",
            atomref="The source functional's, trained with the rest of the model.",
            trainable_atomref=True,
        ),
        Method(
            key="frozen",
            label="Transfer, frozen AtomRef",
            paper="Method 3",
            start="pretrained",
            atomref="The source functional's, frozen.",
        ),
        Method(
            key="refit",
            label="Transfer, refitted AtomRef",
            paper="Method 4",
            start="pretrained",
            atomref="Least squares on the target training frames, then frozen.",
        ),
        Method(
            key="residual",
            label="Transfer, residual AtomRef",
            paper="ours",
            start="pretrained",
            atomref=(
                "Least squares on target energy minus the pretrained network's interaction "
                "energy, pulled toward a prior, then frozen."
            ),
        ),
    )
}

DEFAULT = "residual"
