import json
import random
from pathlib import Path

import numpy as np
import pytest

from mnist_demo.data.stroke_file import FORM, MAX_DIGIT_POINTS, read_written
from mnist_demo.data.synthetic import drawn, redrawn

ONE = '{"label": 1, "strokes": [[[0, 0], [0, 9]]]}'
SEVEN = {"label": 7, "strokes": [[[0, 0], [60, 0], [20, 100]], [[10, 50], [50, 50]]], "writer": 3}


def file_of(tmp_path: Path, *lines: object) -> Path:
    file = tmp_path / "mine.jsonl"
    file.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return file


def test_strokes_are_read_as_they_were_written(tmp_path: Path) -> None:
    one, seven = read_written(file_of(tmp_path, ONE, "", SEVEN))
    assert (one.label, seven.label) == (1, 7)
    assert [path.tolist() for path in seven.paths] == SEVEN["strokes"]
    assert not any(stroke.erase for stroke in seven.strokes)


def test_brushes_are_read_if_a_line_has_them(tmp_path: Path) -> None:
    [seven] = read_written(file_of(tmp_path, SEVEN | {"brushes": [[12.5, 0], [20, 1]]}))
    assert [(stroke.width, stroke.erase) for stroke in seven.strokes] == [(12.5, False), (20, True)]


WRONG: list[tuple[object, str]] = [
    ("{", f"not JSON such as {FORM}"),
    ("\udcff", "not JSON"),
    ("[" * 100_000, "not JSON"),
    ("[1]", f"not an object such as {FORM}"),
    ({"label": 3}, "not an object such as {"),
    ({"label": 10, "strokes": [[[0, 0]]]}, "label must be a digit, 0 to 9, not 10"),
    ({"label": "3", "strokes": [[[0, 0]]]}, 'label must be a digit, 0 to 9, not "3"'),
    ({"label": True, "strokes": [[[0, 0]]]}, "not true"),
    ({"label": 3, "strokes": []}, f"must have from 1 to {MAX_DIGIT_POINTS} points in all, not 0"),
    ({"label": 3, "strokes": [[]]}, "at least one point"),
    ({"label": 3, "strokes": [["a"]]}, 'a point must be two numbers up to 1e+06, not "a"'),
    ({"label": 3, "strokes": [[[1, 2, 3]]]}, "not [1, 2, 3]"),
    ('{"label": 3, "strokes": [[[NaN, 0]]]}', "not [NaN, 0]"),
    ('{"label": 3, "strokes": [[[1e999, 0]]]}', "not [Infinity, 0]"),
    ({"label": 3, "strokes": [[[10**400, 0]]]}, "a point must be two numbers"),
    ({"label": 3, "strokes": [[[0, 0]] * (MAX_DIGIT_POINTS + 1)]}, f"not {MAX_DIGIT_POINTS + 1}"),
    (SEVEN | {"brushes": [[1, 0]]}, "brushes must be a list with one brush for each of the 2 strokes"),
    (SEVEN | {"brushes": [[1, 0], [0, 0]]}, "a brush must be [width, 0 or 1], the width above 0, not [0, 0]"),
    (SEVEN | {"brushes": [[1, 0], [1, 2]]}, "not [1, 2]"),
    (SEVEN | {"brushes": [[9, 1], [9, 1]]}, "all strokes erase"),
    (SEVEN | {"brushes": [[9, 0], [900, 1]]}, "all ink is erased again"),
]


def test_a_damaged_line_is_named_in_one_line_with_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    for line, reason in WRONG:
        text = line if isinstance(line, str) else json.dumps(line)
        file.write_text(f"{ONE}\n\n{text}\n", errors="surrogateescape")
        with pytest.raises(ValueError, match="line 3") as raised:
            read_written(file)
        assert str(raised.value).startswith(f"{file}, line 3: ")
        assert reason in str(raised.value)
        assert "\n" not in str(raised.value)
        assert len(str(raised.value)) < len(str(file)) + 200


def test_an_empty_or_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"mine\.jsonl holds no digits"):
        read_written(file_of(tmp_path, "", " "))
    with pytest.raises(OSError, match="No such file"):
        read_written(tmp_path / "nowhere.jsonl")
    with pytest.raises(OSError, match="/dev/zero is not a regular file"):
        read_written(Path("/dev/zero"))


def test_handwritten_digits_are_redrawn_in_many_ways_and_keep_their_label(tmp_path: Path) -> None:
    written = read_written(file_of(tmp_path, ONE, SEVEN))
    images, labels = redrawn(written, 20, seed=1)
    assert labels.tolist() == [1, 7] * 10
    assert len(np.unique(images, axis=0)) == 20
    ink = (images[1::2] > 128).mean(axis=(1, 2))
    assert ink.max() > 1.5 * ink.min()  # with brushes of many widths
    templates = [drawn(one.strokes).astype(float) for one in written]
    nearest = [min((0, 1), key=lambda which: np.abs(templates[which] - image).sum()) for image in images]
    assert nearest == [0, 1] * 10
    assert (redrawn(written, 20, seed=1)[0] == images).all()
    assert (redrawn(written, 20, seed=2)[0] != images).any()


def test_each_digit_is_redrawn_at_least_once(tmp_path: Path) -> None:
    assert len(redrawn(read_written(file_of(tmp_path, ONE, SEVEN, ONE)), 1, seed=1)[1]) == 3
    assert redrawn([], 5, seed=1)[0].shape == (0, 28, 28)


def test_the_scale_and_the_place_of_strokes_do_not_matter(tmp_path: Path) -> None:
    def scaled(by: float, to: float) -> dict[str, object]:
        strokes = [[[by * x + to, by * y + to] for x, y in stroke] for stroke in SEVEN["strokes"]]  # type: ignore[attr-defined]
        return {"label": 7, "strokes": strokes}

    written = read_written(file_of(tmp_path, SEVEN, scaled(0.01, 0), scaled(50, 9000)))
    images = [drawn(one.strokes).astype(int) for one in written]
    for image in images[1:]:
        assert np.abs(image - images[0]).max() <= 40


def test_erased_ink_is_not_drawn(tmp_path: Path) -> None:
    line = {"label": 1, "strokes": [[[10, 0], [10, 100]], [[60, 0], [60, 100]], [[60, -20], [60, 120]]]}
    [kept] = read_written(file_of(tmp_path, line | {"brushes": [[10, 0], [10, 0], [30, 1]]}))
    image = redrawn([kept], 1, seed=random.Random(1).randrange(100))[0][0]
    columns = np.flatnonzero((image > 64).any(axis=0))
    assert columns.max() - columns.min() < 14  # one line of the two
