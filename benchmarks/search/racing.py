"""How much scoring does racing save, how much does sharing prefixes, at what regret?

A supernet is trained for a few rounds of a real search. Then populations of three
kinds are scored on its dev sets: drawn at random, by the search's own controller as
it stands after these rounds, and by mutating the best found. Statistics of every
example are kept, so that many races, each over another division into blocks, can be
run on them. Times are those of real races, each beside full scoring.

    python -m benchmarks.search.racing --out benchmarks/results/racing.json
"""

import dataclasses
import functools
import statistics
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.harness import ROOT, arguments, interleaved, ratios, summary
from benchmarks.reporting import report
from benchmarks.searches import EMBEDDED, REAL, default_config
from xlnas_jax.config.evaluate import RaceConfig
from xlnas_jax.config.reading.file import load_config
from xlnas_jax.data.batches.blocks import examples_of, make_blocks
from xlnas_jax.evaluation.evaluate import (
    Evaluator,
    RowScorer,
    make_evaluator,
    make_row_scorer,
)
from xlnas_jax.evaluation.population import make_scoring_supernet
from xlnas_jax.evaluation.prefixes import shared_work
from xlnas_jax.evaluation.racing import Block, Race, Transfer, make_race, make_transfer
from xlnas_jax.experiment.arrays import heldout_data, training_rows
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.objectives.objectives import make_objectives
from xlnas_jax.search.engine import make_engine
from xlnas_jax.search.search import step
from xlnas_jax.space.constraints import is_feasible
from xlnas_jax.types import Batch

# A few rounds, and smaller networks than the search's own, so that it takes minutes.
SETTINGS = {
    REAL: (
        "train.pretune_steps=40",
        "search.rounds=5",
        "search.weight_steps=4",
        "constraints.encoder_params=2.7e+6",
    ),
    EMBEDDED: ("train.pretune_steps=100", "search.rounds=6"),
}
QUICK = (
    "data.per_class=20",
    "train.pretune_steps=4",
    "search.rounds=2",
    "search.weight_steps=2",
)
SCORES = ("error", "loss")
MUTATION = 0.1
MUST_KEEP = RaceConfig(epsilon=1e9)


class Setting(NamedTuple):
    """A trained supernet, what it is scored on, and with what.

    Attributes:
        best: the archive's candidate of least error.
    """

    experiment: Experiment
    params: Any
    batches: tuple[Batch, ...]
    evaluator: Evaluator
    scorer: RowScorer
    controller: Callable[[jax.Array, int], Any]
    best: np.ndarray

    @property
    def num_languages(self) -> int:
        """Of the batches' language numbers."""
        return len(self.experiment.parts[0].roles.all)

    def transfer(self, score: str) -> Transfer:
        """One transfer score, as the search would judge by it."""
        (part,) = self.experiment.parts
        columns = [part.roles.all.index(code) for code in part.roles.aux_heldout]
        return make_transfer([part.task], make_objectives((score,)), [columns])


def main() -> None:
    """Trains, draws populations, races them and times some of the races."""
    parser = arguments(__doc__)
    parser.add_argument("--config", help="default: the first whose data are there")
    parser.add_argument("--populations", type=int, nargs="+", default=[6, 24])
    parser.add_argument("--deals", type=int, default=20, help="divisions into blocks")
    parser.set_defaults(repeats=3)
    given = parser.parse_args()
    config = given.config or default_config(given.quick)
    settings = (*SETTINGS.get(config, ()), *(QUICK if given.quick else ()))
    sizes = [4, 6] if given.quick else given.populations
    deals, repeats = (2, 1) if given.quick else (given.deals, given.repeats)
    setting = start(config, settings)
    populations = {}
    for kind, ask in asks(setting).items():
        rows = draw(setting.experiment, ask, max(sizes))
        populations[kind] = {
            "simulated": simulate(setting, rows, sizes, deals),
            "timed": measure(setting, rows[: sizes[0]], repeats),
        }
    result = {
        "config": config,
        "settings": settings,
        "examples": examples_of(setting.batches).num,
        "deals": deals,
        "populations": populations,
    }
    report(given.out, __doc__, result)


def start(config: str, settings: tuple[str, ...]) -> Setting:
    """Runs the rounds of a search."""
    experiment = prepare(load_config(ROOT / config, settings))
    (heldout,) = heldout_data(experiment)
    engine, state = make_engine(experiment, training_rows(experiment), (heldout,))
    for _ in range(engine.num_warm_up + experiment.config.search.rounds):
        state, _ = step(engine, state)
    (part,) = experiment.parts
    supernet = make_scoring_supernet(experiment)
    scorer = make_row_scorer(supernet, experiment.space, part.task)
    languages = len(part.roles.all)
    found = np.asarray(state.archive.objectives[:, 0])
    found = np.where(np.asarray(state.archive.is_valid), found, np.inf)
    return Setting(
        experiment,
        state.learner.params.of_task(part.name),
        heldout.batches,
        make_evaluator(supernet, experiment.space, part.task, languages),
        scorer,
        functools.partial(engine.controller.ask, state.controller),
        np.asarray(state.archive.indices)[found.argmin()],
    )


def asks(setting: Setting) -> dict[str, Callable[[jax.Array, int], Any]]:
    """How each kind of population is drawn: `(key, num) -> candidates`."""
    space = setting.experiment.space

    def random(key: jax.Array, num: int) -> Any:
        return space.flatten(space.sample_valid(key, num))

    def mutate(key: jax.Array, num: int) -> Any:
        which, what = jax.random.split(key)
        drawn = np.asarray(random(what, num))
        is_new = np.asarray(jax.random.bernoulli(which, MUTATION, drawn.shape))
        rows = np.where(is_new, drawn, setting.best)
        return rows[space.num_kept(rows) >= setting.experiment.config.space.min_layers]

    return {"random": random, "reinforce": setting.controller, "evolution": mutate}


def draw(
    experiment: Experiment, ask: Callable[[jax.Array, int], Any], num: int
) -> np.ndarray:
    """As many candidates within the limits."""
    kept: list[np.ndarray] = []
    for attempt in range(1000):
        rows = np.asarray(ask(jax.random.fold_in(jax.random.key(1), attempt), 64))
        limits = experiment.config.constraints
        kept += list(rows[is_feasible(rows, experiment.costs, limits)])
        if len(kept) >= num:
            return np.stack(kept[:num])
    raise RuntimeError("hardly any candidate is within the limits")


def simulate(
    setting: Setting, rows: np.ndarray, sizes: list[int], deals: int
) -> list[dict[str, Any]]:
    """Races on statistics that are known, for every size, score, rule and bound."""
    params, batches = setting.params, setting.batches
    found = setting.scorer(params, rows, len(rows), batches)
    flat = [np.asarray(f).reshape(len(rows), -1, f.shape[-1]) for f in found]
    table = np.concatenate(flat, axis=1)
    numbered = number_rows(batches)
    dealt = [deal_out(numbered, deal) for deal in range(deals)]
    flops = setting.experiment.costs(rows)["flops"]
    results = []
    for size in sizes:
        for score in SCORES:
            for has_costs in (False, True):
                costs = flops[:size, None] if has_costs else np.zeros((size, 0))
                for config in (RaceConfig(bound=b, delta=d) for b, d in variants()):
                    run = functools.partial(
                        run_known, setting, table[:size], config, score, costs
                    )
                    races = [run(blocks) for blocks in dealt]
                    results.append(
                        {
                            "population": size,
                            "score": score,
                            "rule": "front with flops" if has_costs else "best",
                            "bound": config.bound,
                            "delta": config.delta,
                            **describe(setting, score, races, table[:size], costs),
                        }
                    )
    return results


def variants() -> list[tuple[str, float]]:
    """Bounds and error probabilities that are compared."""
    return [("student", 0.05), ("student", 0.2), ("serfling", 0.05)]


def number_rows(batches: tuple[Batch, ...]) -> tuple[Batch, ...]:
    """The same batches with the number of each row for a label."""
    numbered, start = [], 0
    for bucket in batches:
        shape = bucket.length.shape
        label = start + jnp.arange(bucket.length.size, dtype=jnp.int32)
        numbered.append(dataclasses.replace(bucket, label=label.reshape(shape)))
        start += bucket.length.size
    return tuple(numbered)


def run_known(
    setting: Setting,
    table: np.ndarray,
    config: RaceConfig,
    score: str,
    costs: np.ndarray,
    blocks: list[Block],
) -> Race:
    """A race in which scoring is looking up."""

    def look_up(params: None, indices: np.ndarray, num: int, block: Block) -> Any:
        (buckets,) = block
        return (tuple(table[indices[:, 0]][:, np.asarray(b.label)] for b in buckets),)

    transfer, languages = transfer_of(setting, score), [setting.num_languages]
    run = make_race(config, look_up, transfer, blocks, languages)
    numbers = np.arange(len(table), dtype=np.int32)[:, None]
    return run(None, numbers, len(table), costs)


def deal_out(batches: tuple[Batch, ...], seed: int) -> list[Block]:
    """Blocks of one task."""
    return [(block,) for block in make_blocks(batches, RaceConfig().blocks, seed)]


_TRANSFERS: dict[str, Transfer] = {}


def transfer_of(setting: Setting, score: str) -> Transfer:
    """Always the same function, so that it is compiled once for each shape."""
    return _TRANSFERS.setdefault(score, setting.transfer(score))


def describe(
    setting: Setting,
    score: str,
    races: list[Race],
    table: np.ndarray,
    costs: np.ndarray,
) -> dict[str, Any]:
    """Savings, and what the races lost against full scoring."""
    full = full_scores(setting, score, table)
    is_front = front(full, costs)
    regrets, kept, saved = [], [], []
    for result in races:
        alive = result.is_complete
        regrets.append(float(full[alive].min() - full.min()))
        kept.append(bool(alive[is_front].all()))
        saved.append(1.0 - result.scored / result.possible)
    return {
        "evaluations_saved": summary(saved),
        "regret": summary(regrets),
        "races_that_kept_all": statistics.mean(kept),
        "on_the_front": int(is_front.sum()),
        "spread_of_scores": float(full.std()),
    }


def full_scores(setting: Setting, score: str, table: np.ndarray) -> np.ndarray:
    """The transfer score of each candidate on all examples."""
    language = np.concatenate([np.asarray(b.language).ravel() for b in setting.batches])
    sums = np.zeros((len(table), setting.num_languages, table.shape[-1]), np.float32)
    for number in np.unique(language):
        sums[:, number] = table[:, language == number].sum(1)
    return np.asarray(transfer_of(setting, score)((jnp.asarray(sums),)))[:, 0]


def front(scores: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """True for candidates that none without higher cost beats."""
    is_rival = np.all(costs[None] <= costs[:, None], axis=-1)
    return ~((scores[None] < scores[:, None]) & is_rival).any(1)


def measure(setting: Setting, rows: np.ndarray, repeats: int) -> dict[str, Any]:
    """Real races beside full scoring, and that beside one candidate at a time."""
    params, batches, num = setting.params, setting.batches, len(rows)
    experiment = setting.experiment
    flops = experiment.costs(rows)["flops"]
    blocks = deal_out(batches, 0)
    results: dict[str, Race] = {}

    def score(params: Any, indices: np.ndarray, num: int, block: Block) -> Any:
        return (setting.scorer(params, indices, num, block[0]),)

    def make(name: str, config: RaceConfig, costs: np.ndarray) -> Callable[[], None]:
        transfer, languages = transfer_of(setting, SCORES[1]), [setting.num_languages]
        race = make_race(config, score, transfer, blocks, languages)
        return lambda: results.update({name: race(params, rows, num, costs)})

    def one_by_one() -> None:
        for row in rows:
            alone = np.zeros_like(rows)
            alone[0] = row
            jax.block_until_ready(setting.evaluator(params, alone, 1, batches))

    free, priced = np.zeros((num, 0)), flops[:, None]
    functions = {
        "full": lambda: setting.evaluator(params, rows, num, batches),
        "blocks, none dropped": make("none", MUST_KEEP, free),
        "race, best": make("best", RaceConfig(), free),
        "race, front": make("front", RaceConfig(), priced),
        "one by one": one_by_one,
    }
    # One candidate compiles what all of them need.
    jax.block_until_ready(setting.evaluator(params, rows, 1, batches))
    jax.block_until_ready(score(params, rows, 1, blocks[0]))
    seconds = interleaved(functions, repeats, warm_up=0)
    return {
        "population": num,
        "full_seconds": summary(seconds["full"]),
        "time_over_full": {
            name: ratios(values, seconds["full"])
            for name, values in seconds.items()
            if name != "full"
        },
        "alive": {name: result.alive for name, result in results.items()},
        "flops_saved": {
            name: 1.0 - float((flops * seen_share(result)).sum() / flops.sum())
            for name, result in results.items()
        },
        "encoder_work_shared": shared_work(
            experiment.space, rows, stage_costs(experiment)
        ),
    }


def seen_share(result: Race) -> np.ndarray:
    """Of each candidate, the share of the examples it was scored on."""
    seen = np.concatenate([[0], np.cumsum(result.examples)])
    return seen[result.blocks_seen] / seen[-1]


def stage_costs(experiment: Experiment) -> tuple[list, list]:
    """Parameters of half a layer by choice: its work, but for attention's own."""
    space, width = experiment.space, experiment.shape.width
    heads = [int(n) * experiment.shape.head_dim for n in space.knob("heads").choices]
    inner = [int(n) for n in space.knob("ffn").choices]
    return [4 * width * n for n in heads], [2 * width * n for n in inner]


if __name__ == "__main__":
    main()
