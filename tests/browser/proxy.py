"""Servers in front of a hosted app: a proxy that adds a path prefix, and a site that shows it in a frame."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve with that handler; yield the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def log_message(self, *_: object) -> None:
        pass


def below(prefix: str, port: int) -> type[BaseHTTPRequestHandler]:
    """Yield the address of a proxy that serves the app on that port below the prefix, and nothing else."""

    class Proxy(Quiet):
        def pass_on(self) -> None:
            if not self.path.startswith(prefix):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            app = http.client.HTTPConnection("127.0.0.1", port)
            app.request(
                self.command, self.path.removeprefix(prefix) or "/", body, headers | {"Host": self.headers["Host"]}
            )
            answer = app.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.end_headers()
            try:
                while part := answer.read1(65536):
                    self.wfile.write(part)
            except (BrokenPipeError, ConnectionResetError):
                pass
            finally:
                app.close()

        def do_GET(self) -> None:
            self.pass_on()

        def do_POST(self) -> None:
            self.pass_on()

    return Proxy


def framing(address: str, height: int = 780, attributes: str = "") -> type[BaseHTTPRequestHandler]:
    """Yield the address of another site, whose page shows the app in a frame of that height with those attributes."""

    class Site(Quiet):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            style = f"width: 100%; height: {height}px; border: 0"
            self.wfile.write(f'<iframe src="{address}" style="{style}" {attributes}></iframe>'.encode())

    return Site
