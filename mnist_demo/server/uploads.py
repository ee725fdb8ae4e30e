"""Pictures on their way to an endpoint: taken in, held in memory for a moment, given out once.

Knows: how Gradio's clients upload. Does not know: what is in a file, or what is made of it.

Nothing is written to the disk, and the "path" that a client gets for a file is a word of ours that says where nothing
lies: so no call can name a file of this machine's, or another caller's.
"""

import asyncio
import secrets

from fastapi import HTTPException
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from mnist_demo.server.limits import MOST_BYTES, MOST_PICTURE_FILE, busy

MOST_HELD = 8  # files at once, those on their way with them
KEPT = 60.0  # seconds that a file waits for its call
MOST_FIELDS = 4  # of a form, beside the file


class InMemory(MultiPartParser):
    """Starlette's parser, which leaves a file of our bound in memory."""

    spool_max_size = MOST_PICTURE_FILE + MOST_BYTES


class Uploads:
    """The files that were uploaded and not yet used, by the word that names each."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.coming = 0

    async def take_in(self, request: Request) -> str:
        """Holds the file that the request brings; the word for it.

        Raises HTTPException where there is none or no room, and ClientDisconnect where it was broken off.
        """
        if len(self.held) + self.coming >= MOST_HELD:
            raise busy()
        self.coming += 1
        try:
            content = await file_in(request)
        finally:
            self.coming -= 1
        word = f"upload-{secrets.token_urlsafe(24)}"  # which is no base64, as a picture may be, too
        self.held[word] = content
        asyncio.get_running_loop().call_later(KEPT, self.held.pop, word, None)
        return word

    def give_out(self, word: str) -> bytes | None:
        """The file of that name, which is then no longer held; None where there is none."""
        return self.held.pop(word, None)


async def file_in(request: Request) -> bytes:
    """The one file of a form. Raises HTTPException (400, 413) where the request is no such form, or it is too large."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise HTTPException(400, "an upload is multipart/form-data")
    try:
        form = await InMemory(request.headers, request.stream(), max_files=1, max_fields=MOST_FIELDS).parse()
    except (MultiPartException, ValueError) as error:
        raise HTTPException(400, f"no upload: {error}") from None
    try:
        file = next((value for value in form.values() if isinstance(value, UploadFile)), None)
        content = b"" if file is None else await file.read(MOST_PICTURE_FILE + 1)
    finally:
        await form.close()
    if not content:
        raise HTTPException(400, "an upload brings one file, which is not empty")
    if len(content) > MOST_PICTURE_FILE:
        raise HTTPException(413, f"a picture may have at most {MOST_PICTURE_FILE} bytes")
    return content
