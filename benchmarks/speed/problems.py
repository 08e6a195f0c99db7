"""Random supernets, tokens and candidates of the sizes that benchmarks share.

Nothing here reads data or a pretrained model, so that it runs wherever JAX does.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.evaluation.evaluate import Evaluator, make_evaluator
from xlnas_jax.evaluation.prefixes import plan_operations
from xlnas_jax.space.cost import CostModel, HeadSize
from xlnas_jax.space.shape import EncoderShape
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.heads import init_head
from xlnas_jax.supernet.init import init_encoder
from xlnas_jax.supernet.params import SharedParams
from xlnas_jax.supernet.supernet import make_supernet
from xlnas_jax.tasks.base import Task
from xlnas_jax.tasks.classification import make_classification
from xlnas_jax.tasks.qa import SpanLabels, make_qa
from xlnas_jax.tasks.tagging import TagLabels, make_tagging
from xlnas_jax.types import Batch

# Layers, width, heads, inner width.
SIZES = {
    "tiny": (2, 32, 2, 64),
    "6x256": (6, 256, 4, 1024),
    "6x384": (6, 384, 12, 1536),
    "12x768": (12, 768, 12, 3072),
}
VOCAB = 5000  # of no consequence: rows are looked up, not multiplied
CLASSES = ("a", "b", "c", "d", "e", "f", "g")
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG")
NAME = "task"


class Problem(NamedTuple):
    """One task on one supernet, with tokens of one length.

    Attributes:
        batches: one bucket of a few batches, every sentence as long as the others.
        indices: random valid candidates.
    """

    shape: EncoderShape
    space: SearchSpace
    task: Task
    params: SharedParams
    batches: tuple[Batch, ...]
    indices: np.ndarray

    @property
    def tokens(self) -> int:
        """Of all batches."""
        return self.batches[0].tokens.size

    @property
    def costs(self) -> CostModel:
        """Exact counts for one sentence of the given length."""
        head = HeadSize(self.task.num_outputs, self.task.reads_tokens)
        length = self.batches[0].tokens.shape[-1]
        return CostModel(self.space, self.shape, (head,), length)


def make_problem(
    size: str,
    batch: int,
    seq: int,
    population: int,
    steps: int = 1,
    kind: str = "classification",
) -> Problem:
    """Everything from a few names and numbers, always the same for the same."""
    layers, width, heads, ffn = SIZES[size]
    shape = EncoderShape(
        vocab_size=VOCAB,
        width=width,
        num_layers=layers,
        num_heads=heads,
        head_dim=width // heads,
        ffn=ffn,
        max_positions=max(seq, 16),
        num_segments=2,
        position_offset=0,
        pad_id=0,
        norm_epsilon=1e-12,
    )
    config = SpaceConfig(
        min_layers=max(1, layers // 2), heads=_quarters(heads), ffn=_quarters(ffn)
    )
    space = make_space(config, shape)
    task = _make_task(kind)
    encoder_key, head_key, pop_key = jax.random.split(jax.random.key(0), 3)
    params = SharedParams(
        encoder=init_encoder(encoder_key, shape),
        heads={
            NAME: init_head(
                head_key, shape, task.num_outputs, reads_tokens=task.reads_tokens
            )
        },
    )
    indices = space.flatten(space.sample_valid(pop_key, population))
    batches = (jax.device_put(_random_batch(kind, steps, batch, seq)),)
    return Problem(shape, space, task, params, batches, np.asarray(indices))


def make_scorer(
    problem: Problem, form: str, precision: str = "fp32", chunk: int = 8
) -> Evaluator:
    """The evaluator of a problem; call it with `score_arguments`."""
    supernet = make_supernet(problem.space, problem.shape, form, precision)
    return make_evaluator(supernet, problem.space, problem.task, 1, form, chunk)


def score_arguments(problem: Problem, num: int | None = None) -> tuple[Any, ...]:
    """What an evaluator of the problem takes; by default all candidates."""
    num = len(problem.indices) if num is None else num
    return problem.params.of_task(NAME), problem.indices, num, problem.batches


def stage_flops(problem: Problem) -> list[int]:
    """Matrix products of each half layer for one sentence, by branch of the plan.

    In the order of `prefixes.Operations.branch`, scoring (0) left out: attention by
    number of heads, then feed-forward by inner width.
    """
    shape, space = problem.shape, problem.space
    seq, width = problem.batches[0].tokens.shape[-1], problem.shape.width
    inner = [int(heads) * shape.head_dim for heads in space.knob("heads").choices]
    attend = [2 * seq * (4 * width * size + 2 * seq * size) for size in inner]
    feed = [2 * seq * 2 * width * int(size) for size in space.knob("ffn").choices]
    return attend + feed


def flops_asked(problem: Problem) -> int:
    """Forward passes of all candidates over all sentences, nothing shared."""
    each = problem.costs(problem.indices)["flops"]
    return int(each.sum()) * _sentences(problem)


def flops_done(problem: Problem, form: str = "sliced", chunk: int = 8) -> int:
    """What a form really computes for that.

    The sliced form computes every prefix of layers that candidates share once; the
    masked one the whole supernet for every candidate of a chunk.
    """
    num = len(problem.indices)
    if form == "masked":
        full = problem.costs(problem.space.largest_row[None])
        each = int(full["flops"][0])
        return -(-num // chunk) * chunk * each * _sentences(problem)
    plan = plan_operations(problem.space, problem.indices, num)
    work = [0, *stage_flops(problem)]
    encoder = sum(work[branch] for branch in plan.branch[: int(plan.num)])
    head = problem.costs.heads[0].flops(problem.shape.width, problem.costs.length)
    return (encoder + num * head) * _sentences(problem)


def _sentences(problem: Problem) -> int:
    steps, batch, _ = problem.batches[0].tokens.shape
    return steps * batch


def _quarters(size: int) -> tuple[int, ...]:
    return tuple(sorted({max(1, size * part // 4) for part in (1, 2, 3, 4)}))


def _make_task(kind: str) -> Task:
    if kind == "qa":
        return make_qa()
    if kind == "tagging":
        return make_tagging(TAGS)
    return make_classification(CLASSES)


def _random_batch(kind: str, steps: int, batch: int, seq: int) -> Batch:
    """Random tokens; labels of the task's own kind that fit them."""
    rng = np.random.default_rng(0)
    lead = (steps, batch)
    return Batch(
        tokens=jnp.asarray(rng.integers(1, VOCAB, (*lead, seq)), jnp.int32),
        segments=jnp.zeros((*lead, seq), jnp.int32),
        length=jnp.full(lead, seq, jnp.int32),
        label=_random_labels(rng, kind, lead, seq),
        language=jnp.zeros(lead, jnp.int32),
        weight=jnp.ones(lead),
    )


def _random_labels(
    rng: np.random.Generator, kind: str, lead: tuple[int, int], seq: int
) -> Any:
    if kind == "tagging":
        words = np.arange(1, seq - 1)  # between the special tokens, one token each
        position = np.broadcast_to(words, (*lead, len(words)))
        tag = rng.integers(0, len(TAGS), (*lead, len(words)))
        return TagLabels(_ints(position), _ints(tag))
    if kind == "qa":
        first = np.full(lead, seq // 4)  # the question stands before it
        start = rng.integers(seq // 4, seq - 2, lead)
        end = np.minimum(start + 2, seq - 2)
        shift = np.zeros(lead)
        group = np.broadcast_to(np.arange(lead[1]), lead)
        gold = [(start - first)[..., None], (end - first)[..., None]]
        parts = start, end, first, np.full(lead, seq - 1), shift, group, *gold
        return SpanLabels(*map(_ints, parts))
    return _ints(rng.integers(0, len(CLASSES), lead))


def _ints(values: np.ndarray) -> jax.Array:
    return jnp.asarray(np.asarray(values), jnp.int32)
