"""Every implementation of every recurrence against its naive form, outputs and all gradients."""

import pytest
import torch
from cases import SCANS
from running import implementation, in_double, on_the_cpu, results_and_gradients
from tolerances import assert_draws_as_close_as_eager, assert_same
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.utils.rnn import pack_padded_sequence

from rnnswap.errors import KernelUnavailableError
from rnnswap.ops._dispatch import FORCE_VARIABLE

FAST = [
    (scan, implementation.name)
    for scan, (operation, _, _) in SCANS.items()
    for implementation in operation.implementations
    if implementation.name not in ("naive", "gpu")  # the latter has tests of its own
]
SHAPES = [(1, 3, 4, 5), (2, 1, 3, 7), (7, 3, 5, 1), (63, 2, 4, 9)]


def reasons_against(scan, name):
    return next(i for i in SCANS[scan][0].implementations if i.name == name).reasons_against


def lengths_for(T, B, ragged):
    return torch.tensor([max(1, T - 2 * b) for b in range(B)]) if ragged else None


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("ragged", [False, True], ids=["full", "ragged"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("scan", "name"), FAST)
def test_equals_naive_in_float64(scan, name, shape, ragged, reverse):
    if scan == "janet-proj" and shape[3] == 1:
        shape = (*shape[:3], 3)  # a projection is narrower than the layer
    run, arguments, settings = implementation(scan, name)
    naive, _, _ = implementation(scan, "naive")
    lengths = lengths_for(*shape[:2], ragged)
    args = arguments(*shape, **settings, lengths=lengths, reverse=reverse)
    pairs = zip(results_and_gradients(run, args), results_and_gradients(naive, args), strict=True)
    for actual, truth in pairs:
        assert_same(actual, truth, eps=4096)


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("ragged", [False, True], ids=["full", "ragged"])
@pytest.mark.parametrize("scan", SCANS)
def test_no_initial_state_is_a_state_of_zeros(scan, ragged, reverse):
    operation, arguments, settings = SCANS[scan]
    lengths = lengths_for(6, 3, ragged)
    x, *others = arguments(6, 3, 4, 5, **settings, lengths=lengths, reverse=reverse)
    states = 2 if scan.startswith("janet") else 1
    zeros = [torch.zeros_like(s) for s in others[:states]]
    for one in on_the_cpu(operation):
        given = results_and_gradients(one.run, (x, *zeros, *others[states:]))
        none = results_and_gradients(one.run, (x, *[None] * states, *others[states:]))
        for actual, truth in zip(none, given, strict=True):
            assert_same(actual, truth, eps=64)


def packed(padded, lengths):
    return pack_padded_sequence(padded, lengths).data


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize(("batch", "H"), [(1, 5), (2, 5), (9, 5), (40, 1)])
@pytest.mark.parametrize("scan", SCANS)
def test_packed_input_is_padded_input_without_the_padding(scan, batch, H, reverse):
    operation, arguments, settings = SCANS[scan]
    lengths = torch.tensor(
        [11, 11, 9, 7, 7, 3, 1, 1, 1] if batch < 10 else [11] * 19 + [8] * 9 + [1] * 12
    )
    lengths = lengths[:batch]
    args = arguments(11, batch, 4, H, **settings, lengths=lengths, reverse=reverse)
    leaves = [a for a in args if isinstance(a, torch.Tensor) and a.requires_grad]

    def results(outputs, padded):
        output = packed(outputs[0], lengths) if padded else outputs[0]
        total = (output * torch.arange(output.numel()).view_as(output).cos()).sum()
        total = total + sum((state * state).sum() for state in outputs[1:])
        return [output, *outputs[1:], *torch.autograd.grad(total, leaves)]

    for one in on_the_cpu(operation):
        expected = results(one.run(*args), padded=True)
        found = results(one.run(packed(args[0], lengths), *args[1:]), padded=False)
        for actual, truth in zip(found, expected, strict=True):
            assert_same(actual, truth, eps=512)


@pytest.mark.parametrize("scan", SCANS)
@pytest.mark.parametrize("which", [0, 1], ids=["output", "last state"])
def test_a_gradient_of_one_result_alone(scan, which):
    operation, arguments, settings = SCANS[scan]
    args = arguments(6, 3, 4, 5, **settings)
    leaves = [a for a in args if isinstance(a, torch.Tensor)]
    found = {}
    for one in on_the_cpu(operation):
        total = one.run(*args)[which].cos().sum()
        found[one.name] = torch.autograd.grad(total, leaves, create_graph=True)
        twice = torch.autograd.grad(sum(g.sin().sum() for g in found[one.name]), leaves)
        found[one.name] += twice
    for grads in found.values():
        for actual, truth in zip(grads, found["naive"], strict=True):
            assert_same(actual, truth, eps=4096)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("scan", "name"), FAST)
def test_low_precision_is_as_close_to_float64_as_eager(scan, name, dtype):
    run, arguments, settings = implementation(scan, name)
    naive, _, _ = implementation(scan, "naive")
    args = arguments(20, 4, 6, 8, **settings, dtype=dtype)
    reasons = reasons_against(scan, name)(*args)
    if name == "cpu" and reasons:
        assert dtype == torch.bfloat16
        pytest.skip("; ".join(reasons))
    draws = []
    for _ in range(5):  # the luck of one decides nothing
        args = arguments(20, 4, 6, 8, **settings, dtype=dtype)
        actual = results_and_gradients(run, args)
        eager = results_and_gradients(naive, args)
        draws.append(zip(actual, eager, results_and_gradients(naive, in_double(args)), strict=True))
    for of_one_tensor in zip(*draws, strict=True):
        assert_draws_as_close_as_eager(of_one_tensor)


@pytest.mark.parametrize("ragged", [False, True], ids=["full", "ragged"])
@pytest.mark.parametrize(("scan", "name"), FAST)
def test_gradcheck_and_double_backward(scan, name, ragged):
    run, arguments, settings = implementation(scan, name)
    args = arguments(4, 3, 2, 3, **settings, lengths=lengths_for(4, 3, ragged), reverse=ragged)
    assert torch.autograd.gradcheck(run, args)
    assert torch.autograd.gradgradcheck(run, args)


@pytest.mark.parametrize("name", ["manual", "naive"])
def test_double_backward_of_tied_biases_counts_each_share_once(name):
    run, arguments, _ = implementation("janet", name)
    args = list(arguments(3, 2, 2, 3))
    args[6] = args[5]

    def gradient_of_bias(bias):
        args[5] = args[6] = bias
        (found,) = torch.autograd.grad(run(*args)[0].pow(3).sum(), bias, create_graph=True)
        return found

    assert torch.autograd.gradcheck(gradient_of_bias, args[5])


@pytest.mark.parametrize(("scan", "name"), FAST)
def test_non_contiguous_input_gives_the_same(scan, name):
    run, arguments, settings = implementation(scan, name)
    args = list(arguments(5, 3, 4, 6, **settings))
    expected = run(*args)
    args[0] = args[0].detach().transpose(0, 1).contiguous().transpose(0, 1).requires_grad_()
    assert not args[0].is_contiguous()
    for actual, truth in zip(run(*args), expected, strict=True):
        assert_same(actual, truth)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize(("scan", "name"), FAST)
def test_gradients_in_any_form_are_read_as_what_they_are(scan, name, which):
    run, arguments, settings = implementation(scan, name)
    args = arguments(4, 3, 2, 5, **settings)
    leaves = [a for a in args if isinstance(a, torch.Tensor)]
    grads = [torch.randn_like(o) for o in run(*args)]
    expected = torch.autograd.grad(run(*args), leaves, grads)
    plain = grads[which]
    swapped = plain.transpose(0, -1).contiguous().transpose(0, -1)
    for other in (torch._neg_view(-plain), plain.to_sparse(), swapped):
        grads[which] = other
        for found, right in zip(
            torch.autograd.grad(run(*args), leaves, grads), expected, strict=True
        ):
            assert_same(found, right)


@pytest.mark.parametrize(("scan", "name"), FAST)
def test_padding_never_leaks(scan, name):
    run, arguments, settings = implementation(scan, name)
    args = list(arguments(6, 2, 3, 4, **settings, lengths=torch.tensor([6, 2])))
    clean = run(*args)
    dirty = args[0].detach().clone()
    dirty[2:, 1] = 1e30
    args[0] = dirty.requires_grad_()
    output, *final = run(*args)
    assert torch.equal(output, clean[0])
    assert all(torch.equal(a, b) for a, b in zip(final, clean[1:], strict=True))
    assert torch.equal(output[2:, 1], torch.zeros_like(output[2:, 1]))
    (gradient,) = torch.autograd.grad(output.sum(), args[0])
    assert torch.equal(gradient[2:, 1], torch.zeros_like(gradient[2:, 1]))


@pytest.mark.parametrize(("scan", "name"), FAST)
def test_nan_in_gives_nan_out_in_its_row_only(scan, name):
    run, arguments, settings = implementation(scan, name)
    args = list(arguments(4, 2, 3, 4, **settings))
    args[0] = args[0].detach().clone()
    args[0][1, 0] = torch.nan
    output = run(*args)[0]
    assert output[1:, 0].isnan().all()
    assert not output[:, 1].isnan().any()


@pytest.mark.parametrize("scan", SCANS)
def test_first_choice_in_eager_mode_is_not_the_naive_form(scan):
    operation, arguments, settings = SCANS[scan]
    assert operation.choose(*arguments(2, 2, 2, 3, **settings)).name != "naive"


@pytest.mark.parametrize("scan", SCANS)
def test_torch_func_transforms_run_the_naive_form_and_agree(scan):
    operation, arguments, settings = SCANS[scan]
    args = arguments(3, 2, 2, 3, **settings)
    chosen = []

    def loss(x):
        chosen.append(operation.choose(x, *args[1:]).name)
        return operation(x, *args[1:])[0].pow(2).sum()

    gradient = torch.func.grad(loss)(args[0].detach())
    (expected,) = torch.autograd.grad(operation(*args)[0].pow(2).sum(), args[0])
    assert chosen == ["naive"]
    assert_same(gradient, expected)
    _, tangent = torch.func.jvp(loss, (args[0].detach(),), (torch.ones_like(args[0]),))
    assert_same(tangent, expected.sum(), eps=4096)


@pytest.mark.parametrize("scan", SCANS)
def test_batched_gradients_equal_one_after_the_other(scan):
    operation, arguments, settings = SCANS[scan]
    args = arguments(3, 2, 2, 3, **settings)
    output = operation(*args)[0]
    directions = torch.eye(output.numel()).double().view(-1, *output.shape)
    batched = torch.autograd.grad(
        output, args[0], directions, is_grads_batched=True, retain_graph=True
    )[0]
    for direction, found in zip(directions, batched, strict=True):
        (single,) = torch.autograd.grad(output, args[0], direction, retain_graph=True)
        assert_same(found, single, eps=4096)


@pytest.mark.parametrize("name", ["cpu", "manual"])  # the others' backward is autograd's own
@pytest.mark.parametrize("scan", ["janet", "janet-proj", "indrnn-relu", "indrnn-tanh"])
def test_biases_share_no_memory_in_their_gradients(scan, name):
    run, arguments, settings = implementation(scan, name)
    args = arguments(3, 2, 2, 3, **settings)
    biases = [a for a in args if isinstance(a, torch.Tensor) and a.dim() == 1]
    one, other = torch.autograd.grad(run(*args)[0].sum(), biases)
    assert torch.equal(one, other)
    one.zero_()
    assert other.any()


@pytest.mark.parametrize("scan", SCANS)
def test_a_gradient_with_a_tangent_gives_gradients_with_tangents(scan):
    operation, arguments, settings = SCANS[scan]
    args = arguments(3, 2, 2, 3, **settings)
    output = operation(*args)[0]
    with forward_ad.dual_level():
        grad = forward_ad.make_dual(torch.ones_like(output), torch.full_like(output, 2.0))
        (found,) = torch.autograd.grad(output, args[0], grad)
        primal, tangent = forward_ad.unpack_dual(found)
        assert_same(tangent, 2 * primal, eps=512)


@pytest.mark.parametrize("scan", SCANS)
def test_modes_that_intercept_operations_see_all_of_them(scan):
    operation, arguments, settings = SCANS[scan]
    args = [
        a.detach() if isinstance(a, torch.Tensor) else a for a in arguments(3, 2, 2, 3, **settings)
    ]
    x, rest = args[0], args[1:]
    graph = make_fx(lambda x: operation(x, *rest)[0])(torch.randn_like(x))
    assert_same(graph(x), operation(x, *rest)[0])
    with FakeTensorMode() as mode:
        fake = [mode.from_tensor(a) if isinstance(a, torch.Tensor) else a for a in args]
        assert operation(*fake)[0].shape[:2] == x.shape[:2]
    outside = [mode.from_tensor(a) if isinstance(a, torch.Tensor) else a for a in args]
    assert operation(*outside)[0].shape[:2] == x.shape[:2]


@pytest.mark.parametrize("beta", [-1000.0, -100.0, 39.0, 100.0, 1000.0])
def test_any_beta_gives_what_the_definition_gives(beta):
    operation, arguments, _ = SCANS["janet"]
    args = list(arguments(3, 2, 2, 3, dtype=torch.float32))
    args[-2] = beta
    args[5] = torch.cat((args[5][:3], torch.full((3,), beta))).detach().requires_grad_()
    naive = operation.implementations[-1].run
    for a, b in zip(
        results_and_gradients(operation, args), results_and_gradients(naive, args), strict=True
    ):
        assert_same(a, b, eps=512)


def test_views_that_negate_are_read_as_they_are():
    operation, arguments, _ = SCANS["janet"]
    args = list(arguments(3, 2, 2, 3))
    args[1] = torch._neg_view(args[1].detach())
    expected = operation.implementations[-1].run(*args)
    assert_same(operation(*args)[0], expected[0])


def test_forced_implementation_is_taken(monkeypatch):
    operation, arguments, _ = SCANS["janet"]
    for name in ("naive", "manual"):
        monkeypatch.setenv(FORCE_VARIABLE, name)
        assert operation.choose(*arguments(2, 2, 2, 3)).name == name


def test_forced_implementation_that_cannot_run_says_why(monkeypatch):
    operation, arguments, _ = SCANS["janet"]
    args = arguments(2, 2, 2, 3)
    monkeypatch.setenv(FORCE_VARIABLE, "manual")
    with pytest.raises(KernelUnavailableError, match="'manual' of janet_scan.*torch.func"):
        torch.func.grad(lambda x: operation(x, *args[1:])[0].sum())(args[0].detach())
    monkeypatch.setenv(FORCE_VARIABLE, "magic")
    with pytest.raises(KernelUnavailableError, match="only cpu, gpu, manual, scripted, naive"):
        operation(*args)
