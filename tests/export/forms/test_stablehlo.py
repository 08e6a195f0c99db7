"""A program that needs neither this package nor the platform it was written on."""

import json
import subprocess
import sys

import jax
import numpy as np
import pytest

from tests.export.forms.networks import network
from xlnas_jax.export.forms import stablehlo
from xlnas_jax.export.forms.registry import write_form

CALL = """
import json, sys
import numpy as np
from jax import export
call = export.deserialize(bytearray(open(sys.argv[1], "rb").read())).call
given = json.load(sys.stdin)
found = call(*(np.asarray(one, np.int32) for one in given))
assert not any(name.startswith("xlnas_jax") for name in sys.modules)
json.dump(np.asarray(found).tolist(), sys.stdout)
"""


@pytest.mark.parametrize(
    "task, family",
    [
        ("tagging", "bert"),
        ("classification", "deberta-v2"),
        pytest.param("retrieval", "xlm-roberta", marks=pytest.mark.slow),
    ],
)
def test_program_gives_the_same(tokenizer, tmp_path, task, family) -> None:
    subnet = network(tokenizer, task, family)
    assert write_form(subnet, "stablehlo", tmp_path, []) <= 1e-5
    config = json.loads((tmp_path / "stablehlo" / "config.json").read_text())
    assert config["task"] == task and config["max_length"] == subnet.max_length


def test_it_is_for_all_platforms_and_sizes(tokenizer, tmp_path) -> None:
    subnet = network(tokenizer, "classification")
    stablehlo.write(subnet, tmp_path / "made")
    blob = bytearray((tmp_path / "made" / stablehlo.FILE).read_bytes())
    made = jax.export.deserialize(blob)
    assert set(made.platforms) == {"cpu", "cuda", "tpu"}
    assert [str(axis) for axis in made.in_avals[0].shape] == ["batch", "seq"]
    with pytest.raises(ValueError, match="shapes"):
        long = np.zeros((1, 21), np.int32)
        made.call(long, long, np.asarray([21], np.int32))


@pytest.mark.slow
def test_it_runs_where_this_package_is_not(tokenizer, tmp_path) -> None:
    subnet = network(tokenizer, "classification")
    stablehlo.write(subnet, tmp_path / "made")
    ids = subnet.tokenizer.encode(["the river of Paris"])[0].ids
    given = [[list(ids)], [[0] * len(ids)], [len(ids)]]
    done = subprocess.run(
        [sys.executable, "-c", CALL, str(tmp_path / "made" / stablehlo.FILE)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    ours = subnet.logits(["the river of Paris"])
    np.testing.assert_allclose(json.loads(done.stdout), ours, atol=1e-5)
