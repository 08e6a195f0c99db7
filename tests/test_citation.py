"""What is cited is this package, in the form that citation tools read."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]
# Of the schema of version 1.2.0: what must be there, and all that may be used here.
NEEDED = {"authors", "cff-version", "message", "title"}
KNOWN = NEEDED | {
    *("abstract", "date-released", "doi", "identifiers", "keywords", "license"),
    *("preferred-citation", "references", "repository-code", "type", "url", "version"),
}
PERSON = {"family-names", "given-names", "orcid", "affiliation"}
ENTITY = {"name", "website", "address"}


def test_the_citation_has_what_its_schema_asks_for():
    assert CITATION.keys() >= NEEDED
    assert CITATION.keys() <= KNOWN
    assert CITATION["cff-version"] == "1.2.0"
    assert CITATION["type"] in ("software", "dataset")
    assert CITATION["authors"]
    for author in CITATION["authors"]:
        assert author and (author.keys() <= PERSON or author.keys() <= ENTITY)
    texts = [CITATION[name] for name in ("message", "title", "abstract", "version")]
    assert all(isinstance(text, str) and text.strip() for text in texts)


def test_it_is_of_this_package_as_it_is():
    assert CITATION["version"] == PROJECT["version"]
    assert CITATION["license"] == PROJECT["license"]


def test_the_changelog_names_this_version_and_every_command():
    from xlnas_jax.cli.commands import COMMANDS

    log = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[(.+?)\]", log, re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert PROJECT["version"] in log
    assert {name for name in COMMANDS if f"`{name}`" not in log} == set()
