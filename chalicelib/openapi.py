"""The REST doors as an OpenAPI 3.1 document, out of what the doors themselves are made of.

https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from chalicelib import rest
from chalicelib.rooms import ROOM_ID_LENGTH, SignalingError

_REF = "#/components/schemas/{name}"
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "seat": {"type": "apiKey", "in": "header", "name": "Authorization"},
}
_EVERYWHERE = {403: ["foreign-origin"], 500: ["internal"]}
_ROOM = {"type": "string", "maxLength": ROOM_ID_LENGTH}


class Door(NamedTuple):
    """What is to be known of a route. What goes in and out is named as rest.py declares it."""

    method: str
    path: str
    view: Any
    takes: str = ""
    """The body's declaration, or a query parameter as `?name`."""
    gives: str = ""
    refuses: tuple[str, ...] = ()
    """The codes of its own errors, besides those that any door may answer with."""
    proof: str = ""
    """The schemes of the header Authorization that may be needed."""


def document(doors: Sequence[Door]) -> dict[str, Any]:
    """All doors, with whatever they may take, give and refuse."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Parley", "version": "1", "license": {"name": "MIT"}},
        "servers": [{"url": "."}],
        "paths": {door.path: {door.method.lower(): _operation(door)} for door in doors},
        "components": {"schemas": _schemas(doors), "securitySchemes": _SCHEMES},
    }


def _operation(door: Door) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": door.view.__name__,
        "summary": (door.view.__doc__ or "").strip(),
        "responses": {"200": _content(door.gives), **_refusals(door.refuses)},
    }
    if door.proof:
        found["security"] = [{}, *({scheme: []} for scheme in door.proof.split())]
    if door.takes.startswith("?"):
        name = door.takes.removeprefix("?")
        found["parameters"] = [{"name": name, "in": "query", "schema": _ROOM}]
    elif door.takes:
        found["requestBody"] = _content(door.takes)
    return found


def _content(declared: str) -> dict[str, Any]:
    names = declared.split(" | ")
    schemas = [{"$ref": _REF.format(name=name)} for name in names]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {"description": " or ".join(names), "content": {"application/json": {"schema": schema}}}


def _refusals(codes: Iterable[str]) -> dict[str, Any]:
    """What is answered instead, a schema for each status, since a code has one status only."""
    found = {status: list(known) for status, known in _EVERYWHERE.items()}
    for error in SignalingError.__subclasses__():
        if error.code in codes and error.code not in found.get(error.status, []):
            found.setdefault(error.status, []).append(error.code)
    return {str(status): _refusal(found[status]) for status in sorted(found)}


def _refusal(codes: list[str]) -> dict[str, Any]:
    schema = {
        "allOf": [{"$ref": _REF.format(name="Refusal")}],
        "properties": {"code": {"enum": codes}},
    }
    content = {"application/json": {"schema": schema}}
    return {"description": ", ".join(codes), "content": content}


def _schemas(doors: Sequence[Door]) -> dict[str, Any]:
    names = {name for door in doors for name in (*door.gives.split(" | "), door.takes)}
    structs = [getattr(rest, name) for name in sorted(names | {"Refusal"}) if name.isidentifier()]
    _, components = msgspec.json.schema_components(structs, ref_template=_REF)
    return dict(components)
