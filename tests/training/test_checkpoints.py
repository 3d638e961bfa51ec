import json
import shutil

import pytest
import torch

from zoo.errors import ArtifactError, EnvironmentFault
from zoo.files import LOCAL, Disk
from zoo.training import checkpoints
from zoo.training.checkpoints import Checkpoint, load, load_newest, rotate, save, steps

FILES = ["MANIFEST.json", "model.safetensors", "optimizer.safetensors", "state.json"]


def checkpoint(step):
    generator = torch.Generator().manual_seed(step)
    model = {
        "model/weight": torch.randn(3, 4, generator=generator),
        "model/turned": torch.randn(3, 4, generator=generator).t(),
        "model/bias": torch.randn(3, generator=generator).to(torch.bfloat16),
        "model/count": torch.tensor(7),
        "model/empty": torch.zeros(0, 2),
    }
    return Checkpoint(step, model, {"model.state.0.exp_avg": torch.ones(2)}, {"position": {"epoch": step}})


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "checkpoints"
    path.mkdir()
    return path


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def place(folder, step):
    return folder / f"step-{step:08d}"


def test_a_checkpoint_is_four_files_in_a_folder_named_by_its_step(folder):
    save(folder, checkpoint(1200), LOCAL)
    assert sorted(contents(folder)) == [f"step-00001200/{name}" for name in FILES]


def test_what_is_loaded_is_what_was_saved(folder):
    saved = checkpoint(3)
    save(folder, saved, LOCAL)
    loaded = load(folder, 3)
    assert (loaded.step, loaded.state) == (saved.step, saved.state)
    for before, after in ((saved.model, loaded.model), (saved.optimizer, loaded.optimizer)):
        assert before.keys() == after.keys()
        for name, tensor in before.items():
            assert after[name].dtype == tensor.dtype
            assert torch.equal(after[name], tensor)


def test_saving_what_was_loaded_gives_the_same_bytes(folder, tmp_path):
    save(folder, checkpoint(3), LOCAL)
    (tmp_path / "again").mkdir()
    save(tmp_path / "again", load(folder, 3), LOCAL)
    assert contents(tmp_path / "again") == contents(folder)


def test_tensors_that_share_memory_are_saved_each(folder):
    shared = torch.arange(6.0)
    save(folder, Checkpoint(1, {"a": shared, "b": shared[2:]}, {}, {}), LOCAL)
    assert torch.equal(load(folder, 1).model["b"], shared[2:])


def test_a_loaded_tensor_can_be_written_to(folder):
    save(folder, checkpoint(1), LOCAL)
    load(folder, 1).model["model/weight"].zero_()


def truncate(path):
    path.write_bytes(path.read_bytes()[:-2])


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def add_a_byte(path):
    path.write_bytes(path.read_bytes() + b"\n")


def empty(path):
    path.write_bytes(b"")


def remove(path):
    path.unlink()


def take_from_another_step(path):
    other = place(path.parent.parent, 1) / path.name
    path.write_bytes(other.read_bytes())


DAMAGES = [truncate, flip_a_bit, add_a_byte, empty, remove, take_from_another_step]
PAIRS = [(name, damage) for name in FILES for damage in DAMAGES]


def prepared(folder, name, damage):
    for step in (1, 2):
        saved = checkpoint(step)
        saved.optimizer["model.state.0.exp_avg"].mul_(step)
        save(folder, saved, LOCAL)
    damage(place(folder, 2) / name)


@pytest.mark.parametrize(("name", "damage"), PAIRS, ids=lambda each: getattr(each, "__name__", each))
def test_damage_to_any_file_is_found_and_named(folder, name, damage):
    prepared(folder, name, damage)
    with pytest.raises(ArtifactError) as caught:
        load(folder, 2)
    assert f"checkpoint {place(folder, 2)} is damaged: " in caught.value.message
    # A flipped bit of the manifest may show in the file that it speaks of.
    assert any(each in caught.value.message for each in ([name] if name != "MANIFEST.json" else FILES))


@pytest.mark.parametrize(("name", "damage"), PAIRS, ids=lambda each: getattr(each, "__name__", each))
def test_the_checkpoint_before_a_damaged_one_is_used_with_a_warning(folder, name, damage):
    prepared(folder, name, damage)
    found, [warning] = load_newest(folder)
    assert found is not None
    assert found.step == 1
    assert warning.startswith(f"checkpoint {place(folder, 2)} is damaged: ")


def test_every_single_flipped_bit_of_the_manifest_is_found(folder):
    save(folder, Checkpoint(5, {"a": torch.ones(1)}, {}, {"x": 1}), LOCAL)
    path = place(folder, 5) / "MANIFEST.json"
    whole = path.read_bytes()
    for bit in range(0, 8 * len(whole), 3):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with pytest.raises(ArtifactError, match="step-00000005 is damaged"):
            load(folder, 5)


@pytest.mark.parametrize(
    "document", [[], {}, {"step": 2}, {"step": 2, "files": 3}, {"step": "2", "files": {}}, 7]
)
def test_a_manifest_of_another_form_is_damage(folder, document):
    prepared(folder, "MANIFEST.json", lambda path: path.write_text(json.dumps(document)))
    with pytest.raises(ArtifactError, match="MANIFEST"):
        load(folder, 2)


def test_a_file_that_does_not_belong_is_damage(folder):
    prepared(folder, "stranger.pkl", lambda path: path.write_bytes(b"x"))
    with pytest.raises(ArtifactError, match=r"it holds the unknown file stranger.pkl"):
        load(folder, 2)


def test_a_folder_renamed_to_another_step_is_damage(folder):
    save(folder, checkpoint(1), LOCAL)
    place(folder, 1).rename(place(folder, 9))
    with pytest.raises(ArtifactError, match=r"MANIFEST.json does not belong to it"):
        load(folder, 9)


def test_when_no_checkpoint_is_whole_every_one_is_named(folder):
    for step in (1, 2):
        save(folder, checkpoint(step), LOCAL)
        empty(place(folder, step) / "model.safetensors")
    with pytest.raises(ArtifactError) as caught:
        load_newest(folder)
    assert caught.value.exit_code == 4
    assert "no checkpoint" in caught.value.message
    assert "step-00000001" in caught.value.message
    assert "step-00000002" in caught.value.message


def test_a_folder_without_checkpoints_has_no_newest(folder, tmp_path):
    assert load_newest(folder) == (None, [])
    assert load_newest(tmp_path / "nowhere") == (None, [])


def test_half_written_and_half_removed_folders_are_not_checkpoints(folder):
    save(folder, checkpoint(1), LOCAL)
    for name in (".writing-step-00000002", ".removed-step-00000003", "step-4", "other"):
        shutil.copytree(place(folder, 1), folder / name)
    assert steps(folder) == [1]


def test_saving_cut_short_at_any_operation_leaves_the_one_before_and_can_be_repeated(folder, stopping_disk):
    save(folder, checkpoint(1), LOCAL)
    k = 0
    while True:
        k += 1
        try:
            save(folder, checkpoint(2), stopping_disk(k))
            break
        except stopping_disk.PowerCut:
            if 2 in steps(folder):  # committed, and not yet synchronised
                assert load(folder, 2).state == {"position": {"epoch": 2}}
                LOCAL.remove(place(folder, 2))
            assert steps(folder) == [1]
    # Up to five to clear away the attempt before, a folder, three operations a file, three of the commit.
    assert k > 3 * 4 + 3 + 1
    assert steps(folder) == [1, 2]
    assert load(folder, 2).state == {"position": {"epoch": 2}}
    assert sorted(path.name for path in folder.iterdir()) == ["step-00000001", "step-00000002"]


def test_a_disk_that_does_not_keep_what_it_took_is_found_before_the_commit(folder):
    class LyingDisk(Disk):
        def _write(self, path, descriptor, content):
            super()._write(path, descriptor, content[:-1] + b"?" if path.name == "state.json" else content)

    save(folder, checkpoint(1), LOCAL)
    with pytest.raises(EnvironmentFault, match="did not keep what was written to it: .*state.json differs"):
        save(folder, checkpoint(2), LyingDisk())
    assert [path.name for path in folder.iterdir()] == ["step-00000001"]


def test_a_checkpoint_for_which_there_is_no_room_leaves_nothing_behind(folder):
    class FullDisk(Disk):
        def do(self, operation, path, call, **size):
            if operation == "write" and path.name == "state.json":
                raise EnvironmentFault(f"{path} cannot be written: No space left on device")
            return super().do(operation, path, call, **size)

    save(folder, checkpoint(1), LOCAL)
    with pytest.raises(EnvironmentFault, match="No space left"):
        save(folder, checkpoint(2), FullDisk())
    assert [path.name for path in folder.iterdir()] == ["step-00000001"]


def test_a_checkpoint_that_is_there_is_kept_and_replaced_when_it_is_damaged_or_says_something_else(folder):
    save(folder, checkpoint(1), LOCAL)
    written_at = (place(folder, 1) / "state.json").stat().st_mtime_ns
    save(folder, checkpoint(1), LOCAL)
    assert (place(folder, 1) / "state.json").stat().st_mtime_ns == written_at
    empty(place(folder, 1) / "state.json")
    save(folder, checkpoint(1), LOCAL)
    assert load(folder, 1).state == checkpoint(1).state
    other = Checkpoint(1, {}, {}, {"position": "another"})
    save(folder, other, LOCAL)
    assert load(folder, 1).state == other.state


@pytest.mark.parametrize(
    ("keep", "best", "left"),
    [(1, None, [5]), (2, None, [4, 5]), (2, 1, [1, 4, 5]), (1, 5, [5]), (9, 2, [1, 2, 3, 4, 5])],
)
def test_rotation_keeps_the_newest_and_the_best(folder, keep, best, left):
    for step in range(1, 6):
        save(folder, checkpoint(step), LOCAL)
    rotate(folder, keep=keep, best=best, disk=LOCAL)
    assert steps(folder) == left


def test_removing_what_lies_above_also_removes_what_a_killed_process_left(folder):
    for step in (1, 2, 3):
        save(folder, checkpoint(step), LOCAL)
    for name in (".writing-step-00000004", ".removed-step-00000000"):
        (folder / name).mkdir()
    checkpoints.remove_above(folder, 1, LOCAL)
    assert [path.name for path in folder.iterdir()] == ["step-00000001"]
