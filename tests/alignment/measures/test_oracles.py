"""Each measure beside an implementation that nobody here wrote, or a closed form."""

import warnings

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.spatial
import scipy.stats
from sklearn.neighbors import NearestNeighbors

from xlnas_jax.alignment.cka import debiased_cka as on_device
from xlnas_jax.alignment.measures.cka import debiased_cka, hsic, minibatch_cka
from xlnas_jax.alignment.measures.gromov import bottleneck, deaths
from xlnas_jax.alignment.measures.procrustes import procrustes_disparity, rotation
from xlnas_jax.alignment.measures.retrieval import (
    cosines,
    csls,
    hits_at_1,
    margin,
    precision_at_1,
)
from xlnas_jax.alignment.measures.rsim import rsim
from xlnas_jax.alignment.measures.spectrum import (
    eigenvector_similarity,
    laplacian_spectrum,
)


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 20))
    return x, x + 0.7 * rng.normal(size=x.shape)


def test_independent_spaces_have_no_kernel_alignment() -> None:
    rng = np.random.default_rng(0)
    found = [debiased_cka(*rng.normal(size=(2, 128, 768))) for _ in range(5)]
    assert np.abs(found).max() < 0.02


def test_kernel_alignment_is_that_of_a_published_package(pair) -> None:
    torch, core = pytest.importorskip("torch"), _ckatorch()
    theirs = core.cka_base(*map(torch.from_numpy, pair), unbiased=True)
    assert debiased_cka(*pair) == pytest.approx(float(theirs), abs=1e-9)


def test_batches_are_averaged_as_in_a_published_package(pair) -> None:
    torch, core = pytest.importorskip("torch"), _ckatorch()
    batches = [torch.from_numpy(v.reshape(5, 10, -1)) for v in pair]
    theirs = float(core.cka_batch(*batches))
    assert minibatch_cka(*pair, 10) == pytest.approx(theirs, abs=1e-9)


def _ckatorch():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("ckatorch.core")


def test_it_is_what_the_search_computes_in_single_precision(pair) -> None:
    single = [jnp.asarray(v, jnp.float32) for v in pair]
    assert debiased_cka(*pair) == pytest.approx(float(on_device(*single)), abs=1e-4)


def test_the_unbiased_estimate_is_its_definition(pair) -> None:
    kernels = [v @ v.T for v in pair]
    for kernel in kernels:
        np.fill_diagonal(kernel, 0.0)
    assert hsic(*kernels) == pytest.approx(_hsic_by_definition(*pair))


def test_pairs_that_make_no_batch_are_left_out(pair) -> None:
    whole, left = (v[:20] for v in pair), (v[:22] for v in pair)
    x, y = (np.concatenate([v, v[:2] * 0 + v.mean(0)]) for v in whole)
    assert len(x) == 22 and minibatch_cka(x, y, 10) == pytest.approx(
        minibatch_cka(x[:20], y[:20], 10)
    )
    assert np.isfinite(minibatch_cka(*left, 10))


def _hsic_by_definition(x: np.ndarray, y: np.ndarray) -> float:
    """Equation 5 of Song et al., with its sums written out."""
    num = len(x)
    ours, theirs = x @ x.T, y @ y.T
    np.fill_diagonal(ours, 0.0)
    np.fill_diagonal(theirs, 0.0)
    ones = np.ones(num)
    first = np.trace(ours @ theirs)
    second = ones @ ours @ ones * (ones @ theirs @ ones) / ((num - 1) * (num - 2))
    third = 2 / (num - 2) * (ones @ ours @ theirs @ ones)
    return (first + second - third) / (num * (num - 3))


def test_nearest_neighbours_are_those_of_sklearn(pair) -> None:
    x, y = pair
    near = NearestNeighbors(n_neighbors=1, metric="cosine").fit(y)
    found = near.kneighbors(x, return_distance=False)[:, 0]
    assert precision_at_1(cosines(x, y))[0] == (found == np.arange(50)).mean()


def test_csls_and_margins_are_their_formulas_row_by_row(pair) -> None:
    scores = cosines(*pair)
    for source, target in ((0, 0), (3, 7), (49, 12)):
        ours = np.sort(scores[source])[-10:].mean()
        theirs = np.sort(scores[:, target])[-10:].mean()
        expected = 2 * scores[source, target] - ours - theirs
        assert csls(scores)[source, target] == pytest.approx(expected)
        ours = np.sort(scores[source])[-4:].mean()
        theirs = np.sort(scores[:, target])[-4:].mean()
        cosine, usual = scores[source, target], (ours + theirs) / 2
        assert margin(scores)[source, target] == pytest.approx(cosine / usual)
        assert margin(scores, "distance")[source, target] == pytest.approx(
            cosine - usual
        )
    assert margin(scores, "absolute") is scores


def test_equal_vectors_are_not_told_apart() -> None:
    scores = np.array([[1.0, 1.0, 0.0], [0.0, 0.5, 0.2], [0.9, 0.0, 0.1]])
    assert hits_at_1(scores).tolist() == [0.5, 1.0, 0.0]


def test_rsim_is_pearsons_correlation_of_cosines(pair) -> None:
    inside = [1 - scipy.spatial.distance.pdist(v, "cosine") for v in pair]
    assert rsim(*pair) == pytest.approx(scipy.stats.pearsonr(*inside).statistic)


def test_the_laplacian_is_that_of_networkx(pair) -> None:
    networkx = pytest.importorskip("networkx")
    near = NearestNeighbors(n_neighbors=3, metric="cosine").fit(pair[0])
    # With a graph of its own points each is its own neighbour, and left out.
    joined = near.kneighbors_graph(mode="connectivity")
    graph = networkx.from_scipy_sparse_array(joined.maximum(joined.T))
    theirs = np.sort(networkx.laplacian_spectrum(graph))
    assert np.allclose(laplacian_spectrum(pair[0], 3), theirs, atol=1e-9)


def test_spectra_are_compared_up_to_their_energy() -> None:
    # Graphs by hand: two pairs, against a path of four, one neighbour each.
    pairs = np.array([[1, 0.0], [1, 0.1], [-1, 0.0], [-1, 0.1]])
    path = np.array([[1, 0.0], [0.99, 0.1], [0.9, 0.35], [0.6, 0.8]])
    assert np.allclose(laplacian_spectrum(pairs, 1), [0, 0, 2, 2])
    spectrum = [2 + 2**0.5, 2, 2 - 2**0.5, 0]
    assert np.allclose(laplacian_spectrum(path, 1)[::-1], spectrum)
    # 90 % is two eigenvalues of the pairs, two of the path's (90.2 %).
    expected = (2 - spectrum[0]) ** 2 + (2 - spectrum[1]) ** 2
    assert eigenvector_similarity(pairs, path) == pytest.approx(expected)
    by_script = eigenvector_similarity(pairs, path, order="script")
    assert by_script == pytest.approx(0 + spectrum[2] ** 2 + 0 + (2 - spectrum[0]) ** 2)


@pytest.mark.parametrize("seed", range(8))
def test_the_bottleneck_is_that_of_gudhi(seed: int) -> None:
    gudhi = _gudhi()
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 12, 2)
    ours, theirs = (np.sort(rng.exponential(size=size)) for size in sizes)
    diagrams = [np.stack([np.zeros_like(d), d], -1) for d in (ours, theirs)]
    assert bottleneck(ours, theirs) == pytest.approx(
        gudhi.bottleneck_distance(*diagrams), abs=1e-9
    )


def test_components_end_where_rips_complexes_say(pair) -> None:
    gudhi = _gudhi()
    x = pair[0]
    apart = scipy.spatial.distance.squareform(
        np.sqrt(2 * scipy.spatial.distance.pdist(x, "cosine"))
    )
    tree = gudhi.RipsComplex(distance_matrix=apart).create_simplex_tree(max_dimension=1)
    tree.compute_persistence()
    ends = tree.persistence_intervals_in_dimension(0)[:, 1]
    assert np.allclose(deaths(x), np.sort(ends[np.isfinite(ends)]))


def _gudhi():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("gudhi")


def test_the_disparity_is_that_of_scipy(pair) -> None:
    _, _, theirs = scipy.spatial.procrustes(*pair)
    assert procrustes_disparity(*pair) == pytest.approx(theirs)


def test_a_planted_rotation_is_recovered(pair) -> None:
    x, _ = pair
    planted = np.linalg.qr(np.random.default_rng(3).normal(size=(20, 20)))[0]
    assert np.allclose(rotation(x, x @ planted.T), planted)
    theirs, _ = scipy.linalg.orthogonal_procrustes(*pair)
    assert np.allclose(rotation(*pair), theirs.T)
