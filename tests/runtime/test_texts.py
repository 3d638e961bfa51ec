import pytest

from zoo.errors import DataError, UsageError
from zoo.runtime.texts import read_text


@pytest.fixture
def write(tmp_path):
    def write(content):
        (tmp_path / "letter.txt").write_bytes(content)
        return tmp_path / "letter.txt"

    return write


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_says_the_encoding(write, encoding):
    assert read_text(write("grün\n 漢字".encode(encoding))) == "grün\n 漢字"


def test_every_line_end_is_the_same(write):
    assert read_text(write(b"a\r\nb\rc\nd")) == "a\nb\nc\nd"


def test_a_named_encoding_is_used(write):
    assert read_text(write("grün".encode("latin-1")), "latin-1") == "grün"
    assert read_text(write("\ufeffgrün".encode()), "utf-8") == "grün"


def test_an_empty_file_is_an_empty_text(write):
    assert read_text(write(b"")) == ""


@pytest.mark.parametrize("encoding", ["auto", "utf-8"])
def test_another_encoding_is_named_by_line_and_byte(write, encoding):
    with pytest.raises(DataError, match=r"letter\.txt line 2: byte 8 \(0xfc\) is not utf-8") as caught:
        read_text(
            write("line 1\ngün".replace("gü", "ü").encode("latin-1").replace(b"\xfc", b"x\xfc")), encoding
        )
    assert caught.value.fix == "data.encoding=latin-1, or whatever the file was written in"


def test_utf_16_is_suggested_where_the_file_says_so(write):
    with pytest.raises(DataError, match="is not utf-8") as caught:
        read_text(write("a".encode("utf-16")), "utf-8")
    assert "data.encoding=utf-16" in caught.value.fix


def test_broken_utf_16_is_refused(write):
    with pytest.raises(DataError, match=r"letter\.txt: byte 4 \(0x00\) is not utf-16"):
        read_text(write(b"\xff\xfea\x00\x00\xd8"))


def test_a_binary_file_is_refused(write):
    with pytest.raises(DataError, match=r"letter\.txt line 2: holds a NUL character"):
        read_text(write(b"a\nb\0c"))


# A name that nobody uses, codecs of bytes, of text alone and of nothing, and a name that no codec can have.
@pytest.mark.parametrize("name", ["klingon", "base64", "rot13", "undefined", "utf-8\0"])
def test_what_is_no_encoding_of_text_is_a_usage_error(write, name):
    with pytest.raises(UsageError, match=f"data\\.encoding={name}: unknown text encoding"):
        read_text(write(b"a"), name)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.txt: cannot be read"):
        read_text(tmp_path / "none.txt")
