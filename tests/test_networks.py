import pytest
import torch
from torch.nn import functional as F

from mnist_demo.model.networks import MODELS, ConvNet, HalfPixelShifts, Net, certainty


@pytest.mark.parametrize(("name", "parameters"), [("convnet", 1_007_590), ("net", 21_840)])
def test_a_network_has_the_tutorials_parameters_under_the_tutorials_names(name: str, parameters: int) -> None:
    model = MODELS[name]()
    assert sum(weights.numel() for weights in model.parameters()) == parameters
    layers = ("conv1", "conv2", "fc1", "fc2")
    assert list(model.state_dict()) == [f"{layer}.{part}" for layer in layers for part in ("weight", "bias")]


def test_convnet_computes_what_the_tutorial_writes_relu_before_pooling() -> None:
    model, pixels = ConvNet(), torch.rand(4, 1, 28, 28)
    x = (pixels - 0.1307) / 0.3081
    x = F.max_pool2d(F.relu(model.conv1(x)), 2)
    x = F.relu(model.conv2(x)).flatten(1)
    expected = F.log_softmax(model.fc2(F.relu(model.fc1(x))), 1)
    torch.testing.assert_close(model(pixels), expected)


def test_net_computes_what_the_tutorial_writes() -> None:
    model, pixels = Net().eval(), torch.rand(4, 1, 28, 28)
    x = (pixels - 0.1307) / 0.3081
    x = F.relu(F.max_pool2d(model.conv1(x), 2))
    x = F.relu(F.max_pool2d(model.conv2(x), 2)).flatten(1)
    expected = F.log_softmax(model.fc2(F.relu(model.fc1(x))), 1)
    torch.testing.assert_close(model(pixels), expected)


def test_net_drops_whole_channels_and_features_at_the_rate_asked_for() -> None:
    pixels = torch.rand(1, 1, 28, 28)
    varied = Net(dropout=0.5).train()
    assert not torch.equal(varied(pixels), varied(pixels))
    steady = Net(dropout=0.0).train()
    assert torch.equal(steady(pixels), steady(pixels))
    assert isinstance(varied.channel_dropout, torch.nn.Dropout2d)


def test_probabilities_are_averaged_over_half_pixel_shifts_towards_each_corner() -> None:
    network, pixels = Net().eval(), torch.rand(3, 1, 28, 28)
    answers = []
    for x, y in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        moved = torch.tensor([[1.0, 0.0, x / 28], [0.0, 1.0, y / 28]]).expand(3, 2, 3)
        places = F.affine_grid(moved, [3, 1, 28, 28], align_corners=False)
        answers.append(network(F.grid_sample(pixels, places, align_corners=False)).exp())
    torch.testing.assert_close(HalfPixelShifts(network)(pixels).exp(), sum(answers) / 4)


def test_certainty_is_one_for_one_digit_zero_for_ten_and_in_between_for_two() -> None:
    torn = torch.tensor([0.5, 0.5] + [0.0] * 8).clamp(min=1e-30)
    spread = torch.stack([torch.eye(10)[3].clamp(min=1e-30), torch.full((10,), 0.1), torn])
    torch.testing.assert_close(certainty(spread.log()), torch.tensor([1, 0, 1 - 0.30103]), atol=1e-4, rtol=0)
