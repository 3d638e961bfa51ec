"""``zoo export``: from a run to a certified file."""

import json
from pathlib import Path

import click

from zoo.cli.tables import render


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
    names = [name for name in certificate.metrics["torch"] if not name.endswith("]")]
    rows = [
        (where, *(f"{certificate.metrics[where][name]:.6g}" for name in names)) for where in ("torch", "onnx")
    ]
    click.echo(render(rows, header=(f"{certificate.num_examples} examples", *names)))
    errors = ", ".join(f"{name} {error:.1e}" for name, error in certificate.max_abs_error.items())
    sizes = ", ".join(str(size) for size in certificate.batch_sizes)
    click.echo(f"\nlargest difference: {errors} (batch sizes {sizes})")
    click.echo(f"model: {exported.path} ({exported.path.stat().st_size:,} bytes)")
    click.echo(f"next:  zoo predict {exported.path} INPUT")
