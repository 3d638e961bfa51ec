"""``zoo package``: a trained model as a wheel."""

import json
from pathlib import Path

import click


@click.command("package")
@click.argument("run", metavar="RUN|MODEL.onnx", type=click.Path(path_type=Path))
@click.option("--name", metavar="zoo-NAME", help="The distribution's name; by default that of RUN.")
@click.option("--version", default="1.0.0", show_default=True, help="The distribution's version.")
@click.option(
    "--license", "licence", default="", metavar="SPDX", help="Your licence, such as MIT; none by default."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("dist"),
    show_default=True,
    metavar="DIR",
    help="The folder that the wheel goes into.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def package(run: Path, name: str | None, version: str, licence: str, output: Path, as_json: bool) -> None:
    """Build a wheel of RUN's exported model: who installs it has the model by its name, without PyTorch.

    A run that has not been exported is exported first.
    """
    from zoo import api

    packaged = api.package(run, name=name, version=version, licence=licence, output=output)
    num_bytes = packaged.path.stat().st_size
    if as_json:
        document = {
            "wheel": str(packaged.path),
            "distribution": packaged.name.distribution,
            "model": packaged.name.stem,
            "wheel_bytes": num_bytes,
            "model_bytes": packaged.num_model_bytes,
        }
        click.echo(json.dumps(document))
        return
    share = num_bytes / packaged.num_model_bytes
    click.echo(f"wheel: {packaged.path} ({num_bytes:,} bytes)")
    click.echo(f"model: {packaged.num_model_bytes:,} bytes; the wheel has {share:.0%} of them")
    click.echo(f"next:  pip install {packaged.path}\n       zoo predict {packaged.name.stem} INPUT")
