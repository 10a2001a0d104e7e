"""The library's rows against torch's autograd in double precision, to the second derivative."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.potential.kernels import rows
from core.potential.kernels.library import library
from core.potential.kernels.operators import sum_of_products
from core.potential.kernels.products import linear
from core.potential.kernels.rows import gated, gathered, summed

H = 64
SEEDS = st.integers(0, 1000)
needs_library = pytest.mark.skipif(
    library() is None, reason="the C++ compiler is missing; .ci/run installs it"
)


def made(*shape, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def places(n, below, seed):
    return torch.randint(below, (n,), generator=torch.Generator().manual_seed(seed))


def to_the_second(function, given, direct):
    """Return a function's values, slopes, and slopes of a sum over those by ``direct`` arguments.

    Cotangents are fixed numbers, and arguments of the second derivative as well.
    """
    inputs = [tensor.detach().clone().requires_grad_() for tensor in given]
    values = function(*inputs)
    values = values if isinstance(values, tuple) else (values,)
    seen = [
        made(*value.shape, seed=7 + n).to(value).requires_grad_() for n, value in enumerate(values)
    ]
    slopes = torch.autograd.grad(values, inputs, seen, create_graph=True)
    chosen = [slopes[n] for n in direct]
    total = sum((slope * made(*slope.shape, seed=17).to(slope)).sum() for slope in chosen)
    twice = torch.autograd.grad(total, [*inputs, *seen], allow_unused=True, materialize_grads=True)
    return [value.detach() for value in (*values, *slopes, *twice)]


def agree(function, given, direct):
    exact = to_the_second(function, given, direct)
    ours = to_the_second(function, [tensor.float() for tensor in given], direct)
    for one, other in zip(ours, exact, strict=True):
        assert one.dtype == torch.float32
        scale = float(other.abs().max()) + 1e-3
        torch.testing.assert_close(one.double() / scale, other / scale, rtol=0, atol=5e-5)


@needs_library
@given(
    parts=st.integers(1, 300),
    turns=st.integers(1, 2),
    n=st.integers(1, 9),
    seed=SEEDS,
    activated=st.booleans(),
)
@settings(max_examples=25)
def test_gathered_rows_and_their_derivatives_are_torchs(parts, turns, n, seed, activated):
    i, j = places(parts * turns, n, seed), places(parts * turns, n + 1, seed + 1)
    given = [made(k, 2 * H, seed=seed + k) for k in (n, n + 1, parts)]
    agree(
        lambda a, b, c: gathered(a, b, c, i, j, turns=turns, activated=activated), given, (0, 1, 2)
    )


def layers(seed):
    core, gate = made(4, H, seed=seed).chunk(2)
    return [*core, *gate]


def as_norms(a, b, c, d):
    return (a, b), (c, d)


@needs_library
@given(n=st.integers(1, 300), seed=SEEDS, spread=st.sampled_from([1e-3, 1.0, 30.0]))
@settings(max_examples=25)
def test_gated_rows_and_their_derivatives_are_torchs(n, seed, spread):
    given = [spread * made(n, H, seed=seed), made(n, H, seed=seed + 1), *layers(seed)]
    agree(lambda x, y, *norms: gated(x, y, as_norms(*norms)), given, (0, 1))


@needs_library
@given(parts=st.integers(1, 300), n=st.integers(1, 9), seed=SEEDS, repeats=st.booleans())
@settings(max_examples=25)
def test_summed_messages_and_their_derivatives_are_torchs(parts, n, seed, repeats):
    turns = 2 if repeats else 1
    senders = None if repeats else places(parts, parts, seed + 3)
    receivers = places(parts * turns, n, seed)
    like = torch.zeros(n, 1)
    inputs = [made(parts * turns, H, seed=seed + k) for k in range(2)]
    given = [*inputs, *layers(seed), made(parts, H, seed=seed + 5)]

    def function(x, y, a, b, c, d, weights):
        return summed(
            x,
            y,
            as_norms(a, b, c, d),
            weights=weights,
            senders=senders,
            receivers=receivers,
            like=like,
            turns=turns,
        )

    agree(function, given, (0, 1, 6))


@needs_library
def test_threads_add_up_the_same_in_every_call():
    a, b, c = made(50, 2 * H, seed=0), made(50, 2 * H, seed=1), made(900, 2 * H, seed=2)
    i, j = places(1800, 50, 3), places(1800, 50, 4)

    def function(a, b, c):
        core, gate = gathered(a, b, c, i, j, turns=2, activated=True)
        norms = as_norms(*(row.to(core) for row in layers(1)))
        return summed(core, gate, norms, weights=c[:, :H], receivers=i, like=a, turns=2)

    given = [tensor.float() for tensor in (a, b, c)]
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 2, 3):
            torch.set_num_threads(threads)
            results.append(to_the_second(function, given, (0, 1, 2)))
    finally:
        torch.set_num_threads(before)
    for one, two, again, three in zip(*results, strict=True):
        assert two.equal(again)
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(one, three, rtol=1e-4, atol=1e-4)


@needs_library
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_no_number_stays_none(bad):
    x = torch.zeros(3, H)
    x[1, 5] = bad
    norms = as_norms(*(torch.ones(H) for _ in range(4)))
    for result in (gated(x, torch.ones(3, H), norms), gated(torch.ones(3, H), x, norms)):
        assert result[1].isnan().all()
        assert result[[0, 2]].isfinite().all()


@needs_library
def test_large_arguments_are_torchs():
    sums = torch.tensor([-1e4, -200.0, -90.0, -80.0, -1.0, 0.0, 1.0, 80.0, 90.0, 200.0, 1e4])
    a = sums[:, None].repeat(1, 2 * H)
    none = torch.zeros(1, 2 * H)
    i, j = torch.arange(len(sums)), torch.zeros(len(sums), dtype=torch.int64)
    core, gate = gathered(a, none, torch.zeros_like(a), i, j, activated=True)
    expected = torch.nn.functional.silu(sums.double())[:, None].expand(-1, H)
    for ours in (core, gate):
        torch.testing.assert_close(ours.double(), expected, rtol=1e-6, atol=1e-30)


@needs_library
def test_no_message_sums_to_zero():
    empty = torch.zeros(0, H)
    none = torch.zeros(0, dtype=torch.int64)
    norms = as_norms(*(torch.ones(H) for _ in range(4)))
    weights = torch.zeros(0, H)
    weights.requires_grad_()
    total = summed(
        empty, empty, norms, weights=weights, receivers=none, like=torch.ones(4, 2), turns=2
    )
    assert total.equal(torch.zeros(4, H))
    assert torch.autograd.grad(total.sum(), weights)[0].shape == (0, H)


@needs_library
def test_the_slope_by_a_layer_norm_has_no_slope():
    x = torch.ones(3, H, requires_grad=True)
    weight = torch.ones(H, requires_grad=True)
    one = torch.ones(H)
    (slope,) = torch.autograd.grad(
        gated(x, x, ((weight, one), (one, one))).sum(), weight, create_graph=True
    )
    with pytest.raises(RuntimeError, match="layer norm"):
        slope.sum().backward()


@needs_library
def test_a_third_derivative_is_refused():
    x = torch.randn(3, H, requires_grad=True)
    norms = as_norms(*(torch.ones(H) for _ in range(4)))
    (slope,) = torch.autograd.grad(gated(x, x, norms).sum(), x, create_graph=True)
    (twice,) = torch.autograd.grad(slope.square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        twice.sum().backward()


@needs_library
@pytest.mark.parametrize("bad", [-1, 5])
def test_rows_that_are_not_there_are_told(bad):
    a, c = torch.ones(5, 2 * H), torch.ones(4, 2 * H)
    good, wrong = torch.arange(4), torch.tensor([0, 1, bad, 2])
    for i, j in ((good, wrong), (wrong, good)):
        with pytest.raises(IndexError, match="not there"):
            gathered(a, a, c, i, j, activated=True)
    x, norms = torch.ones(4, H), as_norms(*(torch.ones(H) for _ in range(4)))
    for senders, receivers in ((good, wrong), (wrong, good)):
        with pytest.raises(IndexError, match="not there"):
            summed(x, x, norms, weights=a[:, :H], senders=senders, receivers=receivers, like=a)


@needs_library
def test_sizes_that_do_not_fit_are_told():
    a, i = torch.ones(5, 2 * H), torch.arange(4)
    with pytest.raises(ValueError, match="4 and 4 rows to gather"):
        gathered(a, a, a, i, i, activated=True)
    x, norms = torch.ones(4, H), as_norms(*(torch.ones(H) for _ in range(4)))
    with pytest.raises(ValueError, match="do not belong to 10 messages"):
        summed(x, x, norms, weights=a[:, :H], receivers=i, like=a, turns=2)
    with pytest.raises(ValueError, match="rows of 64 times"):
        linear(x, torch.ones(3, 5))
    with pytest.raises(ValueError, match="a sum over 4 and 5 rows"):
        sum_of_products(x, a)


def test_torch_computes_the_same_without_the_library(monkeypatch):
    if library() is None:
        pytest.skip("the C++ compiler is missing; .ci/run installs it")
    n, seed = 40, 3
    i, j = places(2 * n, 5, seed), places(2 * n, 5, seed + 1)
    a, b, c = (made(k, 2 * H, seed=k).float() for k in (5, 5, n))
    norms = as_norms(*(row.float() for row in layers(seed)))

    def message():
        core, gate = gathered(a, b, c, i, j, turns=2, activated=True)
        return summed(core, gate, norms, weights=c[:, :H], receivers=i, like=a, turns=2)

    ours = message()
    monkeypatch.setattr(rows, "computes", lambda _: False)
    torch.testing.assert_close(ours, message(), rtol=1e-4, atol=1e-5)
