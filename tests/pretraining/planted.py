"""A tiny language and another with other words for the same, and a run on both."""

from pathlib import Path
from typing import Any

import numpy as np

from xlnas_jax.config.checkpoint import CheckpointConfig
from xlnas_jax.config.data import SetData
from xlnas_jax.config.devices import DevicesConfig
from xlnas_jax.config.model import ScratchModel
from xlnas_jax.config.pretraining.pretrain import PretrainConfig, Pretraining
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.config.texts import LineTexts
from xlnas_jax.config.tokens import TokensConfig

NUM_WORDS, WORDS_A_TEXT = 24, 7
SYLLABLES = {"en": "ba be bi bo bu da", "fr": "ka ke ki ko ku ta"}


def words(language: str) -> list[str]:
    """Each meaning has one word in each language; they share no syllable."""
    parts = SYLLABLES[language].split()
    return [parts[n // 6] + parts[n % 6] for n in range(NUM_WORDS)]


def meanings(num: int, seed: int) -> np.ndarray:
    """Sentences as numbers of words: after each word come three others at most."""
    rng = np.random.default_rng(seed)
    rows = np.zeros((num, WORDS_A_TEXT), int)
    rows[:, 0] = rng.integers(0, NUM_WORDS, num)
    for place in range(1, WORDS_A_TEXT):
        step = rng.integers(1, 4, num)
        rows[:, place] = (5 * rows[:, place - 1] + step) % NUM_WORDS
    return rows


def write_corpus(folder: Path, num_texts: int = 240, num_pairs: int = 160) -> None:
    """Plain text of both languages, of other sentences each, and parallel verses."""
    pairs = meanings(num_pairs, 9)
    for number, language in enumerate(SYLLABLES):
        own = words(language)
        texts = [" ".join(own[n] for n in row) for row in meanings(num_texts, number)]
        (folder / f"{language}.txt").write_text("\n".join(texts) + "\n")
        verses = (" ".join(own[n] for n in row) for row in pairs)
        lines = (f"GEN.1.{n}\t{text}\n" for n, text in enumerate(verses))
        (folder / f"{language}.tsv").write_text("".join(lines))


def make_config(folder: Path, model: Any = None, **changes: Any) -> Pretraining:
    """All three losses on what `write_corpus` wrote; a step takes milliseconds."""
    rest = {n: changes.pop(n) for n in ("devices", "seed") if n in changes}
    values: dict[str, Any] = {
        "languages": ("en", "fr"),
        "texts": (LineTexts(f"{folder}/{{language}}.txt"),),
        "pairs": (SetData("bible", path=str(folder)),),
        "heldout": 12,
        "pseudo": 2,
        "mlm": 0.5,
        "tlm": 0.25,
        "ranking": 0.25,
        "steps": 6,
        "every": 2,
        "batch_size": 16,
        "num_random": 1,
        "learning_rate": 3e-3,
        "dropout": 0.0,
    }
    small = ScratchModel(layers=2, width=32, heads=2, ffn=64, vocab_size=90)
    return Pretraining(
        model=small if model is None else model,
        pretrain=PretrainConfig(**values | changes),
        tokens=TokensConfig(max_length=32, num_buckets=1, train_buckets=1),
        space=SpaceConfig(heads=(1, 2), ffn=(32, 64)),
        checkpoint=CheckpointConfig(every=1, keep=3),
        **{"devices": DevicesConfig(pop=1), **rest},
    )
