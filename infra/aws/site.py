"""The client: its files onto the bucket, each with its type and how long it may be kept."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra import assets
from infra.aws.clients import Client, Clients
from infra.aws.errors import DeployError

PREFIX = "site/"

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".wav": "audio/wav",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
MANIFEST = "manifest.json"

# Asked for each time: they say what the rest is.
ENTRIES = {MANIFEST, "config.json", "index.html", "service-worker.js", "service-worker.json"}
REVALIDATED = "no-cache"
# A module has the same name in every release, since nothing is built. So the CDN keeps it for a
# year, until a deployment says otherwise, and the browser asks the CDN: a page never mixes two.
KEPT_BY_CDN = "public, max-age=0, must-revalidate, s-maxage=31536000"
# Pictures and the like match any release.
KEPT = "public, max-age=604800, s-maxage=31536000"
CODE = {".css", ".html", ".js", ".json", ".mjs", ".wasm"}


@dataclass(frozen=True)
class File:
    """What stands in the bucket under `site/{name}`."""

    name: str
    content: bytes

    @property
    def type(self) -> str:
        if self.name == MANIFEST:
            return TYPES[".webmanifest"]
        suffix = Path(self.name).suffix
        if suffix not in TYPES:
            raise DeployError(
                f"client/{self.name} is of no known type: add {suffix or 'it'} to TYPES in"
                " infra/aws/site.py."
            )
        return TYPES[suffix]

    @property
    def cache(self) -> str:
        if self.name in ENTRIES:
            return REVALIDATED
        return KEPT_BY_CDN if Path(self.name).suffix in CODE else KEPT

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.content, usedforsecurity=False).hexdigest()}"'


def files(client: Path, config: Mapping[str, str]) -> list[File]:
    """The client with the two files made for it; what others refer to first, entries last."""
    found = [File(path.relative_to(client).as_posix(), path.read_bytes()) for path in walk(client)]
    made = {"config.json": json.dumps(config) + "\n"}
    if (client / assets.LIST).is_file():
        made[assets.LIST] = assets.text(client)
    found = [file for file in found if file.name not in made]
    found += [File(name, content.encode()) for name, content in made.items()]
    for file in found:
        _ = file.type  # an unknown one is refused before any is sent
    return sorted(found, key=lambda file: (file.name in ENTRIES, file.name))


def walk(folder: Path) -> Iterator[Path]:
    """All files but hidden ones."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from walk(path)
        else:
            yield path


class Site:
    """The client in the bucket, behind the CDN."""

    def __init__(self, clients: Clients, folder: Path) -> None:
        self._clients = clients
        self._folder = folder

    @property
    def _s3(self) -> Client:
        return self._clients.s3

    def changes(self, bucket: str, config: Mapping[str, str]) -> list[str]:
        """What `publish` would change, a line for each file."""
        there = self._etags(bucket) if bucket else {}
        wanted = files(self._folder, config)
        sent = [f"send {file.name}" for file in wanted if there.get(file.name) != file.etag]
        gone = set(there) - {file.name for file in wanted}
        return sent + [f"remove {name}" for name in sorted(gone)]

    def publish(self, bucket: str, distribution: str, config: Mapping[str, str]) -> None:
        """Send all files, remove what is no longer there, tell the CDN."""
        wanted = files(self._folder, config)
        for file in wanted:
            self._s3.put_object(
                Bucket=bucket,
                Key=PREFIX + file.name,
                Body=file.content,
                ContentType=file.type,
                CacheControl=file.cache,
            )
        for name in set(self._etags(bucket)) - {file.name for file in wanted}:
            self._s3.delete_object(Bucket=bucket, Key=PREFIX + name)
        self._clients.cloudfront.create_invalidation(
            DistributionId=distribution,
            InvalidationBatch={
                "Paths": {"Quantity": 1, "Items": ["/*"]},
                "CallerReference": f"parley-{time.time_ns()}",
            },
        )

    def empty(self, bucket: str) -> None:
        """Remove everything, former versions too: only an empty bucket can be deleted."""
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
        for page in pages:
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if found:
                objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]
                self._s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})

    def _etags(self, bucket: str) -> dict[str, str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=PREFIX)
        return {
            item["Key"].removeprefix(PREFIX): item["ETag"]
            for page in pages
            for item in page.get("Contents", [])
        }
