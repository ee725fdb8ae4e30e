"""Write the results in docs/model-card.md: `python -m benchmarks.model_card [--strokes FILE]`.

The results on the test set come from the weights files (`python -m mnist_demo.evaluate --write` puts them there), those
on other data sets from `python -m benchmarks.strangers --write`. Non-digits and pen strokes are drawn and read here.
Each block of results stands between two comments; people write the text around them.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.drawings import EACH, invent, write
from benchmarks.report import table
from benchmarks.unknown import UNKNOWN
from mnist_demo.data.stroke_file import Handwritten, read_written
from mnist_demo.evaluate import percent
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.metrics import Figures
from mnist_demo.model.networks import MODELS, bare
from mnist_demo.server.lenses.strangers import strangers

CARD = Path(__file__).parent.parent / "docs" / "model-card.md"
PEN = "strokes 180 px, brush 20"  # how pen strokes are drawn
TOLD = 6  # most frequent confusions to list
SETS = {  # the card's names for the data sets of benchmarks.strangers
    "USPS": "USPS (envelopes)",
    "ARDIS": "ARDIS (church books)",
    "formulas": "digits of formulas",
    "signs": "other signs of formulas",
}


def evaluation_block(networks: Sequence[Classifier]) -> str:
    """Return the table of the weights files' metrics. Raises ValueError if a file has none."""
    rows: dict[str, list[str]] = {}
    for network in networks:
        card = network.card
        if card.evaluation is None:
            raise ValueError(f"the {card.model}'s card has no figures: python -m mnist_demo.evaluate --write")
        once, shifts = card.evaluation["once"], card.evaluation["shifts"]
        told = {
            "parameters": f"{sum(one.numel() for one in network.model.parameters()):,}",
            "trained": card.date[:10],
            "recipe, seed": f"{card.recipe['name']}, {card.seed}",
            "accuracy, %": percent(shifts["accuracy"]),
            "95 % interval (Wilson)": " to ".join(map(percent, shifts["interval"])),
            "accuracy in a single pass, %": percent(once["accuracy"]),
            "average loss, nats": f"{shifts['loss']:.4f}",
            "expected calibration error, points": percent(shifts["calibration_error"]),
            "rejected, %": percent(shifts["refused"]),
            "misread and accepted, %": percent(kept_mistakes(shifts) / shifts["count"]),
            "lowest precision": lowest(shifts["precision"]),
            "lowest recall": lowest(shifts["recall"]),
            "most frequent confusions": confusions(shifts["confusion"]),
        }
        for what, figure in told.items():
            rows.setdefault(what, [what]).append(figure)
    return table(["MNIST's test set", *(network.card.model for network in networks)], list(rows.values()))


def kept_mistakes(figures: Figures) -> int:
    """Return how many digits are misread but accepted."""
    return next(row["misread"] for row in figures["refusal"] if row["threshold"] == figures["threshold"])


def lowest(shares: Sequence[float | None]) -> str:
    """Return the digit with the lowest share, and that share in per cent."""
    share, digit = min((share, digit) for digit, share in enumerate(shares) if share is not None)
    return f"{percent(share)} % (of {digit})"


def confusions(counts: Sequence[Sequence[int]]) -> str:
    """Return the most frequent confusions in counts [label][answer]."""
    pairs = Counter({(label, answer): n for label, row in enumerate(counts) for answer, n in enumerate(row)})
    wrong = [(pair, count) for pair, count in pairs.most_common() if pair[0] != pair[1] and count]
    return ", ".join(f"{label} as {answer} ({count})" for (label, answer), count in wrong[:TOLD])


def strangers_block(networks: Sequence[Classifier]) -> str:
    """Return the table of digits and signs from elsewhere. Raises ValueError if a network was not measured on them."""
    found = {one.card.model: strangers(one.card.model, bare(one.model)) for one in networks}
    if missing := [name for name, sets in found.items() if sets is None]:
        raise ValueError(f"no figures of strangers for {missing[0]}: python -m benchmarks.strangers --write")
    rows: dict[str, list[str]] = {}
    for sets in found.values():
        for name, shares in (sets or {}).items():
            for what, word in (("right", "accuracy"), ("rejected", "rejected")):
                if name != "weights" and what in shares:
                    title = f"{SETS[name]}, {shares['count']:,}: {word}, %"
                    rows.setdefault(title, [title]).append(percent(shares[what]))
    return table(["digits and signs of other people", *found], list(rows.values()))


def unknown_row(kind: str, networks: Sequence[Classifier]) -> list[str]:
    """Return the per cent of EACH non-digits of that kind that each network accepts."""
    drawn = invent(kind).ours
    return [kind, *(f"{100 * float(network.known(drawn).mean()):.1f}" for network in networks)]


def unknown_block(networks: Sequence[Classifier]) -> str:
    """Return the table of all kinds, those accepted most often first."""
    rows = [unknown_row(kind, networks) for kind in UNKNOWN]
    rows.sort(key=lambda row: -sum(map(float, row[1:])))
    return table([f"{EACH} drawings of each: accepted as a digit, %", *(one.card.model for one in networks)], rows)


def hands_block(networks: Sequence[Classifier], written: Sequence[Handwritten]) -> str:
    """Return the table of how pen strokes are read, of people whose digits are not in the training data."""
    digits = write(PEN, [one.paths for one in written]).ours
    labels = np.array([one.label for one in written])
    rows: list[list[str]] = [[f"accuracy on {len(labels):,}, %"], ["rejected, %"], ["most frequent confusions"]]
    for network in networks:
        answers = network.probabilities(digits).argmax(1)
        counts = np.bincount(labels * 10 + answers, minlength=100).reshape(10, 10).tolist()
        figures = (percent((answers == labels).mean()), percent((~network.known(digits)).mean()), confusions(counts))
        for row, figure in zip(rows, figures, strict=True):
            row.append(figure)
    return table(["pen strokes, 180 px high, brush of 20 px", *(network.card.model for network in networks)], rows)


def with_block(card: str, name: str, block: str) -> str:
    """Return the card with one block replaced. Raises ValueError if the card has no place for it."""
    before, begin, rest = card.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition("<!-- end -->")
    if not end:
        raise ValueError(f"{CARD} has no place for {name}: <!-- {name} --> to <!-- end -->")
    return before + begin + block + "\n" + end + after


def main(arguments: list[str] | None = None) -> int:
    """Run the command line. Return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.model_card", description="Write the card's results.")
    parser.add_argument("--strokes", type=Path, metavar="FILE", help="stroke file (default: keep those results)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        written = read_written(options.strokes) if options.strokes else []
        networks = [Classifier.load(name) for name in MODELS]
        card = with_block(CARD.read_text(encoding="utf-8"), "evaluation", evaluation_block(networks))
        card = with_block(card, "strangers", strangers_block(networks))
        card = with_block(card, "no digits", unknown_block(networks))
        if written:
            card = with_block(card, "hands", hands_block(networks, written))
        CARD.write_text(card, encoding="utf-8")
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
