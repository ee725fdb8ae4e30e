"""Clients: who they are, and the order in which their requests start.

A client is an address. If FORWARDED_ALLOW_IPS names the proxy that a request comes from, uvicorn takes the address from
`X-Forwarded-For`.
"""

import asyncio
import ipaddress
import os

from mnist_demo.server.connections import MAX_CONNECTIONS
from mnist_demo.server.fair_queue import FairQueue, client
from mnist_demo.server.limits import App, Message, Receive, Send

MAX_STARTED = 8  # requests in one round of the event loop
BYTES = 2**16  # sending or receiving as many costs a client as much as a request
IPV6_BITS = 64  # all addresses of a subscriber begin with the same bits
TRUSTED = "FORWARDED_ALLOW_IPS"  # uvicorn's environment variable
PRIVATE = "127.0.0.1,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,fc00::/7"  # where a Space's proxy is


def name_of(host: str) -> str:
    """Return the name of the client at an address. All IPv6 addresses of a subscriber are one client."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, IPV6_BITS), strict=False))


def trust_proxy_of_space() -> None:
    """Trust the proxy of a Space, unless the operator names proxies. Without it, all users would be one client."""
    if os.environ.get("SPACE_HOST"):
        os.environ.setdefault(TRUSTED, PRIVATE)


class Clients:
    """The outermost ASGI middleware: it names the client, and starts the requests of clients in turn.

    All requests share the thread of the event loop. At most MAX_STARTED requests start in each of its rounds. So a
    request waits for few requests of another client, however many that client sends.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self.queue: FairQueue[asyncio.Future[None]] = FairQueue(MAX_CONNECTIONS)  # each has one request at a time
        self.left = MAX_STARTED  # requests that may start in this round
        self.is_counting = False  # a call of `_round` is scheduled

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        who = name_of((scope.get("client") or ("",))[0])
        client.set(who)
        await self._turn()

        async def charged_receive() -> Message:
            message = await receive()
            self.queue.charge(who, len(message.get("body", b"")) / BYTES)
            return message

        async def charged_send(message: Message) -> None:
            self.queue.charge(who, len(message.get("body", b"")) / BYTES)
            await send(message)

        return await self.app(scope, charged_receive, charged_send)

    async def _turn(self) -> None:
        """Wait until the request may start."""
        loop = asyncio.get_running_loop()
        if not self.is_counting:
            self.is_counting = True
            loop.call_soon(self._round, loop)
        if self.left:
            self.left -= 1
            return
        turn = loop.create_future()
        self.queue.put(turn)
        await turn

    def _round(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start waiting requests in a new round. Schedule the next round, unless none started in this one."""
        self.left = MAX_STARTED
        while self.left and len(self.queue):
            who, turn = self.queue.take()
            self.queue.charge(who, 1)
            self.left -= 1
            if not turn.done():
                turn.set_result(None)
        self.is_counting = self.left < MAX_STARTED
        if self.is_counting:
            loop.call_soon(self._round, loop)
