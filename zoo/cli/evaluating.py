"""``zoo evaluate``: a run or an exported model, judged on data."""

import json

import click

from zoo.cli.completing import DATA, DATA_WORD, RUN_OR_MODEL
from zoo.cli.tables import render
from zoo.contracts.plain import plain
from zoo.errors import UsageError
from zoo.words import merge, read_words


@click.command()
@click.argument("run_or_model", metavar="RUN|MODEL", type=RUN_OR_MODEL)
@click.argument("words", metavar="[data.KEY=VALUE]...", nargs=-1, type=DATA_WORD)
@click.option("--data", type=DATA, metavar="DATA", help="Judge every row of this data set.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def evaluate(run_or_model: str, words: tuple[str, ...], data: str | None, as_json: bool) -> None:
    """Judge a run on its own test split, or a run or model on every row of DATA."""
    from zoo import api

    said = merge({"data": data} if data else {}, read_words(words))
    if other := next((key for key in said if key != "data"), None):
        raise UsageError(
            f"{other!r} says nothing about data, and a trained network is judged as it is",
            fix="words that begin with data. say how DATA is read",
        )
    result = api.evaluate(run_or_model, data=said.get("data"))
    if as_json:
        click.echo(json.dumps({"metrics": plain(result.metrics), "num_examples": result.num_examples}))
        return
    click.echo(render([(name, f"{value:.6g}") for name, value in result.metrics.items()]))
    click.echo(f"\n{result.num_examples} examples")
