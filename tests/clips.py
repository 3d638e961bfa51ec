"""Clips that tests make: a bright square that moves one way over noise, so that no single frame tells which."""

import numpy as np
from PIL import Image

WAYS = {"down": (1, 0), "left": (0, -1), "right": (0, 1), "up": (-1, 0)}
SQUARE = 6


def moving(way, random, *, num_frames=8, height=20, width=20, channels=1):
    """uint8 ``[frames, height, width, channels]``: two pixels a frame, from anywhere, around the edges."""
    (down, across), room = WAYS[way], (height - SQUARE, width - SQUARE)
    frames = random.integers(0, 60, (num_frames, height, width, channels), dtype=np.uint8)
    top, left = (int(random.integers(side)) for side in room)
    for number, frame in enumerate(frames):
        y, x = (top + 2 * down * number) % room[0], (left + 2 * across * number) % room[1]
        frame[y : y + SQUARE, x : x + SQUARE] = 230
    return frames


def pictures_of(frames):
    return [Image.fromarray(frame[..., 0] if frame.shape[-1] == 1 else frame) for frame in frames]


def save_animation(path, frames, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = pictures_of(frames)
    first.save(path, save_all=True, append_images=others, **options)
    return path


def save_folder(path, frames):
    path.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(pictures_of(frames)):
        picture.save(path / f"{number + 1:04d}.png")
    return path


def save_video(path, frames, codec="mpeg4"):
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 4_000_000
        for frame in frames:
            rgb = np.repeat(frame, 3, axis=2) if frame.shape[-1] == 1 else frame
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())
    return path
