"""Bytes are counted where they are sent, and as often as they are."""

import importlib
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "benchmarks"

WRITTEN = """
HloModule jit_f, is_scheduled=true

%add (a: f32[], b: f32[]) -> f32[] {
  %a = f32[] parameter(0)
  %b = f32[] parameter(1)
  ROOT %sum = f32[] add(%a, %b)
}

%body (state: (s32[], f32[8,4])) -> (s32[], f32[8,4]) {
  %state = (s32[], f32[8,4]{1,0}) parameter(0)
  %i = s32[] get-tuple-element(%state), index=0
  %x = f32[8,4]{1,0} get-tuple-element(%state), index=1
  %inner = f32[8,4]{1,0} all-reduce(%x), replica_groups={{0,1}}, to_apply=%add
  ROOT %out = (s32[], f32[8,4]{1,0}) tuple(%i, %inner)
}

%condition (state: (s32[], f32[8,4])) -> pred[] {
  %state = (s32[], f32[8,4]{1,0}) parameter(0)
  ROOT %true = pred[] constant(true)
}

%few (p: bf16[10]) -> bf16[10] {
  %p = bf16[10]{0} parameter(0)
  ROOT %moved = bf16[10]{0} collective-permute(%p), source_target_pairs={{0,0},{1,1}}
}

%many (p: bf16[10]) -> bf16[10] {
  %p = bf16[10]{0} parameter(0)
  %all = bf16[20]{0} all-gather(%p), replica_groups=[1,2]<=[2], dimensions={0}
  %again = bf16[20]{0} all-gather(%p), replica_groups=[2,1]<=[2], dimensions={0}
  ROOT %cut = bf16[10]{0} slice(%all), slice={[0:10]}
}

ENTRY %main (x: f32[8,4], y: bf16[10], which: s32[]) -> f32[8,4] {
  %x = f32[8,4]{1,0} parameter(0)
  %y = bf16[10]{0} parameter(1)
  %which = s32[] parameter(2)
  %zero = s32[] constant(0)
  %start = (s32[], f32[8,4]{1,0}) tuple(%zero, %x)
  %loop = (s32[], f32[8,4]{1,0}) while(%start), condition=%condition, body=%body, \
backend_config={"known_trip_count":{"n":"3"}}
  %c = bf16[10]{0} conditional(%which, %y, %y), branch_computations={%few, %many}
  %two = (f32[8,4]{1,0}, pred[5]{0}) all-reduce-start(%x, %flags), \
replica_groups=mesh['a'=2,'b'=1] {'a'}, to_apply=%add
  %alone = f32[8,4]{1,0} all-reduce(%x), replica_groups=mesh['a'=2,'b'=1] {'b'}
  %flags = pred[5]{0} constant({1,0,1,1,1})
  %done = (f32[8,4]{1,0}, pred[5]{0}) all-reduce-done(%two)
  ROOT %r = f32[8,4]{1,0} get-tuple-element(%loop), index=1
}
"""


@pytest.fixture(scope="module")
def communication():
    yield importlib.import_module("benchmarks.speed.communication")


def test_a_written_program_is_counted_by_hand(communication):
    found = communication.traffic(WRITTEN)
    array, flags, small = 8 * 4 * 4, 5, 10 * 2
    assert found.bytes == {"all-reduce": 3 * array + array + flags, "all-gather": small}
    assert found.num == {"all-reduce": 4, "all-gather": 1}
    assert found.total == 4 * array + flags + small
    assert found.is_complete


def test_a_loop_of_unknown_length_is_said(communication):
    unknown = WRITTEN.replace('backend_config={"known_trip_count":{"n":"3"}}', "x=1")
    assert not communication.traffic(unknown).is_complete


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ("f32[64,3]{1,0}", 768),
        ("bf16[2]", 4),
        ("pred[7]{0}", 7),
        ("s32[]", 4),
        ("f8e4m3fn[16]", 16),
        ("(f32[2]{0}, /*index=1*/u8[3]{0}, c64[2])", 27),
    ],
)
def test_types_have_the_bytes_of_their_elements(communication, shape, size):
    assert communication.array_bytes(shape) == size


def compiled(function, mesh: Mesh, *specs_and_values) -> str:
    arrays = [
        jax.device_put(value, NamedSharding(mesh, spec))
        for spec, value in specs_and_values
    ]
    return jax.jit(function).lower(*arrays).compile().as_text()


def test_a_sum_over_two_devices_sends_what_each_has_of_it(communication):
    mesh = Mesh(np.asarray(jax.devices()[:2]), ("x",))
    total = jax.shard_map(
        lambda part: jax.lax.psum(part, "x"),
        mesh=mesh,
        in_specs=PartitionSpec("x"),
        out_specs=PartitionSpec(),
    )
    values = PartitionSpec("x"), jnp.ones((6, 5))
    found = communication.traffic(compiled(total, mesh, values))
    assert (found.bytes, found.num) == ({"all-reduce": 3 * 5 * 4}, {"all-reduce": 1})


def test_sums_within_a_scan_count_as_often_as_it_runs(communication):
    mesh = Mesh(np.asarray(jax.devices()[:2]), ("x",))

    def repeated(part):
        def add(x, _):
            return jax.lax.psum(jnp.sin(x), "x"), None

        return jax.lax.scan(add, part, None, length=4)[0]

    spread = jax.shard_map(
        repeated,
        mesh=mesh,
        in_specs=PartitionSpec("x"),
        out_specs=PartitionSpec("x"),
        check_vma=False,
    )
    values = PartitionSpec("x"), jnp.ones((6, 5))
    found = communication.traffic(compiled(spread, mesh, values))
    assert (found.total, found.is_complete) == (4 * 3 * 5 * 4, True)


def test_one_device_sends_nothing(communication):
    text = jax.jit(lambda x: x @ x).lower(jnp.ones((4, 4))).compile().as_text()
    assert communication.traffic(text) == communication.NOTHING
