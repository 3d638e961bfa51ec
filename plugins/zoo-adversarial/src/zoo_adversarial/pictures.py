"""What is to be generated: the shape of a picture, and its sides from level to level."""

from typing import NamedTuple

from zoo.plugin import DataError, Signature

SMALLEST_SIDE = 8
SMALLEST_BASE = 4


class Sides(NamedTuple):
    """Height and width in pixels."""

    height: int
    width: int

    def halved(self) -> "Sides":
        """Half of each, rounded up."""
        return Sides(-(-self.height // 2), -(-self.width // 2))


def picture_shape(signature: Signature, *, network: str) -> tuple[int, int, int]:
    """Channels, height and width of the pictures to generate, in pixels.

    Args:
        signature: One output ``[channels, height, width]``.
        network: Its name, for the message.

    Raises:
        DataError: A side is shorter than 8 pixels.
    """
    channels, height, width = signature.outputs[0].shape
    assert channels is not None
    assert height is not None
    assert width is not None
    if min(height, width) < SMALLEST_SIDE:
        raise DataError(
            f"{network} generates pictures of at least {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels, "
            f"not {height} x {width} (height x width)",
            fix=f"enlarge them with data.size={SMALLEST_SIDE}",
        )
    return channels, height, width


def sizes(signature: Signature) -> tuple[int, int | None]:
    """Numbers in a latent vector; and values of the category that is asked for, or ``None``."""
    latent, *conditions = signature.inputs
    (latent_size,) = latent.shape
    assert latent_size is not None
    return latent_size, conditions[0].num_values if conditions else None


def pyramid(height: int, width: int) -> list[Sides]:
    """Sides from the picture down, halved and rounded up while the shorter one keeps 4 pixels.

    28 x 28 goes by 14 x 14 and 7 x 7 to 4 x 4, and 64 x 64 in the paper's four steps as well.
    """
    levels = [Sides(height, width)]
    while min(below := levels[-1].halved()) >= SMALLEST_BASE:
        levels.append(below)
    return levels


def kernels(larger: Sides) -> tuple[int, int]:
    """Kernel of a convolution with stride 2 and padding 1 between a level and the one below it.

    It is 4 for an even side and 3 for an odd one: then half of ``2n`` and of ``2n - 1`` is exactly ``n``,
    and the transposed convolution leads back exactly, so that no size needs cropping.
    """
    height, width = (4 - side % 2 for side in larger)
    return height, width
