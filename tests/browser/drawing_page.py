"""A page object: it draws with the mouse, as a user does, and reads what the page shows."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from digits import Point, Strokes
from playwright.sync_api import Page, Request, expect

from benchmarks.pages import VIEW

LIVE = ("read", "trace")  # what is asked of the drawing with every change
NEXT_FRAME = "new Promise(requestAnimationFrame)"
RESIZED = """(size) =>
  [[innerWidth, innerHeight], [screen.width, screen.height]].every((one) => one.join() === size.join())"""
READY = "#sketchpad[data-ready] .tools"

AS_AT_FIRST = """() => {  // all that a visitor chose, but for what can be undone
  localStorage.clear();
  dispatchEvent(new StorageEvent("storage"));  // as if another tab had cleared it
  const lenses = ["[role=tab][data-lens=read]", "button[data-show=both]", "button[data-judged=both]", "[data-network]"];
  const others = [".back", ".hard[aria-pressed=true]", "[data-only='']:not([aria-checked=true])", "[data-tool=clear]"];
  for (const one of [...lenses, ...others]) document.querySelector(one)?.click();
  document.activeElement.blur();
  scrollTo(0, 0);
}"""


def question(request: Request) -> str:
    """Return the name of an engine request, or "" for any other request."""
    path = urlsplit(request.url).path
    return path.rpartition("/")[2] if "/engine/" in path else ""


class DrawingPage:
    """One open page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.size = page.viewport_size or VIEW
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.unanswered = 0  # questions about the drawing that are on their way
        page.on("request", self.asked)
        page.on("requestfinished", self.answered)
        page.on("requestfailed", self.answered)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))

    def asked(self, request: Request) -> None:
        self.requests.append(request.url)
        self.unanswered += question(request) in LIVE

    def answered(self, request: Request) -> None:
        self.unanswered -= question(request) in LIVE

    def unfilled(self) -> list[str]:
        """Return the places in the page's words that still wait for their values."""
        return re.findall(r"\{[a-z_]+\}", self.frame.inner_text())

    def open(self, address: str) -> None:
        """Go to the address and wait until the page, or a frame on it, is ready to draw."""
        self.page.goto(address)
        framed = self.page.locator("iframe")
        self.frame = framed.content_frame if framed.count() else self.page.locator("html")
        self.frame.locator(READY).wait_for()

    def resize(self, size: tuple[int, int]) -> None:
        """Resize the window and the screen around it to so many pixels, and wait until that is done."""
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.page.wait_for_function(RESIZED, arg=size)
        self.page.evaluate("dispatchEvent(new Event('resize'))")  # the last one may have come before the screen's size

    def begin_again(self) -> None:
        """Clear the pad and reset the tools; earlier actions can still be undone."""
        self.page.unroute_all(behavior="ignoreErrors")
        self.resize((self.size["width"], self.size["height"]))
        self.page.mouse.up()
        self.page.mouse.move(1, 1)
        self.page.evaluate(AS_AT_FIRST)
        self.requests.clear()
        self.complaints.clear()
        self.expect_state("blank")

    def open_lens(self, name: str) -> None:
        """Click the tab of that lens."""
        self.page.click(f"[data-lens={name}][role=tab]")

    def at(self, *points: Point) -> list[Point]:
        """Return the screen positions of points given as shares of the pad's side."""
        box = self.frame.locator("#sketchpad").bounding_box()
        assert box is not None
        return [(box["x"] + x * box["width"], box["y"] + y * box["width"]) for x, y in points]

    def draw(self, strokes: Strokes) -> None:
        """Draw with the mouse, and lift the pen after each stroke."""
        for stroke in strokes:
            self.press(stroke)
            self.page.mouse.up()

    def press(self, stroke: list[Point]) -> None:
        """Draw with the mouse, and leave the pen down."""
        first, *others = self.at(*stroke)
        self.page.mouse.move(*first)
        self.page.mouse.down()
        for point in others:
            self.page.mouse.move(*point)

    def touch(self, strokes: Strokes, end: str = "touchEnd", palm: list[Point] | None = None) -> None:
        """Draw with a finger, and end each stroke with `end`; a palm, if any, touches after the third point."""
        send = self.fingers()
        for stroke in strokes:
            send("touchStart", stroke[0])
            for place, point in enumerate(stroke[1:], 1):
                if palm and place == 3:
                    send("touchStart", stroke[2], palm[0])
                send("touchMove", point, *([palm[place % len(palm)]] if palm and place >= 3 else []))
            send(end)

    def pinch(self, fingers: Strokes) -> None:
        """Lay two fingers down one after the other, move each along its points and lift both."""
        send = self.fingers()
        first, *others = zip(*fingers, strict=True)
        send("touchStart", first[0])
        send("touchStart", *first)
        for points in others:
            send("touchMove", *points)
        send("touchEnd")

    def fingers(self) -> Callable[..., None]:
        """Return what sends a touch event of that kind, with a finger at each of those points where they lie now."""
        session = self.page.context.new_cdp_session(self.page)
        self.page.evaluate(NEXT_FRAME)
        [(left, top), (right, _)] = self.at((0, 0), (1, 0))

        def send(kind: str, *points: Point) -> None:
            places = [(left + x * (right - left), top + y * (right - left)) for x, y in points]
            spots = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": spots})

        return send

    def point(self, kind: str, at: Point, **pointer: object) -> None:
        """Dispatch a pointer event that no device of the browser can produce, at a point given as shares of the pad's
        side.
        """
        [(x, y)] = self.at(at)
        about = {"clientX": x, "clientY": y, "pointerId": 9, "isPrimary": True, "bubbles": True} | pointer
        self.page.locator(".surface .ink").evaluate(
            "(canvas, [kind, about]) => void canvas.dispatchEvent(new PointerEvent(kind, about))", [kind, about]
        )

    def reload(self) -> None:
        """Reload the page in the same tab, and wait until it is ready to draw."""
        self.page.reload()
        self.frame.locator(READY).wait_for()

    def tool(self, name: str) -> None:
        self.frame.locator(f'#sketchpad [aria-label="{name}"]').click()

    def expect_answers(self, answer: int) -> None:
        """Wait until both networks answer that digit for the whole drawing."""
        self.expect_all_answered()
        for name in ("convnet", "net"):
            expect(self.verdict(name)).to_have_attribute("data-answer", str(answer))

    def expect_all_answered(self) -> None:
        """Wait until no request about the drawing is in flight."""
        self.page.evaluate(NEXT_FRAME)
        while self.unanswered:
            self.page.wait_for_timeout(10)
            self.page.evaluate(NEXT_FRAME)

    def expect_answers_to_come(self) -> None:
        """Wait until both networks have read the drawing, whatever they answer."""
        for name in ("convnet", "net"):
            expect(self.verdict(name)).to_have_attribute("data-state", re.compile("digit|unknown|number"))

    def expect_state(self, state: str) -> None:
        """Wait until both networks are in that state."""
        for name in ("convnet", "net"):
            expect(self.verdict(name)).to_have_attribute("data-state", state)

    def verdict(self, network: str) -> Any:
        return self.frame.locator(f"[data-model={network}] [data-answer]")

    def probabilities(self, network: str = "convnet") -> list[float]:
        """Return the probabilities of the ten digits, as the bars show them."""
        bars = self.page.locator(f"[data-model={network}] [data-digit]")
        shown = bars.evaluate_all("bars => bars.map(bar => [bar.dataset.digit, bar.dataset.probability])")
        assert [digit for digit, _ in shown] == [str(digit) for digit in range(10)]
        assert all(len(probability.split(".")[1]) == 4 for _, probability in shown)
        return [float(probability) for _, probability in shown]

    def painted(self) -> float:
        """Return the share of the pad's pixels that are ink."""
        return float(
            self.page.locator(".surface .ink").evaluate(
                """canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data
                .reduce((sum, value, at) => sum + (at % 4 === 3 ? value / 255 : 0), 0) / canvas.width / canvas.height"""
            )
        )

    def expect_painted(self, wanted: Callable[[float], bool]) -> None:
        """Wait until that share of the pad is ink."""
        for _ in range(50):
            if wanted(ink := self.painted()):
                return
            self.page.wait_for_timeout(20)
        raise AssertionError(f"{ink:.4f} of the pad is ink")

    def ink(self) -> float:
        """Return the amount of ink in the networks' input, as a share of the 784 pixels."""
        return float(
            self.page.locator(".sees canvas").evaluate(
                """canvas => canvas.getContext("2d").getImageData(0, 0, 28, 28).data
                .reduce((sum, value, at) => sum + (at % 4 === 0 ? value / 255 / 784 : 0), 0)"""
            )
        )

    def rest(self) -> None:
        """Wait until the pen is idle and all requests about the drawing are answered."""
        expect(self.frame.locator("#sketchpad")).to_have_attribute("data-resting", "true")
        self.expect_all_answered()

    def expect_agreement(self) -> None:
        """Check that the last reading while the pen was down equals the reading when it is idle."""
        before = self.answers()
        self.rest()
        assert self.answers() == before

    def answers(self) -> list[str | None]:
        return [self.verdict(name).get_attribute("data-answer") for name in ("convnet", "net")]
