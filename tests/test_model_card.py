"""docs/model-card.md and docs/figures.md say of the shipped weights what the weights say of themselves."""

import re
from pathlib import Path

import pytest

from benchmarks import model_card
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS

FIGURES = (Path(__file__).parent.parent / "docs" / "figures.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def networks() -> list[Classifier]:
    return [Classifier.load(name) for name in MODELS]


def rows(block: str) -> list[list[str]]:
    """The cells of a Markdown table's lines."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in block.strip().splitlines()]


def block(name: str) -> str:
    return model_card.CARD.read_text(encoding="utf-8").split(f"<!-- {name} -->\n")[1].split("<!-- end -->")[0]


def test_the_figures_of_the_test_set_are_those_of_the_weights_files(networks: list[Classifier]) -> None:
    assert block("evaluation").strip() == model_card.evaluation_block(networks)


def test_the_figures_beyond_mnist_are_of_the_shipped_weights(networks: list[Classifier]) -> None:
    assert block("strangers").strip() == model_card.strangers_block(networks)


@pytest.mark.parametrize("kind", ["G", "tick"])
def test_what_passes_for_a_digit_is_what_is_said(networks: list[Classifier], kind: str) -> None:
    said = next(row for row in rows(block("no digits")) if row[0] == kind)
    for told, measured in zip(said[1:], model_card.unknown_row(kind, networks)[1:], strict=True):
        assert float(told) == pytest.approx(float(measured), abs=1.0)  # two drawings in 200


def test_the_figures_say_of_the_shipped_weights_what_the_card_says(networks: list[Classifier]) -> None:
    for network, pattern in zip(
        networks, [r"shipped now read (\d\d\.\d\d) \(ConvNet", r"and (\d\d\.\d\d) \(Net\)"], strict=True
    ):
        told = re.search(pattern, " ".join(FIGURES.split()))
        assert told
        assert told[1] == f"{100 * network.card.test_accuracy:.2f}"


def test_the_figures_of_evaluate_are_those_of_the_cards(networks: list[Classifier]) -> None:
    table = FIGURES.split("## What `evaluate` says")[1].split("\n## ")[0]
    said = {row[0]: row[1:] for row in rows("\n".join(line for line in table.splitlines() if line.startswith("|")))}
    known = {row[0]: row[1:] for row in rows(model_card.evaluation_block(networks))}
    figures = {name: told for name, told in said.items() if name in known}
    assert len(figures) >= 6
    for name, told in figures.items():
        assert told == known[name]


def test_figures_are_put_where_their_place_is_and_nowhere_else() -> None:
    card = "a\n<!-- x -->\nold\n<!-- end -->\nb\n"
    assert model_card.with_block(card, "x", "new") == "a\n<!-- x -->\nnew\n<!-- end -->\nb\n"
    with pytest.raises(ValueError, match="no place for y"):
        model_card.with_block(card, "y", "new")
