import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import ArtifactError
from zoo.runtime.seal import CERTIFICATE, property_fragment, seal, unseal

BODY = b"\x08\x08\x12\x03abc" * 7 + property_fragment(CERTIFICATE, '{"format": 1}')
SEALED = seal(BODY)


def test_what_was_sealed_is_given_back():
    assert unseal(SEALED) == BODY


@given(st.binary(max_size=300))
def test_any_bytes_can_be_sealed(body):
    assert unseal(seal(body)) == body


@given(st.integers(0, 8 * len(SEALED) - 1))
def test_a_single_flipped_bit_is_found(bit):
    damaged = bytearray(SEALED)
    damaged[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(ArtifactError, match=r"cat\.onnx is damaged"):
        unseal(bytes(damaged), "cat.onnx")


@given(st.integers(0, len(SEALED) - 1))
def test_a_truncated_file_is_found(length):
    with pytest.raises(ArtifactError, match=r"cat\.onnx (is damaged|was not exported by Zoo)"):
        unseal(SEALED[:length], "cat.onnx")


@given(st.binary(min_size=1, max_size=100))
def test_bytes_added_at_the_end_are_found(extra):
    with pytest.raises(ArtifactError, match="is damaged"):
        unseal(SEALED + extra)


def test_an_ordinary_onnx_file_was_not_exported_by_zoo():
    with pytest.raises(ArtifactError, match=r"net\.onnx was not exported by Zoo") as caught:
        unseal(onnx.ModelProto(ir_version=8).SerializeToString(), "net.onnx")
    assert "zoo export" in caught.value.fix
    assert caught.value.exit_code == 4


def test_a_sealed_file_is_still_an_ordinary_onnx_file(image_path):
    model = onnx.load_from_string(image_path.read_bytes())
    assert [entry.key for entry in model.metadata_props] == [CERTIFICATE, "zoo.sha256"]
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(image_path.read_bytes(), providers=["CPUExecutionProvider"])
    assert set(session.get_modelmeta().custom_metadata_map) == {CERTIFICATE, "zoo.sha256"}


@given(st.text(min_size=1, max_size=20), st.text(max_size=70_000))
def test_a_property_is_read_back_by_onnx(key, value):
    model = onnx.load_from_string(property_fragment(key, value))
    assert [(entry.key, entry.value) for entry in model.metadata_props] == [(key, value)]
