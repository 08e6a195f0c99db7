"""Every export form by name; none is left where it was not proved."""

import importlib.util
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from xlnas_jax.export.forms import (
    hugging_face,
    onnx,
    onnx_int8,
    sentence_transformers,
    stablehlo,
)
from xlnas_jax.export.forms.base import ROUNDED_SHARE, TOLERANCE, Call, Form
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.export.words import with_all_rows
from xlnas_jax.types import CheckpointError, ConfigError

FORMS: Mapping[str, Form] = {
    made.FORM.name: made.FORM
    for made in (hugging_face, sentence_transformers, onnx, onnx_int8, stablehlo)
}
SIZES = (1, 7)
_LANGUAGES = ("en", "ar", "hi", "zh", "ru", "am", "th")
# Of these words a text is made that is cut at the most tokens there may be.
_LONG = 400


def own_files(names: Iterable[str]) -> list[str]:
    """Files of an exported model that are of no form for another library."""
    folders = tuple(f"{name}/" for name in FORMS)
    return [name for name in names if not name.startswith(folders)]


def require_possible(subnet: Subnet, names: Sequence[str]) -> None:
    """Raises ConfigError for a form that there is not, or that the network cannot have.

    Also where what proves a form is not installed.
    """
    for name in names:
        if name not in FORMS:
            raise ConfigError(
                f"--formats: must be flax, {' or '.join(FORMS)}; got {name!r}."
            )
        form = FORMS[name]
        reason = form.refuse(subnet)
        if reason is not None:
            raise ConfigError(
                f"--formats: {form.loaded_by} cannot hold this network: {reason}. "
                f"Leave {name} out, or pick another network."
            )
        _require_installed(form, "--formats")


def write_form(
    subnet: Subnet, name: str, directory: Path, languages: Sequence[str]
) -> float:
    """Writes one form below a directory, and loads it by the library it is meant for.

    Args:
        languages: in whose names the texts are, on which both are compared.

    Returns:
        The largest difference of any output.

    Raises:
        CheckpointError: they differ by more than rounding does.
    """
    form, folder = FORMS[name], directory / name
    form.write(subnet if form.shares_words else with_all_rows(subnet), folder)
    texts = sample_texts(languages)
    ours = subnet.logits_of(texts)
    apart = 0.0
    for size in SIZES:
        with warnings.catch_warnings():
            # Theirs; what matters is whether the numbers are the same.
            warnings.simplefilter("ignore")
            theirs = form.run(folder, subnet, texts, size)
        for text, one, other in zip(texts, ours, theirs, strict=True):
            if one.shape != other.shape:
                raise CheckpointError(
                    f"{folder}: must have the tokens of the network it is of; got "
                    f"outputs of shape {other.shape} for {one.shape}, of {text[:60]!r}."
                )
            apart = max(apart, float(np.abs(one - other).max()))
    share = max(form.share, ROUNDED_SHARE * (subnet.dtype != "fp32"))
    most = TOLERANCE + share * max(float(np.abs(one).max()) for one in ours)
    if not apart <= most:
        raise CheckpointError(
            f"{folder}: must give the outputs of the network, to {most:g}; "
            f"{form.loaded_by} gives others, by {apart:.3g}. Leave {name} out."
        )
    return apart


def require_open(name: str) -> Callable[[Path, Subnet], Call]:
    """What runs a form on arrays.

    Raises:
        ConfigError: there is no such form, or it is run on texts alone.
    """
    form = FORMS.get(name)
    if form is None or form.open is None:
        known = [form.name for form in FORMS.values() if form.open is not None]
        raise ConfigError(
            f"--form: must be {' or '.join(known)}; got {name!r}. What is for "
            f"sentence-transformers is hf, and pooled."
        )
    _require_installed(form, "--form")
    return form.open


def _require_installed(form: Form, option: str) -> None:
    missing = [one for one in form.modules if not _is_there(one)]
    if missing:
        raise ConfigError(
            f"{option}: {form.name} is loaded by {form.loaded_by}, which takes "
            f"{', '.join(missing)}. {form.advice}, or leave it out."
        )


def sample_texts(languages: Sequence[str]) -> list[str]:
    """Names in many scripts, a sentence's worth of them, and a text that is cut."""
    from babel import Locale, UnknownLocaleError

    found: list[str] = []
    for code in dict.fromkeys((*languages, *_LANGUAGES)):
        try:
            names = Locale.parse(code, sep="-").territories
        except (UnknownLocaleError, ValueError):
            continue
        words = [names[key] for key in ("FR", "JP", "001", "ET") if key in names]
        found += [words[0], ", ".join(words)] if words else []
    return [*found, " ".join((found * _LONG)[:_LONG])]


def _is_there(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
