"""Python still draws the golden drawings to the bit; the browser's tests compare its ink and digits with them."""

import golden


def test_python_draws_the_golden_drawings_as_they_are_stored() -> None:
    for number, line in enumerate(golden.golden()):
        made, name = golden.expected(line["actions"]), f"drawing {number}: run PYTHONPATH=. python tests/golden.py"
        assert made["ink"] == line["ink"], name
        pairs = zip(golden.pixels_of(made), golden.pixels_of(line), strict=True)
        assert all(abs(one - other) <= 1 for one, other in pairs), name  # processors add up differently
