"""Models in ONNX that this program runs itself: those that are listed by name, and a folder with the files of one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.errors import InvalidInput, Malformed
from services.files import expanded, given_path
from services.settings import ONNX
from services.storable_text import quoted
from services.unknown_names import near_names

_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json")
_POOLINGS = {"pooling_mode_cls_token": "CLS", "pooling_mode_lasttoken": "LAST_TOKEN"}
_BLOCKS, _BLOCK = 64, 1 << 16
"""How much of the weights is looked at, in bytes a block."""
_SEARCHED = "Represent this sentence for searching relevant passages: "


@dataclass(frozen=True, slots=True)
class OnnxModel:
    """One model, with what it was trained to see before a document and before a question."""

    name: str
    dimensions: int
    languages: str = ""
    megabytes: int = 0
    speed: float = 0.0
    """Texts in the time that all-MiniLM-L6-v2 takes for one, by layers and width."""
    document: str = ""
    query: str = ""
    folder: Path | None = None
    """Where its files are; None: where a download puts them."""
    weights: str = ""
    """The file in that folder."""
    pooling: str = "MEAN"
    """What makes one vector of those of the tokens there."""
    version: str = ""
    """Of a folder: tells its weights from those of another folder of its name."""

    @property
    def stored_as(self) -> str:
        """What is remembered beside its vectors."""
        return ONNX + "@".join(filter(None, (self.name, self.version)))


MODELS = (
    OnnxModel("BAAI/bge-small-en-v1.5", 384, "English", 67, 0.5, query=_SEARCHED),
    OnnxModel("sentence-transformers/all-MiniLM-L6-v2", 384, "English", 90, 1.0),
    OnnxModel("snowflake/snowflake-arctic-embed-xs", 384, "English", 90, 1.0, query=_SEARCHED),
    OnnxModel("BAAI/bge-small-zh-v1.5", 512, "Chinese", 90, 0.8, query="为这个句子生成表示以用于检索相关文章："),
    OnnxModel("nomic-ai/nomic-embed-text-v1.5-Q", 768, "English", 130, 0.13, "search_document: ", "search_query: "),
    OnnxModel("BAAI/bge-base-en-v1.5", 768, "English", 210, 0.13, query=_SEARCHED),
    OnnxModel("sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2", 384, "50 languages", 220, 0.5),
)
"""Small ones that fastembed has, by size."""


def onnx_model(named: str) -> OnnxModel:
    """The model of a name that is listed, or of a folder. Raises InvalidInput."""
    folder = given_path(named) if "/" in named else expanded(named)
    if named.startswith(("/", "~", ".")):
        return _of_folder(folder.resolve())
    wanted = named.casefold()
    found = [one for one in MODELS if wanted in (one.name.casefold(), one.name.casefold().rpartition("/")[2])]
    if not found:
        near = near_names(named, (one.name.rpartition("/")[2] for one in MODELS))
        hint = f"; did you mean {near[0]}?" if near else ", and no folder with the files of one"
        raise Malformed(f"{quoted(named)} is no model that `memoria-tui models` lists{hint}")
    return found[0]


def _of_folder(folder: Path) -> OnnxModel:
    missing = [name for name in _FILES if not (folder / name).is_file()]
    weights = "" if len(missing) == len(_FILES) else _weights(folder)  # not all of a disk is searched for them
    missing += ["*.onnx"] * (not weights)
    if missing:
        raise InvalidInput(f"{folder} is no folder of a model: {', '.join(missing)} is missing")
    try:
        dimensions = int(_read(folder / "config.json")["hidden_size"])
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"{folder / 'config.json'} cannot be read: {error!r}") from error
    prompts = _read(folder / "config_sentence_transformers.json").get("prompts")
    prompts = prompts if isinstance(prompts, dict) else {}
    asked = _read(folder / "1_Pooling" / "config.json")
    return OnnxModel(
        folder.name,
        dimensions,
        document=str(prompts.get("document") or prompts.get("passage") or ""),
        query=str(prompts.get("query") or ""),
        folder=folder,
        weights=weights,
        pooling=next((kind for key, kind in _POOLINGS.items() if asked.get(key)), "MEAN"),
        version=_version(folder / weights),
    )


def _version(weights: Path) -> str:
    """Of blocks from end to end of the weights, which tell models apart: all of a gigabyte takes long to read."""
    found = hashlib.blake2b(digest_size=4)
    for file in sorted(weights.parent.glob(f"{weights.name}*")):  # model.onnx, and model.onnx_data beside it
        size = file.stat().st_size
        found.update(str(size).encode())
        with file.open("rb", buffering=0) as stream:
            for place in range(0, size, max(size // _BLOCKS, _BLOCK)):
                stream.seek(place)
                found.update(stream.read(_BLOCK))
    return found.hexdigest()


def _weights(folder: Path) -> str:
    found = sorted(path.relative_to(folder).as_posix() for path in folder.glob("**/*.onnx"))
    return min(found, key=lambda name: (name.count("/"), "model" not in name), default="")


def _read(file: Path) -> Mapping[str, Any]:
    try:
        data = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{file} cannot be read: {error}") from error
    return data if isinstance(data, dict) else {}


def is_here(model: OnnxModel, home: Path) -> bool:
    """Whether it needs no download."""
    return model.folder is not None or _mark(model, home).exists()


def mark_complete(model: OnnxModel, home: Path) -> None:
    """Remembers that all its files are here."""
    _mark(model, home).touch()


def models_dir(home: Path) -> Path:
    """Where downloads are."""
    return home / "models"


def _mark(model: OnnxModel, home: Path) -> Path:
    return models_dir(home) / f"{model.name.replace('/', '--')}.complete"
