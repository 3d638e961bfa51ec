import json

from benchmarks.faults.page import PAGE, RESULT, all_rows, figure, render

ROWS = json.loads(RESULT.read_text())


def test_the_figures_of_the_page_are_those_that_were_measured():
    text = PAGE.read_text()
    assert render(text, ROWS) == text, "python -m benchmarks.faults.page"


def test_every_row_says_where_its_faults_landed():
    for row in ROWS:
        assert row.keys() >= {"system", "row", "title", "survived", "tried", "landed"}
        assert 0 <= row["survived"] <= row["tried"]
        assert sum(row["landed"].values()) == row["tried"] > 0


def test_the_table_has_a_line_for_every_row_of_zoo():
    lines = all_rows(ROWS).splitlines()[2:]
    assert len(lines) == len([row for row in ROWS if row["system"] == "zoo"])


def test_a_row_that_was_not_run_is_not_given_a_figure():
    assert figure([]) == "not measured"
