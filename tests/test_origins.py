"""Other sites cannot make a user's browser use the page; proxies, Spaces, shared links and notebooks can."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import gradio as gr
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from mnist_demo.data.mnist import Samples
from mnist_demo.model.classifier import Classifier
from mnist_demo.server import page
from mnist_demo.server.address import origin

CALL, UPLOAD = "/engine/samples", "/gradio_api/upload"
HERE, FRIEND, EVIL = "http://127.0.0.1:7860", "https://friend.example", "https://evil.example"
SITES = ("same", "cross")  # of which a browser says that a request comes from
Serve = Callable[..., TestClient]


@pytest.fixture(scope="module")
def serve(test_digits: Samples, classifiers: dict[str, Classifier]) -> Iterator[Serve]:
    """Return a function that serves a page with those options: FRIEND is allowed, requests come from a program."""

    async def build() -> page.Page:  # outside of an event loop, Gradio makes some, and leaves them unclosed
        return page.build(classifiers, test_digits, trains=True, origins=[FRIEND])

    blocks = asyncio.run(build())
    with ExitStack() as stack:

        def served(shared: str | None = None, **options: Any) -> TestClient:
            async def built() -> FastAPI:
                return gr.mount_gradio_app(FastAPI(**page.launch_options(blocks, **options)["app_kwargs"]), blocks, "")

            blocks.share_url = shared
            return stack.enter_context(TestClient(asyncio.run(built()), base_url=HERE))

        yield served


@pytest.fixture(scope="module")
def local(serve: Serve) -> TestClient:
    return serve()


def call(client: TestClient, **headers: str) -> int:
    """Return the status of a call that would start a training; 422 means that it came through, since it names none."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(CALL, content=b"{}", headers={"content-type": "application/json"} | sent).status_code


def test_the_page_itself_and_programs_and_sites_that_are_named_are_answered(local: TestClient) -> None:
    for headers in (
        {},
        {"origin": HERE},
        {"origin": HERE, "sec_fetch_site": "same-origin"},
        {"origin": FRIEND, "sec_fetch_site": "cross-site"},
        {"host": "localhost:7860", "origin": "http://localhost:7860"},
        {"host": "[::1]:7860", "origin": "http://[::1]:7860"},
        {"host": "127.8.9.1"},
        {"host": "friend.example", "origin": FRIEND},
        {"content_type": "Application/JSON; charset=utf-8"},
        {"origin": "https://port-7860.forwarded.example", "x_forwarded_host": "port-7860.forwarded.example"},
    ):
        assert call(local, **headers) == 422, headers


def test_requests_that_another_site_makes_a_browser_send_are_refused(local: TestClient) -> None:
    origins = (EVIL, "null", "", "http://127.0.0.1:3000", "http://localhost:7860", FRIEND + ".evil.example")
    for headers in (*({"origin": one} for one in origins), *({"sec_fetch_site": f"{one}-site"} for one in SITES)):
        assert call(local, **headers) == 403, headers
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        assert call(local, content_type=kind) == 415, kind
    for headers in (
        {"host": "rebind.evil.example"},
        {"host": "rebind.evil.example:7860", "origin": "http://rebind.evil.example:7860"},
        {"host": "rebind.evil.example", "sec_fetch_site": "same-origin"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "[nonsense"},
        {"host": "rebind.evil.example", "x_forwarded_host": "127.0.0.1"},
    ):
        assert call(local, **headers) == 421, headers


def test_a_foreign_host_gets_not_even_the_page(local: TestClient) -> None:
    answer = local.get("/", headers={"host": "rebind.evil.example"})
    assert answer.status_code == 421
    assert answer.json() == {
        "detail": "this server is not known as 'rebind.evil.example': --allow-origin names its public address"
    }


def test_only_named_sites_may_read_answers(local: TestClient) -> None:
    allowed = "access-control-allow-origin"
    asks = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    for site in (EVIL, "null", HERE, "http://localhost:3000"):
        assert allowed not in local.get("/config", headers={"origin": site}).headers
        assert allowed not in local.options(CALL, headers={"origin": site} | asks).headers
    answers = [local.get("/config", headers={"origin": FRIEND}), local.options(CALL, headers={"origin": FRIEND} | asks)]
    assert [(one.status_code, one.headers[allowed]) for one in answers] == [(200, FRIEND)] * 2


def test_uploads_are_forms_and_nothing_else(local: TestClient) -> None:
    form = {"files": ("a.png", b"picture")}
    assert local.post(UPLOAD, files=form).status_code == 200
    assert local.post(UPLOAD, files=form, headers={"origin": EVIL}).status_code == 403
    assert local.post(UPLOAD, json={}).status_code == 400


SPACE = {"host": "user-digits.hf.space", "origin": "https://user-digits.hf.space", "x_forwarded_proto": "https"}


@pytest.mark.parametrize("site", ["same-origin", None], ids=["browser", "old browser"])
def test_a_space_is_used_from_its_own_page_framed_or_not(
    serve: Serve, site: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPACE_HOST", "user-digits.hf.space")
    space = serve(host="0.0.0.0")
    fetch = {} if site is None else {"sec_fetch_site": site}
    assert call(space, **SPACE | fetch) == 422
    assert call(space, **SPACE | fetch | {"host": "10.1.2.3:7860"}) == 422  # if the Hub rewrites Host
    assert call(space, host="10.1.2.3:7860") == 422  # a program
    assert call(space, **SPACE | {"origin": "https://huggingface.co", "sec_fetch_site": "cross-site"}) == 403
    assert call(space, **SPACE | {"origin": "https://evil-digits.hf.space"}) == 403


def test_a_shared_link_is_used_by_its_name(serve: Serve) -> None:
    name = "0123456789abcdef.gradio.live"
    shared = serve(shared=f"https://{name}")
    for host in (name, "127.0.0.1:7860"):  # whether the tunnel leaves Host as it was or not
        assert call(shared, host=host, origin=f"https://{name}", sec_fetch_site="same-origin") == 422
    assert call(shared, host=name) == 422
    assert call(shared, host=name, origin=EVIL, sec_fetch_site="cross-site") == 403
    assert call(shared, host="other.gradio.live", origin="https://other.gradio.live") == 421


def test_a_notebook_is_used_through_its_own_proxy(serve: Serve) -> None:
    notebook = serve(inline=True)
    hub = {"origin": "https://hub.example", "sec_fetch_site": "same-origin"}
    for host in ("hub.example", "172.28.0.12:7860", "localhost:7860"):  # Jupyter's proxy, Colab's, VS Code's
        assert call(notebook, **hub, host=host) == 422
    assert call(notebook, host="localhost:8888", origin="http://localhost:8888") == 422
    assert call(notebook, host="rebind.evil.example:7860", origin="http://rebind.evil.example:7860") == 421
    assert call(notebook, host="hub.example", origin=EVIL, sec_fetch_site="cross-site") == 403


def test_a_proxy_is_named_by_the_root_path(serve: Serve) -> None:
    proxied = serve(root="https://digits.example/demo")
    assert call(proxied, host="digits.example", origin="https://digits.example") == 422
    assert call(proxied, host="evil.example", origin="https://evil.example") == 421


def test_an_origin_is_an_address_and_anything_else_is_refused_in_one_line() -> None:
    for text in ("https://Friend.example/", "https://friend.example:443", FRIEND):
        assert origin(text) == FRIEND
    for text in (
        "",
        "*",
        "null",
        "friend.example",
        "ftp://a.b",
        "https://",
        "https://a/b",
        "https://a@b",
        "http://a:x",
    ):
        with pytest.raises(Exception, match=r"^must be like https://example\.com or http://localhost:3000, got '"):
            origin(text)
