import subprocess
import sys

import zoo_pytorch_optimizer


def test_registration_imports_neither_torch_nor_the_library():
    code = (
        "import sys, zoo_pytorch_optimizer; zoo_pytorch_optimizer.zoo_register(); "
        "print([name for name in sys.modules if name in "
        "('torch', 'numpy', 'pytorch_optimizer', 'zoo_pytorch_optimizer.optimizers')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_over_a_hundred_optimizers_can_be_used():
    entries = zoo_pytorch_optimizer.zoo_register()
    assert sum(not entry.unsupported for entry in entries) > 100


def test_every_entry_has_a_summary_of_one_line():
    for entry in zoo_pytorch_optimizer.zoo_register():
        assert entry.summary
        assert "\n" not in entry.summary
