"""What people saw in those test digits whose labels are suspected. Knows no network."""

import csv
from typing import TypedDict

from mnist_demo.data.mnist import BOX


class Votes(TypedDict):
    """Of five people."""

    label: int  # how many saw the label
    other: int  # the digit that was proposed instead; where it is the label itself, the counts tell nothing
    other_votes: int
    neither: int


def label_votes() -> dict[int, Votes]:
    """The votes on the 100 suspected labels, by the digit's index in the test set."""
    with (BOX / "label-votes.csv").open(encoding="utf-8", newline="") as file:
        rows = [{name: int(value) for name, value in row.items()} for row in csv.DictReader(file)]
    return {
        row["index"]: Votes(
            label=row["votes_label"], other=row["other"], other_votes=row["votes_other"], neither=row["votes_neither"]
        )
        for row in rows
    }
