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
from core.potential.graph import PackedGraph, convert
from core.potential.prediction import BUDGET, HasStructure
from core.potential.relaxation.cell import Matrices, logarithm_forces
from core.potential.relaxation.evaluation import Evaluation, Evaluator
from core.potential.relaxation.fire import Walkers
from core.potential.relaxation.relaxed import Relaxed, RelaxSettings, State, Trajectory

LARGEST_FORCE = 1000.0
"""eV/Å beyond which a relaxation counts as exploded."""
LARGEST_VOLUME_RATIO = 8.0
"""How many times larger or smaller a volume may become: twice in every direction."""

Watch = Callable[[float], object]
"""Called before each step of the batch with the structures done, those under way in part."""


@dataclass(kw_only=True, slots=True, eq=False)
class _Case:
    """One structure under way."""

    row: int
    given: Frame
    volume: float
    keeps_cell: bool
    graph: PackedGraph
    history: list[tuple[float, float, NDArray[np.float32], NDArray[np.float64]]] = field(
        default_factory=list
    )


def relaxations(
    model: CHGNet,
    structures: Sequence[HasStructure],
    settings: RelaxSettings,
    *,
    budget: int = BUDGET,
    keep_trajectories: bool = False,
    watch: Watch = lambda _: None,
) -> Iterator[tuple[int, Relaxed]]:
    """Relax structures on one packed batch; each as ASE's FIRE with its ``FrechetCellFilter``.

    The largest structures go first, so that no large one is left to relax alone at the end. A
    structure that is not periodic along every lattice vector keeps its cell.

    Args:
        model: a CHGNet of the released architecture, on the device and in the type to be used.
        structures: the structures.
        settings: when a relaxation ends.
        budget: directed bonds plus angles in one batch, which bounds the memory unless a single
            structure has more; halved when the device's memory does not suffice.
        keep_trajectories: keep every geometry.
        watch: called before each step; an exception that it raises ends the work.

    Yields:
        Row of a structure and what came of it, as they end.
    """
    yield from _Batch(model, structures, settings, budget, keep_trajectories, watch).run()


class _Batch:
    """The structures under way, and those that wait."""

    def __init__(
        self,
        model: CHGNet,
        structures: Sequence[HasStructure],
        settings: RelaxSettings,
        budget: int,
        keep_trajectories: bool,  # noqa: FBT001
        watch: Watch,
    ) -> None:
        self._structures, self._settings = structures, settings
        self._evaluator = Evaluator(model, budget)
        self._keep, self._watch = keep_trajectories, watch
        sizes = [len(structure.atomic_numbers) for structure in structures]
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
        walkers, settings = self._walkers, self._settings
        lattices, frac_coords = walkers.lattices(), walkers.frac_coords()
        found = self._evaluate(lattices, frac_coords)
        forces, cell_forces = self._generalised(found, lattices)
        max_forces = np.maximum(
            np.maximum.reduceat(np.linalg.norm(forces, axis=1), walkers.starts),
            np.linalg.norm(cell_forces, axis=2).max(axis=1),
        )
        ratios = np.abs(np.linalg.det(lattices)) / [case.volume for case in self._cases]
        problems = [
            problem or _explosion(energy, force, ratio)
            for problem, energy, force, ratio in zip(
                found.problems, found.energies, max_forces, ratios, strict=True
            )
        ]
        exploded = np.array([bool(problem) for problem in problems])
        converged = ~exploded & (max_forces < settings.fmax)
        ended = exploded | converged | (walkers.steps >= settings.steps)
        starts = walkers.starts
        for place, case in enumerate(self._cases):
            atoms = slice(starts[place], starts[place] + walkers.sizes[place])
            if self._keep:
                case.history.append(
                    (
                        found.energies[place],
                        max_forces[place],
                        frac_coords[atoms].astype(np.float32),
                        lattices[place],
                    )
                )
            if not ended[place]:
                continue
            state: State = "converged" if converged[place] else "not converged"
            structure = replace(
                case.given,
                frac_coords=frac_coords[atoms],
                lattice=lattices[place],
                energy_per_atom=float(found.energies[place]),
                forces=found.forces[atoms],
                stress=found.stresses[place] if any(case.given.pbc) else None,
            )
            reason = _remark(case, settings, float(max_forces[place]), state)
            if exploded[place]:
                state, structure = "exploded", case.given
                reason = f"After {walkers.steps[place]} steps {problems[place]}"
            yield (
                case.row,
                Relaxed(
                    state=state,
                    reason=reason,
                    structure=structure,
                    steps=int(walkers.steps[place]),
                    max_force=float(max_forces[place]),
                    volume_change=float(ratios[place]) - 1,
                    trajectory=_trajectory(case) if self._keep else None,
                ),
            )
        going = ~ended
        atoms_going = np.repeat(going, walkers.sizes)
        self._cases = [case for case, goes in zip(self._cases, going, strict=True) if goes]
        self._walkers = walkers.only(going)
        if self._cases:
            self._walkers.step(forces[atoms_going], cell_forces[going])

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


def _remark(case: _Case, settings: RelaxSettings, max_force: float, state: State) -> str:
    if state == "not converged":
        return (
            f"The largest force is still {max_force:.3g} eV/Å after {settings.steps:,} steps; allow"
            " more steps, or look at the structure."
        )
    if settings.relax_cell and case.keeps_cell:
        return "Its cell was kept, because it is not periodic along every lattice vector."
    return ""


def _trajectory(case: _Case) -> Trajectory:
    energies, max_forces, frac_coords, lattices = zip(*case.history, strict=True)
    return Trajectory(
        energies=np.array(energies, dtype=np.float64),
        max_forces=np.array(max_forces, dtype=np.float64),
        frac_coords=np.stack(frac_coords),
        lattices=np.stack(lattices),
    )
