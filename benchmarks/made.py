"""The ways to set a digit into a picture, as people photograph, scan and save digits, for `benchmarks.pictures`."""

import io
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from benchmarks.redrawn import CUT, enlarged
from benchmarks.unknown import SIGNS, sign
from mnist_demo.data.synthetic import write
from mnist_demo.ink.strokes import Path, Stroke, draw

WHITE, PAPER, BLACK, PEN = (255, 255, 255), (226, 222, 212), (0, 0, 0), (45, 44, 50)
BLUE, PENCIL, CHALK, BOARD = (38, 60, 150), (118, 118, 122), (214, 216, 206), (48, 84, 66)

Random = np.random.Generator
Mask = NDArray[np.float32]  # (h, w), in [0, 1]: how much of each pixel is ink
Look = NDArray[np.float32]  # (H, W, 3), 0 to 255
Colour = tuple[int, int, int]
Hand = Callable[[int], Mask]  # a digit, its longer side that many pixels
Maker = Callable[[Hand, Random], Image.Image]


def of_sample(sample: NDArray[np.uint8]) -> Hand:
    """Return an MNIST digit (28, 28), its outline made crisp."""

    def mask(side: int) -> Mask:
        slope = np.float32(110 * 20 / max(side, 20))  # of the outline: a pixel or so from paper to ink
        gray = enlarged(sample, side).astype(np.float64)
        return ((gray - CUT) / slope + 0.5).clip(0, 1).astype(np.float32)

    return mask


def of_template(label: int, random: Random) -> Hand:
    """Return a digit as somebody writes it, with a pen of 1/18 to 1/7 of its height."""
    return of_paths(write(random, label), random.uniform(1 / 18, 1 / 7))


def of_paths(paths: Sequence[Path], share: float) -> Hand:
    """Return the lines of a pen whose width is that share of their longer side."""
    points = np.concatenate(paths)
    low, high = points.min(axis=0), points.max(axis=0)

    def mask(side: int) -> Mask:
        brush = max(share * side, 1.0)
        scale = (side - brush) / (high - low).max()
        ink = draw([Stroke((path - (low + high) / 2) * scale + side / 2, brush) for path in paths], side)
        rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
        box: Mask = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32) / np.float32(255)
        return box

    return mask


class Place(NamedTuple):
    """The box of a mask in a picture."""

    top: int
    left: int
    bottom: int
    right: int


def sheet(height: int, width: int, colour: Colour) -> Look:
    """Return paper of one colour."""
    return np.full((height, width, 3), colour, np.float32)


def put(look: Look, mask: Mask, centre: tuple[float, float], colour: Colour) -> Place:
    """Ink the mask, its middle at those shares of the height and width; parts outside are cut off."""
    y, x = (round(share * full - own / 2) for share, full, own in zip(centre, look.shape, mask.shape, strict=False))
    top, left = max(y, 0), max(x, 0)
    bottom, right = min(y + mask.shape[0], look.shape[0]), min(x + mask.shape[1], look.shape[1])
    seen = mask[top - y : bottom - y, left - x : right - x, None]
    patch = look[top:bottom, left:right]
    patch += seen * (np.array(colour, np.float32) - patch)
    return Place(y, x, y + mask.shape[0], x + mask.shape[1])


def line(look: Look, start: tuple[float, float], end: tuple[float, float], width: int, colour: Colour) -> None:
    """Ink a straight line between two points, (x, y) in pixels."""
    canvas = Image.new("L", (look.shape[1], look.shape[0]))
    ImageDraw.Draw(canvas).line([start, end], fill=255, width=width)
    look += np.asarray(canvas, np.float32)[..., None] / 255 * (np.array(colour, np.float32) - look)


def field(random: Random, shape: tuple[int, int], cells: int) -> Mask:
    """Return smooth noise (H, W) with a standard deviation of about 1 and that many cells along the shorter side."""
    rows, columns = (max(2, round(length * cells / min(shape))) for length in shape)
    noise = random.normal(size=(rows, columns)).astype(np.float32)
    return np.asarray(Image.fromarray(noise).resize((shape[1], shape[0]), Image.Resampling.BICUBIC))


def grained(look: Look, random: Random, strength: float) -> Look:
    """Paper's grain: fine noise and fibres, of that standard deviation."""
    height, width = look.shape[:2]
    fine = random.normal(size=(height, width)).astype(np.float32)
    coarse = field(random, (height, width), min(height, width) // 4)
    rough: Look = look + np.float32(0.7 * strength) * (fine + coarse)[..., None]
    return rough


def picture(look: Look) -> Image.Image:
    """Return the pixels as a picture."""
    return Image.fromarray(np.rint(look.clip(0, 255)).astype(np.uint8))


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    """Return the picture after JPEG compression."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def middle(random: Random, reach: float = 0.06) -> tuple[float, float]:
    """Return a random place near the middle."""
    y, x = random.uniform(0.5 - reach, 0.5 + reach, 2)
    return float(y), float(x)


def plain(hand: Hand, random: Random, paper: Colour = PAPER, ink: Colour = PEN) -> tuple[Look, Place]:
    """Draw a sheet of 300 to 500 pixels a side with a digit of a third to six tenths of it."""
    height, width = (int(side) for side in random.integers(300, 500, 2))
    look = sheet(height, width, paper)
    side = int(min(height, width) * random.uniform(0.35, 0.6))
    return look, put(look, hand(side), middle(random), ink)


def grain(hand: Hand, random: Random) -> Image.Image:
    """Rough paper."""
    look, _ = plain(hand, random)
    return picture(grained(look, random, random.uniform(4, 12)))


def gradient(hand: Hand, random: Random) -> Image.Image:
    """Light from one side: at the other it is 40 to 65 % as bright."""
    look, _ = plain(hand, random)
    y, x = np.mgrid[-1 : 1 : look.shape[0] * 1j, -1 : 1 : look.shape[1] * 1j]
    angle = random.uniform(0, 2 * np.pi)
    along = (y * np.sin(angle) + x * np.cos(angle)) / np.sqrt(2)
    dark = random.uniform(0.4, 0.65)
    return picture(grained(look * (dark + (1 - dark) * (along + 1) / 2)[..., None].astype(np.float32), random, 2))


def vignette(hand: Hand, random: Random) -> Image.Image:
    """Draw a sheet in a lamp's light: corners half to three quarters as bright; a small digit in faint ink."""
    look = sheet(600, 800, (190, 188, 182))
    put(look, hand(int(random.integers(90, 200))), middle(random, 0.1), (110, 110, 112))
    y, x = np.mgrid[-1:1:600j, -1:1:800j]
    dark = random.uniform(0.25, 0.5)
    return picture(grained(look * (1 - dark * (y**2 + x**2) / 2)[..., None].astype(np.float32), random, 2))


def shadow(hand: Hand, random: Random) -> Image.Image:
    """Draw the edge of a shadow across the sheet, often across the digit; 45 to 80 % as bright within."""
    look, _ = plain(hand, random)
    height, width = look.shape[:2]
    y, x = np.mgrid[:height, :width]
    angle, softness = random.uniform(0, 2 * np.pi), random.uniform(2, 25)
    offset = random.uniform(-0.3, 0.3) * min(height, width)
    along = (y - height / 2) * np.sin(angle) + (x - width / 2) * np.cos(angle) - offset
    inside = 1 / (1 + np.exp(-along / softness))
    return picture(grained(look * (1 - random.uniform(0.2, 0.55) * inside)[..., None].astype(np.float32), random, 2))


def ruled(hand: Hand, random: Random) -> Image.Image:
    """Lined paper: dark or pale lines, up to 2 degrees askew, the digit between two of them or across one."""
    look, place = plain(hand, random)
    height, width = look.shape[:2]
    step = (place.bottom - place.top) * random.uniform(1.1, 1.6)
    first = (place.bottom + random.uniform(-0.15, 0.1) * step) % step
    colour = ((70, 70, 78), (120, 140, 190), (150, 150, 150))[random.integers(3)]
    rise = np.tan(np.deg2rad(random.uniform(-2, 2))) * width
    for y in np.arange(first - step, height + step, step):
        line(look, (0, y), (width, y + rise), int(random.integers(1, 4)), colour)
    return picture(grained(look, random, 2))


def squared(hand: Hand, random: Random) -> Image.Image:
    """Squared paper: pale lines both ways."""
    look, place = plain(hand, random)
    height, width = look.shape[:2]
    step = (place.bottom - place.top) * random.uniform(0.3, 0.7)
    colour = ((150, 160, 190), (165, 165, 165), (180, 150, 140))[random.integers(3)]
    for y in np.arange(random.uniform(0, step), height, step):
        line(look, (0, y), (width, y), int(random.integers(1, 3)), colour)
    for x in np.arange(random.uniform(0, step), width, step):
        line(look, (x, 0), (x, height), int(random.integers(1, 3)), colour)
    return picture(grained(look, random, 2))


def frame(hand: Hand, random: Random) -> Image.Image:
    """Draw the box of a form around the digit; in one of five the digit touches it."""
    look, place = plain(hand, random, WHITE, (60, 60, 66))
    width = int(random.integers(2, 6))
    room = 0.06 + 0.3 * random.random(4)
    if random.random() < 0.2:
        room[random.integers(4)] = 0
    long = max(place.bottom - place.top, place.right - place.left)
    top, left, bottom, right = np.array(place) + np.array([-1, -1, 1, 1]) * room * long
    for start, end in (
        ((left, top), (right, top)),
        ((right, top), (right, bottom)),
        ((right, bottom), (left, bottom)),
        ((left, bottom), (left, top)),
    ):
        line(look, start, end, width, BLACK)
    return picture(look)


def neighbour(hand: Hand, random: Random) -> Image.Image:
    """Draw a piece of the next digit at the left or right border."""
    look, place = plain(hand, random, WHITE, PEN)
    other = of_template(int(random.integers(10)), random)(place.bottom - place.top)
    shown = random.uniform(0.15, 0.5) * other.shape[1] / look.shape[1]
    x = shown - other.shape[1] / look.shape[1] / 2
    y = (place.top + place.bottom) / 2 / look.shape[0]
    put(look, other, (y, x if random.random() < 0.5 else 1 - x), PEN)
    return picture(look)


def desk(hand: Hand, random: Random) -> Image.Image:
    """Draw a strip of the desk, dark or light, along one side or two, a little askew."""
    look, _ = plain(hand, random)
    height, width = look.shape[:2]
    colour = ((60, 44, 32), (40, 40, 44), (120, 90, 60), (255, 255, 250))[random.integers(4)]
    canvas = Image.new("L", (width, height))
    for side in random.choice(4, size=random.integers(1, 3), replace=False):
        near, far = random.uniform(0.02, 0.12, 2)
        corners = (((0, 0), (1, 0), (1, far), (0, near)), ((0, 1), (1, 1), (1, 1 - far), (0, 1 - near)))[side % 2]
        turned = [(x, y) if side < 2 else (y, x) for x, y in corners]
        ImageDraw.Draw(canvas).polygon([(x * width, y * height) for x, y in turned], fill=255)
    look += np.asarray(canvas, np.float32)[..., None] / 255 * (np.array(colour, np.float32) - look)
    return picture(grained(look, random, 3))


def specks(hand: Hand, random: Random) -> Image.Image:
    """Two to twelve specks of dirt of one to four pixels."""
    look, _ = plain(hand, random)
    for _ in range(random.integers(2, 13)):
        y, x = random.uniform(0.01, 0.99, 2)
        grey = int(random.integers(60, 170))
        put(look, np.ones(random.integers(1, 5, 2), np.float32), (float(y), float(x)), (grey, grey, grey))
    return picture(look)


def low_quality(hand: Hand, random: Random) -> Image.Image:
    """JPEG at quality 30."""
    look, _ = plain(hand, random)
    return jpeg(picture(grained(look, random, 3)), 30)


def uneven_pen(hand: Hand, random: Random, paper: Colour, ink: Colour, gaps: float, strength: float) -> Image.Image:
    """Draw with a pen that leaves more ink here and less there, down to `gaps`, on grainy paper."""
    height, width = (int(side) for side in random.integers(300, 500, 2))
    look = sheet(height, width, paper)
    mask = hand(int(min(height, width) * random.uniform(0.35, 0.6)))
    shape = (mask.shape[0], mask.shape[1])
    texture = field(random, shape, max(2, min(shape) // 2)) + field(random, shape, 6)
    put(look, mask * (0.5 + gaps / 2 + (0.5 - gaps / 2) * np.tanh(texture)), middle(random), ink)
    return picture(grained(look, random, strength))


def ballpoint(hand: Hand, random: Random) -> Image.Image:
    """Blue ballpoint."""
    return jpeg(uneven_pen(hand, random, PAPER, BLUE, 0.5, 3), 80)


def pencil(hand: Hand, random: Random) -> Image.Image:
    """Pencil."""
    return jpeg(uneven_pen(hand, random, PAPER, PENCIL, 0.4, 4), 80)


def chalk(hand: Hand, random: Random) -> Image.Image:
    """Chalk on a green board that was wiped."""
    image = uneven_pen(hand, random, BOARD, CHALK, 0.3, 5)
    cloud = field(random, (image.height, image.width), 4)[..., None]
    return jpeg(picture(np.asarray(image, np.float32) + 7 * cloud), 80)


def card(hand: Hand, random: Random) -> Image.Image:
    """Draw a screenshot of a window: a card with round corners on a transparent ground, light or dark."""
    paper, ink = ((WHITE, (20, 20, 20)), ((30, 30, 34), (235, 235, 235)))[random.integers(2)]
    look, _ = plain(hand, random, paper, ink)
    height, width = look.shape[:2]
    margin = int(random.integers(8, 50))
    opacity = Image.new("L", (width + 2 * margin, height + 2 * margin), int(random.integers(0, 4)))
    box = (margin, margin, margin + width - 1, margin + height - 1)
    ImageDraw.Draw(opacity).rounded_rectangle(box, radius=int(random.integers(0, 16)), fill=255)
    full = Image.new("RGB", opacity.size)
    full.paste(picture(look), (margin, margin))
    full.putalpha(opacity)
    return full


def eight(hand: Hand, random: Random) -> Image.Image:
    """8 x 8 pixels, as in the set of digits that scikit-learn carries."""
    look = sheet(128, 128, WHITE)
    put(look, hand(124), (0.5, 0.5), BLACK)
    broad = picture(look).convert("L").filter(ImageFilter.MinFilter(5))  # a pen of at least a twelfth of the height
    return broad.resize((8, 8), Image.Resampling.BOX)


def page(hand: Hand, random: Random) -> Image.Image:
    """Draw a scanned page with one small digit anywhere on it, 4 to 9 % of its side."""
    side = int(random.integers(1000, 2000))
    look = sheet(side, round(side * random.uniform(0.7, 1)), (250, 250, 248))
    put(look, hand(int(side * random.uniform(0.04, 0.09))), middle(random, 0.4), (30, 30, 34))
    return picture(grained(look, random, random.uniform(0, 2)))


def photo(hand: Hand, random: Random) -> Image.Image:
    """Draw a phone's photo of 4,000 x 3,000 pixels in a lamp's light, JPEG at quality 85."""
    look = sheet(750, 1000, PAPER)
    put(look, hand(int(random.integers(90, 300))), middle(random, 0.2), (BLUE, PEN, (84, 84, 88))[random.integers(3)])
    y, x = np.mgrid[-1:1:750j, -1:1:1000j]
    y0, x0 = random.uniform(-0.5, 0.5, 2)
    light = 1 - random.uniform(0.1, 0.4) * ((y - y0) ** 2 + (x - x0) ** 2) / 2
    look = grained(look * light[..., None].astype(np.float32), random, 2)
    return jpeg(picture(look).resize((4000, 3000), Image.Resampling.BICUBIC), 85)


def on_desk(hand: Hand, random: Random) -> Image.Image:
    """Draw a sheet, turned by up to ten degrees, on a darker desk that shows all around it."""
    look, _ = plain(hand, random)
    sheet_of = picture(grained(look, random, 2)).convert("RGBA")
    turned = sheet_of.rotate(random.uniform(-10, 10), Image.Resampling.BICUBIC, expand=True)
    colour = ((96, 66, 42), (54, 54, 58), (130, 104, 76))[random.integers(3)]
    margin = int(random.integers(10, 80))
    ground = grained(sheet(turned.height + 2 * margin, turned.width + 2 * margin, colour), random, 5)
    full = picture(ground)
    full.paste(turned, (margin, margin), turned)
    return full


def dated(hand: Hand, random: Random) -> Image.Image:
    """Draw a date in a corner of the sheet."""
    look, _ = plain(hand, random)
    full = picture(look)
    font = ImageFont.load_default(size=int(random.integers(12, 20)))
    x, y = ((6, 6), (full.width - 90, 6), (6, full.height - 24))[random.integers(3)]
    ImageDraw.Draw(full).text((x, y), "12.03.2024", fill=(90, 90, 90), font=font)
    return full


def same_brightness(hand: Hand, random: Random) -> Image.Image:
    """Red on green of the same luminance."""
    look, _ = plain(hand, random, (60, 140, 60), (214, 60, 60))
    return picture(grained(look, random, 2))


def canvas(hand: Hand, random: Random) -> Image.Image:
    """As a drawing program saves it."""
    look = sheet(280, 280, WHITE)
    put(look, hand(int(random.integers(120, 240))), (0.5, 0.5), BLACK)
    return picture(look)


def inverted(hand: Hand, random: Random) -> Image.Image:
    """Light on dark."""
    look, _ = plain(hand, random, (24, 26, 30), (232, 230, 224))
    return picture(look)


def transparent(hand: Hand, random: Random) -> Image.Image:
    """Black ink on nothing."""
    look = sheet(280, 280, BLACK)
    put(look, hand(int(random.integers(100, 240))), middle(random), WHITE)
    ink = picture(look).convert("L")
    return Image.merge("LA", (Image.new("L", ink.size, 0), ink))


def tight(hand: Hand, random: Random) -> Image.Image:
    """Cut to the ink, with no margin or one of up to three pixels."""
    mask = hand(int(random.integers(24, 160)))
    border = int(random.integers(0, 4))
    look = sheet(mask.shape[0] + 2 * border, mask.shape[1] + 2 * border, WHITE)
    put(look, mask, (0.5, 0.5), BLACK)
    return picture(look)


def as_in_mnist(hand: Hand, random: Random) -> Image.Image:
    """28 x 28 pixels, white on black."""
    look = sheet(112, 112, BLACK)
    put(look, hand(80), (0.5, 0.5), WHITE)
    return picture(look).convert("L").resize((28, 28), Image.Resampling.BOX)


def scan(hand: Hand, random: Random) -> Image.Image:
    """Draw a clean scan in black and white."""
    look, _ = plain(hand, random, WHITE, BLACK)
    return picture(look).convert("1", dither=Image.Dither.NONE)


def table_cell(hand: Hand, random: Random, margins: tuple[float, float], turn: float = 0) -> Image.Image:
    """Draw a cell of a table in pencil or pen, with lines of 1 to 5 % of the cell, cut from a photo.

    The cut is `margins` (from, to) outside the cell, as shares of its height; first, everything is turned by 0.6 to 1
    of `turn` degrees.
    """
    height = int(random.integers(60, 240))
    width = int(height * random.uniform(0.8, 1.8))
    ink, lines = (
        (PENCIL, PEN, BLUE)[random.integers(3)],
        ((30, 30, 34), (90, 90, 96), (120, 140, 190))[random.integers(3)],
    )
    look = sheet(3 * height, 3 * width, PAPER)
    thickness = max(1, round(height * random.uniform(0.01, 0.05)))
    for at in range(1, 3):
        line(look, (0, at * height), (3 * width, at * height), thickness, lines)
        line(look, (at * width, 0), (at * width, 3 * height), thickness, lines)
    for row, column in np.ndindex(3, 3):
        own = hand if row == column == 1 else of_template(int(random.integers(10)), random)
        mask = own(int(min(height, width) * random.uniform(0.5, 0.8)))
        y, x = (at + 0.5 + random.uniform(-0.08, 0.08) for at in (row, column))
        put(look, mask, (y / 3, x / 3), ink)
    angle = float(random.choice([-1, 1]) * random.uniform(0.6, 1)) * turn
    turned = picture(grained(look, random, 3)).rotate(angle, Image.Resampling.BICUBIC, fillcolor=PAPER)
    left, top, right, bottom = (round(height * random.uniform(*margins)) for _ in range(4))
    return jpeg(turned.crop((width - left, height - top, 2 * width + right, 2 * height + bottom)), 85)


def tight_cell(hand: Hand, random: Random) -> Image.Image:
    """Draw a table's cell, cut along its lines."""
    return table_cell(hand, random, (-0.02, 0.05))


def loose_cell(hand: Hand, random: Random) -> Image.Image:
    """Draw a table's cell, cut with parts of the cells around it."""
    return table_cell(hand, random, (0.05, 0.3))


def tilted_cell(hand: Hand, random: Random) -> Image.Image:
    """Draw a table's cell, tilted by three to five degrees."""
    return table_cell(hand, random, (0.0, 0.2), 5)


def on_line(hand: Hand, random: Random) -> Image.Image:
    """Draw a digit that stands on a line of 1 to 6 % of the height, or crosses it, in a small cut-out."""
    height, width = (int(side) for side in random.integers(80, 260, 2))
    look = sheet(height, width, (204, 204, 204))
    mask = hand(int(min(height, width) * random.uniform(0.45, 0.75)))
    place = put(look, mask, middle(random), (PENCIL, PEN, BLUE)[random.integers(3)])
    thickness = max(1, round(height * random.uniform(0.01, 0.06)))
    y = place.bottom + random.uniform(-0.1, 0.05) * mask.shape[0]
    rise = np.tan(np.deg2rad(random.uniform(-2, 2))) * width
    line(look, (0, y), (width, y + rise), thickness, ((50, 50, 54), (140, 140, 146))[random.integers(2)])
    return picture(grained(look, random, 2))


def turned_sheet(hand: Hand, random: Random) -> Image.Image:
    """Draw a sheet turned by 10 to 40 degrees, the corners of the picture black; a thick pen."""
    look, _ = plain(hand, random, WHITE, BLACK)
    return picture(look).rotate(float(random.choice([-1, 1]) * random.uniform(10, 40)), Image.Resampling.BICUBIC)


def wedge(hand: Hand, random: Random) -> Image.Image:
    """Draw a page with a small digit, and the desk as a thin wedge along two adjacent sides."""
    height = int(random.integers(600, 1200))
    width = round(height * random.uniform(0.7, 1))
    desk_at = Image.new("L", (width, height))
    drawn = ImageDraw.Draw(desk_at)
    far, near = random.uniform(0.01, 0.06, 2) * height
    drawn.polygon([(0, 0), (width, 0), (width, far), (0, random.uniform(0, 3))], fill=255)
    drawn.polygon([(width, 0), (width, height * random.uniform(0.4, 1)), (width - near, 0)], fill=255)
    if random.integers(2):
        desk_at = desk_at.rotate(180)
    look = sheet(height, width, (200, 200, 198))
    look += np.asarray(desk_at, np.float32)[..., None] / 255 * (np.float32(60) - look)
    put(look, hand(int(height * random.uniform(0.05, 0.2))), middle(random, 0.35), (120, 120, 122))
    return picture(grained(look, random, 2))


def glitter(hand: Hand, random: Random) -> Image.Image:
    """Felt pen on rough paper with highlights that are brighter than the ink is dark."""
    height, width = (int(side) for side in random.integers(140, 400, 2))
    look = sheet(height, width, (160, 160, 158))
    put(look, hand(int(min(height, width) * random.uniform(0.5, 0.8))), middle(random), (96, 96, 98))
    look = grained(look, random, random.uniform(6, 10))
    for _ in range(random.integers(20, 80)):
        y, x = random.uniform(0.02, 0.98, 2)
        put(look, np.ones(random.integers(1, 5, 2), np.float32), (float(y), float(x)), WHITE)
    return picture(look)


def strip(hand: Hand, random: Random) -> Image.Image:
    """Draw a small cut-out whose digit touches a strip along the border, with a crumb of dirt beside it."""
    side = int(random.integers(50, 200))
    look = sheet(side, side, (204, 204, 204))
    place = put(look, hand(int(side * random.uniform(0.5, 0.7))), middle(random), (116, 116, 118))
    look[place.bottom - max(1, side // 50) :] = random.uniform(60, 150)
    put(look, np.ones((side // 8, side // 18), np.float32), (random.uniform(0.2, 0.6), 0.1), (120, 120, 122))
    return picture(look)


def cut_off(hand: Hand, random: Random) -> Image.Image:
    """Draw a digit that runs to one side of the picture, and a speck beside it; light on dark or dark on light."""
    paper, ink = (((36, 36, 36), (230, 230, 230)), (PAPER, PEN))[random.integers(2)]
    height, width = (int(side) for side in random.integers(100, 300, 2))
    look = sheet(height, width, paper)
    mask = hand(int(min(height, width) * random.uniform(0.6, 0.9)))
    y = (random.integers(2) * (height - mask.shape[0]) + mask.shape[0] / 2) / height
    put(look, mask, (float(y), 0.45), ink)
    put(look, np.ones(random.integers(2, 7, 2), np.float32), (float(random.uniform(0.1, 0.9)), 0.93), ink)
    return picture(look)


def six(hand: Hand, random: Random) -> Image.Image:
    """Draw a digit of six to ten pixels on a sheet of 20 to 60."""
    side = int(random.integers(20, 60))
    look = sheet(8 * side, 8 * side, WHITE)
    put(look, hand(8 * int(random.integers(6, 11))), middle(random, 0.2), BLACK)
    return picture(look).convert("L").resize((side, side), Image.Resampling.BOX)


def stripe(random: Random) -> Image.Image:
    """Draw a bare sheet with a stripe of light or of shadow across it."""
    height, width = (int(side) for side in random.integers(300, 500, 2))
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angle = random.uniform(0, np.pi)
    along = y * np.sin(angle) + x * np.cos(angle) - random.uniform(-0.4, 0.4)
    half, soft = random.uniform(0.03, 0.2), random.uniform(0.01, 0.08)
    light = 1 / (1 + np.exp((np.abs(along) - half) / soft))
    look = sheet(height, width, (190, 188, 182)) * (1 + random.choice([-0.4, 0.3]) * light)[..., None].astype(
        np.float32
    )
    return picture(grained(look, random, 2))


def _nothing(side: int) -> Mask:
    return np.zeros((side, side), np.float32)


def _sign(random: Random) -> Hand:
    """Return a letter or a sign that is in no training data."""
    name = list(SIGNS)[random.integers(len(SIGNS))]
    return of_paths(sign(random, name), random.uniform(1 / 18, 1 / 7))


def _digits(random: Random, count: int) -> Hand:
    """Digits side by side."""
    hands = [of_template(int(random.integers(10)), random) for _ in range(count)]

    def mask(side: int) -> Mask:
        masks = [hand(side // count) for hand in hands]
        height = max(mask.shape[0] for mask in masks)
        gap = np.zeros((height, max(2, side // count // 6)), np.float32)
        tall = [np.pad(mask, ((0, height - mask.shape[0]), (0, 0))) for mask in masks]
        return np.concatenate([part for one in tall for part in (one, gap)][:-1], axis=1)

    return mask


def scene(random: Random) -> Image.Image:
    """Things of many sizes and colours, blurred and grained."""
    canvas = Image.new("RGB", (480, 360), tuple(random.integers(60, 220, 3).tolist()))
    drawn = ImageDraw.Draw(canvas)
    for _ in range(random.integers(6, 20)):
        x, y = random.uniform(-60, 480), random.uniform(-60, 360)
        box = (x, y, x + random.uniform(20, 250), y + random.uniform(20, 250))
        shape = (drawn.ellipse, drawn.rectangle)[random.integers(2)]
        shape(box, fill=tuple(random.integers(0, 256, 3).tolist()))
    blurred = canvas.filter(ImageFilter.GaussianBlur(random.uniform(1, 4)))
    return jpeg(picture(grained(np.asarray(blurred, np.float32), random, 4)), 75)


NO_DIGIT: dict[str, Callable[[Random], Image.Image]] = {  # what must be refused
    "letters and signs": lambda random: grain(_sign(random), random),
    "two digits": lambda random: grain(_digits(random, 2), random),
    "three digits, cut to the ink": lambda random: tight(_digits(random, 3), random),
    "a bare sheet, desk at the border": lambda random: desk(_nothing, random),
    "a bare sheet in a shadow": lambda random: shadow(_nothing, random),
    "a bare sheet, stripe of light": stripe,
    "scenes": scene,
}
CLEAN: dict[str, Maker] = {  # what has always been read
    "drawn on a canvas": canvas,
    "light on dark": inverted,
    "on nothing": transparent,
    "cut to the ink": tight,
    "28 x 28 pixels": as_in_mnist,
    "black and white scan": scan,
}
MADE: dict[str, Maker] = {
    "paper's grain": grain,
    "gradient": gradient,
    "vignette": vignette,
    "shadow's edge": shadow,
    "lined paper": ruled,
    "squared paper": squared,
    "frame": frame,
    "neighbour's piece": neighbour,
    "desk at the border": desk,
    "sheet on a desk": on_desk,
    "specks": specks,
    "date in a corner": dated,
    "JPEG, quality 30": low_quality,
    "blue ballpoint": ballpoint,
    "pencil": pencil,
    "chalk on green": chalk,
    "red on green": same_brightness,
    "card on nothing": card,
    "8 x 8 pixels": eight,
    "small on a large page": page,
    "photo, 4,000 x 3,000": photo,
    "table's cell, tight": tight_cell,
    "table's cell, loose": loose_cell,
    "table's cell, tilted": tilted_cell,
    "standing on a line": on_line,
    "sheet turned on black": turned_sheet,
    "wedge of desk": wedge,
    "glittering paper": glitter,
    "strip at the border": strip,
    "cut off, with a speck": cut_off,
    "six to ten pixels": six,
}
