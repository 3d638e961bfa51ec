"""``zoo new``: a plugin to begin with."""

from pathlib import Path

import click

from zoo.distributions import plugins
from zoo.distributions.names import Name
from zoo.registry import Registry


@click.command()
@click.argument("name", metavar="NAME")
@click.option(
    "--kind",
    type=click.Choice(plugins.KINDS),
    default="architecture",
    show_default=True,
    help="What it offers.",
)
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="DIR",
    help="The folder that will hold it; this one by default.",
)
def new(name: str, kind: str, into: Path) -> None:
    """Write NAME, for example zoo-mynet: a small plugin that trains, exports and passes its tests.

    Change it bit by bit into what you have in mind.
    """
    created = plugins.create(Name.parse(name), kind, into=into, registry=Registry.discover())
    for file in sorted(path for path in created.path.rglob("*") if path.is_file()):
        click.echo(file)
    commands = (
        f"pip install --editable '{created.path}[test]'",
        created.train,
        f"pytest {created.path}",
        f"zoo check {created.name.distribution}",
    )
    for label, command in zip(("next:", *[""] * len(commands)), commands, strict=False):
        click.echo(f"{label:6} {command}")
