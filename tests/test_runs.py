import pytest

from zoo import runs
from zoo.errors import ArtifactError, EnvironmentFault, UsageError
from zoo.files import Disk
from zoo.runs import Run

FILES = {"recipe.toml": b"epochs = 1\n", "metrics.jsonl": b""}


class FailingDisk(Disk):
    """Its ``k``-th operation fails."""

    def __init__(self, k):
        self.left = k

    def do(self, operation, path, call, **size):
        self.left -= 1
        if self.left == 0:
            raise EnvironmentFault(f"{path} cannot be written: no space left")
        return super().do(operation, path, call, **size)


def create(path, **keys):
    """Makes a run folder and lets go of it."""
    with runs.create(path, FILES, **{"stem": "", **keys}) as run:
        return run


def test_a_new_run_has_all_its_files_and_a_place_for_checkpoints(tmp_path):
    run = create(tmp_path / "one", stem="mlp")
    assert run.recipe_path.read_bytes() == b"epochs = 1\n"
    assert run.checkpoints_path.is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_runs_without_a_name_are_numbered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = [create(None, stem="mlp-iris").path.as_posix() for _ in range(3)]
    assert names == ["runs/mlp-iris-1", "runs/mlp-iris-2", "runs/mlp-iris-3"]


@pytest.mark.parametrize(("stem", "name"), [("a b/c", "a-b-c-1"), ("..", "run-1"), ("größe", "gr-e-1")])
def test_the_name_of_a_run_is_a_plain_folder_name(tmp_path, monkeypatch, stem, name):
    monkeypatch.chdir(tmp_path)
    assert create(None, stem=stem).path.name == name


def test_a_folder_that_exists_is_never_written_into(tmp_path):
    (tmp_path / "one").mkdir()
    with pytest.raises(UsageError) as caught:
        create(tmp_path / "one", stem="mlp")
    assert caught.value.message == f"run folder {tmp_path / 'one'} exists"
    assert "zoo resume" in caught.value.fix
    assert list((tmp_path / "one").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_an_environment_fault(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(EnvironmentFault, match="cannot be written: Not a directory"):
        create(tmp_path / "file" / "run", stem="mlp")


@pytest.mark.parametrize("k", range(1, 13))
def test_a_run_whose_making_fails_leaves_nothing_and_can_be_made_again(tmp_path, k):
    with pytest.raises(EnvironmentFault, match="no space left"):
        create(tmp_path / "one", stem="mlp", disk=FailingDisk(k))
    assert list(tmp_path.iterdir()) == []
    assert create(tmp_path / "one", stem="mlp").recipe_path.is_file()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.mkdir(), "has no recipe.toml"),
        (lambda path: path.write_text("x"), "is a file"),
    ],
)
def test_what_is_no_run_folder_is_refused_with_the_reason(tmp_path, make, words):
    make(tmp_path / "one")
    with pytest.raises(UsageError, match=f"one is not a run folder: it {words}"):
        runs.find(tmp_path / "one")


def test_runs_are_listed_by_name_and_other_folders_are_not(tmp_path):
    for name in ("b", "a"):
        create(tmp_path / name)
    (tmp_path / "c").mkdir()
    (tmp_path / "d").write_text("x")
    assert runs.list_runs(tmp_path) == [Run(tmp_path / "a"), Run(tmp_path / "b")]
    assert runs.list_runs(tmp_path / "nowhere") == []


def test_the_status_is_replaced_whole(tmp_path):
    run = create(tmp_path / "one")
    run.write_status(state="running", step=1, cause="x")
    run.write_status(state="finished", step=2)
    assert run.status() == {"state": "finished", "step": 2}


@pytest.mark.parametrize(
    ("content", "words"), [(b"[]", "not a table"), (b"{", "damaged"), (None, "cannot be read: No such file")]
)
def test_a_damaged_status_is_named(tmp_path, content, words):
    run = create(tmp_path / "one")
    if content is not None:
        run.status_path.write_bytes(content)
    with pytest.raises(ArtifactError, match=f"status.json .*{words}"):
        run.status()


def test_every_path_of_a_run_lies_in_its_folder(tmp_path):
    run = Run(tmp_path)
    names = {
        name: getattr(run, name) for name in dir(Run) if name.endswith("_path") and name != "picture_path"
    }
    assert len(set(names.values())) == len(names) == 8
    assert all(path.parent == tmp_path for path in (*names.values(), run.picture_path(7)))
