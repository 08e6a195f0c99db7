"""What does it cost when rare pieces share rows, and what when they are left out?

Of finished searches with finalists: what was found within a share of the FLOPs is
exported and trimmed to the pieces that its tasks' train and dev texts use. Then the
pieces of a share of every language's tokens keep rows of their own. All others share
some: those of like vectors (k-means), or, as a control, any; or so many pieces are left
out instead, the rarest, that there are as many rows, as far as single characters, which
stay, allow that. All are scored on the same tests.

    python -m benchmarks.evidence.shared_rows runs/sentiment_e5-s0 \
        runs/sentiment_e5-s1 --out benchmarks/results/shared_rows.json
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.evidence.trimmed import (
    exported,
    scores_of,
    target_mean,
    texts_of,
)
from benchmarks.harness import arguments
from benchmarks.reporting import report
from xlnas_jax.experiment.pieces.sharing import mean_rows
from xlnas_jax.export.fewer import with_fewer_rows
from xlnas_jax.export.params import count_params
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.export.trim import Keep, Texts, trim_subnet
from xlnas_jax.export.words import with_words
from xlnas_jax.space.words import share_rows
from xlnas_jax.types import ConfigError

SHARES, SHARED = (0.8, 0.9, 0.95), 256


def main() -> None:
    """Scores every way of every run."""
    parser = arguments(__doc__)
    parser.add_argument("runs", type=Path, nargs="+", help="finished run directories")
    parser.add_argument("--place", default="1/4", help="share of the FLOPs")
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES)
    parser.add_argument("--shared", type=int, default=SHARED)
    given = parser.parse_args()
    how = given.place, tuple(given.shares), given.shared
    found = [of_run(run, *how) for run in given.runs]
    settings = {"place": given.place, "shared": given.shared}
    report(given.out, __doc__, {**settings, "runs": found})


def of_run(
    run: Path, place: str, shares: tuple[float, ...], shared: int
) -> dict[str, Any]:
    """Rows and scores of every share, in every way."""
    experiment, network, whole = exported(run, place)
    texts = texts_of(experiment)

    def scored(subnet: Subnet) -> dict[str, Any]:
        scores = scores_of(experiment, subnet)
        return {"target_mean": target_mean(experiment, scores), "scores": scores}

    used = trim_subnet(whole, texts).subnet
    return {
        "seed": experiment.config.seed,
        "network": network,
        "width": used.shape.width,
        "used": {"rows": used.shape.word_rows, **scored(used)},
        "shares": [
            {"share": share, **of_share(used, texts, share, shared, scored)}
            for share in shares
        ],
    }


def of_share(
    used: Subnet,
    texts: Texts,
    share: float,
    shared: int,
    scored: Callable[[Subnet], dict[str, Any]],
) -> dict[str, Any]:
    """One share: alike, at random, and with pieces left out."""
    alike = with_fewer_rows(used, texts, share, shared)
    rows = alike.shape.word_rows
    found = {
        "rows": rows,
        "alike": scored(alike),
        "random": scored(at_random(used, alike)),
    }
    try:
        fewer = left_out(used, texts, rows)
    except ConfigError:
        # Single characters alone are more.
        return {**found, "left_out": None}
    return {**found, "left_out": scored(fewer)}


def at_random(used: Subnet, alike: Subnet, seed: int = 0) -> Subnet:
    """Pieces that share rows, dealt out anew over rows that as many pieces have."""
    words = alike.shape.words
    assert words is not None, "some pieces share rows"
    rows = words.rows[0]
    is_shared = np.bincount(rows)[rows] > 1
    group = np.where(is_shared, rows, -1)
    group[is_shared] = np.random.default_rng(seed).permutation(group[is_shared])
    every = share_rows(words.shares, [group])
    kept, own = every.of_choice(0)
    table = mean_rows(np.asarray(used.weights.embeddings.word), every)[kept]
    return with_words(used, table, own)


def left_out(used: Subnet, texts: Texts, rows: int) -> Subnet:
    """As many rows as there can be up to a number, each of one piece."""
    fewer = used.shape.word_rows - rows
    params = count_params(used.weights) - fewer * used.shape.width
    return trim_subnet(used, texts, Keep(params=params)).subnet


if __name__ == "__main__":
    main()
