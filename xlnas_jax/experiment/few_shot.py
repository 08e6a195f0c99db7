"""The few labelled rows of targets that a picked network learns from."""

from collections.abc import Mapping

from xlnas_jax.data import sources
from xlnas_jax.data.examples import AnyExamples
from xlnas_jax.data.select import drawn
from xlnas_jax.experiment.parts import Experiment, TaskPart
from xlnas_jax.types import DataError


def few_shot_examples(
    experiment: Experiment, part: TaskPart
) -> tuple[AnyExamples, ...]:
    """`few_shot.rows` rows of each target of a task, from its train split.

    The same whatever network learns from them, and whatever the search's seed.

    Raises:
        LeakError: none were asked for.
        DataError: a target has not as many.
    """
    roles, config = part.roles, experiment.config.few_shot
    every = {
        code: sources.read(part.source, roles, code, "train", "few_shot")
        for code in roles.target
    }
    require_enough(part, {code: len(one) for code, one in every.items()})
    return tuple(drawn(one, config.rows, config.seed) for one in every.values())


def require_enough(part: TaskPart, rows: Mapping[str, int]) -> None:
    """An error unless every target's train split has as many rows as are asked for.

    Fewer of some would favour the others in what is compared.

    Args:
        rows: how many each language has.
    """
    wanted = part.roles.target_rows
    few = {
        part.codes[code]: rows[code]
        for code in part.roles.target
        if wanted and rows[code] < wanted
    }
    if few:
        listed = ", ".join(f"{count:,} of {code}" for code, count in few.items())
        raise DataError(
            f"few_shot.rows: the train split of every target must have {wanted:,} "
            f"rows; got {listed}. Use {min(few.values())} or fewer, or leave these "
            f"languages out."
        )
