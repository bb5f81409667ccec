"""What the service worker is told to keep."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

from infra import assets
from tests.parts import ROOT


def client(folder: Path) -> Path:
    files = {
        "index.html": '<script type="module" src="index.js"></script><img src="icon.svg">',
        "index.js": 'import { a } from "./a.js";\nconst b = () => import("./page/b.js");',
        "a.js": 'export * from "./page/c.js";\nimport {\n  d,\n} from "./d.js";',
        "d.js": "",
        "page/b.js": 'import "../e.js";',
        "page/c.js": 'import { a } from "../a.js"; // in a circle',
        "e.js": "",
        "icon.svg": "<svg/>",
        "manifest.json": '{"icons": [{ "src": "big.png" }]}',
        "big.png": "",
        "service-worker.js": "",
        "service-worker.json": "{}",
        ".hidden": "",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    return folder


def test_core_is_what_the_page_needs_to_open_and_later_is_the_rest(tmp_path: Path) -> None:
    listed = json.loads(assets.text(client(tmp_path)))
    core = ["a.js", "big.png", "d.js", "icon.svg", "index.html", "index.js"]
    assert list(listed["core"]) == [*core, "manifest.json", "page/c.js"]
    assert list(listed["later"]) == ["e.js", "page/b.js"]


def test_each_file_stands_there_with_its_sha_256(tmp_path: Path) -> None:
    listed = json.loads(assets.text(client(tmp_path)))
    digest = hashlib.sha256(b"<svg/>").digest()
    assert listed["core"]["icon.svg"] == f"sha256-{base64.b64encode(digest).decode()}"


def test_the_version_changes_with_any_file_and_only_then(tmp_path: Path) -> None:
    before = assets.text(client(tmp_path))
    (tmp_path / "service-worker.json").write_text(before)
    assert assets.text(tmp_path) == before
    (tmp_path / "e.js").write_text("// changed")
    assert json.loads(assets.text(tmp_path))["version"] != json.loads(before)["version"]


def test_the_list_in_the_repository_is_that_of_its_files() -> None:
    """For hosts that make no list of their own; `make assets` brings it up to date."""
    assert (ROOT / "client" / assets.LIST).read_text() == assets.text(ROOT / "client")
