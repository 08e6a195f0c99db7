"""A model that knows one language, given the pieces of another."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from tests.data.tokens.trimming.material import names, trained
from tests.pretraining.planted import NUM_WORDS, meanings, words
from xlnas_jax.alignment.measures.base import cosines
from xlnas_jax.cli.commands import parse
from xlnas_jax.data.tokens.masks import with_mask
from xlnas_jax.data.tokens.tokenizer import load_tokenizer
from xlnas_jax.data.tokens.unigram import train_tokenizer
from xlnas_jax.export.forms.hugging_face import save_tokenizer
from xlnas_jax.pretraining.extending.extend import Aligned, extend_model, read_both
from xlnas_jax.supernet.pretrained import load_words, read_shape
from xlnas_jax.types import ConfigError, DataError

METHODS = ("overlap", "aligned", "mean", "random")
KNOWN = words("en")
# A language that has every other word in common with the known one.
NEW = [words("fr")[n] if n % 2 else KNOWN[n] for n in range(NUM_WORDS)]
STEPS = 250


def texts_of(own: list[str], num: int, seed: int) -> list[str]:
    return [" ".join(own[n] for n in row) for row in meanings(num, seed)]


def masked(tokenizer, texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Each text with each of its pieces masked in turn; all texts have equally many."""
    rows, labels = [], []
    for ids in tokenizer(texts)["input_ids"]:
        for place in range(1, len(ids) - 1):
            row, label = list(ids), [-100] * len(ids)
            row[place], label[place] = tokenizer.mask_token_id, ids[place]
            rows.append(row)
            labels.append(label)
    return torch.tensor(rows), torch.tensor(labels)


def write_model(folder: Path, steps: int) -> Path:
    """A tiny XLM-R, trained by `transformers` and torch on the known language."""
    texts = texts_of(KNOWN, 300, 0)
    own = with_mask(train_tokenizer(texts, 70, 16))
    save_tokenizer(own, False, folder, own.backend.token_to_id("<mask>"))
    torch.manual_seed(0)
    made = transformers.XLMRobertaForMaskedLM(
        transformers.XLMRobertaConfig(
            vocab_size=own.vocab_size + 3,  # rows that no piece has
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=18,
            type_vocab_size=1,
            pad_token_id=1,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            initializer_range=0.15,
        )
    )
    if steps:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        rows, labels = masked(tokenizer, texts)
        optimizer = torch.optim.AdamW(made.parameters(), lr=5e-3)
        for _ in range(steps):
            some = torch.randint(len(rows), (64,))
            optimizer.zero_grad()
            made(input_ids=rows[some], labels=labels[some]).loss.backward()
            optimizer.step()
    made.save_pretrained(folder)
    return folder


def write_extended(model: Path, corpus: tuple[Path, Path], folder: Path) -> dict:
    """Of each method the directory that the command writes."""
    new, pairs = corpus
    found = {}
    for method in METHODS:
        found[method] = folder / method
        given = ["extend", model, "--out", found[method], "--texts", new]
        given += ["--pieces", 60, "--method", method]
        given += ["--pairs", pairs] if method == "aligned" else []
        parse([*map(str, given)]).run()
    return found


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("known"), 0)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    new, pairs = folder / "new.txt", folder / "pairs.tsv"
    new.write_text("\n".join(texts_of(NEW, 300, 1)), "utf-8")
    sides = zip(texts_of(NEW, 100, 2), texts_of(KNOWN, 100, 2), strict=True)
    pairs.write_text("\n".join("\t".join(pair) for pair in sides), "utf-8")
    return new, pairs


@pytest.fixture(scope="module")
def extended(model, corpus, tmp_path_factory):
    return write_extended(model, corpus, tmp_path_factory.mktemp("extended"))


def loss_of(folder, texts: list[str]) -> float:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    made = transformers.AutoModelForMaskedLM.from_pretrained(folder).eval()
    rows, labels = masked(tokenizer, texts)
    with torch.no_grad():
        return float(made(input_ids=rows, labels=labels).loss)


@pytest.fixture
def one_thread():
    """Threads of so small a model wait for each other more than they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_a_trained_model_begins_better_than_at_random(corpus, tmp_path) -> None:
    """METHODS 10: the loss on masked pieces of the language, before any training."""
    known = tmp_path / "known"
    known.mkdir()
    write_model(known, STEPS)
    texts, extended = texts_of(NEW, 60, 3), write_extended(known, corpus, tmp_path)
    lost = {method: loss_of(folder, texts) for method, folder in extended.items()}
    least = loss_of(known, texts_of(KNOWN, 60, 3))
    assert least < 2.0 < np.log(NUM_WORDS)  # it did learn
    assert lost["overlap"] < lost["random"] - 0.3
    # What means the same stands where it stood: nearly nothing is lost.
    assert lost["aligned"] < least + 0.5
    assert lost["aligned"] < lost["overlap"]
    assert lost["aligned"] < lost["mean"]


@pytest.mark.parametrize("method", METHODS)
def test_transformers_and_we_read_the_same(method, extended, corpus) -> None:
    folder = extended[method]
    texts = corpus[0].read_text("utf-8").splitlines()[:20]
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    ours = load_tokenizer(folder, 16)
    encoded = [list(one.ids) for one in ours.encode(texts)]
    assert theirs(texts)["input_ids"] == encoded
    made = transformers.AutoModel.from_pretrained(folder)
    shape, facts = (
        read_shape(folder),
        json.loads((folder / "extension.json").read_text()),
    )
    assert shape.vocab_size == facts["before"] + facts["pieces"] == ours.vocab_size
    rows = made.get_input_embeddings().weight.detach().numpy()
    np.testing.assert_array_equal(rows, load_words(folder))
    assert max(max(one) for one in encoded) >= facts["before"]
    assert sum(facts["by"].values()) == facts["pieces"]
    assert facts["tokens"]["unknown_after"] == 0 < facts["tokens"]["unknown_before"]


def test_the_known_language_is_read_as_before(model, extended) -> None:
    texts = texts_of(KNOWN, 5, 4)
    found = []
    for folder in (model, extended["aligned"]):
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        made = transformers.AutoModelForMaskedLM.from_pretrained(folder).eval()
        with torch.no_grad():
            logits = made(**tokenizer(texts, return_tensors="pt")).logits
        found.append(logits[:, :, : tokenizer.vocab_size].numpy())
    size = min(one.shape[2] for one in found)
    np.testing.assert_allclose(found[0][..., :size], found[1][..., :size], atol=1e-5)


def hits_of(folder) -> list[bool]:
    """Of each new word, whether the known row nearest to its row is its meaning's."""
    backend = load_tokenizer(folder, 16).backend
    table = load_words(folder)
    known = [backend.token_to_id("▁" + word) for word in KNOWN]
    new = [backend.token_to_id("▁" + NEW[n]) for n in range(1, NUM_WORDS, 2)]
    found = cosines(table[new], table[known]).argmax(1)
    return (found == np.arange(1, NUM_WORDS, 2)).tolist()


def test_words_that_mean_the_same_share_their_rows(extended) -> None:
    """By pairs of texts alone: no word of a dictionary was seen."""
    assert np.mean(hits_of(extended["aligned"])) > 0.8
    assert np.mean(hits_of(extended["mean"])) < 0.5


def test_another_family_stored_in_bfloat16(tmp_path) -> None:
    own = trained("WordPiece")
    folder, out = tmp_path / "bert", tmp_path / "out"
    folder.mkdir()
    save_tokenizer(own, True, folder, own.backend.token_to_id("<mask>"))
    small = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.BertConfig(
        vocab_size=own.vocab_size, intermediate_size=8, pad_token_id=1, **small
    )
    made = transformers.BertForMaskedLM(config).to(torch.bfloat16)
    made.save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n", "utf-8")
    (tmp_path / "ka.txt").write_text("\n".join(names("ka")), "utf-8")
    facts = extend_model(str(folder), out, [tmp_path / "ka.txt"], 200, "mean")
    found = transformers.AutoModelForMaskedLM.from_pretrained(out)
    table = found.get_input_embeddings().weight.detach().numpy()
    before = made.get_input_embeddings().weight.detach().float().numpy()
    assert table.shape == (facts["before"] + facts["pieces"], 8)
    np.testing.assert_array_equal(table[: facts["before"]], before)
    assert found.cls.predictions.bias.shape[0] == len(table)
    # All letters are unknown to it: what has no part with a row is drawn.
    assert facts["by"]["random"] > 0.9 * facts["pieces"]
    card = (out / "README.md").read_text("utf-8")
    assert card.startswith("---\nlicense: mit\n---\n")
    assert f"{facts['pieces']:,} pieces were added" in card


def write_vectors(path, own: list[str], vectors: np.ndarray) -> None:
    lines = (f"{w} {' '.join(map(str, v))}" for w, v in zip(own, vectors, strict=True))
    path.write_text("\n".join(lines), "utf-8")


def test_word_vectors_come_into_one_space_by_a_dictionary(tmp_path) -> None:
    rng = np.random.default_rng(0)
    theirs = rng.normal(size=(40, 6))
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    ours, new = [f"w{n}" for n in range(40)], [f"v{n}" for n in range(40)]
    paths = tmp_path / "new.vec", tmp_path / "known.vec"
    write_vectors(paths[0], new, theirs @ turn)
    write_vectors(paths[1], ours, theirs)
    dictionary = tmp_path / "words.txt"
    pairs = (f"{a}\t{b}" for a, b in zip(new[:20], ours[:20], strict=True))
    dictionary.write_text("\n".join(pairs), "utf-8")
    mapped = read_both(Aligned(vectors=paths, dictionary=dictionary))
    found = cosines(mapped[0].vectors, mapped[1].vectors)
    assert (found.argmax(1) == np.arange(40)).all()
    as_they_are = read_both(Aligned(vectors=paths))
    np.testing.assert_allclose(as_they_are[0].vectors, theirs @ turn)
    dictionary.write_text("x\ty\n", "utf-8")
    with pytest.raises(DataError, match="at least 2 of its pairs must have vectors"):
        read_both(Aligned(vectors=paths, dictionary=dictionary))


def test_rows_may_be_told_by_word_vectors(model, corpus, tmp_path) -> None:
    """In one space, where a word and its translation have the same vector."""
    vectors = np.random.default_rng(0).normal(size=(NUM_WORDS, 16))
    paths = tmp_path / "new.vec", tmp_path / "known.vec"
    write_vectors(paths[0], NEW, vectors)
    write_vectors(paths[1], KNOWN, vectors)
    given = str(model), tmp_path / "out", [corpus[0]], 60, "aligned"
    facts = extend_model(*given, Aligned(vectors=paths))
    assert facts["by"]["aligned"] >= 8
    assert np.mean(hits_of(tmp_path / "out")) > 0.8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "--texts: at least one"),
        (("--texts", "x", "--pieces", "3"), "--pieces: must be from 16"),
        (("--texts", "x", "--method", "aligned"), "one of them must be given for"),
        (("--texts", "x", "--pairs", "p"), "none for other methods; got 1 for overlap"),
        (
            ("--texts", "x", "--method", "aligned", "--vectors", "a"),
            "--vectors: two files must be given",
        ),
        (
            (
                "--texts",
                "x",
                "--method",
                "aligned",
                "--pairs",
                "p",
                "--dictionary",
                "d",
            ),
            "--dictionary: must stand with --vectors",
        ),
        (("--texts", "x", "--seed", "-1"), "--seed: must be at least 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message, tmp_path) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(["extend", "model", "--out", str(tmp_path / "out"), *options]).run()


def test_faulty_texts_are_refused(model, corpus, tmp_path) -> None:
    strange = tmp_path / "strange.txt"
    strange.write_text("kaka kiki " * 20, "utf-8")
    given = str(model), tmp_path / "out", [strange], 30
    with pytest.raises(DataError, match="at least 10 pieces of the model's own"):
        extend_model(*given, "overlap")
    with pytest.raises(DataError, match="every line must be a text, a tab and its"):
        extend_model(*given, "aligned", Aligned(pairs=corpus[0]))
    assert not (tmp_path / "out").exists()
