import base64
import itertools
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from torch import nn

from mnist_demo.ink.preprocess import Box, Sketch, sketch_of
from mnist_demo.ink.strokes import Stroke, draw
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.explain import (
    Convolved,
    LogSoftmaxed,
    Normalized,
    Pooled,
    Rectified,
    Step,
    Weighted,
    Work,
    occlusion,
    packed,
    packed_kernels,
    trace,
    work,
)
from mnist_demo.model.networks import ConvNet, Normalize

TOLERANCE = 1e-3

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")  # as the toy does


def toy() -> nn.Module:
    """Return the same kinds of layers in another order, as modules, some in place, with padding, stride and overlap."""
    torch.manual_seed(0)
    layers = [
        nn.Conv2d(1, 3, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2, padding=1),
        nn.Conv2d(3, 4, (3, 5), stride=(2, 1), bias=False),
        nn.MaxPool2d((2, 1)),
        nn.Conv2d(4, 4, 4, padding="same"),
        nn.Flatten(),
        nn.ReLU(inplace=True),
        nn.Dropout(0.5),
        nn.Linear(120, 10),
        nn.LogSoftmax(dim=1),
    ]
    return nn.Sequential(*layers).eval()


@pytest.fixture(params=["convnet", "net", "toy"])
def network(request, networks) -> nn.Module:
    return networks[request.param]


@pytest.fixture(scope="module")
def networks() -> dict[str, nn.Module]:
    return {name: Classifier.load(name).model for name in ("convnet", "net")} | {"toy": toy()}


@pytest.fixture(scope="module")
def image(test_digits) -> NDArray[np.float32]:
    return (test_digits.images[4, 0] / 255).numpy()  # a 4


def in_numpy(step: Step, before: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute the step's values from those of the step before, in plain NumPy."""
    if step.window is not None:
        (_, stride, padding), (height, width) = step.window, step.shape[1:]
        margins = [(0, 0), *((edge, edge + 1) for edge in padding)]
        outside = 0 if step.kind == "conv" else -np.inf
        windows = sliding_window_view(np.pad(before, margins, constant_values=outside), step.window.size, (1, 2))
        windows = windows[:, :: stride[0], :: stride[1]][:, :height, :width]
        if step.kind == "max-pool":
            return windows.max(axis=(3, 4))
        return np.einsum("iyxab,oiab->oyx", windows, step.weight) + step.bias[:, None, None]
    return {
        "normalize": lambda: (before - 0.1307) / 0.3081,
        "relu": lambda: np.maximum(before, 0),
        "linear": lambda: step.weight @ before.ravel() + step.bias,
        "log-softmax": lambda: before - np.log(np.exp(before).sum()),
    }[step.kind]()


def added_up(done: Work) -> float:
    """Return the value that the arithmetic's numbers give."""
    match done.arithmetic:
        case Normalized(pixel, mean, standard_deviation):
            return (pixel - mean) / standard_deviation
        case Convolved(patch, kernel, sums, bias):
            assert np.allclose((patch * kernel).sum(axis=(1, 2)), sums)
            return float(sums.sum()) + bias
        case Rectified(before):
            return max(0.0, before)
        case Pooled(candidates, _):
            return float(candidates.max())
        case Weighted(terms, others, bias):
            assert all(term.product == pytest.approx(term.activation * term.weight, abs=1e-6) for term in terms)
            return sum(term.product for term in terms) + others + bias
        case LogSoftmaxed(before, log_sum):
            return before - log_sum
    raise AssertionError(done)


def test_the_steps_of_both_networks_are_those_of_their_forward_pass(networks, image):
    assert [(step.name, step.shape, step.parameters) for step in trace(networks["net"], image)] == [
        ("digit", (1, 28, 28), 0),
        ("normalize", (1, 28, 28), 0),
        ("conv1", (10, 24, 24), 260),
        ("max-pool 2", (10, 12, 12), 0),
        ("ReLU", (10, 12, 12), 0),
        ("conv2", (20, 8, 8), 5_020),
        ("max-pool 2", (20, 4, 4), 0),
        ("ReLU", (20, 4, 4), 0),
        ("fc1", (50,), 16_050),
        ("ReLU", (50,), 0),
        ("fc2", (10,), 510),
        ("log-softmax", (10,), 0),
    ]
    names = ",".join(step.name for step in trace(networks["convnet"], image))
    assert names == "digit,normalize,conv1,max-pool 2,ReLU,conv2,ReLU,fc1,ReLU,fc2,log-softmax"
    assert sum(step.parameters for step in trace(networks["convnet"], image)) == 1_007_590


def test_a_third_network_can_be_traced(networks, image):
    assert [(step.name, step.kind, step.shape) for step in trace(networks["toy"], image)] == [
        ("digit", "image", (1, 28, 28)),
        ("conv 0", "conv", (3, 28, 28)),
        ("ReLU", "relu", (3, 28, 28)),
        ("max-pool 3", "max-pool", (3, 14, 14)),
        ("conv 3", "conv", (4, 6, 10)),
        ("max-pool 2 x 1", "max-pool", (4, 3, 10)),
        ("conv 5", "conv", (4, 3, 10)),
        ("ReLU", "relu", (4, 3, 10)),
        ("linear 9", "linear", (10,)),
        ("log-softmax", "log-softmax", (10,)),
    ]


def test_each_step_equals_plain_numpy_on_the_step_before(network, image):
    traced = trace(network, image)
    assert np.array_equal(traced[0].values[0], image)
    for before, step in itertools.pairwise(traced):
        assert step.values.dtype == np.float32
        np.testing.assert_allclose(step.values, in_numpy(step, before.values), atol=1e-4, err_msg=step.name)


def test_the_last_step_is_the_networks_own_output(classifier, image):
    with torch.inference_mode():
        answer = classifier.model.network(torch.from_numpy(image)[None, None])[0].numpy()
    np.testing.assert_allclose(trace(classifier.model, image)[-1].values, answer, atol=1e-5)
    assert np.array_equal(trace(classifier.model, image)[-1].values, trace(classifier.model.network, image)[-1].values)


def test_the_numbers_shown_add_up_to_the_value_shown(network, image):
    traced = trace(network, image)
    random = np.random.default_rng(0)
    for index in range(1, len(traced)):
        for flat in random.integers(traced[index].values.size, size=40):
            cell = np.unravel_index(flat, traced[index].shape)
            done = work(traced, index, cell)
            assert done.value == traced[index].values[cell]
            assert added_up(done) == pytest.approx(done.value, abs=TOLERANCE), traced[index].name


def test_pixels_outside_a_cells_receptive_field_never_change_it(network, image):
    traced = trace(network, image)
    random = np.random.default_rng(0)
    for index in range(len(traced)):
        cell = np.unravel_index(random.integers(traced[index].values.size), traced[index].shape)
        top, left, bottom, right = work(traced, index, cell).pixels
        other = random.random((28, 28), dtype=np.float32)
        other[top:bottom, left:right] = image[top:bottom, left:right]
        assert trace(network, other)[index].values[cell] == pytest.approx(traced[index].values[cell], abs=1e-4)


def test_each_corner_of_a_receptive_field_can_change_the_cell(networks):
    image = np.full((28, 28), 0.5, np.float32)
    before = trace(networks["net"], image)
    top, left, bottom, right = work(before, 5, (0, 4, 5)).pixels  # conv2
    assert Box(top, left, bottom, right) == Box(8, 10, 22, 24)  # 5 x 5 of 2 x 2 of 5 x 5
    for row, column in itertools.product((top, bottom - 1), (left, right - 1)):
        images = [image.copy() for _ in range(2)]
        images[0][row, column], images[1][row, column] = 9, -9
        after = [trace(networks["net"], image)[5].values[:, 4, 5] for image in images]
        assert np.abs(np.array(after) - before[5].values[:, 4, 5]).max() > 0


def test_threads_that_trace_at_once_each_see_their_own_trace(networks, test_digits):
    images = [(image / 255).numpy() for image in test_digits.images[:40, 0]]
    alone = [trace(networks["net"], image)[-1].values for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = [steps[-1].values for steps in pool.map(lambda image: trace(networks["net"], image), images)]
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_a_cell_names_the_region_it_sees_in_the_step_before(networks, image):
    traced = trace(networks["convnet"], image)
    assert work(traced, 2, (7, 10, 3)).seen == ((0, 1), (10, 15), (3, 8))  # conv1, 5 x 5
    assert work(traced, 3, (7, 10, 3)).seen == ((7, 8), (20, 22), (6, 8))  # max-pool 2
    assert work(traced, 5, (7, 9, 0)).seen == ((0, 10), (9, 12), (0, 3))  # conv2, 3 x 3
    assert work(traced, 6, (7, 9, 0)).seen == ((7, 8), (9, 10), (0, 1))  # ReLU
    assert work(traced, 7, (499,)).seen == ((0, 20), (0, 10), (0, 10))  # fc1
    assert work(traced, 9, (4,)).seen == ((0, 500),)  # fc2
    assert work(traced, 9, (4,)).pixels == Box(0, 0, 28, 28)


def test_at_the_edge_a_cells_region_is_clipped(networks, image):
    traced = trace(networks["toy"], image)
    assert work(traced, 1, (0, 0, 27)).seen == ((0, 1), (0, 2), (26, 28))
    assert work(traced, 1, (0, 0, 27)).arithmetic.patch.shape == (1, 3, 3)
    assert work(traced, 3, (0, 0, 0)).seen == ((0, 1), (0, 2), (0, 2))


def test_the_winner_of_a_pool_is_the_cell_whose_value_it_takes(networks, image):
    traced = trace(networks["convnet"], image)
    for cell in np.ndindex(traced[3].shape):
        done = work(traced, 3, cell)
        assert traced[2].values[(cell[0], *done.arithmetic.winner)] == done.value


def test_the_ten_largest_terms_of_a_unit_are_its_largest_and_name_their_cells(networks, image):
    traced = trace(networks["convnet"], image)
    arithmetic = work(traced, 7, (123,)).arithmetic
    products = traced[6].values.ravel() * traced[7].weight[123]
    largest = sorted(np.abs(products), reverse=True)[:10]
    assert [abs(term.product) for term in arithmetic.terms] == pytest.approx(largest)
    assert all(traced[6].values[term.cell] == term.activation for term in arithmetic.terms)
    assert all(traced[7].weight[123, term.number] == term.weight for term in arithmetic.terms)


@pytest.mark.parametrize(("index", "cell"), [(99, (0,)), (-1, (0,)), (2, (0, 0)), (2, (0, 24, 0)), (2, (-1, 0, 0))])
def test_a_missing_cell_is_refused_in_one_line(networks, image, index, cell):
    with pytest.raises(ValueError, match="there is no cell"):
        work(trace(networks["net"], image), index, cell)


@pytest.mark.parametrize("layer", [nn.AvgPool2d(2), nn.BatchNorm2d(1), nn.Conv2d(1, 1, 3, dilation=2), nn.Sigmoid()])
def test_a_layer_that_cannot_be_shown_is_refused_in_one_line(image, layer):
    with pytest.raises(ValueError, match="this layer cannot be shown"):
        trace(nn.Sequential(Normalize(), nn.Conv2d(1, 1, 1), layer).eval(), image)


def test_a_network_that_is_not_a_chain_is_refused_in_one_line(image):
    class Residual(nn.Sequential):
        def forward(self, pixels):
            return pixels + super().forward(pixels)

    with pytest.raises(ValueError, match="not a plain chain of layers"):
        trace(Residual(nn.Conv2d(1, 1, 1)).eval(), image)


def test_a_network_in_training_and_an_image_of_another_size_are_refused_in_one_line(networks, image):
    with pytest.raises(ValueError, match=r"eval\(\)"):
        trace(ConvNet().train(), image)
    with pytest.raises(ValueError, match="image must be"):
        trace(networks["net"], image[1:])


def path(*points: tuple[float, float]) -> Stroke:
    return Stroke(np.array(points, np.float32))


DECISIVE = {  # the strokes of a digit but for one, and the one without which it were another
    (9, 4): ([path((80, 60), (75, 130), (190, 130)), path((195, 60), (190, 230))], path((80, 60), (195, 60))),
    (8, 3): (
        [
            path((90, 70), (140, 45), (185, 75), (175, 115), (135, 135)),
            path((135, 135), (185, 165), (190, 210), (140, 235), (85, 210)),
        ],
        path((90, 70), (95, 110), (135, 135), (90, 165), (85, 210)),
    ),
}


def whole(pair: tuple[int, int]) -> Sketch:
    others, decisive = DECISIVE[pair]
    sketch = sketch_of(draw([*others, decisive]))
    assert sketch is not None
    return sketch


def pixels_of(stroke: Stroke, sketch: Sketch) -> tuple[NDArray[np.intp], ...]:
    """Return the rows and columns of the sketch's digit that the stroke covers."""
    top, left, bottom, right = sketch.box
    inked = np.nonzero(draw([stroke])[top:bottom, left:right])
    margins = ((sketch.side - length) // 2 for length in (bottom - top, right - left))
    return tuple(
        (at + margin) * 20 // sketch.side + 4 + shift
        for at, margin, shift in zip(inked, margins, sketch.shift, strict=True)
    )


@pytest.mark.parametrize("pair", DECISIVE)
def test_hiding_the_stroke_that_makes_one_digit_of_another_lowers_its_log_odds(classifier, pair):
    sketch = whole(pair)
    assert classifier.read_images(sketch.digit[None])[0].answer == pair[0]
    why = occlusion(classifier.model, sketch.digit, *pair)
    on_the_stroke = tuple(np.clip(at - 2, 0, 23) for at in pixels_of(DECISIVE[pair][1], sketch))
    assert why.moves.shape == (24, 24)
    assert why.moves[on_the_stroke].mean() > max(0.5, 2 * why.moves.mean())
    hidden = sketch.digit.copy()
    hidden[pixels_of(DECISIVE[pair][1], sketch)] = 0
    assert occlusion(classifier.model, hidden, *pair).log_odds < why.log_odds - 1


def test_each_position_of_the_map_is_the_networks_answer_with_a_patch_of_paper_there(classifier, image):
    why = occlusion(classifier.model, image, 4, 9)
    for top, left in ((0, 0), (5, 8), (10, 10), (16, 9), (23, 23)):
        hidden = image.copy()
        hidden[top : top + 5, left : left + 5] = 0
        values = trace(classifier.model, hidden)[-1].values
        assert why.log_odds - why.moves[top, left] == pytest.approx(values[4] - values[9], abs=TOLERANCE)
    assert why.moves[0, 0] == 0  # paper behind paper


def test_the_strongest_evidence_for_and_against_is_at_the_maps_extremes(classifier, image):
    why = occlusion(classifier.model, image, 4, 9)
    assert why.speaks_for.move == why.moves.max()
    assert why.speaks_against.move == why.moves.min()
    assert why.moves[why.speaks_for.row - 2, why.speaks_for.column - 2] == why.speaks_for.move
    turned = occlusion(classifier.model, image, 9, 4)
    assert np.array_equal(turned.moves, -why.moves)
    assert turned.speaks_against[:4] == why.speaks_for[:4]


def test_a_place_is_named_by_the_third_of_the_ink_it_is_in(classifier):
    assert occlusion(classifier.model, whole((9, 4)).digit, 9, 4).speaks_for.vertical == "top"
    place = occlusion(classifier.model, whole((8, 3)).digit, 8, 3).speaks_for
    assert (place.vertical, place.horizontal) == ("middle", "left")


def test_blank_paper_is_no_evidence(classifier):
    why = occlusion(classifier.model, np.zeros((28, 28), np.float32), 1, 2)
    assert not why.moves.any()
    assert why.speaks_for is why.speaks_against is None


@pytest.mark.parametrize(("answer", "rival"), [(10, 1), (1, -1)])
def test_invalid_digits_are_refused_in_one_line(classifier, image, answer, rival):
    with pytest.raises(ValueError, match="invalid digits"):
        occlusion(classifier.model, image, answer, rival)


def unpacked(traced: list[Step], content: list[dict]) -> list[NDArray[np.float32]]:
    """Return the values of each step, decoded as the docstring of `packed` describes."""
    values: list[NDArray[np.float32]] = []
    for step, sent in zip(traced, content, strict=True):
        if "numbers" in sent:
            flat = np.array(sent["numbers"])
        elif "bytes" in sent:
            flat = sent["low"] + np.frombuffer(base64.b64decode(sent["bytes"]), np.uint8) * sent["unit"]
        else:  # computed from the step before
            flat = in_numpy(step, values[-1])
        values.append(flat.reshape(sent["shape"]))
    return values


def test_packing_an_update_loses_at_most_a_510th_of_its_range(network, image):
    traced = trace(network, image)
    sent = json.dumps(packed(traced))
    assert len(sent) <= 24_000
    received = json.loads(sent)["steps"]
    bound = 0.0
    for step, values, content in zip(traced, unpacked(traced, received), received, strict=True):
        if "bytes" in content:
            bound = content["unit"] / 2
            assert content["unit"] == pytest.approx(np.ptp(step.values) / 255)
        elif "numbers" in content:
            bound = 5e-5
        elif step.kind == "normalize":
            bound /= 0.3081
        assert np.abs(values - step.values).max() <= bound + 1e-5, step.name


def test_a_blank_image_can_be_packed(networks):
    blank = trace(networks["net"], np.zeros((28, 28), np.float32))
    received = json.loads(json.dumps(packed(blank)))["steps"]
    np.testing.assert_allclose(unpacked(blank, received)[2], blank[2].values, atol=0.01)


def test_packing_kernels_loses_at_most_a_510th_of_their_range(network, image):
    traced = trace(network, image)
    received = json.loads(json.dumps(packed_kernels(traced)))
    assert [kernels is not None for kernels in received] == [step.kind == "conv" for step in traced]
    for step, kernels in zip(traced, received, strict=True):
        if kernels is not None:
            levels = np.frombuffer(base64.b64decode(kernels["bytes"]), np.uint8).reshape(kernels["shape"])
            np.testing.assert_allclose(kernels["low"] + levels * kernels["unit"], step.weight, atol=kernels["unit"])
            np.testing.assert_allclose(kernels["bias"], step.bias, atol=1e-4)
