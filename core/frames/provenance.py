"""Where numbers come from, in words: which data, whose labels, which corrections."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from core.frames.schema import DFT, Corrections, EnergyColumn

MODEL_LABELLED: Final = "model-labelled, not DFT"
CORRECTIONS: Final[dict[Corrections, str]] = {
    "MP2020": "MP2020 corrections included",
    "none": "without MP2020 corrections",
    "unknown": "MP2020 corrections unknown",
}


def origin(*labels: str) -> str:
    """Return in words who made labels: DFT, or models by name, marked as such.

    Args:
        labels: "dft" or names of models.
    """
    models = sorted(set(labels) - {DFT})
    words = ["DFT"] if DFT in labels else []
    if models:
        words.append(f"{', '.join(models)} ({MODEL_LABELLED})")
    return " and ".join(words)


def energy_title(energy: EnergyColumn) -> str:
    """Return what stands for a column of energies in titles: functional and corrections."""
    corrections = {"MP2020": ", MP2020-corrected", "none": ", uncorrected", "unknown": ""}
    return f"{energy.functional}{corrections[energy.corrections]}"


def describe_energies(functional: str, labels: str, corrections: Corrections) -> str:
    """Return in words what energies are, for the details of a provenance that marks models."""
    return f"{functional} by {'DFT' if labels == DFT else labels}, {CORRECTIONS[corrections]}"


@dataclass(kw_only=True, frozen=True)
class Provenance:
    """Which data numbers rest on, and who made their labels.

    Attributes:
        data: names of the data sets, or what stands for them.
        labels: who made the labels, "dft" or names of models; empty where there are no labels.
        details: further plain sentences, such as functionals, corrections and counts.
    """

    data: str
    labels: Iterable[str] = ()
    details: str = ""

    @property
    def line(self) -> str:
        """Data and labels in few words, for images and tables that leave the page."""
        made_by = origin(*self.labels)
        return f"Data: {self.data}." + (f" Labels: {made_by}." if made_by else "")

    @property
    def text(self) -> str:
        """All that is known, in plain sentences."""
        return f"{self.line} {self.details}".strip()
