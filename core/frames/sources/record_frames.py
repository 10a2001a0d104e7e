"""Records of a file as frames: keys become labels, units the lab's, refusals are counted."""

import dataclasses
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa

from core.boxed import count_read
from core.elements import N_ELEMENTS
from core.errors import LabError
from core.frames.column_names import UNKNOWN, model_named, of_one_set, plain_energy
from core.frames.extent import are_per_atom
from core.frames.functionals import covers, functional_of_row
from core.frames.layout import record_batch
from core.frames.schema import DFT, Card, Frame, ImportReport, Refusal
from core.frames.sources.block_columns import label_columns, structure_columns
from core.frames.sources.earlier import Earlier
from core.frames.sources.record_cells import cell_of_record
from core.frames.sources.record_head import RecordHead, of_one_letter, units_of_form
from core.frames.sources.record_labels import LabelReader
from core.frames.sources.records import Block, Item, Place, Record, RecordSource, Refused
from core.frames.tables.exported import stated_by_lab
from core.frames.tables.labels import StressOrder
from core.frames.tables.mapping import ColumnUnit, MappedTable
from core.frames.tables.tabular import CellError, is_missing
from core.frames.units import base_unit, with_extent
from core.progress import Progress

HEAD_RECORDS: Final = 200
"""Records that tell which keys a file has."""

MOST_REFUSED: Final = 100
"""Refusals of which place and reason are kept."""


class RecordFrames(MappedTable):
    """A source whose records are read as frames; counts what is left out.

    Attributes:
        source: the source.
        functional: functional of the frames.
    """

    row = "frame"

    def __init__(
        self,
        source: RecordSource,
        *,
        functional: str | None = None,
        mapping: Mapping[str, str] | None = None,
        units: Mapping[str, str] | None = None,
        stress_order: StressOrder | None = None,
    ) -> None:
        """Read the first records and map their keys to fields.

        Raises:
            LabError: if no record can be read, or none of their keys holds energies.
        """
        self.source = source
        head, first = source.head(HEAD_RECORDS)
        if not head:
            if first is None:
                raise source.without_frames()
            place = f"{first.where}: {first.why}; no structure could be read."
            raise LabError(place if place.startswith(source.path.name) else _capital(place))
        file = RecordHead(source, head)
        if not file.columns:
            raise source.without_energies([])
        known = {
            field: key for field, key in source.mapping.items() if not key or key in file.columns
        }
        chosen = {**known, **(mapping or {})}
        super().__init__(
            file,
            "frames",
            chosen,
            functional=functional,
            units={**units_of_form(source, known, chosen), **(units or {})},
            usual=source.units,
            units_are_known=source.units_are_known or stated_by_lab(file) is not None,
        )
        # A record brings its structure, whatever its keys are called.
        for field in ("structure", "formula"):
            self.mapping.pop(field, None)
        self.head = head
        self.functional = functional
        self._choose_label_set({*known, *(mapping or {})})
        if "energy" not in self.mapping:
            raise source.without_energies(self.file.columns)
        if self.plan.units["energy"].is_assumed and self._are_per_atom():
            self.plan.units["energy"] = self._assumed_per_atom()
        order = stress_order or source.stress_order
        self._readers = [
            LabelReader(field, self.mapping[field], unit, order)
            for field, unit in self.plan.units.items()
        ]
        self._n_read = 0
        self._refused: list[Refusal] = []
        self._reasons: Counter[str] = Counter()
        self._earlier = Earlier()
        self._n_with: Counter[str] = Counter()
        self._notes: Counter[str] = Counter()
        self._place = Place()

    def news(self) -> dict[str, Any]:
        """Return how far the source has been read, and what was counted and met on the way.

        Ids and structures are those since this was last asked for.
        """
        return {
            "place": dataclasses.asdict(self._place),
            "n_read": self._n_read,
            "refused": [refusal.model_dump() for refusal in self._refused],
            "earlier": self._earlier.news(),
            **{name: dict(count) for name, count in self._counters().items()},
        }

    def learn(self, news: Sequence[Mapping[str, Any]]) -> None:
        """Take over all that another one returned as its news, one after the other."""
        for one in news:
            self._earlier.learn(one["earlier"])
        last = news[-1]
        self._place = Place(**last["place"])
        self._n_read = last["n_read"]
        self._refused = [Refusal(**refusal) for refusal in last["refused"]]
        for name, counter in self._counters().items():
            counter.update(last[name])

    def _counters(self) -> dict[str, Counter[str]]:
        return {
            "reasons": self._reasons,
            "n_with": self._n_with,
            "notes": self._notes,
            "other_functionals": self._other_functionals,
        }

    def _choose_label_set(self, settled: Container[str]) -> None:
        """Prefer plain energies to others, and the labels that are called like the energies.

        Args:
            settled: fields that the form or the user has mapped.
        """
        guessed = self.mapping.get("energy")
        if "energy" not in settled and (
            guessed is None or self.guess.energy(guessed).functional == UNKNOWN
        ):
            of_dft = [one.column for one in self.guess.energies if not model_named(one.column)]
            key = plain_energy(self.file.columns) or next(iter(of_dft), None)
            self.mapping |= {"energy": key} if key else {}
        for field, key in of_one_letter(self.head).items():
            self.mapping.setdefault(field, key)
        for field, key in of_one_set(self.mapping.get("energy", ""), self.file.columns).items():
            if field not in settled:
                self.mapping[field] = key

    def _are_per_atom(self) -> bool:
        key = self.mapping["energy"]
        rows = [
            (np.bincount(record.atomic_numbers - 1, minlength=N_ELEMENTS)[:N_ELEMENTS], value)
            for record in self.head
            if len(record.atomic_numbers)
            and isinstance(value := record.values.get(key), (int, float, np.number))
            and np.isfinite(value)
        ]
        if not rows:
            return False
        counts, energies = zip(*rows, strict=True)
        return are_per_atom(np.array(counts), np.array(energies, dtype=np.float64))

    def _assumed_per_atom(self) -> ColumnUnit:
        unit = self.plan.units["energy"].unit
        return ColumnUnit(
            unit=with_extent(unit, base_unit("energy")), label="energy", is_assumed=True
        )

    @property
    def labels(self) -> str:
        """Where the labels come from: "dft", or the potential that the file or its keys name."""
        if self.source.labels != DFT:
            return self.source.labels
        return model_named(self.mapping["energy"]) or DFT

    @cached_property
    def functionals(self) -> Counter[str]:
        """Functionals that the first records name, with their numbers."""
        key = self.mapping.get("functional")
        named = (record.values.get(key) for record in self.head) if key else ()
        return Counter(functional_of_row(str(name)) for name in named if not is_missing(name))

    def frames(self, progress: Progress) -> Iterator[Frame]:
        """Yield the frames; what cannot be one is counted with place and reason."""
        self.source.read_keys = frozenset(self.mapping.values())
        yield from self._taken(self.source.items(progress, None, self._place))
        self._check_any()

    def rows(self, progress: Progress) -> Iterator[Frame | pa.RecordBatch]:
        """Yield the frames, those with nothing unusual as rows of the store, many at once."""
        packers = {reader.key: reader.pack for reader in self._readers if not reader.is_scalar}
        n_fields = Counter(self.mapping.values())
        # A key that is an array and something else beside it is read as the file has it.
        if any(n_fields[key] > 1 for key in packers) or not all(
            reader.reads_many for reader in self._readers
        ):
            yield from self.frames(progress)
            return
        self.source.read_keys = frozenset(self.mapping.values())
        for item in self.source.items(progress, packers, self._place):
            count_read()
            batch = self._batch(item) if isinstance(item, Block) else None
            if batch is None:
                yield from self._taken([item])
            else:
                yield batch
        self._check_any()

    def _taken(self, items: Iterable[Item]) -> Iterator[Frame]:
        for item in items:
            if isinstance(item, Block):
                yield from self._taken(item.records())
                continue
            self._n_read += 1
            count_read()
            if isinstance(item, Refused):
                self.refuse(item.where, item.why)
                continue
            try:
                frame = self._frame(item)
            except CellError as error:
                self.refuse(item.where, str(error))
                continue
            if frame is not None:
                yield frame

    def _check_any(self) -> None:
        """Raise unless a frame was taken."""
        n_left_out = sum(self._reasons.values()) + sum(self._other_functionals.values())
        if self._n_read == n_left_out:
            raise self._without_frames()

    def _without_frames(self) -> LabError:
        if not self._n_read:
            return self.source.without_frames()
        if not self._reasons:
            return self.without_functional()
        why, n = self._reasons.most_common(1)[0]
        first = next(refusal for refusal in self._refused if refusal.why == why)
        return LabError(
            f"{self.file.path.name}: none of its {self._n_read:,} structures can be taken; "
            f"{n:,} because {why}, first {first.where}."
        )

    def refuse(self, where: str, why: str) -> None:
        """Count a structure that is left out."""
        self._reasons[why] += 1
        if len(self._refused) < MOST_REFUSED:
            self._refused.append(Refusal(where=where, why=why))

    def refuse_frame(self, frame: Frame, problem: str) -> None:
        """Count a frame that the store does not take."""
        self.refuse(f"frame {frame.frame_id} of {self.file.path.name}", f"it {problem}")

    def describe(self, card: Card) -> Card:
        """Return the card with the report, and in words what was read, assumed and left out."""
        report = ImportReport(
            n_read=self._n_read,
            n_refused=sum(self._reasons.values()),
            reasons=dict(self._reasons.most_common(MOST_REFUSED)),
            refused=self._refused,
            n_duplicates=self._earlier.n_duplicates,
            n_renamed=self._earlier.n_renamed,
            missing={
                field: card.n - self._n_with[field]
                for field in self.plan.units
                if card.n > self._n_with[field]
            },
        )
        left_out = [(n, f"because {why}") for why, n in self._reasons.most_common(5)]
        sentences = [
            self.counted(card.n, self._n_read, left_out),
            self.plan.sentences,
            *(f"{n:,} structures: {note}." for note, n in self._notes.most_common(5)),
            *self.source.notes(),
            *self._earlier.sentences(),
        ]
        text = " ".join(filter(None, sentences))
        return card.model_copy(update={"description": text, "report": report})

    def _frame(self, record: Record) -> Frame | None:
        values = record.values
        other = self._other_functional(values)
        if other is not None:
            self._other_functionals[other] += 1
            return None
        cell, stress_factor = cell_of_record(record)
        labels: dict[str, Any] = {}
        for reader in self._readers:
            value = values.get(reader.key)
            if value is not None:
                labels[reader.field] = reader.read(value, cell)
        if labels.get("energy") is None:
            raise CellError("it has no energy")
        if stress_factor is None:
            labels.pop("stress", None)
        elif (
            stress_factor != 1.0
            and labels.get("stress") is not None
            and not self.plan.units["stress"].unit.is_virial
        ):
            labels["stress"] *= stress_factor
        for field, value in labels.items():
            self._n_with[field] += value is not None
        if cell.notes:
            self._notes.update(cell.notes)
        frame_id, material_id = self._ids(values)
        self._earlier.compare(
            cell.atomic_numbers.tobytes(),
            cell.frac_coords.tobytes(),
            cell.lattice.tobytes(),
            labels["energy"],
        )
        return cell.frame(
            frame_id=frame_id,
            material_id=material_id,
            energy_per_atom=labels["energy"],
            uncorrected_energy_per_atom=labels.get("uncorrected_energy"),
            bandgap=labels.get("bandgap"),
            forces=labels.get("forces"),
            stress=labels.get("stress"),
            magmoms=np.abs(labels["magmoms"]) if labels.get("magmoms") is not None else None,
        )

    def _other_functional(self, values: Mapping[str, Any]) -> str | None:
        """Return the functional that a record names if it is not the one asked for.

        Raises:
            CellError: if it names none, and others do.
        """
        key = self.mapping.get("functional")
        if self._functional is None or not key:
            return None
        named = values.get(key)
        if is_missing(named):
            if self.functionals:
                raise CellError("it does not name its functional, as others do")
            return None
        name = functional_of_row(str(named))
        return None if covers(self._functional, name) else name

    def _batch(self, block: Block) -> pa.RecordBatch | None:
        """Return structures as rows of the store, None if one of them needs a closer look."""
        key = self.mapping.get("functional", "")
        by_name = {str(one.values.get(key)): one.values for one in block.members}
        try:
            if any(self._other_functional(one) is not None for one in by_name.values()):
                return None
        except CellError:
            return None
        structures = structure_columns(block)
        labels = label_columns(block, self._readers)
        if structures is None or labels is None:
            return None
        for field, column in labels.items():
            self._n_with[field] += column.n_present
        energies = labels.pop("energy")
        ids = []
        for one, energy in zip(block.members, energies.values.tolist(), strict=True):
            self._n_read += 1
            ids.append(self._ids(one.values))
            self._earlier.compare(one.atomic_numbers, one.frac_coords, one.lattice, energy)
        columns = {
            **structures,
            **labels,
            "frame_id": [frame_id for frame_id, _ in ids],
            "material_id": [material_id for _, material_id in ids],
            "energy_per_atom": energies,
            "uncorrected_energy_per_atom": labels.get("uncorrected_energy"),
        }
        return record_batch(columns, block.sizes())

    def _ids(self, values: Mapping[str, Any]) -> tuple[str, str]:
        """Return frame id and material id of the structure that was read last."""
        frame_id, material_id = (
            values.get(self.mapping.get(field, "")) for field in ("frame_id", "material_id")
        )
        return self._earlier.ids(frame_id, material_id, self._n_read - 1)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
