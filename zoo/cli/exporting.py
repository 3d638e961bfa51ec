"""``zoo export``: from a run to a certified file."""

import json
from pathlib import Path

import click

from zoo.cli.tables import render
from zoo.contracts.certificate import Certificate

# What `zoo predict` is given, where it is no file.
_ASKED = {"sample": "--samples 64 --draw samples.png", "tokens": "--prompt TEXT"}


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The file; RUN/model.onnx by default.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def export(run: Path, output: Path | None, as_json: bool) -> None:
    """Write RUN's network as one ONNX file, proven equal to what was trained, or nothing."""
    from zoo import api

    exported = api.export(run, output)
    certificate = exported.certificate
    if as_json:
        click.echo(json.dumps({"model": str(exported.path), "certificate": certificate.to_json()}))
        return
    click.echo(f"{_metrics(certificate)}\n")
    errors = ", ".join(f"{name} {error:.1e}" for name, error in certificate.max_abs_error.items())
    sizes = ", ".join(str(size) for size in certificate.batch_sizes)
    click.echo(f"largest difference: {errors} (batch sizes {sizes})")
    click.echo(f"model: {exported.path} ({exported.path.stat().st_size:,} bytes)")
    asked = _ASKED.get(certificate.signature.target.kind, "INPUT")
    click.echo(f"next:  zoo predict {exported.path} {asked}")


def _metrics(certificate: Certificate) -> str:
    """What both sides reach; how many examples alone where nothing is measured."""
    examples = f"{certificate.num_examples} examples"
    names = [name for name in certificate.metrics["torch"] if not name.endswith("]")]
    if not names:
        return examples
    rows = [
        (where, *(f"{certificate.metrics[where][name]:.6g}" for name in names)) for where in ("torch", "onnx")
    ]
    return render(rows, header=(examples, *names))
