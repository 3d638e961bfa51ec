import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# It makes environments, which its own test furnishes without a network.
TUTORIAL = ROOT / "docs" / "tutorials" / "write-a-plugin.md"
RUNNING = [
    page
    for page in PAGES
    if page != TUTORIAL and ("```console" in page.read_text() or "```python" in page.read_text())
]


@pytest.mark.slow
@pytest.mark.parametrize("page", RUNNING, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_reader_who_types_every_block_of_the_page_sees_what_it_shows(page, new_reader, tmp_path):
    # A clone holds the example pictures; everything else a page makes itself.
    shutil.copytree(ROOT / "examples" / "digits", tmp_path / "examples" / "digits")
    new_reader(page).follow()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_block_names_its_language(page):
    opening = [line for line in page.read_text().splitlines() if line.lstrip().startswith("```")][::2]
    assert [line for line in opening if line.strip() == "```"] == []
