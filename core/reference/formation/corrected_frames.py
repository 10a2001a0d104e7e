"""Data sets of frames with MP2020 corrections added to their energies or removed from them.

Run types are inferred as `core.reference.formation.corrections` says, from the composition; types
of anions are read from each frame's structure. Where a data set is in plain GGA or PBE, without +U,
frames whose elements need U in the scheme cannot be corrected.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from core.elements import fractions_from_formula
from core.errors import LabError
from core.frames.functionals import MIXED, canonical_functional
from core.frames.registry import new_dataset_path
from core.frames.schema import Card, Frame, ImportReport, Refusal
from core.frames.store import FrameSet, write_frames
from core.progress import Progress, report, silent
from core.reference.formation.corrections import (
    FUNCTIONALS,
    OXYGEN,
    SULFUR,
    Correction,
    anions_of,
    correction_of,
)

_WITHOUT_U: Final = frozenset({"GGA", "PBE"})
_TITLES: Final = {
    "run type": "Run types",
    "term": "Terms of the scheme",
    "oxidation states": "Oxidation states",
}
_MOST_REFUSED = 100
_EVERY = 64


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class CorrectedFrames:
    """A data set with or without MP2020 corrections, and what was inferred for it.

    Attributes:
        card: its card; the report says which frames could not be corrected.
        stored: whether uncorrected energies were those that the data set has, so that nothing was
            inferred.
        inferred: one row per thing that was inferred: kind ("run type", "term", "oxidation
            states"), value, frames, and the mean correction of these frames, eV/atom.
    """

    card: Card
    stored: bool
    inferred: pd.DataFrame


def correct_frames(
    data: FrameSet,
    name: str,
    *,
    remove: bool = False,
    title: str = "",
    progress: Progress = silent,
) -> CorrectedFrames:
    """Write a data set whose energies carry MP2020 corrections, or no longer do.

    To remove them, uncorrected energies that the data set has are taken, if it has them for every
    frame with an energy; else the corrections are computed again and subtracted. Frames that
    pymatgen cannot correct are left out and counted. Forces and stress remain.

    Args:
        data: frames in GGA, GGA+U or both.
        name: name of the new data set.
        remove: remove the corrections instead of adding them.
        title: one line for people; by default the name.
        progress: receives the share that is done.

    Raises:
        LabError: if the energies take no corrections, carry them already, or carry none that could
            be removed.
    """
    directory = new_dataset_path(name)
    _refuse(data.card, remove=remove)
    corrected = _Corrected(data, remove=remove, progress=progress)
    card = data.card.model_copy(
        update={
            "name": name,
            "title": title or name,
            "corrections": "none" if remove else "MP2020",
            "created": Card(name=name, kind="frames").created,
            "parent": None,
            "report": None,
        }
    )
    card = write_frames(directory, card, corrected.batches(), describe=corrected.describe)
    return CorrectedFrames(card=card, stored=corrected.stored, inferred=corrected.inferred())


def takes_corrections(card: Card) -> bool:
    """Return whether MP2020 corrections belong to the energies of a data set of frames."""
    return canonical_functional(card.functional or "") in FUNCTIONALS


def _refuse(card: Card, *, remove: bool) -> None:
    """Raise LabError unless corrections can be added or removed."""
    if not takes_corrections(card):
        raise LabError(
            f"{card.name} is in {card.functional or 'an unknown functional'}; MP2020 corrections "
            "belong to GGA and GGA+U energies, so choose a data set in these."
        )
    if remove and card.corrections != "MP2020":
        raise LabError(
            f"The energies of {card.name} are not known to carry MP2020 corrections, so none can "
            "be removed; choose a data set of corrected energies."
        )
    if not remove and card.corrections == "MP2020":
        raise LabError(
            f"The energies of {card.name} carry MP2020 corrections already; choose a data set of "
            "uncorrected energies."
        )
    if not remove and card.corrections == "unknown":
        raise LabError(
            f"It is not known whether the energies of {card.name} carry MP2020 corrections; import "
            "them again with --corrections none or --corrections MP2020."
        )


@dataclass(kw_only=True, slots=True)
class _Tally:
    """Frames and the sum of their corrections."""

    frames: int = 0
    total: float = 0.0

    def add(self, value: float) -> None:
        self.frames += 1
        self.total += value


@dataclass(slots=True, eq=False)
class _Corrected:
    """The record batches of a data set with other energies, and the counts of what was done."""

    data: FrameSet
    remove: bool = field(kw_only=True)
    progress: Progress = field(kw_only=True)
    stored: bool = field(init=False, default=False)
    _tallies: dict[tuple[str, str], _Tally] = field(init=False, default_factory=dict)
    _reasons: Counter[str] = field(init=False, default_factory=Counter)
    _refused: list[Refusal] = field(init=False, default_factory=list)
    _cases: dict[tuple[str, str], Correction | str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        if self.remove:
            table = self.data.table()
            known = table["energy_per_atom"].notna()
            self.stored = bool(table.loc[known, "uncorrected_energy_per_atom"].notna().all())

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows that can be corrected, one record batch after the other."""
        for start, batch in self.data.batches():
            report(self.progress, start, len(self.data), "Frames corrected")
            energies = batch.column("energy_per_atom").to_numpy(zero_copy_only=False)
            known = np.isfinite(energies)
            if self.stored:
                column = batch.column("uncorrected_energy_per_atom")
                new = np.where(known, column.to_numpy(zero_copy_only=False), np.nan)
            else:
                change = self._corrections(start, batch, known)
                new = energies - change if self.remove else energies + change
            without = np.full(len(known), np.nan)
            yield _with(
                batch,
                # NaN of an energy that is known marks a frame that cannot be corrected.
                keep=np.isfinite(new) | ~known,
                energy_per_atom=new,
                uncorrected_energy_per_atom=without if self.remove else energies,
            )

    def describe(self, card: Card) -> Card:
        """Return the card with what was inferred and left out."""
        inferred = self.inferred()
        done = "removed from" if self.remove else "added to"
        sentences = [f"MP2020 corrections {done} {self.data.card.name}"]
        if self.stored:
            sentences[0] += ": its own uncorrected energies are taken."
        else:
            sentences[0] += ", computed by pymatgen with run types inferred from the composition."
            for kind, heading in _TITLES.items():
                rows = inferred[inferred["kind"] == kind].itertuples(index=False)
                if counts := [f"{row.value} {row.frames:,}" for row in rows]:
                    sentences.append(f"{heading}: {', '.join(counts)} frames.")
        if self._reasons:
            counts = [f"{n:,}: {reason}" for reason, n in self._reasons.most_common(5)]
            sentences.append(f"Left out, as they cannot be corrected: {'; '.join(counts)}.")
        sentences.append(self.data.card.description)
        outcome = ImportReport(
            n_read=len(self.data),
            n_refused=self._reasons.total(),
            reasons=dict(self._reasons),
            refused=self._refused,
        )
        text = " ".join(filter(None, sentences))
        return card.model_copy(update={"description": text, "report": outcome})

    def inferred(self) -> pd.DataFrame:
        """Return what was inferred, as in `CorrectedFrames`."""
        kinds = list(_TITLES)
        rows = [
            (kind, value, tally.frames, tally.total / tally.frames)
            for (kind, value), tally in self._tallies.items()
        ]
        rows.sort(key=lambda row: (kinds.index(row[0]), -row[2]))
        return pd.DataFrame(rows, columns=["kind", "value", "frames", "correction"])

    def _corrections(self, start: int, batch: pa.RecordBatch, known: np.ndarray) -> np.ndarray:
        """Return the corrections of a record batch, (n,) eV/atom, NaN where there is none."""
        values = np.full(batch.num_rows, np.nan)
        formulas = batch.column("formula").to_pylist()
        for place in np.flatnonzero(known).tolist():
            row = start + place
            if place % _EVERY == 0:
                report(self.progress, row, len(self.data), "Frames corrected")
            found = self._found(row, formulas[place])
            if isinstance(found, str):
                self._leave_out(row, found)
                continue
            values[place] = found.value
            self._count(found)
        return values

    def _found(self, row: int, formula: str) -> Correction | str:
        """Return the correction of a frame, or why there is none."""
        anions = ""
        fractions = _fractions(formula)
        if (fractions[[OXYGEN, SULFUR]] > 0).any() and np.count_nonzero(fractions) > 1:
            frame: Frame = self.data.frame(row)
            try:
                anions = anions_of(frame)
            except Exception as error:  # noqa: BLE001  pymatgen raises anything
                return f"pymatgen cannot tell the types of anions ({_reason(error)})"
        key = formula, anions
        if key not in self._cases:
            self._cases[key] = self._case(fractions, anions)
        return self._cases[key]

    def _case(self, fractions: np.ndarray, anions: str) -> Correction | str:
        try:
            found = correction_of(fractions, anions)
        except Exception as error:  # noqa: BLE001  pymatgen raises anything
            return f"pymatgen has no correction ({_reason(error)})"
        functional = canonical_functional(self.data.card.functional or "")
        if found.run_type == "GGA+U" and functional in _WITHOUT_U and not self.remove:
            return (
                "MP2020 needs U for some metals in oxides and fluorides, but the data set is in "
                f"{functional} (where U was used, import it as {MIXED})"
            )
        return found

    def _count(self, found: Correction) -> None:
        things = [("run type", found.run_type), *(("term", term) for term in found.terms)]
        if found.is_guessed is not None:
            things.append(("oxidation states", "guessed" if found.is_guessed else "not found"))
        for thing in things:
            self._tallies.setdefault(thing, _Tally()).add(found.value)

    def _leave_out(self, row: int, reason: str) -> None:
        self._reasons[reason] += 1
        if len(self._refused) < _MOST_REFUSED:
            frame_id = self.data.frame(row).frame_id
            where = f"frame {frame_id} of {self.data.card.name}"
            self._refused.append(Refusal(where=where, why=reason))


@lru_cache(maxsize=1 << 12)
def _fractions(formula: str) -> np.ndarray:
    """Return composition fractions, (94,); the frames of a material often follow each other."""
    return fractions_from_formula(formula)


def _with(batch: pa.RecordBatch, *, keep: np.ndarray, **columns: np.ndarray) -> pa.RecordBatch:
    """Return some rows of a record batch with other columns of numbers, null where NaN."""
    for name, values in columns.items():
        index = batch.schema.get_field_index(name)
        batch = batch.set_column(
            index, batch.schema.field(index), pa.array(values, from_pandas=True)
        )
    return batch if keep.all() else batch.filter(pa.array(keep))


def _reason(error: Exception) -> str:
    """Return the first line of an error, without what differs between frames of one kind."""
    text = str(error).strip().splitlines()
    return (text[0][:80] if text else type(error).__name__).rstrip(".")
