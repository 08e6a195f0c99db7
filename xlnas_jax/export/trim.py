"""An exported network with the pieces of its vocabulary that some texts use.

Two thirds and more of a small multilingual network are rows of its word table, most of
them of languages that it will never meet. What is left out can be put back by exporting
again, so that training and search may see all languages, and what is served few.

References:
    Abdaoui et al., "Load what you need: smaller versions of multilingual BERT", 2020.
    https://arxiv.org/abs/2010.05609
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int

from xlnas_jax.data.tokens.tokenizer import Encoding
from xlnas_jax.data.tokens.trimming.compare import Comparison, compare
from xlnas_jax.data.tokens.trimming.counting import choose, count
from xlnas_jax.data.tokens.trimming.cutting import Text, encode_text
from xlnas_jax.data.tokens.trimming.registry import kind_of
from xlnas_jax.data.tokens.trimming.trim import content_of, specials, trim
from xlnas_jax.export.fewer import with_fewer_rows
from xlnas_jax.export.params import count_params
from xlnas_jax.export.predicting.chunks import pad_rows
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.terminal.report import Report, unheard
from xlnas_jax.types import ConfigError, brief

Texts = Mapping[str, Sequence[Text]]
# Both look up the same rows, and compute the same.
TOLERANCE = 1e-5
# Of every source of texts, so many are run by both networks.
_SAMPLED = 8


class Trimmed(NamedTuple):
    """A network with fewer pieces.

    Attributes:
        rows: pieces that there were before.
        compared: by source of texts, their tokens before and after.
    """

    subnet: Subnet
    rows: int
    compared: dict[str, Comparison]


class Keep(NamedTuple):
    """Which pieces are kept, besides special ones and single characters.

    Attributes:
        min_count: how often the texts must use a piece.
        most: so many of these at most, the most frequent ones.
        params: so many that the whole network has no more parameters than this.
        share: of the tokens of each source of texts, the share whose pieces have a row
            of the word table of their own; the others have some in common.
        shared: how many these are.
    """

    min_count: int = 1
    most: int | None = None
    params: int | None = None
    share: float = 1.0
    shared: int = 256


ALL = Keep()


def trim_subnet(
    subnet: Subnet, texts: Texts, keep: Keep = ALL, report: Report = unheard
) -> Trimmed:
    """Keeps the pieces that texts use, and holds the result against the whole network.

    Args:
        texts: by what they are called in messages; of a tagger, sentences of words.
        report: is told how many of them are counted, compared and run.

    Raises:
        ConfigError: the tokenizer cannot be trimmed, the limit cannot be met, or texts
            whose pieces all stay have other logits.
    """
    tokenizer = dataclasses.replace(subnet.tokenizer, prefix="")
    rows = subnet.shape.vocab_size
    texts = _with_prefix(texts, subnet.tokenizer.prefix)
    kept = _choose(subnet, texts, keep, report)
    small = trim(tokenizer, kept)
    compared = {}
    for number, (name, own) in enumerate(texts.items()):
        report("comparing tokens", number, len(texts))
        compared[name] = compare(tokenizer, small, kept, own)[0]
    report("comparing tokens", len(texts), len(texts))
    weights = subnet.weights
    shared = subnet.shape.words
    places, rows_of = (kept, None) if shared is None else shared.of_pieces(kept)
    words = jax.device_put(np.asarray(weights.embeddings.word)[places])
    embeddings = dataclasses.replace(weights.embeddings, word=words)
    pad_id = int(np.searchsorted(kept, subnet.shape.pad_id))
    shape = dataclasses.replace(
        subnet.shape, vocab_size=len(kept), pad_id=pad_id, words=rows_of
    )
    made = subnet.changed(
        dataclasses.replace(weights, embeddings=embeddings),
        shape,
        dataclasses.replace(small, prefix=subnet.tokenizer.prefix),
    )
    _require_same(subnet, made, kept, texts, report)
    if keep.share < 1:
        made = with_fewer_rows(made, texts, keep.share, keep.shared)
    return Trimmed(made, rows, compared)


def _with_prefix(texts: Texts, prefix: str) -> dict[str, list[Text]]:
    """Texts as they are tokenised; nothing stands before sentences of words."""
    return {
        name: [prefix + one if isinstance(one, str) else one for one in own]
        for name, own in texts.items()
    }


def _choose(
    subnet: Subnet, texts: Texts, keep: Keep, report: Report
) -> Int[np.ndarray, " kept"]:
    """The pieces that are kept, in order."""
    tokenizer, shape = subnet.tokenizer, subnet.shape
    content = content_of(tokenizer.backend)
    model = content["model"]
    kind = kind_of(model)
    counts = np.zeros(shape.vocab_size, np.int64)
    for number, own in enumerate(texts.values()):
        report("counting pieces", number, len(texts))
        counts += count(tokenizer.backend, kind, model, own, shape.vocab_size)
    report("counting pieces", len(texts), len(texts))
    if tokenizer.prefix:
        # Of sentences of words it is in no text.
        one = (tokenizer.prefix,)
        counts += count(tokenizer.backend, kind, model, one, shape.vocab_size)
    always = {*specials(content, tokenizer.pad_id), shape.pad_id}

    def chosen(most: int | None) -> Int[np.ndarray, " kept"]:
        return choose(kind, model, counts, always, keep.min_count, most)

    if keep.params is None:
        return chosen(keep.most)
    total = count_params(subnet.weights)
    room = shape.word_rows - max(0, -(-(total - keep.params) // shape.width))

    def size(kept: Int[np.ndarray, " kept"]) -> int:
        """Rows of the word table."""
        return len(kept) if shape.words is None else len(shape.words.of_pieces(kept)[0])

    least = size(chosen(0))
    if room < least:
        smallest = total - (shape.word_rows - least) * shape.width
        raise ConfigError(
            f"trim: a limit on parameters must leave room for special pieces and "
            f"single characters, {least:,} in all; got {keep.params:,}. The smallest "
            f"possible value is {smallest:,}."
        )
    most = room - least if keep.most is None else min(keep.most, room - least)
    kept = chosen(most)
    while size(kept) > room:
        # Pieces bring those that they are merged from.
        most -= max(1, size(kept) - room)
        kept = chosen(max(most, 0))
    return kept


def _require_same(
    whole: Subnet,
    small: Subnet,
    kept: Int[np.ndarray, " kept"],
    texts: Texts,
    report: Report,
) -> None:
    """An error unless texts that both cut alike have the logits that they had."""
    tokenizers = [
        dataclasses.replace(one.tokenizer, prefix="") for one in (whole, small)
    ]
    for turn, (name, own) in enumerate(texts.items()):
        sample = own[:: -(-len(own) // _SAMPLED)]
        total = len(texts) * len(sample)
        for number, text in enumerate(sample, start=turn * len(sample)):
            report("comparing logits", number, total)
            before, after = (encode_text(one, text) for one in tokenizers)
            if not np.array_equal(before.ids, kept[list(after.ids)]):
                continue
            apart = np.abs(_logits(whole, before) - _logits(small, after)).max()
            if not apart <= TOLERANCE:
                raise ConfigError(
                    f"trim: a trimmed network must give the logits of the whole one, "
                    f"to {TOLERANCE:g}; got a difference of {apart:.3g} for "
                    f"{brief(text)} of {name}. Leave this model as it is."
                )


def _logits(subnet: Subnet, encoding: Encoding) -> np.ndarray:
    """Of one text, at the one length that all texts are filled up to."""
    size, fill = subnet.max_length, subnet.tokenizer.pad_id
    tokens = pad_rows([encoding.ids], 1, size, fill)
    segments = pad_rows([encoding.segments], 1, size, 0)
    length = np.asarray([len(encoding.ids)], np.int32)
    found = np.asarray(subnet(*map(jnp.asarray, (tokens, segments, length))))[0]
    return found if found.ndim == 1 else found[: len(encoding.ids)]
