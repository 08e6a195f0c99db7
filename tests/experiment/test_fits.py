"""A space is refused where a form of export cannot hold every network of it."""

import contextlib
import dataclasses
from collections.abc import Callable

import jax
import numpy as np
import pytest

from tests.experiments import tiny_config
from tests.supernet.families.shapes import shape_of
from xlnas_jax.config.cost import ConstraintsConfig
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.experiment.draws import draw_feasible
from xlnas_jax.experiment.fits import require_fitting
from xlnas_jax.experiment.prepare import Experiment, prepare
from xlnas_jax.export.forms import hugging_face, onnx
from xlnas_jax.export.params import abstract_params
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.types import ConfigError

PLAIN = SpaceConfig(heads=(1, 2), ffn=(8, 32), pooling=("cls",))


def given(space: SpaceConfig, *fits: str, **changes: object) -> Experiment:
    """A search within loose limits, of networks that all must have these forms."""
    config = tiny_config(
        space=dataclasses.replace(space, fits=fits),
        constraints=ConstraintsConfig(encoder_params=1e9),
    )
    return prepare(dataclasses.replace(config, **changes))


def network(experiment: Experiment, row: np.ndarray) -> Subnet:
    """The network of a row, with nothing but zeros."""
    sizes = tuple(tuple(values.items()) for _, values in experiment.space.layers(row))
    part = experiment.parts[0]
    weights = abstract_params(experiment.shape, sizes, part.head_size, "cls")
    zeros = jax.tree.map(lambda one: np.zeros(one.shape, one.dtype), weights)
    labels = part.source.labels
    return Subnet(zeros, experiment.shape, "cls", labels, part.tokenizer)


def refusals(experiment: Experiment, refuse: Callable) -> set[str | None]:
    """What a form says of a dozen networks, the smallest among them."""
    space = experiment.space
    smallest = np.asarray(space.flatten(space.smallest()))
    rows = [smallest, *draw_feasible(experiment, 12, "control")]
    return {refuse(network(experiment, row)) for row in rows}


@pytest.mark.parametrize(
    ("changes", "option"),
    [
        ({"heads": (0, 1, 2)}, "space.heads"),
        ({"ffn": (0, 8, 32)}, "space.ffn"),
        ({"adapter": (0, 4)}, "space.adapter"),
        ({"prefix": (0, 4)}, "space.prefix"),
        ({"window": (4, 24)}, "space.window"),
        ({"min_layers": 0}, "space.min_layers"),
    ],
)
def test_what_a_class_of_transformers_cannot_hold_is_refused_by_its_option(
    changes: dict[str, object], option: str
) -> None:
    space = dataclasses.replace(PLAIN, **changes)
    with pytest.raises(ConfigError, match=f"{option}: .* asks for hf"):
        given(space, "hf")
    # It would be: some network of that space is what the form itself refuses.
    assert refusals(given(space), hugging_face.refuse) - {None}
    # A graph has layers at their own sizes, and nodes for all of these.
    assert refusals(given(space, "onnx", "stablehlo"), onnx.refuse) == {None}


@pytest.mark.parametrize("space", [PLAIN, dataclasses.replace(PLAIN, lora=(0, 2))])
def test_every_network_of_a_space_that_fits_can_be_written(space: SpaceConfig) -> None:
    experiment = given(space, "hf", "onnx-int8")
    assert refusals(experiment, onnx.refuse) == {None}
    assert refusals(experiment, hugging_face.refuse) == {None}


@pytest.mark.parametrize("family", ["distilbert", "xlm-roberta-xl", "eurobert"])
def test_of_other_families_it_asks_what_their_form_does(family: str) -> None:
    plain, shape = given(PLAIN), shape_of(family)
    halves = dataclasses.replace(PLAIN, heads=(0, 2, 4), ffn=(0, 32), fits=("hf",))
    space = make_space(halves, shape)
    experiment = dataclasses.replace(plain, shape=shape, space=space)
    rows = np.asarray(space.flatten(space.sample_valid(jax.random.key(0), 30)))
    refused = {hugging_face.refuse(network(experiment, row)) for row in rows} - {None}
    expected = pytest.raises(ConfigError) if refused else contextlib.nullcontext()
    with expected:
        require_fitting(halves, space, shape, plain.parts)
    # Where norms stand before the halves of a layer, zeros stand for a half.
    assert bool(refused) == (family == "distilbert")


def test_pooling_must_be_what_its_classes_read() -> None:
    space = dataclasses.replace(PLAIN, pooling=("mean", "cls"))
    with pytest.raises(ConfigError, match=r"pooling: must be \[cls\].*mean, cls"):
        given(space, "hf")
    given(space, "onnx")


def test_vectors_are_of_networks_that_give_them() -> None:
    with pytest.raises(ConfigError, match=r"space\.fits: sentence-transformers is of"):
        given(PLAIN, "sentence-transformers")


@pytest.mark.parametrize("form", ["hf", "onnx"])
def test_output_layers_of_languages_have_no_such_form(form: str) -> None:
    with pytest.raises(ConfigError, match=rf"language_heads: .* asks for {form}"):
        given(PLAIN, form, language_heads=True)


def test_a_form_is_named_once() -> None:
    with pytest.raises(ConfigError, match="fits: entries must differ"):
        dataclasses.replace(PLAIN, fits=("hf", "hf"))
