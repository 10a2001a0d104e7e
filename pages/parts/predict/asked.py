"""What the views of the Predict page are about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.studies.models.given import GivenStructures
from core.studies.models.prediction import Predictions


@dataclass(kw_only=True, frozen=True)
class Asked:
    """What the page is about.

    Attributes:
        name: name under which the structures are kept.
        structures: the structures.
        models: the models, as commands take them.
        found: what those that are done predict.
        place: the structure chosen.
    """

    name: str
    structures: GivenStructures
    models: Sequence[str]
    found: Mapping[str, Predictions]
    place: int

    @property
    def title(self) -> str:
        """Name of the structure chosen."""
        return str(self.structures.names[self.place])

    @property
    def chosen(self) -> list[str]:
        """Words of a command that name the structure chosen, where there are several."""
        return ["--structure", self.title] if len(self.structures) > 1 else []
