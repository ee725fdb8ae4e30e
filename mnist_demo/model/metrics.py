"""What a network is worth: figures from log-probabilities and labels.

Knows: how each figure is defined, and which ones an evaluation has. Does not know: networks by name, files, or how
figures are shown.
"""

import math
from typing import TypedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mnist_demo.model.networks import certainty

WORST = 12  # mistakes
LEVELS = 100  # thresholds, a step of 1 / LEVELS apart, at which an evaluation says what refusal would cost
Z = 1.959964  # standard errors either side of a mean that hold 95 % of a normal distribution


class Bin(TypedDict):
    """Digits answered with about the same probability."""

    count: int
    confidence: float  # the mean of their largest probabilities
    accuracy: float  # the share of them that is right; both are 0 where there are none


class Mistake(TypedDict):
    """A digit that was misread."""

    index: int  # in the data set's own order
    label: int
    answer: int
    probability: float  # of that answer


class Refusal(TypedDict):
    """What a threshold does."""

    threshold: float
    refused: int  # digits less certain than that
    misread: int  # of those not refused


class Figures(TypedDict):
    """What a network is worth on N digits. An answer is the digit put first, refused or not. Shares are in [0, 1]."""

    count: int
    accuracy: float
    interval: list[float]  # 95 % confidence, by Wilson
    loss: float  # the mean, in nats, before the temperature
    precision: list[float | None]  # of each digit: the share of such answers that is right; None where there is none
    recall: list[float | None]  # of each digit: the share of such labels that is read
    confusion: list[list[int]]  # [label][answer]
    temperature: float  # of the probabilities in what follows
    calibration_error: float
    reliability: list[Bin]
    threshold: float
    refused: float  # the share less certain than the threshold
    refusal: list[Refusal]  # as a threshold goes from 0 to 1, the network's own among them
    worst: list[Mistake]  # WORST at most, those first that gave the wrong answer the greatest probability


class Evaluation(TypedDict):
    """Of a network asked once, and of the same at four half-pixel shifts, which is how it reads drawings."""

    once: Figures  # without a temperature, which is fitted to the other
    shifts: Figures


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


def reliability(probabilities: Tensor, labels: Tensor, bins: int = 15) -> list[Bin]:
    """Of probabilities (N, 10), in equal bins of the largest one, from 0 to 1: how sure, and how often right."""
    confidence, answers = probabilities.double().max(1)
    places = (confidence * bins).long().clamp(max=bins - 1)
    counts, sure, right = (
        torch.zeros(bins, dtype=torch.double, device=places.device).index_add(0, places, values)
        for values in (torch.ones_like(confidence), confidence, (answers == labels).double())
    )
    shares = counts.clamp(min=1)
    rows = zip(counts.tolist(), (sure / shares).tolist(), (right / shares).tolist(), strict=True)
    return [Bin(count=int(count), confidence=confident, accuracy=accurate) for count, confident, accurate in rows]


def calibration_error(probabilities: Tensor, labels: Tensor, bins: int = 15) -> float:
    """The expected calibration error, in [0, 1], of probabilities (N, 10): how far confidence is from accuracy.

    Over the bins of `reliability`, weighted by what falls in (Guo et al. 2017, arXiv:1706.04599).
    """
    gaps = (one["count"] * abs(one["confidence"] - one["accuracy"]) for one in reliability(probabilities, labels, bins))
    return sum(gaps) / len(labels)


def wilson(right: int, count: int) -> list[float]:
    """The 95 % confidence interval of a share of which `right` of `count` were seen (Wilson 1927)."""
    share, spread = right / count, Z * Z / count
    middle = (share + spread / 2) / (1 + spread)
    half = Z / (1 + spread) * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    return [middle - half, middle + half]


def confusion(log_probabilities: Tensor, labels: Tensor) -> list[list[int]]:
    """How many of labels (N,) in each row were given each answer: [label][answer]."""
    places = labels * 10 + log_probabilities.argmax(1)
    counts: list[list[int]] = torch.bincount(places, minlength=100).view(10, 10).tolist()
    return counts


def refusal(log_probabilities: Tensor, labels: Tensor, own: float) -> list[Refusal]:
    """What each of LEVELS + 1 thresholds from 0 to 1 would refuse, and the network's own."""
    certain = certainty(log_probabilities)
    doubts = certain[log_probabilities.argmax(1) != labels]
    return [
        Refusal(threshold=level, refused=int((certain < level).sum()), misread=int((doubts >= level).sum()))
        for level in sorted({step / LEVELS for step in range(LEVELS + 1)} | {own})
    ]


def worst_mistakes(probabilities: Tensor, labels: Tensor) -> list[Mistake]:
    """Of probabilities (N, 10): what was misread with the greatest probability."""
    confidence, answers = probabilities.max(1)
    wrong = (answers != labels).nonzero().flatten()
    first = wrong[confidence[wrong].argsort(descending=True, stable=True)][:WORST]
    rows = zip(*(values.tolist() for values in (first, labels[first], answers[first], confidence[first])), strict=True)
    return [Mistake(index=i, label=label, answer=answer, probability=p) for i, label, answer, p in rows]


def figures(log_probabilities: Tensor, labels: Tensor, temperature: float = 1.0, threshold: float = 0.0) -> Figures:
    """All figures of log-probabilities (N, 10) and labels (N,), for a network that answers by those two values."""
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
    """From log-probabilities (N, 10) of a network asked once and at four shifts; the two values are its card's."""
    return Evaluation(
        once=figures(once, labels, threshold=threshold),
        shifts=figures(shifts, labels, temperature, threshold),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def fit_temperature(log_probabilities: Tensor, labels: Tensor) -> float:
    """The temperature, from 0.25 to 4, under which labels (N,) are likeliest (Guo et al. 2017)."""
    candidates: list[float] = torch.logspace(math.log10(0.25), math.log10(4), 200).tolist()
    return min(candidates, key=lambda t: average_loss((log_probabilities / t).log_softmax(1), labels))


def choose_threshold(log_probabilities: Tensor, refused: float) -> float:
    """The certainty, in [0, 1], under which that share of digits with log-probabilities (N, 10) stays."""
    return torch.quantile(certainty(log_probabilities).cpu().double().clamp(0, 1), refused).item()
