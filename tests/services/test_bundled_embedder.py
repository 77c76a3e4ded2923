"""The bundled model gives every text a usable vector, off the event loop."""

from __future__ import annotations

import asyncio
import math
import subprocess
import sys
import time
from pathlib import Path

import pytest

from services.adapters.bundled_embedder import BundledEmbedder
from services.adapters.daemon.client import DaemonClient
from services.points import Vector
from tests.services.edge_here import model_here


@pytest.fixture(scope="module")
def embedder() -> BundledEmbedder:
    return model_here()


def similarity(left: Vector, right: Vector) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\t",
        "\0",
        "a",
        "?",
        "\ud800 half a pair \udfff",
        "日本語",
        "👩‍👩‍👧‍👦",
        "\x1b[31mred\x1b[0m",
        "x" * 1_000_000,
    ],
    ids=["empty", "space", "blank", "nul", "letter", "mark", "surrogate", "kanji", "emoji", "escape", "1 MB"],
)
async def test_any_text_gives_a_unit_vector(embedder: BundledEmbedder, text: str) -> None:
    [vector] = await embedder.embed_documents([text])
    assert len(vector) == embedder.dimensions == 256
    assert math.isclose(similarity(vector, vector), 1.0, rel_tol=1e-4)


async def test_texts_of_one_meaning_are_nearer_than_others(embedder: BundledEmbedder) -> None:
    query = await embedder.embed_query("users cannot log in")
    near, far = await embedder.embed_documents(["Sign-in fails for every customer", "Bake the bread for an hour"])
    assert similarity(query, near) > similarity(query, far) + 0.1


async def test_a_question_lies_nearest_to_its_heaviest_word(embedder: BundledEmbedder) -> None:
    question = await embedder.embed_words({"anna": 0.1, "bread": 5.0})
    anna, bread = await embedder.embed_documents(["Anna", "bread"])
    assert similarity(question, bread) > similarity(question, anna) + 0.3


async def test_passages_are_close_when_each_word_meets_one_like_it(embedder: BundledEmbedder) -> None:
    near = await embedder.closeness({"car": 1.0, "buy": 1.0}, ["A Truck was SOLD", "bread", "", "buy a car"])
    assert near[3].words == pytest.approx(1.0, abs=1e-5)
    assert 1 > near[0].words > max(near[1].words, near[2].words) >= 0
    assert near[2] == (0.0, 0.0, 0.0, 0.0)
    assert await embedder.closeness({"car": 1.0}, []) == []


async def test_a_word_leads_more_the_earlier_it_stands(embedder: BundledEmbedder) -> None:
    early, late = await embedder.closeness({"truck": 2.0, "the": 0.1}, ["truck " + "of " * 30, "of " * 30 + "truck"])
    assert early.words == pytest.approx(late.words, abs=1e-5)
    assert early.lead == pytest.approx(1.0, abs=0.01)
    assert late.lead < 0.3


async def test_neighbours_of_the_question_that_stand_together_tell_more_than_apart(embedder: BundledEmbedder) -> None:
    filler = "of " * 30
    near = await embedder.closeness(
        {"access": 1.0, "token": 2.0, "expiry": 1.0},
        [
            "the expiry of an access token",
            f"expiry {filler} access {filler} token",
            f"{filler} token {filler}",
            "expiry of a token",
            "to access it",
        ],
    )
    assert near[0].pairs == pytest.approx(1.0, abs=1e-5)
    assert near[0].pairs > near[3].pairs > max(near[1].pairs, near[2].pairs, near[4].pairs)
    assert near[0].words == pytest.approx(near[1].words, abs=1e-5)
    [alone] = await embedder.closeness({"token": 1.0}, ["an access token"])
    assert alone.pairs == 0.0


async def test_the_end_of_a_passage_does_not_stand_beside_the_beginning_of_the_next(embedder: BundledEmbedder) -> None:
    ends, begins, both = await embedder.closeness({"access": 1.0, "token": 1.0}, ["an access", "token", "access token"])
    assert both.pairs == pytest.approx(1.0, abs=1e-5)
    assert max(ends.pairs, begins.pairs) < 0.7


async def test_what_all_passages_have_in_common_tells_them_not_apart(embedder: BundledEmbedder) -> None:
    common = "the customer wrote to support about the invoice"
    passages = [f"{common}: {word}" for word in ("bread", "salad", "soup", "truck", "cheese", "rice")]
    near = await embedder.closeness({"customer": 1.0, "car": 3.0}, passages)
    assert max(near, key=lambda one: one.whole) is near[3]
    assert all(one.whole < 0.1 for one in near)


async def test_a_text_has_the_same_vector_alone_and_among_others(embedder: BundledEmbedder) -> None:
    texts = [f"memory number {number} " * (number * 7 % 90 + 1) for number in range(200)]
    together = await embedder.embed_documents(texts)
    alone = [(await embedder.embed_documents([text]))[0] for text in texts[::40]]
    for one, other in zip(alone, together[::40], strict=True):
        assert similarity(one, other) == pytest.approx(1.0, abs=1e-5)


async def test_no_texts_give_no_vectors(embedder: BundledEmbedder) -> None:
    assert await embedder.embed_documents([]) == []


async def test_the_vector_is_the_one_wordllama_itself_gives(embedder: BundledEmbedder) -> None:
    [vector] = await embedder.embed_documents(["tokens expire too early"])
    import wordllama

    reference = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
    assert vector == pytest.approx(reference.embed("tokens expire too early", norm=True)[0].tolist(), abs=1e-5)


async def test_the_event_loop_is_free_while_much_is_embedded(tmp_path: Path) -> None:
    embedder = BundledEmbedder(DaemonClient(tmp_path))
    await embedder.embed_query("loads the weights")
    work = asyncio.create_task(embedder.embed_documents(["word and meaning " * 30] * 3000 + ["long text " * 100_000]))
    longest, last = 0.0, time.thread_time()
    while not work.done():
        await asyncio.sleep(0.001)
        now = time.thread_time()
        longest, last = max(longest, now - last), now
    assert len(await work) == 3001
    await embedder.close()
    assert longest < 0.25  # seconds of the processor, of which others take none


async def test_after_close_it_can_be_used_again() -> None:
    embedder = model_here()
    before = await embedder.embed_query("again")
    await embedder.close()
    assert await embedder.embed_query("again") == before


async def test_status_names_the_model(embedder: BundledEmbedder) -> None:
    status = await embedder.status()
    assert status.ok
    assert status.label == "bundled"
    assert status.version == embedder.model


def test_loading_writes_no_log_to_the_screen() -> None:
    program = (
        "import asyncio, logging\n"
        "from services.adapters.bundled_model import BundledModel\n"
        "async def main():\n"
        "    loading = asyncio.create_task(asyncio.to_thread(BundledModel().embed, ['hello']))\n"
        "    while not loading.done():\n"
        "        logging.getLogger('httpx').info('a request beside it')\n"
        "        await asyncio.sleep(0.001)\n"
        "asyncio.run(main())\n"
        "assert logging.getLogger().level == logging.WARNING\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
