"""The peers' loops, each with what its documentation names as fastest: no logger, no checkpoint, no bar.

Each imports its framework itself, so that a process loads one alone. They train until the process is ended.
"""

import os
import sys
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from benchmarks.loops.torch_loops import adam, loader
from benchmarks.loops.works import RATE, Network, Work

ENDLESS = sys.maxsize


def fabric(work: Work, network: Network, *, fused: bool) -> None:
    """``Fabric.setup`` of network, optimizer and data loader."""
    from lightning.fabric import Fabric

    fabric = Fabric(accelerator=work.device, devices=1)
    model, optimizer = fabric.setup(network, adam(network, fused=fused))
    batches, cost = fabric.setup_dataloaders(loader(work)), nn.CrossEntropyLoss()
    while True:
        for inputs, target in batches:
            fabric.backward(cost(model(inputs), target))
            optimizer.step()
            optimizer.zero_grad()


def accelerate(work: Work, network: Network, *, fused: bool) -> None:
    """``Accelerator.prepare`` of network, optimizer and data loader."""
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=work.device == "cpu")
    optimizer = adam(network, fused=fused)
    model, optimizer, batches = accelerator.prepare(network, optimizer, loader(work))
    cost = nn.CrossEntropyLoss()
    while True:
        for inputs, target in batches:
            accelerator.backward(cost(model(inputs), target))
            optimizer.step()
            optimizer.zero_grad()


def skorch(work: Work, network: Network, *, fused: bool) -> None:
    """``callbacks="disable"``, no validation, nothing printed."""
    from skorch import NeuralNet

    inputs, target = work.tensors()
    NeuralNet(
        network,
        nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        optimizer__fused=True if fused else None,
        lr=RATE,
        device=work.device,
        batch_size=work.batch_size,
        max_epochs=ENDLESS,
        iterator_train__shuffle=True,
        train_split=None,
        callbacks="disable",
        verbose=0,
    ).fit(inputs, target)


def lightning(work: Work, network: Network, *, fused: bool) -> None:
    """No logger, checkpoint, bar or summary."""
    _lightning(work, network, fused=fused, logs=False)


def lightning_log(work: Work, network: Network, *, fused: bool) -> None:
    """The same, and ``self.log`` of the loss in each step."""
    _lightning(work, network, fused=fused, logs=True)


def lightning_barebones(work: Work, network: Network, *, fused: bool) -> None:
    """``barebones=True``, which Lightning has for measuring its own overhead."""
    _lightning(work, network, fused=fused, logs=False, barebones=True)


def _lightning(work: Work, network: Network, *, fused: bool, logs: bool, barebones: bool = False) -> None:
    from lightning.pytorch import LightningModule, Trainer

    class Module(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network, self.cost = network, nn.CrossEntropyLoss()

        def training_step(self, batch: Any, batch_idx: int) -> Tensor:
            inputs, target = batch
            loss = self.cost(self.network(inputs), target)
            if logs:
                self.log("train_loss", loss)
            return loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return adam(self.network, fused=fused)

    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    settings: dict[str, Any] = {"barebones": True} if barebones else {"logger": False, **quiet}
    trainer = Trainer(accelerator=work.device, devices=1, max_epochs=-1, **settings)
    trainer.fit(Module(), loader(work))


class Rows(Dataset):
    """Examples as the Hugging Face Trainer takes them."""

    def __init__(self, inputs: Tensor, target: Tensor) -> None:
        self._inputs, self._target = inputs, target

    def __len__(self) -> int:
        return len(self._target)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"x": self._inputs[index], "labels": self._target[index]}


class Costed(nn.Module):
    """A network that gives its loss, as the Hugging Face Trainer wants."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network, self.cost = network, nn.CrossEntropyLoss()

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Loss and scores ``[batch, classes]``."""
        scores = self.network(x)
        return {"loss": self.cost(scores, labels), "logits": scores}


def hugging_face(work: Work, network: Network, *, fused: bool) -> None:
    """No logging, saving, reporting, clipping or filter of losses; Adam as AdamW without decay."""
    import tempfile

    from transformers import Trainer, TrainingArguments

    arguments = TrainingArguments(
        output_dir=tempfile.gettempdir(),
        use_cpu=work.device == "cpu",
        per_device_train_batch_size=work.batch_size,
        num_train_epochs=10_000_000,
        learning_rate=RATE,
        weight_decay=0.0,
        lr_scheduler_type="constant",
        optim="adamw_torch_fused" if fused else "adamw_torch",
        max_grad_norm=0.0,
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        logging_nan_inf_filter=False,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )
    Trainer(model=Costed(network), args=arguments, train_dataset=Rows(*work.tensors())).train()


def keras(work: Work, network: Network, *, fused: bool) -> None:
    """Torch back end, eager as is its default, nothing printed; its own Adam, which has no fused form."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    inputs, target = work.tensors()
    dtype = "int64" if work.kind == "tokens" else "float32"
    layer = keras.layers.TorchModuleWrapper(network, output_shape=(None, work.num_classes))
    model = keras.Sequential([keras.Input(tuple(inputs.shape[1:]), dtype=dtype), layer])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(RATE), loss=loss)
    model.fit(inputs.numpy(), target.numpy(), batch_size=work.batch_size, epochs=ENDLESS, verbose=0)
