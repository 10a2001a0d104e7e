import pytest
import torch
import torch._inductor.config as inductor
from chgnet.model import CHGNet
from torch._inductor.exc import InductorError
from torch.nn import functional

from core.potential.batch import PackedBatch, collate
from core.potential.compiled import TrainingStep, compilation_pays_off
from core.potential.compiled_capture import is_typical
from core.potential.forward import Wanted, predict_batch
from core.potential.weights import ATOMREF
from tests.shallow_network import shallow_network

RATIOS = {"energy": 3.0, "force": 1.0, "stress": 0.1, "magmom": 1.0}
TYPICAL = ["perturbed layered oxide", "perovskite", "perturbed wurtzite"]
VARIED = [
    ["perturbed oxide", "one atom, no angles", "chain with exactly straight angles"],
    ["slab with an adsorbate", "two atoms, skewed cell"],
    ["one atom, angles with its own images", "one atom, primitive face-centred cell"],
    ["perovskite"],
    ["perturbed perovskite supercell"] * 2 + TYPICAL,
]


def objective(model, batch: PackedBatch, targets):
    """Huber terms of the labels that are there, as in training."""
    prediction = predict_batch(
        model,
        batch,
        Wanted.of(targets),
        create_graph="force" in targets or "stress" in targets,
    )
    predicted = {
        "energy": prediction.energy,
        "force": prediction.forces,
        "stress": prediction.stress,
        "magmom": prediction.magmoms,
    }
    terms = []
    for kind, target in targets.items():
        known = ~torch.isnan(target)
        error = torch.where(known, predicted[kind] - target, torch.zeros_like(target))
        total = functional.huber_loss(error, torch.zeros_like(error), reduction="sum", delta=0.1)
        terms.append(RATIOS[kind] * total / known.sum())
    return torch.stack(terms).sum(), {kind: predicted[kind] for kind in targets}


def atomref_alone(model, batch: PackedBatch, targets):
    """An objective without the network, which compiles in seconds."""
    energy = functional.linear(batch.fractions, dict(model.named_parameters())[ATOMREF])
    return (energy.squeeze(1) - targets["energy"]).square().mean(), {}


@pytest.fixture(scope="module")
def example(structures, pack):
    """Batch of some structures with made-up labels, among them missing ones."""

    def make(names, kinds, dtype=torch.float64, seed=0):
        graphs = [pack(structures[name]) for name in names]
        batch = collate(graphs, dtype=dtype)
        torch.manual_seed(seed)
        shapes = {
            "energy": (batch.n_frames,),
            "force": (batch.n_atoms, 3),
            "stress": (batch.n_frames, 3, 3),
            "magmom": (batch.n_atoms,),
        }
        targets = {kind: torch.randn(shapes[kind], dtype=torch.float64) for kind in kinds}
        for kind, target in targets.items():
            if kind != "energy" and len(target) > 1:
                target[0] = torch.nan
        return batch, {kind: target.to(dtype) for kind, target in targets.items()}

    return make


def gradients(model: CHGNet) -> dict[str, torch.Tensor]:
    named = model.named_parameters()
    return {name: p.grad.double() for name, p in named if p.grad is not None}


def distance(left, right) -> float:
    """Relative L2 distance of all gradients together; the same ones must be missing."""
    assert left.keys() == right.keys()
    flat = [torch.cat([grads[name].flatten() for name in left]) for grads in (left, right)]
    return float((flat[0] - flat[1]).norm() / flat[1].norm())


def by_both(step: TrainingStep, model, batch, targets):
    """Return (loss, outputs, gradients) of the compiled and of the eager step."""
    both = []
    for one in (step, TrainingStep(model, step._objective)):
        model.zero_grad()
        loss, outputs = one(batch, targets)
        both.append((float(loss), outputs, gradients(model)))
    return both


def check_equal(step, model, batch, targets):
    ours, eager = by_both(step, model, batch, targets)
    assert ours[0] == pytest.approx(eager[0], rel=1e-10)
    assert ours[1].keys() == eager[1].keys()
    for kind, value in ours[1].items():
        assert not value.requires_grad
        torch.testing.assert_close(value, eager[1][kind], rtol=1e-9, atol=1e-9)
    assert distance(ours[2], eager[2]) < 1e-9


def captured_step(model, objective, examples, backend="none") -> TrainingStep:
    step = TrainingStep(model, objective)
    assert step.compile(examples, backend=backend), step.eager_because
    assert step.eager_because is None
    return step


@pytest.fixture(scope="module")
def full(example):
    """A double-precision model with frozen AtomRef and its captured step on all labels."""
    model = shallow_network().double()
    return model, captured_step(model, objective, [example(TYPICAL, RATIOS)])


@pytest.fixture
def ran(monkeypatch):
    """Whether the captured graph ran, not the eager step."""
    eager = []
    original = TrainingStep._eager

    def counted(self, *arguments):
        eager.append(self)
        return original(self, *arguments)

    monkeypatch.setattr(TrainingStep, "_eager", counted)
    return lambda step: step not in eager


@pytest.mark.parametrize("names", VARIED, ids=len)
def test_gradients_equal_eager_ones_for_all_labels(full, example, ran, names):
    model, step = full
    check_equal(step, model, *example(names, RATIOS, seed=1))
    assert ran(step)


def test_gradients_add_to_what_was_there(full, example):
    model, step = full
    arguments = example(VARIED[0], RATIOS)
    model.zero_grad()
    step(*arguments)
    once = {name: 2 * gradient for name, gradient in gradients(model).items()}
    step(*arguments)
    assert distance(gradients(model), once) == 0
    assert not any("composition_model" in name for name in once)
    assert not any("angle_layers.1" in name for name in once)


def test_other_weights_take_part(full, example):
    model, step = full
    parameter = model.site_wise.weight
    before = parameter.detach().clone()
    try:
        with torch.no_grad():
            parameter.mul_(1.1)
        check_equal(step, model, *example(VARIED[1], RATIOS))
    finally:
        with torch.no_grad():
            parameter.copy_(before)


@pytest.mark.parametrize(
    "names",
    [["one atom, no angles"] * 2, ["chain with exactly straight angles"]],
    ids=["no angles", "one short bond"],
)
def test_batches_beyond_the_graph_are_computed_eagerly(full, example, ran, names):
    model, step = full
    check_equal(step, model, *example(names, RATIOS, seed=2))
    assert not ran(step)


def test_other_labels_or_types_are_computed_eagerly(full, example, ran):
    model, step = full
    check_equal(step, model, *example(VARIED[1], ["energy", "force"]))
    assert not ran(step)
    batch, targets = example(VARIED[1], RATIOS)
    assert not step._compiled.signature.holds_for(
        model, batch, targets | {"energy": targets["force"]}
    )
    single, _ = example(VARIED[1], RATIOS, dtype=torch.float32)
    assert not step._compiled.signature.holds_for(model, single, targets)


def test_other_trainable_parameters_are_computed_eagerly(full, example, ran):
    model, step = full
    weight = model.get_parameter(ATOMREF).requires_grad_()
    try:
        check_equal(step, model, *example(VARIED[1], RATIOS))
        assert not ran(step)
        assert weight.grad is not None
    finally:
        weight.requires_grad_(requires_grad=False)
        weight.grad = None


def test_energy_alone_with_a_trainable_atomref(example, ran):
    double = shallow_network(2).double()
    double.get_parameter(ATOMREF).requires_grad_()
    step = captured_step(double, objective, [example(TYPICAL, ["energy"])])
    assert step._compiled.signature.targets == {"energy": "frames"}
    for names in VARIED[:3]:
        check_equal(step, double, *example(names, ["energy"], seed=3))
    assert ran(step)
    assert ATOMREF in gradients(double)


def test_single_precision_is_no_further_from_double_than_eager(example):
    model, double = shallow_network(2), shallow_network(2).double()
    kinds = ["energy"]
    step = captured_step(model, objective, [example(TYPICAL, kinds, torch.float32)])
    errors = []
    for seed, names in enumerate(VARIED[:3]):
        double.zero_grad()
        TrainingStep(double, objective)(*example(names, kinds, seed=seed))
        exact = gradients(double)
        both = by_both(step, model, *example(names, kinds, torch.float32, seed=seed))
        errors.append([distance(one[2], exact) for one in both])
    ours, eager = torch.tensor(errors).norm(dim=0)
    assert ours < 1.5 * eager


def test_a_graph_that_knows_a_size_is_refused(double, example):
    def sized(model, batch, targets):
        loss, outputs = atomref_alone(model, batch, targets)
        return loss * len(batch.bond_lengths), outputs

    double.get_parameter(ATOMREF).requires_grad_()
    step = TrainingStep(double, sized)
    assert not step.compile([example(TYPICAL, ["energy"])], backend="none")
    assert "depends on the sizes" in step.eager_because
    loss, _ = step(*example(VARIED[0], ["energy"]))
    assert torch.isfinite(loss)


def test_a_decision_on_values_is_refused(double, example):
    def deciding(model, batch, targets):
        loss, outputs = atomref_alone(model, batch, targets)
        return (loss if loss > 1 else -loss), outputs

    double.get_parameter(ATOMREF).requires_grad_()
    step = TrainingStep(double, deciding)
    assert not step.compile([example(TYPICAL, ["energy"])], backend="none")
    assert step.eager_because
    assert "\n" not in step.eager_because


def test_examples_without_angles_are_refused(double, example):
    step = TrainingStep(double, objective)
    alone = example(["one atom, no angles", "one atom, no angles"], ["energy"])
    assert not is_typical(alone[0])
    assert not step.compile([alone], backend="none")
    assert step.eager_because == "no example batch has several frames and angles"


def test_capture_assumes_nothing_about_sizes(full):
    signature = full[1]._compiled.signature
    assert not signature.shapes.guards
    assert not signature.shapes.replacements
    assert signature.targets == {
        "energy": "frames", "force": "atoms", "stress": "frames", "magmom": "atoms"
    }  # fmt: skip


def test_without_a_compiler_steps_stay_eager(double, example, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    double.get_parameter(ATOMREF).requires_grad_()
    step = TrainingStep(double, atomref_alone)
    missing = str(tmp_path / "no-compiler")
    with inductor.patch({"cpp.cxx": (missing,), "force_disable_caches": True}):
        assert not step.compile([example(TYPICAL, ["energy"])])
    assert step.eager_because
    check_equal(step, double, *example(VARIED[0], ["energy"]))


def test_a_half_written_library_in_the_cache_is_removed(double, example, monkeypatch, tmp_path):
    broken = tmp_path / "kernel.so"
    broken.write_bytes(b"")

    def compile_once_broken(graph, *_, **__):
        if broken.exists():
            cause = ImportError("file too short", path=str(broken))
            raise InductorError(cause, None)
        return graph

    monkeypatch.setattr(torch._inductor, "standalone_compile", compile_once_broken)
    double.get_parameter(ATOMREF).requires_grad_()
    captured_step(double, atomref_alone, [example(TYPICAL, ["energy"])], "inductor")


def test_inductor_computes_the_same(double, example, ran):
    """Of the whole network it takes minutes; `benchmarks/training_step.py` compares that."""
    start = torch.linspace(-1, 1, 94, dtype=torch.float64)

    def drifting(model, batch, targets):
        energy = functional.linear(batch.fractions, model.composition_model.fc.weight - start)
        return (energy.squeeze(1) - targets["energy"]).square().mean(), {"energy": energy}

    double.get_parameter(ATOMREF).requires_grad_()
    step = captured_step(double, drifting, [example(TYPICAL, ["energy"])], "inductor")
    for names in VARIED:
        check_equal(step, double, *example(names, ["energy"]))
    assert ran(step)


def test_only_long_runs_are_worth_compiling():
    assert not compilation_pays_off(10, 40_000)
    assert compilation_pays_off(5_000, 40_000)
    assert not compilation_pays_off(5_000, 400)
