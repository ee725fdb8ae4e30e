import itertools

import golden
from drawing_page import DrawingPage

EVERY = 30  # drawings, of which one is compared: Node's tests try them all

AS_THE_BROWSER_HAS_THEM = """async (drawings) => {
  const { inkKeeper, SIDE } = await import("/web/pad/strokes.js");
  const { sketchOf } = await import("/web/pad/preprocess.js");
  const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return Promise.all(drawings.map(async (actions) => {
    const ink = inkKeeper()(actions);
    return [hex(await crypto.subtle.digest("SHA-256", ink)), Array.from(sketchOf(ink, SIDE)?.digit ?? [])];
  }));
}"""


def test_chromium_draws_strokes_as_python_does_and_makes_the_same_digits(page: DrawingPage) -> None:
    drawn = [line for line in golden.golden() if not any("picture" in action for action in line["actions"])]
    lines = list(itertools.islice(drawn, 0, None, EVERY))
    made = page.page.evaluate(AS_THE_BROWSER_HAS_THEM, [line["actions"] for line in lines])
    for line, (ink, digit) in zip(lines, made, strict=True):
        assert ink == line["ink"]
        wanted = golden.pixels_of(line)
        assert len(digit) == len(wanted)
        assert all(abs(one - other) <= 1 for one, other in zip(digit, wanted, strict=True))
