"""Frames of a data set that conditions keep, with their numbers, for page, command and report."""

import shlex
from dataclasses import dataclass
from typing import Self

import numpy as np

from core.frames.contents.filters import FrameFilter
from core.frames.contents.numbers import (
    Contents,
    Occurrence,
    Quantity,
    missing_labels,
    occurrence,
    quantities_of,
)
from core.frames.pairs import PairSet
from core.frames.provenance import Provenance
from core.frames.registry import open_dataset
from core.frames.schema import Card
from core.frames.store import FrameSet


@dataclass(kw_only=True, frozen=True, eq=False)
class Selected:
    """Frames, or pairs, of a data set.

    Attributes:
        card: the data set.
        contents: what it holds.
        chosen: the conditions.
        mask: which frames they keep, (n,) booleans.
        counted: elements of these frames.
        key: identifies data and conditions in the caches of pages.
    """

    card: Card
    contents: Contents
    chosen: FrameFilter
    mask: np.ndarray
    counted: Occurrence
    key: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, card: Card, contents: Contents, chosen: FrameFilter, *, key: tuple[str, ...] = ()
    ) -> Self:
        """Return the frames of a data set that conditions keep.

        Raises:
            LabError: if a condition asks for a label that the data set does not have.
        """
        mask = chosen.mask(contents)
        counted = occurrence(contents, mask)
        return cls(card=card, contents=contents, chosen=chosen, mask=mask, counted=counted, key=key)

    @property
    def name(self) -> str:
        """Name of the data set."""
        return self.card.name

    @property
    def things(self) -> str:
        """What a row is, in the plural: "frames" or "pairs"."""
        return self.card.kind

    @property
    def data(self) -> FrameSet | PairSet:
        """The data set itself."""
        return open_dataset(self.name)

    @property
    def quantities(self) -> list[Quantity]:
        """The quantities of which the data set has numbers."""
        return quantities_of(self.contents, self.card.energies)

    @property
    def lead(self) -> str:
        """Start of a caption that says which frames are shown; empty for all of them."""
        if self.chosen.is_empty:
            return ""
        return f"The {self.counted.n:,} {self.things} {self.chosen.text}. "

    @property
    def source(self) -> Provenance:
        """Data set, conditions and origin of the labels."""
        only = "" if self.chosen.is_empty else f", only {self.things} {self.chosen.text}"
        return Provenance(
            data=f"{self.name}{only}",
            labels=self.card.made_by,
            details=f"{self.counted.n:,} {self.things} of {self.counted.n_materials:,} materials.",
        )

    def missing(self) -> dict[str, int]:
        """Return the number of selected frames without a label, by label, where there are any."""
        counts = missing_labels(self.contents, self.mask)
        return {key: n for key, n in counts.items() if n}

    def command(self, *words: str) -> str:
        """Return the command that describes the same frames."""
        return shlex.join(
            ["atomref", "datasets", "describe", self.name, *self.chosen.arguments(), *words]
        )
