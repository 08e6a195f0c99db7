"""The Open Inference Protocol, version 2: texts and predictions as tensors.

Texts come as BYTES; what is predicted goes out in parts that are tensors, or, of tags,
whose number differs from text to text, as the JSON that `xlnas predict` writes.

References:
    https://github.com/kserve/open-inference-protocol
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from xlnas_jax.export.predicting.plain import to_plain
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.serve.addresses.endpoint import endpoint
from xlnas_jax.serve.addresses.health import live, make_ready
from xlnas_jax.serve.addresses.predict import run
from xlnas_jax.serve.asking import FIRST, NEEDED, SECOND, Given, with_options
from xlnas_jax.serve.body import answer, read_object, to_bytes
from xlnas_jax.serve.serving import Serving
from xlnas_jax.types import DataError, brief

PLATFORM = "xlnas_jax"
BYTES = "BYTES"
PARAMETERS = ("language", "num_best", "deadline_ms")


class Output(NamedTuple):
    """One tensor that a model gives.

    Attributes:
        inner: its shape beyond the axis of texts.
        take: its part of a prediction: a value, or as many as `inner` says.
    """

    name: str
    datatype: str
    inner: tuple[int, ...]
    take: Callable[[Any], Any]


def outputs_of(subnet: Subnet) -> tuple[Output, ...]:
    """Every tensor that a model gives, by its task."""
    match subnet.task:
        case "classification":
            labels = subnet.labels
            return (
                Output("label", BYTES, (), lambda one: one.label),
                Output("score", "FP32", (), lambda one: one.probability),
                Output(
                    "scores",
                    "FP32",
                    (len(labels),),
                    lambda one: [one.scores[label] for label in labels],
                ),
            )
        case "qa":
            return (
                Output("answer", BYTES, (), lambda one: one.text),
                Output("start", "INT64", (), lambda one: one.start),
                Output("score", "FP32", (), lambda one: one.probability),
            )
        case "retrieval":
            width = (subnet.shape.width,)
            return (Output("vector", "FP32", width, lambda one: one.vector),)
    return (Output("prediction", BYTES, (), lambda one: to_bytes(to_plain(one))),)


def inputs_of(task: str) -> list[str]:
    """Names of the tensors that every request must have."""
    needed = [SECOND[task]] if task in NEEDED else []
    return [FIRST.get(task, "text"), *needed]


def make_protocol(serving: Serving) -> list[Route]:
    """All addresses of the protocol."""

    async def server(request: Request) -> Response:
        return answer(
            {"name": PLATFORM, "version": version("xlnas-jax"), "extensions": []}
        )

    async def model(request: Request) -> Response:
        served = serving.model(request.path_params["model"])
        subnet = served.subnet
        inputs = [
            {"name": name, "datatype": BYTES, "shape": [-1]}
            for name in inputs_of(subnet.task)
        ]
        outputs = [
            {"name": one.name, "datatype": one.datatype, "shape": [-1, *one.inner]}
            for one in outputs_of(subnet)
        ]
        about = {"name": served.name, "platform": PLATFORM}
        return answer({**about, "inputs": inputs, "outputs": outputs})

    async def ready(request: Request) -> Response:
        served = serving.model(request.path_params["model"])
        is_ready = served.is_ready and not serving.gate.is_closed
        told = {"name": served.name, "ready": is_ready}
        return answer(told, 200 if is_ready else 503)

    async def infer(request: Request) -> Response:
        served = serving.model(request.path_params["model"])
        content = await read_object(request, serving.limits)
        _require_known(content, ("id", "parameters", "inputs", "outputs"), "request")
        name = content.get("id", "")
        if not isinstance(name, str):
            raise DataError(f"id: must be a text; got {brief(name)}.")
        outputs = _asked_outputs(content.get("outputs"), outputs_of(served.subnet))
        given = read_tensors(content, served.subnet.task)
        time = content.get("parameters", {}).get("deadline_ms")
        write = functools.partial(_write, served.name, name, outputs)
        return answer(await run(request, served, given, time, write))

    one = "/v2/models/{model}"
    return [
        endpoint("/v2", "GET", server),
        endpoint("/v2/health/live", "GET", live),
        endpoint("/v2/health/ready", "GET", make_ready(serving)),
        endpoint(one, "GET", model),
        endpoint(f"{one}/ready", "GET", ready),
        endpoint(f"{one}/infer", "POST", infer),
    ]


def read_tensors(content: Mapping[str, Any], task: str) -> Given:
    """Texts of the tensors of a request.

    Raises:
        DataError: one that the task needs is missing, or one is something else.
    """
    tensors = content.get("inputs")
    if not isinstance(tensors, list):
        raise DataError(f"inputs: must be a list of tensors; got {brief(tensors)}.")
    needed = inputs_of(task)
    second = SECOND.get(task)
    known = [needed[0], *([second] if second else [])]
    found: dict[str, list[str]] = {}
    for number, tensor in enumerate(tensors):
        name, texts = _read_tensor(tensor, f"inputs[{number}]", known)
        if name in found:
            raise DataError(f"inputs[{number}]: {name} is given twice.")
        found[name] = texts
    for name in needed:
        if name not in found:
            raise DataError(
                f"inputs: must have the tensor {name}; got {sorted(found) or 'none'}."
            )
    others = found.get(second) if second else None
    if others is not None and len(others) != len(found[needed[0]]):
        raise DataError(
            f"inputs: {second} must have as many texts as {needed[0]}; got "
            f"{len(others)} for {len(found[needed[0]])}."
        )
    return _with_parameters(Given(found[needed[0]], others), content)


def _with_parameters(given: Given, content: Mapping[str, Any]) -> Given:
    parameters = content.get("parameters", {})
    if not isinstance(parameters, dict):
        raise DataError(f"parameters: must be an object; got {brief(parameters)}.")
    _require_known(parameters, PARAMETERS, "parameters")
    return with_options(given, parameters)


def _read_tensor(
    tensor: Any, place: str, known: Sequence[str]
) -> tuple[str, list[str]]:
    if not isinstance(tensor, dict):
        raise DataError(f"{place}: must be a tensor; got {brief(tensor)}.")
    _require_known(tensor, ("name", "shape", "datatype", "data", "parameters"), place)
    name = tensor.get("name")
    if name not in known:
        raise DataError(
            f"{place}.name: must be one of {', '.join(known)}; got {brief(name)}."
        )
    _require_known(tensor.get("parameters") or {}, (), f"{place}.parameters")
    if tensor.get("datatype") != BYTES:
        raise DataError(
            f"{place}.datatype: texts must be BYTES; got "
            f"{brief(tensor.get('datatype'))}."
        )
    data = tensor.get("data")
    texts = [one for row in _listed(data) for one in _listed(row)]
    if not isinstance(data, list) or not all(isinstance(one, str) for one in texts):
        raise DataError(f"{place}.data: must be a list of texts; got {brief(data)}.")
    shape = tensor.get("shape")
    is_shape = isinstance(shape, list) and all(type(one) is int for one in shape)
    if not is_shape or shape not in ([len(texts)], [len(texts), 1]):
        raise DataError(
            f"{place}.shape: must be that of its data, [{len(texts)}] or "
            f"[{len(texts)}, 1]; got {brief(shape)}."
        )
    return str(name), texts


def _listed(value: Any) -> list[Any]:
    """Data may be nested by its shape, or not."""
    return value if isinstance(value, list) else [value]


def _asked_outputs(asked: Any, known: Sequence[Output]) -> Sequence[Output]:
    """Those that a request names, in its order; all where it names none."""
    if asked is None:
        return known
    if not isinstance(asked, list):
        raise DataError(f"outputs: must be a list of tensors; got {brief(asked)}.")
    by_name = {one.name: one for one in known}
    found = []
    for number, one in enumerate(asked):
        place = f"outputs[{number}]"
        name = one.get("name") if isinstance(one, dict) else None
        if not isinstance(name, str) or name not in by_name:
            raise DataError(
                f"{place}.name: must be one of {', '.join(by_name)}; got {brief(one)}."
            )
        _require_known(one, ("name", "parameters"), place)
        _require_known(one.get("parameters") or {}, (), f"{place}.parameters")
        found.append(by_name[name])
    return found


def _require_known(content: Any, known: Sequence[str], place: str) -> None:
    """An error for what would be passed over, such as a wish for binary tensors."""
    if not isinstance(content, dict):
        raise DataError(f"{place}: must be an object; got {brief(content)}.")
    for name in content:
        if name not in known:
            raise DataError(
                f"{place}: must have no entries but {', '.join(known) or 'none'}; got "
                f"{brief(name)}. Leave it out: tensors are JSON here."
            )


def _write(
    model: str, name: str, outputs: Sequence[Output], found: Sequence[Any]
) -> bytes:
    tensors = []
    for one in outputs:
        shape = [len(found), *one.inner]
        values = [_plain(one, one.take(prediction)) for prediction in found]
        data = [v for row in values for v in row] if one.inner else values
        assert len(data) == math.prod(shape), "a tensor has as many values as its shape"
        about = {"name": one.name, "datatype": one.datatype}
        tensors.append({**about, "shape": shape, "data": data})
    head = {"model_name": model, **({"id": name} if name else {})}
    return to_bytes({**head, "outputs": tensors})


def _plain(output: Output, value: Any) -> Any:
    """A value as its datatype has it: FP32 is rounded to that."""
    if output.datatype == "FP32":
        return np.asarray(value, np.float64).astype(np.float32).tolist()
    return value.decode() if isinstance(value, bytes) else value
