"""Writes examples/digits: one scan of each digit from the test split of `digits`, as PNG files.

    python examples/write_digits.py

None of these ten was seen in training with the default seed.
"""

from pathlib import Path

from PIL import Image

from zoo import Registry, data


def main() -> None:
    """Writes the ten files beside this one."""
    folder = Path(__file__).parent / "digits"
    folder.mkdir(exist_ok=True)
    test = data.load("digits", {}, seed=0, registry=Registry.discover()).splits.test
    assert test is not None
    for digit in range(10):
        place = list(test.target).index(str(digit))
        pixels = test.inputs["image"][place][:, :, 0]
        Image.fromarray(pixels).save(folder / f"{digit}.png")


if __name__ == "__main__":
    main()
