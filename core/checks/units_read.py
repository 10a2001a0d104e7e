"""Remedies for labels that were read in another unit than the lab's."""

import re
from collections.abc import Mapping
from dataclasses import replace

from core.frames.findings import Finding
from core.frames.units import BASE, Label, Unit, unit_named, units_of

_FLAG = re.compile(r"--unit (energy|forces|stress)=([^,]+?)(, which [^.]+)?\.$")
_SAME = 1.02
"""Ratio of two factors below which they are one unit's."""


def in_units_of_file(findings: list[Finding], units: Mapping[str, str]) -> list[Finding]:
    """Return findings whose flag --unit counts from the unit in which the file was read.

    A finding compares stored labels, which were converted already: what was read as Ry/atom and
    looks like eV/cell is in Ry/cell.

    Args:
        findings: of labels as they are stored.
        units: label to the unit in which it was read.
    """
    return [_in_units(finding, units) for finding in findings]


def _in_units(finding: Finding, units: Mapping[str, str]) -> Finding:
    flag = _FLAG.search(finding.remedy)
    if flag is None or units.get(flag[1], BASE[flag[1]]) == BASE[flag[1]]:  # type: ignore[index]
        return finding
    label: Label = flag[1]  # type: ignore[assignment]
    read = unit_named(label, units[label])
    unit = _product(label, read, unit_named(label, flag[2]))
    told = f"They were read in {read.name}; import them"
    if unit is None:
        return replace(finding, remedy=f"{told} with --unit {label}=UNIT, their right unit.")
    return replace(finding, remedy=f"{told} with --unit {label}={unit.name}.")


def _product(label: Label, read: Unit, seen: Unit) -> Unit | None:
    """Return the unit of a file whose labels, read in one unit, look as if in another."""
    if seen.is_virial:
        return None
    factor, per = read.factor * seen.factor, seen.per if read.per == "atom" else read.per
    listed = units_of(label)
    turned = [unit_named(label, f"-{unit.name}") for unit in listed if unit.name[0] != "-"]
    alike = (
        unit
        for unit in [*listed, *turned]
        if (unit.per, unit.is_virial) == (per, read.is_virial)
        and 1 / _SAME < unit.factor / factor < _SAME
    )
    return next(alike, None)
