"""The yardstick of `benchmarks.training`: the tutorial's training loop, plainly written.

A DataLoader opens, converts and normalises each image in Python when its turn comes; float32, default memory format,
default optimizers. It shares nothing with `mnist_demo` but the folder of the data set.
"""

from pathlib import Path

import torch
from torch import nn, optim
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision import datasets, transforms


def convnet() -> nn.Module:
    """Return the tutorial's ConvNet."""
    return nn.Sequential(
        nn.Conv2d(1, 10, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(10, 20, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(2000, 500), nn.ReLU(), nn.Linear(500, 10), nn.LogSoftmax(1),
    )  # fmt: skip


def net() -> nn.Module:
    """Return the tutorial's Net."""
    return nn.Sequential(
        nn.Conv2d(1, 10, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(10, 20, 5), nn.Dropout2d(), nn.MaxPool2d(2),
        nn.ReLU(), nn.Flatten(), nn.Linear(320, 50), nn.ReLU(), nn.Dropout(), nn.Linear(50, 10), nn.LogSoftmax(1),
    )  # fmt: skip


class Tutorial:
    """One of the tutorial's two scripts, epoch by epoch."""

    def __init__(self, model: str, root: Path, device: torch.device, seed: int = 1) -> None:
        torch.manual_seed(seed)
        self.device = device
        self.model = {"convnet": convnet, "net": net}[model]().to(device)
        self.optimizer: optim.Optimizer
        if model == "convnet":
            self.optimizer = optim.Adam(self.model.parameters())
        else:
            self.optimizer = optim.SGD(self.model.parameters(), lr=0.01, momentum=0.5)
        transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
        training, test = (datasets.MNIST(str(root), train=train, transform=transform) for train in (True, False))
        self.training = DataLoader(training, batch_size={"convnet": 512, "net": 64}[model], shuffle=True)
        self.test_set = DataLoader(test, batch_size=1000)

    def epoch(self) -> None:
        """Train on the 60,000 training images once."""
        self.model.train()
        for images, labels in self.training:
            images, labels = images.to(self.device), labels.to(self.device)
            self.optimizer.zero_grad()
            loss = F.nll_loss(self.model(images), labels)
            loss.backward()
            self.optimizer.step()

    @torch.no_grad()
    def test(self) -> float:
        """Return the accuracy, in [0, 1], on the 10,000 test images."""
        self.model.eval()
        right = 0
        for images, labels in self.test_set:
            images, labels = images.to(self.device), labels.to(self.device)
            right += int((self.model(images).argmax(1) == labels).sum())
        return right / 10_000
