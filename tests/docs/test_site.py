import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(ROOT.glob("plugins/*/README.md")),
]
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_the_page_leads_to_a_file(page):
    missing = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert missing == []


def test_the_generated_pages_are_what_the_code_says():
    written = runpy.run_path(str(ROOT / "docs" / "generate_reference.py"))["pages"]()
    for name, text in written.items():
        committed = (ROOT / "docs" / "reference" / name).read_text()
        assert committed == text, f"{name} is out of date: python docs/generate_reference.py"


def test_the_drawings_are_what_their_script_draws():
    draw = runpy.run_path(str(ROOT / "docs" / "draw_architecture.py"))
    for name, text in draw["drawings"]().items():
        assert (ROOT / "docs" / "images" / name).read_text() == text, "python docs/draw_architecture.py"


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    index = (tmp_path / "site" / "index.html").read_text()
    assert not re.findall(r'(?:src|href)="https?://[^"]+\.(?:js|css)"', index), (
        "a page asks another host for files"
    )
