"""The server's addresses for programs, as OpenAPI has them, and for people."""

import html
import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from xlnas_jax.serve.body import answer

OPENAPI = "3.1.0"
JSON = "application/json"
# What any address may refuse a request with.
REFUSALS = {
    "400": "It is not what is asked for.",
    "401": "It has no token, or another one.",
    "404": "There is no such model.",
    "408": "Its body did not come in time.",
    "413": "It is larger than is taken.",
    "429": "The queue is full: Retry-After says when to come again.",
    "500": "The server, or the model, has a fault.",
    "503": "The server is not ready yet, or is to end.",
    "504": "Its deadline passed.",
}
TEXT = {"type": "string"}
TEXTS = {"type": "array", "items": TEXT}
OBJECT = {"type": "object"}
PREDICT: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "model": {**TEXT, "description": "Needed where there are several."},
        "texts": {
            "type": "array",
            "items": {"oneOf": [TEXT, TEXTS]},
            "description": "Texts; of tagging sentences, or lists of their words; of "
            "question answering questions.",
        },
        "pairs": {**TEXTS, "description": "The second text of each, of pairs."},
        "contexts": {**TEXTS, "description": "The text that holds each answer."},
        "inputs": {
            "type": "array",
            "items": {"oneOf": [TEXT, OBJECT]},
            "description": "In place of texts: objects with text and pair, with words, "
            "or with question and context.",
        },
        "language": {**TEXT, "description": "Of all texts."},
        "num_best": {"type": "integer", "minimum": 1, "maximum": 20},
        "deadline_ms": {"type": "number", "exclusiveMinimum": 0},
    },
    "oneOf": [{"required": ["texts"]}, {"required": ["inputs"]}],
}
PREDICTED: dict[str, Any] = {
    "type": "object",
    "required": ["model", "predictions"],
    "properties": {"model": TEXT, "predictions": {"type": "array", "items": OBJECT}},
}
SHAPED = {
    "name": TEXT,
    "shape": {"type": "array", "items": {"type": "integer"}},
    "datatype": TEXT,
}
TENSOR: dict[str, Any] = {
    "type": "object",
    "required": ["name", "shape", "datatype", "data"],
    "properties": {**SHAPED, "data": {"type": "array"}, "parameters": OBJECT},
}
INFER: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["inputs"],
    "properties": {
        "id": TEXT,
        "inputs": {"type": "array", "items": TENSOR},
        "outputs": {
            "type": "array",
            "items": {"type": "object", "required": ["name"], "properties": SHAPED},
        },
        "parameters": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                name: PREDICT["properties"][name]
                for name in ("language", "num_best", "deadline_ms")
            },
        },
    },
}
INFERRED: dict[str, Any] = {
    "type": "object",
    "required": ["model_name", "outputs"],
    "properties": {
        "model_name": TEXT,
        "id": TEXT,
        "outputs": {"type": "array", "items": TENSOR},
    },
}
ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": TEXT},
}
MODEL = [{"name": "model", "in": "path", "required": True, "schema": TEXT}]
EXAMPLE = {"texts": ["a text", "another"]}
EXAMPLE_TENSOR = {
    "inputs": [
        {"name": "text", "shape": [2], "datatype": "BYTES", "data": EXAMPLE["texts"]}
    ]
}


def make_document() -> dict[str, Any]:
    """The description of every address."""
    of_model = "/v2/models/{model}"
    paths = {
        "/predict": _post("Texts in, predictions out.", PREDICT, PREDICTED, EXAMPLE),
        "/health": _get("Whether the server can be asked, model by model."),
        "/metrics": _get("Counts in Prometheus' text format.", "text/plain"),
        "/v2": _get("What the server is, by the Open Inference Protocol."),
        "/v2/health/live": _get("Whether it lives."),
        "/v2/health/ready": _get("Whether every program is compiled."),
        of_model: {"parameters": MODEL, **_get("The tensors of a model.")},
        f"{of_model}/ready": {"parameters": MODEL, **_get("Whether it can be asked.")},
        f"{of_model}/infer": {
            "parameters": MODEL,
            **_post("Tensors in, tensors out.", INFER, INFERRED, EXAMPLE_TENSOR),
        },
        "/openapi.json": _get("This description."),
        "/docs": _get("The same for people.", "text/html"),
    }
    return {
        "openapi": OPENAPI,
        "info": {"title": "xlnas serve", "version": version("xlnas-jax")},
        "paths": paths,
        "components": {
            "schemas": {"Error": ERROR},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _get(summary: str, media: str = JSON) -> dict[str, Any]:
    schema = OBJECT if media == JSON else TEXT
    return {"get": _operation(summary, {media: {"schema": schema}})}


def _post(
    summary: str, takes: dict[str, Any], gives: dict[str, Any], example: Any
) -> dict[str, Any]:
    body = {JSON: {"schema": takes, "example": example}}
    operation = _operation(summary, {JSON: {"schema": gives}})
    return {"post": {**operation, "requestBody": {"required": True, "content": body}}}


def _operation(summary: str, content: dict[str, Any]) -> dict[str, Any]:
    error = {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}
    refusals = {
        code: {"description": why, "content": error} for code, why in REFUSALS.items()
    }
    answers = {"200": {"description": "The answer.", "content": content}, **refusals}
    return {"summary": summary, "responses": answers}


def render_page(document: Mapping[str, Any]) -> str:
    """The description as a page that needs nothing from anywhere."""
    rows = []
    for path, methods in document["paths"].items():
        for method in ("get", "post"):
            if method not in methods:
                continue
            found = methods[method]
            content = found.get("requestBody", {}).get("content", {}).get(JSON, {})
            rows.append(
                f"<h2><code>{method.upper()} {html.escape(path)}</code></h2>"
                f"<p>{html.escape(found['summary'])}</p>"
            )
            if "example" in content:
                rows.append(_shown("Example", content["example"]))
                rows.append(_shown("Schema", content["schema"]))
    refusals = "".join(
        f"<li>{code}: {html.escape(why)}</li>" for code, why in REFUSALS.items()
    )
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        f"<title>{html.escape(document['info']['title'])}</title>"
        "<style>body{font:16px sans-serif;max-width:50rem;margin:2rem auto}"
        "pre{background:#f3f3f3;padding:.7rem;overflow:auto}</style></head><body>"
        f"<h1>{html.escape(document['info']['title'])}</h1>{''.join(rows)}"
        f'<h2>Refusals</h2><p>Each is <code>{{"error": ...}}</code>.</p>'
        f"<ul>{refusals}</ul></body></html>"
    )


def _shown(name: str, value: Any) -> str:
    text = html.escape(json.dumps(value, indent=1))
    return f"<details><summary>{name}</summary><pre>{text}</pre></details>"


async def openapi(request: Request) -> Response:
    """`/openapi.json`."""
    return answer(make_document())


async def docs(request: Request) -> Response:
    """`/docs`."""
    return HTMLResponse(render_page(make_document()))
