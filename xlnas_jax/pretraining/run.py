"""Pretrains in a run directory: resumed, repeated round by round, measured, saved."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from xlnas_jax.config.pretraining.pretrain import Pretraining
from xlnas_jax.config.reading.file import to_mapping
from xlnas_jax.data.tokens.coverage import warn
from xlnas_jax.devices.backend import require_platform, use_compilation_cache
from xlnas_jax.devices.processes import (
    agree,
    decide,
    fingerprint,
    is_several,
    restore_everywhere,
)
from xlnas_jax.devices.sharding import local, make_layout, make_mesh, place, replicate
from xlnas_jax.pretraining.heldout import Heldout, mean_of
from xlnas_jax.pretraining.losses.base import PretrainParams
from xlnas_jax.pretraining.losses.registry import make_losses
from xlnas_jax.pretraining.model import Start, init_params, prepare
from xlnas_jax.pretraining.plan import Plan
from xlnas_jax.pretraining.rows import make_rows
from xlnas_jax.pretraining.save import FACTS, save_pretrained
from xlnas_jax.pretraining.step import (
    PretrainState,
    init_state,
    make_gradients,
    make_update,
)
from xlnas_jax.pretraining.texts import Divided, divide, read_corpus
from xlnas_jax.run.shared import console, open_shared
from xlnas_jax.storage.rundir import Run
from xlnas_jax.storage.steps import Checkpoints
from xlnas_jax.terminal.progress import Progress
from xlnas_jax.types import Batch, CheckpointError, ConfigError, DivergedError

_FORMAT = 1


def pretrain(config: Pretraining, directory: Path) -> Path:
    """Pretrains, or resumes; a finished run is left as it is.

    Returns:
        The directory of the pretrained model.
    """
    require_platform()
    use_compilation_cache()
    divided = divide(read_corpus(config), config.pretrain.heldout)
    start = prepare(config, _texts_of(divided))
    _warn_of_unknown(start, divided)
    whole = not config.skip_bad_rows
    with open_shared(directory, config, whole) as run:
        if decide(lambda: (run.model / FACTS).is_file()):
            return run.model
        work = Work(start, divided)
        state = work.restored(run)
        state = work.repeat(run, state)
        params = local(state.params)
        decide(lambda: _finish(run, start, divided, params))
        return run.model


class Work:
    """The compiled functions of a pretraining, and its data, on the devices."""

    def __init__(self, start: Start, divided: Divided) -> None:
        config = start.config
        self.start, self.config = start, config.pretrain
        mesh = make_mesh(config.devices)
        _require_divisible(self.config.batch_size, mesh.size)
        layout = make_layout(mesh, config.devices.fsdp)
        losses = make_losses(self.config, start.shape, start.masks)
        count = config.tokens.train_buckets
        self.rows: dict[str, tuple[Batch, ...]] = {
            name: make_rows(divided.learnt, loss.form, start.tokenizer, count)
            for name, loss in losses.items()
        }
        self.plan = Plan(self.config, config.seed, self.rows)
        checksum = fingerprint(self.rows)
        self.rows = replicate(mesh, self.rows)
        given = self.config, start.space, start.shape, layout
        self.gradients = make_gradients(losses, *given)
        state = init_state(self.config, init_params(start), config.seed, checksum)
        self.state = place(mesh, state, config.devices.fsdp)
        self.update = make_update(self.config, self.state.params, layout)
        self._shown: dict[str, float] = {}
        self.heldout = Heldout(
            start, divided.kept, layout, lambda rows: replicate(mesh, rows)
        )

    @property
    def num_rounds(self) -> int:
        """Of so many steps each; the last may have fewer. Round 0 has none."""
        return -(-self.config.steps // self.config.every)

    def step(self, state: PretrainState, number: int) -> tuple[PretrainState, Any]:
        """One optimizer step, and the losses that it had."""
        found, grads, factors = {}, [], []
        for turn in self.plan[number]:
            rows = self.rows[turn.loss][turn.bucket]
            given = rows, turn.rows, turn.weight
            loss, own = self.gradients[turn.loss](
                state.params, state.key, state.step, *given
            )
            found[turn.loss] = loss
            grads.append(own)
            factors.append(np.float32(turn.factor))
        return self.update(state, tuple(grads), tuple(factors)), found

    def restored(self, run: Run) -> PretrainState:
        """The newest saved state, or the first one.

        Raises:
            CheckpointError: it learnt from other rows.
        """
        if is_several():
            rows = jax.tree.leaves(self.rows), self.state.params
            facts = to_mapping(self.start.config), fingerprint(rows)
            agree("configuration, data and weights", facts)
        keep = self.start.config.checkpoint.keep
        with Checkpoints(run.checkpoints, keep, run.is_writer) as saved:
            found = restore_everywhere(saved.restore, self.state)
        if found is None:
            return self.state
        if int(found[1].data) != int(self.state.data):
            raise CheckpointError(
                f"{run.path}: texts and tokenizer must be those that the run began "
                f"with; got others. Restore them, or use another run directory."
            )
        return found[1]

    def repeat(self, run: Run, state: PretrainState) -> PretrainState:
        """Rounds up to the last one, each logged and then saved.

        What is killed goes on from the last saved round, and logs the later ones again.
        """
        settings, last = self.start.config.checkpoint, self.num_rounds
        done = int(state.step)
        # A new run begins with a round without steps, which measures the start.
        first = -(-done // self.config.every) + 1 if done else 0
        log = run.log(settings)
        log.begin(first)
        progress = Progress("pretraining", self.config.steps, done, console())
        with Checkpoints(run.checkpoints, settings.keep, run.is_writer) as saved:
            with progress:
                for number in range(first, last + 1):
                    state, losses = self._round(state, number, progress)
                    line = self._line(number, int(state.step), losses, state.params)
                    log.append(line)
                    self._shown = _values(line)
                    progress.update(line["step"], **self._shown)
                    if number and (number == last or number % settings.every == 0):
                        saved.save(number, state)
        return state

    def _round(
        self, state: PretrainState, number: int, progress: Progress
    ) -> tuple[PretrainState, dict[str, float]]:
        """The steps of a round, and the mean of each loss.

        Raises:
            DivergedError: a loss is not finite.
        """
        every, steps = self.config.every, self.config.steps
        start, stop = max(0, number - 1) * every, min(number * every, steps)
        seen: dict[str, list[Any]] = {}
        for step in range(start, stop):
            state, found = self.step(state, step)
            for name, loss in found.items():
                seen.setdefault(name, []).append(loss)
            progress.update(step + 1, **self._shown)
        # Read when all steps are dispatched: the host does not wait for each.
        means = {
            name: float(np.mean([float(loss) for loss in losses]))
            for name, losses in seen.items()
        }
        _require_finite(means, number, self.config.learning_rate)
        return state, means

    def _line(
        self, number: int, step: int, losses: dict[str, float], params: PretrainParams
    ) -> dict[str, Any]:
        measured = self.heldout.measure(params)
        return {"round": number, "step": step, "losses": losses, "heldout": measured}


def _values(line: Mapping[str, Any]) -> dict[str, float]:
    """What the bar shows of a round."""
    largest = line["heldout"]["largest"]
    means = {name: mean_of(largest, name) for name in ("masked_loss", "p_at_1")}
    there = {name: value for name, value in means.items() if value is not None}
    return {**line["losses"], **there}


def _finish(run: Run, start: Start, divided: Divided, params: PretrainParams) -> None:
    lines = run.metrics.read()
    if not lines:
        raise CheckpointError(
            f"{run.metrics.path}: must hold the curves of this run; got none. Restore "
            f"it, or use another run directory."
        )
    learnt, config = divided.learnt, start.config.pretrain
    facts = {
        "format": _FORMAT,
        "model": to_mapping(start.config.model),
        "losses": {"mixing": config.mixing, **config.counted},
        "steps": config.steps,
        "texts": {code: len(texts) for code, texts in learnt.texts.items()},
        "pairs": {code: len(pairs) for code, pairs in learnt.pairs.items()},
        "heldout": {"first": lines[0]["heldout"], "last": lines[-1]["heldout"]},
    }
    save_pretrained(run.model, start, params, facts)


def _texts_of(divided: Divided) -> list[str]:
    learnt = divided.learnt
    found = [text for texts in learnt.texts.values() for text in texts]
    return found + [side for own in learnt.pairs.values() for p in own for side in p]


def _warn_of_unknown(start: Start, divided: Divided) -> None:
    limit = start.config.tokens.max_unk_rate
    learnt = divided.learnt
    for code in learnt.languages:
        texts = [*learnt.texts.get(code, ())]
        texts += [pair.text for pair in learnt.pairs.get(code, ())]
        if texts:
            warn(start.tokenizer, texts, code, limit)


def _require_divisible(batch_size: int, num_devices: int) -> None:
    if batch_size % num_devices:
        raise ConfigError(
            f"pretrain.batch_size: must be a multiple of the {num_devices} devices; "
            f"got {batch_size}. Change it, or use fewer devices (devices.pop)."
        )


def _require_finite(means: Mapping[str, float], number: int, rate: float) -> None:
    if all(math.isfinite(value) for value in means.values()):
        return
    raise DivergedError(
        f"pretrain: the losses must stay finite; in round {number} they did not "
        f"(learning_rate {rate}). The rounds before are saved, and would come to the "
        f"same again: use a lower learning rate, or pretrain.clip_norm, and another "
        f"run directory."
    )
