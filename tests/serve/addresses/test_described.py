"""The description is valid, is of what there is, and its examples are answered."""

import re

import jsonschema
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.serve.models import get, post
from xlnas_jax.serve.app import make_app
from xlnas_jax.serve.metrics import Counts


def test_the_description_is_valid_openapi_and_names_every_address(serving) -> None:
    document = get(serving, "/openapi.json").json()
    OpenAPIV31SpecValidator(document).validate()
    named = {
        (path, method)
        for path, methods in document["paths"].items()
        for method in methods
        if method != "parameters"
    }
    routes = make_app(serving, Counts([])).routes
    there = {
        (route.path, method.lower())
        for route in routes
        for method in route.methods - {"HEAD"}
    }
    assert named == there


def test_examples_keep_their_schema_and_so_do_the_answers(serving) -> None:
    paths = get(serving, "/openapi.json").json()["paths"]
    for path, extra in (("/predict", {"model": "tagging"}), (OF_MODEL, {})):
        post_of = paths[path]["post"]
        takes = post_of["requestBody"]["content"]["application/json"]
        gives = post_of["responses"]["200"]["content"]["application/json"]["schema"]
        content = {**takes["example"], **extra}
        jsonschema.validate(content, takes["schema"])
        found = post(serving, content, path.replace("{model}", "tagging"))
        assert found.status_code == 200
        jsonschema.validate(found.json(), gives)


OF_MODEL = "/v2/models/{model}/infer"


def test_the_page_needs_nothing_from_anywhere(serving) -> None:
    page = get(serving, "/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "POST /predict" in page.text and "infer" in page.text
    assert not re.search(r"(src|href)=|https?://|<script|@import", page.text)
