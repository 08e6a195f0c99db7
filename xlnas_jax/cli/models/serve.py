"""`xlnas serve`: exported models behind HTTP."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from xlnas_jax.serve.limits import Limits
from xlnas_jax.types import ConfigError


@dataclass(frozen=True)
class Serve:
    """Serve exported models over HTTP, until SIGTERM or Ctrl-C.

    `POST /predict` takes {"texts": [...]} and gives what `xlnas predict` writes.

    Attributes:
        model: an exported model directory, or NAME=DIR; several may be given. The
            folder's name is that of the model otherwise.
        host: the address to listen at.
        port: 0 takes a free one, which the log tells.
        tokens: a file with a token a line; requests must have one of them
            (`Authorization: Bearer TOKEN`). Otherwise those of XLNAS_SERVE_TOKENS.
        open: let everybody ask, also from other machines, without a token.
        limits: what is taken, and how long it may take.
    """

    model: Annotated[tuple[str, ...], tyro.conf.Positional]
    host: str = "127.0.0.1"
    port: int = 8000
    tokens: Path | None = None
    open: bool = False
    limits: Annotated[Limits, tyro.conf.arg(name="")] = field(default_factory=Limits)

    def run(self) -> None:
        """Loads the models, listens, and returns when all is answered."""
        try:
            from xlnas_jax.serve.listen import Place, bind, listen
        except ImportError as error:
            raise ConfigError(
                f"serve: needs Starlette and uvicorn, which cannot be imported: "
                f"{error}. Install them: pip install 'xlnas-jax[serve]'."
            ) from error
        from xlnas_jax.serve.access import Access, read_tokens, require_guarded
        from xlnas_jax.serve.log import Log
        from xlnas_jax.serve.model import load_models
        from xlnas_jax.serve.named import name_models
        from xlnas_jax.serve.serving import Serving

        models = name_models(self.model)
        tokens = read_tokens(self.tokens, os.environ)
        with bind(Place(self.host, self.port)) as found:
            require_guarded(found.getsockname()[0], tokens, self.open)
            served = load_models(models.items(), self.limits)
            listen(Serving(served, self.limits), found, Access(tokens), Log())
