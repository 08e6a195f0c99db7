"""A Unigram vocabulary from word counts, the same bytes every time.

The trainer inside `tokenizers` breaks ties in the order of a randomly seeded
hash map, so that two runs differ; a run that resumes must not.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping

import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors

from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.types import ConfigError

Pieces = dict[str, float]
_MAX_PIECE = 12
_SEEDS_PER_PIECE = 4
_KEEP = 0.7
_EM_STEPS = 2
_UNKNOWN = "<unk>"
_MAX_CHARACTERS = 100_000


def train_unigram(words: Mapping[str, int], size: int) -> list[tuple[str, float]]:
    """At most `size` pieces and their log probabilities, most probable first.

    Hard expectation maximisation on the best segmentations, then pruning of the
    pieces that cost the least likelihood, in turn until few enough are left.
    Characters stay, up to half of the vocabulary.

    References:
        Kudo, "Subword regularization", 2018. https://arxiv.org/abs/1804.10959
    """
    words = {word: words[word] for word in sorted(words)}
    characters = _characters(words, size // 2)
    pieces = _seed(words, characters, size * _SEEDS_PER_PIECE)
    pieces, counts = _fit(words, pieces, characters)
    while len(pieces) > size:
        kept = max(size, int(len(pieces) * _KEEP))
        pieces = _prune(counts, pieces, characters, kept)
        pieces, counts = _fit(words, pieces, characters)
    return sorted(pieces.items(), key=lambda item: (-item[1], item[0]))


def _characters(words: Mapping[str, int], limit: int) -> frozenset[str]:
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for character in word:
            counts[character] += count
    ranked = sorted(counts, key=lambda character: (-counts[character], character))
    return frozenset(ranked[:limit])


def _seed(words: Mapping[str, int], characters: frozenset[str], limit: int) -> Pieces:
    """The substrings that cover most text, each seen at least twice."""
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for start in range(len(word)):
            for end in range(start + 1, min(len(word), start + _MAX_PIECE) + 1):
                counts[word[start:end]] += count
    longer = [piece for piece in counts if len(piece) > 1 and counts[piece] > 1]
    longer.sort(key=lambda piece: (-counts[piece] * len(piece), piece))
    chosen = sorted(characters) + longer[: max(0, limit - len(characters))]
    total = sum(counts[piece] for piece in chosen)
    return {piece: math.log(counts[piece] / total) for piece in chosen}


def _fit(
    words: Mapping[str, int], pieces: Pieces, characters: frozenset[str]
) -> tuple[Pieces, Counter[str]]:
    counts: Counter[str] = Counter()
    for _ in range(_EM_STEPS):
        counts = _count(words, pieces)
        pieces = _maximise(counts, pieces, characters)
    return pieces, counts


def _count(words: Mapping[str, int], pieces: Pieces) -> Counter[str]:
    """How often each piece is used by the best segmentations."""
    vocabulary = [(_UNKNOWN, 0.0), *pieces.items()]
    model = tokenizers.Tokenizer(tokenizers.models.Unigram(vocabulary, unk_id=0))
    counts: Counter[str] = Counter()
    segmented = model.encode_batch(list(words), add_special_tokens=False)
    for encoding, count in zip(segmented, words.values(), strict=True):
        for piece in encoding.ids:
            counts[vocabulary[piece][0]] += count
    return counts


def _maximise(
    counts: Counter[str], pieces: Pieces, characters: frozenset[str]
) -> Pieces:
    """New log probabilities; unused pieces go, unused characters become rare."""
    kept = {
        piece: counts[piece] or 0.5
        for piece in pieces
        if counts[piece] or piece in characters
    }
    total = sum(kept.values())
    return {piece: math.log(count / total) for piece, count in kept.items()}


def _prune(
    counts: Counter[str], pieces: Pieces, characters: frozenset[str], size: int
) -> Pieces:
    """Keep `size` pieces: those whose loss would cost the most likelihood."""
    worst = min(pieces.values()) - 10  # of a character outside the vocabulary
    loss = {
        piece: counts[piece] * (score - _without(piece, pieces, worst))
        for piece, score in pieces.items()
        if piece not in characters
    }
    ranked = sorted(loss, key=lambda piece: (-loss[piece], piece))
    kept = characters | set(ranked[: size - len(characters)])
    return {piece: score for piece, score in pieces.items() if piece in kept}


def _without(piece: str, pieces: Pieces, worst: float) -> float:
    """Log probability of the best segmentation that does not use `piece`."""
    best = [0.0] + [-math.inf] * len(piece)
    for end in range(1, len(piece) + 1):
        for start in range(end):
            part = piece[start:end]
            score = pieces.get(part, worst if len(part) == 1 else -math.inf)
            if part != piece:
                best[end] = max(best[end], best[start] + score)
    return best[-1]


def train_tokenizer(
    texts: Iterable[str], vocab_size: int, max_length: int
) -> Tokenizer:
    """Train a Unigram tokenizer with XLM-R's special tokens and templates.

    The same texts give the same bytes, in whatever order they come.
    """
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    if vocab_size <= 2 * len(specials):
        raise ConfigError(
            f"model.vocab_size: must leave room for pieces beside {specials}; got "
            f"{vocab_size}. Use some thousands."
        )
    normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Replace(tokenizers.Regex(r"\s+"), " "),
            normalizers.Strip(),
        ]
    )
    splitter = pre_tokenizers.Metaspace()
    words: Counter[str] = Counter()
    for text in texts:
        # Of a text of megabytes a part says enough.
        normal = normalizer.normalize_str(text[:_MAX_CHARACTERS])
        pieces = splitter.pre_tokenize_str(normal)
        words.update(piece for piece, _ in pieces)
    learned = train_unigram(words, vocab_size - len(specials))
    vocabulary = [(special, 0.0) for special in specials] + learned
    backend = tokenizers.Tokenizer(models.Unigram(vocabulary, unk_id=3))
    backend.add_special_tokens(specials)
    backend.normalizer = normalizer
    backend.pre_tokenizer = splitter
    backend.decoder = decoders.Metaspace()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return Tokenizer(backend, pad_id=1, unk_id=3, max_length=max_length)
