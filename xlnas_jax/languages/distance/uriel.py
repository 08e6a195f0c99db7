"""What is known of nearly 8,000 languages: the arrays of the package `urielplus`.

They are read as they are and not copied into this package, whose licence is another.

References:
    Littell et al., "URIEL and lang2vec", 2017. https://aclanthology.org/E17-2002
    Khan et al., "URIEL+", 2025. https://aclanthology.org/2025.coling-main.463
"""

import functools
import importlib.util
import zipfile
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from babel.core import get_global
from jaxtyping import Bool, Float

from xlnas_jax.languages.codes import is_private, normalise
from xlnas_jax.types import ConfigError

Source = Literal["typology", "families", "geography", "scripts"]
_FILES: dict[Source, str] = {
    "typology": "features.npz",
    "families": "family_features.npz",
    "geography": "geocoord_features.npz",
    "scripts": "script_features.npz",
}
# In the arrays: nobody knows.
_UNKNOWN = -1.0


class Features(NamedTuple):
    """Of many languages what one file knows.

    Attributes:
        place: row of every language, by ISO 639-3 code.
        names: of the columns.
        values: NaN where nobody knows. Where sources disagree, the largest: what one
            of them has found is there. Of places on the earth, the mean. Of families,
            which are known of all, whether the language belongs there.
    """

    place: dict[str, int]
    names: tuple[str, ...]
    values: Float[np.ndarray, "lang feature"] | Bool[np.ndarray, "lang feature"]

    def columns(self, prefix: str) -> list[int]:
        """Those whose name begins so."""
        return [n for n, name in enumerate(self.names) if name.startswith(prefix)]


@functools.cache
def features(source: Source) -> Features:
    """All that one of the package's files holds; it is read once.

    Raises:
        ConfigError: the package is not installed, or its file is another.
    """
    path = _folder() / _FILES[source]
    try:
        with np.load(path, allow_pickle=False) as file:
            data = file["data"]
            languages, names = file["langs"].tolist(), file["feats"].tolist()
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ConfigError(
            f"distance between languages: {path.name} of urielplus must hold arrays "
            f"data, langs and feats; got {error}. Install urielplus 1.3 again."
        ) from error
    place = {code: n for n, code in enumerate(languages)}
    if source == "families":
        return Features(place, tuple(names), (data == 1.0).any(-1))
    known = np.where(data == _UNKNOWN, np.nan, data).astype(np.float32)
    reduce = _mean if source == "geography" else _largest
    return Features(place, tuple(names), reduce(known))


def is_installed() -> bool:
    """Whether the package is there."""
    return importlib.util.find_spec("urielplus") is not None


@functools.cache
def iso_of(code: str) -> str | None:
    """The ISO 639-3 code under which most is known of a language; None if nothing is.

    A code may stand for several: `sw` for `swa` and `swh`, `ar` for `ara` and `arb`.

    Raises:
        ConfigError: the code is none.
    """
    if is_private(code):
        return None
    language = normalise(code).partition("-")[0]
    aliases = get_global("language_aliases").items()
    written = [language, *(old for old, new in aliases if new == language)]
    typology = features("typology")
    candidates = sorted({one for one in written if one in typology.place})
    if not candidates:
        return None

    def num_known(one: str) -> int:
        return int(np.isfinite(typology.values[typology.place[one]]).sum())

    return max(candidates, key=num_known)


def _folder() -> Path:
    found = importlib.util.find_spec("urielplus")
    if found is None or found.origin is None:
        raise ConfigError(
            "distance between languages: the package urielplus must be installed; it "
            "is not. Run: pip install 'xlnas-jax[languages]'"
        )
    return Path(found.origin).parent / "database" / "original_uriel"


def _largest(known: Float[np.ndarray, "*lead source"]) -> Float[np.ndarray, "*lead"]:
    # `fmax` passes over NaN, and is NaN where all are.
    return np.fmax.reduce(known, axis=-1)


def mean_of_known(values: Float[np.ndarray, "..."], axis: int) -> np.ndarray:
    """Over an axis; NaN where nothing is known."""
    is_known = np.isfinite(values)
    total, count = np.where(is_known, values, 0.0).sum(axis), is_known.sum(axis)
    return np.where(count, total / np.maximum(count, 1), np.nan)


def _mean(known: Float[np.ndarray, "*lead source"]) -> Float[np.ndarray, "*lead"]:
    return mean_of_known(known, -1).astype(np.float32)
