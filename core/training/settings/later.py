"""Loss ratios that change during a training."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

Ratios = TypeVar("Ratios", bound=BaseModel)


class Later(BaseModel):
    """Loss ratios that replace the first ones from some epoch on.

    MACE's "stage two" trains so: forces first, then energies with a larger weight.

    Attributes:
        epoch: number of the first epoch, counted from 1, that has them; None for no change.
        loss: the ratios that change, by kind of label.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    epoch: int | None = Field(default=None, ge=2)
    loss: dict[str, float] = Field(default_factory=dict)

    @field_validator("loss", mode="before")
    @classmethod
    def _ratios_in_one_word(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return {
            kind.strip(): ratio
            for kind, _, ratio in (item.partition("=") for item in _split(value))
        }

    @field_validator("loss")
    @classmethod
    def _kinds_in_order(cls, value: dict[str, float]) -> dict[str, float]:
        if not value:
            return value
        # It imports pandas, which a waiting process does not need.
        from core.frames.schema import LABELS  # noqa: PLC0415

        if unknown := sorted(set(value) - set(LABELS)):
            raise ValueError(f"{unknown[0]!r} is no label; the labels are {', '.join(LABELS)}")
        if not all(0 < ratio <= 1e6 for ratio in value.values()):
            raise ValueError("a later loss ratio should be above 0")
        return {kind: value[kind] for kind in LABELS if kind in value}

    def problem(self, first: BaseModel, epochs: int) -> str:
        """Return why these cannot follow on the first ratios, empty if they can."""
        if (self.epoch is None) != (not self.loss):
            return "later loss ratios need both an epoch and ratios, such as energy=30"
        if self.epoch is not None and self.epoch > epochs:
            return f"loss ratios change at epoch {self.epoch}, after the last one ({epochs})"
        # What counts decides which frames are trained on, and that stays.
        late = [kind for kind in self.loss if not getattr(first, kind)]
        if late:
            return (
                f"{late[0]} counts later, so it should have a loss ratio above 0 from the beginning"
            )
        return ""

    def ratios(self, first: Ratios, epoch: int) -> Ratios:
        """Return the loss ratios of an epoch.

        Args:
            first: those of the first epoch.
            epoch: number of the epoch, from 0.
        """
        if self.epoch is None or epoch + 1 < self.epoch:
            return first
        return first.model_copy(update=self.loss)


def _split(value: str) -> list[str]:
    return [item for item in value.split(",") if item.strip()]
