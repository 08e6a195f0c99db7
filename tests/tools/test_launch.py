"""What is in tools/launch can be read by what reads it, and starts a search."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.launching import launch, stand_in

FOLDER = REPOSITORY / "tools" / "launch"
STARTERS = sorted(path for path in FOLDER.iterdir() if path.suffix != ".dockerignore")
SCRIPTS = [path for path in STARTERS if path.suffix in (".sh", ".sbatch")]


def test_there_is_one_for_each_kind_of_cluster():
    names = sorted(path.name for path in STARTERS)
    assert names == [
        *("Dockerfile", "jobset.yaml", "local.sh", "slurm.sbatch", "tpu_pod.sh"),
    ]


@pytest.mark.parametrize("path", STARTERS, ids=lambda path: path.name)
def test_each_begins_by_saying_what_it_does_what_to_change_and_the_command(path):
    comment = []
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            break
        comment.append(line)
    text = "\n".join(comment)
    assert "one search" in text
    assert "# Change: " in text
    assert f"tools/launch/{path.name}" in text.split("# Command: ")[1]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_sound_bash_that_stops_at_errors(path):
    subprocess.run(["bash", "-n", str(path)], check=True)
    text = path.read_text()
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "\nset -euo pipefail\n" in text


def checked_by(tool: str, *paths: Path) -> str:
    """What a checker says of files; it must be content."""
    command = [str(Path(sys.executable).with_name(tool)), *map(str, paths)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def test_scripts_and_the_dockerfile_pass_their_own_checkers(tmp_path):
    assert checked_by("shellcheck", *SCRIPTS, REPOSITORY / ".ci" / "run") == ""
    assert checked_by("hadolint", FOLDER / "Dockerfile") == ""
    # They do find something.
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM python\nRUN cd /tmp && sudo pip install jax\n")
    with pytest.raises(AssertionError, match="DL3006"):
        checked_by("hadolint", bad)
    bad.write_text("#!/bin/bash\nfor i in $@; do rm -rf $i/*; done\n")
    with pytest.raises(AssertionError, match="SC2068"):
        checked_by("shellcheck", bad)


def test_the_image_is_built_from_what_its_context_has():
    text = (FOLDER / "Dockerfile").read_text()
    copied = [
        name
        for line in re.findall(r"^COPY (.+) \S+$", text, re.M)
        for name in line.split()
    ]
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
    let_through = [line[1:] for line in ignored if line.startswith("!")]
    assert sorted(copied) == sorted(let_through) and ignored[1] == "*"
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    for name in copied:
        assert (REPOSITORY / name).exists()
    # What a build of the package reads.
    assert {project["project"]["readme"], "LICENSE", "xlnas_jax"} <= set(copied)
    extras = re.search(r"EXTRA is (\w+), (\w+) or (\w+)", text)
    assert extras and set(extras.groups()) <= set(
        project["project"]["optional-dependencies"]
    )
    (python,) = re.findall(r"^ARG PYTHON=(.+)$", text, re.M)
    least = project["project"]["requires-python"].removeprefix(">=")
    assert tuple(map(int, python.split("."))) >= tuple(map(int, least.split(".")))


def test_the_job_of_the_jobset_is_one_by_the_schema_of_kubernetes():
    document = yaml.safe_load((FOLDER / "jobset.yaml").read_text())
    (workers,) = document["spec"]["replicatedJobs"]
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": workers["name"]},
        **workers["template"],
    }
    newest = kubernetes_validate.latest_version()
    kubernetes_validate.validate(job, newest, strict=True)
    job["spec"]["paralelism"] = 4
    with pytest.raises(kubernetes_validate.ValidationError, match="paralelism"):
        kubernetes_validate.validate(job, newest, strict=True)


def test_the_jobset_counts_its_pods_alike_everywhere():
    document = yaml.safe_load((FOLDER / "jobset.yaml").read_text())
    assert (document["apiVersion"], document["kind"]) == (
        "jobset.x-k8s.io/v1alpha2",
        "JobSet",
    )
    (workers,) = document["spec"]["replicatedJobs"]
    job = workers["template"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    environment = {entry["name"]: entry for entry in container["env"]}
    assert container["command"] == ["xlnas", "search"]
    assert (REPOSITORY / container["args"][0]).is_file()
    assert job["completionMode"] == "Indexed"
    pods = environment["JAX_NUM_PROCESSES"]["value"]
    assert pods == str(job["parallelism"]) == str(job["completions"])
    host, port = environment["JAX_COORDINATOR_ADDRESS"]["value"].split(":")
    name = document["metadata"]["name"]
    assert host == f"{name}-{workers['name']}-0-0.{name}"
    assert int(port) == container["ports"][0]["containerPort"]
    rank = environment["JAX_PROCESS_ID"]["valueFrom"]["fieldRef"]["fieldPath"]
    assert "job-completion-index" in rank


# Writes down how it was started, in place of the programs that clusters have.
RECORD = """
import os, sys
with open(os.environ["RECORD"], "a") as file:
    print(*sys.argv[1:], sep="\\n", file=file)
"""


def recorded(script, program, tmp_path, monkeypatch, *arguments) -> list[str]:
    """What a script gives the program that it runs."""
    folder = stand_in(tmp_path, RECORD)
    (folder / "xlnas").rename(folder / program)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("RECORD", str(tmp_path / "record"))
    command = ["bash", str(FOLDER / script), *arguments]
    subprocess.run(command, check=True, timeout=60)
    return (tmp_path / "record").read_text().splitlines()


def test_slurm_starts_a_search_as_tasks(tmp_path, monkeypatch):
    given = ["a config.yaml", "--run-dir", "runs/x"]
    found = recorded("slurm.sbatch", "srun", tmp_path, monkeypatch, *given)
    assert found[-5:] == ["xlnas", "search", *given]
    assert "--kill-on-bad-exit=1" in found


def test_a_search_is_started_on_every_host_of_a_pod(tmp_path, monkeypatch):
    monkeypatch.setenv("TPU_NAME", "slice")
    monkeypatch.setenv("ZONE", "here")
    given = ["a config.yaml", "--set", "seed=1"]
    found = recorded("tpu_pod.sh", "gcloud", tmp_path, monkeypatch, *given)
    assert found[:5] == ["compute", "tpus", "tpu-vm", "ssh", "slice"]
    assert "--worker=all" in found and "--zone=here" in found
    assert found[-1].endswith("&& xlnas search a\\ config.yaml --set seed=1 ")


ECHO = """
import os, sys, time
size, rank = os.environ["JAX_NUM_PROCESSES"], os.environ["JAX_PROCESS_ID"]
words = [size, rank, os.environ["JAX_COORDINATOR_ADDRESS"], *sys.argv[1:]]
os.write(1, (" ".join(words) + "\\n").encode())  # in one piece
if "fail" in sys.argv:
    sys.exit(3) if rank == "1" else time.sleep(600)
"""


def test_local_processes_get_ranks_and_one_address(tmp_path):
    done = launch(3, "config", "--run-dir", "x y", path=stand_in(tmp_path, ECHO))
    assert (done.returncode, done.stderr) == (0, "")
    found = sorted(line.split() for line in done.stdout.splitlines())
    assert [line[:2] for line in found] == [["3", "0"], ["3", "1"], ["3", "2"]]
    assert len({line[2] for line in found}) == 1
    assert [line[3:] for line in found] == [
        ["search", "config", "--run-dir", "x", "y"]
    ] * 3


def test_one_local_process_that_fails_ends_the_others(tmp_path):
    done = launch(2, "config", "fail", path=stand_in(tmp_path, ECHO))
    assert done.returncode == 3
