"""Which embedder is to make the vectors, and which settings make the program use it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.errors import InvalidInput
from services.ports import Draft
from services.settings import Settings

BUNDLED = "bundled"
SHARED_MODELS = ("nomic-embed-text", "bge-m3", "mxbai-embed-large", "all-minilm")
"""Models of Ollama that MCP Memoria knows as well, its own first."""
DEFAULT_HOST = "http://localhost:11434"


@dataclass(frozen=True, slots=True)
class Target:
    """The embedder that is to make the vectors."""

    model: str = BUNDLED
    """`bundled`, or a model of Ollama."""
    ollama_host: str | None = None
    """None for the bundled one."""
    dimensions: int | None = None
    """None: as the model makes them."""

    def settings(self, settings: Settings) -> Settings:
        """The settings with which the program has this embedder; 0 dimensions when the model is yet to be asked."""
        if self.ollama_host is None:
            return replace(settings, ollama_host=None)
        return replace(
            settings,
            ollama_host=self.ollama_host,
            embedding_model=self.model,
            embedding_dimensions=self.dimensions or 0,
        )


def target_of(settings: Settings, model: str | None, host: str | None, dimensions: int | None) -> Target:
    """What a person asked for; what they did not say is as in the settings. Raises InvalidInput."""
    if model is None and settings.ollama_host is not None:
        model, dimensions = settings.embedding_model, dimensions or settings.embedding_dimensions
    if model in (None, BUNDLED):
        if host is not None or dimensions is not None:
            raise InvalidInput("the bundled model needs no host and has one size; leave out --ollama and --dimensions")
        return Target()
    return Target(model, host or settings.ollama_host or DEFAULT_HOST, dimensions)


def missing_settings(settings: Settings, target: Target, made: Draft) -> tuple[str, ...]:
    """What must be set, a line each, so that the program embeds as the store was embedded."""
    if target.ollama_host is None:
        return () if settings.ollama_host is None else ("unset MEMORIA_OLLAMA_HOST",)
    host = "(the host with its password)" if "@" in target.ollama_host else target.ollama_host
    wanted = {
        f"MEMORIA_OLLAMA_HOST={host}": settings.ollama_host == target.ollama_host,
        f"MEMORIA_EMBEDDING_MODEL={made.model}": settings.embedding_model.removesuffix(":latest") == made.model,
        f"MEMORIA_EMBEDDING_DIMENSIONS={made.dimensions}": settings.embedding_dimensions == made.dimensions,
    }
    return tuple(line for line, is_set in wanted.items() if not is_set)
