"""Lightning, as its documentation says: ``save_last``, ``ckpt_path="last"``, ``deterministic``, finite checks."""

import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.faults.peers import work

VERSION_OF = "lightning"
# One file holds everything.
FILES = ("last.ckpt",)


def train(folder: Path) -> str:
    """Trains, or goes on with what the folder holds; SHA-256 of the weights at the end."""
    import lightning
    from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    lightning.seed_everything(work.SEED, workers=True, verbose=False)

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = work.network()

        def training_step(self, batch: Any, index: int) -> torch.Tensor:
            loss = work.cost(self.network(batch[0]), batch[1])
            self.log("loss", loss)
            return loss

        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.AdamW(self.parameters())
            schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, work.NUM_EPOCHS * 6)
            return [optimizer], [{"scheduler": schedule, "interval": "step"}]

    module = Module()
    trainer = lightning.Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=work.NUM_EPOCHS,
        accumulate_grad_batches=work.NUM_PARTS,
        deterministic=True,
        detect_anomaly=True,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[
            ModelCheckpoint(
                dirpath=folder, every_n_train_steps=work.SAVE_EVERY, save_last=True, save_top_k=1
            ),
            EarlyStopping("loss", patience=10**6, check_finite=True, check_on_train_epoch_end=True),
        ],
    )
    loader = DataLoader(TensorDataset(*work.data()), batch_size=work.BATCH_SIZE, shuffle=True)
    trainer.fit(module, loader, ckpt_path="last")
    return work.digest(module.network.state_dict())


def newest(folder: Path) -> Path | None:
    """The checkpoint that training would go on from."""
    return folder if (folder / "last.ckpt").exists() else None


def weights(checkpoint: Path) -> dict[str, Any]:
    """Its weights."""
    found = torch.load(checkpoint / "last.ckpt", weights_only=False)
    return dict(found["state_dict"])
