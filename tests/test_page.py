"""Answers and refusals of the page's server, without a browser."""

import base64
import io
import json
import re
import zlib
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from anyio.from_thread import start_blocking_portal
from fastapi import HTTPException
from PIL import Image
from wire import ask

from benchmarks.pages import Server
from mnist_demo.data.mnist import Samples
from mnist_demo.model.classifier import Classifier
from mnist_demo.server import limits, page, photo
from mnist_demo.server.lenses.gallery import SHOWN, Gallery, open_gallery
from mnist_demo.server.sketchpad import Sketchpad


@pytest.fixture(scope="module")
def gallery(test_digits: Samples, classifiers: dict[str, Classifier]) -> Gallery:
    return open_gallery(test_digits, classifiers)


def test_the_gallery_gives_labelled_samples_as_each_network_reads_them(gallery: Gallery) -> None:
    tiles = gallery.pick(digit=4, hard=False, seed=1)
    assert len(tiles) == SHOWN
    for tile in tiles:
        assert tile["label"] == 4 == gallery.labels[tile["index"]]
        assert set(tile["networks"]) == {"convnet", "net"}


def test_hard_ones_are_the_test_digits_that_a_network_was_found_to_misread(
    gallery: Gallery, classifiers: dict[str, Classifier]
) -> None:
    misread = {index for classifier in classifiers.values() for index, _ in classifier.card.misread}
    assert {tile["index"] for seed in range(50) for tile in gallery.pick(None, True, seed)} == misread
    assert gallery.hard.sum() == len(misread)


def test_shuffling_gives_others(gallery: Gallery) -> None:
    assert gallery.pick(None, False) != gallery.pick(None, False)


def test_all_languages_have_the_same_texts() -> None:
    def keys(words: dict[str, str]) -> set[str]:
        plurals = {key.partition(".")[0] for key in words if "." in key}
        assert all(f"{key}.other" in words for key in plurals)
        return {key.partition(".")[0] for key in words}

    english, *others = page.texts().values()
    assert len(others) >= 1
    for words in (english, *others):
        assert keys(words) == keys(english)
        assert all(words.values())


def call(server: Server, name: str, question: Any) -> Any:
    return json.loads(ask(server, "POST", f"/engine/{name}", json.dumps(question).encode()).content)


def test_the_page_sends_gradio_little(server: Server) -> None:
    assert len(ask(server, "GET", "/config").content) < 80_000


def test_a_body_without_a_length_is_cut_at_the_limit() -> None:
    taken = []

    async def receive() -> limits.Message:
        taken.append(limits.MAX_BODY_BYTES // 2 + 1)
        return {"type": "http.request", "body": b"0" * taken[-1], "more_body": len(taken) < 10}

    async def read_all(scope: limits.Message, receive: limits.Receive, send: limits.Send) -> None:
        while (await receive())["more_body"]:
            pass

    async def send(message: limits.Message) -> None:
        pytest.fail("answered")

    with start_blocking_portal() as portal, pytest.raises(HTTPException) as refusal:
        portal.call(limits.BoundedBody(read_all), {"type": "http", "headers": []}, receive, send)
    assert refusal.value.status_code == 413
    assert len(taken) == 2


def test_only_the_intended_endpoints_are_public(server: Server) -> None:
    told = json.loads(ask(server, "GET", "/gradio_api/info").content)
    assert set(told["named_endpoints"]) == {"/read", "/read_strokes", "/samples", "/why"}


def test_a_shared_link_shows_the_pages_own_title_description_and_picture(server: Server) -> None:
    page = ask(server, "GET", "/").content.decode()
    told = dict(re.findall(r'<meta (?:property|name)="((?:og|twitter):\w+)" content="([^"]*)"', page))
    assert told["og:title"] == told["twitter:title"] == "Draw a digit"
    assert "small networks read it" in told["og:description"]
    picture = ask(server, "GET", urlsplit(told["og:image"]).path)
    assert picture.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(picture.content)).size == (1200, 630)
    assert "Click to try out" not in page
    assert "header-image" not in page


def png(pixels: Any) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_an_unreadable_picture_and_one_without_ink_get_different_answers(server: Server) -> None:
    file = io.BytesIO()
    Image.new("L", (9000, 9000)).save(file, "PNG")
    large = base64.b64encode(file.getvalue()).decode()
    for unreadable in (png(np.zeros((9, 9), np.uint8))[:60], large, "no base64"):
        assert call(server, "ink_of_photo", {"picture": unreadable}) == {"ink": None}
    blank = png(np.full((90, 90), 255, np.uint8))
    assert call(server, "ink_of_photo", {"picture": blank}) == {"ink": ""}


def test_the_ink_of_a_picture_is_put_in_the_middle_of_the_pad(server: Server) -> None:
    sheet = np.full((300, 400), 255, np.uint8)
    sheet[40:160, 50:70] = 0
    packed = call(server, "ink_of_photo", {"picture": png(sheet)})["ink"]
    bits = zlib.decompress(base64.b64decode(packed))
    ink = np.unpackbits(np.frombuffer(bits, np.uint8)).reshape(photo.SIDE, photo.SIDE)
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    assert rows[-1] + 1 - rows[0] == pytest.approx(photo.INK_PIXELS, abs=2)
    assert (rows[0] + rows[-1]) / 2 == pytest.approx(139.5, abs=1)
    assert (columns[0] + columns[-1]) / 2 == pytest.approx(139.5, abs=1)


@pytest.mark.parametrize(
    "value", ["nonsense", {"composite": None}, [{"points": [1, 2]}], [{"points": ["a", "b"], "width": 9, "erase": 0}]]
)
def test_a_value_that_is_no_drawing_is_refused_in_one_line(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^the value of a Sketchpad must be None or strokes such as {.*}$"):
        Sketchpad().postprocess(value)
