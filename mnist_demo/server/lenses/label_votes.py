"""Votes of people on test digits with doubtful labels."""

import csv
from typing import TypedDict

from mnist_demo.data.mnist import BOX


class Votes(TypedDict):
    """Votes of five people on one digit."""

    label: int  # votes for the label
    other: int  # the digit proposed instead; if it equals the label, ignore the counts
    other_votes: int
    neither: int


def label_votes() -> dict[int, Votes]:
    """Return the votes on the 100 doubtful labels, by the digit's index in the test set."""
    with (BOX / "label-votes.csv").open(encoding="utf-8", newline="") as file:
        rows = [{name: int(value) for name, value in row.items()} for row in csv.DictReader(file)]
    return {
        row["index"]: Votes(
            label=row["votes_label"], other=row["other"], other_votes=row["votes_other"], neither=row["votes_neither"]
        )
        for row in rows
    }
