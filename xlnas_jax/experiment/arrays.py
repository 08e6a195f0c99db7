"""Examples of an experiment as arrays on the device."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from xlnas_jax.data import sources
from xlnas_jax.data.batches.batches import scoring_batches, training_batches
from xlnas_jax.data.batches.buckets import BucketPlan
from xlnas_jax.data.batches.pair_rows import (
    Pool,
    pools,
    scoring_pairs,
    training_pairs,
)
from xlnas_jax.data.batches.rows import Rows, make_example_rows
from xlnas_jax.data.batches.text_rows import join_rows, make_text_rows
from xlnas_jax.data.examples import AnyExamples, Examples, PairExamples
from xlnas_jax.data.pairs import PairBatches, make_pair_batches, read_translations
from xlnas_jax.data.texts import Texts
from xlnas_jax.data.tokens.coverage import warn
from xlnas_jax.experiment.encoder import trained_on
from xlnas_jax.experiment.few_shot import few_shot_examples
from xlnas_jax.experiment.parts import (
    Experiment,
    TaskPart,
    learns_from_text,
    learns_from_translations,
)
from xlnas_jax.experiment.translations.translated import projected_of, with_translations
from xlnas_jax.experiment.unlabelled import read_texts
from xlnas_jax.languages.roles import Phase, Split
from xlnas_jax.objectives.objectives import ALIGNMENT, SOURCE, needs_of
from xlnas_jax.types import Batch

# `rows -> rows`, of one language.
Change = Callable[[AnyExamples], AnyExamples]


class ScoringData(NamedTuple):
    """One split of several languages, on the device, and where each row comes from.

    `Batch.language` is the position in `roles.every`.

    Attributes:
        plans: which of the rows stands where in the batches.
        examples: of each language, in order.
        source: of auxiliary data: batches of the source's dev split, which is scored
            with them, where an objective needs it.
        texts: of auxiliary data: batches of text without labels, in languages that
            have no other, where candidates are held against a teacher.
        pairs: of auxiliary data: translations, where an objective needs them.
    """

    batches: tuple[Batch, ...]
    plans: tuple[BucketPlan, ...]
    rows: Rows
    examples: tuple[AnyExamples, ...]
    source: tuple[Batch, ...] = ()
    texts: tuple[Batch, ...] = ()
    pairs: PairBatches | None = None

    @property
    def scored(self) -> tuple[Batch, ...]:
        """All that candidates are run on."""
        return (*self.batches, *self.texts, *self.source)

    @property
    def pools(self) -> tuple[Pool, ...]:
        """Of translations: where those of each language stand in `batches`."""
        return pools(self.rows, self.plans, [len(one) for one in self.examples])


def training_rows(experiment: Experiment) -> tuple[tuple[Batch, ...], ...]:
    """For each task, source and aux_train rows in length buckets on the device.

    Rows of text without labels are among them where the transfer method uses some,
    and so are translations.
    """
    batches = []
    for part in experiment.parts:
        examples = trained_on(part.roles, part.source)
        examples += projected_of(experiment, part, examples)
        _warn_of_unknown(part, examples)
        rows = _encode(part, examples, is_learnt=True)
        if isinstance(examples[0], Examples) and learns_from_translations(
            experiment.config
        ):
            rows = with_translations(experiment, part, rows, examples[0])
        if part.roles.unlabelled and learns_from_text(experiment.config):
            texts = read_texts(experiment, part)
            rows = join_rows(rows, _encode_texts(part, [one.learnt for one in texts]))
        batches.append(_in_buckets(part, rows))
    return tuple(batches)


def few_shot_rows(experiment: Experiment) -> tuple[tuple[Batch, ...], ...]:
    """For each task, the few labelled rows of targets, in buckets on the device."""
    return tuple(
        _in_buckets(part, _encode(part, few_shot_examples(experiment, part)))
        for part in experiment.parts
    )


def _in_buckets(part: TaskPart, rows: Rows) -> tuple[Batch, ...]:
    count, pad_id = part.tokens.train_buckets, part.tokenizer.pad_id
    return training_batches(rows, count, pad_id)


def scoring_data(
    experiment: Experiment,
    part: TaskPart,
    languages: tuple[str, ...],
    split: Split,
    phase: Phase,
    change: Change | None = None,
) -> ScoringData:
    """One split of several languages in shared length buckets, on the device.

    Raises `LeakError` where the phase may not see a language.

    Args:
        change: what becomes of the rows of each language before they are read; they
            may be in another one then.
    """
    examples = [
        sources.read(part.source, part.roles, code, split, phase) for code in languages
    ]
    if change is not None:
        examples = [change(one) for one in examples]
    _warn_of_unknown(part, examples)
    rows = _encode(part, examples, of=languages)
    size = experiment.config.evaluate.batch_tokens
    count, pad_id = part.tokens.num_buckets, part.tokenizer.pad_id
    batches, plans = scoring_batches(rows, count, size, pad_id)
    return ScoringData(batches, plans, rows, tuple(examples))


def heldout_data(experiment: Experiment) -> tuple[ScoringData, ...]:
    """Of each task, the dev splits that candidates are scored on."""
    return tuple(_heldout(experiment, part) for part in experiment.parts)


def _heldout(experiment: Experiment, part: TaskPart) -> ScoringData:
    """Auxiliary data, with what else an objective needs."""
    roles, needs = part.roles, needs_of(experiment.objectives)
    data = scoring_data(experiment, part, roles.aux_heldout, "dev", "search")
    if SOURCE in needs:
        source = scoring_data(experiment, part, (roles.source,), "dev", "search")
        data = data._replace(source=source.batches)
    if experiment.heard(part):
        data = data._replace(texts=_texts(experiment, part))
    if ALIGNMENT in needs:
        config = experiment.config
        found = read_translations(
            config.transfer, part.source, roles, config.skip_bad_rows
        )
        count, size = part.tokens.num_buckets, config.evaluate.batch_tokens
        pairs = make_pair_batches(found, roles, part.tokenizer, count, size)
        data = data._replace(pairs=pairs)
    return data


def _texts(experiment: Experiment, part: TaskPart) -> tuple[Batch, ...]:
    """Text that no weight learns from, of languages that have no other role."""
    texts = read_texts(experiment, part, part.roles.text_only)
    rows = _encode_texts(part, [one.kept for one in texts])
    count, size = part.tokens.num_buckets, experiment.config.evaluate.batch_tokens
    return scoring_batches(rows, count, size, part.tokenizer.pad_id)[0]


def _encode_texts(part: TaskPart, texts: Sequence[Texts]) -> Rows:
    for one in texts:
        limit = part.tokens.max_unk_rate
        warn(part.tokenizer, one.texts, one.language, limit)
    languages = [part.roles.every.index(one.language) for one in texts]
    stride = part.tokens.doc_stride
    return make_text_rows(part.tokenizer, part.task.kind, texts, languages, stride)


def _encode(
    part: TaskPart,
    examples: Sequence[AnyExamples],
    is_learnt: bool = False,
    of: Sequence[str] | None = None,
) -> Rows:
    """Rows of examples.

    Args:
        of: the languages that they count for, where texts may be in others.
    """
    codes = [one.language for one in examples] if of is None else of
    languages = [part.roles.every.index(code) for code in codes]
    if part.task.gives_vectors:
        pairs = [one for one in examples if isinstance(one, PairExamples)]
        source = part.roles.source
        if is_learnt:
            return training_pairs(part.tokenizer, pairs, languages, source)
        number = part.roles.every.index(source)
        return scoring_pairs(part.tokenizer, pairs, languages, number)
    heads = None
    if part.own_heads:
        own = part.own_heads
        codes = [one.language for one in examples]
        heads = [own.index(code) if code in own else -1 for code in codes]
    stride = part.tokens.doc_stride
    return make_example_rows(part.tokenizer, examples, languages, stride, heads)


def _warn_of_unknown(part: TaskPart, examples: Sequence[AnyExamples]) -> None:
    """Names the languages that the tokenizer mostly maps to `<unk>`."""
    for one in examples:
        limit = part.tokens.max_unk_rate
        warn(part.tokenizer, one.texts, one.language, limit)
