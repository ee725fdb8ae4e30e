"""What the page's server answers and refuses, without a browser."""

import asyncio
import base64
import io
import json
import re
import threading
import zlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
import numpy as np
import pytest
from anyio.from_thread import start_blocking_portal
from fastapi import FastAPI, HTTPException
from PIL import Image
from starlette.testclient import TestClient

from mnist_demo.classifier import Classifier
from mnist_demo.data import Samples
from mnist_demo.models import MODELS
from mnist_demo.page import bounds, pad, page, wire
from mnist_demo.page.read.gallery import SHOWN, Gallery, open_gallery
from mnist_demo.page.readings import read_ink
from mnist_demo.strokes import Stroke, draw

SEVEN = [20, 0, 80, 60, 120, 0, -70, 170]


@pytest.fixture(scope="module")
def classifiers() -> dict[str, Classifier]:
    return {name: Classifier.load(name) for name in MODELS}


@pytest.fixture(scope="module")
def gallery(test_digits: Samples, classifiers: dict[str, Classifier]) -> Gallery:
    return open_gallery(test_digits, classifiers)


def drawing(*strokes: list[Any], base: str = "") -> dict[str, Any]:
    return {"base": base, "strokes": list(strokes)}


def test_strokes_from_the_wire_are_drawn_as_the_renderer_draws_them() -> None:
    points = np.array([[80, 60], [200, 60], [130, 230]], np.float32)
    assert (wire.ink_of(drawing(SEVEN)) == draw([Stroke(points, 20)])).all()


def test_an_eraser_stroke_takes_ink_away() -> None:
    erased = wire.ink_of(drawing(SEVEN, [60, 1, *SEVEN[2:]]))
    assert erased.max() == 0


def test_a_drawing_is_read_by_every_network(classifiers: dict[str, Classifier]) -> None:
    readings = read_ink(classifiers, wire.ink_of(drawing(SEVEN)))
    assert list(readings["networks"]) == ["convnet", "net"]
    for network in readings["networks"].values():
        assert network["answer"] == 7
        assert sum(network["probabilities"]) == pytest.approx(1, abs=1e-3)
    assert len(base64.b64decode(readings["image"])) == 784


def test_a_blank_drawing_has_no_image_and_no_numbers(classifiers: dict[str, Classifier]) -> None:
    readings = read_ink(classifiers, wire.ink_of(drawing()))
    assert readings["image"] is None
    assert readings["networks"]["convnet"] == {"answer": None, "probabilities": [0.0] * 10}


def test_readings_are_json(classifiers: dict[str, Classifier]) -> None:
    readings = read_ink(classifiers, wire.ink_of(drawing(SEVEN)))
    assert json.loads(json.dumps(readings)) == readings


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        [],
        "drawing",
        {},
        {"strokes": []},
        {"base": "", "strokes": None},
        {"base": "", "strokes": {}},
        {"base": "", "strokes": [1]},
        {"base": "", "strokes": ["abcd"]},
        drawing([20, 0, 80]),
        drawing([20, 0, 80, 60, 1]),
        drawing([20, 0, 80, 60.5]),
        drawing([20, 0, 80, True]),
        drawing([20, 0, 80, None]),
        drawing([20, 2, 80, 60]),
        drawing([0, 0, 80, 60]),
        drawing([wire.WIDEST + 1, 0, 80, 60]),
        drawing([20, 0, 10**30, 60]),
        drawing(*[[20, 0, 1, 1]] * (wire.MOST_STROKES + 1)),
        drawing([20, 0, *[1] * wire.MOST_NUMBERS]),
        drawing([20, 0, 0, 0, *[1000, -1000] * 200]),
        drawing(base="!"),
        drawing(base="AAAA"),
        drawing(base="A" * 10**6),
        {"base": 7, "strokes": []},
    ],
)
def test_what_is_no_drawing_is_refused(nonsense: Any) -> None:
    with pytest.raises(HTTPException) as refusal:
        wire.ink_of(nonsense)
    assert refusal.value.status_code == 422


def test_a_packed_picture_comes_back_and_can_be_drawn_upon() -> None:
    seven = wire.ink_of(drawing(SEVEN))
    base = wire.pack(seven)
    assert len(base) < 2000
    assert (wire.ink_of(drawing(base=base)) == np.where(seven > 127, 255, 0)).all()
    crossed = wire.ink_of(drawing([20, 0, 110, 140, 80, 0], base=base))
    assert crossed.sum() > seven.sum()
    assert wire.ink_of(drawing([90, 1, *SEVEN[2:]], base=base)).max() == 0


def test_of_a_bomb_for_a_base_no_more_is_unpacked_than_a_picture() -> None:
    bomb = base64.b64encode(zlib.compress(b"\0" * 10**7)).decode()
    assert len(bomb) < wire.MOST_BASE
    assert wire.ink_of(drawing(base=bomb)).shape == (wire.SIDE, wire.SIDE)  # read no further than a picture goes


def png(rgba: Any) -> str:
    file = io.BytesIO()
    Image.fromarray(rgba).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_the_pads_own_drawing_becomes_ink() -> None:
    paper = np.full((wire.SIDE, wire.SIDE, 4), 255, np.uint8)
    assert wire.ink_of_picture(png(paper)).max() == 0
    paper[100:120, 50:200, :3] = 0
    ink = wire.ink_of_picture(png(paper))
    assert ink[110, 100] == 255
    assert ink[10, 10] == 0


def test_ink_on_nothing_is_ink() -> None:
    layer = np.zeros((wire.SIDE, wire.SIDE, 4), np.uint8)
    layer[100:120, 50:200, 3] = 255
    assert (wire.ink_of_picture(png(layer)) == layer[..., 3]).all()


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        7,
        "",
        "!",
        "AAAA",
        "A" * 10**6,
        png(np.zeros((2, 2000, 4), np.uint8)),
        png(np.zeros((9, 9, 4), np.uint8))[:60],
    ],
)
def test_what_is_no_picture_is_refused(nonsense: Any) -> None:
    with pytest.raises(HTTPException) as refusal:
        wire.ink_of_picture(nonsense)
    assert refusal.value.status_code == 422


def test_many_visitors_at_once_get_the_answers_of_one(classifiers: dict[str, Classifier]) -> None:
    drawings = [drawing([20, 0, 60 + 10 * at, 60, 120 - 10 * at, 10 * at, -50, 150]) for at in range(8)]
    alone = [read_ink(classifiers, wire.ink_of(one)) for one in drawings]
    together: dict[int, Any] = {}

    def visit(at: int) -> None:
        together[at] = [read_ink(classifiers, wire.ink_of(drawings[at])) for _ in range(5)]

    visitors = [threading.Thread(target=visit, args=[at]) for at in range(8)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert all(answer == alone[at] for at, answers in together.items() for answer in answers)


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


@pytest.mark.parametrize("nonsense", [None, {}, [], {"digit": 10, "hard": False}, {"digit": [], "hard": False}])
def test_a_gallery_request_that_makes_no_sense_is_refused(gallery: Gallery, nonsense: Any) -> None:
    with pytest.raises(HTTPException) as refusal:
        gallery.pick_wanted(nonsense)
    assert refusal.value.status_code == 422


def test_no_text_puts_an_article_before_a_digit() -> None:
    words = [*page.texts()["en"].values(), *(file.read_text() for file in page.HERE.rglob("*.html"))]
    assert [
        found for one in words for found in re.findall(r"\b(?:an?|A|An) (?:\d|DIGIT|LABEL|ANSWER|RIVAL)\b", one)
    ] == []


def test_both_languages_have_the_same_words() -> None:
    english, chinese = page.texts()["en"], page.texts()["zh"]
    assert english.keys() == chinese.keys()
    assert all(english.values())
    assert all(chinese.values())


@pytest.fixture(scope="module")
def client(test_digits: Samples, classifiers: dict[str, Classifier]) -> Iterator[TestClient]:
    """The page's own server, without a port."""

    async def built() -> FastAPI:
        blocks = page.build(classifiers, test_digits, trains=True)
        options = page.launch_options(blocks)
        return gr.mount_gradio_app(FastAPI(**options["app_kwargs"]), blocks, "")

    app = asyncio.run(built())  # for outside of an event loop Gradio makes some, and leaves them unclosed
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


def call(client: TestClient, function: str, data: Any) -> Any:
    components = client.get("/config").json()["components"]
    component = next(one["id"] for one in components if function in (one["props"].get("server_fns") or []))
    body = {"data": data, "component_id": component, "fn_name": function, "session_hash": "visitor"}
    return client.post("/gradio_api/component_server/", json=body)


def test_the_server_answers_a_drawing(client: TestClient) -> None:
    answer = call(client, "read", drawing(SEVEN))
    assert answer.status_code == 200
    assert answer.json()["networks"]["net"]["answer"] == 7


def test_the_server_refuses_nonsense_without_a_traceback(client: TestClient, capfd: pytest.CaptureFixture[str]) -> None:
    answer = call(client, "read", {"strokes": "many"})
    assert answer.status_code == 422
    assert "Traceback" not in capfd.readouterr().err


def test_the_server_refuses_too_much(client: TestClient, capfd: pytest.CaptureFixture[str]) -> None:
    answer = call(client, "read", drawing([20, 0, *[1] * bounds.MOST_BYTES]))
    assert answer.status_code == 413
    assert "Traceback" not in capfd.readouterr().err


def test_a_body_that_does_not_say_how_long_it_is_is_cut_at_the_bound() -> None:
    taken = []

    async def receive() -> bounds.Message:
        taken.append(bounds.MOST_BYTES // 2 + 1)
        return {"type": "http.request", "body": b"0" * taken[-1], "more_body": len(taken) < 10}

    async def read_all(scope: bounds.Message, receive: bounds.Receive, send: bounds.Send) -> None:
        while (await receive())["more_body"]:
            pass

    async def send(message: bounds.Message) -> None:
        pytest.fail("answered")

    with start_blocking_portal() as portal, pytest.raises(HTTPException) as refusal:
        portal.call(bounds.BoundedBody(read_all), {"type": "http", "headers": []}, receive, send)
    assert refusal.value.status_code == 413
    assert len(taken) == 2


def test_the_editors_own_store_of_blobs_is_closed(client: TestClient) -> None:
    pad = next(one["id"] for one in client.get("/config").json()["components"] if one["type"] == "imageeditor")
    body = {"data": {"type": "layer", "index": 3, "file": None, "id": "a"}, "component_id": pad}
    answer = client.post("/gradio_api/component_server/", json=body | {"fn_name": "accept_blobs", "session_hash": "v"})
    assert answer.status_code == 404


def test_nothing_is_a_public_endpoint_but_those_that_are_meant(client: TestClient) -> None:
    assert set(client.get("/gradio_api/info").json()["named_endpoints"]) == {
        "/read",
        "/read_strokes",
        "/samples",
        "/why",
    }


def test_a_shared_link_shows_the_pages_own_title_description_and_picture(client: TestClient) -> None:
    page = client.get("/").text
    told = dict(re.findall(r'<meta (?:property|name)="((?:og|twitter):\w+)" content="([^"]*)"', page))
    assert told["og:title"] == told["twitter:title"] == "Draw a digit"
    assert "two small networks" in told["og:description"]
    picture = client.get(urlsplit(told["og:image"]).path)
    assert picture.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(picture.content)).size == (1200, 630)
    assert "Click to try out" not in page
    assert "header-image" not in page


def test_what_the_editor_gives_back_is_believed_only_where_it_can_have_come_of_the_strokes() -> None:
    sent = drawing(SEVEN, [20, 0, 90, 150, 80, 0])
    drawn = wire.ink_of(sent)
    noise = np.random.default_rng(1).integers(0, 256, drawn.shape).astype(np.uint8)
    shifted = np.roll(drawn, 40, axis=1)
    assert pad.is_plausible(drawn, sent)
    assert pad.is_plausible(wire.ink_of(drawing(SEVEN)), sent)  # a stroke less
    assert not pad.is_plausible(np.zeros_like(drawn), sent)
    assert not pad.is_plausible(noise, sent)
    assert not pad.is_plausible(shifted, sent)


def test_a_picture_that_cannot_be_read_is_told_from_one_without_ink(client: TestClient) -> None:
    file = io.BytesIO()
    Image.new("L", (9000, 9000)).save(file, "PNG")
    large = base64.b64encode(file.getvalue()).decode()
    for unreadable in (png(np.zeros((9, 9), np.uint8))[:60], large):
        assert call(client, "take", unreadable).json() == {"base": None}
    assert call(client, "take", png(np.full((90, 90), 255, np.uint8))).json() == {"base": ""}
    assert call(client, "take", "no base64").status_code == 422


def test_the_ink_of_a_picture_comes_to_lie_in_the_middle_of_the_pad(client: TestClient) -> None:
    sheet = np.full((300, 400), 255, np.uint8)
    sheet[40:160, 50:70] = 0
    ink = wire.ink_of(drawing(base=call(client, "take", png(sheet)).json()["base"]))
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    assert rows[-1] + 1 - rows[0] == pytest.approx(pad.HIGH, abs=2)
    assert (rows[0] + rows[-1]) / 2 == pytest.approx(139.5, abs=1)
    assert (columns[0] + columns[-1]) / 2 == pytest.approx(139.5, abs=1)
