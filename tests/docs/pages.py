"""Reads the code blocks of a page and runs them in order, as a reader who types them would."""

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Lines that are shown but not run: they would change the machine, fetch from the network or run these tests.
NOT_RUN = ("make quickstart", "make test", "make docs", "pip install zoo-", "pip install 'zoo-", "git clone ")
_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)(?P<rest>[^\n]*)\n(?P<body>.*?)^(?P=indent)```$", re.M | re.S
)
_TITLE = re.compile(r'title="(?P<title>[^"]+)"')
_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)*(e[-+]?\d+)?")
_TIMEOUT_S = 300


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, the file it is the content of, and its text."""

    language: str
    title: str
    text: str
    line: int


def blocks_of(page: Path) -> list[Block]:
    """The fenced blocks of a page that name a language."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            match["language"],
            title["title"] if (title := _TITLE.search(match["rest"])) else "",
            re.sub(f"^{match['indent']}", "", match["body"], flags=re.M),
            text[: match.start()].count("\n") + 1,
        )
        for match in _FENCE.finditer(text)
    ]


def commands_of(block: Block) -> list[tuple[str, list[str]]]:
    """Each ``$`` line of a console block, continued lines joined, with the output shown below it."""
    found: list[tuple[str, list[str]]] = []
    for line in block.text.replace("\\\n", " ").splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        elif found and line.strip():
            found[-1][1].append(line)
    return found


class Reader:
    """Someone who follows a page in an empty folder."""

    def __init__(self, folder: Path, page: Path) -> None:
        self.folder, self.page = folder, page
        self.site = folder / ".site"
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self.environ = {
            **os.environ,
            "PATH": path,
            "PYTHONPATH": str(self.site),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "OMP_NUM_THREADS": "1",
        }

    def follow(self) -> None:
        """Runs every block of the page."""
        for block in blocks_of(self.page):
            if block.title:
                file = self.folder / block.title
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block.text, encoding="utf-8")
            elif block.language == "console":
                self._type(block)
            elif block.language == "python":
                self._run([sys.executable, "-c", block.text], block)
            elif block.language == "toml":
                tomllib.loads(block.text)

    def _type(self, block: Block) -> None:
        for command, shown in commands_of(block):
            if command.startswith(NOT_RUN):
                continue
            output = self._run(["bash", "-c", self._offline(command)], block)
            require_shown(shown, output, f"{self.page.name}, block at line {block.line}: {command}")

    def _offline(self, command: str) -> str:
        """Installing a folder of the page's own goes beside the page, not into this environment."""
        if not command.startswith("pip install ./"):
            return command
        flags = f"--quiet --no-index --no-deps --no-build-isolation --target '{self.site}'"
        return command.replace("pip install", f"'{sys.executable}' -m pip install {flags}", 1)

    def _run(self, command: list[str], block: Block) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        where = f"{self.page.name}, block at line {block.line}"
        assert done.returncode == 0, f"{where}: exit {done.returncode}\n{command[-1]}\n{done.stdout}"
        return done.stdout


def require_shown(shown: list[str], output: str, where: str) -> None:
    """The lines that a page shows are printed, in that order; numbers and spacing may differ."""
    printed = iter(_loosely(line) for line in output.splitlines())
    for line in shown:
        if line.strip() != "…":
            assert _loosely(line) in printed, f"{where}\nis said to print: {line}\nbut prints:\n{output}"


def _loosely(line: str) -> str:
    return " ".join(_NUMBER.sub("0", line).split())
