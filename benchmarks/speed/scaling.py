"""Are results the same on any number of devices and processes, and at what cost?

The same population is scored, and the same weight steps are taken, on 1, 2, 4 and 8
devices and by 2 processes, each in a run of its own. Compared are the results; what
devices send each other is read from the compiled programs (see `communication`: the
bytes of the operands of all collectives, once for each device); how evenly the work
of 64 candidates lies on 8 devices is counted, for random populations and for those
that REINFORCE draws while it learns.

The projection to many accelerators is computed, not measured. With c the measured
seconds per FLOP of one device, L the FLOPs of the busiest device by the real dealing
of a population of that size, h the measured seconds that the host takes to deal it
out and plan it, b the bytes of one device, B the given bandwidth and l the given
latency of each of n collectives,

    seconds = c L + h + b / B + n l
    efficiency = (c F / devices) / seconds

where F is the FLOPs that one device would compute for all candidates. Run it on the
accelerator in question to have its c.

    python -m benchmarks.speed.scaling --out benchmarks/results/scaling.json
"""

import json
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.harness import arguments, command_of, summary, surroundings
from benchmarks.reporting import at_most, report
from benchmarks.speed.problems import Problem, make_problem
from xlnas_jax.config.controller import ReinforceController
from xlnas_jax.controllers.base import Told
from xlnas_jax.controllers.reinforce import make_reinforce
from xlnas_jax.evaluation.dealing import deal_prefixes, hand_loads, imbalance
from xlnas_jax.evaluation.prefixes import plan_operations

# Processes, devices of each, and how they share the work.
RUNS = {
    "1 device": (1, 1, {"pop": 1}),
    "2 devices": (1, 2, {"pop": 2}),
    "4 devices": (1, 4, {"pop": 4}),
    "8 devices": (1, 8, {"pop": 8}),
    "8 devices, 2 of them for data": (1, 8, {"pop": 4, "data": 2}),
    "8 devices, fsdp": (1, 8, {"pop": 8, "fsdp": True}),
    "2 processes": (2, 1, {"pop": 2}),
    "2 processes of 4 devices, fsdp": (2, 4, {"pop": 8, "fsdp": True}),
}
QUICK_RUNS = ("1 device", "2 devices", "2 processes")
TOLERANCE = 1e-5
BALANCE = 0.1
POPULATION, DEVICES = 64, 8
MANY_POPULATION, MANY_DEVICES = 4096, 256
SEEDS, ROUNDS = 20, 40
NOTE = (
    "Virtual devices and local processes share the cores of one machine: seconds show "
    "what sharing the work costs there, not how it speeds up."
)


def main() -> None:
    """Runs every arrangement, and computes the rest."""
    parser = arguments(__doc__)
    parser.add_argument("--bandwidth", type=float, default=12.5e9, help="bytes/s (B)")
    parser.add_argument("--latency", type=float, default=50e-6, help="seconds (l)")
    given = parser.parse_args()
    size = {"size": "6x256", "batch": 32, "seq": 64, "population": POPULATION}
    if given.quick:
        size = {"size": "tiny", "batch": 8, "seq": 8, "population": 16}
    size["steps"] = 4
    names = QUICK_RUNS if given.quick else tuple(RUNS)
    problem = make_problem(**size)
    # Work is counted, not done: a real shape costs nothing.
    counted = make_problem("6x256", 1, 64, POPULATION) if given.quick else problem
    runs = compare({n: run(size, given.repeats, *RUNS[n]) for n in names}, size)
    balance = balances(counted, 2 if given.quick else SEEDS)
    result = {
        "problem": size,
        "note": NOTE,
        "runs": runs,
        "balance": balance,
        "projection": project(problem, runs, given.bandwidth, given.latency),
        "bars": bars(runs, balance),
    }
    report(given.out, __doc__, result)


def run(
    size: dict[str, Any],
    repeats: int,
    processes: int,
    per_process: int,
    devices: dict[str, Any],
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Facts and arrays of one arrangement."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found"
        command = [*command_of("speed.scaled"), "--problem", json.dumps(size)]
        command += ["--devices", json.dumps(devices), "--repeats", str(repeats)]
        port = free_port()
        environments = [
            environment(rank, processes, per_process, port) for rank in range(processes)
        ]
        started = [
            subprocess.Popen([*command, "--out", str(out)], env=one, stdout=sys.stderr)
            for one in environments
        ]
        codes = [process.wait() for process in started]
        if any(codes):
            raise SystemExit(f"scaling: {devices} ended with exit codes {codes}")
        facts = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
        with np.load(out.with_suffix(".npz")) as arrays:
            return facts, dict(arrays)


def environment(rank: int, size: int, devices: int, port: int) -> dict[str, str]:
    """Variables of one process; programs are compiled anew, so that they are seen."""
    flags = f"--xla_force_host_platform_device_count={devices}"
    return surroundings() | {
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": flags,
        "JAX_ENABLE_COMPILATION_CACHE": "false",
        "JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}",
        "JAX_NUM_PROCESSES": str(size),
        "JAX_PROCESS_ID": str(rank),
    }


def free_port() -> int:
    """One that nothing listens to now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def compare(
    found: dict[str, tuple[dict[str, Any], dict[str, np.ndarray]]], size: dict[str, Any]
) -> list[dict[str, Any]]:
    """Of each run what it measured, and how far it is from that of one device."""
    _, single = found["1 device"]
    runs = []
    for name, (facts, arrays) in found.items():
        differences = {
            key: float(np.abs(arrays[key] - single[key]).max()) for key in single
        }
        orders = [np.argsort(a["error"], kind="stable") for a in (arrays, single)]
        per_candidate = facts["scoring"]["bytes_of_all"] / size["population"]
        runs.append(
            {
                "devices": name,
                "options": RUNS[name][2],
                "largest_difference": differences,
                "same_ranking": bool(np.array_equal(*orders)),
                "bytes_per_candidate": per_candidate,
                **facts,
            }
        )
    return runs


def balances(problem: Problem, seeds: int) -> list[dict[str, Any]]:
    """How evenly work lies on the devices, and how much of it is done twice."""
    space = problem.space
    populations = {
        "random": [
            np.asarray(space.flatten(space.sample_valid(jax.random.key(s), POPULATION)))
            for s in range(seeds)
        ]
    }
    for seed in range(max(1, seeds // 4)):
        for number, rows in learnt(problem, seed):
            populations.setdefault(f"REINFORCE, round {number}", []).append(rows)
    work = problem.costs.stages()
    found = []
    for name, drawn in populations.items():
        shares, twice = [], []
        for rows in drawn:
            loads = hand_loads(space, work, rows, deal_prefixes(space, work, rows, 8))
            alone = hand_loads(space, work, rows, [np.arange(len(rows))])
            shares.append(imbalance(loads))
            twice.append(float(loads.sum() / alone.sum() - 1.0))
        found.append(
            {
                "population": f"{POPULATION} {name}",
                "devices": DEVICES,
                "imbalance": summary(shares),
                "work_done_again": summary(twice),
            }
        )
    return found


def learnt(problem: Problem, seed: int) -> list[tuple[int, np.ndarray]]:
    """Populations of REINFORCE while it learns that larger networks err less."""
    space, costs = problem.space, problem.costs
    most = float(costs(space.largest_row[None])["flops"][0])
    controller = make_reinforce(
        ReinforceController(), space.num_choices, ROUNDS, (most,)
    )
    key = jax.random.key(seed)
    state, found = controller.init(key), []
    for number in range(ROUNDS):
        rows = controller.ask(state, jax.random.fold_in(key, number), POPULATION)
        valid = space.canonical(np.asarray(rows))
        if number % (ROUNDS // 4) == 0 or number == ROUNDS - 1:
            found.append((number, valid))
        flops = jnp.asarray(costs(valid)["flops"] / most, jnp.float32)
        objectives = jnp.stack([1.0 - flops, flops * most], axis=-1)
        told = Told(rows, objectives, jnp.ones(POPULATION, bool))
        state = controller.tell(state, told)
    return found


def project(
    problem: Problem, runs: list[dict[str, Any]], bandwidth: float, latency: float
) -> dict[str, Any]:
    """Seconds of a large population on many accelerators; see above."""
    space, work = problem.space, problem.costs.stages()
    sentences = problem.batches[0].length.size
    own = hand_loads(space, work, problem.indices, [np.arange(len(problem.indices))])
    # The widest of those whose messages are sums alone, not weights.
    one, many = runs[0], [r for r in runs if "fsdp" not in r["options"]][-1]
    per_flop = one["scoring"]["seconds"] / (float(own[0]) * sentences)
    key = jax.random.key(1)
    rows = np.asarray(space.flatten(space.sample_valid(key, MANY_POPULATION)))
    start = time.perf_counter()
    dealt = deal_prefixes(space, work, rows, MANY_DEVICES)
    for hand in dealt:
        plan_operations(space, rows[hand], len(hand))
    host = time.perf_counter() - start
    loads = hand_loads(space, work, rows, dealt)
    alone = hand_loads(space, work, rows, [np.arange(len(rows))])
    # Sums of all candidates go to every device, and grow with their number alone.
    each = many["scoring"]["bytes_per_device"] / len(problem.indices)
    grown = each * MANY_POPULATION
    count = sum(many["scoring"]["collectives"].values())
    busiest = per_flop * sentences * float(loads.max())
    seconds = busiest + host + grown / bandwidth + count * latency
    ideal = per_flop * sentences * float(alone[0]) / MANY_DEVICES
    return {
        "devices": MANY_DEVICES,
        "population": MANY_POPULATION,
        "sentences": sentences,
        "seconds_per_flop": per_flop,
        "seconds_per_candidate_on_one": one["scoring"]["seconds"]
        / len(problem.indices),
        "imbalance": imbalance(loads),
        "work_done_again": float(loads.sum() / alone[0] - 1.0),
        "busiest_device_seconds": busiest,
        "host_seconds": host,
        "bytes_per_device": grown,
        "bandwidth": bandwidth,
        "latency": latency,
        "collectives": count,
        "seconds": seconds,
        "efficiency": ideal / seconds,
    }


def bars(runs: list[dict[str, Any]], balance: list[dict[str, Any]]) -> list[Any]:
    """Equal results, the same order, and work in balance."""
    errors = [run["largest_difference"]["error"] for run in runs]
    others = sum(not run["same_ranking"] for run in runs)
    worst = max(one["imbalance"]["max"] for one in balance)
    return [
        at_most("largest difference of errors to one device", TOLERANCE, max(errors)),
        at_most("runs that rank candidates otherwise", 0, float(others)),
        at_most(f"imbalance, {POPULATION} on {DEVICES} devices", BALANCE, worst),
    ]


if __name__ == "__main__":
    main()
