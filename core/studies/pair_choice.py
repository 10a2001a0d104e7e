"""Materials with an energy in two functionals: a selection, opened and compared."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from core.checks.composition import sampled_finding
from core.frames.pairs import PairSet
from core.frames.provenance import Provenance, describe_energies
from core.frames.schema import Frame
from core.frames.store import FrameSet
from core.reference.shifts.pairs import OpenedPairs, PairedEnergies
from core.reference.shifts.shift import ShiftSummary, quantities, summarize
from core.studies.selection import PairSelection


@dataclass(kw_only=True, frozen=True)
class PairChoice:
    """A selection of pairs with its data.

    Attributes:
        selection: the selection, as studies take it.
        opened: its energies and the data sets they come from.
        summary: comparison of the two functionals over all pairs.
        key: identifies selection, data and elements in the caches of pages.
        elements: only materials that contain these elements are kept.
        any_of: whether one of the elements is enough; otherwise a material contains all of them.
        whole: the same with all materials; None if no elements are selected.
        refitted: whether AtomRef is fitted to the pairs with these elements instead of all pairs.
    """

    selection: PairSelection
    opened: OpenedPairs
    summary: ShiftSummary
    key: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()
    any_of: bool = False
    whole: Self | None = None
    refitted: bool = False

    @classmethod
    def of(cls, selection: PairSelection, *, key: tuple[str, ...] = ()) -> Self:
        """Open a selection and compare the two functionals over all of its pairs.

        Args:
            selection: the selection.
            key: identifies it in the caches of pages.

        Raises:
            LabError: if there is no such data, or no row has both energies.
        """
        opened = selection.open()
        return cls(selection=selection, opened=opened, summary=summarize(opened.pairs), key=key)

    @property
    def data(self) -> FrameSet | PairSet:
        """Data set of the rows and their structures."""
        return self.opened.data

    @property
    def pairs(self) -> PairedEnergies:
        """Energies in the two functionals."""
        return self.opened.pairs

    @property
    def quantities(self) -> dict[str, np.ndarray]:
        """Shift and residual of each pair, each (n,) eV/atom."""
        return quantities(self.pairs, self.summary)

    @cached_property
    def warnings(self) -> list[str]:
        """What to know before the numbers are believed, as sentences."""
        pairs = (self.whole or self).pairs
        told = []
        for name, energies in (
            (pairs.source_functional, pairs.source),
            (pairs.target_functional, pairs.target),
        ):
            if found := sampled_finding(
                pairs.fractions, pairs.formula, energies, pairs.material_id, name
            ):
                told.append(f"{name}: {found.text}")
        return [*told, *([self.summary.warning] if self.summary.warning else [])]

    @property
    def lead(self) -> str:
        """Start of a caption that says which pairs are shown; empty for all of them."""
        if not self.elements:
            return ""
        return f"The {len(self.pairs):,} pairs that contain {self.elements_text}. "

    @property
    def elements_text(self) -> str:
        """The selected elements, as in "that contain …"."""
        return (" or " if self.any_of else ", ").join(self.elements)

    @property
    def fitted_to(self) -> str:
        """Which pairs AtomRef is fitted to, as in "AtomRef is fitted to …"."""
        if self.whole is None or not self.refitted:
            return f"all {self.summary.n_fitted:,} pairs"
        return f"the {self.summary.n_fitted:,} pairs that contain {self.elements_text}"

    @property
    def source(self) -> Provenance:
        """Data set, labels and corrections."""
        pairs = self.pairs
        energies = {
            describe_energies(functional, labels, corrections)
            for functional, labels, corrections in (
                (pairs.source_functional, pairs.source_labels, pairs.source_corrections),
                (pairs.target_functional, pairs.target_labels, pairs.target_corrections),
            )
        }
        # An exported figure carries the name of the data alone, so the filter is part of it.
        only = (
            f", only materials with {self.elements_text}, AtomRef of "
            f"{'these' if self.refitted else 'all'} pairs"
            if self.elements
            else ""
        )
        return Provenance(
            data=f"{self.selection.dataset}{only}",
            labels={pairs.source_labels, pairs.target_labels},
            details=f"{len(pairs):,} pairs: {'; '.join(sorted(energies))}."
            + (f" AtomRef is fitted to {self.fitted_to}." if self.elements else ""),
        )

    @property
    def arguments(self) -> str:
        """The selection as arguments of `shift`."""
        words = [word for symbol in self.elements for word in ("--element", symbol)]
        words += ["--refit"] if self.refitted else []
        words += ["--any"] if self.any_of else []
        return " ".join([self.selection.arguments, *words])

    def frames(self, rows: Sequence[int]) -> Sequence[Frame | None]:
        """Return the structures of rows of the data set, None for a row without one."""
        return self.data.frames(rows)

    def names_of(self, rows: Sequence[int]) -> list[str]:
        """Return names of rows for links, which fit no other data set."""
        ids = self.data.table()["material_id"]
        return [f"{row}.{ids.iloc[row]}" for row in rows]

    def row_named(self, name: str | None) -> int | None:
        """Return the row of a name from `names_of`, None if this data set has no such row."""
        number = (name or "").partition(".")[0]
        row = int(number) if number.isdecimal() and len(number) < 12 else len(self.data)
        return row if row < len(self.data) and self.names_of([row]) == [name] else None

    def containing(
        self, elements: tuple[str, ...], *, any_of: bool = False, refit: bool = False
    ) -> Self | None:
        """Return the pairs that contain all, or any, of some elements; None if there are none.

        Args:
            elements: the elements; all pairs are returned where there are none.
            any_of: whether one of the elements is enough.
            refit: whether to fit AtomRef to these pairs alone instead of all.
        """
        if not elements:
            return self
        opened = self.opened.containing(elements, any_of=any_of)
        if not len(opened.pairs):
            return None
        return replace(
            self,
            opened=opened,
            summary=summarize(opened.pairs, whole=None if refit else self.summary),
            key=(*self.key, "any" if any_of else "all", *elements, "refitted" if refit else ""),
            elements=elements,
            any_of=any_of,
            whole=self,
            refitted=refit,
        )
