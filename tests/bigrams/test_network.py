import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tablesim.bigrams import BIN_NAMES, BigramNetwork, Occurrences, bin_of
from tablesim.bigrams.network import PairMinimum
from tests.bigrams.pages import number_of, reading_of, slow_histogram

digits = st.text(alphabet="0123456789?", min_size=1, max_size=6)
confidences = st.floats(0, 1, allow_nan=False, width=32)


@st.composite
def numbers(draw):
    texts = draw(st.lists(digits, max_size=12))
    return [number_of(text, draw(st.lists(confidences, min_size=len(text), max_size=len(text)))) for text in texts]


def fast(numbers):
    occurrences = Occurrences.of(numbers)
    return BigramNetwork()(torch.from_numpy(occurrences.activations), occurrences).numpy()


@given(numbers())
def test_histogram_equals_four_nested_loops(numbers):
    np.testing.assert_allclose(fast(numbers), slow_histogram(numbers), rtol=0, atol=1e-12)


@given(numbers(), st.randoms(use_true_random=False))
def test_order_of_numbers_is_irrelevant(numbers, random):
    shuffled = random.sample(numbers, len(numbers))
    np.testing.assert_allclose(fast(numbers), fast(shuffled), rtol=0, atol=1e-12)


@given(numbers(), numbers())
def test_histograms_of_two_halves_add_up(left, right):
    np.testing.assert_allclose(fast(left + right), fast(left) + fast(right), rtol=0, atol=1e-12)


@given(numbers(), st.floats(0, 1))
def test_homogeneous_of_degree_one(numbers, factor):
    occurrences = Occurrences.of(numbers)
    activations = torch.from_numpy(occurrences.activations)
    network = BigramNetwork()
    torch.testing.assert_close(network(factor * activations, occurrences), factor * network(activations, occurrences))


@given(numbers())
def test_each_legible_run_of_n_digits_brings_n_minus_one_bigrams(numbers):
    runs = [run for number in numbers for run in number.digits_text.split("?") if run]
    assert len(Occurrences.of(numbers)) == sum(max(1, len(run) - 1) for run in runs)


def test_occurrences_by_hand():
    occurrences = Occurrences.of(reading_of([number_of("450"), number_of("7", x=50), number_of("1?23?", x=80)]))
    assert [occurrences.text(i) for i in range(len(occurrences))] == ["45", "50", "7", "1", "23"]
    assert occurrences.first.tolist() == [0, 1, 3, 4, 6]
    assert occurrences.second.tolist() == [1, 2, -1, -1, 7]
    assert occurrences.number.tolist() == [0, 0, 0, 1, 2, 2, 2, 2, 2]
    assert occurrences.boxes[0].tolist() == [0, 0, 20, 16]
    assert occurrences.box(2).to_dict() == {"x": 50, "y": 0, "width": 10, "height": 16}


def test_minimum_is_taken_and_isolated_digits_keep_their_activation():
    h = fast([number_of("45", [0.9, 0.6]), number_of("45", [0.5, 0.8]), number_of("4", [0.3])])
    assert h[bin_of("45")] == pytest.approx(1.1)
    assert h[bin_of("4")] == pytest.approx(0.3)
    assert h.sum() == pytest.approx(1.4)


@pytest.mark.parametrize("numbers", [[], [number_of("?")], [number_of("???")]], ids=["none", "one", "run"])
def test_page_without_legible_digits_is_empty(numbers):
    occurrences = Occurrences.of(numbers)
    assert len(occurrences) == 0
    assert occurrences.boxes.shape == (0, 4)
    h = fast(numbers)
    assert h.shape == (len(BIN_NAMES),)
    assert not h.any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_and_batch_are_kept(dtype):
    occurrences = Occurrences.of([number_of("1234"), number_of("5")])
    h = BigramNetwork()(torch.ones(3, 2, 5, dtype=dtype), occurrences)
    assert h.dtype == dtype
    assert h.shape == (3, 2, 110)
    assert h.sum().item() == 6 * 4


@settings(max_examples=20)
@given(numbers())
def test_gradient_is_the_numerical_one(numbers):
    occurrences = Occurrences.of(numbers)
    # Distinct activations: at equal ones the minimum has a kink and no gradient to compare with.
    activations = torch.linspace(0.2, 0.9, len(occurrences.digits), dtype=torch.float64, requires_grad=True)
    if len(occurrences.digits):
        assert torch.autograd.gradcheck(lambda a: BigramNetwork()(a, occurrences), (activations,))


def test_isolated_digit_gets_the_whole_gradient():
    occurrences = Occurrences.of([number_of("7")])
    activation = torch.tensor([0.4], dtype=torch.float64, requires_grad=True)
    BigramNetwork()(activation, occurrences).sum().backward()
    assert activation.grad is not None
    assert activation.grad.tolist() == [1.0]


def test_steps_are_modules_that_hooks_see():
    seen = []
    network = BigramNetwork()
    for name, module in network.named_children():
        module.register_forward_hook(lambda *_, name=name: seen.append(name))
    network(torch.ones(2), Occurrences.of([number_of("45")]))
    assert seen == ["pairs", "minimum", "bins"]
    assert isinstance(network.minimum, PairMinimum)


def test_wrong_number_of_activations_is_refused():
    with pytest.raises(ValueError, match=r"got activations of shape \(3,\), expected \(..., 2\)"):
        BigramNetwork()(torch.ones(3), Occurrences.of([number_of("45")]))
