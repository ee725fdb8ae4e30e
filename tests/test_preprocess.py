import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_demo.data.mnist import load_mnist
from mnist_demo.ink.preprocess import Box, sketch_of, to_mnist


def bar(height: int = 100, width: int = 20, top: int = 60, left: int = 60, canvas: int = 280) -> NDArray[np.uint8]:
    ink = np.zeros((canvas, canvas), np.uint8)
    ink[top : top + height, left : left + width] = 255
    return ink


def drawn(ink: NDArray[np.generic]) -> NDArray[np.float32]:
    digit = to_mnist(ink)
    assert digit is not None
    assert digit.shape == (28, 28)
    assert digit.dtype == np.float32
    assert digit.min() >= 0
    assert digit.max() == 1
    return digit


def centre_of_mass(digit: NDArray[np.float32]) -> NDArray[np.float64]:
    return (np.indices((28, 28)) * digit).sum(axis=(1, 2)) / digit.sum()


def ink_box(digit: NDArray[np.float32]) -> tuple[int, int]:
    rows, columns = np.nonzero(digit > 0.05)
    return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


@pytest.fixture(scope="module")
def samples() -> NDArray[np.uint8]:
    return load_mnist("test").images[::10, 0].numpy()


def test_most_mnist_digits_upscaled_in_blocks_come_back_pixel_for_pixel(samples):
    # the others' boxes are an odd number of pixels wide, and lie half a pixel beside where they lay
    unchanged = [np.abs(drawn(np.kron(sample, np.ones((8, 8)))) * 255 - sample).max() < 2 for sample in samples]
    assert np.mean(unchanged) > 0.7


def test_upscaled_mnist_digits_come_back_within_mnists_own_statistics(samples):
    digits = np.stack([drawn(np.kron(sample, np.ones((8, 8)))) for sample in samples])
    centres = np.stack([centre_of_mass(digit) for digit in digits])
    assert np.mean(np.abs(centres - 14).max(axis=1) <= 0.501) > 0.995  # some of MNIST's own are cut at the edge
    assert np.mean(centres, axis=0) == pytest.approx([14, 14], abs=0.03)
    assert np.mean([max(ink_box(digit)) == 20 for digit in digits]) > 0.98
    ink = digits.mean(axis=(1, 2))
    assert ink.mean() == pytest.approx(0.13, abs=0.01)
    assert np.percentile(ink, [5, 95]) == pytest.approx([0.066, 0.209], abs=0.01)


def test_a_digit_reads_the_same_wherever_and_on_whatever_canvas_it_is_drawn(samples):
    sample = np.kron(samples[0], np.ones((4, 4), np.uint8))
    corner, wide = np.zeros((280, 280), np.uint8), np.zeros((400, 900), np.uint8)
    corner[168:, 168:] = sample
    wide[40:152, 700:812] = sample
    assert np.array_equal(drawn(corner), drawn(wide))


def test_a_digit_reads_the_same_at_twice_the_size(samples):
    small, large = (drawn(np.kron(samples[1], np.ones((factor, factor)))) for factor in (4, 8))
    assert np.allclose(small, large, atol=1e-5)


def test_a_one_stays_slim():
    height, width = ink_box(drawn(bar(height=200, width=28)))
    assert height == 20
    assert width <= 4


def test_the_whole_ink_is_averaged_not_sampled():
    ink = np.zeros((280, 280), np.uint8)
    ink[40:240, 40:240:2] = 255  # stripes of a pixel: every pixel of the digit is half ink, and scaled to full
    inside = drawn(ink)[5:23, 5:23]
    assert inside.min() > 0.9


def test_ink_far_from_the_middle_of_its_box_neither_wraps_nor_is_cut():
    ink = bar(height=60, width=60, top=0, left=0)
    ink[58:60, 0:280] = 255  # a heavy head on a long thin tail
    digit = drawn(ink)
    assert digit[:, 0].sum() == 0
    assert max(ink_box(digit)) == 20


def test_ink_of_a_tenth_of_the_canvas_is_a_drawing():
    assert to_mnist(np.zeros((280, 280), np.uint8)) is sketch_of(np.zeros((280, 280), np.uint8)) is None
    assert to_mnist(bar(height=20, width=20)) is None  # a click of the brush
    assert to_mnist(bar(height=27, width=5)) is None
    assert to_mnist(bar(height=28, width=5)) is not None


def test_few_pixels_are_not_enlarged_to_a_whole_digit():
    assert ink_box(drawn(bar(height=5, width=5, top=9, left=9, canvas=28))) == (10, 10)


def test_a_canvas_of_one_inked_pixel_is_a_small_square():
    assert ink_box(drawn(np.full((1, 1), 255, np.uint8))) == (2, 2)


def test_the_canvas_size_and_number_type_and_the_strength_of_ink_do_not_matter():
    ink, digit = bar(), drawn(bar())
    others = [(ink > 0).astype(dtype) for dtype in (np.bool_, np.int16, np.uint16, np.float32, np.float64)]
    for other in (*others, ink // 5, np.kron(ink, np.ones((14, 14), np.uint8)), np.pad(ink, [(0, 0), (0, 9000)])):
        assert np.allclose(drawn(other), digit, atol=1e-3)
    assert np.array_equal(ink, bar())  # which is left alone


def test_a_trace_of_dirt_does_not_widen_the_box():
    dirty = bar()
    dirty[0, 279] = 4
    assert np.array_equal(drawn(dirty), drawn(bar()))


def test_negative_ink_is_paper():
    assert np.array_equal(drawn(bar().astype(np.float32) - 1), drawn((bar() > 0) * np.float32(254)))
    assert to_mnist(np.full((280, 280), -3.0)) is None


def test_what_is_not_one_channel_of_finite_numbers_is_refused_in_one_line():
    for shape in ((), (28,), (28, 28, 4), (1, 28, 28), (0, 28)):
        with pytest.raises(ValueError, match=r"\(H, W\) array of numbers, not uint8 of shape"):
            to_mnist(np.zeros(shape, np.uint8))
    with pytest.raises(ValueError, match="array of numbers"):
        to_mnist(np.full((28, 28), "x"))
    for value in (np.nan, np.inf, -np.inf):
        ink = bar().astype(np.float32)
        ink[100, 100] = value
        with pytest.raises(ValueError, match="finite"):
            to_mnist(ink)


@pytest.mark.parametrize("scale", [1e300, 1e39, 1, 1e-45, 1e-300])
def test_the_scale_of_the_numbers_does_not_matter(scale):
    ink = np.zeros((280, 280))
    ink[40:240, 130:150] = scale
    np.testing.assert_allclose(to_mnist(ink), to_mnist((ink > 0) * np.uint8(255)), atol=1e-6)


def test_the_steps_of_a_sketch_say_where_its_ink_is_and_how_far_it_moved():
    sketch = sketch_of(bar(height=201, width=143, top=30, left=90))
    assert sketch is not None
    assert sketch.box == Box(30, 90, 231, 233)
    assert sketch.side == 201
    assert sketch.averaged.shape == (20, 20)
    assert sketch.averaged.max() == pytest.approx(255)
    assert sketch.scaled.max() == 1
    assert sketch.shift == (0, 0)  # the middle of 20 pixels in the middle of 28 is index 13.5, which 14 is nearest to
    assert np.array_equal(sketch.digit, drawn(bar(height=201, width=143, top=30, left=90)))


def test_the_last_step_is_the_scaled_picture_moved_by_the_shift_out_of_the_middle(samples):
    moved = set()
    for sample in samples[:300]:
        sketch = sketch_of(np.kron(sample, np.ones((4, 4), np.uint8)))
        assert sketch is not None
        moved.add(sketch.shift)
        assert np.array_equal(np.roll(np.pad(sketch.scaled, 4), sketch.shift, axis=(0, 1)), sketch.digit)
    assert len(moved) > 20
