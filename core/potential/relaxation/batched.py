"""Structures that relax side by side, joining and leaving one packed batch."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from ase import units
from chgnet.model import CHGNet
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.schema import PERIODIC, Frame
from core.potential.graph import HasStructure, PackedGraph, convert
from core.potential.relaxation.cell import Matrices, logarithm_forces
from core.potential.relaxation.evaluation import Evaluation, Evaluator
from core.potential.relaxation.fire import Walkers
from core.potential.relaxation.relaxed import Relaxed, State, Trajectory
from core.potential.relaxation.settings import RelaxSettings

LARGEST_FORCE = 1000.0
"""eV/Å beyond which a relaxation counts as exploded."""
LARGEST_VOLUME_RATIO = 8.0
"""How many times larger or smaller a volume may become: twice in every direction."""

BUDGET = 30_000
"""Directed bonds plus angles in one batch on the CPU, about 0.2 GB (0.8 GB where torch computes
alone): each batch costs the same some 10 ms beside what its size costs."""
_ACCELERATED = 10
"""How many times the budget of a CPU an accelerator begins with, about 8 GB."""

Watch = Callable[[float], object]
"""Called before each step of the batch with the structures done, those under way in part."""

Follow = Callable[[int, float, float, NDArray[np.float32], NDArray[np.float64]], object]
"""Called with every geometry: row of the structure, energy in eV/atom, largest force in eV/Å,
fractional coordinates (n, 3) and lattice (3, 3)."""

_Point = tuple[float, float, NDArray[np.float32], NDArray[np.float64]]
"""Energy, largest force, fractional coordinates and lattice of one geometry."""


@dataclass(kw_only=True, slots=True, eq=False)
class _Case:
    """One structure under way."""

    row: int
    given: Frame
    volume: float
    keeps_cell: bool
    graph: PackedGraph
    history: list[_Point] = field(default_factory=list)


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class _Now:
    """Where B structures of N atoms in all are, and what drives them.

    Attributes:
        starts: first atom of each structure, (B,).
        sizes: atoms of each structure, (B,).
        lattices: (B, 3, 3) Å.
        frac_coords: (N, 3).
        found: what the model says.
        forces: generalised forces of the atoms, eV/Å, (N, 3).
        cell_forces: generalised forces of the cells, eV, (B, 3, 3).
        max_forces: what is compared with ``fmax``, (B,).
        ratios: volumes over those of the given structures, (B,).
        problems: why a structure has exploded, else empty, B of them.
    """

    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    lattices: Matrices
    frac_coords: NDArray[np.float64]
    found: Evaluation
    forces: NDArray[np.float64]
    cell_forces: Matrices
    max_forces: NDArray[np.float64]
    ratios: NDArray[np.float64]
    problems: list[str]

    def atoms(self, place: int) -> slice:
        """Return the rows of a structure's atoms."""
        return slice(self.starts[place], self.starts[place] + self.sizes[place])

    def point(self, place: int) -> _Point:
        """Return a point of a structure's trajectory."""
        return (
            float(self.found.energies[place]),
            float(self.max_forces[place]),
            self.frac_coords[self.atoms(place)].astype(np.float32),
            self.lattices[place],
        )


def relaxations(
    model: CHGNet,
    structures: Sequence[Frame],
    settings: RelaxSettings,
    *,
    budget: int | None = None,
    keep_trajectories: bool = False,
    watch: Watch = lambda _: None,
    follow: Follow | None = None,
) -> Iterator[tuple[int, Relaxed]]:
    """Relax structures on one packed batch; each as ASE's FIRE with its ``FrechetCellFilter``.

    The largest structures go first, so that no large one is left to relax alone at the end. A
    structure that is not periodic along every lattice vector keeps its cell.

    Args:
        model: a CHGNet of the released architecture, on the device and in the type to be used.
        structures: the structures, whose labels are not looked at.
        settings: when a relaxation ends.
        budget: directed bonds plus angles in one batch, which bounds the memory unless a single
            structure has more; halved when the device's memory does not suffice. By default
            ``BUDGET``, and more on an accelerator.
        keep_trajectories: keep every geometry.
        watch: called before each step; an exception that it raises ends the work.
        follow: called with every geometry as it comes.

    Yields:
        Row of a structure and what came of it, as they end.
    """
    if budget is None:
        is_accelerated = model.site_wise.weight.device.type != "cpu"
        budget = BUDGET * _ACCELERATED if is_accelerated else BUDGET
    batch = _Batch(
        model,
        structures,
        settings,
        budget=budget,
        keep_trajectories=keep_trajectories,
        watch=watch,
        follow=follow,
    )
    yield from batch.run()


class _Batch:
    """The structures under way, and those that wait."""

    def __init__(
        self,
        model: CHGNet,
        structures: Sequence[Frame],
        settings: RelaxSettings,
        *,
        budget: int,
        keep_trajectories: bool,
        watch: Watch,
        follow: Follow | None,
    ) -> None:
        self._structures, self._settings = structures, settings
        self._evaluator = Evaluator(model, budget)
        self._keep, self._watch, self._follow = keep_trajectories, watch, follow
        sizes = [len(structure) for structure in structures]
        self._waiting = deque(sorted(range(len(sizes)), key=lambda row: -sizes[row]))
        self._next: _Case | None = None
        self._cases: list[_Case] = []
        self._walkers = Walkers.none()
        self._done = 0

    def run(self) -> Iterator[tuple[int, Relaxed]]:
        """Step until nothing is left."""
        while self._waiting or self._next or self._cases:
            for row, refused in self._join():
                self._done += 1
                yield row, refused
            if not self._cases:
                continue
            share = self._walkers.steps / max(self._settings.steps, 1)
            self._watch(self._done + float(share.sum()))
            for row, relaxed in self._step():
                self._done += 1
                yield row, relaxed

    def _join(self) -> Iterator[tuple[int, Relaxed]]:
        """Take in waiting structures while the budget allows, and yield those to be refused."""
        cost = sum(case.graph.cost for case in self._cases)
        new: list[_Case] = []
        while self._next or self._waiting:
            if self._next is None:
                row = self._waiting.popleft()
                given = as_frame(self._structures[row], row)
                try:
                    self._next = self._case(row, given)
                except LabError as error:
                    yield row, Relaxed(state="refused", reason=str(error), structure=given)
                    continue
            if (self._cases or new) and cost + self._next.graph.cost > self._evaluator.budget:
                break
            cost += self._next.graph.cost
            new.append(self._next)
            self._next = None
        if new:
            self._walkers = self._walkers.joined(
                Walkers.at_rest(
                    np.array([len(case.given) for case in new]),
                    np.concatenate([case.graph.frac_coords for case in new]),
                    np.stack([case.graph.lattice for case in new]),
                )
            )
            self._cases += new

    def _case(self, row: int, given: Frame) -> _Case:
        graph = _graph(given, given.frac_coords, given.lattice)
        return _Case(
            row=row,
            given=given,
            volume=float(abs(np.linalg.det(graph.lattice))),
            keeps_cell=not (self._settings.relax_cell and all(given.pbc)),
            graph=graph,
        )

    def _step(self) -> Iterator[tuple[int, Relaxed]]:
        """Evaluate all structures, yield those that have ended, and move the others."""
        walkers, now = self._walkers, self._now()
        exploded = np.array([bool(problem) for problem in now.problems])
        converged = ~exploded & (now.max_forces < self._settings.fmax)
        ended = exploded | converged | (walkers.steps >= self._settings.steps)
        for place, case in enumerate(self._cases):
            if self._keep:
                case.history.append(now.point(place))
            if self._follow is not None:
                self._follow(case.row, *now.point(place))
            if ended[place]:
                state: State = "converged" if converged[place] else "not converged"
                yield case.row, self._relaxed(place, now, "exploded" if exploded[place] else state)
        going = ~ended
        self._cases = [case for case, goes in zip(self._cases, going, strict=True) if goes]
        self._walkers = walkers.only(going)
        if self._cases:
            self._walkers.step(now.forces[walkers.per_atom(going)], now.cell_forces[going])

    def _now(self) -> _Now:
        """Evaluate all structures."""
        walkers = self._walkers
        lattices, frac_coords = walkers.lattices(), walkers.frac_coords()
        found = self._evaluate(lattices, frac_coords)
        forces, cell_forces = self._generalised(found, lattices)
        max_forces = np.maximum(
            np.maximum.reduceat(np.linalg.norm(forces, axis=1), walkers.starts),
            np.linalg.norm(cell_forces, axis=2).max(axis=1),
        )
        ratios = np.abs(np.linalg.det(lattices)) / [case.volume for case in self._cases]
        facts = zip(found.problems, found.energies, max_forces, ratios, strict=True)
        return _Now(
            starts=walkers.starts,
            sizes=walkers.sizes,
            lattices=lattices,
            frac_coords=frac_coords,
            found=found,
            forces=forces,
            cell_forces=cell_forces,
            max_forces=max_forces,
            ratios=ratios,
            problems=[problem or _explosion(*values) for problem, *values in facts],
        )

    def _relaxed(self, place: int, now: _Now, state: State) -> Relaxed:
        """Return the result of a structure that ends in a state."""
        case, found, steps = self._cases[place], now.found, int(self._walkers.steps[place])
        max_force = float(now.max_forces[place])
        structure, reason = case.given, ""
        if found.too_large[place]:
            state, reason = "refused", "The device has too little memory for it; take the CPU."
        elif state == "exploded":
            reason = f"At step {steps:,} {now.problems[place]}"
        else:
            structure = replace(
                case.given,
                frac_coords=now.frac_coords[now.atoms(place)],
                lattice=now.lattices[place],
                energy_per_atom=float(found.energies[place]),
                forces=found.forces[now.atoms(place)],
                stress=found.stresses[place] if any(case.given.pbc) else None,
            )
            if state == "not converged":
                reason = (
                    f"The largest force is still {max_force:.3g} eV/Å at step {steps:,}, the last "
                    "allowed; allow more steps, or look at the structure."
                )
            elif self._settings.relax_cell and case.keeps_cell:
                reason = "Its cell was kept: it is not periodic along every lattice vector."
        return Relaxed(
            state=state,
            reason=reason,
            structure=structure,
            steps=steps,
            max_force=max_force,
            volume_change=float(now.ratios[place]) - 1,
            trajectory=_trajectory(case.history) if self._keep else None,
        )

    def _generalised(
        self, found: Evaluation, lattices: Matrices
    ) -> tuple[NDArray[np.float64], Matrices]:
        """Return the forces of the coordinates that ``Walkers`` moves."""
        walkers = self._walkers
        deformed = walkers.deformations()
        forces = np.einsum("ni,nij->nj", found.forces, walkers.per_atom(deformed))
        volumes = np.abs(np.linalg.det(lattices))[:, None, None]
        stresses = (found.stresses + found.stresses.swapaxes(1, 2)) / 2 * units.GPa
        slopes = logarithm_forces(walkers.logarithms, deformed, -volumes * stresses)
        slopes[[case.keeps_cell for case in self._cases]] = 0.0
        return forces, slopes / walkers.sizes[:, None, None]

    def _evaluate(self, lattices: Matrices, frac_coords: NDArray[np.float64]) -> Evaluation:
        """Evaluate all structures where they are now."""
        walkers, graphs = self._walkers, list[PackedGraph | str]()
        starts = walkers.starts
        for place, case in enumerate(self._cases):
            atoms = slice(starts[place], starts[place] + walkers.sizes[place])
            try:
                if walkers.steps[place]:
                    case.graph = _graph(case.given, frac_coords[atoms], lattices[place])
                graphs.append(case.graph)
            except LabError as error:
                graphs.append(f"it cannot be represented any more: {error}")
        return self._evaluator.evaluate(graphs, walkers.sizes)


def as_frame(structure: HasStructure, row: int) -> Frame:
    """Return a structure without labels as a frame."""
    if isinstance(structure, Frame):
        name, material, pbc = structure.frame_id, structure.material_id, structure.pbc
    else:
        name = material = str(row + 1)
        pbc = PERIODIC
    return Frame(
        frame_id=name,
        material_id=material,
        atomic_numbers=structure.atomic_numbers,
        frac_coords=structure.frac_coords,
        lattice=structure.lattice,
        pbc=pbc,
    )


def _graph(
    given: Frame, frac_coords: NDArray[np.float64], lattice: NDArray[np.float64]
) -> PackedGraph:
    return convert(given.atomic_numbers, frac_coords, lattice, given.pbc)


def _explosion(energy: float, force: float, ratio: float) -> str:
    """Return what is wrong with a geometry, empty if nothing is."""
    if not (np.isfinite(energy) and np.isfinite(force)):
        return "the model predicts something that is not a finite number."
    if force > LARGEST_FORCE:
        return f"a force is {force:,.0f} eV/Å, more than {LARGEST_FORCE:,.0f}."
    if not 1 / LARGEST_VOLUME_RATIO < ratio < LARGEST_VOLUME_RATIO:
        return f"its volume is {ratio:.2g} times that of the given structure."
    return ""


def _trajectory(history: Sequence[_Point]) -> Trajectory:
    energies, max_forces, frac_coords, lattices = zip(*history, strict=True)
    return Trajectory(
        energies=np.array(energies, dtype=np.float64),
        max_forces=np.array(max_forces, dtype=np.float64),
        frac_coords=np.stack(frac_coords),
        lattices=np.stack(lattices),
    )
