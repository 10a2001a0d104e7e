"""What a check of a data set finds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""From the most severe one."""


@dataclass(kw_only=True, frozen=True, slots=True)
class Finding:
    """One thing that a check has found.

    Attributes:
        kind: what was checked, such as "energy_extent", "force_unit" or "stress_unit".
        severity: "error" where the labels are wrong for sure, "warning" where they probably are,
            or a training would suffer, "info" for what the user should know.
        message: one sentence: what is wrong, and how it was seen.
        remedy: one sentence: what to do.
        cost: what it costs, meV/atom of energy error; None where that is not known.
        rows: rows of the frames concerned, where leaving them out mends it.
        settings: settings of a run that mend it, by keys of
            `core.training.settings.flags.FLAGS`.
    """

    kind: str
    severity: Severity
    message: str
    remedy: str = ""
    cost: float | None = None
    rows: Sequence[int] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Message and remedy."""
        return f"{self.message} {self.remedy}".rstrip()

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON: kind, severity, message with its remedy, and a cost where known."""
        known = {} if self.cost is None else {"cost_mev_per_atom": round(self.cost, 1)}
        return {"kind": self.kind, "severity": self.severity, "message": self.text, **known}


def by_severity(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings, the most severe first."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
