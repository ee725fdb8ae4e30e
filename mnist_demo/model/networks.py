"""The two networks of the tutorial, layer for layer, with the normalisation that belongs to them."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MEAN, STANDARD_DEVIATION = 0.1307, 0.3081  # of the training set's pixels in [0, 1], as the tutorial rounds them


class Normalize(nn.Module):
    """Normalisation of pixels in [0, 1] to zero mean and unit variance, with no parameters and no keys in the state
    dict.
    """

    mean: Tensor
    standard_deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN), persistent=False)
        self.register_buffer("standard_deviation", torch.tensor(STANDARD_DEVIATION), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        return (pixels - self.mean) / self.standard_deviation


class ConvNet(nn.Module):
    """The large network, 1,007,590 parameters: pixels (N, 1, 28, 28) in [0, 1] to log-probabilities (N, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.normalize = Normalize()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 3)
        self.fc1 = nn.Linear(20 * 10 * 10, 500)
        self.fc2 = nn.Linear(500, 10)

    def forward(self, pixels: Tensor) -> Tensor:
        x = self.normalize(pixels)
        x = F.relu(F.max_pool2d(self.conv1(x), 2))  # (N, 10, 12, 12); ReLU last gives the same at a quarter of the cost
        x = F.relu(self.conv2(x))  # (N, 20, 10, 10)
        x = F.relu(self.fc1(x.flatten(1)))  # (N, 500)
        return F.log_softmax(self.fc2(x), dim=1, dtype=torch.float32)  # (N, 10)


class Net(nn.Module):
    """The small network, 21,840 parameters: pixels (N, 1, 28, 28) in [0, 1] to log-probabilities (N, 10).

    `dropout` is the share of channels (after conv2) and of features (after fc1) that training drops, in [0, 1).
    """

    def __init__(self, dropout: float = 0.5) -> None:
        super().__init__()
        self.normalize = Normalize()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.channel_dropout = nn.Dropout2d(dropout)
        self.fc1 = nn.Linear(20 * 4 * 4, 50)
        self.dropout = nn.Dropout(dropout)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, pixels: Tensor) -> Tensor:
        x = self.normalize(pixels)
        x = F.relu(F.max_pool2d(self.conv1(x), 2))  # (N, 10, 12, 12)
        x = F.relu(F.max_pool2d(self.channel_dropout(self.conv2(x)), 2))  # (N, 20, 4, 4)
        x = self.dropout(F.relu(self.fc1(x.flatten(1))))  # (N, 50)
        return F.log_softmax(self.fc2(x), dim=1, dtype=torch.float32)  # (N, 10)


class HalfPixelShifts(nn.Module):
    """Test-time augmentation: the mean of a network's answers to its input at four half-pixel shifts.

    The result of max-pooling depends on where a line falls between pixels; the mean over four shifts, one towards each
    corner, evens that out. Pixels (N, 1, 28, 28) in [0, 1] to log-probabilities (N, 10).
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        side = pixels.shape[-1]
        between = F.avg_pool2d(pixels, 2, stride=1, padding=1)  # (N, 1, 29, 29), where four pixels meet
        shifted = [between[..., y : y + side, x : x + side] for y in (0, 1) for x in (0, 1)]
        answers: Tensor = self.network(torch.cat(shifted))  # (4 N, 10)
        answers = answers.view(len(shifted), pixels.shape[0], answers.shape[1])
        return answers.logsumexp(0) - math.log(len(shifted))


def bare(model: nn.Module) -> nn.Module:
    """Return the network inside a `HalfPixelShifts`, or the model itself if it is something else."""
    return model.network if isinstance(model, HalfPixelShifts) else model


def certainty(log_probabilities: Tensor) -> Tensor:
    """Return the certainty (N,) of log-probabilities (N, 10): 0 if all digits are equally probable, 1 if one has them
    all.

    This is 1 minus the entropy as a share of its maximum. It is 0.7 if a 4 and a 9 are equally probable, and near 0 for
    drawings that are not digits.
    """
    return 1 + (log_probabilities.exp() * log_probabilities).sum(1) / math.log(log_probabilities.shape[1])


MODELS: dict[str, type[nn.Module]] = {"convnet": ConvNet, "net": Net}
