"""The pages about environments run as they stand."""

import re
from pathlib import Path

import gymnasium
import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", ["environments.md", "how-to/add-a-task.md"])
def test_blocks_of_a_page_run_one_after_the_other(page, capsys):
    text = (DOCS / page).read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    assert blocks
    names: dict[str, object] = {"__name__": "page"}
    known = set(gymnasium.registry)
    try:
        for block in blocks:
            exec(block, names)
    finally:
        for env_id in set(gymnasium.registry) - known:
            del gymnasium.registry[env_id]
    for line in capsys.readouterr().out.splitlines():
        if line.startswith("GridFedRL/"):
            assert line in text, "the page shows what its lines print"
