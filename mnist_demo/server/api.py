"""The named endpoints for other programs; calls reach them through `gradio_protocol` and `mcp`.

An endpoint takes JSON and returns JSON. It opens no file and fetches no address that a caller names: a picture was
uploaded just before, or comes with the call. Gradio's API view and language models show the endpoints' docstrings.
"""

import base64
import binascii
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import gradio as gr
import numpy as np
from fastapi import HTTPException
from gradio.events import api
from numpy.typing import NDArray

from mnist_demo.ink.preprocess import to_mnist
from mnist_demo.ink.strokes import Stroke, draw
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS
from mnist_demo.model.reading import page_json, reading_json
from mnist_demo.model.weights import is_whole
from mnist_demo.server.fair_queue import FairPool
from mnist_demo.server.lenses.gallery import SHOWN, Gallery
from mnist_demo.server.lenses.inside import reasons
from mnist_demo.server.pen_strokes import SIDE, Points, ink_of, strokes_of
from mnist_demo.server.picture_process import Pictures
from mnist_demo.server.uploads import Uploads

MAX_WAITING = 16  # calls
PEN = 20  # pixels of 280, the default width of a stroke

Json = dict[str, Any]
Endpoint = Callable[..., Awaitable[Any]]
if TYPE_CHECKING:
    Name = str
else:
    Name = Literal[tuple(MODELS)]

EXAMPLES: Mapping[str, Any] = {  # an example for an endpoint's first parameter, by name; the strokes are a 7
    "image": {"path": "digit.png", "url": "digit.png", "meta": {"_type": "gradio.FileData"}},
    "strokes": [[[80, 60], [200, 60], [130, 230]]],
}


class Endpoints:
    """The endpoints for those networks, by name: about pictures, strokes and samples."""

    def __init__(self, classifiers: Mapping[str, Classifier], gallery: Gallery, pictures: Pictures) -> None:
        self.classifiers, self.gallery, self.uploads = classifiers, gallery, Uploads()
        self.pictures = pictures
        self.pool = FairPool("endpoint", 1, MAX_WAITING)  # its work never waits for a picture

    async def read(self, image: gr.FileData) -> Json:
        """Read the handwritten digit, or rows of digits, in a picture, with small networks trained on MNIST.

        The picture may be a photo, a scan or a drawing of a digit or of rows of digits, dark on light or light on dark.

        Args:
            image: The picture: PNG, JPEG, WebP, GIF, BMP or TIFF, of at most 16 megapixels (a JPEG 52).

        Returns:
            For each network, by its name: "answer", the digit, or null if nothing is drawn or it is not recognised as
            one digit; "certainty", from 0 (any digit) to 1; "probabilities" of the digits 0 to 9; "number", the text of
            one digit or more, a line for each row, null if a row is rejected, "" if nothing is drawn; "digits", each
            with its "box" in the pixels of the ink that was found, "answer", "certainty" and "probabilities".
        """
        ink = await self._picture(image)
        return await self.pool.run(lambda: self._read(ink))

    async def read_strokes(self, strokes: Points, width: int = PEN) -> Json:
        """Read a handwritten digit, or a number, from pen strokes on a pad of 280 x 280 pixels.

        Args:
            strokes: A list of strokes, each a list of points [x, y] along the pen's path, in pixels of the pad, y down.
                At most 400 strokes, with 20,000 numbers and 20,000 pixels of line in all.
            width: The width of the line, 6 to 100 pixels.

        Returns:
            For each network, by its name: "answer", the digit, or null if nothing is drawn or it is not recognised as
            one digit; "certainty", from 0 (any digit) to 1; "probabilities" of the digits 0 to 9; "number", the text of
            one digit or more, null if it is rejected, "" if nothing is drawn; "digits", each with its "box" in pixels
            of the pad, "answer", "certainty" and "probabilities".
        """
        return await self.pool.run(lambda: self._read_strokes(strokes_of(strokes, width)))

    async def samples(self, digit: int | None = None, hard: bool = False, count: int = 6) -> list[Json]:
        """Return random handwritten digits of MNIST's test set, which no network was trained on.

        Args:
            digit: The digit, 0 to 9; null for any.
            hard: If true, only samples that at least one of the networks misreads.
            count: The number of samples, 1 to 18. Fewer may be returned if `hard` is true.

        Returns:
            For each sample: "index" in the test set, "label", "pixels" (28 rows of 28 numbers, 0 paper to 255 ink), and
            for each network "answer", "certainty" and "probabilities".
        """
        if type(hard) is not bool or not (digit is None or is_whole(digit, 0, 9)) or not is_whole(count, 1, SHOWN):
            raise HTTPException(422, f"digit: 0 to 9 or null; hard: true or false; count: 1 to {SHOWN}")
        return await self.pool.run(lambda: self._samples(digit, hard, count))

    def _samples(self, digit: int | None, hard: bool, count: int) -> list[Json]:
        indices = self.gallery.choose(digit, hard)[:count]
        by_network = {name: c.read_images(self.gallery.digits(indices)) for name, c in self.classifiers.items()}
        return [
            {"index": index, "label": int(self.gallery.labels[index]), "pixels": self.gallery.images[index].tolist()}
            | {name: reading_json(readings[at]) for name, readings in by_network.items()}
            for at, index in enumerate(indices.tolist())
        ]

    async def why(
        self,
        strokes: Points | None = None,
        image: gr.FileData | None = None,
        network: Name = "convnet",
        rival: int | None = None,
        width: int = PEN,
    ) -> Json:
        """Return which parts of a digit are evidence for a network's answer against another digit.

        A patch of 5 x 5 pixels is hidden at each position of the network's 28 x 28 input, to measure how far the
        log-odds move. Give either strokes or image.

        Args:
            strokes: Pen strokes, as for read_strokes; null if an image is given.
            image: A picture, as for read.
            network: The name of the network.
            rival: The digit to compare with; null for the second most probable one.
            width: The width of the strokes' line, 6 to 100 pixels.

        Returns:
            "answer", the digit or null; "for", the most probable digit, and "against", its rival; "log_odds" of the
            first over the second, in nats; "speaks_for" and "speaks_against", where hiding a patch moves the log-odds
            most (row, column, third of the ink, and move), or null; "moves", 24 rows of 24 numbers: how far the
            log-odds fall if the patch's top left pixel is there.
        """
        if not isinstance(network, str) or network not in self.classifiers:
            raise HTTPException(422, f"network: {' or '.join(self.classifiers)}")
        if (strokes is None) == (image is None):
            raise HTTPException(422, "give either strokes or image")
        if strokes is None:
            ink = await self._picture(image)
            return await self.pool.run(lambda: self._why(ink, network, rival))
        return await self.pool.run(lambda: self._why(ink_of(strokes, width), network, rival))

    def _why(self, ink: NDArray[np.uint8], network: Name, rival: int | None) -> Json:
        classifier, digit = self.classifiers[network], to_mnist(ink)
        if digit is None:
            raise HTTPException(422, "nothing is drawn")
        reading = classifier.read_images(digit[np.newaxis])[0]
        second, first = np.argsort(reading.probabilities, kind="stable")[-2:].tolist()
        if rival == first or not (rival is None or is_whole(rival, 0, 9)):
            raise HTTPException(422, f"rival: a digit other than {first}, or null")
        rival = second if rival is None else rival
        found = reasons(classifier, digit, first, rival)
        return {"answer": reading.answer, "for": first, "against": rival} | found

    def _read(self, ink: NDArray[np.uint8]) -> Json:
        return {name: reading_json(c.read(ink)) | page_json(c.read_page(ink)) for name, c in self.classifiers.items()}

    def _read_strokes(self, strokes: list[Stroke]) -> Json:
        ink = draw(strokes, SIDE)
        return {
            name: reading_json(c.read(ink)) | page_json([c.read_number(strokes)])
            for name, c in self.classifiers.items()
        }

    async def _picture(self, image: Any) -> NDArray[np.uint8]:
        """Return the ink (H, W) of the picture in a call. Raises HTTPException: 422 if it is refused, 503 if too many
        wait.
        """
        content = self._content(image)
        try:
            return await self.pictures.ink_of(content)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None

    def _content(self, image: Any) -> bytes:
        """Return the bytes of a picture, uploaded (named by its "path") or in base64. Raises HTTPException (422)."""
        named = image.get("path") or image.get("url") if isinstance(image, dict) else image
        if not isinstance(named, str):
            raise HTTPException(422, 'image: {"path": the result of /upload}, or a picture in base64')
        uploaded = self.uploads.give_out(named.rpartition("file=")[2])
        if uploaded is not None:
            return uploaded
        if named.startswith(("http:", "https:")):
            raise HTTPException(422, "image: addresses are not fetched: upload the picture, or send it in base64")
        try:
            return base64.b64decode(named.partition(",")[2] if named.startswith("data:") else named, validate=True)
        except (binascii.Error, ValueError):
            raise HTTPException(422, "image: neither a recent upload nor base64") from None


class Words(NamedTuple):
    """The parts of an endpoint's docstring."""

    description: str
    parameters: dict[str, str]
    returns: str


def words_of(endpoint: Endpoint) -> Words:
    """Return the parts of an endpoint's docstring; Gradio's own parser keeps only the first line of each."""
    text, _, rest = (inspect.getdoc(endpoint) or "").partition("\n\nArgs:\n")
    told, _, returns = rest.partition("\n\nReturns:\n")
    parts = re.findall(r"^    (\w+): (.*(?:\n     +.*)*)", told, re.MULTILINE)
    return Words(on_one_line(text), {name: on_one_line(words) for name, words in parts}, on_one_line(returns))


def on_one_line(text: str) -> str:
    """Return the text on one line."""
    return " ".join(text.split())


def add_endpoints(page: gr.Blocks, endpoints: Endpoints) -> None:
    """Register the endpoints with Gradio, for its clients and its view "Use via API"."""
    for endpoint in (endpoints.read, endpoints.read_strokes, endpoints.samples, endpoints.why):
        words, name = words_of(endpoint), endpoint.__name__
        dependency = api(endpoint, api_name=name, api_description=words.description)
        parameters = inspect.signature(endpoint).parameters.values()
        for place, (number, parameter) in enumerate(zip(dependency["inputs"], parameters, strict=True)):
            example = EXAMPLES.get(parameter.name, parameter.default) if place == 0 else parameter.default
            explain(page.blocks[number], parameter.name, words.parameters[parameter.name], example)
        explain(page.blocks[dependency["outputs"][0]], name, words.returns, None)


def endpoints_of(page: gr.Blocks) -> dict[int, Endpoint]:
    """Return the endpoints registered by `build`, by the numbers that Gradio's clients use."""
    return {number: one.fn for number, one in page.fns.items() if one.fn and isinstance(owner_of(one.fn), Endpoints)}


def owner_of(method: Any) -> Any:
    """Return the object that a method is bound to, or None if it is not a method."""
    return getattr(method, "__self__", None)


def explain(component: Any, label: str, words: str, example: Any) -> None:
    """Set the description and the example that Gradio shows for a parameter or a result."""
    component.label = label.capitalize()  # "image" is a key of Gradio's own translations
    component._api_info |= {"description": words, "additional_description": words}
    component.example_payload = lambda: example
    if label == "image":
        config = component.get_config() | {"name": "image"}  # so that Gradio shows how to send a file from JavaScript
        component.get_config = lambda: config
