"""What a network is worth: figures from log-probabilities and labels. Trains nothing, prints nothing."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mnist_demo.models import certainty


@torch.inference_mode()
def log_probabilities(model: nn.Module, images: Tensor, batch_size: int = 1000) -> Tensor:
    """Images (N, 1, 28, 28) uint8 to log-probabilities (N, 10) float32, without dropout; all on the model's device."""
    training = model.training
    model.eval()
    parts = [model(part.float() / 255) for part in images.split(batch_size)]
    model.train(training)
    return torch.cat(parts)


def average_loss(log_probabilities: Tensor, labels: Tensor) -> float:
    """The mean negative log-likelihood, in nats, of labels (N,) under log-probabilities (N, 10)."""
    return F.nll_loss(log_probabilities, labels).item()


def accuracy(log_probabilities: Tensor, labels: Tensor) -> float:
    """The share, in [0, 1], of labels (N,) that log-probabilities (N, 10) put first."""
    return int((log_probabilities.argmax(1) == labels).sum()) / len(labels)


def misread(log_probabilities: Tensor, labels: Tensor) -> list[list[int]]:
    """[index, answer] of each of the N samples whose label is not put first, in order."""
    answers = log_probabilities.argmax(1)
    wrong = (answers != labels).nonzero().flatten()
    return torch.stack([wrong, answers[wrong]], dim=1).tolist()


def calibration_error(probabilities: Tensor, labels: Tensor, bins: int = 15) -> float:
    """The expected calibration error, in [0, 1], of probabilities (N, 10): how far confidence is from accuracy.

    Over `bins` equal bins of the largest probability, weighted by what falls in (Guo et al. 2017, arXiv:1706.04599).
    """
    confidence, answers = probabilities.double().max(1)
    right = (answers == labels).double()
    places = (confidence * bins).long().clamp(max=bins - 1)
    gaps = torch.zeros(bins, dtype=torch.double, device=places.device).index_add(0, places, confidence - right)
    return float(gaps.abs().sum()) / len(labels)


def fit_temperature(log_probabilities: Tensor, labels: Tensor) -> float:
    """The temperature, from 0.25 to 4, under which labels (N,) are likeliest (Guo et al. 2017)."""
    candidates: list[float] = torch.logspace(math.log10(0.25), math.log10(4), 200).tolist()
    return min(candidates, key=lambda t: average_loss((log_probabilities / t).log_softmax(1), labels))


def choose_threshold(log_probabilities: Tensor, refused: float) -> float:
    """The certainty, in [0, 1], under which that share of digits with log-probabilities (N, 10) stays."""
    return torch.quantile(certainty(log_probabilities).cpu().double().clamp(0, 1), refused).item()
