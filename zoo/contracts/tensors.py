"""Names, kinds, types and shapes of tensors."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TensorSpec:
    """One named tensor, described without its batch axis.

    Attributes:
        name: Unique within its signature.
        kind: Raw: ``"image"``, ``"video"``, ``"number"``, ``"category"``, ``"vector"``, ``"text"``, ``"series"`` (one
            column over time) or ``"latent"``. Encoded: ``"image"``, ``"video"``, ``"vector"``, ``"table"``,
            ``"tokens"``, ``"series"``, ``"lengths"``, ``"latent"`` or ``"category"``. Scores of a network:
            the kind of its target.
        dtype: NumPy's name (``"float32"``, ``"uint8"``, ``"int64"``) or ``"string"``.
        shape: One example's shape, ``None`` where it varies. Raw images are
            ``(height, width, channels)``, encoded ones ``(channels, height, width)``; raw videos are
            ``(frames, height, width, channels)``, encoded ones ``(channels, frames, height, width)``; encoded tokens are
            ``(length,)`` and encoded series ``(length, features)``.
        num_values: How many distinct values an integer input has; 0 and 1 are missing (for tokens
            padding) and unknown.
    """

    name: str
    kind: str
    dtype: str
    shape: tuple[int | None, ...]
    num_values: int | None = None
