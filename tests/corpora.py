"""Tiny corpora of tagged sentences and questions, in files, for whole searches."""

import json
from pathlib import Path

import numpy as np

NAMES = {
    "PER": ("ana", "bo", "chen", "dita", "eli"),
    "LOC": ("paris", "quito", "rabat", "seoul", "tunis"),
}
WORDS = ("went", "to", "from", "saw", "the", "old", "river", "and", "then", "left")
LANGUAGES = ("en", "fr", "pt", "it", "es", "ca")
SPLITS = ("train", "dev", "test")


def sentence(rng: np.random.Generator) -> list[tuple[str, str]]:
    """Words with their tags; a name now and then."""
    words = []
    for _ in range(rng.integers(3, 9)):
        kind = rng.choice(["PER", "LOC", "O", "O"])
        if kind == "O":
            words.append((str(rng.choice(WORDS)), "O"))
        else:
            words.append((str(rng.choice(NAMES[kind])), f"B-{kind}"))
    return words


def write_tagged(folder: Path, num: int = 24) -> Path:
    """`LANGUAGE/SPLIT.txt` in two columns."""
    rng = np.random.default_rng(0)
    for language in LANGUAGES:
        (folder / language).mkdir(parents=True)
        for split in SPLITS:
            blocks = [
                "\n".join(f"{word} {tag}" for word, tag in sentence(rng))
                for _ in range(num)
            ]
            path = folder / language / f"{split}.txt"
            path.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")
    return folder


def write_questions(folder: Path, num: int = 16) -> Path:
    """SQuAD files: who went where? One context is longer than a window."""
    rng = np.random.default_rng(1)
    for split in SPLITS:
        for language in LANGUAGES:
            paragraphs = []
            for number in range(num):
                size = 60 if number == 0 else int(rng.integers(4, 12))
                words = [str(rng.choice(WORDS)) for _ in range(size)]
                place = int(rng.integers(0, size))
                words[place] = str(rng.choice(NAMES["LOC"]))
                start = len(" ".join(words[:place])) + (place > 0)
                answer = {"text": words[place], "answer_start": start}
                asked = {
                    "id": f"q{number}",
                    "question": "where to",
                    "answers": [answer],
                }
                paragraphs.append({"context": " ".join(words), "qas": [asked]})
            content = {"data": [{"title": "t", "paragraphs": paragraphs}]}
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{split}.{language}.json"
            path.write_text(json.dumps(content), encoding="utf-8")
    return folder
