"""A tiny Marian network of random weights translates, the same every time."""

import json
import shutil
from pathlib import Path

import pytest
import safetensors.torch

from tests.data.translators.test_parallel import ROWS
from xlnas_jax.config.augment.translators import HubTranslator
from xlnas_jax.data.examples import Source
from xlnas_jax.data.translators.base import Named
from xlnas_jax.data.translators.registry import make_translator
from xlnas_jax.types import ConfigError, DataError

torch = pytest.importorskip("torch")
# What it takes is to import all of what transformers generates text by.
pytestmark = pytest.mark.slow
WORDS = ("one", "two", "three", "un", "deux", "trois", "quatre", "cinq")
SPECIAL = ("</s>", "<unk>", "<pad>", "eng_Latn", "fra_Latn")
SOURCE = Source((), lambda: (), lambda *_: ROWS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    import tokenizers
    import transformers

    root = tmp_path_factory.mktemp("marian") / "opus-en-fr"
    vocabulary = {word: n for n, word in enumerate((*SPECIAL, *WORDS))}
    model = tokenizers.models.WordLevel(vocabulary, unk_token="<unk>")
    backend = tokenizers.Tokenizer(model)
    backend.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    backend.post_processor = tokenizers.processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 0)]
    )
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="</s>", unk_token="<unk>", pad_token="<pad>"
    )
    fast.save_pretrained(root)
    torch.manual_seed(0)
    config = transformers.MarianConfig(
        vocab_size=len(vocabulary),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        max_position_embeddings=32,
        pad_token_id=2,
        eos_token_id=0,
        decoder_start_token_id=2,
        forced_eos_token_id=0,
        init_std=1.0,
    )
    transformers.MarianMTModel(config).save_pretrained(root)
    card = "---\nlanguage: fr\nlicense: cc-by-nc-4.0\n---\n"
    (root / "README.md").write_text(card, "utf-8")
    return root


def made(folder: Path, **options) -> Named:
    path = str(folder).replace("en-fr", "{source}-{target}")
    config = HubTranslator(path, max_length=12, **options)
    return make_translator(config, SOURCE, ROWS, "here")


TEXTS = ["one two three", "two", "three one", "one one one two"]


def test_texts_are_those_that_the_library_gives(folder) -> None:
    import transformers

    found = made(folder, batch_size=3).translate(TEXTS, "en", "fr")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    for text, one in zip(TEXTS, found, strict=True):
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        made_ids = model.generate(ids, num_beams=1, do_sample=False, max_length=12)
        assert one == tokenizer.decode(made_ids[0], skip_special_tokens=True)
    assert len(set(found)) > 1
    assert found == made(folder, batch_size=1).translate(TEXTS, "en", "fr")


def test_the_licence_of_its_card_is_said(folder) -> None:
    assert made(folder).by("en", ("fr",)).endswith("(licence: cc-by-nc-4.0)")


def test_a_network_of_many_languages_is_told_which_one(folder) -> None:
    """Its first word is the code of the language, whatever the weights say."""
    translator = made(folder, codes={"en": "eng_Latn", "fr": "fra_Latn"})
    (found,) = translator.translate(["one"], "en", "fr")
    assert found is not None and found.split()[0] == "fra_Latn"
    with pytest.raises(ConfigError, match=r"codes: must say what German"):
        translator.translate(["one"], "en", "de")


def test_weights_in_a_pickle_are_not_read(folder, tmp_path) -> None:
    own = tmp_path / "opus-en-fr"
    shutil.copytree(folder, own)
    weights = own / "model.safetensors"
    torch.save(safetensors.torch.load_file(weights), own / "pytorch_model.bin")
    weights.unlink()
    with pytest.raises(DataError, match="in safetensors; transformers says"):
        made(own).translate(["one"], "en", "fr")


def test_what_is_no_network_is_refused_in_one_paragraph(folder, tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"^here\.path: .*no directory"):
        made(tmp_path / "opus-en-fr").translate(["one"], "en", "fr")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}), "utf-8")
    with pytest.raises(DataError, match="must hold a network that translates") as error:
        made(tmp_path).translate(["one"], "en", "fr")
    assert "\n" not in str(error.value)
