"""Which search a benchmark runs: the real one, or a tiny one to try it."""

from benchmarks.harness import ROOT

REAL, EMBEDDED = "configs/sib200_minilm.yaml", "configs/quickstart_scratch.yaml"
# Of the embedded one, so that it compiles in seconds.
TINY = (
    "data.per_class=20",
    "model.layers=2",
    "model.width=16",
    "model.heads=2",
    "model.ffn=32",
    "space.heads=[1,2]",
    "space.ffn=[16,32]",
    "space.pooling=[mean]",
    "constraints.encoder_params=4000",
    "train.batch_size=16",
    "search.population=4",
)


def default_config(is_quick: bool) -> str:
    """The real one where its data lie beside the repository."""
    has_data = (ROOT.parent / "shared" / "data" / "sib200").is_dir()
    return REAL if has_data and not is_quick else EMBEDDED
