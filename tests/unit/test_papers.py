"""The papers name everything that there is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from chalicelib import messages, rooms, settings
from chalicelib.events import Reason

ROOT = Path(__file__).parent.parent.parent
API_DOC = (ROOT / "API_DOC.md").read_text()


def message_types() -> list[str]:
    structs = (*get_args(messages.AnyRequest), *get_args(messages.AnySaid))
    return sorted({str(struct.__struct_config__.tag) for struct in structs})


@pytest.mark.parametrize("kind", message_types())
def test_every_message_has_an_example(kind: str) -> None:
    assert f'{{"type":"{kind}"' in API_DOC


def test_every_example_of_a_request_is_understood() -> None:
    frames = re.findall(
        r'^\{"type":"(?:join|leave|signal|broadcast|ping|set-door|remove)".*\}$', API_DOC, re.M
    )
    requests = [frame for frame in frames if "from" not in json.loads(frame)]
    assert len(requests) >= 6
    for request in requests:
        assert messages.decode(request, 32768)


@pytest.mark.parametrize("error", rooms.SignalingError.__subclasses__())
def test_every_error_is_explained(error: type[rooms.SignalingError]) -> None:
    assert f"| `{error.code}` |" in API_DOC


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_explained(reason: Reason) -> None:
    assert f"`{reason.value}`" in API_DOC


@pytest.mark.parametrize(
    "name", [n for n in settings.Settings.__dataclass_fields__ if n != "region"]
)
def test_every_setting_is_listed_with_its_default(name: str) -> None:
    (row,) = re.findall(rf"^\| `{name.upper()}` \|.*", API_DOC, re.M)
    default = settings.Settings.__dataclass_fields__[name].default
    if isinstance(default, int):
        assert f"| {default} |" in row


SDK = ("signaling", "room", "webrtc", "media", "files", "sealing", "manual")


def public_methods(module: str) -> list[str]:
    """What the exported emitters of a module offer; errors and parts of theirs aside."""
    source = (ROOT / "client" / f"{module}.js").read_text()
    classes = re.findall(r"^export class \w+ extends Emitter \{\n(.*?)^\}", source, re.S | re.M)
    names = re.findall(r"^  (?:async |get )?([a-z]\w*)\(", "\n".join(classes), re.M)
    return sorted({name for name in names if name != "constructor"})


@pytest.mark.parametrize("module", SDK)
def test_what_the_sdk_offers_is_documented(module: str) -> None:
    paper = (ROOT / "docs" / "SDK.md").read_text()
    missing = [name for name in public_methods(module) if not re.search(rf"\b{name}\b", paper)]
    assert missing == []


def test_each_test_that_the_threat_model_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "threat_model.md").read_text()))
    assert len(named) > 25
    text = "".join(path.read_text() for path in sorted((ROOT / "tests").rglob("test_*.py")))
    assert [name for name in sorted(named) if f"def {name}(" not in text] == []
