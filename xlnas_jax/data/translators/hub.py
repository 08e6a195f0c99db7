"""Texts translated by a network of `transformers`; no code of it is ever run.

References:
    Junczys-Dowmunt et al., "Marian", 2018. https://aclanthology.org/P18-4020
    NLLB Team, "No Language Left Behind", 2022. https://arxiv.org/abs/2207.04672
"""

import functools
import importlib.util
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xlnas_jax.config.augment.translators import HubTranslator
from xlnas_jax.data.translators.base import Texts, words_as_texts
from xlnas_jax.languages.codes import named, normalise
from xlnas_jax.supernet.locate import resolve
from xlnas_jax.types import ConfigError, DataError

# Where the card of a model says its licence.
_CARD, _LINES = "README.md", 40


class Network:
    """A translator by one network for every pair of languages, or one for all.

    Args:
        where: the option that names it.
    """

    def __init__(self, config: HubTranslator, where: str) -> None:
        if importlib.util.find_spec("torch") is None:
            raise ConfigError(
                f"{where}: networks of transformers run in torch, which is not "
                f"installed. pip install 'xlnas-jax[hf]'. Or translate before, into "
                f"files (kind: file)."
            )
        self._config, self._where = config, where
        self._codes = {normalise(code): own for code, own in config.codes.items()}
        self._load = functools.cache(self._read)

    def translate(self, texts: Texts, source: str, target: str) -> list[str | None]:
        """Texts of like length at once; the same in every run."""
        if not texts:
            return []
        tokenizer, model = self._load(source, target)
        order = sorted(range(len(texts)), key=lambda n: (len(texts[n]), n))
        found: list[str | None] = [None] * len(texts)
        size = self._config.batch_size
        for start in range(0, len(order), size):
            places = order[start : start + size]
            given = [texts[n] for n in places]
            for place, text in zip(
                places, self._run(tokenizer, model, given, target), strict=True
            ):
                found[place] = text.strip() or None
        return found

    def words(self, words: Texts, source: str, target: str) -> list[tuple[str, ...]]:
        """Each as a text by itself."""
        return words_as_texts(self, words, source, target)

    def licence(self, source: str, target: str) -> str:
        """As the model's card says it; empty where it does not."""
        card = self._folder(source, target) / _CARD
        if not card.is_file():
            return ""
        text = card.read_text(encoding="utf-8", errors="replace")
        for line in text.splitlines()[:_LINES]:
            if line.startswith("license:"):
                return line.removeprefix("license:").strip()
        return ""

    def _run(
        self, tokenizer: Any, model: Any, texts: Sequence[str], target: str
    ) -> list[str]:
        import torch

        config = self._config
        options: dict[str, Any] = {}
        if self._codes:
            own = self._codes[target]
            options["forced_bos_token_id"] = tokenizer.convert_tokens_to_ids(own)
        given = tokenizer(
            list(texts),
            return_tensors="pt",
            padding=True,
            truncation=True,
            max_length=config.max_length,
        )
        inputs = {name: given[name] for name in ("input_ids", "attention_mask")}
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # theirs
            made = model.generate(
                **inputs,
                num_beams=config.beams,
                do_sample=False,
                max_length=config.max_length,
                **options,
            )
        return tokenizer.batch_decode(made, skip_special_tokens=True)

    def _folder(self, source: str, target: str) -> Path:
        path = self._config.path.replace("{source}", source)
        path = path.replace("{target}", target)
        try:
            return resolve(path, self._config.revision)
        except ConfigError as error:
            reason = str(error).removeprefix("model.path: ")
            raise ConfigError(f"{self._where}.path: {reason}") from error

    def _read(self, source: str, target: str) -> tuple[Any, Any]:
        """Tokenizer and network of a pair of languages."""
        import transformers

        for code in (source, target) if self._codes else ():
            if code not in self._codes:
                raise ConfigError(
                    f"{self._where}.codes: must say what {named(code)} is called in "
                    f"the network; got codes of {', '.join(self._codes)}. Add it."
                )
        folder = str(self._folder(source, target))
        own = {"src_lang": self._codes[source]} if self._codes else {}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tokenizer = transformers.AutoTokenizer.from_pretrained(
                    folder, trust_remote_code=False, **own
                )
                model = transformers.AutoModelForSeq2SeqLM.from_pretrained(
                    folder, trust_remote_code=False, use_safetensors=True
                )
        except (OSError, ValueError, ImportError, KeyError) as error:
            reason = str(error).strip().splitlines()[0]
            raise DataError(
                f"{self._where}: {folder} must hold a network that translates, with "
                f"its tokenizer, in safetensors; transformers says: {reason} Give "
                f"another one; for most of Marian's, pip install sentencepiece."
            ) from error
        return tokenizer, model.eval()
