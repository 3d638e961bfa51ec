"""What a network may assume of the pictures it is given."""

from zoo.plugin import DataError, Signature


def picture_shape(signature: Signature, *, network: str, smallest: int) -> tuple[int, int, int]:
    """Channels, height and width of the pictures in pixels.

    Args:
        signature: One input picture ``[channels, height, width]``.
        network: Its name, for the message.
        smallest: Pixels that both sides need at least.

    Raises:
        DataError: A side is shorter than that.
    """
    channels, height, width = signature.inputs[0].shape
    assert channels is not None
    assert height is not None
    assert width is not None
    if min(height, width) < smallest:
        raise DataError(
            f"{network} needs pictures of at least {smallest} x {smallest} pixels, "
            f"not {height} x {width} (height x width)",
            fix=f"enlarge them with data.size={smallest}",
        )
    return channels, height, width


def clip_shape(signature: Signature, *, network: str, smallest: int) -> tuple[int, int, int, int]:
    """Channels, frames, height and width of the clips.

    Args:
        signature: One input clip ``[channels, frames, height, width]``.
        network: Its name, for the message.
        smallest: Pixels that both sides of a frame need at least.

    Raises:
        DataError: A side is shorter than that.
    """
    channels, num_frames, height, width = signature.inputs[0].shape
    assert channels is not None
    assert num_frames is not None
    assert height is not None
    assert width is not None
    if min(height, width) < smallest:
        raise DataError(
            f"{network} needs frames of at least {smallest} x {smallest} pixels, "
            f"not {height} x {width} (height x width)",
            fix=f"enlarge them with data.size={smallest}",
        )
    return channels, num_frames, height, width
