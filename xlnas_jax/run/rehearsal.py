"""All that a search does before its first round; nothing is written or trained."""

from collections.abc import Callable
from pathlib import Path

from xlnas_jax.config.config import Config
from xlnas_jax.data.sources import read_texts
from xlnas_jax.data.tokens.coverage import warn
from xlnas_jax.devices.sharding import make_mesh, require_divisible
from xlnas_jax.experiment.arrays import heldout_data, training_rows
from xlnas_jax.experiment.inspection import inspect_data, is_whole, remarks
from xlnas_jax.experiment.prepare import prepare
from xlnas_jax.experiment.weights import import_params
from xlnas_jax.storage.rundir import look_at
from xlnas_jax.terminal.report import Reporter


def rehearse(config: Config, directory: Path, say: Callable[[str], None]) -> list[str]:
    """Checks configuration, data, model, devices and run directory.

    Args:
        say: is told what is odd, but no error.

    Returns:
        What would be searched, in a few lines.

    Raises:
        XlnasError: what would have ended the search, sooner or later.
    """
    experiment = prepare(config)
    config = experiment.config
    with Reporter() as report:
        found = inspect_data(experiment, report)
    for line in remarks(experiment, found):
        say(line)
    goes_on = look_at(directory, config, is_whole(found))
    require_divisible(make_mesh(config.devices), config.train)
    training_rows(experiment)
    heldout_data(experiment)
    for part in experiment.parts:  # whose test data a search tokenises at its end
        for code in part.roles.all:
            texts = read_texts(part.source, code, "test")
            warn(part.tokenizer, texts, code, part.tokens.max_unk_rate)
    import_params(experiment)
    splits = [one for every in found.values() for one in every]
    languages = {one.language for one in splits}
    rows = sum(one.form.report.kept for one in splits)
    search = config.search
    return [
        f"Nothing stands in the way. {rows:,} rows were read, in {len(splits)} splits "
        f"of {len(languages)} languages.",
        f"The search would choose among {experiment.space.size:,} networks, in "
        f"{search.rounds} rounds of {search.population} candidates.",
        f"{directory}: " + ("the run there would go on." if goes_on else "a new run."),
    ]
