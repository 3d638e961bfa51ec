"""Hugging Face Trainer, as its documentation says: saves by steps, the last checkpoint, full determinism."""

import warnings
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from benchmarks.faults.peers import work

VERSION_OF = "transformers"
FILES = (
    "model.safetensors",
    "optimizer.pt",
    "scheduler.pt",
    "rng_state.pth",
    "trainer_state.json",
    "training_args.bin",
)


class Network(nn.Module):
    """The network, with a loss as the Trainer wants it."""

    def __init__(self) -> None:
        super().__init__()
        self.network = work.network()

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Loss and scores."""
        scores = self.network(x)
        return {"loss": work.cost(scores, labels), "logits": scores}


def train(folder: Path) -> str:
    """Trains, or goes on with what the folder holds; SHA-256 of the weights at the end."""
    from transformers import PrinterCallback, Trainer, TrainingArguments
    from transformers.trainer_utils import get_last_checkpoint
    from transformers.utils import logging

    logging.set_verbosity_error()
    warnings.simplefilter("ignore")
    x, y = work.data()
    network = Network()
    trainer = Trainer(
        model=network,
        args=TrainingArguments(
            output_dir=str(folder),
            num_train_epochs=work.NUM_EPOCHS,
            per_device_train_batch_size=work.BATCH_SIZE,
            gradient_accumulation_steps=work.NUM_PARTS,
            optim="adamw_torch",
            learning_rate=1e-3,
            lr_scheduler_type="cosine",
            save_strategy="steps",
            save_steps=work.SAVE_EVERY,
            save_total_limit=2,
            seed=work.SEED,
            full_determinism=True,
            use_cpu=True,
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=[{"x": each, "labels": label} for each, label in zip(x, y, strict=True)],
    )
    trainer.remove_callback(PrinterCallback)
    last = get_last_checkpoint(str(folder)) if folder.is_dir() else None
    trainer.train(resume_from_checkpoint=last)
    return work.digest(network.state_dict())


def newest(folder: Path) -> Path | None:
    """The checkpoint that training would go on from."""
    from transformers.trainer_utils import get_last_checkpoint

    last = get_last_checkpoint(str(folder)) if folder.is_dir() else None
    return None if last is None else Path(last)


def weights(checkpoint: Path) -> dict[str, Any]:
    """Its weights."""
    import safetensors.torch

    return dict(safetensors.torch.load_file(checkpoint / "model.safetensors"))
