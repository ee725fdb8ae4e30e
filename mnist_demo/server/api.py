"""The named endpoints: what other programs may ask, beside what the page's own browser half does.

Knows: what goes in and out of each, in words for people and for language models, which both read the docstrings below.
Does not know: how a call comes in, which `gradio_protocol` (Gradio's clients, curl) and `mcp` (language models) do.

An endpoint takes JSON and gives JSON. It opens no file and fetches no address, whatever it is told: a picture is what
was uploaded a moment ago, or comes with the call.
"""

import asyncio
import base64
import binascii
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import gradio as gr
import numpy as np
from fastapi import HTTPException
from gradio.events import api
from numpy.typing import NDArray

from mnist_demo.ink.preprocess import to_mnist
from mnist_demo.model.classifier import Classifier, Reading
from mnist_demo.model.networks import MODELS
from mnist_demo.model.weights import is_whole
from mnist_demo.server.lenses.gallery import SHOWN, Gallery
from mnist_demo.server.lenses.inside import reasons
from mnist_demo.server.pen_strokes import Points, ink_of
from mnist_demo.server.picture_process import PictureProcess
from mnist_demo.server.uploads import Uploads

PEN = 20  # pixels of 280, the width of a stroke that names none

Json = dict[str, Any]
Endpoint = Callable[..., Awaitable[Any]]
Result = TypeVar("Result")
if TYPE_CHECKING:
    Name = str
else:
    Name = Literal[tuple(MODELS)]

EXAMPLES: Mapping[str, Any] = {  # a value for an endpoint's first parameter, by name; the strokes are a seven
    "image": {"path": "digit.png", "url": "digit.png", "meta": {"_type": "gradio.FileData"}},
    "strokes": [[[80, 60], [200, 60], [130, 230]]],
}


class Endpoints:
    """What those networks, by name, answer about pictures, strokes and samples."""

    def __init__(self, classifiers: Mapping[str, Classifier], gallery: Gallery) -> None:
        self.classifiers, self.gallery, self.uploads = classifiers, gallery, Uploads()
        self.pictures = PictureProcess()
        self.worker = ThreadPoolExecutor(1, "endpoint")  # nothing in it waits for a picture

    async def read(self, image: gr.FileData) -> Json:
        """Reads the handwritten digit in a picture, with small networks trained on MNIST.

        The picture may be a photo, a scan or a drawing of one digit, dark on light or light on dark.

        Args:
            image: The picture: PNG, JPEG, WebP, GIF, BMP or TIFF, of at most 16 megapixels (a JPEG 52).

        Returns:
            For each network, by its name: "answer", the digit, or null where nothing is drawn or it is no digit that
            the network knows; "certainty", from 0 (any digit) to 1; "probabilities" of the digits 0 to 9.
        """
        ink = await self._picture(image)
        return await self._in_turn(lambda: self._read(ink))

    async def read_strokes(self, strokes: Points, width: int = PEN) -> Json:
        """Reads a handwritten digit from pen strokes on a pad of 280 x 280 pixels.

        Args:
            strokes: A list of strokes, each a list of points [x, y] in pixels of the pad, y downwards, which the pen
                joined. At most 400 strokes of 20,000 numbers and 20,000 pixels of line together.
            width: How wide the pen draws, 6 to 100 pixels.

        Returns:
            For each network, by its name: "answer", the digit, or null where nothing is drawn or it is no digit that
            the network knows; "certainty", from 0 (any digit) to 1; "probabilities" of the digits 0 to 9.
        """
        return await self._in_turn(lambda: self._read(ink_of(strokes, width)))

    async def samples(self, digit: int | None = None, hard: bool = False, count: int = 6) -> list[Json]:
        """Gives random handwritten digits of MNIST's test set, which no network was trained on.

        Args:
            digit: Which digit, 0 to 9; null for any.
            hard: Whether only such as at least one of the networks misreads.
            count: How many, 1 to 18; of the hard ones of one digit there may be fewer.

        Returns:
            For each sample: "index" in the test set, "label", "pixels" (28 rows of 28 numbers, 0 paper to 255 ink), and
            for each network "answer", "certainty" and "probabilities".
        """
        if type(hard) is not bool or not (digit is None or is_whole(digit, 0, 9)) or not is_whole(count, 1, SHOWN):
            raise HTTPException(422, f"digit: 0 to 9 or null; hard: true or false; count: 1 to {SHOWN}")
        return await self._in_turn(lambda: self._samples(digit, hard, count))

    def _samples(self, digit: int | None, hard: bool, count: int) -> list[Json]:
        indices = self.gallery.choose(digit, hard)[:count]
        by_network = {name: c.read_images(self.gallery.digits(indices)) for name, c in self.classifiers.items()}
        return [
            {"index": index, "label": int(self.gallery.labels[index]), "pixels": self.gallery.images[index].tolist()}
            | {name: as_json(readings[at]) for name, readings in by_network.items()}
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
        """Says which parts of a digit speak for what a network takes it for, against another digit.

        A patch of 5 x 5 pixels is hidden at each place of the 28 x 28 that the network sees, and how far the odds move
        is noted. Give either strokes or image.

        Args:
            strokes: Pen strokes, as for read_strokes; null where an image is given.
            image: A picture, as for read.
            network: Which network.
            rival: The digit to compare with; null for the second most probable one.
            width: How wide the pen of the strokes draws, 6 to 100 pixels.

        Returns:
            "answer", the digit or null; "for", the most probable digit, and "against", its rival; "log_odds" of the
            one over the other, in nats; "speaks_for" and "speaks_against", where hiding a patch moves them most (row
            and column, which third of the ink, and by how much), or null; "moves", 24 rows of 24 numbers: by how much
            the log-odds fall where the patch begins there.
        """
        if not isinstance(network, str) or network not in self.classifiers:
            raise HTTPException(422, f"network: {' or '.join(self.classifiers)}")
        if (strokes is None) == (image is None):
            raise HTTPException(422, "give either strokes or image")
        if strokes is None:
            ink = await self._picture(image)
            return await self._in_turn(lambda: self._why(ink, network, rival))
        return await self._in_turn(lambda: self._why(ink_of(strokes, width), network, rival))

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
        return {name: as_json(classifier.read(ink)) for name, classifier in self.classifiers.items()}

    async def _in_turn(self, work: Callable[[], Result]) -> Result:
        """Return the result of `work`, which runs in the one thread of the endpoints, after what came earlier."""
        return await asyncio.get_running_loop().run_in_executor(self.worker, work)

    async def _picture(self, image: Any) -> NDArray[np.uint8]:
        """Return the ink (H, W) of the picture that a call names. Raises HTTPException: 422 if it is refused, 503."""
        content = self._content(image)
        try:
            return await self.pictures.ink_of(content)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None

    def _content(self, image: Any) -> bytes:
        """The bytes of the file: of one uploaded, by its "path", or of base64. Raises HTTPException (422)."""
        named = image.get("path") or image.get("url") if isinstance(image, dict) else image
        if not isinstance(named, str):
            raise HTTPException(422, 'image: {"path": what /upload gave}, or base64 of a picture')
        uploaded = self.uploads.give_out(named.rpartition("file=")[2])
        if uploaded is not None:
            return uploaded
        if named.startswith(("http:", "https:")):
            raise HTTPException(422, "image: no address is fetched: upload the picture, or send its base64")
        try:
            return base64.b64decode(named.partition(",")[2] if named.startswith("data:") else named, validate=True)
        except (binascii.Error, ValueError):
            raise HTTPException(422, "image: no upload of that name waits here, and it is no base64") from None


def as_json(reading: Reading) -> Json:
    """What a network says."""
    probabilities = np.round(reading.probabilities.astype(float), 6).tolist()
    return {"answer": reading.answer, "certainty": round(reading.certainty, 4), "probabilities": probabilities}


class Words(NamedTuple):
    """What the docstring of an endpoint says."""

    description: str
    parameters: dict[str, str]
    returns: str


def words_of(endpoint: Endpoint) -> Words:
    """The docstring of an endpoint, taken apart; Gradio's own reader of it takes the first line of each part."""
    text, _, rest = (inspect.getdoc(endpoint) or "").partition("\n\nArgs:\n")
    told, _, returns = rest.partition("\n\nReturns:\n")
    parts = re.findall(r"^    (\w+): (.*(?:\n     +.*)*)", told, re.MULTILINE)
    return Words(on_one_line(text), {name: on_one_line(words) for name, words in parts}, on_one_line(returns))


def on_one_line(text: str) -> str:
    """The words of that text."""
    return " ".join(text.split())


def build(page: gr.Blocks, endpoints: Endpoints) -> None:
    """Tell Gradio of the endpoints of the page that is being built, for its clients and its view "Use via API"."""
    for endpoint in (endpoints.read, endpoints.read_strokes, endpoints.samples, endpoints.why):
        words, name = words_of(endpoint), endpoint.__name__
        dependency = api(endpoint, api_name=name, api_description=words.description)
        parameters = inspect.signature(endpoint).parameters.values()
        for place, (number, parameter) in enumerate(zip(dependency["inputs"], parameters, strict=True)):
            example = EXAMPLES.get(parameter.name, parameter.default) if place == 0 else parameter.default
            explain(page.blocks[number], parameter.name, words.parameters[parameter.name], example)
        explain(page.blocks[dependency["outputs"][0]], name, words.returns, None)


def endpoints_of(page: gr.Blocks) -> dict[int, Endpoint]:
    """The endpoints that `build` told Gradio of, by the numbers that its clients call them by."""
    return {number: one.fn for number, one in page.fns.items() if one.fn and isinstance(owner_of(one.fn), Endpoints)}


def owner_of(method: Any) -> Any:
    """What a method is bound to; None of what is no method."""
    return getattr(method, "__self__", None)


def explain(component: Any, label: str, words: str, example: Any) -> None:
    """Has Gradio say those words of a parameter or a result, and give that example."""
    component.label = label.capitalize()  # for "image" is a key of Gradio's own translations
    component._api_info |= {"description": words, "additional_description": words}
    component.example_payload = lambda: example
    if label == "image":
        config = component.get_config() | {"name": "image"}  # so that it shows how a file is sent from JavaScript
        component.get_config = lambda: config
