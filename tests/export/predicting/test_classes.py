"""Texts are checked before anything runs; what is wrong is named by its index."""

import pytest

from xlnas_jax.export.predicting.classes import check_texts


@pytest.mark.parametrize("bad", [None, 3, b"bytes"])
def test_a_text_that_is_no_str_is_named_by_its_index(bad):
    with pytest.raises(TypeError, match=r"texts\[1\]: every text must be a str"):
        check_texts(["good", bad], "texts")


@pytest.mark.parametrize("bad", [None, 3, b"bytes", {"a": "b"}])
def test_what_is_no_sequence_of_texts_is_refused(bad):
    with pytest.raises(TypeError, match="texts: must be a text or a sequence"):
        check_texts(bad, "texts")
