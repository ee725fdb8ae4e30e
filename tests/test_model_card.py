"""The model card repeats the metrics of the shipped weights; README and docs/figures.md agree with it."""

import re
from pathlib import Path

import pytest

from benchmarks import model_card
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS

ROOT = Path(__file__).parent.parent
FIGURES = (ROOT / "docs" / "figures.md").read_text(encoding="utf-8")
NUMBER = r"\d+(?:[.,]\d+)*"
BOTH = {  # what the card says of other people's digits, and figures.md beside other weights
    "USPS (envelopes), 2,007: accuracy, %": "USPS, 2,007 digits: accuracy",
    "USPS (envelopes), 2,007: rejected, %": "USPS: rejected",
    "ARDIS (church books), 1,000: accuracy, %": "ARDIS, 1,000 digits: accuracy",
    "ARDIS (church books), 1,000: rejected, %": "ARDIS: rejected",
    "digits of formulas, 3,000: accuracy, %": "formulas, 3,000 digits: accuracy",
    "digits of formulas, 3,000: rejected, %": "formulas: rejected",
    "other signs of formulas, 2,948: rejected, %": "2,948 of them, without twins: rejected",
}
GOALS = {"99.0"}  # per cent, no figures
README_ROWS = {  # figures of the README, and the row of the card or of figures.md that they repeat
    "accuracy on MNIST's test set": "accuracy, %",
    "accuracy on digits that 30 people wrote with a pen": "accuracy on 2,000, %",
    "accuracy on digits in Swedish church books (ARDIS)": "ARDIS, 1,000 digits: accuracy",
    "accuracy on digits in a corner of the pad, 110 px high": "test digits in a corner, 110 px, accuracy",
    "drawings that are not digits, rejected": "drawings that are not digits (18 kinds), rejected",
}


@pytest.fixture(scope="module")
def networks() -> list[Classifier]:
    return [Classifier.load(name) for name in MODELS]


def rows(block: str) -> list[list[str]]:
    """Return the cells of each line of a Markdown table."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in block.strip().splitlines()]


def block(name: str) -> str:
    return model_card.CARD.read_text(encoding="utf-8").split(f"<!-- {name} -->\n")[1].split("<!-- end -->")[0]


def test_the_figures_of_the_test_set_are_those_of_the_weights_files(networks: list[Classifier]) -> None:
    assert block("evaluation").strip() == model_card.evaluation_block(networks)


def test_the_figures_beyond_mnist_are_of_the_shipped_weights(networks: list[Classifier]) -> None:
    assert block("strangers").strip() == model_card.strangers_block(networks)


@pytest.mark.parametrize("kind", ["G", "tick"])
def test_the_accepted_non_digits_are_those_in_the_card(networks: list[Classifier], kind: str) -> None:
    said = next(row for row in rows(block("no digits")) if row[0] == kind)
    for told, measured in zip(said[1:], model_card.unknown_row(kind, networks)[1:], strict=True):
        assert float(told) == pytest.approx(float(measured), abs=1.0)  # two drawings in 200


def tables(text: str) -> dict[str, list[str]]:
    """Return the cells of all rows of a text's tables, by that of the first column; of equal ones the last."""
    return {row[0]: row[1:] for row in rows("\n".join(re.findall(r"^\|.*", text, re.MULTILINE)))}


def numbers(table: dict[str, list[str]]) -> set[str]:
    """Return the numbers in a table, without those of its first column."""
    return {number for cells in table.values() for cell in cells for number in re.findall(NUMBER, cell)}


def test_the_readmes_figures_are_those_of_the_model_card_and_of_the_figures() -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## Accuracy and speed\n")[1].split("\n## ")[0]
    known = tables(FIGURES + model_card.CARD.read_text(encoding="utf-8"))
    readme = tables(section)
    for title, source in README_ROWS.items():
        assert readme[title][0] == " / ".join(known[source][:2]) + " %"
    assert not numbers(readme) - numbers(known) - GOALS


def test_the_figures_beyond_mnist_are_those_of_the_card() -> None:
    figures = tables(FIGURES)
    card = {row[0]: row[1:] for row in rows(block("strangers"))[2:]}
    assert set(card) == set(BOTH)
    for name, told in card.items():
        assert list(map(float, figures[BOTH[name]][:2])) == pytest.approx(list(map(float, told)), abs=0.051)


def test_results_are_written_into_their_block_and_nowhere_else() -> None:
    card = "a\n<!-- x -->\nold\n<!-- end -->\nb\n"
    assert model_card.with_block(card, "x", "new") == "a\n<!-- x -->\nnew\n<!-- end -->\nb\n"
    with pytest.raises(ValueError, match="no place for y"):
        model_card.with_block(card, "y", "new")
