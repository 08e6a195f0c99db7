"""Hidden states of any text are those of `transformers`, whatever it spells."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.contract import IS_LONG, Tally, generated
from tests.fuzz.test_tokenizers import MAX_LENGTH, both, texts
from xlnas_jax.supernet.encoder import encode_full
from xlnas_jax.supernet.layers import embed
from xlnas_jax.supernet.pretrained import load_encoder, read_shape

# Two float32 programs that add in different orders, over at most six layers.
TOLERANCE = 1e-4
ROWS = 32
# Real weights take longer to compile than everything else here.
REAL = pytest.param("minilm", marks=() if IS_LONG else pytest.mark.slow)


class Pair:
    """One model twice: imported, and as `transformers` runs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shape = read_shape(folder)
        self.pad_id = shape.pad_id
        params = load_encoder(folder, shape)

        @jax.jit
        def run(tokens, segments, mask):
            x = embed(params.embeddings, shape, tokens, segments, jnp.float32)
            return encode_full(params.layers, shape, x, mask)

        self._run = run
        self._theirs = transformers.AutoModel.from_pretrained(
            str(folder), add_pooling_layer=False
        ).eval()

    def ours(self, tokens, segments, mask) -> np.ndarray:
        arrays = (jnp.asarray(tokens), jnp.asarray(segments), jnp.asarray(mask))
        return np.asarray(self._run(*arrays))

    @torch.no_grad()
    def theirs(self, tokens, segments, mask) -> np.ndarray:
        found = self._theirs(
            input_ids=torch.tensor(tokens).long(),
            token_type_ids=torch.tensor(segments).long(),
            attention_mask=torch.tensor(mask).long(),
        )
        return found.last_hidden_state.numpy()


@pytest.fixture(scope="module", params=["mini-multilingual", REAL])
def pair(request: pytest.FixtureRequest) -> Pair:
    """Of either family: positions that skip padding, and positions that do not."""
    if request.param == "minilm":
        return Pair(request.getfixturevalue("minilm"))
    return Pair(request.getfixturevalue("shared") / "models" / request.param)


@generated(1, 60)
@given(batch=st.lists(texts(), min_size=ROWS, max_size=ROWS))
def test_hidden_states_are_the_same(pair: Pair, tally: Tally, batch: list[str]) -> None:
    special = "<pad>" if pair.pad_id == 1 else "[PAD]"
    batch = [f"A {special} {special} note", special, "", *batch[3:]]
    tokenizer, _ = both(pair.folder)
    encodings = tally.holds(lambda: tokenizer.encode(batch))
    assert encodings is not None
    tokens = np.full((ROWS, MAX_LENGTH), pair.pad_id, np.int32)
    segments, mask = np.zeros_like(tokens), np.zeros(tokens.shape, bool)
    for row, one in enumerate(encodings):
        tokens[row, : len(one.ids)] = one.ids
        mask[row, : len(one.ids)] = True
    tally.accepted += ROWS - 1
    arrays = tokens, segments, mask
    difference = np.abs(pair.ours(*arrays) - pair.theirs(*arrays))[mask]
    assert difference.max() < TOLERANCE
