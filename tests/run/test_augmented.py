"""A search whose rows are in two languages at once ends as any other, and says so."""

import json

import pytest

import xlnas_jax
from tests.experiments import RANDOM, tiny_config
from xlnas_jax.config.augment.translators import DictionaryTranslator
from xlnas_jax.config.augment.ways import CodeSwitch
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.search import SearchConfig
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.data import sources
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.run.run import run_search

LANGUAGES = LanguagesConfig(
    source="en",
    aux_heldout=("pt", "it"),
    target=("es", "ca"),
    unlabelled=("es",),
    target_text=True,
)
WORDS = "south sur\nkorean coreano\ndollar dólar\nislands islas\nfranc franco\n"


@pytest.mark.slow
def test_a_search_learns_from_switched_words_and_says_whose(tmp_path) -> None:
    (tmp_path / "en-es.txt").write_text(WORDS, "utf-8")
    translator = DictionaryTranslator(f"{tmp_path}/{{source}}-{{target}}.txt", least=5)
    way = CodeSwitch(translator, languages=("es",), rate=1.0, share=0.05)
    config = tiny_config(
        languages=LANGUAGES,
        controller=RANDOM,
        train=TrainConfig(batch_size=16, pretune_steps=4, num_random=1, augment=(way,)),
        search=SearchConfig(rounds=1, weight_steps=3, population=6, archive_size=16),
    )
    (part,) = prepare(config).parts
    texts = sources.read_learnt(part.source, part.roles).texts
    spanish = set(WORDS.split()[1::2])
    assert all(spanish & set(text.lower().split()) for text in texts[80:])

    document, model = run_search(config, tmp_path / "run")
    kept = json.loads((tmp_path / "run" / "front.json").read_text("utf-8"))
    (task,) = kept["tasks"].values()
    (made,) = task["augmented"]
    assert made["kind"] == "code_switch" and made["languages"] == ["es"]
    assert made["counts"]["rows added"] == len(texts) - 80 == 4
    assert task["roles"]["target_text"] is True
    assert task["rows"]["train"]["en"]["kept"] == 80
    assert str(tmp_path) not in json.dumps(kept["tasks"])
    assert document["tasks"] == kept["tasks"]
    card = (model / "README.md").read_text("utf-8")
    assert "4 training rows were made of others by code_switch" in card
    assert "Text of es was among it" in card
    assert len(xlnas_jax.load(model).predict(["nuevo euro"])) == 1
