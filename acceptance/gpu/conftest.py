"""What only a GPU can show; where there is none this fails, since nothing would be seen."""

from pathlib import Path

import pytest
import torch


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs a GPU."""
    for item in items:
        if Path(item.path).is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.gpu)


@pytest.fixture(autouse=True, scope="session")
def gpu() -> str:
    """The name of the GPU."""
    if not torch.cuda.is_available():
        pytest.fail("there is no GPU that PyTorch can use: make gpu shows what only one can", pytrace=False)
    return torch.cuda.get_device_name()
