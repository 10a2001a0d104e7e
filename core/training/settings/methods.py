"""The seven ways of transfer, in the order in which they are always shown."""

from collections.abc import Collection
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
        reference: the same in one or two words, as in "least-squares AtomRef".
        knows_unseen: whether that AtomRef has an energy for an element that training never saw.
        trainable_atomref: whether the optimiser may change the AtomRef.
        closed_form: whether network and AtomRef are solved for before any training, so that a run
            of no epochs has a result.
        several: whether it trains on data sets in several functionals.
    """

    key: str
    label: str
    paper: str
    start: Literal["random", "pretrained"]
    atomref: str
    reference: str
    knows_unseen: bool = True
    trainable_atomref: bool = False
    closed_form: bool = False
    several: bool = False

    @property
    def starts_from(self) -> str:
        """Weights and AtomRef in few words, which tell methods with one AtomRef apart."""
        return f"{self.start} weights, {self.reference} AtomRef"


METHODS: dict[str, Method] = {
    method.key: method
    for method in (
        Method(
            key="scratch",
            label="From scratch",
            paper="Method 1",
            start="random",
            atomref="Least squares on the target training frames, then frozen.",
            reference="least-squares",
            knows_unseen=False,
        ),
        Method(
            key="trainable",
            label="Transfer, trainable AtomRef",
            paper="Method 2",
            start="pretrained",
            atomref="The source functional's, trained with the rest of the model.",
            reference="trained source",
            trainable_atomref=True,
        ),
        Method(
            key="frozen",
            label="Transfer, frozen AtomRef",
            paper="Method 3",
            start="pretrained",
            atomref="The source functional's, frozen.",
            reference="frozen source",
        ),
        Method(
            key="refit",
            label="Transfer, refitted AtomRef",
            paper="Method 4",
            start="pretrained",
            atomref="Least squares on the target training frames, then frozen.",
            reference="least-squares",
            knows_unseen=False,
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
            reference="residual",
        ),
        Method(
            key="linearised",
            label="Linearised transfer",
            paper="ours",
            start="pretrained",
            atomref=(
                "Solved together with the network's embedding, convolution outputs and readout "
                "from the target energies, in closed form."
            ),
            reference="linearised",
            closed_form=True,
        ),
        Method(
            key="multifidelity",
            label="Several functionals at once",
            paper="ours",
            start="pretrained",
            atomref=(
                "One per functional, as in the residual method; the network is shared, and each "
                "functional learns an offset of its atom embedding."
            ),
            reference="residual, per functional",
            several=True,
        ),
    )
}

ALONE = [key for key, method in METHODS.items() if not method.several]
"""Methods that train on one data set."""

SEVERAL = "multifidelity"
"""The method of a run on several data sets, where none is named."""

DEFAULT = "residual"
"""The method where nothing is known of the labels."""

ENERGIES_ONLY = "linearised"


def default_method(labels: Collection[str]) -> str:
    """Return the method that is the default for data with such labels.

    Measured side by side (benchmarks/README.md): of energies alone the closed form has the least
    error from 100 materials on, and moves forces toward the target instead of away from it; where
    forces are labelled, training with the residual AtomRef has the least errors of forces.

    Args:
        labels: kinds of label that frames have and that count in the loss; empty where that is not
            known.
    """
    return ENERGIES_ONLY if set(labels) == {"energy"} else DEFAULT
