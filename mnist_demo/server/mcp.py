"""The endpoints as tools of the Model Context Protocol, for language models: `/gradio_api/mcp/`, "streamable HTTP".

This is a server without sessions, which needs only a few of the protocol's messages. Gradio's own one needs a package
that pins an older pydantic, keeps a file for each picture, and fetches any URL that it is given.
"""

import inspect
import json
from collections.abc import Iterable
from typing import Any, get_args, get_type_hints

import gradio as gr
from fastapi import HTTPException
from gradio_client.utils import python_type_to_json_schema
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mnist_demo.server.allow_list import path_of
from mnist_demo.server.api import Endpoint, endpoints_of, owner_of, words_of
from mnist_demo.server.cancellation import while_connected
from mnist_demo.server.gradio_protocol import Events, Jobs, bound, json_of, result_of
from mnist_demo.server.limits import App, Message, Receive, Send

PATH = "/gradio_api/mcp"
VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")  # of the protocol, newest first
FILE = "The file in base64 or as a data: URL, or the result of an upload to /gradio_api/upload."
NO_METHOD, NO_TOOL = -32601, -32602  # JSON-RPC error codes

Json = dict[str, Any]


class UnknownError(Exception):
    """The error raised for an unknown method or tool: a JSON-RPC error code and a message."""


class Tools:
    """ASGI middleware that answers language models."""

    def __init__(self, app: App, endpoints: Iterable[Endpoint], jobs: Jobs) -> None:
        self.app, self.jobs = app, jobs
        self.endpoints = {endpoint.__name__: endpoint for endpoint in endpoints}
        self.tools = [tool(endpoint) for endpoint in self.endpoints.values()]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path = path_of(scope).rstrip("/") if scope["type"] == "http" else ""
        if path == PATH:
            return await (await self.answer(Request(scope, receive)))(scope, receive, send)
        if path == f"{PATH}/schema":
            return await JSONResponse([listed(one) for one in self.tools])(scope, receive, send)
        return await self.app(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        """Return the response to one message; it is empty for a message that expects none."""
        asking = await json_of(request)
        if "id" not in asking:
            return Response(status_code=202)
        said: Json = {"jsonrpc": "2.0", "id": asking["id"] if isinstance(asking["id"], str | int) else None}
        try:
            chosen = request.query_params.get("tools")  # from Gradio's view, where one can choose tools
            tools = [one for one in self.tools if chosen is None or one["name"] in chosen.split(",")]
            work = self.result(asking.get("method"), json_object(asking.get("params")), tools)
            said["result"] = await while_connected(request.receive, work)
        except UnknownError as error:
            said["error"] = {"code": error.args[0], "message": error.args[1]}
        # ASCII, since an id may have a lone surrogate, which UTF-8 cannot encode.
        return Response(json.dumps(said), media_type="application/json")

    async def result(self, method: Any, parameters: Json, tools: list[Json]) -> Json:
        """Return the result of a method. Raises UnknownError."""
        if method == "initialize":
            wanted = parameters.get("protocolVersion")
            return {
                "protocolVersion": wanted if wanted in VERSIONS else VERSIONS[0],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "mnist-demo", "version": "1"},
            }
        if method == "ping":
            return {}
        if method == "tools/list":
            return {"tools": tools}
        if method == "tools/call":
            return await self.call(parameters.get("name"), json_object(parameters.get("arguments")))
        raise UnknownError(NO_METHOD, "no such method")

    async def call(self, name: Any, arguments: Json) -> Json:
        """Return the result of a tool, as text and as JSON. If the call fails, the result tells the model why."""
        if not isinstance(name, str) or name not in self.endpoints:
            raise UnknownError(NO_TOOL, "no such tool")
        try:
            outcome = await result_of(self.jobs.start(bound(self.endpoints[name], [], arguments)))
        except HTTPException as refusal:
            outcome = {"error": refusal.detail}
        if "error" in outcome:
            return {"content": [{"type": "text", "text": outcome["error"]}], "isError": True}
        [given] = outcome["data"]
        content = [{"type": "text", "text": json.dumps(given)}]
        return {"content": content, "structuredContent": given if isinstance(given, dict) else {"result": given}}


def for_programs(page: gr.Blocks) -> list[Middleware]:
    """Return the middleware for other programs that call the page's endpoints."""
    endpoints, jobs = endpoints_of(page), Jobs()
    uploads = owner_of(next(iter(endpoints.values()))).uploads
    return [Middleware(Events, endpoints, uploads, jobs), Middleware(Tools, endpoints.values(), jobs)]


def json_object(value: Any) -> Json:
    """Return the value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def tool(endpoint: Endpoint) -> Json:
    """Return an endpoint as a tool: its name, description, and the JSON schema of its parameters."""
    words, hints, parameters = words_of(endpoint), get_type_hints(endpoint), inspect.signature(endpoint).parameters
    properties = {name: schema(hints[name], words.parameters[name]) for name in parameters}
    defaults = {name: one.default for name, one in parameters.items() if one.default is not one.empty}
    for name, default in defaults.items():
        properties[name]["default"] = default
    return {
        "name": endpoint.__name__,
        "description": f"{words.description} Returns: {words.returns}",
        "inputSchema": {
            "type": "object",
            "properties": properties,
            "required": [name for name in properties if name not in defaults],
        },
        "annotations": {"readOnlyHint": True, "openWorldHint": False},
    }


def schema(hint: Any, words: str) -> Json:
    """Return the JSON schema of a parameter; a file is a string."""
    if gr.FileData in (hint, *get_args(hint)):
        hint, words = str if hint is gr.FileData else str | None, f"{words} {FILE}"
    return {**python_type_to_json_schema(hint), "description": words}


def listed(tool: Json) -> Json:
    """Return a tool in the form that Gradio's view "Use via API" and the hub expect."""
    has_file = "image" in tool["inputSchema"]["properties"]
    return tool | {"meta": {"file_data_present": has_file, "mcp_type": "tool", "endpoint_name": tool["name"]}}
