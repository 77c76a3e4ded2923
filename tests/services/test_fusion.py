"""How legs and relations become one score."""

from __future__ import annotations

import pytest

from services.model import GOOD_RELEVANCE
from services.ports import Link, Nearness
from services.search.fusion import (
    SEEDS,
    SENTENCE_WEIGHT,
    SPREAD,
    Closely,
    activation,
    explained,
    folded,
    own_scores,
    seeds,
    shares,
    totals,
)
from services.search.unrelated import BUNDLED, Unrelated


def link(source: str, target: str, weight: float = 1.0) -> tuple[Link, Link]:
    """As both ends see it."""
    return Link(source, target, weight), Link(target, source, weight)


def read(words: float, lead: float = 0.0, whole: float = 0.0) -> Closely:
    return Closely(Nearness(words, lead, whole))


def around(seeds: dict[str, float], *links: tuple[Link, Link]) -> dict[str, float]:
    return activation(seeds, (end for ends in links for end in ends))


def test_found_by_both_legs_ranks_above_found_by_one() -> None:
    own, _ = own_scores({"both": 0.6, "meaning": 0.4}, {"both": 0.8, "words": 0.9})
    assert own["both"] > own["words"] > own["meaning"]
    assert all(0 <= score <= 1 for score in own.values())


def test_the_cosine_of_a_model_that_reads_sentences_counts_more() -> None:
    dense, keyword = {"meaning": 0.7, "words": 0.1}, {"words": 0.6}
    words_first, _ = own_scores(dense, keyword)
    meaning_first, _ = own_scores(dense, keyword, SENTENCE_WEIGHT)
    assert words_first["words"] > words_first["meaning"]
    assert meaning_first["meaning"] > meaning_first["words"]


def test_a_memory_below_the_dense_leg_has_its_least_cosine() -> None:
    own, others = own_scores({"first": 0.8, "last": 0.2}, {"last": 0.5, "words": 0.5})
    assert own["words"] == pytest.approx(own["last"])
    assert 0 < others < own["first"]


def test_one_leg_alone_gives_its_own_order() -> None:
    words, _ = own_scores({}, {"a": 1.0, "b": 0.5})
    assert words["a"] == 1.0 > words["b"] > 0
    assert own_scores({"a": 0.5, "b": -0.1}, {}) == ({"a": 0.5, "b": 0.0}, 0.0)
    assert own_scores({}, {}) == ({}, 0.0)


def test_a_common_word_of_a_question_is_no_full_score() -> None:
    weights = {"the": 0.1, "clocks": 5.0, "time": 1.0}
    assert shares({"page": 1.0, "note": 5.4}, weights) == pytest.approx({"page": 1 / 6, "note": 0.9})
    assert shares({"a": 2.0, "b": 1.0}, {}) == {"a": 1.0, "b": 0.5}


def test_later_chunks_count_less_the_more_there_are_and_the_first_never() -> None:
    assert folded(1.0, 0, 12) == folded(1.0, 0, 1) == 1.0
    assert 0.7 < folded(1.0, 11, 12) < folded(1.0, 1, 2) < 1.0


def test_relations_pass_on_what_sets_the_best_hits_apart() -> None:
    few = {"a": 0.9, "b": 0.5}
    assert seeds(few) == few
    many = {f"n{number}": 0.5 for number in range(SEEDS + 5)} | {"best": 0.9}
    assert {one: score for one, score in seeds(many).items() if score} == pytest.approx({"best": 0.4})


def test_activation_reaches_two_relations_far_in_both_directions() -> None:
    reached = around({"a": 0.8}, link("a", "b"), link("c", "b"), link("c", "d"))
    assert reached == pytest.approx({"b": 0.8 * SPREAD, "c": 0.8 * SPREAD**2})


def test_weak_relations_pass_on_less() -> None:
    reached = around({"a": 1.0}, link("a", "strong"), link("a", "weak", 0.2))
    assert reached["weak"] == pytest.approx(0.2 * reached["strong"])


def test_a_hub_tells_little_about_each_of_its_neighbours() -> None:
    hub = around({"hub": 1.0}, *(link("hub", f"n{number}") for number in range(50)))
    pair = around({"one": 1.0}, link("one", "n0"))
    assert hub["n0"] < 0.25 * pair["n0"]


def test_many_neighbours_count_as_the_best_of_them() -> None:
    reached = around({"a": 0.9, "b": 0.5}, link("a", "x"), link("b", "x"))
    assert reached["x"] == pytest.approx(0.9 * SPREAD)


def test_what_comes_back_to_a_hit_over_its_neighbour_is_no_news() -> None:
    assert "a" not in around({"a": 1.0}, link("a", "b"))


def test_every_hit_says_why_it_is_there() -> None:
    dense, keyword, graph = {"a": 0.5}, {"a": 0.5, "b": 1.0}, {"c": 0.1}
    own, others = own_scores(dense, keyword)
    scored = explained(totals(own | {"c": others}, graph), {}, dense, keyword, graph)
    assert list(scored) == ["b", "a", "c"]
    assert scored["b"].score == 1.0
    assert (scored["a"].why.dense, scored["a"].why.keyword, scored["a"].why.graph) == (0.5, 0.5, None)
    assert (scored["c"].why.dense, scored["c"].why.keyword, scored["c"].why.graph) == (None, None, 0.1)


def test_near_words_lift_a_hit_and_its_part_of_meaning() -> None:
    dense = {"far": 0.5, "near": 0.45}
    scored = explained(totals(dense, {}), {"far": read(0.1), "near": read(0.9)}, dense, {}, {})
    assert list(scored) == ["near", "far"]
    assert scored["near"].score == 1.0
    assert 0.45 < (scored["near"].why.dense or 0) < 0.9
    assert 0.1 < (scored["far"].why.dense or 0) < 0.5


def test_a_passage_lifts_more_by_what_it_begins_with_and_by_what_it_is_about() -> None:
    passages = {
        "early": read(0.5, lead=0.4),
        "about": read(0.5, whole=0.15),
        "late": read(0.5),
        "other": read(0.5, whole=-0.3),
    }
    alike = dict.fromkeys(passages, 0.4)
    assert list(explained(alike, passages, alike, {}, {})) == ["early", "about", "late", "other"]


def test_a_passage_lifts_more_where_words_stand_together_and_by_what_the_question_word_asks_for() -> None:
    near = Nearness(0.5, 0.2, 0.1)
    passages = {
        "together": Closely(near._replace(pairs=0.8)),
        "dated": Closely(near, has_asked=True),
        "apart": Closely(near),
    }
    alike = dict.fromkeys(passages, 0.4)
    assert list(explained(alike, passages, alike, {}, {})) == ["together", "dated", "apart"]


def test_a_passage_that_ends_with_a_question_answers_less() -> None:
    alike = {"asks": 0.4, "tells": 0.4}
    passages = {"asks": Closely(Nearness(0.5, 0.2, 0.1), asks=True), "tells": read(0.5, 0.2, 0.1)}
    assert list(explained(alike, passages, alike, {}, {})) == ["tells", "asks"]


def test_what_is_read_closely_never_falls_behind_what_is_not() -> None:
    passages = {"read": Closely(Nearness(0.0, 0.0, -1.0), asks=True)}
    scored = explained({"read": 0.41, "unread": 0.4}, passages, {}, {}, {})
    assert list(scored) == ["read", "unread"]
    assert all(0 <= one.score <= 1 for one in scored.values())


def test_a_memory_asked_for_by_its_title_goes_first() -> None:
    scored = explained({"other": 0.9, "titled": 0.5}, {"titled": Closely(titled=True)}, {}, {}, {})
    assert [(one, scored[one].score) for one in scored] == [("titled", 1.0), ("other", 1.0)]


def test_relevance_is_absolute_and_knows_no_best() -> None:
    def relevance(dense: float, keyword: float, near: float) -> float:
        passage = {"a": read(near, lead=near / 2)}
        return explained({"a": 1.0}, passage, {"a": dense}, {"a": keyword}, {})["a"].relevance

    assert relevance(0.2, 0.1, 0.3) < GOOD_RELEVANCE < relevance(0.4, 0.4, 0.5) < relevance(0.6, 1.0, 1.0) <= 1.0


def test_a_cosine_tells_by_how_far_it_is_above_those_of_what_is_not_related() -> None:
    def relevance(cosine: float, unrelated: Unrelated) -> float:
        return explained({"a": 1.0}, {}, {"a": cosine}, {}, {}, unrelated)["a"].relevance

    high, low = Unrelated(0.7, 0.03), Unrelated(0.05, 0.08)
    assert relevance(0.72, high) == relevance(0.1, low) == 0.0
    assert relevance(0.88, high) == pytest.approx(relevance(0.53, low))
    assert relevance(0.95, high) > GOOD_RELEVANCE > relevance(0.45, low)


def test_a_question_of_which_no_word_occurs_is_less_relevant_than_one_whose_words_were_not_looked_for() -> None:
    def relevance(worded: bool) -> float:
        found = explained({"a": 1.0}, {"a": read(0.5)}, {"a": 0.3}, {}, {}, BUNDLED, worded=worded)
        return found["a"].relevance

    assert relevance(worded=True) < relevance(worded=False)


def test_equal_scores_keep_one_order() -> None:
    own = {"b": 0.5, "a": 0.5, "c": 0.5}
    assert list(explained(totals(own, {}), {}, own, {}, {})) == ["a", "b", "c"]
