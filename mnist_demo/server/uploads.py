"""Uploaded pictures, held in memory until an endpoint takes them, once.

Nothing is written to disk. The "path" that a client gets for a file is a random name, not a place on the disk, so no
call can read a file of this machine or of another client.
"""

import asyncio
import secrets

from fastapi import HTTPException
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from mnist_demo.server.fair_queue import FairQueue
from mnist_demo.server.limits import MAX_BODY_BYTES, MAX_PICTURE_BYTES, busy

MAX_HELD_FILES = 8  # files at once, including incoming ones
KEPT = 60.0  # seconds that a file is held
MAX_FORM_FIELDS = 4  # of a form, besides the file


class InMemory(MultiPartParser):
    """Starlette's parser, changed to keep files of any allowed size in memory."""

    spool_max_size = MAX_PICTURE_BYTES + MAX_BODY_BYTES


class Uploads:
    """Uploaded files that were not yet used, by name."""

    def __init__(self) -> None:
        self.slots: FairQueue[str] = FairQueue(MAX_HELD_FILES)  # names of files, held or incoming
        self.held: dict[str, bytes] = {}
        self.coming: dict[str, asyncio.Timeout] = {}  # of incoming files: to stop one that is displaced

    async def take_in(self, request: Request) -> str:
        """Hold the file in the request; return its name.

        Raises HTTPException without a file or without room for it, and ClientDisconnect if the client disconnects.
        """
        name = f"upload-{secrets.token_urlsafe(24)}"  # "-" tells it from a picture in base64
        try:
            async with asyncio.timeout(None) as self.coming[name]:
                self._make_room(name)
                self.held[name] = await file_in(request)
        except TimeoutError:
            raise busy() from None
        finally:
            del self.coming[name]
            if name not in self.held:
                self.slots.remove(name)
        asyncio.get_running_loop().call_later(KEPT, self.give_out, name)
        return name

    def _make_room(self, name: str) -> None:
        """Take a slot, if need be from the client that has most. Raises HTTPException if that is this client."""
        displaced = self.slots.put(name)
        if displaced == name:
            raise busy()
        if displaced in self.coming:
            self.coming[displaced].reschedule(asyncio.get_running_loop().time())
        elif displaced:
            del self.held[displaced]

    def give_out(self, name: str) -> bytes | None:
        """Return the file of that name and drop it, or return None if there is none."""
        self.slots.remove(name)
        return self.held.pop(name, None)


async def file_in(request: Request) -> bytes:
    """Return the one file of a form. Raises HTTPException (400, 413) if the form is invalid or the file too large."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise HTTPException(400, "an upload must be multipart/form-data")
    try:
        form = await InMemory(request.headers, request.stream(), max_files=1, max_fields=MAX_FORM_FIELDS).parse()
    except (MultiPartException, ValueError) as error:
        raise HTTPException(400, f"invalid upload: {error}") from None
    try:
        file = next((value for value in form.values() if isinstance(value, UploadFile)), None)
        content = b"" if file is None else await file.read(MAX_PICTURE_BYTES + 1)
    finally:
        await form.close()
    if not content:
        raise HTTPException(400, "an upload must have one file, which is not empty")
    if len(content) > MAX_PICTURE_BYTES:
        raise HTTPException(413, f"a picture may have at most {MAX_PICTURE_BYTES} bytes")
    return content
