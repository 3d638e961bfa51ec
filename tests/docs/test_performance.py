"""The figures on the page are those of the results' files."""

import re

from benchmarks import machine, page


def test_every_table_is_what_its_results_say():
    text = page.PAGE.read_text()
    assert page.render(text) == text, "python -m benchmarks.page"


def test_the_plot_is_what_the_results_say():
    document = machine.read("loops")
    drawn = page.PLOT.read_text() if page.PLOT.exists() else None
    assert drawn == (document and page.plot(document)), "python -m benchmarks.page"


def test_every_benchmark_of_the_page_has_its_table():
    assert set(re.findall(r"<!-- figures: ([\w-]+) -->", page.PAGE.read_text())) == set(page.BLOCKS)
