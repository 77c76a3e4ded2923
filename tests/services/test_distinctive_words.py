"""Which texts say the same, so that one of them can go without a look, and where others differ."""

from __future__ import annotations

import pytest

from services.distinctive_words import distinct, says_the_same, words_that_differ


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("Ask Anna for the signing key", "Ask Maria for the signing key"),
        ("Pushing to main is allowed", "Pushing to main is forbidden"),
        ("Open the valve before the test", "Close the valve before the test"),
        ("Increase the limit of the pool", "Decrease the limit of the pool"),
        ("The backup runs daily at night", "The backup runs weekly at night"),
        ("We are on the basic plan", "We are on the premium plan"),
        ("The token lives 20 minutes", "The token lives thirty minutes"),
        ("The token lives twenty minutes", "The token lives thirty minutes"),
        ("The api calls the worker", "The worker calls the api"),
        ("Deploy after the review", "Deploy before the review"),
        ("Restart it now", "Restart it"),
        ("Go with plan A", "Go with plan"),
        ("It is written in C++", "It is written in C#"),
        ("Read .env first", "Read env first"),
        ("Store it at -5 degrees", "Store it at 5 degrees"),
        ("if (!ready) wait", "if (ready) wait"),
        ("Wait for 1.5 s", "Wait for 15 s"),
        ("Das war schon", "Das war schön"),
        ("Is it open?", "Is it open."),
        ("!!!", "???"),
        ("a word " * 2_000 + "and 5 ends", "a word " * 2_000 + "and 6 ends"),
    ],
)
def test_texts_that_differ_in_a_word_that_tells_do_not_say_the_same(here: str, there: str) -> None:
    assert not says_the_same(here, there)
    assert words_that_differ(here, there)


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("It is a cache", "It is cache"),
        ("Deploy on Friday, after lunch", "DEPLOY  on friday after\nlunch!"),
        ("The token of the api lives for 60 s", "Token of api lives for 60 s."),
        ('Say "hello" (twice)', "say ‘hello’ twice"),
        ("- first\n- second", "* First\n* Second"),
        ("It’s a cache — and a good one", "It's a cache, and a good one"),
    ],
)
def test_texts_that_differ_in_case_articles_and_punctuation_alone_say_the_same(here: str, there: str) -> None:
    assert says_the_same(here, there)


def test_what_differs_is_told_as_it_is_written_where_it_stands() -> None:
    here, there = "Ask Anna for  the key", "Ask Maria for the key now"
    assert words_that_differ(here, there) == (("Anna", "Maria"), ("", "now"))
    assert words_that_differ(here, here.replace(" ", "\n")) == ()


def test_of_texts_that_say_the_same_the_first_stays_and_a_question_is_another_text() -> None:
    texts = ["Deploy on Friday.", "DEPLOY  ON FRIDAY", "Deploy on Friday?", "A deploy on Friday", "", "", "Deploy."]
    assert distinct(texts) == ["Deploy on Friday.", "Deploy on Friday?", "A deploy on Friday", "", "Deploy."]
