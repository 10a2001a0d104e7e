import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.fx.experimental.proxy_tensor import make_fx

from core.potential.kernels.library import library
from core.potential.kernels.operators import sum_of_products
from core.potential.kernels.products import by_rows_alone, linear

needs_library = pytest.mark.skipif(
    library() is None, reason="the C++ compiler is missing; .ci/run installs it"
)
SIZES = st.integers(1, 70)


def made(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def close(ours, exact):
    """Compare in single precision, where a sum of k terms is known to about k roundings."""
    scale = float(exact.abs().max()) + 1e-30
    torch.testing.assert_close(ours.double() / scale, exact / scale, rtol=0, atol=1e-5)


@given(
    n=SIZES,
    k=SIZES,
    m=SIZES,
    biased=st.booleans(),
    cut=st.booleans(),
    wide=st.booleans(),
    trained=st.booleans(),
)
@settings(max_examples=60)
def test_products_and_their_gradients_are_torchs(n, k, m, biased, cut, wide, trained):
    rows = made(n, 2 * k)[:, :k] if wide else made(n, k)
    weight = made(m, 3 * k, seed=1)[:, k : 2 * k] if cut else made(m, k, seed=1)
    bias = made(m, seed=2) if biased else None

    def by_both(double):
        kind = torch.float64 if double else torch.float32
        x = rows.to(kind).detach().requires_grad_()
        w = weight.to(kind).detach().requires_grad_(trained)
        b = None if bias is None else bias.to(kind).detach().requires_grad_(trained)
        function = F.linear if double else linear
        out = function(x, w, b)
        by = [x, *((w, *(() if b is None else (b,))) if trained else ())]
        slopes = torch.autograd.grad(out.square().sum(), by, create_graph=True)
        curvatures = torch.autograd.grad(slopes[0].square().sum(), by)
        return [value.detach() for value in (out, *slopes, *curvatures)]

    for ours, exact in zip(by_both(double=False), by_both(double=True), strict=True):
        assert ours.shape == exact.shape
        close(ours, exact)


@needs_library
def test_gradients_by_weights_are_left_out_where_only_those_by_rows_are_asked_for():
    x, w, b = (made(*shape).float().requires_grad_() for shape in ((9, 4), (5, 4), (5,)))
    out = linear(x, w, b).square().sum()
    (expected,) = torch.autograd.grad(out, x, retain_graph=True)
    with by_rows_alone():
        by_x, by_w, by_b = torch.autograd.grad(out, (x, w, b), create_graph=True, allow_unused=True)
    assert by_x.equal(expected)
    assert by_w is None
    assert by_b is None
    curvature = torch.autograd.grad(by_x.square().sum(), (x, w))
    y, v, c = (tensor.detach().double().requires_grad_() for tensor in (x, w, b))
    (slope,) = torch.autograd.grad(F.linear(y, v, c).square().sum(), y, create_graph=True)
    for ours, exact in zip(
        curvature, torch.autograd.grad(slope.square().sum(), (y, v)), strict=True
    ):
        close(ours, exact)


@needs_library
@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_no_digit(threads):
    rows, weight, slope = (made(*shape).float() for shape in ((1000, 70), (90, 70), (1000, 90)))
    before = torch.get_num_threads()
    results = []
    try:
        for n in (1, threads):
            torch.set_num_threads(n)
            results.append((linear(rows, weight), sum_of_products(slope, rows)))
    finally:
        torch.set_num_threads(before)
    for one, other in zip(*results, strict=True):
        assert one.equal(other)


def test_double_precision_is_torchs_own():
    x, w = made(9, 4), made(5, 4)
    assert linear(x, w).equal(F.linear(x, w))


def test_a_captured_step_takes_products_with_rows_from_the_library():
    def step(x, w, b):
        loss = linear(x, w, b).square().sum()
        return torch.autograd.grad(loss, (x, w, b))

    given = [made(*shape).float().requires_grad_() for shape in ((40, 6), (3, 6), (3,))]
    graph = make_fx(step, tracing_mode="fake")(*given)
    targets = [node.target for node in graph.graph.nodes if node.op == "call_function"]
    expected = 2 if library() is not None else 0
    assert targets.count(torch.ops.atomref_kernels.product.default) == expected
    assert targets.count(torch.ops.atomref_kernels.sum_of_products.default) == expected // 2
    for ours, torchs in zip(graph(*given), step(*given), strict=True):
        torch.testing.assert_close(ours, torchs)


@pytest.mark.parametrize("n", [0, 1])
def test_no_row_and_one_row(n):
    assert linear(made(n, 4).float(), made(5, 4).float()).shape == (n, 5)
