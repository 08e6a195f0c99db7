"""The exported network: `flax.nnx` outside, the supernet's layer functions inside."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int

from xlnas_jax.config.export import Dtype
from xlnas_jax.data.tokens.tokenizer import Encoding, Tokenizer
from xlnas_jax.data.tokens.windows import DOC_STRIDE
from xlnas_jax.export.apply import apply_subnet, apply_subnet_jit
from xlnas_jax.export.centers import Centers, without
from xlnas_jax.export.params import SubnetParams
from xlnas_jax.export.predicting import tags as predict_tags
from xlnas_jax.export.predicting.asked import (
    Asked,
    Logits,
    ask_each,
    ask_questions,
    ask_tags,
    require_alone,
)
from xlnas_jax.export.predicting.chunks import run_chunks
from xlnas_jax.export.predicting.classes import (
    Prediction,
    check_pairs,
    check_texts,
    to_predictions,
)
from xlnas_jax.export.predicting.vectors import TextVector, to_vectors
from xlnas_jax.languages.codes import normalise
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.tasks.answers import MAX_TOKENS
from xlnas_jax.types import CheckpointError, DataError


class Subnet(nnx.Module):
    """One architecture with only its own weights, ready to use or to fine-tune.

    Every weight is an `nnx.Param`, so that `nnx.state`, `nnx.split`, `nnx.jit`,
    `nnx.grad` and `nnx.Optimizer` see them.

    Attributes:
        params: a `SubnetParams` with an `nnx.Param` at every leaf; its layers may
            be fewer than `shape.num_layers`, and smaller.
        shape: the full encoder that the network was cut from.
        pooling: how one vector is made of a sentence.
        labels: names of the classes or tags, in the order of the logits; none of
            question answering, whose logits are those of start and end, and of
            retrieval, whose logits are vectors of length 1.
        task: `classification`, `tagging`, `qa` or `retrieval`.
        own_heads: languages with an output layer of their own, in its order.
        doc_stride, max_answer_tokens: of question answering, tokens from one
            window's start to the next one's, and of the longest answer.
        centers: of retrieval: means of languages, taken away from the vectors of
            texts whose language is named; None where vectors stay as they are.
        dtype: in which weights are written; they compute in float32 all the same.
    """

    def __init__(
        self,
        params: SubnetParams,
        shape: EncoderShape,
        pooling: str,
        labels: tuple[str, ...],
        tokenizer: Tokenizer,
        task: str = "classification",
        own_heads: tuple[str, ...] = (),
        doc_stride: int = DOC_STRIDE,
        max_answer_tokens: int = MAX_TOKENS,
        centers: Centers | None = None,
        dtype: Dtype = "fp32",
    ) -> None:
        self.params = nnx.data(jax.tree.map(nnx.Param, params))
        self.shape = shape
        self.pooling = pooling
        self.labels = labels
        self.tokenizer = tokenizer
        self.task = task
        self.own_heads = own_heads
        self.doc_stride = doc_stride
        self.max_answer_tokens = max_answer_tokens
        self.centers = centers
        self.dtype: Dtype = dtype

    def __call__(
        self,
        tokens: Int[Array, "batch seq"],
        segments: Int[Array, "batch seq"],
        length: Int[Array, " batch"],
        route: Int[Array, " batch"] | None = None,
    ) -> Float[Array, "batch *rest"]:
        """Logits of right-padded token arrays, as `apply_subnet` gives them.

        `route` is a position in `own_heads` for each row, or -1 for the shared
        output layer alone.
        """
        shape, pooling = self.shape, self.pooling
        arrays = tokens, segments, length, route
        return apply_subnet(self.weights, shape, pooling, *arrays)

    def changed(
        self,
        weights: SubnetParams,
        shape: EncoderShape | None = None,
        tokenizer: Tokenizer | None = None,
    ) -> "Subnet":
        """The same network with other weights, and with what these are of, if other."""
        return Subnet(
            weights,
            self.shape if shape is None else shape,
            self.pooling,
            self.labels,
            self.tokenizer if tokenizer is None else tokenizer,
            task=self.task,
            own_heads=self.own_heads,
            doc_stride=self.doc_stride,
            max_answer_tokens=self.max_answer_tokens,
            centers=self.centers,
            dtype=self.dtype,
        )

    @property
    def weights(self) -> SubnetParams:
        """The weights as plain arrays."""
        return jax.tree.map(
            lambda param: param.get_value(),
            self.params,
            is_leaf=lambda node: isinstance(node, nnx.Variable),
        )

    @property
    def max_length(self) -> int:
        """Tokens kept of a text, or of a window, special tokens included."""
        return self.tokenizer.max_length

    @property
    def sizes(self) -> tuple[dict[str, int], ...]:
        """Of every layer, the values of its knobs by name: heads, neurons."""
        return tuple(dict(size) for size in self.weights.sizes)

    def route(self, language: str | None) -> int:
        """The position in `own_heads` of a language in any spelling, or -1."""
        code = None if language is None else normalise(language)
        return self.own_heads.index(code) if code in self.own_heads else -1

    def logits(
        self,
        texts: Sequence[str] | str,
        pairs: Sequence[str] | str | None = None,
        batch_size: int = 32,
        language: str | None = None,
    ) -> Float[np.ndarray, "text label"]:
        """Class logits of texts, or of texts with their pairs, in the given order.

        Compiles once per padded shape: a power of two of rows up to `batch_size`,
        by a multiple of 32 tokens.
        """
        if self.task != "classification":
            raise DataError(
                f"logits: only a text that is classified has logits of its own; "
                f"this model is for {self.task}. Call predict, or the model itself "
                f"with token arrays."
            )
        rows = self.run(self.ask(texts, pairs, language=language), batch_size)
        empty = np.zeros((0, len(self.labels)), np.float32)
        return np.stack(rows) if rows else empty

    def vectors(
        self,
        texts: Sequence[str] | str,
        batch_size: int = 32,
        language: str | None = None,
    ) -> Float[np.ndarray, "text model"]:
        """Vectors of texts, of length 1, in the given order; compiles as `logits`.

        Args:
            language: of all of them; its mean is taken away, where `centers` has one.
                Without it, or of another language, vectors stay as they are: of texts
                that are compared, either all are named or none.
        """
        if self.task != "retrieval":
            raise DataError(
                f"vectors: only a model for retrieval gives some; this one is for "
                f"{self.task}. Call predict."
            )
        rows = self.run(self.ask(texts), batch_size)
        found = np.stack(rows) if rows else np.zeros((0, self.shape.width), np.float32)
        mean = None if self.centers is None else self.centers.of(language)
        return found if mean is None else without(found, mean)

    def logits_of(self, texts: Sequence[str]) -> list[Float[np.ndarray, "*rest"]]:
        """What the network gives of single texts, whatever it is for.

        Logits or a vector of each, and of a network that reads tokens logits of every
        token: to hold it against the same network elsewhere.
        """
        encodings = self.tokenizer.encode(check_texts(texts, "texts"))
        rows = self._run(encodings, 32, None)
        return [
            row if row.ndim == 1 else row[: len(one.ids)]
            for row, one in zip(rows, encodings, strict=True)
        ]

    def predict(
        self,
        texts: Sequence[Any] | str,
        pairs: Sequence[str] | str | None = None,
        *,
        contexts: Sequence[str] | str | None = None,
        num_best: int = 1,
        language: str | None = None,
        batch_size: int = 32,
    ) -> list[Any]:
        """What the task predicts, in the given order; a single text gives one.

        - classification: `predict(texts, pairs=None)` gives `Prediction`s. An empty
          text is valid: it is classified by its special tokens.
        - tagging: `predict(sentences)` gives `TaggedPrediction`s. A sentence is a
          list of words, or a text that is split at white space. Words beyond
          `max_length` tokens are `O`, as in the official scores.
        - qa: `predict(questions, contexts)` gives `AnswerPrediction`s, with the
          `num_best - 1` next best answers.
        - retrieval: `predict(texts)` gives `TextVector`s, whose inner products are
          cosines; `vectors` gives them as one array.

        Args:
            language: of the texts; where it has an output layer of its own
                (`own_heads`), that takes part, otherwise the shared one alone. Of
                retrieval as in `vectors`.
        """
        how = {"contexts": contexts, "num_best": num_best, "language": language}
        asked = self.ask(texts, pairs, **how)
        return asked.answers(self.run(asked, batch_size))

    def ask(
        self,
        texts: Sequence[Any] | str,
        pairs: Sequence[str] | str | None = None,
        *,
        contexts: Sequence[str] | str | None = None,
        num_best: int = 1,
        language: str | None = None,
    ) -> Asked:
        """What `predict` would run, as token ids, and how that is answered."""
        if self.task == "qa":
            given = pairs if contexts is None else contexts
            limits = self.max_answer_tokens, num_best
            how = self.doc_stride, limits, language
            return ask_questions(self.tokenizer, texts, given, *how)
        require_alone(self.task, pairs, contexts, num_best)
        if self.task == "tagging":
            return ask_tags(self.tokenizer, texts, self.labels, language)
        checked = check_texts(texts, "texts")
        others = None if pairs is None else check_pairs(checked, pairs, "pairs")
        encodings = self.tokenizer.encode(checked, others) if checked else []
        if self.task == "classification":
            return ask_each(encodings, self._classify, language)
        mean = None if self.centers is None else self.centers.of(language)
        return ask_each(encodings, lambda _, row: _to_vector(row, mean), language)

    def run(self, asked: Asked, batch_size: int = 32) -> list[Logits]:
        """Logits, or a vector, of every row that is asked."""
        return self._run(asked.encodings, batch_size, asked.language)

    def _classify(self, number: int, row: Float[np.ndarray, " label"]) -> Prediction:
        (found,) = to_predictions(row[None], self.labels)
        return found

    def tag_probabilities(
        self,
        sentences: Sequence[Sequence[str]],
        language: str | None = None,
        batch_size: int = 32,
    ) -> list[Float[np.ndarray, "word label"]]:
        """Of each sentence's words the probabilities of their tags; NaN if unread."""
        if not sentences:
            return []
        encodings, positions = self.tokenizer.encode_words(sentences)
        rows = self._run(encodings, batch_size, language)
        return list(map(predict_tags.to_word_probabilities, positions, rows))

    def _run(
        self, encodings: Sequence[Encoding], batch_size: int, language: str | None
    ) -> list[Float[np.ndarray, "*rest"]]:
        """Logits of each encoding."""
        weights, route = self.weights, self.route(language)

        def apply(tokens: Array, segments: Array, length: Array) -> Array:
            # Without a layer of its own a language shares the program without routes.
            routes = None if route < 0 else jnp.full_like(length, route)
            arrays = tokens, segments, length, routes
            return apply_subnet_jit(weights, self.shape, self.pooling, *arrays)

        pad_id = self.tokenizer.pad_id
        rows = run_chunks(apply, encodings, batch_size, self.max_length, pad_id)
        for i, (one, row) in enumerate(zip(encodings, rows, strict=True)):
            # What a network of tokens says of padding is nobody's answer.
            real = row if row.ndim == 1 else row[: len(one.ids)]
            if not np.isfinite(real).all():
                raise CheckpointError(
                    f"predict: every score must be a finite number; got others for "
                    f"input {i + 1} of {len(encodings)}: the weights of this model "
                    f"overflow there. Train it again at a lower learning rate."
                )
        return rows


def _to_vector(
    row: Float[np.ndarray, " model"], mean: Float[np.ndarray, " model"] | None
) -> TextVector:
    """A vector as it is predicted, without its language's mean where there is one."""
    found = row[None] if mean is None else without(row[None], mean)
    return to_vectors(found)[0]
