from zoo.cli.program import program


def test_new_prints_its_files_and_what_to_do_next(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert program(["new", "zoo-mynet"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[-4:] == [
        "next:  pip install --editable 'zoo-mynet[test]'",
        "       zoo train mynet --data digits",
        "       pytest zoo-mynet",
        "       zoo check zoo-mynet",
    ]
    assert all((tmp_path / name).is_file() for name in printed[:-4])


def test_new_writes_into_the_folder_that_is_named(tmp_path, capsys):
    assert program(["new", "zoo-mynet", "--kind", "loss", "--into", str(tmp_path / "new" / "here")]) == 0
    assert (tmp_path / "new" / "here" / "zoo-mynet" / "src" / "zoo_mynet" / "loss.py").is_file()
    capsys.readouterr()


def test_new_refuses_a_bad_name_and_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert program(["new", "MyNet"]) == 2
    assert capsys.readouterr().err.endswith("fix: did you mean 'zoo-my-net'?\n")
    assert list(tmp_path.iterdir()) == []
