"""Versions of what is installed; nothing is imported for them."""

from importlib.metadata import PackageNotFoundError, version

NOT_INSTALLED = "not installed"


def version_of(package: str) -> str:
    """The version of a package, or that it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return NOT_INSTALLED
