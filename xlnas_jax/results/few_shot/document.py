"""What `front.json` says of a network that learnt from labelled rows of targets."""

from collections.abc import Mapping
from typing import Any

from xlnas_jax.experiment.few_shot import few_shot_examples
from xlnas_jax.experiment.parts import Experiment
from xlnas_jax.results.document import Document, compare, number, summarise
from xlnas_jax.results.scoring import Scores

KEY = "few_shot"


def add_few_shot(
    experiment: Experiment,
    document: Document,
    point: dict[str, Any],
    before: dict[str, Scores],
    after: dict[str, Scores],
) -> None:
    """Adds `few_shot` to the contents of `front.json`.

    Args:
        point: the network that was picked, before it was trained so.
        before, after: its test scores by column.
    """
    document[KEY] = {
        **settings_of(experiment),
        "network": _name_of(point),
        "zero_shot": _scored(experiment, document, before),
        **_scored(experiment, document, after),
        "comparisons": compare(experiment, document, after, before),
    }


def settings_of(experiment: Experiment) -> dict[str, Any]:
    """How a network is trained so, and the rows by the columns of targets."""
    few = experiment.config.few_shot
    return {
        "rows": few.rows,
        "steps": few.steps,
        "learning_rate": few.learning_rate,
        "top_layers": few.top_layers,
        "ids": {
            experiment.column(part, one.language): list(one.ids)
            for part in experiment.parts
            for one in few_shot_examples(experiment, part)
        },
    }


def _scored(
    experiment: Experiment, document: Document, scores: dict[str, Scores]
) -> dict[str, Any]:
    languages = {
        column: {name: number(value) for name, value in found.metrics.items()}
        for column, found in scores.items()
    }
    own = summarise(experiment, document, {"languages": languages}, scores)
    return {"languages": languages, "summary": own}


def _name_of(point: dict[str, Any]) -> dict[str, str]:
    """Two networks of one architecture have other names if their weights differ."""
    return {"id": point["id"], "name": point.get("name", "")}


def few_shot_of(document: Document, point: dict[str, Any]) -> dict[str, Any] | None:
    """What `few_shot` says of a network; None of one that no target's row trained."""
    found = document.get(KEY)
    return found if found and found["network"] == _name_of(point) else None


def told(found: Mapping[str, Any]) -> str:
    """How much of targets was seen, as every result says it."""
    targets = ", ".join(found["ids"])
    count = len(found["ids"])
    rows = "1 labelled row" if found["rows"] == 1 else f"{found['rows']} labelled rows"
    several = f"each of {count} target languages" if count > 1 else "1 target language"
    return f"{rows} of {several} ({targets})"


def trained_part(found: Mapping[str, Any]) -> str:
    """Which weights learnt, in words."""
    top = found["top_layers"]
    if top is None:
        return "all weights that `train` leaves free"
    if not top:
        return "its head alone"
    return f"its head and its last {'layer' if top == 1 else f'{top} layers'}"
