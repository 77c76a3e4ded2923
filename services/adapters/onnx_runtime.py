"""Models in ONNX, run by fastembed, which is an extra of the installation. Blocking."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from services.errors import EmbeddingFailed
from services.points import Vector
from services.reembedding.onnx_models import OnnxModel, mark_complete, models_dir

if TYPE_CHECKING:
    from fastembed import TextEmbedding

INSTALL = "pip install 'memoria-tui[onnx]'"
_BATCH = 16


class OnnxRuntime:
    """Runs a model; loaded at the first use, from files that are here: nothing is downloaded by itself."""

    def __init__(self, model: OnnxModel, home: Path) -> None:
        self._model, self._kept = model, models_dir(home)
        self._loaded: TextEmbedding | None = None
        self._loading = threading.Lock()

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One unit vector a text, in order. Raises EmbeddingFailed."""
        with self._loading:
            if self._loaded is None:
                self._loaded = _opened(self._model, self._kept)
        return [vector.tolist() for vector in self._loaded.embed(list(texts), batch_size=_BATCH)]


def download(model: OnnxModel, home: Path) -> None:
    """Fetches what is not here yet of a model's files, and checks them; shows how far it is. Raises EmbeddingFailed."""
    _opened(model, models_dir(home), download=True)
    mark_complete(model, home)


def _opened(model: OnnxModel, kept: Path, *, download: bool = False) -> TextEmbedding:
    if find_spec("fastembed") is None:
        raise EmbeddingFailed(f"{model.name} is run by fastembed, which is not installed: {INSTALL}")
    from fastembed import TextEmbedding
    from loguru import logger

    logger.disable("fastembed")  # it would write over the screen
    try:
        if model.folder is not None:
            return _of_files(model)
        return TextEmbedding(model.name, cache_dir=str(kept), local_files_only=not download)
    except (OSError, ValueError, RuntimeError) as error:
        if model.folder is None:
            stopped = f"{model.name} could not be downloaded: when huggingface.co can be reached, run it again"
            raise EmbeddingFailed(stopped if download else _absent(model)) from error
        raise EmbeddingFailed(f"the model in {model.folder} cannot be loaded: {error}") from error


def _absent(model: OnnxModel) -> str:
    return f"{model.name} is not here yet ({model.megabytes} MB): memoria-tui models download {model.name}"


def _of_files(model: OnnxModel) -> TextEmbedding:
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    name = str(model.folder)
    if all(one["model"] != name for one in TextEmbedding.list_supported_models()):
        source, pooling = ModelSource(url=f"file://{name}"), PoolingType[model.pooling]
        TextEmbedding.add_custom_model(name, pooling, True, source, model.dimensions, model.weights)
    return TextEmbedding(name, specific_model_path=name)
