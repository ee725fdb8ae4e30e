"""Search for the picture that costs the server most: `python -m benchmarks.costly_pictures`. On Linux.

It makes random pictures of all formats, sizes and structures, and varies the costliest further. The process that reads
clients' pictures reads each. The report names the costliest pictures that it reads, in processor time, and counts those
it refuses. The exit code is 1 if one that it read cost more than the limit.
"""

import argparse
import io
import struct
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from tqdm import tqdm

from benchmarks.report import json_file, machine, table, write_json
from mnist_demo.ink.picture import JPEG_FACTOR
from mnist_demo.ink.picture_worker import MAX_CPU_SECONDS, MAX_PIXELS
from mnist_demo.server.limits import MAX_PICTURE_BYTES
from mnist_demo.server.picture_process import PictureProcess

KEPT = 20  # of the costliest pictures, which are varied
SHOWN = 10
TILE = 600  # pixels a side, of the tile that is repeated to fill a large picture
TOLERANCE = 0.05  # seconds that the system's timer may be late

Gray = NDArray[np.uint8]
Random = np.random.Generator


class Recipe(NamedTuple):
    """How to make a picture."""

    format: str
    structure: str
    width: int
    height: int
    seed: int  # of everything else


class Outcome(NamedTuple):
    """The cost of a picture."""

    recipe: Recipe
    kilobytes: int
    seconds: float  # of the process's time
    refusal: str | None


def cells(random: Random) -> Gray:
    """Draw cells of a random size, ink or paper at random."""
    side = int(random.choice([1, 2, 3, 4, 6, 8, 12, 20, 40]))
    drawn = random.random((TILE // side + 1,) * 2) < random.choice([0.02, 0.1, 0.3, 0.5, 0.7])
    return (255 * np.kron(drawn, np.ones((side, side)))).astype(np.uint8)


def stripes(random: Random) -> Gray:
    """Draw straight lines, horizontal, vertical, both or slanting."""
    y, x = np.indices((TILE, TILE))
    step = int(random.choice([2, 4, 8, 12, 20, 24, 30, 60]))
    thick = int(random.integers(1, step))
    across, down, slant = y % step < thick, x % step < thick, (x + y) % step < thick
    return (255 * [across, down, across | down, across ^ down, slant][random.integers(5)]).astype(np.uint8)


def frames(random: Random) -> Gray:
    """Draw boxes with something in them, side by side or nested."""
    picture = Image.new("L", (TILE, TILE), 255)
    drawer, step = ImageDraw.Draw(picture), int(random.choice([30, 60, 120, 200, 300]))
    width = int(random.integers(1, 9))
    for at in range(0, TILE // 2 if step < 100 else 0, step):
        drawer.rectangle((at, at, TILE - 1 - at, TILE - 1 - at), outline=0, width=width)
    for top in range(0, TILE, step) if step >= 100 else ():
        for left in range(0, TILE, step):
            drawer.rectangle((left + 4, top + 4, left + step - 5, top + step - 5), outline=0, width=width)
            drawer.line((left + step // 3, top + step // 4, left + step // 2, top + 2 * step // 3), fill=0, width=8)
    return np.asarray(picture)


def grain(random: Random) -> Gray:
    """Draw grainy paper in uneven light."""
    y, x = np.indices((TILE, TILE))
    light = 120 + 100 * np.sin(x / TILE * random.uniform(0, 9)) * np.cos(y / TILE * random.uniform(0, 9))
    return (light + random.normal(0, random.uniform(1, 60), light.shape)).clip(0, 255).astype(np.uint8)


def blobs(random: Random) -> Gray:
    """Draw many disks of all sizes, dark and light."""
    picture = Image.new("L", (TILE, TILE), 200)
    drawer = ImageDraw.Draw(picture)
    for _ in range(int(random.choice([5, 30, 300, 2000]))):
        (x, y), radius = random.integers(0, TILE, 2).tolist(), int(random.integers(1, 40))
        drawer.ellipse((x - radius, y - radius, x + radius, y + radius), fill=int(random.integers(256)))
    return np.asarray(picture)


STRUCTURES: dict[str, Callable[[Random], Gray]] = {one.__name__: one for one in (cells, stripes, frames, grain, blobs)}


def pixels(recipe: Recipe, random: Random) -> Image.Image:
    """Return the picture, in grey: its structure repeated, enlarged, or on plain paper."""
    tile = STRUCTURES[recipe.structure](random)
    size = (recipe.width, recipe.height)
    way = random.integers(3)
    if way == 0:
        times = (-(-recipe.height // len(tile)), -(-recipe.width // tile.shape[1]))
        return Image.fromarray(np.tile(tile, times)[: recipe.height, : recipe.width])
    if way == 1:
        return Image.fromarray(tile).resize(size, Image.Resampling.NEAREST)
    sheet = Image.new("L", size, int(tile[0, 0]))
    sheet.paste(Image.fromarray(tile), (recipe.width // 3, recipe.height // 3))
    return sheet


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """Return the picture as a file."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(picture: Image.Image, random: Random) -> bytes:
    """Return a PNG of any mode, perhaps interlaced, or with chunks before its pixels."""
    mode = str(random.choice(["1", "L", "LA", "P", "RGB", "RGBA", "I;16"]))
    shown = picture.convert("I").convert(mode) if mode == "I;16" else picture.convert(mode)
    content, way = saved(shown, "PNG", compress_level=1), random.random()
    if way < 0.2:
        packed = b"a\0\0" + zlib.compress(bytes(1_000_000))
        chunks = [chunk(b"tEXt", b"a\0b"), chunk(b"zTXt", packed), chunk(b"iCCP", packed)]
        more = chunks[random.integers(3)] * int(random.choice([10, 60, 1000, 9000]))
        return content[:33] + more + content[33:]
    if way < 0.4:
        header = struct.pack(">IIBBBBB", *picture.size, 8, 6, 0, 0, 1)
        rows = zlib.compress(bytes(5 * picture.width * picture.height + 16 * picture.height), 1)
        return content[:8] + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return content


def jpeg(picture: Image.Image, random: Random) -> bytes:
    """Return a JPEG, baseline or progressive, perhaps with more scans or segments than it needs."""
    mode = str(random.choice(["L", "RGB", "CMYK"]))
    options: dict[str, Any] = {"quality": int(random.choice([10, 60, 95, 100])), "progressive": random.random() < 0.6}
    if mode == "RGB":
        options["subsampling"] = int(random.choice([0, 2]))
    if random.random() < 0.2:
        options["restart_marker_blocks"] = 1
    content = saved(picture.convert(mode), "JPEG", **options)
    way = random.random()
    if way < 0.4 and options["progressive"]:
        first, last = content.index(b"\xff\xda"), content.rindex(b"\xff\xda")
        scan = content[last:-2] if way < 0.2 else content[first : first + 2 + content[first + 3]]
        content = content[:-2] + scan * int(random.choice([5, 20, 60, 99, 500])) + content[-2:]
    elif way < 0.5:
        content = content[:2] + b"\xff\xfe\x00\x02" * int(random.choice([100, 5000, 9000, 10**5])) + content[2:]
    return content


def webp(picture: Image.Image, random: Random) -> bytes:
    """Return a WebP, lossy or not, perhaps with several frames."""
    shown = picture.convert(str(random.choice(["RGB", "RGBA"])))
    options: dict[str, Any] = {"lossless": random.random() < 0.5, "quality": int(random.choice([5, 80])), "method": 0}
    if random.random() < 0.3 and picture.width * picture.height < 10**6:
        options |= {"save_all": True, "append_images": [shown.rotate(angle) for angle in range(1, 30)]}
    return saved(shown, "WEBP", **options)


def gif(picture: Image.Image, random: Random) -> bytes:
    """Return a GIF with several frames, or with comments before the first."""
    content = saved(picture, "GIF", interlace=int(random.integers(2)))
    if random.random() < 0.3:
        blocks = int(random.choice([100, 5000, 9000, 40_000]))
        at = 13 + (3 << (content[10] & 7) + 1 if content[10] & 0x80 else 0)
        content = content[:at] + b"\x21\xfe" + (b"\xff" + b"a" * 255) * blocks + b"\0" + content[at:]
    return content


def bmp(picture: Image.Image, random: Random) -> bytes:
    """Return a BMP, run-length encoded or not."""
    if random.random() < 0.3:
        size, palette = struct.pack("<ii", *picture.size), bytes(range(256)) * 4
        body = (b"\x02\x00\x02\xff" * (picture.width // 4) + b"\0\0") * picture.height
        head = struct.pack("<I8sHHIIIIII", 40, size, 1, 8, 1, len(body), 0, 0, 256, 0)
        return b"BM" + struct.pack("<IHHI", 1078 + len(body), 0, 0, 1078) + head + palette + body
    return saved(picture.convert(str(random.choice(["1", "L", "RGB"]))), "BMP")


def tiff(picture: Image.Image, random: Random) -> bytes:
    """Return a TIFF of any mode and encoding."""
    mode = str(random.choice(["1", "L", "RGB", "RGBA", "CMYK", "I;16", "I", "F"]))
    codecs = ["raw", "packbits", "tiff_lzw", "tiff_adobe_deflate", "zstd"]
    codecs += ["group3", "group4"] if mode == "1" else ["jpeg"] if mode in ("L", "RGB") else []
    shown = picture.convert("I").convert(mode) if mode == "I;16" else picture.convert(mode)
    options: dict[str, Any] = {"compression": str(random.choice(codecs))}
    if random.random() < 0.3 and options["compression"] != "jpeg":  # whose strips have eight rows
        options["strip_size"] = 1  # so that each row is a strip
    return saved(shown, "TIFF", **options)


FORMATS: dict[str, Callable[[Image.Image, Random], bytes]] = {
    one.__name__: one for one in (png, jpeg, webp, gif, bmp, tiff)
}


def file_of(recipe: Recipe) -> bytes:
    """Return the file, which in one of five cases is damaged."""
    random = np.random.default_rng(recipe.seed)
    content = bytearray(FORMATS[recipe.format](pixels(recipe, random), random))
    if random.random() < 0.2:
        for at in random.integers(min(len(content), 2000), size=int(random.integers(1, 6))):
            content[at] = random.integers(256)
    return bytes(content[:MAX_PICTURE_BYTES])


def random_recipe(random: Random) -> Recipe:
    """Return a recipe for any picture up to the limit of pixels, of any shape."""
    kind = str(random.choice(list(FORMATS)))
    most = MAX_PIXELS * (JPEG_FACTOR if kind == "jpeg" else 1)
    area = float(random.choice([most, most, most / 4, 1_440_000, 1_440_000, 90_000]))
    aspect = float(random.choice([1, 1, 1, 0.75, 30, 1 / 30]))
    width = min(round((area * aspect) ** 0.5), 16_000)
    structure = str(random.choice(list(STRUCTURES)))
    return Recipe(kind, structure, width, max(1, min(int(area / width), 16_000)), int(random.integers(2**32)))


def varied(recipe: Recipe, random: Random) -> Recipe:
    """Return the same picture with one change."""
    other = random_recipe(random)
    way = random.integers(3)
    if way == 0:
        return recipe._replace(structure=other.structure)
    return recipe._replace(seed=other.seed) if way == 1 else recipe._replace(width=other.width, height=other.height)


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    return time.clock_gettime((~pid << 3) | 2)  # Linux's clock of another process


def measured(pictures: PictureProcess, recipe: Recipe, blank: bytes) -> Outcome:
    """Let the process read a picture, and return its cost."""
    content = file_of(recipe)
    pictures.ink_of(blank)  # starts the process
    assert pictures.process is not None
    pid, refusal, seconds = pictures.process.pid, None, MAX_CPU_SECONDS
    before = cpu_seconds(pid)
    try:
        pictures.ink_of(content)
    except ValueError as error:
        refusal = str(error)
    if pictures.process is not None:
        seconds = cpu_seconds(pid) - before
    return Outcome(recipe, len(content) // 1024, seconds, refusal)


def search(count: int, seed: int) -> list[Outcome]:
    """Measure `count` pictures: two thirds at random, and variations of the costliest."""
    random, pictures, outcomes = np.random.default_rng(seed), PictureProcess(), list[Outcome]()
    blank = saved(Image.new("L", (30, 30), 255), "PNG")
    for number in tqdm(range(count), unit=" pictures", disable=None):
        recipe = random_recipe(random)
        if outcomes and number % 3 == 0:
            recipe = varied(dearest(outcomes)[random.integers(min(KEPT, len(outcomes)))].recipe, random)
        outcomes.append(measured(pictures, recipe, blank))
    return outcomes


def dearest(outcomes: list[Outcome]) -> list[Outcome]:
    """Sort by cost: first the pictures that were read, the costliest first, then the refused ones."""
    return sorted(outcomes, key=lambda one: (one.refusal is not None, -one.seconds))


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    p = argparse.ArgumentParser(prog="python -m benchmarks.costly_pictures", description="Search for costly pictures.")
    p.add_argument("--pictures", type=int, default=500, metavar="N", help="pictures to try (default: 500)")
    p.add_argument("--seed", type=int, default=1, help="random seed (default: 1)")
    p.add_argument("--json", type=json_file, metavar="FILE", help="also write the results to this file")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Run the command line. Return its exit code."""
    options = parser().parse_args(arguments)
    if options.pictures < 1 or not Path("/proc").exists():
        print("error: --pictures must be at least 1, and the system must be Linux", file=sys.stderr)
        return 2
    outcomes = search(options.pictures, options.seed)
    read = [one for one in dearest(outcomes) if one.refusal is None]
    print(f"{machine()}; {len(outcomes)} pictures, {len(read)} read, {len(outcomes) - len(read)} refused\n")
    lines = [[*map(str, one.recipe), str(one.kilobytes), f"{one.seconds:.2f}"] for one in read[:SHOWN]]
    print(table([*Recipe._fields, "kB", "s"], lines))
    for refusal in sorted({one.refusal for one in outcomes if one.refusal}):
        seconds = [one.seconds for one in outcomes if one.refusal == refusal]
        print(f"{len(seconds)} refused after at most {max(seconds):.2f} s: {refusal}")
    write_json(
        options.json, [one.recipe._asdict() | {"seconds": one.seconds, "refusal": one.refusal} for one in outcomes]
    )
    return int(bool(read) and read[0].seconds > MAX_CPU_SECONDS + TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
