"""Run directories with everything that a report draws, without any search."""

import dataclasses
import pathlib
from typing import Any

import numpy as np

from tests.experiments import tiny_config
from xlnas_jax.config.config import Config
from xlnas_jax.config.reading.file import dump_config
from xlnas_jax.files import write_json
from xlnas_jax.storage.rundir import Run

LAYERS, HEADS, FFN = 12, (2, 4, 8, 12), (192, 384, 768, 1152, 1536)
_CODES = (
    "de es id tl zh ar yo quy am fi tr my ja ko th vi pl cs el he hu fa ur bn ta te ka "
    "hy so ha"
)
TARGETS = tuple(_CODES.split())
AUXILIARY = ("ru", "hi", "sw", "it", "pt", "nl", "et", "jv")
TRAINED, SOURCE = "fr", "en"
KINDS = ("found", "uniform", "bottom", "random")


def config_of(seed: int = 0, **search: Any) -> Config:
    """A configuration on forty languages."""
    config = tiny_config(seed=seed)
    languages = dataclasses.replace(
        config.languages, source=SOURCE, aux_heldout=AUXILIARY, target=TARGETS
    )
    search = {"rounds": 30, "population": 16, **search}
    return dataclasses.replace(
        config,
        languages=languages,
        search=dataclasses.replace(config.search, **search),
        constraints=dataclasses.replace(config.constraints, encoder_params=14e6),
    )


def architecture_of(rng: np.random.Generator, share: float) -> dict[str, list[Any]]:
    """About so much of the full network; layers are missing from the top."""
    kept = max(1, round(LAYERS * min(1.0, share * 1.4)))
    gate = [int(n < kept) for n in range(LAYERS)]
    if share < 0.9 and kept > 3:
        gate[int(rng.integers(1, kept - 1))] = 0
    heads, ffn = (
        [
            int(rng.choice(choices[: max(1, round(len(choices) * share + 0.6))]))
            for _ in gate
        ]
        for choices in (HEADS, FFN)
    )
    if share >= 1:
        heads, ffn = [HEADS[-1]] * LAYERS, [FFN[-1]] * LAYERS
    return {"keep": gate, "heads": heads, "ffn": ffn, "pooling": ["mean"]}


def point_of(rng: np.random.Generator, share: float, label: str) -> dict[str, Any]:
    """A network of a share of the full one's work, with scores of all languages."""
    error = 0.2 + 0.35 * (1 - share) ** 2 + 0.02 * float(rng.random())
    columns = (SOURCE, TRAINED, *AUXILIARY, *TARGETS)
    noise = 0.03 * rng.random(len(columns))
    languages = {
        code: {"accuracy": round(max(0.1, 0.95 - 0.012 * n - error * 0.8 - less), 6)}
        for n, (code, less) in enumerate(zip(columns, noise.tolist(), strict=True))
    }
    worst = min(TARGETS, key=lambda code: languages[code]["accuracy"])
    mean = round(float(np.mean([languages[c]["accuracy"] for c in TARGETS])), 6)
    task = {
        "source": languages[SOURCE]["accuracy"],
        "target_mean": mean,
        "worst_language": {"language": worst, "score": languages[worst]["accuracy"]},
    }
    flops = int(1.7e9 * share)
    return {
        "id": label,
        "architecture": architecture_of(rng, share),
        "objectives": {"error": round(error, 6), "flops": flops},
        "costs": {
            "params": int(9.6e7 + 2.1e7 * share**1.3),
            "encoder_params": int(2.1e7 * share**1.15),
            "flops": flops,
            "memory_bytes": int(4.7e8 * (0.8 + 0.2 * share**0.7)),
        },
        "languages": languages,
        "summary": {
            "tasks": {"task": task},
            "target_mean": mean,
            "target_error": 0.0125,
        },
    }


def document_of(seed: int = 0, points: int = 200, finalists: bool = True) -> Any:
    """The contents of a `front.json` as a long search leaves it."""
    rng = np.random.default_rng(seed)
    found = [
        point_of(rng, share, f"{n:04x}{seed:02x}beef")
        for n, share in enumerate(np.linspace(0.64, 0.03, points))
    ]
    for one in found[::3]:  # most points of a front are never tested
        one["languages"] = {}
        del one["summary"]
    trivial = {code: 0.25 for code in (SOURCE, TRAINED, *AUXILIARY, *TARGETS)}
    difference = {"difference": -0.03, "low": -0.05, "high": -0.01, "p_value": 0.001}
    document = {
        "format": 1,
        "constraints": [{"cost": "encoder_params", "limit": 14e6}],
        "objectives": ["error", "flops"],
        "evaluated": 480,
        "rejected_before_evaluation": 96,
        "failed": 1,
        "seed": seed,
        "model_origin": "",
        "tasks": {
            "task": {
                "kind": "classification",
                "primary": "accuracy",
                "labels": ["a", "b", "c", "d"],
                "roles": {
                    "source": SOURCE,
                    "aux_train": [TRAINED],
                    "aux_heldout": list(AUXILIARY),
                    "target": list(TARGETS),
                },
                "trivial": {"name": "majority class", "scores": trivial},
                "rows": {},
            }
        },
        "points": found,
        "fronts": {"flops": [one["id"] for one in found]},
        "baselines": {
            "full": point_of(rng, 1.0, "f" * 10),
            "random": point_of(rng, 0.5, "a" * 10),
            "uniform": point_of(rng, 0.45, "b" * 10),
        },
        "comparisons": {
            name: {"task": {key: value + up for key, value in difference.items()}}
            for name, up in (("full", 0.0), ("random", 0.02), ("uniform", 0.06))
        },
    }
    if finalists:
        document["finalists"] = _finalists(rng, found)
    return document


def _finalists(rng: np.random.Generator, found: list[Any]) -> dict[str, Any]:
    networks = []
    for kind in KINDS:
        for place, share in (("1/2", 0.5), ("1/4", 0.25), ("1/8", 0.125)):
            one = point_of(rng, share, f"{kind[:4]}{place[-1]}00000")
            if kind == KINDS[0]:  # a point of the front, trained alone
                near = min(
                    found,
                    key=lambda p: abs(p["costs"]["flops"] - one["costs"]["flops"]),
                )
                one |= {
                    k: near[k] for k in ("id", "architecture", "objectives", "costs")
                }
            objectives = dict(one["objectives"])
            after = {**objectives, "error": round(objectives["error"] - 0.1, 6)}
            before = {"objectives": objectives, "selection": {}}
            named = {"kind": kind, "places": [place], "name": f"shared-{one['id']}"}
            networks.append({**named, **one, "objectives": after, "before": before})
    gain = {"difference": 0.02, "low": -0.01, "high": 0.05, "p_value": 0.2}
    return {
        "steps": 48,
        "most_steps": 118,
        "by": "error",
        "budgets": [0.5, 0.25, 0.125],
        "networks": networks,
        "winner": 1,
        "fronts": {},
        "comparisons": {
            place: {kind: {"task": dict(gain)} for kind in KINDS[1:]}
            for place in ("1/2", "1/4", "1/8")
        },
    }


def rounds_of(seed: int = 0, num: int = 32) -> list[dict[str, Any]]:
    """Lines of `metrics.jsonl`: two of the warm-up, then those of the search."""
    rng = np.random.default_rng(seed)
    lines: list[dict[str, Any]] = [{"round": n, "loss": 1.4 - n / 9} for n in range(2)]
    for n in range(2, num):
        loss = 1.1 / (1 + 0.1 * n) + 0.05 * float(rng.random())
        best = round(0.55 - 0.008 * n, 6)
        lines.append(
            {
                "round": n,
                "loss": round(loss, 6),
                "evaluated": 16 * (n - 1),
                "rejected_before_evaluation": 4 * (n - 1) - n % 3,
                "failed": n % 7 == 0,
                "ruled_out": 0,
                "population_error": round(best + 0.08, 6),
                "best_error": best,
                "hypervolume": round(0.4 - 0.3 / n + 0.01 * float(rng.random()), 6),
                "diversity": 0.5,
                "front": [[best, 9e8], [round(best + 0.1, 6), 3e8]],
            }
        )
        lines[-1]["failed"] = int(lines[-1]["failed"])
    return lines[:num]


def make_run(
    path: pathlib.Path,
    seed: int = 0,
    document: Any = None,
    rounds: int = 32,
    config: Config | None = None,
    measured: dict[str, Any] | None = None,
) -> pathlib.Path:
    """A run directory; without a document it is not finished."""
    path.mkdir(parents=True)
    (path / "config.yaml").write_text(dump_config(config or config_of(seed)))
    run = Run(path)
    for line in rounds_of(seed, rounds):
        run.metrics.append(line)
    if measured:
        write_json(path / "measured.json", measured)
    if document is not None:
        run.write_front(document)
    return path
