"""Label sets: what a data set's labels become by its aliases and a user's map."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from xlnas_jax.config.data import SetData
from xlnas_jax.data.examples import LabelSet, Row, TaggedRow
from xlnas_jax.data.readers.faults import Faults
from xlnas_jax.data.sets.base import Columns, DataSet
from xlnas_jax.tasks.tagging import OUTSIDE
from xlnas_jax.types import ConfigError


@dataclass(frozen=True)
class LabelMap:
    """Renames labels, or the types of IOB2 tags.

    Attributes:
        labels: the label set after renaming.
        renamed: a label, or an entity type, to another.
        counted: those of `renamed` that are quirks of the data set, not wishes.
        has_types: labels are IOB2 tags, and names are entity types.
    """

    labels: LabelSet
    renamed: Mapping[str, str]
    counted: frozenset[str] = frozenset()
    has_types: bool = False

    def row(self, row: Row, faults: Faults) -> Row:
        """The same text with its label renamed."""
        return row._replace(label=self._name(row.label, 1, faults))

    def tagged(self, row: TaggedRow, faults: Faults) -> TaggedRow:
        """The same sentence with its tags renamed; their prefixes stay."""
        if not self.renamed:
            return row
        counts = Counter(row.tags)
        names = {tag: self._tag(tag, count, faults) for tag, count in counts.items()}
        return row._replace(tags=tuple(names[tag] for tag in row.tags))

    def _name(self, name: str, count: int, faults: Faults) -> str:
        if name in self.counted:
            faults.note(f"{name} read as {self.renamed[name]}", count)
        return self.renamed.get(name, name)

    def _tag(self, tag: str, count: int, faults: Faults) -> str:
        prefix, dash, kind = tag.partition("-")
        if not self.has_types or not dash:
            return tag if self.has_types else self._name(tag, count, faults)
        name = self._name(kind, count, faults)
        return OUTSIDE if name == OUTSIDE else f"{prefix}-{name}"


def make_label_map(data_set: DataSet, config: SetData, seen: LabelSet = ()) -> LabelMap:
    """Joins the aliases of a data set with the `map` of a configuration.

    Args:
        seen: labels, or entity types, of the training split, where the data set
            itself names none.

    Raises:
        ConfigError: `map` has a name that the data set does not know.
    """
    labels = data_set.labels or seen
    known = (*labels, *data_set.aliases)
    unknown = [name for name in config.map if name not in known]
    if unknown and data_set.labels:
        raise ConfigError(
            f"data.map: every name must be a label of {data_set.name}; got {unknown}. "
            f"Its labels are {', '.join(known)}."
        )
    aliases = {
        name: config.map.get(label, label) for name, label in data_set.aliases.items()
    }
    renamed = aliases | config.map
    kept = [*labels, *(name for name in config.map if name in data_set.aliases)]
    names = tuple(dict.fromkeys(renamed.get(name, name) for name in kept))
    has_types = has_entity_types(data_set)
    return LabelMap(
        labels=tag_set(names) if has_types else names,
        renamed=renamed,
        counted=frozenset(aliases) - frozenset(config.map),
        has_types=has_types,
    )


def has_entity_types(data_set: DataSet) -> bool:
    """True where labels are entity types; a hub's tags are of the same kind."""
    if data_set.task != "tagging":
        return False
    return not (
        isinstance(data_set.format, Columns) and data_set.format.scheme == "plain"
    )


def tag_set(types: LabelSet) -> LabelSet:
    """`O`, then `B-` and `I-` of each entity type, sorted.

    Example:
        >>> tag_set(("PER", "LOC", "O"))
        ('O', 'B-LOC', 'I-LOC', 'B-PER', 'I-PER')
    """
    kinds = sorted(set(types) - {OUTSIDE})
    return (OUTSIDE, *(f"{prefix}-{kind}" for kind in kinds for prefix in "BI"))


def entity_types(tags: LabelSet) -> LabelSet:
    """The entity types that occur in tags, sorted."""
    return tuple(sorted({tag.partition("-")[2] for tag in tags} - {""}))
