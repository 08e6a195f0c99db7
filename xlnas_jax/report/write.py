"""A report on the disk: the page and its pictures."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from xlnas_jax.files import kind_of, write_bytes, write_text
from xlnas_jax.report.figures import Content, make_figures
from xlnas_jax.report.page import make_page
from xlnas_jax.report.pictures import library, png_of, svg_of
from xlnas_jax.storage.metrics import writing
from xlnas_jax.types import ConfigError

PAGE, PLOTS = "report.html", "plots"
# Far above what many networks and languages come to.
MAX_BYTES = 3_000_000


def write_report(content: Content, out: Path) -> list[Path]:
    """Writes the page and the plots into a directory; files of other names stay.

    Returns:
        The page first, then the pictures.

    Raises:
        CheckpointError: they cannot be written.
        ConfigError: the page would be larger than a page should be.
    """
    figures = make_figures(content)
    page = make_page(content, figures, library())
    size = len(page.encode())
    if size > MAX_BYTES:
        raise ConfigError(
            f"report: a page must have at most {MAX_BYTES:,} bytes; got {size:,}. "
            f"Give fewer runs at once."
        )
    plots = out / PLOTS
    with writing(plots):
        plots.mkdir(parents=True, exist_ok=True)
    _require_own(plots)
    written = [out / PAGE]
    with writing(out / PAGE):
        write_text(out / PAGE, page)
    for figure in figures:
        if figure.is_pictured:
            picture = svg_of(figure, content["data"])
            written += _write_picture(plots / figure.name, picture)
    return written


def _write_picture(base: Path, picture: str) -> Iterator[Path]:
    with writing(base):
        yield (svg := base.with_name(f"{base.name}.svg"))
        write_text(svg, picture)
        yield (png := base.with_name(f"{base.name}.png"))
        write_bytes(png, png_of(picture))


def _require_own(plots: Path) -> None:
    """An error where the folder is a link: what is replaced would lie elsewhere."""
    if plots.is_symlink():
        kind = kind_of(plots.lstat().st_mode)
        raise ConfigError(
            f"{plots}: must be a directory of the report itself; it is {kind}. Put a "
            f"directory in its place, or give another --out."
        )


def place_of(runs: Sequence[Path], out: Path | None) -> Path:
    """Where a report goes: into its run, or beside several of one folder.

    Raises:
        ConfigError: the runs lie in several folders, and no place is given.
    """
    if out is not None:
        return out
    if len(runs) == 1:
        return runs[0]
    folders = {os.path.dirname(os.path.abspath(run)) for run in runs}
    if len(folders) > 1:
        raise ConfigError(
            f"--out: must be given for runs of different folders; got "
            f"{', '.join(sorted(folders))}."
        )
    return runs[0].parent
