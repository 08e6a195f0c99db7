"""What a request asks of a model, by the kind of its task, read from JSON."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from xlnas_jax.data.tokens.published import speaking
from xlnas_jax.export.predicting.asked import Asked
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.serve.limits import Limits
from xlnas_jax.types import DataError, brief

# Names of an input's first and second text, by task; the second one may be needed.
FIRST = {"qa": "question"}
SECOND = {"classification": "pair", "qa": "context"}
NEEDED = ("qa",)
# Of all texts of a request, as `Subnet.predict` has them.
COLUMNS = {"pair": "pairs", "context": "contexts"}
OPTIONS = ("model", "language", "num_best", "deadline_ms")
# Characters of a text whose tokens are counted, for each token that it may have.
_CHARACTERS = 64
_STEP = 1 << 16


class Given(NamedTuple):
    """Texts of one request.

    Attributes:
        texts: of tagging each a text or its words.
        others: the second text of each, where there is one.
    """

    texts: Sequence[Any]
    others: Sequence[str] | None
    language: str | None = None
    num_best: int = 1

    def ask(self, subnet: Subnet, limits: Limits) -> Asked:
        """The same as token ids.

        Raises:
            XlnasError: a text has too many tokens, or is not what the task takes.
        """
        for name, column in (("texts", self.texts), ("others", self.others or ())):
            for number, text in enumerate(column):
                _require_short(subnet, text, f"{name}[{number}]", limits.max_tokens)
        how = {"language": self.language, "num_best": self.num_best}
        return subnet.ask(self.texts, self.others, **how)


def read_given(content: Mapping[str, Any], task: str) -> Given:
    """Texts of `{"texts": [...]}`, with `pairs` or `contexts`, or `{"inputs": [...]}`.

    Raises:
        DataError: it is something else.
    """
    second = SECOND.get(task)
    column = COLUMNS[second] if second else ""
    forms = ["texts", *([column] if column else []), "inputs"]
    _require_known(content, [*forms, *OPTIONS], "the request")
    if ("texts" in content) == ("inputs" in content):
        raise DataError(
            f"the request: must have either texts or inputs; got "
            f"{'both' if 'texts' in content else 'neither'}. Send for instance "
            f"{_example(task)}."
        )
    if "inputs" in content:
        if column and column in content:
            raise DataError(f"{column}: belong to texts; inputs hold both. Merge them.")
        given = _read_inputs(content["inputs"], task)
    else:
        texts = _read_texts(content["texts"], "texts", task == "tagging")
        others = content.get(column) if column else None
        given = Given(texts, None if others is None else _read_texts(others, column))
    _require_pairs(given, task, column)
    return with_options(given, content)


def with_options(given: Given, options: Mapping[str, Any]) -> Given:
    """The same texts, with what else a request says of them.

    Raises:
        DataError: it says something else.
    """
    return given._replace(
        language=_text_or_none(options.get("language"), "language"),
        num_best=_count(options.get("num_best", 1), "num_best"),
    )


def _read_inputs(inputs: Any, task: str) -> Given:
    """Texts of a list of objects, or of texts alone."""
    first, second = FIRST.get(task, "text"), SECOND.get(task)
    if not isinstance(inputs, list):
        raise DataError(f"inputs: must be a list; got {brief(inputs)}.")
    texts, others = [], []
    for number, one in enumerate(inputs):
        place = f"inputs[{number}]"
        one = {first: one} if isinstance(one, str) else one
        if not isinstance(one, dict):
            raise DataError(
                f"{place}: must be an object or a text; got {brief(one)}. Send for "
                f"instance {_example(task)}."
            )
        if task == "tagging" and "words" in one:
            _require_known(one, ["words"], place)
            texts += _read_texts([one["words"]], f"{place}.words", True)
            continue
        _require_known(one, [first, *([second] if second else [])], place)
        texts.append(_text(one.get(first), f"{place}.{first}"))
        if second is not None and second in one:
            others.append(_text(one[second], f"{place}.{second}"))
    if others and len(others) < len(texts):
        raise DataError(
            f"inputs: every one must have a {second}, or none; got {len(others)} of "
            f"{len(texts)}. Send the others in a request of their own."
        )
    return Given(texts, others or None)


def _read_texts(values: Any, name: str, or_words: bool = False) -> list[Any]:
    if not isinstance(values, list):
        raise DataError(f"{name}: must be a list of texts; got {brief(values)}.")
    found = []
    for number, value in enumerate(values):
        place = f"{name}[{number}]"
        if or_words and isinstance(value, list):
            found.append([_text(w, f"{place}[{n}]") for n, w in enumerate(value)])
        else:
            found.append(_text(value, place))
    return found


def _require_pairs(given: Given, task: str, column: str) -> None:
    if task in NEEDED and given.others is None and given.texts:
        raise DataError(
            f"{column}: every question needs the text that holds its answer; got "
            f"none. Send for instance {_example(task)}."
        )
    if given.others is not None and len(given.others) != len(given.texts):
        raise DataError(
            f"{column}: must be as many as texts; got {len(given.others)} for "
            f"{len(given.texts)}. Send one for every text."
        )


def _require_known(content: Mapping[str, Any], known: list[str], where: str) -> None:
    for name in content:
        if name not in known:
            raise DataError(
                f"{where}: must have no entries but {', '.join(known)}; got "
                f"{brief(name)}. Leave it out."
            )


def _require_short(subnet: Subnet, text: Any, place: str, most: int) -> None:
    """An error where a text has more tokens than are taken; short ones pass unread."""
    whole = text if isinstance(text, str) else " ".join(text)
    # Hardly any tokenizer makes more of a text than one of each byte.
    if len(whole.encode()) <= most:
        return
    backend = subnet.tokenizer.backend
    backend.no_truncation()
    count, end, limit = 0, 0, min(len(whole), _CHARACTERS * most)
    while end < limit and count <= most:
        start, end = end, min(end + _STEP, limit)
        part = whole[start:end]
        with speaking("the tokenizer", f"encode {place}"):
            count += len(backend.encode(part, add_special_tokens=False).ids)
    if count > most or len(whole) > limit:
        raise DataError(
            f"{place}: a text must have at most {most:,} tokens; got {count:,} in its "
            f"first {end:,} characters. Cut it, or start "
            f"the server with a higher --max-tokens."
        )


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise DataError(f"{place}: must be a text; got {brief(value)}.")
    return value


def _text_or_none(value: Any, place: str) -> str | None:
    return None if value is None else _text(value, place)


def _count(value: Any, place: str) -> int:
    # `True` is an `int` too, though never a count.
    if type(value) is not int:
        raise DataError(f"{place}: must be a whole number; got {brief(value)}.")
    return value


def read_deadline(value: Any, limits: Limits) -> float:
    """Seconds that a request gives itself, at most those of the server.

    Raises:
        DataError: it is no number of milliseconds above 0.
    """
    if value is None:
        return limits.deadline_ms / 1000
    if type(value) not in (int, float) or not value > 0:
        raise DataError(
            f"deadline_ms: must be a number of milliseconds above 0; got "
            f"{brief(value)}."
        )
    return min(float(value), limits.deadline_ms) / 1000


def _example(task: str) -> str:
    return {
        "classification": '{"texts": ["a text"]} or {"inputs": [{"text": "a text", '
        '"pair": "another"}]}',
        "tagging": '{"texts": ["a sentence", ["or", "its", "words"]]}',
        "qa": '{"inputs": [{"question": "a question", "context": "its text"}]}',
        "retrieval": '{"texts": ["a text"]}',
    }[task]
