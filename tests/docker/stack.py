"""The folder `docker/` as Docker Compose reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

DOCKER = Path(__file__).parents[2] / "docker"
CENTRAL = DOCKER / "docker-compose.central.yml"
QDRANT_ONLY = DOCKER / "docker-compose.qdrant-only.yml"
HTTP = DOCKER / "docker-compose.http.yml"
FIRST_START = DOCKER / "first-start.sh"


def compose(file: Path) -> dict[str, Any]:
    """The file with anchors and merges resolved."""
    parsed: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))
    return parsed


def mounts(service: str) -> dict[str, Path]:
    """What of this machine a service of the central stack sees, by its place in the container."""
    volumes = [volume.split(":") for volume in compose(CENTRAL)["services"][service]["volumes"]]
    return {target: (DOCKER / source).resolve() for source, target, *_ in volumes if source.startswith(".")}
