"""Models in ONNX: found by name or folder, with the prefixes of their training; no file is fetched unasked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from services.adapters.onnx_embedder import OnnxEmbedder
from services.adapters.onnx_runtime import OnnxRuntime
from services.errors import EmbeddingFailed, InvalidInput
from services.points import Vector
from services.ports import Draft
from services.reembedding.onnx_models import MODELS, OnnxModel, is_here, mark_complete, onnx_model
from services.reembedding.reembed_values import Target, missing_settings, target_of
from services.settings import Settings


class Running:
    """Stands where a model runs, and keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def __call__(self, texts: Sequence[str]) -> list[Vector]:
        self.given += texts
        return [[1.0, 0.0] for _ in texts]


def folder_of_a_model(folder: Path) -> Path:
    (folder / "onnx").mkdir(parents=True)
    (folder / "1_Pooling").mkdir()
    (folder / "onnx" / "model.onnx").touch()
    for name, content in {
        "config.json": {"hidden_size": 12},
        "config_sentence_transformers.json": {"prompts": {"query": "query: ", "document": "passage: "}},
        "1_Pooling/config.json": {"pooling_mode_cls_token": True},
        "tokenizer.json": {},
        "tokenizer_config.json": {},
    }.items():
        (folder / name).write_text(json.dumps(content))
    return folder


def test_a_model_is_found_by_its_name_by_the_end_of_it_and_by_a_folder(tmp_path: Path) -> None:
    assert onnx_model("BAAI/bge-small-en-v1.5") is onnx_model("BGE-small-en-v1.5") is MODELS[0]
    found = onnx_model(str(folder_of_a_model(tmp_path / "mine")))
    assert found.stored_as.startswith("onnx:mine@")
    assert found.dimensions == 12
    assert (found.weights, found.pooling) == ("onnx/model.onnx", "CLS")
    assert (found.document, found.query) == ("passage: ", "query: ")


def test_folders_of_one_name_are_one_model_only_with_the_same_weights(tmp_path: Path) -> None:
    folders = [folder_of_a_model(tmp_path / parent / "mine") for parent in ("a", "b", "c")]
    (folders[2] / "onnx" / "model.onnx").write_bytes(b"others")
    first, same, other = (onnx_model(str(folder)).stored_as for folder in folders)
    assert first == same != other


@pytest.mark.parametrize("name", ["config.json", "config_sentence_transformers.json", "1_Pooling/config.json"])
def test_a_file_of_a_folder_that_is_no_json_is_named(tmp_path: Path, name: str) -> None:
    (folder_of_a_model(tmp_path / "mine") / name).write_text("{")
    with pytest.raises(InvalidInput, match=f"mine/{name} cannot be read"):
        onnx_model(str(tmp_path / "mine"))


def test_what_a_folder_lacks_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InvalidInput, match=r"tokenizer\.json, tokenizer_config\.json, \*\.onnx is missing"):
        onnx_model(str(tmp_path))
    with pytest.raises(InvalidInput, match=r"/proc is no folder of a model"):
        onnx_model("/proc")  # in which folders come and go, and some cannot be listed
    with pytest.raises(InvalidInput, match="memoria-tui models"):
        onnx_model("best-of-all")


async def test_documents_and_questions_have_the_prefixes_of_the_model() -> None:
    running = Running()
    embedder = OnnxEmbedder(OnnxModel("m", 2, document="passage: ", query="query: "), running)
    assert await embedder.embed_documents(["a", "b\ud800"]) == [[1.0, 0.0]] * 2
    assert await embedder.embed_query("c") == await embedder.embed_query("c") == [1.0, 0.0]
    assert running.given == ["passage: a", "passage: b?", "query: c"]
    assert (await embedder.status()).ok


async def test_a_model_that_is_not_here_is_told_and_not_fetched(tmp_path: Path) -> None:
    model = MODELS[0]
    embedder = OnnxEmbedder(model, OnnxRuntime(model, tmp_path).embed)
    with pytest.raises(EmbeddingFailed, match=r"memoria-tui\[onnx\]|memoria-tui models download BAAI/bge-small"):
        await embedder.embed_query("anything")
    status = await embedder.status()
    assert not status.ok
    assert "memoria-tui" in status.problems[0]
    assert not is_here(model, tmp_path)
    (tmp_path / "models").mkdir(exist_ok=True)
    mark_complete(model, tmp_path)
    assert is_here(model, tmp_path)


def test_re_embedding_goes_to_a_model_of_this_program_and_back(tmp_path: Path) -> None:
    settings = Settings(tmp_path, ollama_host="http://ollama")
    target = target_of(settings, "onnx:minilm", None, None)
    made = target.settings(settings)
    assert (target, made.onnx_model) == (Target("onnx:minilm"), "minilm")
    assert not made.is_bundled
    assert missing_settings(settings, target, Draft("p", 2, "onnx:minilm")) == ("MEMORIA_EMBEDDING_MODEL=onnx:minilm",)
    back = target_of(made, "bundled", None, None)
    assert back.settings(made).is_bundled
    assert missing_settings(made, back, Draft("p", 2, "m")) == (
        "unset MEMORIA_OLLAMA_HOST",
        "unset MEMORIA_EMBEDDING_MODEL",
    )
    with pytest.raises(InvalidInput, match="needs no host"):
        target_of(settings, "onnx:minilm", "http://ollama", None)
