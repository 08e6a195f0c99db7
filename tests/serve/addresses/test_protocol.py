"""The Open Inference Protocol: what it asks for, with texts as tensors."""

import json
from importlib.metadata import version
from typing import Any

import numpy as np
import pytest

from tests.serve.models import SMALL, get, network, post, sentences
from xlnas_jax.export.predicting.plain import to_plain

TEXTS = sentences(4, seed=7, least=1)


def tensor(name: str, texts: Any, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "shape": [len(texts)],
        "datatype": "BYTES",
        "data": texts,
    } | more


def infer(serving, model: str, content: Any):
    return post(serving, content, f"/v2/models/{model}/infer")


def tensors(serving, model: str, content: Any) -> dict[str, Any]:
    """Outputs by name, each an array of the type and shape that it says."""
    found = infer(serving, model, content)
    assert found.status_code == 200, found.text
    types = {"BYTES": object, "FP32": np.float32, "INT64": np.int64}
    return {
        one["name"]: np.array(one["data"], types[one["datatype"]]).reshape(one["shape"])
        for one in found.json()["outputs"]
    }


def predictions(task: str, **given: Any) -> list[Any]:
    return network(task).predict(**given, batch_size=SMALL.batch_size)


def test_the_server_and_its_models_describe_themselves(serving) -> None:
    about = get(serving, "/v2").json()
    wanted = {"name": "xlnas_jax", "version": version("xlnas-jax"), "extensions": []}
    assert about == wanted
    assert get(serving, "/v2/health/live").json() == {"live": True}
    assert get(serving, "/v2/health/ready").json() == {"ready": True}
    ready = get(serving, "/v2/models/qa/ready")
    assert ready.json() == {"name": "qa", "ready": True}
    model = get(serving, "/v2/models/retrieval").json()
    assert model == {
        "name": "retrieval",
        "platform": "xlnas_jax",
        "inputs": [{"name": "text", "datatype": "BYTES", "shape": [-1]}],
        "outputs": [{"name": "vector", "datatype": "FP32", "shape": [-1, 16]}],
    }
    inputs = get(serving, "/v2/models/qa").json()["inputs"]
    assert [one["name"] for one in inputs] == ["question", "context"]
    assert get(serving, "/v2/models/none").status_code == 404


def test_classes_are_labels_and_scores(serving) -> None:
    content = {"id": "7", "inputs": [tensor("text", TEXTS)]}
    raw = infer(serving, "classification", content).json()
    assert (raw["model_name"], raw["id"]) == ("classification", "7")
    found = tensors(serving, "classification", content)
    wanted = predictions("classification", texts=TEXTS)
    assert found["label"].tolist() == [one.label for one in wanted]
    np.testing.assert_array_equal(
        found["score"], np.array([one.probability for one in wanted], np.float32)
    )
    assert found["scores"].shape == (4, 3)
    np.testing.assert_allclose(found["scores"].sum(1), 1.0, rtol=1e-6)


def test_pairs_are_a_second_tensor_and_outputs_can_be_chosen(serving) -> None:
    others = TEXTS[::-1]
    content = {
        "inputs": [tensor("pair", others), tensor("text", TEXTS)],
        "outputs": [{"name": "label"}],
    }
    found = tensors(serving, "classification", content)
    wanted = predictions("classification", texts=TEXTS, pairs=others)
    assert {name: one.tolist() for name, one in found.items()} == {
        "label": [one.label for one in wanted]
    }


def test_vectors_are_a_matrix_in_the_language_that_is_named(serving) -> None:
    content = {
        "inputs": [tensor("text", [[one] for one in TEXTS], shape=[4, 1])],
        "parameters": {"language": "sw"},
    }
    found = tensors(serving, "retrieval", content)["vector"]
    wanted = network("retrieval").vectors(TEXTS, SMALL.batch_size, "sw")
    np.testing.assert_array_equal(found, wanted)


def test_answers_and_tags_are_those_of_predict(serving) -> None:
    asked = ["where do people walk"] * 2
    inputs = [tensor("question", asked), tensor("context", TEXTS[:2])]
    found = tensors(serving, "qa", {"inputs": inputs})
    wanted = predictions("qa", texts=asked, contexts=TEXTS[:2])
    assert found["answer"].tolist() == [one.text for one in wanted]
    assert found["start"].tolist() == [one.start for one in wanted]
    found = tensors(serving, "tagging", {"inputs": [tensor("text", TEXTS)]})
    tagged = [json.loads(one) for one in found["prediction"]]
    wanted = predictions("tagging", texts=TEXTS)
    assert tagged == json.loads(json.dumps(to_plain(tuple(wanted))))


@pytest.mark.parametrize(
    ("model", "content", "message"),
    [
        ("qa", {}, "inputs: must be a list of tensors; got None"),
        ("qa", {"inputs": [tensor("question", ["a"])]}, "must have the tensor context"),
        ("qa", {"inputs": [tensor("text", ["a"])]}, "one of question, context"),
        ("tagging", {"inputs": [7]}, "inputs[0]: must be a tensor; got 7"),
        ("tagging", {"inputs": [tensor("text", ["a"], datatype="FP32")]}, "BYTES; got"),
        ("tagging", {"inputs": [tensor("text", ["a"], shape=[2])]}, "[1] or [1, 1]"),
        ("tagging", {"inputs": [tensor("text", ["a"], shape=[True])]}, "got [True]"),
        ("tagging", {"inputs": [tensor("text", [5])]}, "data: must be a list of texts"),
        ("tagging", {"inputs": [tensor("text", ["a"])] * 2}, "text is given twice"),
        ("tagging", {"inputs": [], "id": 7}, "id: must be a text; got 7"),
        ("tagging", {"inputs": [], "more": 7}, "got 'more'"),
        (
            "tagging",
            {"inputs": [tensor("text", ["a"])], "outputs": [{"name": "tags"}]},
            "outputs[0].name: must be one of prediction",
        ),
        (
            "tagging",
            {
                "inputs": [tensor("text", ["a"])],
                "parameters": {"binary_data_output": True},
            },
            "got 'binary_data_output'. Leave it out: tensors are JSON here",
        ),
        (
            "classification",
            {"inputs": [tensor("text", ["a"]), tensor("pair", [])]},
            "pair must have as many texts as text; got 0 for 1",
        ),
        (
            "tagging",
            {"inputs": [tensor("text", ["a"])], "parameters": {"num_best": "2"}},
            "num_best: must be a whole number",
        ),
    ],
)
def test_what_is_no_such_request_is_refused(serving, model, content, message) -> None:
    found = infer(serving, model, content)
    assert found.status_code == 400, found.text
    assert message in found.json()["error"]
    assert set(found.json()) == {"error"}


def test_a_model_that_there_is_not_is_told_as_an_error(serving) -> None:
    found = infer(serving, "none", {"inputs": []})
    assert found.status_code == 404
    assert found.json()["error"].startswith("model: must be one of classification")
