"""Task documents of emmet and atomate: VASP calculations with every ionic step."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from core.frames.sources.json_files.documents import JsonDocuments, structure_record
from core.frames.sources.records import Record, Refused, Steps
from core.frames.tables.tabular import CellError
from core.frames.vasp.settings import Settings
from core.progress import Progress

_UNCONVERGED = "its electronic loop stopped at NELM, so it is not converged"


class TaskDocuments(JsonDocuments):
    """Task documents in JSON, one, several, or one per line; jobs of jobflow; Vasprun.as_dict.

    The energy of an ionic step is its e_fr plus e_0 − e_fr of its last electronic step, for VASP 5
    writes other quantities under the names of the step, and its electronic steps lack the
    dispersion energy. Stress is in kBar with VASP's sign. A document without steps gives its
    output alone.
    """

    form = "tasks"
    title = "emmet task documents"
    mapping: Mapping[str, str] = MappingProxyType(
        {
            "frame_id": "frame_id",
            "material_id": "material_id",
            "energy": "energy",
            "forces": "forces",
            "stress": "stress",
            "magmoms": "magmom",
            "bandgap": "bandgap",
            "functional": "run_type",
        }
    )
    units: Mapping[str, str] = MappingProxyType(
        {"energy": "eV/cell", "forces": "eV/Å", "stress": "kBar"}
    )
    units_are_known = True
    corrections = "none"
    has_steps = True
    _steps: Steps = "all"
    _with_unconverged = False
    _n_without_steps = 0

    @classmethod
    def is_document(cls, document: Mapping[str, Any]) -> bool:
        """Return whether an object has calculations, or an output with a structure."""
        document = _task(document)
        if isinstance(document.get("calcs_reversed"), list):
            return True
        output = document.get("output")
        if not isinstance(output, Mapping):
            return False
        return {"energy", "structure"} <= output.keys() or "ionic_steps" in output

    def choose(self, steps: Steps, *, with_unconverged: bool) -> None:
        """Choose which ionic steps are read."""
        self._steps = steps
        self._with_unconverged = with_unconverged

    def records(self, progress: Progress) -> Iterator[Record | Refused]:
        """Yield the ionic steps of all calculations in the order in which they were made."""
        self._n_without_steps = 0
        yield from super().records(progress)

    def read(self, document: Mapping[str, Any], where: str, key: str) -> Iterator[Record | Refused]:
        """Yield the ionic steps of one document."""
        document = _task(document)
        names = (document.get("task_id"), document.get("_id"), key, where.partition(" of ")[0])
        task = str(next(name for name in names if name and not isinstance(name, Mapping)))
        ids = {"material_id": str(document.get("material_id") or task)}
        calculations = document.get("calcs_reversed")
        if not isinstance(calculations, list):
            # Vasprun.as_dict is one calculation.
            has_steps = isinstance(_below(document, "output", "ionic_steps"), list)
            calculations = [document] if has_steps else []
        n_steps = 0
        for place, calculation in reversed(list(enumerate(calculations))):
            if not isinstance(calculation, Mapping):
                yield Refused(where=f"calculation {place} of {where}", why="it is not an object")
                continue
            settings = settings_of(calculation)
            functional = run_type(calculation) or run_type(document) or settings.functional()
            steps = _below(calculation, "output", "ionic_steps")
            for number, step in enumerate(steps if isinstance(steps, list) else []):
                n_steps += 1
                is_last = number == len(steps) - 1
                if self._steps == "last" and not is_last:
                    continue
                here = f"ionic step {number} of calculation {place} of {where}"
                try:
                    record = _step_record(step, here)
                    if not self._with_unconverged:
                        _refuse_unconverged(step, settings)
                except CellError as error:
                    yield Refused(where=here, why=str(error))
                    continue
                if is_last:
                    record.values |= _final_labels(calculation, len(record.atomic_numbers))
                record.values |= ids | {"frame_id": f"{task}-{place}-{number}"}
                if functional:
                    record.values["run_type"] = functional
                yield record
        if not n_steps:
            self._n_without_steps += 1
            record = _output_record(document, where)
            record.values |= ids | {"frame_id": task}
            yield record

    def notes(self) -> list[str]:
        """Say which energies the documents without steps have."""
        n = self._n_without_steps
        if not n:
            return []
        note = (
            f"{n:,} documents have no ionic steps; their energy is that of their output, which "
            "may be the one without entropy."
        )
        return [note]


def _task(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the task that a job of jobflow holds as its output, or the document itself."""
    output = document.get("output")
    if isinstance(output, Mapping) and (
        "calcs_reversed" in output or isinstance(output.get("output"), Mapping)
    ):
        return output
    return document


def run_type(document: Mapping[str, Any]) -> str | None:
    """Return the functional that a document or a calculation names, None if it names none."""
    value = document.get("run_type")
    if isinstance(value, Mapping):
        value = value.get("value")
    return value if isinstance(value, str) and value else None


def step_energy(step: Mapping[str, Any]) -> float:
    """Return the energy of an ionic step for zero broadening, eV.

    Raises:
        CellError: if it has none.
    """
    free, zero, other = (
        _number(step.get(name)) for name in ("e_fr_energy", "e_0_energy", "e_wo_entrp")
    )
    last = _last(step.get("electronic_steps"))
    last_zero, last_free = _number(last.get("e_0_energy")), _number(last.get("e_fr_energy"))
    if free is not None and last_zero is not None and last_free is not None:
        return free + last_zero - last_free
    # VASP 5 writes the entropy term as e_0 and the energy as e_wo_entrp.
    if free is not None and zero is not None and other is not None:
        zero = min(zero, other, key=lambda energy: abs(energy - free))
    energy = next((one for one in (zero, other, free) if one is not None), None)
    if energy is None:
        raise CellError("it has no energy")
    return energy


def settings_of(calculation: Mapping[str, Any]) -> Settings:
    """Return the tags of a calculation as VASP writes them."""
    tags = [_below(calculation, "input", name) for name in ("incar", "parameters")]
    incar, parameters = (
        {str(key): _tag(value) for key, value in one.items()} if isinstance(one, Mapping) else {}
        for one in tags
    )
    specs = _below(calculation, "input", "potcar_spec")
    titles = [
        str(spec["titel"])
        for spec in (specs if isinstance(specs, list) else [])
        if isinstance(spec, Mapping) and spec.get("titel")
    ]
    return Settings(incar=incar, parameters=parameters, titles=titles)


def _tag(value: Any) -> str:
    """Return the value of a tag as text."""
    if isinstance(value, bool):
        return "T" if value else "F"
    return " ".join(map(_tag, value)) if isinstance(value, list) else str(value)


def _step_record(step: Any, where: str) -> Record:
    if not isinstance(step, Mapping):
        raise CellError("it is not an object")
    values = {"energy": step_energy(step)}
    values |= {name: step[name] for name in ("forces", "stress") if step.get(name) is not None}
    return structure_record(step.get("structure"), where, values)


def _refuse_unconverged(step: Mapping[str, Any], settings: Settings) -> None:
    electronic = step.get("electronic_steps")
    if isinstance(electronic, list) and settings.is_unconverged(len(electronic)):
        raise CellError(_UNCONVERGED)


def _final_labels(calculation: Mapping[str, Any], n_sites: int) -> dict[str, Any]:
    """Return magmoms and band gap of a calculation's last step."""
    labels: dict[str, Any] = {}
    magnetization = _below(calculation, "output", "outcar", "magnetization")
    if isinstance(magnetization, list) and len(magnetization) == n_sites:
        moments = [one.get("tot") if isinstance(one, Mapping) else None for one in magnetization]
        if _are_numbers(*moments):
            labels["magmom"] = moments
    bandgap = _below(calculation, "output", "bandgap")
    if _are_numbers(bandgap):
        labels["bandgap"] = bandgap
    return labels


def _output_record(document: Mapping[str, Any], where: str) -> Record:
    """Return the output of a document without ionic steps."""
    output = document.get("output")
    if not isinstance(output, Mapping):
        raise CellError("it has neither ionic steps nor an output")
    names = ("energy", "forces", "stress", "bandgap")
    values = {name: output[name] for name in names if output.get(name) is not None}
    if functional := run_type(document) or settings_of(document).functional():
        values["run_type"] = functional
    structure = output.get("structure") or document.get("structure")
    return structure_record(structure, where, values)


def _below(value: Any, *keys: str) -> Any:
    """Return what stands under keys of nested objects, None if it does not."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _last(steps: Any) -> Mapping[str, Any]:
    is_list = isinstance(steps, Sequence) and not isinstance(steps, str)
    last = steps[-1] if is_list and steps else None
    return last if isinstance(last, Mapping) else {}


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _are_numbers(*values: Any) -> bool:
    return all(isinstance(value, (int, float)) for value in values)
