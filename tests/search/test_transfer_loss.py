"""The transfer loss in whole searches: what it is, what it reads, what is kept."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.alignment.test_infonce import plain
from tests.experiments import tiny_config
from tests.models import labelled
from tests.search.test_search import assert_same_bits, host_copy, restored, run, start
from xlnas_jax.config.config import Config
from xlnas_jax.config.evaluate import EvaluateConfig, RaceConfig
from xlnas_jax.config.search import SearchConfig
from xlnas_jax.config.transfer import IdPairs, TransferConfig
from xlnas_jax.data.pairs import read_translations
from xlnas_jax.evaluation import population
from xlnas_jax.evaluation.evaluate import make_evaluator
from xlnas_jax.experiment.arrays import heldout_data, scoring_data, training_rows
from xlnas_jax.experiment.draws import draw_feasible
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.experiment.weights import init_params
from xlnas_jax.results.description import describe
from xlnas_jax.results.finish import Rescore
from xlnas_jax.run.run import run_search
from xlnas_jax.search.engine import make_engine, make_scoring
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.types import ConfigError

GAP, MARGIN, WEIGHT, TEMPERATURE = 0.7, 0.01, 0.3, 0.1
FULL = TransferConfig(
    gap_weight=GAP,
    gap_margin=MARGIN,
    alignment_weight=WEIGHT,
    temperature=TEMPERATURE,
    parallel=IdPairs(),
)
NUM = 6


def config_of(
    transfer: TransferConfig, *objectives: str, rounds: int = 2, **changes: object
) -> Config:
    search = SearchConfig(
        rounds=rounds,
        weight_steps=1,
        population=NUM,
        archive_size=8,
        objectives=objectives,
    )
    return tiny_config(search=search, transfer=transfer, **changes)


def noisy_params(experiment):
    """Random weights of a real start score all networks alike."""
    rng = np.random.default_rng(0)
    return jax.tree.map(
        lambda leaf: leaf + rng.normal(0, 0.3, leaf.shape).astype(leaf.dtype),
        init_params(experiment),
    )


def losses(experiment, params, rows, languages) -> np.ndarray:
    """Loss of each candidate in each language, by an evaluator of its own."""
    (part,) = experiment.parts
    data = scoring_data(experiment, part, languages, "dev", "search")
    supernet = make_supernet(experiment.space, experiment.shape)
    count = len(part.roles.all)
    score = make_evaluator(supernet, experiment.space, part.task, count)
    sums = score(params.of_task(part.name), rows, len(rows), data.batches)
    chosen = [part.roles.all.index(code) for code in languages]
    return np.asarray(part.task.metrics(sums)["loss"])[:, chosen]


def alignment(experiment, params, rows) -> np.ndarray:
    """Similarity of each candidate and auxiliary language, from padded sentences."""
    (part,) = experiment.parts
    own = params.of_task(part.name)
    pairs = read_translations(FULL, part.source, part.roles)
    supernet = make_supernet(experiment.space, experiment.shape)

    @jax.jit
    def last_layer(row, batch):
        x = supernet.embed(own.encoder.embeddings, batch)
        return supernet.encode(own, x, batch, experiment.space.unflatten(row))

    def vectors(row, texts) -> np.ndarray:
        ids = [one.ids for one in part.tokenizer.encode(texts)]
        length = np.asarray([len(one) for one in ids], np.int32)
        tokens = np.zeros((len(ids), 24), np.int32)
        for number, one in enumerate(ids):
            tokens[number, : len(one)] = one
        batch = labelled(jnp.zeros(len(ids), jnp.int32), jnp.asarray(length), 24)
        batch = dataclasses.replace(batch, tokens=jnp.asarray(tokens))
        hidden = np.asarray(last_layer(row, batch), np.float64)
        return np.stack([h[:n].mean(0) for h, n in zip(hidden, length, strict=True)])

    def similarity(row, given) -> float:
        sides = ([p.source for p in given], [p.target for p in given])
        x, y = (vectors(row, texts) for texts in sides)
        return max(0.0, 1 - plain(x, y, TEMPERATURE) / np.log(len(given)))

    return np.asarray([[similarity(row, given) for given in pairs] for row in rows])


@pytest.fixture(scope="module")
def measured():
    """A population scored by a search's own functions, and its parts scored apart."""
    names = ("transfer_loss", "loss", "worst_error", "error:it", "flops")
    experiment = prepare(config_of(FULL, *names))
    params = noisy_params(experiment)
    rows = draw_feasible(experiment, NUM, "control")
    data = training_rows(experiment), heldout_data(experiment)
    engine, _ = make_engine(experiment, *data)
    found = Rescore(experiment, engine, params)(rows)
    parts = (
        losses(experiment, params, found.indices, ("pt", "it")),
        losses(experiment, params, found.indices, ("en",))[:, 0],
        alignment(experiment, params, found.indices),
    )
    return found, parts


def test_it_is_what_its_formula_makes_of_parts_that_were_scored_apart(measured):
    found, (heldout, source, similarity) = measured
    excess = heldout.mean(1) - source - MARGIN
    expected = (
        heldout.mean(1)
        + GAP * np.maximum(excess, 0.0)
        + WEIGHT * (1.0 - similarity.mean(1))
    )
    assert (excess > 0).any()  # else the term was not seen
    assert (similarity > 0.05).any()
    np.testing.assert_allclose(found.objectives[:, 0], expected, atol=2e-4)


def test_other_objectives_do_not_see_the_source(measured):
    found, (heldout, _, _) = measured
    np.testing.assert_allclose(found.objectives[:, 1], heldout.mean(1), atol=1e-4)
    errors = found.metrics[0]["error"]
    np.testing.assert_allclose(found.objectives[:, 2], errors[:, :2].max(1))
    np.testing.assert_allclose(found.objectives[:, 3], errors[:, 1])


SWITCHES = {
    "both": (0.5, 0.5),
    "gap": (0.5, 0.0),
    "alignment": (0.0, 0.5),
    "none": (0.0, 0.0),
}


@pytest.mark.parametrize("switched", SWITCHES)
def test_a_term_that_is_switched_off_reads_and_computes_nothing(switched, monkeypatch):
    gap, weight = SWITCHES[switched]
    transfer = dataclasses.replace(FULL, gap_weight=gap, alignment_weight=weight)
    experiment = prepare(config_of(transfer, "transfer_loss"))
    (part,) = experiment.parts
    read, aligned = [], []
    make_align = population.make_align

    def counted(language, split):
        read.append((language, split))
        return part.source.read(language, split)

    def spy(*given):
        align = make_align(*given)

        def call(params, indices, num):
            aligned.append(num)
            return align(params, indices, num)

        return call

    monkeypatch.setattr(population, "make_align", spy)
    source = part.source._replace(read=counted)
    parts = (dataclasses.replace(part, source=source),)
    experiment = dataclasses.replace(experiment, parts=parts)
    heldout = heldout_data(experiment)
    score = make_scoring(experiment, (), heldout)["score"]
    rows = draw_feasible(experiment, NUM, "control")
    found = score(init_params(experiment), rows, len(rows))
    assert {split for _, split in read} == {"dev"}
    assert (("en", "dev") in read) == (gap > 0 or weight > 0)
    assert (len(heldout[0].source) > 0) == (gap > 0)
    assert found.statistics[0].shape[1] == 2 + (gap > 0)
    assert len(aligned) == len(found.alignment) == (weight > 0)


@pytest.mark.slow
def test_a_search_for_it_resumes_with_the_same_bits():
    config = config_of(FULL, "transfer_loss", "flops", "params", "loss:pt")
    _, engine, state = start(config)
    last = engine.num_warm_up + 2
    state = run(engine, state, last - 1)
    saved = host_copy(state)
    ended = host_copy(run(engine, state, 1))
    _, fresh, template = start(config)
    again = run(fresh, restored(template, saved), 1)
    assert_same_bits(host_copy(again), ended)
    # Errors of both auxiliary languages are remembered, and nothing else.
    assert again.archive.values.shape[1] == 2


@pytest.mark.slow
def test_the_front_holds_every_objective_and_what_it_is_made_of(tmp_path):
    names = ["transfer_loss", "flops", "params", "loss:pt"]
    config = config_of(FULL, *names, rounds=1)
    run_search(config, tmp_path / "run")
    document = json.loads((tmp_path / "run" / "front.json").read_text())
    assert document["objectives"] == names
    assert document["tasks"]["task"]["rows"]["dev"].keys() == {"pt", "it", "en"}
    for point in (*document["points"], *document["baselines"].values()):
        assert list(point["objectives"]) == names
        own = point["selection"]
        assert own.keys() == {"pt", "it", "en"}
        heldout = (own["pt"]["loss"] + own["it"]["loss"]) / 2
        similarity = (own["pt"]["alignment"] + own["it"]["alignment"]) / 2
        assert "alignment" not in own["en"]
        gap = max(0.0, heldout - own["en"]["loss"] - MARGIN)
        expected = heldout + GAP * gap + WEIGHT * (1 - similarity)
        assert point["objectives"]["transfer_loss"] == pytest.approx(expected, abs=1e-5)
        assert point["objectives"]["loss:pt"] == own["pt"]["loss"]


def test_a_race_for_it_is_refused():
    race = EvaluateConfig(form="sliced", race=RaceConfig(blocks=2))
    experiment = prepare(config_of(FULL, "transfer_loss", evaluate=race))
    with pytest.raises(ConfigError, match=r"means over languages; got \['transfer_l"):
        make_scoring(experiment, (), heldout_data(experiment))


def test_where_translations_come_from_must_be_said():
    experiment = prepare(config_of(TransferConfig(), "transfer_loss"))
    with pytest.raises(ConfigError, match=r"transfer.parallel: must say where"):
        heldout_data(experiment)


def test_the_description_says_what_is_minimised_and_read_for_it():
    experiment = prepare(config_of(FULL, "transfer_loss", "loss:pt", "flops"))
    table = describe(experiment)[-1]
    names, meanings, read = (list(column) for column in zip(*table.rows, strict=True))
    assert names == ["transfer_loss", "loss:pt", "flops"]
    assert "0.7 max(0, aux loss - source loss - 0.01)" in str(meanings[0])
    assert "0.3 (1 - infonce)" in str(meanings[0])
    (part,) = experiment.parts
    counts = [len(own) for own in read_translations(FULL, part.source, part.roles)]
    translations = f"translations: {counts[0]} pt, {counts[1]} it"
    assert read == [
        f"auxiliary dev, source dev, {translations}",
        "auxiliary dev",
        "nothing",
    ]
