"""Do learned gates find the layer that must stand still, and do they beat controls?

The problem is planted. A network of two layers, `y = v' relu(W x)`, is right for every
language once it has the right `v`: `W` is as pretrained, and `v` is new, so it begins
at random. Languages share both, and differ in the rotation of their inputs, which are
stretched along some directions. Labels are few and noisy, so that training `W` on some
languages harms others.

Gates of both layers are learned as `soft_layers` does, by the same functions, holding
out one auxiliary language after another; then a network is trained on the source and
the auxiliary languages from the start, with each set of gates. Every arm sees the same
batches, and is judged on targets where a further language, held out, says to stop.
`frozen` is told the answer, so it is a bound more than a control.

An episode must be long enough to see the harm: in its first steps moving `W` helps
everywhere, so gates of short episodes (an arm of its own) find nothing.

    python -m benchmarks.search.planted_gates \
        --out benchmarks/results/planted_gates.json
"""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key
from scipy.stats import binomtest

from benchmarks.harness import arguments, summary
from benchmarks.reporting import Bar, below, report
from xlnas_jax.training.gate_controls import permuted, random_like
from xlnas_jax.training.gates import Gates
from xlnas_jax.training.meta import of_gates_first

INPUTS, HIDDEN = 16, 32
# Languages: the source, auxiliary ones, one that says where to stop, and targets.
AUXILIARY, TARGETS = 4, 6
HELD, LANGUAGES = 1 + AUXILIARY, 2 + AUXILIARY + TARGETS
# Inputs have variance 1 along so many directions, and next to none along others.
STRETCHED, FLAT = 4, 0.01
NOISE, ROWS, TESTED = 0.5, 32, 256
# Of training: steps between two looks at the language that says where to stop.
BATCH, RATE, STEPS, LOOK = 32, 0.03, 300, 10
START, META_RATE = 2.0, 0.05
FIRST, SECOND, BOTH = "first", "second", "both"
DECAYS = (0.9, 0.95)
CHANCE = 0.05
# Apart from the seeds by which the length of episodes was chosen.
BASE = 7

Params = dict[str, Float[Array, "..."]]


class Problem(NamedTuple):
    """Rows of every language, and the weights that one begins with."""

    x: Float[Array, "lang row inputs"]
    y: Float[Array, "lang row"]
    x_test: Float[Array, "lang test inputs"]
    y_test: Float[Array, "lang test"]
    start: Params


class Episodes(NamedTuple):
    """How gates learn: how many episodes, of how many steps."""

    num: int = 300
    steps: int = 40


def main() -> None:
    """Every arm with every seed."""
    parser = arguments(__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    given = parser.parse_args()
    seeds, how = (2, Episodes(2, 2)) if given.quick else (given.seeds, Episodes())
    keys = jax.random.split(jax.random.key(BASE), seeds)
    found = run(keys, how, how._replace(steps=min(5, how.steps)))
    result = {"seeds": seeds, "episodes": how._asdict(), **told(found)}
    if not given.quick:
        result["bars"] = bars(result)
    report(given.out, __doc__, result)


def run(
    keys: Key[Array, " seed"], how: Episodes, short: Episodes
) -> dict[str, dict[str, Float[np.ndarray, " seed"]]]:
    """Of each arm and seed: gates of both layers, and the loss on targets."""
    problems = jax.jit(jax.vmap(make_problem))(keys)
    keys = jax.vmap(functools.partial(jax.random.fold_in, data=1))(keys)
    judge = jax.jit(jax.vmap(train))
    found = {}
    for name, gates in arms(problems, keys, how, short).items():
        on_device = {n: jnp.asarray(leaf, jnp.float32) for n, leaf in gates.items()}
        losses = np.asarray(judge(problems, keys, on_device))
        found[name] = {**gates, "loss": losses}
    return found


def arms(
    problems: Problem, keys: Key[Array, " seed"], how: Episodes, short: Episodes
) -> dict[str, dict[str, Float[np.ndarray, " seed"]]]:
    """Gates of both layers by arm, a row a seed."""
    num = len(keys)

    def learned(how: Episodes, *names: str) -> dict[str, Any]:
        phi = {name: jnp.full(num, START) for name in names}
        run = jax.jit(jax.vmap(functools.partial(learn, how=how)))
        return {
            name: np.asarray(jax.nn.sigmoid(leaf))
            for name, leaf in run(problems, keys, phi).items()
        }

    def both(first: Any, second: Any) -> dict[str, Float[np.ndarray, " seed"]]:
        return {
            FIRST: np.broadcast_to(first, num),
            SECOND: np.broadcast_to(second, num),
        }

    own = learned(how, FIRST, SECOND)
    scalar = learned(how, BOTH)[BOTH]
    live = {FIRST: np.ones(()), SECOND: np.ones(())}

    def changed(change: Any) -> dict[str, Float[np.ndarray, " seed"]]:
        every = [
            change(
                {name: jnp.asarray(leaf[seed]) for name, leaf in own.items()},
                live,
                np.random.default_rng([BASE, seed]),
            )
            for seed in range(num)
        ]
        return {name: np.asarray([float(one[name]) for one in every]) for name in own}

    return {
        "learned": own,
        "open": both(1.0, 1.0),
        "random": changed(random_like),
        "permuted": changed(permuted),
        "scalar": both(scalar, scalar),
        **{f"decay {rate}": both(rate, 1.0) for rate in DECAYS},
        "short episodes": learned(short, FIRST, SECOND),
        "frozen": both(0.0, 1.0),
    }


def told(found: dict[str, dict[str, Float[np.ndarray, " seed"]]]) -> dict[str, Any]:
    """What is reported of every arm, and of the learned gates against it."""
    own = found["learned"]
    num_below = int((own[FIRST] < own[SECOND]).sum())
    return {
        "first_below_second": {
            "seeds": num_below,
            "p": sign(num_below, len(own["loss"])),
        },
        "arms": {
            name: {
                "loss": {
                    **summary(one["loss"].tolist()),
                    "mean": float(one["loss"].mean()),
                },
                "gates": {n: one[n].tolist() for n in (FIRST, SECOND)},
                **({} if name == "learned" else beaten(own["loss"], one["loss"])),
            }
            for name, one in found.items()
        },
    }


def beaten(
    ours: Float[np.ndarray, " seed"], theirs: Float[np.ndarray, " seed"]
) -> dict[str, float]:
    """In how many seeds ours is lower, and how likely that is by chance."""
    differing = int((ours != theirs).sum())
    won = int((ours < theirs).sum())
    return {"won": won, "of": differing, "p": sign(won, differing)}


def sign(won: int, num: int) -> float:
    """One-sided sign test."""
    return float(binomtest(won, num, alternative="greater").pvalue) if num else 1.0


def bars(result: dict[str, Any]) -> list[Bar]:
    """The gate of the layer that must stand still is lower, and every arm is beaten."""
    first = result["first_below_second"]["p"]
    return [
        below("gate of W below that of v, sign test p", CHANCE, first),
        *(
            below(f"loss on targets below {name}, sign test p", CHANCE, one["p"])
            for name, one in result["arms"].items()
            if name != "learned"
        ),
    ]


def apply(params: Params, x: Float[Array, "row inputs"]) -> Float[Array, " row"]:
    """The network."""
    return jax.nn.relu(x @ params[FIRST].T) @ params[SECOND]


def loss(params: Params, x: Array, y: Array) -> Float[Array, ""]:
    """Half the mean squared error."""
    return jnp.square(apply(params, x) - y).mean() / 2


def make_problem(key: Key[Array, ""]) -> Problem:
    """One draw of it."""
    keys = jax.random.split(key, 6)
    right = {
        FIRST: jax.random.normal(keys[0], (HIDDEN, INPUTS)) / math.sqrt(STRETCHED),
        SECOND: jax.random.normal(keys[1], (HIDDEN,)) / math.sqrt(HIDDEN),
    }
    new = jax.random.normal(keys[2], (HIDDEN,)) / math.sqrt(HIDDEN)
    turns = jax.random.orthogonal(keys[3], INPUTS, (LANGUAGES,))
    widths = jnp.sqrt(jnp.where(jnp.arange(INPUTS) < STRETCHED, 1.0, FLAT))
    shape = (LANGUAGES, ROWS + TESTED, INPUTS)
    x = jax.random.normal(keys[4], shape) * widths[None, None]
    x = jnp.einsum("lri,lji->lrj", x, turns)
    y = jax.vmap(apply, (None, 0))(right, x)
    noisy = y + NOISE * jax.random.normal(keys[5], y.shape)
    start = {**right, SECOND: new}
    return Problem(x[:, :ROWS], noisy[:, :ROWS], x[:, ROWS:], y[:, ROWS:], start)


_OPTIMIZER = optax.adam(RATE)


def gate(phi: Gates, updates: Params) -> Params:
    """Updates of both layers, each times its gate, or one for both."""
    shares = {name: jax.nn.sigmoid(leaf) for name, leaf in phi.items()}
    return {n: shares[BOTH if BOTH in shares else n] * u for n, u in updates.items()}


def step(params: Params, opt_state: Any, batch: Any) -> tuple[Params, Any]:
    """Updates of one batch, ungated."""
    grads = jax.grad(loss)(params, *batch)
    with jax.numpy_dtype_promotion("standard"):
        return _OPTIMIZER.update(grads, opt_state, params)


def drawn(
    problem: Problem, key: Key[Array, ""], languages: Int[Array, " some"], steps: int
) -> tuple[Array, Array]:
    """Batches of rows, of some languages alike."""
    language_key, row_key = jax.random.split(key)
    shape = (steps, BATCH)
    language = jax.random.choice(language_key, languages, shape)
    row = jax.random.randint(row_key, shape, 0, ROWS)
    return problem.x[language, row], problem.y[language, row]


def learn(problem: Problem, key: Key[Array, ""], phi: Gates, how: Episodes) -> Gates:
    """Logits of the gates after all episodes, from those before them."""
    outer = optax.adam(META_RATE)
    start = problem.start, _OPTIMIZER.init(problem.start)

    def episode(carried: Any, key: Key[Array, ""]) -> tuple[Any, None]:
        phi, state = carried
        held_key, support_key, query_key = jax.random.split(key, 3)
        held = jax.random.randint(held_key, (), 1, 1 + AUXILIARY)
        others = jnp.arange(AUXILIARY, dtype=jnp.int32)
        others = jnp.where(others < held, others, others + 1)
        support = drawn(problem, support_key, others, how.steps)
        x, y = drawn(problem, query_key, held[None], 1)
        end = functools.partial(loss, x=x[0], y=y[0])
        _, slope = of_gates_first(end, step, gate, phi, start, support)
        with jax.numpy_dtype_promotion("standard"):
            updates, state = outer.update(slope, state)
        return (optax.apply_updates(phi, updates), state), None

    keys = jax.random.split(key, how.num)
    return jax.lax.scan(episode, (phi, outer.init(phi)), keys)[0][0]


def train(problem: Problem, key: Key[Array, ""], gates: Gates) -> Float[Array, ""]:
    """Loss on targets, where the language that is held out says to stop."""
    languages = jnp.arange(1 + AUXILIARY, dtype=jnp.int32)
    batches = drawn(problem, jax.random.fold_in(key, 2), languages, STEPS)
    blocks = jax.tree.map(lambda x: x.reshape(-1, LOOK, *x.shape[1:]), batches)
    targets = [
        leaf[HELD + 1 :].reshape(-1, *leaf.shape[2:])
        for leaf in (problem.x_test, problem.y_test)
    ]

    def one(carried: Any, batch: Any) -> tuple[Any, None]:
        params, opt_state = carried
        updates, opt_state = step(params, opt_state, batch)
        params = {name: params[name] + gates[name] * updates[name] for name in params}
        return (params, opt_state), None

    def some(carried: Any, batches: Any) -> tuple[Any, tuple[Array, Array]]:
        carried, _ = jax.lax.scan(one, carried, batches)
        held = loss(carried[0], problem.x[HELD], problem.y[HELD])
        return carried, (held, loss(carried[0], *targets))

    start = problem.start, _OPTIMIZER.init(problem.start)
    _, (held, target) = jax.lax.scan(some, start, blocks)
    return target[held.argmin()]


if __name__ == "__main__":
    main()
