import pytest

from zoo import models
from zoo.errors import UsageError
from zoo.registry import Registry


def test_where_there_is_no_model_at_all_a_file_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="there is no model 'digits'") as caught:
        models.find("digits", Registry())
    assert caught.value.fix == "give the path of an .onnx file; no model is installed"


def test_a_file_of_nearly_that_name_is_suggested(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits.onnx").touch()
    with pytest.raises(UsageError) as caught:
        models.find("digit", Registry())
    assert caught.value.fix == "did you mean 'digits.onnx'?"
