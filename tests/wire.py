"""The app with few handles, and requests to it over HTTP."""

from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

from benchmarks.pages import Server

HANDLES, HELD = 256, 2**24  # handles of the server, and bytes that its clients may hold: few, so that tests use them up
LIMITED = f"""
import contextlib, app
from mnist_demo.server import connections
with contextlib.suppress(ImportError):
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, ({HANDLES},) * 2)
connections.MAX_HELD_BYTES = {HELD}
app.main()
"""


def ask(server: Server, method: str, path: str, body: bytes | None = None, kind: str = "") -> HTTPResponse:
    """Return the response, read to its end; `content` holds its body."""
    connection = HTTPConnection(urlsplit(server.address).netloc, timeout=30)
    connection.putrequest(method, path, skip_accept_encoding=True)
    if body is not None:
        connection.putheader("content-length", str(len(body)))
        connection.putheader("content-type", kind or "application/json")
    connection.endheaders(body)
    answer = connection.getresponse()
    answer.content = answer.read()  # type: ignore[attr-defined]
    connection.close()
    return answer
