"""Two replicas of the page behind nginx: the API works, and if one is killed, users hardly notice."""

import asyncio
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from benchmarks.crowd import Connection, OurVisitor, Tally, person
from benchmarks.pages import Server, free_port, started

pytestmark = pytest.mark.slow

BEFORE, AFTER = 1.5, 3.0  # seconds of drawing, before and after the kill
CALLS = 10
MANUAL = (Path(__file__).parent.parent / "docs/hosting.md").read_text(encoding="utf-8")

# The manual's `upstream` and `server`, with what they need around them, on one port of loopback.
CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 128; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {manual}
}}
"""


@contextmanager
def balanced(folder: Path, ports: list[int]) -> Iterator[str]:
    """Run nginx, configured as in the manual, in front of those ports; yield its address."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("no nginx: apt install nginx-light")
    port = free_port()
    manual = MANUAL.split("```nginx\n")[1].split("```")[0]
    for written, here in (("7861", ports[0]), ("7862", ports[1]), ("listen 80", f"listen 127.0.0.1:{port}")):
        assert written in manual
        manual = manual.replace(written, str(here))
    file = folder / "nginx.conf"
    file.write_text(CONFIGURATION.format(folder=folder, manual=manual), encoding="utf-8")
    process = subprocess.Popen([nginx, "-p", str(folder), "-c", str(file)], stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        assert process.poll() is None, (folder / "error.log").read_text(encoding="utf-8")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def test_users_hardly_notice_a_killed_replica(tmp_path: Path) -> None:
    ports = [free_port(), free_port()]
    with ExitStack() as stack:
        replicas = [stack.enter_context(started("app.py", port=port)) for port in ports]
        address = stack.enter_context(balanced(tmp_path, ports))
        outcomes, serving = asyncio.run(called(address, replicas))
        assert outcomes == [200] * CALLS
        before, after = asyncio.run(drawn_upon(address, serving))
    assert before.errors == before.busy == 0
    assert before.in_time >= 4 * BEFORE * 10 * 0.5
    assert after.errors <= 4  # what was on its way to the one that was killed
    assert after.in_time >= 4 * AFTER * 10 * 0.5


async def called(address: str, replicas: list[Server]) -> tuple[list[int], Server]:
    """Return the final statuses of API calls, and the replica that answered each."""
    api = "/gradio_api/call/samples"

    async def ask(method: str, path: str, where: str = address, body: bytes = b"") -> tuple[int, bytes]:
        connection = Connection(where)  # each request on a connection of its own, as curl's
        answer = await connection.send(method, path, body)
        connection.close()
        return answer

    async def begin() -> str:
        return str(json.loads((await ask("POST", api, body=b'{"data": [4]}'))[1])["event_id"])

    outcomes = [(await ask("GET", f"{api}/{await begin()}"))[0] for _ in range(CALLS)]
    known = [(await ask("GET", f"{api}/{await begin()}", one.address))[0] == 200 for one in replicas]
    return outcomes, replicas[known.index(True)]


async def drawn_upon(address: str, victim: Server) -> tuple[Tally, Tally]:
    """Return the answers that four users get while they draw, before and after that replica is killed."""
    before, after = Tally(), Tally()
    now = time.perf_counter()
    first = [person(OurVisitor(address, seed), now, now + BEFORE, before) for seed in range(4)]
    await asyncio.gather(*first)
    now = time.perf_counter()
    second = [asyncio.create_task(person(OurVisitor(address, seed), now, now + AFTER, after)) for seed in range(4)]
    await asyncio.sleep(AFTER / 3)
    victim.process.kill()
    await asyncio.gather(*second)
    return before, after
