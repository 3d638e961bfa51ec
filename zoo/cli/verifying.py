"""``zoo verify``: a model's golden examples, replayed here."""

import json
from pathlib import Path

import click

from zoo.cli.completing import MODEL


@click.command()
@click.argument("model", metavar="MODEL", type=MODEL)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def verify(model: Path, as_json: bool) -> None:
    """Check that MODEL, a file or an installed model, is whole and answers as where it was exported."""
    from zoo.runtime.verify import verify as replay

    found = replay(model)
    if as_json:
        document = {
            "model": str(model),
            "num_examples": found.num_examples,
            "max_abs_error": dict(found.max_abs_error),
        }
        click.echo(json.dumps(document))
        return
    errors = ", ".join(f"{name} {error:.1e}" for name, error in found.max_abs_error.items())
    click.echo(
        f"{model}: whole, and {found.num_examples} golden examples agree (largest difference: {errors})"
    )
