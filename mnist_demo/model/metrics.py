"""Metrics of a network's log-probabilities against labels: accuracy, calibration, rejection, mistakes."""

import math
from typing import TypedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mnist_demo.model.networks import certainty

WORST = 12  # the largest number of mistakes listed
BINS = 15  # of `reliability`
LEVELS = 100  # an evaluation counts rejections at thresholds 1 / LEVELS apart
Z = 1.959964  # standard errors on either side of the mean that hold 95 % of a normal distribution


class Bin(TypedDict):
    """Digits answered with about the same probability."""

    count: int
    confidence: float  # the mean of their largest probabilities
    accuracy: float  # the share of right answers; both are 0 in an empty bin


class Mistake(TypedDict):
    """A misread digit."""

    index: int  # in the data set's own order
    label: int
    answer: int
    probability: float  # of that answer


class Refusal(TypedDict):
    """The effect of a threshold."""

    threshold: float
    refused: int  # digits with a lower certainty, which are rejected
    misread: int  # wrong answers among the other digits


class Figures(TypedDict):
    """Metrics of a network on N digits. An answer is the most probable digit, rejected or not. Shares are in [0, 1]."""

    count: int
    accuracy: float
    interval: list[float]  # 95 % confidence, by Wilson
    loss: float  # the mean, in nats, before the temperature
    precision: list[float | None]  # of each digit: the share of such answers that is right; None if there are none
    recall: list[float | None]  # of each digit: the share of such labels that is read right
    confusion: list[list[int]]  # [label][answer]
    temperature: float  # of the probabilities behind all fields below
    calibration_error: float
    reliability: list[Bin]
    threshold: float
    refused: float  # the share of digits rejected at that threshold
    refusal: list[Refusal]  # for thresholds from 0 to 1, the network's own included
    worst: list[Mistake]  # at most WORST, the most probable wrong answers first


class Evaluation(TypedDict):
    """The metrics of a network in a single pass, and with test-time augmentation, as it reads drawings."""

    once: Figures  # in a single pass, without the temperature, which is fitted to `shifts`
    shifts: Figures  # averaged over four half-pixel shifts


@torch.inference_mode()
def log_probabilities(model: nn.Module, images: Tensor, batch_size: int = 1000) -> Tensor:
    """Return log-probabilities (N, 10) float32 for images (N, 1, 28, 28) uint8, in eval mode, all on the model's
    device.
    """
    training = model.training
    model.eval()
    parts = [model(part.float() / 255) for part in images.split(batch_size)]
    model.train(training)
    return torch.cat(parts)


def average_loss(log_probabilities: Tensor, labels: Tensor) -> float:
    """Return the mean negative log-likelihood, in nats, of labels (N,) under log-probabilities (N, 10)."""
    return F.nll_loss(log_probabilities, labels).item()


def accuracy(log_probabilities: Tensor, labels: Tensor) -> float:
    """Return the share, in [0, 1], of labels (N,) that are the most probable digit of log-probabilities (N, 10)."""
    return int((log_probabilities.argmax(1) == labels).sum()) / len(labels)


def misread(log_probabilities: Tensor, labels: Tensor) -> list[list[int]]:
    """Return [index, answer] of each of the N samples with a wrong answer, in order."""
    answers = log_probabilities.argmax(1)
    wrong = (answers != labels).nonzero().flatten()
    return torch.stack([wrong, answers[wrong]], dim=1).tolist()


def reliability(probabilities: Tensor, labels: Tensor) -> list[Bin]:
    """Count probabilities (N, 10) in equal bins of the largest one, from 0 to 1, with mean confidence and accuracy."""
    confidence, answers = probabilities.double().max(1)
    places = (confidence * BINS).long().clamp(max=BINS - 1)
    counts, sure, right = (
        torch.zeros(BINS, dtype=torch.double, device=places.device).index_add(0, places, values)
        for values in (torch.ones_like(confidence), confidence, (answers == labels).double())
    )
    shares = counts.clamp(min=1)
    rows = zip(counts.tolist(), (sure / shares).tolist(), (right / shares).tolist(), strict=True)
    return [Bin(count=int(count), confidence=confident, accuracy=accurate) for count, confident, accurate in rows]


def calibration_error(probabilities: Tensor, labels: Tensor) -> float:
    """Return the expected calibration error, in [0, 1], of probabilities (N, 10): the gap of confidence and accuracy.

    It is the mean over the bins of `reliability`, weighted by their counts (Guo et al. 2017, arXiv:1706.04599).
    """
    gaps = (one["count"] * abs(one["confidence"] - one["accuracy"]) for one in reliability(probabilities, labels))
    return sum(gaps) / len(labels)


def wilson(right: int, count: int) -> list[float]:
    """Return the 95 % confidence interval of a share observed as `right` of `count` (Wilson 1927)."""
    share, spread = right / count, Z * Z / count
    middle = (share + spread / 2) / (1 + spread)
    half = Z / (1 + spread) * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    return [middle - half, middle + half]


def confusion(log_probabilities: Tensor, labels: Tensor) -> list[list[int]]:
    """Return how many of labels (N,) were given each answer: counts [label][answer]."""
    places = labels * 10 + log_probabilities.argmax(1)
    counts: list[list[int]] = torch.bincount(places, minlength=100).view(10, 10).tolist()
    return counts


def refusal(log_probabilities: Tensor, labels: Tensor, own: float) -> list[Refusal]:
    """Return the effect of LEVELS + 1 thresholds from 0 to 1, and of the network's own threshold."""
    certain = certainty(log_probabilities)
    doubts = certain[log_probabilities.argmax(1) != labels]
    return [
        Refusal(threshold=level, refused=int((certain < level).sum()), misread=int((doubts >= level).sum()))
        for level in sorted({step / LEVELS for step in range(LEVELS + 1)} | {own})
    ]


def worst_mistakes(probabilities: Tensor, labels: Tensor) -> list[Mistake]:
    """Return the mistakes with the largest probabilities (N, 10), at most WORST."""
    confidence, answers = probabilities.max(1)
    wrong = (answers != labels).nonzero().flatten()
    first = wrong[confidence[wrong].argsort(descending=True, stable=True)][:WORST]
    rows = zip(*(values.tolist() for values in (first, labels[first], answers[first], confidence[first])), strict=True)
    return [Mistake(index=i, label=label, answer=answer, probability=p) for i, label, answer, p in rows]


def figures(log_probabilities: Tensor, labels: Tensor, temperature: float = 1.0, threshold: float = 0.0) -> Figures:
    """Return all metrics of log-probabilities (N, 10) and labels (N,), for a network with that temperature and
    threshold.
    """
    probabilities = (log_probabilities / temperature).softmax(1)
    counts = confusion(log_probabilities, labels)
    right = sum(counts[digit][digit] for digit in range(10))
    return Figures(
        count=len(labels),
        accuracy=accuracy(log_probabilities, labels),
        interval=wilson(right, len(labels)),
        loss=average_loss(log_probabilities, labels),
        precision=[_share(counts[digit][digit], sum(row[digit] for row in counts)) for digit in range(10)],
        recall=[_share(counts[digit][digit], sum(counts[digit])) for digit in range(10)],
        confusion=counts,
        temperature=temperature,
        calibration_error=calibration_error(probabilities, labels),
        reliability=reliability(probabilities, labels),
        threshold=threshold,
        refused=int((certainty(log_probabilities) < threshold).sum()) / len(labels),
        refusal=refusal(log_probabilities, labels, threshold),
        worst=worst_mistakes(probabilities, labels),
    )


def evaluation(once: Tensor, shifts: Tensor, labels: Tensor, temperature: float, threshold: float) -> Evaluation:
    """Return the metrics of log-probabilities (N, 10) in a single pass, and of those at four half-pixel shifts.

    `temperature` and `threshold` are those of the network's card.
    """
    return Evaluation(
        once=figures(once, labels, threshold=threshold),
        shifts=figures(shifts, labels, temperature, threshold),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def fit_temperature(log_probabilities: Tensor, labels: Tensor) -> float:
    """Return the temperature, from 0.25 to 4, that makes labels (N,) the most likely (Guo et al. 2017)."""
    candidates: list[float] = torch.logspace(math.log10(0.25), math.log10(4), 200).tolist()
    return min(candidates, key=lambda t: average_loss((log_probabilities / t).log_softmax(1), labels))


def choose_threshold(log_probabilities: Tensor, refused: float) -> float:
    """Return the certainty, in [0, 1], below which that share of digits with log-probabilities (N, 10) lies."""
    return torch.quantile(certainty(log_probabilities).cpu().double().clamp(0, 1), refused).item()
