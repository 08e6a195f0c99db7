"""Models that answer as one: by mean probabilities, and equal ones as each of them."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from tests.export.conftest import OWN_HEADS, TAGS, Tiny, sentences
from xlnas_jax.data.batches.rows import with_max_length
from xlnas_jax.export.ensemble import Ensemble, mean_of, mean_of_known
from xlnas_jax.export.evaluation import evaluate_model
from xlnas_jax.export.labelled import read_file
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.types import ConfigError, DataError

TEXTS = [text for text in sentences(18) if text]
QUESTIONS = ["who walk", "the old city of"]
CONTEXTS = [" ".join(TEXTS[:2]), TEXTS[0]]


def other_of(tiny: Tiny, task: str, heads: tuple[str, ...] = ()) -> Subnet:
    """Another architecture of the same task."""
    return (tiny.of(task, heads) if task != tiny.task else tiny).subnet(tiny.rows[2])


@pytest.fixture(scope="module")
def pairs(tiny, subnet, tagger, reader) -> dict[str, tuple[Subnet, Subnet]]:
    return {
        "classification": (subnet, other_of(tiny, "classification")),
        "tagging": (tagger, other_of(tiny, "tagging", OWN_HEADS)),
        "qa": (reader, other_of(tiny, "qa")),
    }


def asked(model, num_best: int = 3) -> list:
    if model.task == "qa":
        return model.predict(QUESTIONS, CONTEXTS, num_best=num_best)
    return model.predict(TEXTS)


@pytest.mark.parametrize("task", ["classification", "tagging", "qa"])
def test_equal_members_answer_as_each_of_them_bit_for_bit(pairs, task) -> None:
    one, other = pairs[task]
    assert asked(Ensemble([one, one, one])) == asked(one)
    assert asked(Ensemble([one, other])) != asked(one)


def test_probabilities_of_classes_are_means(pairs) -> None:
    members = pairs["classification"]
    every = [softmax(one.logits(TEXTS).astype(float), -1) for one in members]
    expected = np.mean(every, 0)
    for found, row in zip(asked(Ensemble(members)), expected, strict=True):
        np.testing.assert_allclose(list(found.scores.values()), row, rtol=1e-12)
        assert found.label == members[0].labels[row.argmax()]
        assert found.probability == max(found.scores.values())


def test_tags_are_the_likeliest_by_the_mean_of_each_word(pairs) -> None:
    members = pairs["tagging"]
    found = Ensemble(members).predict(TEXTS, language="sw")
    words = [text.split() for text in TEXTS]
    every = [one.tag_probabilities(words, language="sw") for one in members]
    ours, theirs = every
    changed = False
    for one, mine, other in zip(found, ours, theirs, strict=True):
        is_read = np.isfinite(mine).all(-1)
        mean = (mine + other) / 2
        expected = np.where(is_read, mean[:, :].argmax(-1), TAGS.index("O"))
        assert one.tags == tuple(TAGS[tag] for tag in expected)
        changed |= bool((mine.argmax(-1) != mean.argmax(-1))[is_read].any())
    assert changed  # the mean says what the first alone does not


def test_a_word_that_one_member_alone_reads_is_tagged_by_that(pairs) -> None:
    long, _ = pairs["tagging"]
    short = Subnet(
        long.weights,
        *(long.shape, long.pooling, long.labels),
        with_max_length(long.tokenizer, 6),
        task="tagging",
        own_heads=OWN_HEADS,
    )
    text = max(TEXTS, key=len)
    own, cut = long.predict(text)[0], short.predict(text)[0]
    assert cut.num_unread > own.num_unread
    (both,) = Ensemble([short, long]).predict(text)
    assert both.num_unread == own.num_unread
    unread = len(cut.words) - cut.num_unread
    assert both.tags[unread:] == own.tags[unread:]


def test_an_answer_has_the_mean_of_what_members_give_it(pairs) -> None:
    members = pairs["qa"]
    found = asked(Ensemble(members), num_best=20)
    lists = [asked(one, num_best=20) for one in members]
    for both, *own in zip(found, *lists, strict=True):
        chances: dict[str, float] = {}
        for one in own:
            for answer in (one, *one.others):
                chances[answer.text] = (
                    chances.get(answer.text, 0.0) + answer.probability / 2
                )
        ours = {one.text: one.probability for one in (both, *both.others)}
        for text, chance in ours.items():
            assert chance == pytest.approx(chances[text], rel=1e-12)
        assert both.probability == pytest.approx(max(chances.values()))


def test_the_mean_of_known_rows_is_that_of_numpy() -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.random((6, 3)) for _ in range(4)]
    np.testing.assert_allclose(mean_of(arrays), np.mean(arrays, 0), rtol=1e-14)
    for number, one in enumerate(arrays):
        one[number] = np.nan
    arrays[0][5] = arrays[1][5] = arrays[2][5] = arrays[3][5] = np.nan
    found = mean_of_known(arrays)
    known = np.asarray(arrays)[:, :5]
    np.testing.assert_allclose(found[:5], np.nanmean(known, 0), rtol=1e-14)
    assert np.isnan(found[5]).all()


def test_members_must_say_the_same(pairs, tiny) -> None:
    (one, _), (tagger, _) = pairs["classification"], pairs["tagging"]
    with pytest.raises(ConfigError, match="got task 'tagging' of model 2"):
        Ensemble([one, tagger])
    renamed = tiny.subnet(tiny.rows[1])
    renamed.labels = ("territory", "script", "language")
    with pytest.raises(ConfigError, match=r"got labels .* of model 3, and"):
        Ensemble([one, one, renamed])
    vectors = tiny.subnet(tiny.rows[1])
    vectors.task = "retrieval"
    with pytest.raises(ConfigError, match="a space of their own"):
        Ensemble([vectors, vectors])


def test_what_one_model_refuses_several_do_too(pairs) -> None:
    with pytest.raises(DataError, match="num_best belong to question answering"):
        Ensemble(pairs["classification"]).predict(TEXTS, num_best=2)


def written(task: str, model: Subnet, folder: Path) -> Path:
    """Gold of which the model alone is right about a part."""
    if task == "classification":
        rows = [f"{text}\t{model.labels[n % 3]}" for n, text in enumerate(TEXTS)]
        path = folder / "gold.tsv"
        path.write_text("\n".join(["text\tlabel", *rows]))
    elif task == "tagging":
        found = model.predict(TEXTS, language="sw")
        blocks = [
            "\n".join(map(" ".join, zip(f.words, f.tags, strict=True))) for f in found
        ]
        path = folder / "gold.txt"
        path.write_text("\n\n".join(blocks) + "\n")
    else:
        answers = [{"text": c[:8], "answer_start": 0} for c in CONTEXTS]
        paragraphs = [
            {"context": c, "qas": [{"id": str(n), "question": q, "answers": [a]}]}
            for n, (q, c, a) in enumerate(
                zip(QUESTIONS, CONTEXTS, answers, strict=True)
            )
        ]
        path = folder / "gold.json"
        path.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
    return path


@pytest.mark.parametrize("task", ["classification", "tagging", "qa"])
def test_scores_of_equal_members_are_those_of_each(pairs, task, tmp_path) -> None:
    one, other = pairs[task]
    parts = read_file(written(task, one, tmp_path), one, ("fi",))
    alone = evaluate_model(one, parts)
    assert evaluate_model(Ensemble([one, one]), parts) == alone
    if task != "qa":  # two questions may well be answered alike
        assert evaluate_model(Ensemble([one, other]), parts) != alone
