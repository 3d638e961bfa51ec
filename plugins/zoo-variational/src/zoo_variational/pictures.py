"""What is to be generated: the shape of a picture, and its sides from level to level."""

from zoo.plugin import DataError, Signature

SMALLEST_SIDE = 8
SMALLEST_BASE = 4


def picture_shape(signature: Signature) -> tuple[int, int, int]:
    """Channels, height and width of the pictures to generate, in pixels.

    Args:
        signature: One output ``[channels, height, width]``.

    Raises:
        DataError: A side is shorter than 8 pixels.
    """
    channels, height, width = signature.outputs[0].shape
    assert channels is not None
    assert height is not None
    assert width is not None
    if min(height, width) < SMALLEST_SIDE:
        raise DataError(
            f"vae generates pictures of at least {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels, "
            f"not {height} x {width} (height x width)",
            fix=f"enlarge them with data.size={SMALLEST_SIDE}",
        )
    return channels, height, width


def pyramid(height: int, width: int) -> list[tuple[int, int]]:
    """Sides from the picture down, halved and rounded up while the shorter one keeps 4 pixels."""
    num_halvings = (min(height, width) // SMALLEST_BASE).bit_length() - 1
    return [(-(-height // 2**level), -(-width // 2**level)) for level in range(num_halvings + 1)]


def kernels(larger: tuple[int, int]) -> tuple[int, int]:
    """Kernel of a convolution with stride 2 and padding 1 between a level and the one below it.

    It is 4 for an even side and 3 for an odd one: then half of ``2n`` and of ``2n - 1`` is exactly ``n``,
    and the transposed convolution leads back exactly, so that no size needs cropping.
    """
    height, width = larger
    return 4 - height % 2, 4 - width % 2
