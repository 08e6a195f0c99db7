"""The commands as calls: `search`, `export`, `evaluate`, and `load` with its `predict`.

Each is what the command of its name calls, and takes the same options by the same
names. What a user can mend is raised as a `xlnas_jax.XlnasError`; nothing is printed
unless `show` asks for it.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

from xlnas_jax.config.config import Config
from xlnas_jax.config.export import Dtype
from xlnas_jax.config.reading.given import Given, config_of
from xlnas_jax.devices.joining import joined
from xlnas_jax.export import labelled
from xlnas_jax.export.artifact.load import load, load_form
from xlnas_jax.export.ensemble import Ensemble
from xlnas_jax.export.evaluation import evaluate_model
from xlnas_jax.export.point import pick_point
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.run.again import export_run, require_finished
from xlnas_jax.run.run import run_search
from xlnas_jax.storage.rundir import read_run
from xlnas_jax.terminal.report import Reporter
from xlnas_jax.terminal.text import hushed
from xlnas_jax.types import ConfigError

__all__ = ["FinishedRun", "evaluate", "export", "load", "search"]

AnyPath = str | PathLike[str]
AnyModel = AnyPath | Subnet


@dataclass(frozen=True)
class FinishedRun:
    """What a search found, as plain data: mappings, lists, numbers and texts.

    Attributes:
        folder: of the run.
        model: of the network that `export.pick` chose; of a search on several tasks
            with a folder for each of them.
        document: the contents of `front.json`.

    Examples:
        >>> from xlnas_jax.api import FinishedRun
        >>> run = FinishedRun.read("run")
        >>> run.smallest["costs"]["params"] <= run.best["costs"]["params"]
        True
    """

    folder: Path
    model: Path
    document: dict[str, Any] = field(repr=False)

    @classmethod
    def read(cls, folder: AnyPath) -> "FinishedRun":
        """A run that was finished before; nothing of it is changed.

        Raises:
            CheckpointError: there is none, or it is not finished.
        """
        with read_run(folder) as run:
            return cls(run.path, run.model, require_finished(run))

    @property
    def points(self) -> list[dict[str, Any]]:
        """The front, the lowest error first.

        Each point has an `id`, its `architecture`, its `objectives` and `costs` by
        name, and of those that were tested the scores of all `languages`.
        """
        return self.document["points"]

    @property
    def best(self) -> dict[str, Any]:
        """The point with the lowest error; of finalists the one that won."""
        return self.point("best")

    @property
    def knee(self) -> dict[str, Any]:
        """The point nearest to the best value of every objective."""
        return self.point("knee")

    @property
    def smallest(self) -> dict[str, Any]:
        """The point with the fewest parameters."""
        return self.point("smallest")

    def point(self, pick: str) -> dict[str, Any]:
        """A point by its id, or by the name of a pick."""
        return pick_point(self.document, pick)


def search(
    config: Given,
    run_dir: AnyPath | None = None,
    changes: Mapping[str, Any] | None = None,
    *,
    skip_bad_rows: bool = False,
    show: bool = False,
) -> FinishedRun:
    """Searches, reports and exports, as `xlnas search`; goes on where a run was left.

    Args:
        config: a YAML file; or what one holds, as nested mappings; or a `Config`.
        run_dir: where everything is written; `runs/NAME_OF_CONFIG` if not given.
        changes: options to change, as `{"search.rounds": 4}`; what `--set` is for.
        skip_bad_rows: pass over faulty rows of data files and count them.
        show: progress on stderr.

    Raises:
        ConfigError: the configuration cannot be honoured.
        DataError: data are not what it says of them.
        CheckpointError: `run_dir` holds another search, or something else.

    Examples:
        >>> from xlnas_jax import api
        >>> run = api.search("config.yaml", "run")
        >>> sorted(run.best["objectives"])
        ['error', 'flops']
        >>> all(point["costs"]["encoder_params"] <= 4000 for point in run.points)
        True
    """
    changes = dict(changes or {})
    if skip_bad_rows:
        changes["skip_bad_rows"] = True
    found = config_of(config, changes)
    directory = usual_place(config) if run_dir is None else Path(run_dir)
    # Processes that were launched together meet before any of them uses a device.
    with _showing(show), joined():
        document, model = run_search(found, directory)
    return FinishedRun(directory, model, document)


def usual_place(config: Given) -> Path:
    """Where a search is kept of which nothing else is said."""
    if isinstance(config, Config | Mapping):
        raise ConfigError(
            "run_dir: must be given where the configuration is no file whose name "
            "the run could have; got none."
        )
    return Path("runs") / Path(config).stem


def export(
    run: FinishedRun | AnyPath,
    out: AnyPath,
    pick: str = "best",
    formats: Sequence[str] = ("flax",),
    *,
    dtype: Dtype | None = None,
    show: bool = False,
) -> Path:
    """Writes a point of a finished search as a model, as `xlnas export`.

    Args:
        run: what `search` gave, or the folder of a run.
        out: where the model is written; an older export is replaced.
        pick: `best`, `knee`, `smallest`, or the id of a point.
        formats: what is written beside the model itself (`flax`) for other libraries:
            `hf`, `sentence-transformers`, `onnx`, `onnx-int8`, `stablehlo`.
        dtype: in which weights are written, `fp32` or `bf16`; that of the run's
            `export.dtype` if not given.
        show: progress on stderr.

    Returns:
        The folder of the model.

    Raises:
        CheckpointError: the run is not finished or not whole.
        ConfigError: there is no such point, or a form that cannot hold it.

    Examples:
        >>> from xlnas_jax import api
        >>> api.export("run", "small", pick="smallest").name
        'small'
    """
    directory = run.folder if isinstance(run, FinishedRun) else Path(run)
    names = (formats,) if isinstance(formats, str) else tuple(formats)
    others = tuple(name for name in names if name != "flax")
    with _showing(show), Reporter() as report:
        return export_run(directory, pick, Path(out), others, report, dtype)


def evaluate(
    model: AnyModel | Sequence[AnyModel],
    data: Given,
    languages: Sequence[str] | str = (),
    *,
    task: str = "",
    text_column: str = "text",
    label_column: str = "label",
    pair_column: str = "",
    word_column: int = 0,
    tag_column: int = -1,
    form: str = "",
    translate_test: bool = False,
    skip_bad_rows: bool = False,
    show: bool = False,
) -> dict[str, dict[str, Any]]:
    """Scores a model on labelled text, language by language, as `xlnas evaluate`.

    Args:
        model: its folder, its name on the hub, or what `load` gave. Several of one
            task answer as one, by the mean of their probabilities.
        data: a configuration in any of the forms that `search` takes, whose test
            split is scored; or a file with labels.
        languages: that are scored; all of the configuration's if none is given. Of a
            file, the one it is in.
        task: of a configuration with several of the model's kind, the one to score.
        text_column: of the text in a table.
        label_column: of the label in a table.
        pair_column: of the second text of each pair in a table, if there is.
        word_column: position of the word in a CoNLL file, counted from 0.
        tag_column: position of the tag in a CoNLL file; -1 is the last column.
        form: score what lies beside the model for another library.
        translate_test: read what texts are in the source language, by the
            configuration's section of that name.
        skip_bad_rows: pass over faulty rows.
        show: progress on stderr.

    Returns:
        By language the number of examples and the task's official metrics; of
        translated texts also how many were `untranslated`.

    Raises:
        ConfigError: what is given does not fit together.
        DataError: data are not what was said of them.
        CheckpointError: there is no such model, or it is not whole.

    Examples:
        >>> from xlnas_jax import api
        >>> scores = api.evaluate("run/model", "config.yaml", languages=["es"])
        >>> sorted(scores["es"])
        ['accuracy', 'examples', 'macro_f1']
    """
    given = [model] if isinstance(model, str | PathLike | Subnet) else list(model)
    if not given:
        raise ConfigError("MODEL: at least one directory must be given; got none.")
    if form and (len(given) > 1 or isinstance(given[0], Subnet)):
        got = f"{len(given)} models" if len(given) > 1 else "one that is loaded"
        raise ConfigError(
            f"--form: must be of one model in its folder, as its library runs it "
            f"alone; got {got}. Leave it out, or give one folder."
        )
    codes = (languages,) if isinstance(languages, str) else tuple(languages)
    columns = labelled.FileColumns(
        text_column, label_column, pair_column, word_column, tag_column
    )
    with _showing(show), Reporter() as report:
        subnets = [one if isinstance(one, Subnet) else load(Path(one)) for one in given]
        first, left = subnets[0], dict[str, dict[str, int]]()
        is_path = isinstance(data, str | PathLike)
        file = Path(data) if is_path and not _is_config(data) else None
        if translate_test:
            if file is not None:
                raise ConfigError(
                    f"--translate-test: needs a configuration as --data, whose section "
                    f"translate_test says by what texts are translated; got {data}. "
                    f"Give one, or leave it out."
                )
            about = data, first, codes, task, skip_bad_rows
            parts, left = labelled.read_translated(*about)
        elif file is not None:
            about = file, first, codes, columns, skip_bad_rows
            parts = labelled.read_file(*about)
        else:
            parts = labelled.read_config(data, first, codes, task, skip_bad_rows)
        call = None
        if form and not isinstance(given[0], Subnet):
            call = load_form(Path(given[0]), first, form)
        answering = Ensemble(subnets) if len(subnets) > 1 else first
        scores = evaluate_model(answering, parts, call, report)
    return {code: {**own, **left.get(code, {})} for code, own in scores.items()}


def _is_config(path: AnyPath) -> bool:
    return Path(path).suffix in labelled.CONFIG_SUFFIXES


@contextlib.contextmanager
def _showing(show: bool) -> Iterator[None]:
    with contextlib.nullcontext() if show else hushed():
        yield
