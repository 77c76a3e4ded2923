"""Which embedder is to make the vectors, and what re-embedding tells about itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.errors import Malformed
from services.ports import Draft, Room
from services.settings import ONNX, Settings

BUNDLED = "bundled"
SHARED_MODELS = ("nomic-embed-text", "bge-m3", "mxbai-embed-large", "all-minilm")
"""Models of Ollama that MCP Memoria knows as well, its own first."""
DEFAULT_HOST = "http://localhost:11434"


@dataclass(frozen=True, slots=True)
class Target:
    """The embedder that is to make the vectors."""

    model: str = BUNDLED
    """`bundled`, `onnx:` with the name or folder of a model, or a model of Ollama."""
    ollama_host: str | None = None
    """None for those that need no server."""
    dimensions: int | None = None
    """None: as the model makes them."""

    def settings(self, settings: Settings) -> Settings:
        """The settings with which the program has this embedder; 0 dimensions when the model is yet to be asked."""
        if self.model.startswith(ONNX):
            return replace(settings, embedding_model=self.model)
        if self.ollama_host is None:
            unset = "" if settings.onnx_model is not None else settings.embedding_model
            return replace(settings, ollama_host=None, embedding_model=unset)
        return replace(
            settings,
            ollama_host=self.ollama_host,
            embedding_model=self.model,
            embedding_dimensions=self.dimensions or 0,
        )


def named(model: str) -> str:
    """The model as a message calls it."""
    return "the bundled model" if model == BUNDLED else model


def target_of(settings: Settings, model: str | None, host: str | None, dimensions: int | None) -> Target:
    """What a person asked for; what they did not say is as in the settings. Raises InvalidInput."""
    if model is not None and not model.strip():
        raise Malformed("the name of the model is empty")
    if model is None and settings.onnx_model is not None:
        model = settings.embedding_model
    if model is None and settings.ollama_host is not None:
        model, dimensions = settings.embedding_model, dimensions or settings.embedding_dimensions
    if model is None or model == BUNDLED or model.startswith(ONNX):
        if host is not None or dimensions is not None:
            raise Malformed(
                f"{named(model or BUNDLED)} needs no host and has one size; leave out --ollama and --dimensions"
            )
        return Target(model or BUNDLED)
    return Target(model, host or settings.ollama_host or DEFAULT_HOST, dimensions)


def missing_settings(settings: Settings, target: Target, made: Draft) -> tuple[str, ...]:
    """What must be set, a line each, so that the program embeds as the store was embedded."""
    if target.model.startswith(ONNX):
        return () if settings.embedding_model == target.model else (f"MEMORIA_EMBEDDING_MODEL={target.model}",)
    if target.ollama_host is None:
        others = {"MEMORIA_OLLAMA_HOST": settings.ollama_host, "MEMORIA_EMBEDDING_MODEL": settings.onnx_model}
        return tuple(f"unset {name}" for name, value in others.items() if value is not None)
    host = "(the host with its password)" if "@" in target.ollama_host else target.ollama_host
    wanted = {
        f"MEMORIA_OLLAMA_HOST={host}": settings.ollama_host == target.ollama_host,
        f"MEMORIA_EMBEDDING_MODEL={made.model}": settings.embedding_model.removesuffix(":latest") == made.model,
        f"MEMORIA_EMBEDDING_DIMENSIONS={made.dimensions}": settings.embedding_dimensions == made.dimensions,
    }
    return tuple(line for line, is_set in wanted.items() if not is_set)


@dataclass(frozen=True, slots=True)
class ReembedState:
    """Which vectors the store has."""

    model: str | None
    """None when another program made them, or there are none."""
    dimensions: int
    """0 while there are no collections."""
    memories: int
    draft: Draft | None
    """A next set of collections that is being filled, also by a restore."""
    done: int
    """Memories in the draft of a re-embedding."""
    former: Draft | None
    """What was in use before, until it is dropped."""


@dataclass(frozen=True, slots=True)
class ReembedPlan:
    """What a re-embedding would do; the embedder was tried."""

    model: str
    dimensions: int
    memories: int
    needless: bool
    """The store is with this model already."""
    room: Room | None
    """None when the disk of the store cannot be asked."""


@dataclass(frozen=True, slots=True)
class ReembedReport:
    """What a re-embedding did."""

    model: str
    dimensions: int
    memories: int
    embedded: int
    """Memories whose vectors this run made; the others were made by an earlier run that was stopped."""
    seconds: float
    switched: bool
    """False when the store was with this model already."""
    settings: tuple[str, ...]
    """What has to be set for this program to go on with the model; empty when all is set."""
