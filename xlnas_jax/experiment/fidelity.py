"""Whether a trimmed encoder gives what the whole one gives, before it is searched."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from xlnas_jax.data.tokens.tokenizer import Encoding, Tokenizer
from xlnas_jax.data.tokens.trimming.cutting import Text, encode_text
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.pieces.vocabulary import Trimming, Vocabulary
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.supernet import pretrained
from xlnas_jax.supernet.encoder import encode_full
from xlnas_jax.supernet.heads import Pooled, pool, read_out
from xlnas_jax.supernet.layers import Hidden, TokenMask, embed
from xlnas_jax.supernet.params import HeadParams, SharedParams
from xlnas_jax.supernet.pieces.norms import closed
from xlnas_jax.supernet.pieces.relative import layers_of
from xlnas_jax.types import ConfigError, brief

# Of each language, texts that pass the whole network, and tokens of each.
_TEXTS = 2
_TOKENS = 32
# Texts of one call.
_ROWS = 16
# Both are computed by one program, from the same numbers.
TOLERANCE = 1e-5


class Sample(NamedTuple):
    """A text of a language or file, as both tokenizers have it."""

    name: str
    text: Text
    before: Encoding
    after: Encoding


class Table(NamedTuple):
    """Of the whole word table, the rows that samples look up.

    Attributes:
        rows: their numbers. words: the rows. shape: of an encoder that has no others.
    """

    rows: Int[np.ndarray, " row"]
    words: Float[np.ndarray, "row model"]
    shape: EncoderShape


Differ = Callable[..., Float[Array, " batch"]]


def require_fidelity(
    experiment: Experiment,
    vocabulary: Vocabulary,
    trimming: Trimming,
    directory: pathlib.Path,
    params: SharedParams,
    dims: Int[np.ndarray, " model"] | None = None,
) -> None:
    """An error unless texts of every language have the vectors and logits they had.

    The full network is run from the embeddings of the whole vocabulary and from those
    of the trimmed one: its mean vectors, and the logits of every task's head. Texts
    that `min_count` or `most` have cut otherwise take no part; `Vocabulary.compared`
    counts them.

    Args:
        directory: the whole pretrained model.
        dims: of its hidden dimensions those that the full network has; None: all.

    Raises:
        ConfigError: they have others; language and text are named.
    """
    size = min(_TOKENS, experiment.shape.max_length)
    samples = list(_samples(trimming, experiment.parts[0].tokenizer, size))
    is_exact = not any(one.num_others for one in vocabulary.compared.values())
    assert not is_exact or {one.name for one in samples} == {*trimming.samples}
    if not samples:
        return
    table = _look_up(directory, samples)
    if dims is not None:
        table = table._replace(words=table.words[:, dims])
    differ = _make_differ(experiment, table.shape)
    with jax.default_matmul_precision("highest"):
        for start in range(0, len(samples), _ROWS):
            part = samples[start : start + _ROWS]
            part += part[-1:] * (_ROWS - len(part))
            arrays = _arrays(part, table, experiment.shape, size)
            found = np.asarray(differ(params, table.words, *arrays))
            worst = int(np.argmax(found))  # of a NaN, too
            if not found[worst] <= TOLERANCE:
                raise _unfaithful(part[worst], float(found[worst]))


def _samples(trimming: Trimming, trimmed: Tokenizer, size: int) -> Iterator[Sample]:
    """Of each language the first texts that both tokenizers cut alike.

    What stands before texts is there already, where it does.
    """
    whole = dataclasses.replace(trimming.whole, max_length=size, prefix="")
    trimmed = dataclasses.replace(trimmed, max_length=size, prefix="")
    for name, texts in trimming.samples.items():
        count = 0
        for text in texts:
            before, after = encode_text(whole, text), encode_text(trimmed, text)
            if np.array_equal(before.ids, trimming.kept[list(after.ids)]):
                yield Sample(name, text, before, after)
                count += 1
            if count == _TEXTS:
                break


def _look_up(directory: pathlib.Path, samples: Sequence[Sample]) -> Table:
    whole = pretrained.read_shape(directory)
    rows = np.unique([whole.pad_id, *(id for one in samples for id in one.before.ids)])
    words = pretrained.load_words(directory)[rows]
    pad_id = int(np.searchsorted(rows, whole.pad_id))
    return Table(rows, words, dataclasses.replace(whole, pad_id=pad_id))


def _arrays(
    samples: Sequence[Sample], table: Table, shape: EncoderShape, size: int
) -> tuple[np.ndarray, ...]:
    """Tokens of both, segments of both, and what is no padding."""
    before = [np.searchsorted(table.rows, one.before.ids) for one in samples]
    lengths = np.array([len(ids) for ids in before])
    return (
        _padded(before, table.shape.pad_id, size),
        _padded([one.after.ids for one in samples], shape.pad_id, size),
        _padded([one.before.segments for one in samples], 0, size),
        _padded([one.after.segments for one in samples], 0, size),
        np.arange(size)[None, :] < lengths[:, None],
    )


def _padded(
    rows: Sequence[Sequence[int] | np.ndarray], fill: int, size: int
) -> Int[np.ndarray, "batch seq"]:
    array = np.full((len(rows), size), fill, np.int32)
    for number, row in enumerate(rows):
        array[number, : len(row)] = row
    return array


def _make_differ(experiment: Experiment, whole: EncoderShape) -> Differ:
    """Builds the largest difference of vectors and logits, for each text."""
    shape, space = experiment.shape, experiment.space

    def mean(x: Hidden, mask: TokenMask, head: HeadParams) -> Pooled:
        return pool(x, mask, head, "mean")

    @jax.jit
    def differ(params, words, before, after, segments, others, mask):
        ours = params.encoder.embeddings
        theirs = dataclasses.replace(ours, word=words)
        x = jnp.concatenate(
            [
                embed(theirs, whole, before, segments, jnp.float32),
                embed(ours, shape, after, others, jnp.float32),
            ]
        )
        both = jnp.concatenate([mask, mask])
        layers = layers_of(params.encoder, shape)
        x = encode_full(layers, shape, x, both, space=space)
        x = closed(x, params.encoder.final_norm, shape)
        heads = params.heads.values()
        outputs = [mean(x, both, next(iter(heads)))]
        # Of tokens, those beyond the text are none.
        outputs += [read_out(x, both, head, mean) for head in heads]
        return jnp.stack([_largest(one, mask) for one in outputs]).max(0)

    return differ


def _largest(
    both: Float[Array, "rows *rest"], mask: TokenMask
) -> Float[Array, " batch"]:
    """The largest difference between the first half and the second, of each row."""
    first, second = jnp.split(both, 2)
    found = jnp.abs(first - second).max(-1)
    if found.ndim == 2:
        found = jnp.where(mask, found, 0.0).max(-1)
    return found


def _unfaithful(sample: Sample, found: float) -> ConfigError:
    return ConfigError(
        f"model.vocabulary: a trimmed encoder must give the vectors and logits of the "
        f"whole one, to {TOLERANCE:g}; got a difference of {found:.3g} for "
        f"{brief(sample.text)} of {sample.name}. Leave model.vocabulary out."
    )
