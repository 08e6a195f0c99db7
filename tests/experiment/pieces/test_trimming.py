"""A trimmed encoder is the whole one on the texts that it was trimmed by."""

import dataclasses
import json
import re
from collections import Counter
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from tests.data.tokens.trimming.material import names, trained
from tests.experiment.encoders import (
    EXACT,
    LANGUAGES,
    LENGTH,
    SPARE_ROWS,
    make,
    padded,
    save_encoder,
    trimmed_config,
    with_specials_last,
    write_texts,
)
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.model import VocabularyConfig
from xlnas_jax.config.tasks import TaskConfig
from xlnas_jax.config.texts import OWN, LineTexts, OwnTexts
from xlnas_jax.config.tokens import TokensConfig
from xlnas_jax.data.tokens.trimming.cutting import cut
from xlnas_jax.experiment.inspection import inspect_data, remarks
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.pieces import trimming
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.experiment.weights import import_params, init_params
from xlnas_jax.supernet import pretrained
from xlnas_jax.supernet.encoder import encode_full
from xlnas_jax.supernet.layers import embed
from xlnas_jax.supernet.mlm import load_mlm_head, mlm_logits
from xlnas_jax.supernet.params import EncoderParams
from xlnas_jax.supernet.pretrained import load_encoder, load_words, read_shape
from xlnas_jax.types import ConfigError, DataError

# Two float32 programs that add in different orders, over two layers.
TOLERANCE = 1e-4


def kept_of(experiment: Experiment) -> np.ndarray:
    assert experiment.vocabulary and experiment.vocabulary.trimming
    return experiment.vocabulary.trimming.kept


def hidden_states(encoder: EncoderParams, shape, tokens, mask) -> jax.Array:
    segments = jnp.zeros_like(tokens)
    x = embed(encoder.embeddings, shape, tokens, segments, jnp.float32)
    return encode_full(encoder.layers, shape, x, mask)


FAR = "Unigram, specials last"
ENCODERS = {
    "WordPiece": "bert",
    "Unigram": "xlm-roberta",
    "BPE": "xlm-roberta",
    FAR: "xlm-roberta",
}


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parity
def test_vectors_and_logits_are_those_of_the_whole_model_in_torch(
    kind: str, tmp_path: Path
) -> None:
    whole = with_specials_last(trained("Unigram")) if kind == FAR else trained(kind)
    oracle = save_encoder(tmp_path / "model", ENCODERS[kind], whole)
    data = write_texts(tmp_path / "data")
    experiment = prepare(trimmed_config(tmp_path / "model", data, EXACT))
    shape, kept = experiment.shape, kept_of(experiment)
    encoder = import_params(experiment).encoder
    texts = [*names("fr")[:6], *names("ru")[-6:], "", "Peru <pad> Chile"]
    # A text that spells padding has its tokens, too: it is a special piece.
    before = [
        one.ids for one in dataclasses.replace(whole, max_length=LENGTH).encode(texts)
    ]
    after = [one.ids for one in experiment.parts[0].tokenizer.encode(texts)]
    assert [kept[ids].tolist() for ids in after[:-1]] == before[:-1]
    assert len(kept) < whole.vocab_size
    tokens = padded(before, whole.pad_id)
    mask = np.arange(LENGTH)[None] < np.array([len(ids) for ids in before])[:, None]
    with torch.no_grad():
        expected = oracle(
            input_ids=torch.tensor(tokens).long(),
            attention_mask=torch.tensor(mask).long(),
            output_hidden_states=True,
        )

    ours = jnp.array(padded(after, shape.pad_id))
    hidden = hidden_states(encoder, shape, ours, jnp.array(mask))
    head = load_mlm_head(tmp_path / "model", read_shape(tmp_path / "model"))
    assert head is not None
    head = dataclasses.replace(head, bias=head.bias[kept])
    words = encoder.embeddings.word
    logits = mlm_logits(hidden, head, words, shape.norm_epsilon)

    theirs = expected.hidden_states[-1].numpy()
    assert np.abs(np.asarray(hidden) - theirs)[mask].max() < TOLERANCE
    theirs = expected.logits.numpy()[:, :, kept]
    assert np.abs(np.asarray(logits) - theirs)[mask].max() < TOLERANCE


def test_padding_is_renumbered_and_positions_begin_where_they_began(
    tmp_path: Path,
) -> None:
    whole = with_specials_last(trained("Unigram"))
    save_encoder(tmp_path / "model", "xlm-roberta", whole)
    data = write_texts(tmp_path / "data")
    experiment = prepare(trimmed_config(tmp_path / "model", data, EXACT))
    before, after = read_shape(tmp_path / "model"), experiment.shape
    assert after.position_offset == before.position_offset == whole.pad_id + 1
    assert after.max_length == before.max_length == LENGTH
    assert after.pad_id < before.pad_id
    assert kept_of(experiment)[after.pad_id] == before.pad_id
    assert experiment.parts[0].tokenizer.pad_id == after.pad_id


def test_the_padding_of_the_model_stays_where_the_tokenizer_has_another(
    tmp_path: Path,
) -> None:
    config = make(tmp_path, "WordPiece")
    before = kept_of(prepare(config))
    lost = next(id for id in range(trained("WordPiece").vocab_size) if id not in before)
    trained("WordPiece").save(tmp_path / "model")  # with its own padding
    file = tmp_path / "model" / "config.json"
    content = json.loads(file.read_text()) | {"pad_token_id": lost}
    file.write_text(json.dumps(content))
    experiment = prepare(config)
    kept = kept_of(experiment)
    assert kept[experiment.shape.pad_id] == lost
    assert kept[experiment.parts[0].tokenizer.pad_id] == trained("WordPiece").pad_id
    assert sorted([*before, lost]) == kept.tolist()


def test_costs_and_weights_have_the_rows_that_are_kept(tmp_path: Path) -> None:
    config = make(tmp_path)
    whole = prepare(
        dataclasses.replace(
            config, model=dataclasses.replace(config.model, vocabulary=None)
        )
    )
    trimmed = prepare(config)
    kept, rows = kept_of(trimmed), trained("Unigram").vocab_size + SPARE_ROWS
    assert whole.vocabulary is None
    assert (whole.shape.vocab_size, trimmed.shape.vocab_size) == (rows, len(kept))
    full = np.asarray(whole.space.flatten(whole.space.largest()))[None]
    before, after = whole.costs.counted(full), trimmed.costs.counted(full)
    saved = (rows - len(kept)) * whole.shape.width
    assert before["params"] - after["params"] == saved
    assert before["memory_bytes"] - after["memory_bytes"] == 4 * saved
    assert before["encoder_params"] == after["encoder_params"]
    assert before["flops"] == after["flops"]
    one, other = init_params(whole), init_params(trimmed)
    words = one.encoder.embeddings.word[kept]
    np.testing.assert_array_equal(other.encoder.embeddings.word, words)
    left, right = jax.tree.leaves(one), jax.tree.leaves(other)
    same = [np.array_equal(a, b) for a, b in zip(left, right, strict=True)]
    assert same.count(False) == 1


def test_rows_are_taken_from_the_whole_table(tmp_path: Path) -> None:
    make(tmp_path)
    folder = tmp_path / "model"
    shape = read_shape(folder)
    rows = np.array([5, 2, 9])
    encoder = load_encoder(folder, dataclasses.replace(shape, vocab_size=3), rows)
    whole = load_words(folder)
    assert whole.shape == (shape.vocab_size, shape.width)
    np.testing.assert_array_equal(encoder.embeddings.word, whole[rows])


def test_texts_of_test_splits_decide_nothing(tmp_path: Path) -> None:
    config = make(tmp_path)
    before = kept_of(prepare(config))
    text = names("el")[0]
    write_texts(tmp_path / "data", ru_test=text, en_test=text, fr_test=text)
    assert kept_of(prepare(config)).tolist() == before.tolist()
    for code, split in (("ru", "train"), ("ru", "dev"), ("fr", "train")):
        write_texts(tmp_path / "data", **{f"{code}_{split}": text})
        assert set(kept_of(prepare(config))) > set(before)


def test_languages_and_files_say_whose_texts_decide(tmp_path: Path) -> None:
    config = make(tmp_path)
    (tmp_path / "more.txt").write_text("\n".join(["", *names("el")]), encoding="utf-8")

    def kept(**options) -> set[int]:
        vocabulary = VocabularyConfig(**options)
        model = dataclasses.replace(config.model, vocabulary=vocabulary)
        found = prepare(dataclasses.replace(config, model=model))
        known = found.vocabulary
        assert known is not None
        assert known.languages == options.get("languages", ("en", "fr", "ru"))
        assert known.num_files == len(options.get("files", ()))
        return set(kept_of(found).tolist())

    every, english = kept(), kept(languages=("eng_Latn",))
    assert english < kept(languages=("en", "ru")) < every
    more = kept(files=(f"{tmp_path}/more.txt",))
    whole = trained("Unigram").backend
    used = set(np.concatenate(cut(whole, names("el"))).tolist())
    assert more == every | used
    assert used - every


def test_text_without_labels_decides_too(tmp_path: Path) -> None:
    languages = dataclasses.replace(LANGUAGES, unlabelled=("el", "fr"))
    places = LineTexts(f"{tmp_path}/{{language}}.txt"), OwnTexts()
    config = dataclasses.replace(make(tmp_path), languages=languages, texts=places)
    (tmp_path / "el.txt").write_text("\n".join(names("el")[1:]), encoding="utf-8")
    (tmp_path / "fr.txt").write_text(names("el")[0], encoding="utf-8")
    found = prepare(config)
    assert found.vocabulary and found.vocabulary.languages == ("en", "fr", "ru", "el")
    plain = dataclasses.replace(config, languages=LANGUAGES, texts=OWN)
    used = np.concatenate(cut(trained("Unigram").backend, names("el")))
    assert set(kept_of(found)) == {*kept_of(prepare(plain)), *used}
    (tmp_path / "el.txt").unlink()
    with pytest.raises(DataError, match=r"unlabelled: there must be text of Greek"):
        prepare(config)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"languages": ("xho",)}, r"languages: .* one of the data; got Xhosa \(xh\)"),
        ({"languages": ("?",)}, "language code: must look like"),
        ({"files": ("nowhere.txt",)}, r"nowhere\.txt \(from .*readable file"),
        ({"files": ("empty.txt",)}, r"empty\.txt: must hold texts, one a line"),
        ({"files": ("latin.txt",)}, r"latin\.txt, line 1: the text must be UTF-8"),
    ],
)
def test_texts_that_are_not_there_are_named(
    options: dict, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.txt").write_text("\n \n")
    Path("latin.txt").write_bytes(b"caf\xe9\n")
    config = make(tmp_path, vocabulary=VocabularyConfig(**options))
    with pytest.raises((ConfigError, DataError), match=message):
        prepare(config)


def test_a_language_of_which_there_is_a_test_split_alone_is_named(
    tmp_path: Path,
) -> None:
    config = make(tmp_path)
    for split in ("train", "dev"):
        (tmp_path / f"data/ru/{split}.jsonl").unlink()
    with pytest.raises(DataError, match=r"in a split of train, dev.*got none of Russ"):
        prepare(config)
    vocabulary = VocabularyConfig(languages=("en", "fr"))
    model = dataclasses.replace(config.model, vocabulary=vocabulary)
    assert prepare(dataclasses.replace(config, model=model)).vocabulary


def test_a_faulty_row_is_not_passed_over(tmp_path: Path) -> None:
    config = make(tmp_path)
    with (tmp_path / "data/ru/dev.jsonl").open("a") as file:
        file.write('{"text": \n')
    with pytest.raises(DataError, match=r"dev\.jsonl, line"):
        prepare(config)


def test_texts_with_more_tokens_are_told_and_no_error(tmp_path: Path) -> None:
    exact = prepare(make(tmp_path))
    config = make(tmp_path, vocabulary=VocabularyConfig(min_count=8))
    found = prepare(config)
    assert len(kept_of(found)) < len(kept_of(exact))
    assert exact.vocabulary and found.vocabulary
    assert exact.vocabulary.most_grown[1] == 0.0
    assert {one.num_others for one in exact.vocabulary.compared.values()} == {0}
    name, growth = found.vocabulary.most_grown
    lines = remarks(found, inspect_data(found))
    expected = rf"{name}: model.vocabulary leaves {100 * growth:.1f} % more tokens in "
    assert re.match(expected, lines[0])
    lines = remarks(exact, inspect_data(exact))
    assert not any("model.vocabulary" in one for one in lines)
    import_params(found)  # what is still cut as before has its vectors


def test_a_covered_text_that_is_cut_otherwise_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, choose = trained("Unigram").backend, trimming.choose
    counts = [
        Counter(np.concatenate(cut(whole, names(code))).tolist())
        for code in ("ru", "en", "fr")
    ]
    lost = next(
        id
        for id, _ in counts[0].most_common()
        if len(whole.id_to_token(id)) > 2 and not counts[1][id] + counts[2][id]
    )

    def forgetful(kind, model, counts, *rest):
        kept = choose(kind, model, counts, *rest)
        return kept[kept != lost]

    monkeypatch.setattr(trimming, "choose", forgetful)
    with pytest.raises(ConfigError, match=r"must be cut as before; got \[.* of ru\. "):
        prepare(make(tmp_path))


def test_another_row_of_the_word_table_is_found_out(tmp_path: Path) -> None:
    experiment = prepare(make(tmp_path))
    known = experiment.vocabulary
    assert known and known.trimming
    kept = known.trimming.kept
    mixed = np.concatenate([kept[:5], np.roll(kept[5:], 1)])

    load = pretrained.load_encoder
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretrained, "load_encoder", lambda d, s, _: load(d, s, mixed))
        with pytest.raises(ConfigError, match=r"a difference of .* of ..\. "):
            import_params(experiment)
    import_params(experiment)


@pytest.mark.parametrize("kind", ["Unigram", "BPE"])
def test_texts_are_counted_and_checked_with_what_stands_before_them(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = TokensConfig(max_length=LENGTH, prefix="Ελλάδα: ")
    more = names("el")[:12]
    (tmp_path / "more.txt").write_text("\n".join(more), encoding="utf-8")
    files = VocabularyConfig(files=(f"{tmp_path}/more.txt",))
    experiment = prepare(make(tmp_path, kind, files, tokens=tokens))
    part, kept = experiment.parts[0], kept_of(experiment)
    whole = dataclasses.replace(trained(kind), max_length=LENGTH, prefix=tokens.prefix)
    texts = [*names("ru")[-12:], *more]
    before, after = whole.encode(texts), part.tokenizer.encode(texts)
    assert [kept[one.ids].tolist() for one in after] == [one.ids for one in before]

    mixed = np.concatenate([kept[:5], np.roll(kept[5:], 1)])
    load = pretrained.load_encoder
    monkeypatch.setattr(pretrained, "load_encoder", lambda d, s, _: load(d, s, mixed))
    with pytest.raises(ConfigError, match=r"got a difference of .* for 'Ελλάδα: "):
        import_params(experiment)


def test_positions_that_begin_elsewhere_are_found_out(tmp_path: Path) -> None:
    experiment = prepare(make(tmp_path))
    shape = experiment.shape
    moved = dataclasses.replace(shape, position_offset=shape.position_offset + 1)
    with pytest.raises(ConfigError, match=r"got a difference of .* for '.*' of ..\. "):
        import_params(dataclasses.replace(experiment, shape=moved))


def test_two_tasks_count_their_texts_together(tmp_path: Path) -> None:
    config = make(tmp_path)
    write_texts(tmp_path / "other", ru_train=names("el")[0])
    other = trimmed_config(tmp_path / "model", tmp_path / "other", EXACT)
    languages = LanguagesConfig(source="en", aux_heldout=("ru",), target=("fr",))
    tasks = {
        "one": TaskConfig(config.languages, config.data),
        "two": TaskConfig(languages, other.data),
    }
    both = dataclasses.replace(config, languages=None, data=None, tasks=tasks)
    found, single = prepare(both), prepare(other)
    assert kept_of(found).tolist() == kept_of(single).tolist()
    assert found.vocabulary and found.vocabulary.languages == ("en", "fr", "ru")
    assert {part.tokenizer.vocab_size for part in found.parts} == {
        found.shape.vocab_size
    }
