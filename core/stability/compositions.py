"""The distinct compositions of phases, and the lowest mixture of others at each of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from core.elements import N_ELEMENTS, SYMBOLS
from core.progress import Progress, report
from core.stability.mixtures import lowest_mixtures
from core.stability.phases import Phases, group

STABLE = 1e-8
"""eV/atom above the hull up to which a phase is on it, as in pymatgen."""

_SAME = 1e8
"""Inverse of the difference of fractions below which two compositions are one, as in pymatgen."""

_CHUNK = 1 << 21
"""Numbers in one array of problems that are solved together."""

_CROWDED = 200
"""Compositions of one system above which not all of them are candidates."""

_BLOCK = 256
"""Systems whose stable compositions are found together."""


@dataclass(kw_only=True, slots=True, eq=False)
class Compositions:
    """The distinct compositions of some phases, m in all, and the mixtures at each.

    Attributes:
        phases: the phases.
        columns: the elements that occur, (c,) places among the 94.
        codes: composition of each phase with an energy, (n,); −1 for the others.
        lowest: phase of lowest energy at each composition, (m,).
        fractions: of these elements, (m, c).
        energies: of the lowest phases, (m,) eV/atom.
        pure: energies of the pure elements, (c,) eV/atom, NaN where there is none.
        formation: energies minus the elements', (m,) eV/atom; NaN where one is missing.
        others: formation energy of the lowest mixture of others, (m,); NaN where unknown.
        members: compositions that are mixed, (m, k), −1 beyond the end.
        amounts: fractions of atoms, (m, k).
    """

    phases: Phases
    columns: np.ndarray
    codes: np.ndarray
    lowest: np.ndarray
    fractions: np.ndarray
    energies: np.ndarray
    pure: np.ndarray
    formation: np.ndarray
    others: np.ndarray
    members: np.ndarray
    amounts: np.ndarray

    @classmethod
    def of(cls, phases: Phases) -> Self:
        """Return the compositions of phases, nothing solved yet."""
        has_energy = np.flatnonzero(np.isfinite(phases.energies))
        columns = np.flatnonzero((phases.fractions > 0).any(axis=0))
        fractions = np.ascontiguousarray(phases.fractions[:, columns])
        numbers, first = group(np.rint(fractions[has_energy] * _SAME).astype(np.int32))
        codes = np.full(len(phases), -1)
        codes[has_energy] = numbers
        order = has_energy[np.lexsort((phases.energies[has_energy], numbers))]
        lowest = order[np.searchsorted(codes[order], np.arange(len(first)))]
        fractions, energies = fractions[lowest], phases.energies[lowest]
        counts = (fractions > 0).sum(axis=1)
        pure = np.full(len(columns), np.nan)
        single = np.flatnonzero(counts == 1)
        pure[np.nonzero(fractions[single])[1]] = energies[single]
        lacks = (fractions[:, np.isnan(pure)] > 0).any(axis=1)
        formation = energies - fractions @ np.nan_to_num(pure)
        shape = (len(lowest), int(counts.max(initial=1)))
        return cls(
            phases=phases,
            columns=columns,
            codes=codes,
            lowest=lowest,
            fractions=fractions,
            energies=energies,
            pure=pure,
            formation=np.where(lacks, np.nan, formation),
            others=np.full(len(lowest), np.nan),
            members=np.full(shape, -1),
            amounts=np.zeros(shape),
        )

    @property
    def elements(self) -> np.ndarray:
        """Energies of the pure elements, (94,) eV/atom, NaN where there is none."""
        energies = np.full(N_ELEMENTS, np.nan)
        energies[self.columns] = self.pure
        return energies

    def solve(self, progress: Progress) -> None:
        """Find the lowest mixture at every composition, systems with few elements first."""
        counts = (self.fractions > 0).sum(axis=1)
        known = np.isfinite(self.formation)
        on_hull = known & (counts == 1)
        total, done = int((known & (counts > 1)).sum()), 0
        for k in np.unique(counts[known & (counts > 1)]):
            own = np.flatnonzero(known & (counts == k))
            systems = self._systems(own, np.flatnonzero(on_hull))
            crowded = [system for system in systems if len(system.wanted) > _CROWDED]
            others = [system for system in systems if len(system.wanted) <= _CROWDED]
            for problems in _chunks(others, int(k)):
                self._solve(problems)
                done += len(problems.wanted)
                report(progress, done, total, "Compositions")
            for system in crowded:
                self._solve_crowded(system)
                done += len(system.wanted)
                report(progress, done, total, "Compositions")
            on_hull[own] = self.formation[own] <= self.others[own] + STABLE

    def _systems(self, own: np.ndarray, stable: np.ndarray) -> "list[_System]":
        """Return the systems of some compositions with what is stable within each.

        Args:
            own: compositions of one number of elements, (p,).
            stable: stable compositions with fewer elements, (s,).
        """
        present = self.fractions > 0
        numbers, first = group(present[own])
        members = _split(np.argsort(numbers, kind="stable"), np.bincount(numbers))
        systems: list[_System] = []
        flags = present[stable].astype(np.float32)
        is_pure = flags.sum(axis=1) == 1
        # The elements of each stable composition that a system has are counted in one product.
        for begin in range(0, len(first), _BLOCK):
            places = own[first[begin : begin + _BLOCK]]
            shared = present[places].astype(np.float32) @ flags.T
            of_block, found = np.nonzero(shared == flags.sum(axis=1))
            within = _split(found, np.bincount(of_block, minlength=len(places)))
            for place, inside, mine in zip(places, within, members[begin:], strict=False):
                wanted = own[mine]
                pure = stable[inside[is_pure[inside]]]
                systems.append(
                    _System(
                        elements=np.flatnonzero(present[place]),
                        candidates=np.concatenate(
                            [
                                pure[self.fractions[pure].argmax(axis=1).argsort()],
                                stable[inside[~is_pure[inside]]],
                                wanted[self.formation[wanted] < 0],
                            ]
                        ),
                        wanted=wanted,
                    )
                )
        return systems

    def _solve_crowded(self, system: "_System") -> None:
        """Solve a system of so many compositions that most of them had better be no candidates.

        The candidates grow from the stable ones of smaller systems by the deepest composition below
        each mixture, until none is below. Then all mixtures are right but those of the stable
        compositions, which lack the unstable ones. Of these, one can matter only if the stable
        composition is in its own mixture, which could replace it otherwise.
        """
        k, wanted = len(system.elements), system.wanted
        kept = system.candidates[~np.isin(system.candidates, wanted)]
        depth = np.zeros(len(wanted))
        below = np.zeros(1, dtype=np.intp)
        while len(below):
            self._solve_all([replace(system, candidates=kept)], k)
            depth = self.formation[wanted] - self.others[wanted]
            below = np.flatnonzero((depth < -STABLE) & ~np.isin(wanted, kept))
            below = below[np.argsort(depth[below], kind="stable")]
            _, deepest = group(self.members[wanted[below], :k])
            kept = np.concatenate([kept, wanted[below[deepest]]])
        spare = wanted[~np.isin(wanted, kept)]
        mixed = np.where(self.amounts[spare, :k] > 0, self.members[spare, :k], -1)
        self._solve_all(
            [
                replace(
                    system,
                    candidates=np.concatenate([kept, spare[(mixed == stable).any(axis=1)]]),
                    wanted=np.array([stable]),
                )
                for stable in wanted[(depth <= STABLE) & np.isin(wanted, kept)]
            ],
            k,
        )

    def _solve_all(self, systems: "list[_System]", k: int) -> None:
        for problems in _chunks(systems, k):
            self._solve(problems)

    def _solve(self, problems: "_Problems") -> None:
        x = self.fractions[problems.candidates[..., None], problems.elements[:, None, :]]
        is_filler = problems.candidates < 0
        e = np.where(is_filler, np.inf, self.formation[problems.candidates])
        x[is_filler] = 0.0
        # A composition is not mixed from itself.
        e[problems.candidates == problems.wanted[:, None]] = np.inf
        wanted = self.fractions[problems.wanted[:, None], problems.elements]
        found = lowest_mixtures(wanted, x, e)
        k = wanted.shape[1]
        rows = np.arange(len(wanted))[:, None]
        self.others[problems.wanted] = found.energies
        self.members[problems.wanted, :k] = problems.candidates[rows, found.members]
        self.amounts[problems.wanted, :k] = found.amounts

    def of_phases(self) -> dict[str, np.ndarray]:
        """Return hull, others, without, left_out, members and amounts by phase."""
        shift = self.fractions @ np.nan_to_num(self.pure)
        is_element = (self.fractions > 0).sum(axis=1) == 1
        lacks = np.isnan(self.formation)
        others = np.where(is_element | lacks, np.nan, self.others + shift)
        hull = np.where(lacks, np.nan, np.fmin(self.energies, others))
        rival = self._rivals()
        has = self.codes >= 0
        taken = self.codes[has]

        def spread(values: np.ndarray, fill: float) -> np.ndarray:
            full = np.full((len(self.codes), *values.shape[1:]), fill, dtype=values.dtype)
            full[has] = values[taken]
            return full

        members = np.where(self.members >= 0, self.lowest[self.members], -1)
        members[is_element, 0], amounts = self.lowest[is_element], self.amounts.copy()
        amounts[is_element, 0] = 1.0
        by_phase = {"hull": spread(hull, np.nan), "others": spread(others, np.nan)}
        without = np.fmin(rival, by_phase["others"])
        without[np.isnan(by_phase["hull"])] = np.nan
        return {
            **by_phase,
            "without": without,
            "left_out": self._left_out(lacks),
            "members": spread(members, -1),
            "amounts": spread(amounts, 0.0),
        }

    def _rivals(self) -> np.ndarray:
        """Return the lowest energy of another phase of each phase's composition, (n,)."""
        energies, codes = self.phases.energies, self.codes
        rival = np.full(len(codes), np.nan)
        has = np.flatnonzero(codes >= 0)
        rival[has] = energies[self.lowest[codes[has]]]
        order = has[np.lexsort((energies[has], codes[has]))]
        second = np.flatnonzero(codes[order][1:] == codes[order][:-1]) + 1
        rival[self.lowest] = np.nan
        previous = order[second - 1]
        is_first = previous == self.lowest[codes[previous]]
        rival[previous[is_first]] = energies[order[second[is_first]]]
        return rival

    def _left_out(self, lacks: np.ndarray) -> np.ndarray:
        reasons = np.array(self.phases.reasons, dtype=object)
        unknown = np.isnan(self.pure)
        places = np.flatnonzero(self.codes >= 0)
        for i in places[lacks[self.codes[places]]]:
            missing = self.columns[(self.fractions[self.codes[i]] > 0) & unknown]
            names = ", ".join(SYMBOLS[z] for z in missing)
            reasons[i] = f"no energy of pure {names} is known; choose references that have it"
        return reasons


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class _System:
    """One chemical system of k elements.

    Attributes:
        elements: (k,) indices.
        candidates: compositions that may be mixed, (m,), the pure elements first.
        wanted: compositions to mix, (p,).
    """

    elements: np.ndarray
    candidates: np.ndarray
    wanted: np.ndarray


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class _Problems:
    """Problems that are solved together, b in all.

    Attributes:
        wanted: composition to mix, (b,).
        elements: (b, k).
        candidates: (b, m), −1 beyond the end.
    """

    wanted: np.ndarray
    elements: np.ndarray
    candidates: np.ndarray


def _split(values: np.ndarray, counts: np.ndarray) -> list[np.ndarray]:
    """Cut an array into parts of these lengths."""
    return np.split(values, np.cumsum(counts)[:-1])


def _chunks(systems: "list[_System]", k: int) -> Iterator[_Problems]:
    """Yield the problems of systems, those of about the same number of candidates together."""
    systems = sorted(systems, key=lambda system: len(system.candidates))
    waiting: list[_System] = []
    n = 0
    for system in systems:
        width = len(system.candidates)
        most = max(_CHUNK // (width * k), 1)
        if waiting and n + len(system.wanted) > most:
            yield _packed(waiting)
            waiting, n = [], 0
        for begin in range(0, len(system.wanted), most):
            waiting.append(replace(system, wanted=system.wanted[begin : begin + most]))
            n += len(waiting[-1].wanted)
            if n >= most:
                yield _packed(waiting)
                waiting, n = [], 0
    if waiting:
        yield _packed(waiting)


def _packed(systems: "list[_System]") -> _Problems:
    width = max(len(system.candidates) for system in systems)
    candidates = np.full((len(systems), width), -1)
    for row, system in zip(candidates, systems, strict=True):
        row[: len(system.candidates)] = system.candidates
    counts = [len(system.wanted) for system in systems]
    return _Problems(
        wanted=np.concatenate([system.wanted for system in systems]),
        elements=np.repeat([system.elements for system in systems], counts, axis=0),
        candidates=np.repeat(candidates, counts, axis=0),
    )
