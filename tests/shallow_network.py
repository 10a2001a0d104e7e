"""A CHGNet of fewer levels, for what is the same at every depth and takes seconds per level."""

from chgnet.model import CHGNet

from core.potential.models import _build, load_model


def shallow_network(levels: int = 3) -> CHGNet:
    """Return the first levels of chgnet-0.3.0; three have every kind of layer.

    Double precision is up to the caller; AtomRef is frozen, as of ``load_model``.
    """
    whole = load_model("chgnet-0.3.0")
    model = _build(whole.model_args | {"n_conv": levels})
    weights = whole.state_dict()
    model.load_state_dict({name: weights[name] for name in model.state_dict()})
    return model.eval()
