"""Ten digits as people might draw them: strokes of (x, y), as shares of the pad's side."""

import itertools
import math

Point = tuple[float, float]
Strokes = list[list[Point]]


def arc(x: float, y: float, rx: float, ry: float, start: float, end: float, count: int = 10) -> list[Point]:
    """Return points on an ellipse about (x, y); angles in degrees, 0 to the right, clockwise."""
    angles = [math.radians(start + (end - start) * at / (count - 1)) for at in range(count)]
    return [(x + rx * math.cos(angle), y + ry * math.sin(angle)) for angle in angles]


def line(*corners: Point, count: int = 5) -> list[Point]:
    """Return points along straight lines from corner to corner."""
    points = [corners[0]]
    for (x, y), (to_x, to_y) in itertools.pairwise(corners):
        points += [(x + (to_x - x) * at / count, y + (to_y - y) * at / count) for at in range(1, count + 1)]
    return points


DIGITS: dict[int, Strokes] = {
    0: [arc(0.5, 0.5, 0.19, 0.3, -100, 265, 14)],
    1: [line((0.54, 0.18), (0.47, 0.82))],
    2: [arc(0.5, 0.34, 0.18, 0.15, -160, 30) + line((0.64, 0.44), (0.33, 0.8), (0.7, 0.79))],
    3: [arc(0.48, 0.33, 0.17, 0.15, -150, 85) + arc(0.48, 0.65, 0.2, 0.17, -85, 150)],
    4: [line((0.4, 0.2), (0.34, 0.54), (0.7, 0.54)), line((0.62, 0.22), (0.58, 0.84))],
    5: [line((0.66, 0.2), (0.4, 0.2), (0.37, 0.46)) + arc(0.48, 0.62, 0.19, 0.18, -120, 150)],
    6: [line((0.6, 0.18), (0.42, 0.42)) + arc(0.5, 0.64, 0.16, 0.17, -170, 200, 12)],
    7: [line((0.3, 0.22), (0.68, 0.22), (0.46, 0.82))],
    8: [
        arc(0.5, 0.34, 0.14, 0.14, -60, -270, 14)
        + arc(0.5, 0.64, 0.17, 0.16, -90, 270, 12)
        + arc(0.5, 0.34, 0.14, 0.14, 90, -60, 10)
    ],
    9: [arc(0.48, 0.36, 0.16, 0.16, -20, -350, 12) + line((0.64, 0.34), (0.58, 0.82))],
}
