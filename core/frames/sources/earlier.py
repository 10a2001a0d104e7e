"""What was there before in a file: ids, and structures with their energies."""

import hashlib
from array import array
from typing import Any, Final

_SAME_ENERGY: Final = 1e-6
_OTHER_ENERGY: Final = 5e-3
"""eV/atom by which energies of one structure differ, or do not, in one set of settings."""


class Earlier:
    """The ids and structures of the frames so far.

    Attributes:
        n_renamed: frames whose id was taken and got a number.
        n_duplicates: frames that repeat an earlier one.
        n_conflicts: frames with the structure of an earlier one and another energy.
        largest_conflict: largest difference of such energies, eV/atom.
    """

    def __init__(self) -> None:
        self.n_renamed = 0
        self.n_duplicates = 0
        self.n_conflicts = 0
        self.largest_conflict = 0.0
        self._n_with_id: dict[str, int] = {}
        self._energy_of: dict[int, float] = {}
        self._new_ids: list[str] = []
        self._new_marks = array("Q")
        self._new_energies = array("d")

    def news(self) -> dict[str, Any]:
        """Return the counts, and the ids and structures since this was last asked for."""
        news = {
            "counts": [self.n_renamed, self.n_duplicates, self.n_conflicts],
            "largest_conflict": self.largest_conflict,
            "ids": self._new_ids,
            "marks": self._new_marks.tobytes(),
            "energies": self._new_energies.tobytes(),
        }
        self._new_ids, self._new_marks, self._new_energies = [], array("Q"), array("d")
        return news

    def learn(self, news: dict[str, Any]) -> None:
        """Take over what another one returned as its news."""
        self.n_renamed, self.n_duplicates, self.n_conflicts = news["counts"]
        self.largest_conflict = news["largest_conflict"]
        for frame in news["ids"]:
            self._n_with_id[frame] = self._n_with_id.get(frame, 0) + 1
        marks, energies = array("Q", news["marks"]), array("d", news["energies"])
        self._energy_of.update(zip(marks, energies, strict=True))

    def ids(self, frame_id: object, material_id: object, place: int) -> tuple[str, str]:
        """Return frame id and material id; a missing one follows from the other or the place.

        Args:
            frame_id: the file's, None where missing.
            material_id: the file's, None where missing.
            place: number of the structure in the file.
        """
        given = "" if frame_id is None else str(frame_id)
        material = "" if material_id is None else str(material_id)
        material = material or given or f"frame-{place}"
        frame = given or material
        n = self._n_with_id[frame] = self._n_with_id.get(frame, 0) + 1
        self._new_ids.append(frame)
        if n > 1:
            self.n_renamed += bool(given)
            frame = f"{frame}#{n}"
        return frame, material

    def compare(self, numbers: bytes, coords: bytes, lattice: bytes, energy: float) -> None:
        """Count a structure that was there before, with the same energy or with another one.

        Args:
            numbers: its atomic numbers, as bytes of an array.
            coords: its fractional coordinates.
            lattice: its lattice vectors.
            energy: eV/atom.
        """
        # The same in every process, unlike Python's own hash.
        digest = hashlib.blake2b(numbers, digest_size=8)
        digest.update(lattice)
        digest.update(coords)
        mark = int.from_bytes(digest.digest())
        if mark not in self._energy_of:
            self._energy_of[mark] = energy
            self._new_marks.append(mark)
            self._new_energies.append(energy)
            return
        difference = abs(self._energy_of[mark] - energy)
        self.n_duplicates += difference < _SAME_ENERGY
        self.n_conflicts += difference > _OTHER_ENERGY
        self.largest_conflict = max(self.largest_conflict, difference)

    def sentences(self) -> list[str]:
        """Return in words what came again."""
        sentences = []
        if self.n_duplicates:
            sentences.append(f"{self.n_duplicates:,} frames repeat an earlier one.")
        if self.n_conflicts:
            sentences.append(
                f"{self.n_conflicts:,} frames have the structure of an earlier one and another "
                f"energy, by up to {1000 * self.largest_conflict:,.0f} meV/atom: settings, "
                "functionals or corrections may be mixed."
            )
        if self.n_renamed:
            sentences.append(f"{self.n_renamed:,} frame ids were taken and got a number.")
        return sentences
