"""The seal of a model file: a digest of every byte before it.

A serialized protobuf message followed by another is their merge, so the seal is a fragment of an ONNX
``ModelProto`` (field 14, ``metadata_props``) appended to the model. The file stays an ordinary ONNX file,
and no protobuf library is needed to see that a single bit of it has changed.
"""

import hashlib

from zoo.errors import ArtifactError

CERTIFICATE = "zoo.certificate"
_METADATA_PROPS = b"\x72"
_KEY, _VALUE = b"\x0a", b"\x12"
_DIGEST_LENGTH = 64


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low]) if not rest else bytes([low | 0x80]) + _varint(rest)


def property_fragment(key: str, value: str) -> bytes:
    """One ``metadata_props`` entry, to be appended to a serialized ``ModelProto``."""
    texts = ((_KEY, key.encode()), (_VALUE, value.encode()))
    entry = b"".join(tag + _varint(len(text)) + text for tag, text in texts)
    return _METADATA_PROPS + _varint(len(entry)) + entry


_SEAL_LENGTH = len(property_fragment("zoo.sha256", "0" * _DIGEST_LENGTH))
_SEAL_START = property_fragment("zoo.sha256", "0" * _DIGEST_LENGTH)[:-_DIGEST_LENGTH]


def seal(body: bytes) -> bytes:
    """The bytes of a sealed model file."""
    return body + property_fragment("zoo.sha256", hashlib.sha256(body).hexdigest())


def unseal(sealed: bytes, name: str = "the model") -> bytes:
    """The body of a sealed model file, once every byte is known to be the one that was written.

    Args:
        sealed: The whole file.
        name: What to call it in a message.

    Raises:
        ArtifactError: The file is damaged, was changed after its export, or is not Zoo's.
    """
    body, end = sealed[:-_SEAL_LENGTH], sealed[-_SEAL_LENGTH:]
    if end == _SEAL_START + hashlib.sha256(body).hexdigest().encode():
        return body
    if CERTIFICATE.encode() in sealed or _SEAL_START in sealed:
        raise ArtifactError(
            f"{name} is damaged: its bytes are not the ones that were exported",
            fix="copy the file again from where it was exported, or export it again with `zoo export`",
        )
    raise ArtifactError(
        f"{name} was not exported by Zoo: it carries no seal",
        fix="export a trained run with `zoo export RUN`",
    )
