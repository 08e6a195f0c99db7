"""Does X-Mixup bring a language nearer to the source than translate-train does?

Cipher languages, which are parallel by construction: one with half of its words
permuted, one with nearly all of them, and the order of words reversed. A tiny encoder
learns to tell four topics of made sentences from the source's rows. From there it goes
on, on the same rows and their translations, in as many steps of as many texts: by
`translate_train`; by `mixup`; by `mixup` without its losses of consistency, and by
these alone, without any mixing. Then, on dev rows that nothing learnt from: how far the
means of the two languages are apart (in units of the spread inside), how alike their
sentences lie (debiased CKA of the last layer's mean vectors), and how many are told
right, of single texts; and of texts that see their translation, as in training,
which is the source's own text here, as if by a perfect translator. Ten seeds, paired;
the interval is that of Student's t. The encoder was never pretrained on either
language, as those of the paper were.

    python -m benchmarks.evidence.mixed --out benchmarks/results/mixed.json
"""

import dataclasses
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from benchmarks.harness import arguments
from benchmarks.reporting import Bar, at_least, below, report
from xlnas_jax.alignment.measures.centroid import centroid_distance
from xlnas_jax.alignment.measures.cka import debiased_cka
from xlnas_jax.config.config import Config
from xlnas_jax.config.data import CipherData, TableData
from xlnas_jax.config.languages import LanguagesConfig
from xlnas_jax.config.methods.mixup import MixupConfig
from xlnas_jax.config.methods.translations import IdTranslations
from xlnas_jax.config.model import ScratchModel
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.config.tokens import TokensConfig
from xlnas_jax.config.train import TrainConfig
from xlnas_jax.data.batches.batches import training_batches
from xlnas_jax.data.batches.rows import make_example_rows
from xlnas_jax.data.batches.translated_rows import with_beside
from xlnas_jax.data.examples import Examples
from xlnas_jax.data.sources import read
from xlnas_jax.data.translated import Translations, Wording
from xlnas_jax.experiment.arrays import training_rows
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.experiment.weights import init_params
from xlnas_jax.search.learn import make_plan, make_settings, make_training_supernet
from xlnas_jax.supernet.heads import sentence_vector
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.training.learner import init_learner
from xlnas_jax.training.methods.base import texts_of
from xlnas_jax.training.methods.mixup import mixed_hidden
from xlnas_jax.training.methods.registry import method_named
from xlnas_jax.training.optimizer import make_optimizer
from xlnas_jax.training.step import make_weight_step
from xlnas_jax.types import Batch

# Steps on the source, then steps of every arm; pairs of texts in a batch.
SEEDS, WARM_UP, STEPS, PAIRS = 10, 100, 200, 16
# Made words, half of them of topics; sentences of every split.
WORDS = 40
ROWS = {"train": 400, "dev": 200, "test": 8}
SOURCE, TASK = "en", "task"
# Code of each made language, and its distance; the last is a target, and not read.
DISTANCES = {"en": 0.0, "sv": 0.5, "nl": 0.9, "de": 0.7}
HEARD = ("sv", "nl")
FIRST, TRANSLATED, MIXED = "finetune", "translate_train", "mixup"
PLAIN = MixupConfig(layers=(0,), vector="mean")
ARMS: Mapping[str, MixupConfig] = {
    MIXED: PLAIN,
    "mixup, no consistency": dataclasses.replace(PLAIN, consistency=0.0),
    "consistency alone": dataclasses.replace(PLAIN, largest_share=0.0, renorm=False),
}
# Points of accuracy that may be lost.
ALLOWED = -1.0
Measures = dict[str, dict[str, float]]
# From `(params, seed)` to weights, and to the numbers of the method's own.
Train = Callable[[SharedParams, int], tuple[SharedParams, Any]]


class Shared(NamedTuple):
    """What all arms have in common.

    Attributes:
        experiment: of any of them: data, tokenizer and sizes are the same.
        pairs: of every language, the source's dev rows beside what they are in it.
    """

    folder: Path
    experiment: Experiment
    pairs: Mapping[str, Batch]


def main() -> None:
    """Trains every arm with every seed, and compares them seed by seed."""
    given = arguments(__doc__).parse_args()
    seeds, warm_up, steps = (2, 2, 2) if given.quick else (SEEDS, WARM_UP, STEPS)
    with tempfile.TemporaryDirectory() as folder:
        ready = shared(Path(folder))
        first = make_train(ready, FIRST, warm_up)
        begun = [first(init_params(seeded(ready, n)), n)[0] for n in range(seeds)]
        found = {
            name: measured(ready, name, begun, steps) for name in (TRANSLATED, *ARMS)
        }
    less = {name: beside(found[name], found[TRANSLATED]) for name in ARMS}
    result = {
        "seeds": seeds,
        "steps": steps,
        "distances": {code: DISTANCES[code] for code in HEARD},
        "arms": {name: averaged(one) for name, one in found.items()},
        "beside_translate_train": less,
        "bars": bars(less[MIXED]),
        "by_seed": found,
    }
    report(given.out, __doc__, result)


def write_corpus(folder: Path) -> None:
    """Sentences of made words: two of a topic among two that any topic has."""
    rng = np.random.default_rng(0)
    letters = "bdfgklmnprstvz", "aeiou"
    every = {
        "".join(rng.choice(list(letters[n % 2])) for n in range(4))
        for _ in range(4 * WORDS)
    }
    words = sorted(every)[: 2 * WORDS]
    own = [words[topic * WORDS // 4 :][: WORDS // 4] for topic in range(4)]
    for split, count in ROWS.items():
        lines = ["id\ttext\tlabel"]
        for number in range(count):
            topic = number % 4
            text = [*rng.choice(own[topic], 2), *rng.choice(words[WORDS:], 2)]
            sentence = " ".join(rng.permutation(text))
            lines.append(f"{number}\t{sentence}\ttopic {topic}")
        (folder / f"en-{split}.tsv").write_text("\n".join(lines) + "\n", "utf-8")


def config_of(arm: str, folder: Path) -> Config:
    """The same encoder and data; as many texts a step, whether they stand in pairs."""
    mixup = ARMS.get(arm)
    train = TrainConfig(
        method=arm if mixup is None else MIXED,
        batch_size=2 * PAIRS if mixup is None else PAIRS,
        learning_rate=1e-3,
        dropout=0.0,
        translations=None if arm == FIRST else IdTranslations(languages=HEARD),
        mixup=mixup or PLAIN,
    )
    return Config(
        model=ScratchModel(layers=2, width=48, heads=4, ffn=96, vocab_size=300),
        languages=LanguagesConfig(
            source=SOURCE,
            aux_heldout=HEARD,
            target=("de",),
            unlabelled=() if arm == FIRST else HEARD,
        ),
        data=CipherData(
            DISTANCES,
            base=TableData(f"{folder}/{{language}}-{{split}}.tsv", id_column="id"),
        ),
        tokens=TokensConfig(max_length=40, num_buckets=1, train_buckets=1),
        space=SpaceConfig(heads=(2, 4), pooling=("mean",)),
        train=train,
    )


def shared(folder: Path) -> Shared:
    """Written and read once."""
    write_corpus(folder)
    experiment = prepare(config_of(MIXED, folder))
    (part,) = experiment.parts
    examples = {}
    for code in (SOURCE, *HEARD):
        found = read(part.source, part.roles, code, "dev", "search")
        assert isinstance(found, Examples)
        examples[code] = found
    source = examples[SOURCE]
    rows = make_example_rows(part.tokenizer, [source], [0])
    pairs = {}
    for code in HEARD:
        texts = map(Wording, examples[code].texts)
        own = Translations(code, dict(zip(examples[code].ids, texts, strict=True)))
        given = part.tokenizer, rows, source.ids, [own], [(1, -1)]
        (pairs[code],) = training_batches(with_beside(*given), 1, part.tokenizer.pad_id)
    return Shared(folder, experiment, pairs)


def seeded(given: Shared, seed: int, arm: str = MIXED) -> Experiment:
    """The experiment of an arm, with another seed."""
    config = dataclasses.replace(config_of(arm, given.folder), seed=seed)
    return dataclasses.replace(given.experiment, config=config)


def make_train(given: Shared, arm: str, steps: int) -> Train:
    """Builds what takes so many steps of an arm; one program for all seeds."""
    experiment = seeded(given, 0, arm)
    rows = training_rows(experiment)
    supernet = make_training_supernet(experiment)
    setting = make_settings(experiment, supernet)[TASK]
    method, train = (
        method_named(experiment.config.train.method),
        experiment.config.train,
    )
    optimizer = make_optimizer(train, init_params(experiment), steps)
    step = make_weight_step(method, setting, supernet, optimizer, 0, TASK)

    def run(params: SharedParams, seed: int) -> tuple[SharedParams, Any]:
        state = {TASK: method.init(setting, jax.random.key(seed))}
        # A step writes over the weights that it is given.
        learner = init_learner(jax.tree.map(jnp.copy, params), optimizer, state)
        plan = make_plan(seeded(given, seed, arm), rows)
        for number in range(steps):
            task, bucket, index, weight = plan[number]
            learner, _ = step(learner, rows[task][bucket], index, weight)
        return learner.params, learner.method[TASK]

    return run


def measured(
    given: Shared, arm: str, begun: Sequence[SharedParams], steps: int
) -> list[Measures]:
    """By seed and language, what one arm came to."""
    train = make_train(given, arm, steps)
    see, mixed_see = make_see(given, arm)
    found = []
    for seed, start in enumerate(begun):
        params, state = train(start, seed)
        own = params.of_task(TASK)
        one: Measures = {}
        for code, batch in given.pairs.items():
            one[code] = measures(batch, *see(own, batch))
            if arm in ARMS:
                pair = measures(batch, *mixed_see(own, state.shares, batch))
                one[code] |= {f"{name}_of_pairs": value for name, value in pair.items()}
        found.append(one)
    return found


def make_see(given: Shared, arm: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Builds what gives vectors of both texts and logits of the second.

    Of texts that are alone, and of texts that see each other.
    """
    experiment = seeded(given, 0, arm)
    supernet = make_training_supernet(experiment)
    setting = make_settings(experiment, supernet)[TASK]
    arch = experiment.space.largest()

    def told(params: Any, hidden: Sequence[Any], batch: Batch) -> tuple[Any, ...]:
        vectors = (
            sentence_vector(one, text.mask)
            for one, text in zip(hidden, texts_of(batch), strict=True)
        )
        return (*vectors, supernet.read_out(params, hidden[1], batch.other, arch))

    @jax.jit
    def see(params: Any, batch: Batch) -> tuple[Any, ...]:
        embeddings = params.encoder.embeddings
        hidden = [
            supernet.encode_full(params, supernet.embed(embeddings, one), one)
            for one in texts_of(batch)
        ]
        return told(params, hidden, batch)

    @jax.jit
    def mixed_see(params: Any, shares: Any, batch: Batch) -> tuple[Any, ...]:
        texts, embeddings = texts_of(batch), params.encoder.embeddings
        x = tuple(supernet.embed(embeddings, one) for one in texts)
        hidden = mixed_hidden(setting, params, (x[0], x[1]), texts, shares, None)
        return told(params, hidden, batch)

    return see, mixed_see


def measures(batch: Batch, x: Any, y: Any, logits: Any) -> dict[str, float]:
    """Of a language beside the source."""
    x, y = np.asarray(x), np.asarray(y)
    is_right = np.asarray(logits).argmax(-1) == np.asarray(batch.label)
    return {
        "centroid_distance": centroid_distance(x, y),
        "cka": debiased_cka(x, y),
        "accuracy": 100.0 * float(is_right.mean()),
    }


def averaged(found: list[Measures]) -> Measures:
    """Means over seeds, by language."""
    return {
        code: {
            name: float(np.mean([one[code][name] for one in found]))
            for name in found[0][code]
        }
        for code in found[0]
    }


def beside(found: list[Measures], other: list[Measures]) -> dict[str, Any]:
    """Mean over languages of one arm less another, with an interval over seeds.

    Where texts of one arm see each other, those of the other are alone.
    """
    compared = {}
    for name in found[0][HEARD[0]]:
        plain = name.removesuffix("_of_pairs")
        apart = np.asarray(
            [
                np.mean([one[code][name] - two[code][plain] for code in HEARD])
                for one, two in zip(found, other, strict=True)
            ]
        )
        half = float(stats.sem(apart) * stats.t.ppf(0.975, len(apart) - 1))
        mean = float(apart.mean())
        compared[name] = {
            "mean": mean,
            "low": mean - half,
            "high": mean + half,
            "above": int((apart > 0).sum()),
        }
    return compared


def bars(less: dict[str, Any]) -> list[Bar]:
    """What is asked of X-Mixup, at the end of its interval that is nearest."""
    found = []
    for what, kind in (("texts alone", ""), ("texts side by side", "_of_pairs")):
        far, alike, right = (
            less[f"{name}{kind}"] for name in ("centroid_distance", "cka", "accuracy")
        )
        found += [
            below(f"{what}, centroid distance", 0.0, far["high"]),
            at_least(f"{what}, debiased CKA", 0.0, alike["low"]),
            at_least(f"{what}, points of accuracy", ALLOWED, right["low"]),
        ]
    return found


if __name__ == "__main__":
    main()
