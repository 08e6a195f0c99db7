"""A tiny supernet with weights large enough that every part changes the logits."""

import shutil
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.data.tokens.unigram import train_tokenizer
from xlnas_jax.export.artifact.artifact import save_artifact
from xlnas_jax.export.artifact.card import Card
from xlnas_jax.export.slice import slice_subnet
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.space.cost import HeadSize
from xlnas_jax.space.shape import POOLINGS, EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.families.registry import spec_of
from xlnas_jax.supernet.heads import init_head
from xlnas_jax.supernet.init import init_encoder
from xlnas_jax.supernet.params import SupernetParams

TAGS = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
LABELS = ("territory", "language", "script")
MAX_LENGTH = 40
WORDS = ("the", "river", "city", "of", "many", "old", "new", "people", "walk", "by")


# Languages with an output layer of their own, where a test wants some.
OWN_HEADS = ("en", "sw")
LABELS_OF = {"classification": LABELS, "tagging": TAGS, "qa": ()}
NUM_OUTPUTS = {"classification": len(LABELS), "tagging": len(TAGS), "qa": 2}


class Tiny(NamedTuple):
    """A supernet that fits a test, and random architectures of its space."""

    shape: EncoderShape
    space: SearchSpace
    params: SupernetParams
    tokenizer: Tokenizer
    rows: np.ndarray
    task: str = "classification"
    own_heads: tuple[str, ...] = ()

    @property
    def head_size(self) -> HeadSize:
        reads_tokens = self.task != "classification"
        return HeadSize(NUM_OUTPUTS[self.task], reads_tokens, len(self.own_heads))

    def of(self, task: str, own_heads: tuple[str, ...] = ()) -> "Tiny":
        """The same encoder under another head."""
        other = self._replace(task=task, own_heads=own_heads)
        return other._replace(params=random_params(self.shape, other.head_size))

    def subnet(self, row: np.ndarray) -> Subnet:
        return Subnet(
            slice_subnet(self.params, self.space, row),
            shape=self.shape,
            pooling=str(self.space.values(row)["pooling"][0]),
            labels=LABELS_OF[self.task],
            tokenizer=self.tokenizer,
            task=self.task,
            own_heads=self.own_heads,
            doc_stride=5,
        )


def sentences(num: int) -> list[str]:
    """Random sentences of very different lengths, the empty one among them."""
    rng = np.random.default_rng(3)
    sizes = np.resize([0, 29, 3, 12, 1, 20], num)
    return [" ".join(rng.choice(WORDS, size)) for size in sizes]


def random_params(shape: EncoderShape, head: HeadSize) -> SupernetParams:
    """Weights far larger than at a real start, so that errors cannot hide.

    With this seed every kind of task predicts more than one thing.
    """

    def init() -> SupernetParams:
        sizes = head.reads_tokens, head.num_languages
        made = init_head(None, shape, head.num_outputs, True, *sizes)
        return SupernetParams(init_encoder(None, shape), made)

    rng = np.random.default_rng(5)

    def draw(path, leaf) -> jax.Array:
        centre = float(path[-1].name == "scale")
        return jnp.asarray(rng.normal(centre, 0.25, leaf.shape), jnp.float32)

    return jax.tree_util.tree_map_with_path(draw, jax.eval_shape(init))


def shape_like_xlmr(tokenizer: Tokenizer, **sizes: int) -> EncoderShape:
    """A shape of XLM-R's family for texts of this tokenizer."""
    given = {
        "vocab_size": tokenizer.vocab_size,
        "num_segments": 2,
        "position_offset": 2,
        "family": "xlm-roberta",
        "spec": spec_of("xlm-roberta"),
        "pad_id": tokenizer.pad_id,
        "norm_epsilon": 1e-5,
    }
    return EncoderShape(**{**given, **sizes})


@pytest.fixture(scope="session")
def tiny() -> Tiny:
    tokenizer = train_tokenizer(sentences(200), vocab_size=80, max_length=MAX_LENGTH)
    shape = shape_like_xlmr(
        tokenizer,
        vocab_size=tokenizer.vocab_size + 3,
        width=32,
        num_layers=3,
        num_heads=4,
        head_dim=8,
        ffn=48,
        max_positions=MAX_LENGTH + 5,
    )
    config = SpaceConfig(heads=(1, 2, 4), ffn=(8, 24, 48), pooling=POOLINGS)
    space = make_space(config, shape)
    params = random_params(shape, HeadSize(len(LABELS)))
    archs = space.sample_valid(jax.random.key(2), 50)
    rows = np.array(space.flatten(archs))
    # The first four choose each pooling once.
    rows[: len(POOLINGS), space.columns("pooling").start] = np.arange(len(POOLINGS))
    return Tiny(shape, space, params, tokenizer, rows)


@pytest.fixture(scope="session")
def subnet(tiny: Tiny) -> Subnet:
    return tiny.subnet(tiny.rows[1])


@pytest.fixture(scope="session")
def tagger(tiny: Tiny) -> Subnet:
    return tiny.of("tagging", OWN_HEADS).subnet(tiny.rows[1])


@pytest.fixture(scope="session")
def reader(tiny: Tiny) -> Subnet:
    """Answers questions; its windows are far shorter than the contexts of tests."""
    return tiny.of("qa").subnet(tiny.rows[1])


@pytest.fixture(scope="session")
def card() -> Card:
    return Card(
        title="A test model",
        roles={
            "source": "en",
            "aux_train": [],
            "aux_heldout": ["fr"],
            "target": ["fi", "sw"],
        },
        scores={
            "en": {"accuracy": 0.9, "macro_f1": 0.8},
            "fi": {"accuracy": 0.6, "macro_f1": 0.5},
            "sw": {"accuracy": 0.4, "macro_f1": 0.3},
        },
        trivial={"en": 0.25, "fi": 0.125, "sw": 0.375},
        trivial_name="majority class",
        primary="accuracy",
        costs={"params": 1000, "encoder_params": 600, "flops": 123456},
        full_costs={"params": 4000, "encoder_params": 3000, "flops": 987654},
        cost_length=64,
        data="a data set",
        data_licence="CC-BY-SA-4.0",
        source_model="hub/encoder",
        seed=11,
    )


@pytest.fixture(scope="module")
def exported(subnet, card, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    return save_artifact(folder / "model", subnet, architecture={}, card=card)


@pytest.fixture
def path(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "model")
