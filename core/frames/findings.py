"""What a check of labels finds."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]


@dataclass(kw_only=True, frozen=True, slots=True)
class Finding:
    """One thing that a check has found.

    Attributes:
        kind: what was checked, such as "energy_extent", "force_unit" or "stress_unit".
        severity: "error" where the labels are wrong for sure, "warning" where they probably are,
            "info" for what the user should know.
        message: one sentence: what is wrong, and how it was seen.
        remedy: one sentence: what to do.
    """

    kind: str
    severity: Severity
    message: str
    remedy: str = ""

    @property
    def text(self) -> str:
        """Message and remedy."""
        return f"{self.message} {self.remedy}".rstrip()

    def as_dict(self) -> dict[str, str]:
        """Return it as JSON: kind, severity, and message with its remedy."""
        return {"kind": self.kind, "severity": self.severity, "message": self.text}
