"""A configuration is what the file says, or one error says where it is not."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from xlnas_jax.config.config import Config
from xlnas_jax.config.controller import (
    Nsga2Controller,
    RandomController,
    ReinforceController,
)
from xlnas_jax.config.data import CipherData, CldrData, HubData, TableData
from xlnas_jax.config.model import PretrainedModel, VocabularyConfig
from xlnas_jax.config.pretraining.pretrain import Pretraining
from xlnas_jax.config.reading.file import (
    dump_config,
    load_as,
    load_config,
    parse_as,
    parse_config,
)
from xlnas_jax.types import ConfigError

MINIMAL = """
languages: {source: en, aux_heldout: [fr], target: [de, sw]}
data: {kind: cldr}
model: {kind: scratch}
"""
EVERY = sorted((Path(__file__).parents[3] / "configs").glob("*.yaml"))
PRETRAININGS = [path for path in EVERY if path.stem.startswith("pretrain_")]
CONFIGS = [path for path in EVERY if path not in PRETRAININGS]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(MINIMAL)
    return path


def parse(extra: str) -> Config:
    """The minimal configuration with sections replaced or added."""
    return parse_config(yaml.safe_load(MINIMAL) | yaml.safe_load(extra))


def test_absent_options_have_their_defaults(file: Path) -> None:
    config = load_config(file)
    assert config.languages.target == ("de", "sw")
    assert config.data == CldrData()
    assert config.search.rounds == 20
    assert config.constraints.flops is None


@pytest.mark.parametrize(
    ("extra", "path", "expected"),
    [
        ("seed: 7", "seed", 7),
        ("train: {learning_rate: 1e-4}", "train.learning_rate", 1e-4),
        ("train: {clip_norm: 2}", "train.clip_norm", 2.0),
        ("constraints: {flops: 5e6}", "constraints.flops", 5e6),
        ("constraints: {flops: null}", "constraints.flops", None),
        ("space: {heads: [1, 2]}", "space.heads", (1, 2)),
        ("space: {elastic_depth: no}", "space.elastic_depth", False),
        ("evaluate: {form: masked}", "evaluate.form", "masked"),
        ("controller: {kind: random}", "controller", RandomController()),
        ("data: {kind: table, path: x}", "data", TableData("x")),
        ("data: {kind: hub, path: x}", "data", HubData("x")),
        (
            "data: {kind: cipher, distances: {near: 0.1, far: 1}, base: {kind: cldr}}",
            "data",
            CipherData({"near": 0.1, "far": 1.0}),
        ),
        ("model: {kind: pretrained, path: x}", "model", PretrainedModel("x")),
        (
            "model: {kind: pretrained, path: x, vocabulary: {most: 9, files: [y]}}",
            "model.vocabulary",
            VocabularyConfig(most=9, files=("y",)),
        ),
        (
            "model: {kind: pretrained, path: x, vocabulary: {}}",
            "model.vocabulary.most",
            None,
        ),
        ('languages: {source: en, aux_heldout: ["no"], target: [de]}', "seed", 0),
    ],
)
def test_every_kind_of_value_is_read(extra: str, path: str, expected: Any) -> None:
    value: Any = parse(extra)
    for name in path.split("."):
        value = getattr(value, name)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (
            "serch: {}",
            r"^serch: there is no such option. Did you mean 'search'\?.*seed",
        ),
        (
            "search: {round: 3}",
            r"^search.round: .* Did you mean 'rounds'\?.*population",
        ),
        ("search: {3: 3}", r"^search.3: there is no such option"),
        (
            "search: {rounds: many}",
            "^search.rounds: must be a whole number; got 'many'",
        ),
        ("search: {rounds: true}", "^search.rounds: must be a whole number; got True"),
        ("search: {rounds: 2.5}", "^search.rounds: must be a whole number; got 2.5"),
        ("search: 3", "^search: must be a section with options rounds, .*; got 3"),
        ("search:", "^search: must be a section"),
        ("train: {dropout: high}", "^train.dropout: must be a number; got 'high'"),
        ("train: {dropout: false}", "^train.dropout: must be a number; got False"),
        ("train: {dropout: .nan}", "^train.dropout: must be a finite number; got nan"),
        ("train: {reorder: 1}", "^train.reorder: must be true or false; got 1"),
        (
            "evaluate: {form: mask}",
            "form: must be one of auto, sliced, masked; got 'mask'. Did",
        ),
        ("space: {heads: 4}", r"^space.heads: must be a list in \[brackets\]; got 4"),
        (
            "space: {heads: [1, x]}",
            r"^space.heads\[1\]: must be a whole number; got 'x'",
        ),
        (
            "export: {pick: 3}",
            '^export.pick: must be text; got 3. Put it in quotes: "3"',
        ),
        (
            "data: {path: x}",
            "^data.kind: must be given, one of set, mix, table, file, hub, cldr,",
        ),
        ("data: {kind: tabel}", "^data.kind: must be .*'tabel'. Did you mean 'table'?"),
        ("data: {kind: [a]}", "^data.kind: must be one of"),
        ("data: cldr", "^data: must be a section whose kind is one of"),
        ("data: {kind: table}", "^data.path: must be given; it has no default"),
        ("data: {kind: cldr, path: x}", "^data.path: there is no such option"),
        ("data: {kind: cipher, distances: [1]}", "^data.distances: must be a mapping"),
        (
            "data: {kind: cipher, distances: {a: x}}",
            "^data.distances.a: must be a number",
        ),
        ("data: {kind: cipher, distances: {a: 2}}", r"^data.distances.a: .* \[0, 1\]"),
        (
            "data: {kind: cipher, distances: {no: 1}}",
            "^data.distances, a name: .*quotes",
        ),
        (
            "data: {kind: cipher, distances: {}, base: {kind: cldr, per_class: 0}}",
            "^data.base.per_class: must be at least 1; got 0",
        ),
        (
            "languages: {source: en, aux_heldout: [fr, no], target: [de]}",
            r"^languages.aux_heldout\[1\]: must be text; got False.*unquoted no",
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_place(extra: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(extra)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("seed: -1", "^seed: must be at least 0; got -1"),
        ("search: {rounds: 0}", "^search.rounds: must be at least 1; got 0"),
        ("search: {objectives: []}", "^search.objectives: must not be empty"),
        ("search: {objectives: [a, a]}", "^search.objectives: entries must differ"),
        ("train: {learning_rate: 0}", "^train.learning_rate: must be above 0; got 0"),
        ("train: {dropout: 1.5}", r"^train.dropout: must lie in \[0, 1\]; got 1.5"),
        ("constraints: {flops: -1}", "^constraints.flops: must be above 0; got -1"),
        ("space: {heads: [-1, 2]}", "^space.heads: must be at least 0; got -1"),
        ("data: {kind: table, path: ''}", "^data.path: must not be empty"),
        (
            "model: {kind: pretrained, path: x, vocabulary: {min_count: 0}}",
            "^model.vocabulary.min_count: must be at least 1; got 0",
        ),
        (
            "model: {kind: pretrained, path: x, vocabulary: {files: ['']}}",
            "^model.vocabulary.files: must not be empty",
        ),
        (
            "model: {kind: pretrained, path: x, vocabulary: {languages: [en, en]}}",
            "^model.vocabulary.languages: entries must differ",
        ),
        (
            "model: {kind: scratch, width: 6, heads: 4}",
            r"^model.heads: must divide width 6; got 4. Use one of \[1, 2, 3, 6\]",
        ),
    ],
)
def test_a_value_out_of_range_is_refused(extra: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(extra)


def test_another_kind_begins_its_section_anew(file: Path) -> None:
    section = "controller: {kind: reinforce, learning_rate: 0.5, entropy: 0.1}\n"
    file.write_text(MINIMAL + section)
    kind = "controller.kind=nsga2"
    # Whatever their order: an option is of the kind that is asked for.
    config = load_config(file, ["controller.parents=4", kind])
    assert config.controller == Nsga2Controller(parents=4)
    same = load_config(file, ["controller.kind=reinforce"])
    assert same.controller == ReinforceController(learning_rate=0.5, entropy=0.1)


def test_overrides_replace_values_of_the_file(file: Path) -> None:
    overrides = (
        "search.rounds=3",
        "languages.target=[nl, it]",
        "train.learning_rate=1e-4",
        "seed = 5",
        "export.pick=a=b",
    )
    config = load_config(file, overrides)
    assert config.search.rounds == 3
    assert config.languages.target == ("nl", "it")
    assert config.train.learning_rate == 1e-4
    assert config.seed == 5
    assert config.export.pick == "a=b"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("search.rounds", "--set: must look like section.option=value; got 'search.r"),
        ("=3", "--set: must look like"),
        ("search..rounds=3", "--set: must look like"),
        ("search.rounds=[1", "the value must be YAML; got '\\[1'"),
        ("search.rouns=3", "search.rouns: .*Did you mean 'rounds'"),
        ("search.rounds=x", "search.rounds: must be a whole number; got 'x'"),
        ("data.kind.x=3", "'kind' must be a section; got 'cldr'"),
    ],
)
def test_a_wrong_override_is_refused(file: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(file, (override,))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "line 2: must be YAML"),
        ("seed: 1\nseed: 2", "line 2: .* key 'seed' is given twice"),
        ("seed: !!python/name:os.system", "line 1: must be YAML"),
        ("- 1", "must hold sections and options; got"),
        ("", "must hold sections and options; got None"),
    ],
)
def test_a_broken_file_is_named_with_its_line(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text + "\n")
    with pytest.raises(ConfigError, match=f"broken.yaml.*{message}"):
        load_config(path)


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"# caf\xe9\n")
    with pytest.raises(ConfigError, match=r"latin.yaml, line 1: .* must be UTF-8"):
        load_config(tmp_path / "latin.yaml")
    with pytest.raises(ConfigError, match=r"absent.yaml: must be .*No such file"):
        load_config(tmp_path / "absent.yaml")
    with pytest.raises(ConfigError, match=r"must be .*Is a directory"):
        load_config(tmp_path)


def test_an_error_in_a_file_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(MINIMAL + "seed: x\n")
    with pytest.raises(ConfigError, match=r"c.yaml: seed: must be a whole number"):
        load_config(path)


@pytest.mark.parametrize(
    "extra",
    [
        "seed: 0",
        "{controller: {kind: random}, constraints: {flops: 1e7}}",
        "train: {learning_rate: 1e-7, weight_decay: 0.1, head_learning_rate: 3.3e-20}",
        "data: {kind: cipher, distances: {x-a: 0.25, 'no': 1, '1e3': 0}}",
        "data: {kind: hub, path: 'ø/ß', labels: ['yes', '1', ' a ', 'null', '']}",
        "space: {heads: [], pooling: [cls, mean]}",
    ],
)
def test_a_dumped_configuration_reads_back_equal(extra: str) -> None:
    config = parse(extra)
    text = dump_config(config)
    assert parse_config(yaml.safe_load(text)) == config
    assert dump_config(parse_config(yaml.safe_load(text))) == text


def test_a_dump_names_every_option() -> None:
    mapping = yaml.safe_load(dump_config(parse("seed: 0")))
    assert mapping.keys() == {field.name for field in dataclasses.fields(Config)}
    assert next(iter(mapping["data"])) == "kind"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configurations_of_the_repository_are_valid(path: Path) -> None:
    for task in load_config(path).every_task.values():
        assert task.languages.target


@pytest.mark.parametrize("path", PRETRAININGS, ids=lambda path: path.stem)
def test_pretrainings_of_the_repository_are_valid(path: Path) -> None:
    config = load_as(Pretraining, path)
    assert config.pretrain.source in config.pretrain.languages
    assert parse_as(Pretraining, yaml.safe_load(dump_config(config))) == config
    with pytest.raises(ConfigError, match="there is no such option"):
        load_config(path)


# Learning rate, tokens, steps and weight decay of XTREME's scripts (Hu et al. 2020);
# of SQuAD the steps are three epochs of about 88,500 windows.
PROTOCOL = {
    "xlmr_base_xnli": (2e-5, 128, 5 * -(-392_702 // 32), 0.0),
    "xlmr_base_panx": (2e-5, 128, 10 * -(-20_000 // 32), 0.0),
    "xlmr_base_xquad": (3e-5, 384, 3 * -(-88_500 // 32), 1e-4),
}


@pytest.mark.parametrize("name", PROTOCOL)
def test_configurations_for_xlmr_follow_the_protocol_of_the_field(name: str) -> None:
    config = load_config(next(path for path in CONFIGS if path.stem == name))
    train, (rate, length, steps, decay) = config.train, PROTOCOL[name]
    assert train.learning_rate == train.head_learning_rate == rate
    assert (train.batch_size, train.clip_norm) == (32, 1.0)
    assert config.tokens.max_length == length
    assert train.pretune_steps == pytest.approx(steps, rel=1e-3)
    assert train.weight_decay == decay
    total = train.pretune_steps + config.search.rounds * config.search.weight_steps
    warm_up = 500 if name == "xlmr_base_xquad" else 0
    assert train.warmup_fraction * total == pytest.approx(warm_up, abs=1)
    assert config.tokens.doc_stride == 128
