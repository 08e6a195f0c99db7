"""All cells of a comparison, those that are kept read and the others run."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from xlnas_jax.comparison.cell import FEW_SHOT, Cell, config_of, paper_of, run_cell
from xlnas_jax.comparison.kept import FORMAT, read_cell, write_cell, write_result
from xlnas_jax.comparison.summary import few_shot, summarise, translate_test
from xlnas_jax.comparison.translating import TRANSLATE_TEST, require_translator
from xlnas_jax.config.config import Config
from xlnas_jax.experiment.inspection import check_data
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.terminal.progress import Progress
from xlnas_jax.types import ConfigError


def compare(
    config: Config,
    methods: Sequence[str],
    seeds: int,
    steps: int,
    folder: Path,
    progress: Progress,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Every method with every seed, each cell kept as soon as it is done.

    Started again it goes on; with more methods or seeds only what is new is run.

    Args:
        config: whose data, languages, model and `train` section count.
        seeds: how many, from `config.seed` on.
        folder: where everything is kept.

    Raises:
        ConfigError: a method cannot be compared, or learns from what is not there.
        CheckpointError: a kept cell was made with other options.

    Returns:
        The document that is written, `comparison.json`.
    """
    cells = [
        Cell(method, config.seed + number)
        for number in range(seeds)
        for method in _distinct(methods)
    ]
    # All of them first: what cannot be run is said before anything is.
    configs = {cell: config_of(config, cell, steps) for cell in cells}
    kept = {cell: read_cell(folder, cell.name, own) for cell, own in configs.items()}
    new = {cell.method: configs[cell] for cell in cells if kept[cell] is None}
    for name, own in new.items():
        progress.phase(f"reading data of {name}")
        experiment = prepare(own)
        check_data(experiment, say, progress.inner)
        require_translator(experiment)
    found: dict[str, list[dict[str, Any]]] = {cell.method: [] for cell in cells}
    for number, cell in enumerate(cells):
        progress.phase(f"{cell.method}, seed {cell.seed}")
        before = number * steps
        done = kept[cell]
        if done is None:
            done = run_cell(
                prepare(configs[cell]),
                lambda step, before=before: progress.update(before + step),
            )
            write_cell(folder, cell.name, done)
        progress.update(before + steps)
        found[cell.method].append(done)
    document = {
        "format": FORMAT,
        "steps": steps,
        "seeds": [config.seed + number for number in range(seeds)],
        "methods": {name: paper_of(name) for name in found},
        "tasks": found[cells[0].method][0]["tasks"],
        "summary": summarise(found),
    }
    if FEW_SHOT in found:
        document[FEW_SHOT] = few_shot(found[FEW_SHOT])
    if TRANSLATE_TEST in found:
        document[TRANSLATE_TEST] = translate_test(found[TRANSLATE_TEST])
    write_result(folder, document)
    return document


def _distinct(methods: Sequence[str]) -> list[str]:
    """Known methods, each once, in their order; the first is what others are held to.

    Raises:
        ConfigError: one is unknown or twice, or there is none.
    """
    if not methods:
        raise ConfigError("--methods: at least one must be named; got none.")
    for name in methods:
        paper_of(name)
        if list(methods).count(name) > 1:
            raise ConfigError(
                f"--methods: every method must be named once; got {name} twice. Leave "
                f"one out."
            )
    return list(methods)
