"""How few materials are enough, with a pretrained model's references as the prior."""

from dataclasses import dataclass

from core.progress import Progress, part, silent
from core.reference.fits.priors import prior
from core.reference.shifts.data_efficiency import FewMaterials, few_materials
from core.reference.shifts.pairs import PairedEnergies


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class FewResult:
    """The curve, and what ridge was pulled toward.

    Attributes:
        curve: Agreement by number of materials fitted.
        model: The pretrained model.
        source_prior: What the prior of the source functional is, in words.
        target_prior: The same of the target functional.
    """

    curve: FewMaterials
    model: str
    source_prior: str
    target_prior: str


def few_from_pretrained(
    pairs: PairedEnergies,
    *,
    model: str = "chgnet-0.3.0",
    strength: float = 1e-2,
    repeats: int = 20,
    seed: int = 0,
    progress: Progress = silent,
) -> FewResult:
    """Judge fits to few materials, free and pulled toward a pretrained model's AtomRef.

    Both priors come from the model and the embedded facts of the elements alone, never from these
    energies: the model's AtomRef, moved by the shifts of the pure elements where a functional is
    not the model's own.

    Args:
        pairs: Energies in the two functionals.
        model: A released model's name, or the path of a checkpoint.
        strength: Pull toward the prior.
        repeats: Drawings.
        seed: Of the drawings.
        progress: Told the share that is done.

    Raises:
        LabError: No such model, or too few materials.
    """
    progress(0.0, "Loading the pretrained model")
    # Only the computation waits for torch; a result that is kept shows at once.
    from core.potential.models import (  # noqa: PLC0415
        get_atomref,
        load_model,
        source_functional,
    )

    own, known = get_atomref(load_model(model)), source_functional(model)
    source, target = (
        prior(own, known, functional)
        for functional in (pairs.source_functional, pairs.target_functional)
    )
    curve = few_materials(
        pairs.fractions,
        pairs.source,
        pairs.target,
        pairs.material_id,
        priors=(source.values, target.values),
        strength=strength,
        repeats=repeats,
        seed=seed,
        progress=part(progress, 0.1, 1.0),
    )
    return FewResult(
        curve=curve,
        model=model,
        source_prior=source.description,
        target_prior=target.description,
    )
