from zoo.cli.program import program


def test_show_data_lists_the_options_of_every_reader_and_those_that_all_have(capsys):
    assert program(["show", "data"]) == 0
    sections = dict(part.split("\n", 1) for part in capsys.readouterr().out.strip().split("\n\n"))
    assert {
        "clips",
        "detections",
        "masks",
        "pictures",
        "tables",
        "IDX",
        "NumPy arrays",
        "texts",
        "every data set",
    } == set(sections)
    assert "data.horizon" in sections["tables"]
    assert "data.degenerate" in sections["detections"]
    assert "data.max_tokens" in sections["every data set"]


def test_show_an_objective_says_what_it_is_for(capsys):
    assert program(["show", "adversarial"]) == 0
    assert "fits sample; played by generator, discriminator" in capsys.readouterr().out
    assert program(["show", "truncated"]) == 0
    assert "fits any target; played by model" in capsys.readouterr().out


def test_show_tells_what_an_entry_is_exempt_from_and_why(capsys):
    assert program(["show", "pytorch-optimizer/asgd"]) == 0
    told = (
        "exempt from takes-parameter-groups: it divides by its learning rate, which therefore may not reach 0"
    )
    assert told in capsys.readouterr().out.splitlines()
