"""Distance in the tree of language families.

The angle between lists of families is near 1 for most pairs, related or not; how deep
the last common ancestor lies tells them apart.

References:
    Wu & Palmer, "Verb semantics and lexical selection", 1994, whose similarity in a
    tree this is. https://aclanthology.org/P94-1019
"""

from xlnas_jax.languages.distance.typology import UNDEFINED, Measured, families_of
from xlnas_jax.languages.distance.uriel import features


def tree_distance(ours: str, theirs: str) -> Measured:
    """0 for the same language, 1 for those without a common family.

    Twice the depth of the last common ancestor over the depths of both, taken from 1.
    Languages, by ISO 639-3 codes, are the leaves below their smallest families; those
    without relatives are below nothing.
    """
    place = features("families").place
    if ours not in place or theirs not in place:
        return UNDEFINED
    if ours == theirs:
        return Measured(0.0, 1.0)
    lineages = families_of(ours), families_of(theirs)
    shared = set(lineages[0]) & set(lineages[1])
    depths = [len(lineage) + 1 for lineage in lineages]
    return Measured(1.0 - 2.0 * len(shared) / sum(depths), 1.0)
