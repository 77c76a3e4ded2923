"""What agents and imports wrote waits for a person's review, and what a person decides reviews it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from services.acting import Actor, acting_as
from services.curation.curation_values import GroupBy
from services.curation.differing_facts import differing_facts
from services.curation.duplicate_scan import DuplicateScan
from services.curation.duplicates import DuplicateService
from services.curation.inbox import InboxService
from services.graph.graph_service import GraphService
from services.memories.chunking import chunks
from services.memories.storing_many import Incoming
from services.model import Memory, MemoryChanges, MemoryDraft, MemoryType, Progress, Query, RelationType
from services.ports import NewRelation
from services.records import Records
from services.search.filters import FilterBuilder
from services.search.query import parse_query
from services.times import writer_zone
from tests.services.memory_world import World, open_world, store_many
from tests.services.test_duplicates import alike

CLAUDE = Actor("agent:claude-code")


@pytest.fixture
async def world(records: Records) -> AsyncIterator[World]:
    async with open_world(records) as opened:
        yield opened


@pytest.fixture
def inbox(world: World) -> InboxService:
    def clock() -> datetime:
        return datetime.now(UTC)

    scan = DuplicateScan(world.vectors, world.embedder, world.records, world.settings, clock)
    return InboxService(world.vectors, world.records, world.service, scan, world.settings, clock)


async def by_agent(world: World, text: str, **fields: object) -> Memory:
    with acting_as(CLAUDE):
        return await world.service.create(MemoryDraft(text, **fields))  # type: ignore[arg-type]


async def waiting(inbox: InboxService) -> list[tuple[str, str]]:
    """What waits, with how it was changed."""
    return [(one.memory.content, one.change) for one in await inbox.items(await inbox.pending(100))]


async def test_what_it_is_grouped_by_is_kept_and_what_no_program_kept_counts_as_not_set(
    world: World, inbox: InboxService
) -> None:
    assert await inbox.group_by() is GroupBy.SESSION
    await inbox.keep_group_by(GroupBy.FINDING)
    assert await inbox.group_by() is GroupBy.FINDING
    await world.records.user_settings.set("inbox_group_by", ["odd"])
    assert await inbox.group_by() is GroupBy.SESSION


async def test_what_an_agent_wrote_waits_and_what_a_person_wrote_does_not(world: World, inbox: InboxService) -> None:
    own = await world.service.create(MemoryDraft("mine"))
    first = await by_agent(world, "new")
    with acting_as(CLAUDE):
        await world.service.update(own, MemoryChanges(content="theirs"))
    assert await waiting(inbox) == [("new", "new"), ("theirs", "changed")]
    assert await inbox.count() == 2
    (item,) = await inbox.items([one for one in await inbox.pending(9) if one.memory_id == own.id])
    assert item.before
    assert (item.before.content, item.pending.actor, item.pending.is_new) == ("mine", CLAUDE.name, False)
    assert await inbox.keep({first.id: None}) == 1
    assert await waiting(inbox) == [("theirs", "changed")]


async def test_an_import_waits_with_all_that_it_wrote(world: World, inbox: InboxService) -> None:
    ids = [f"{number}1111111-1111-4111-8111-111111111111" for number in range(3)]
    await store_many(world.service, [Incoming(Memory(id_, MemoryType.SEMANTIC, id_)) for id_ in ids])
    assert await inbox.count() == 3
    (group,) = await inbox.grouped(await inbox.pending(9), GroupBy.SESSION)
    assert (len(group.pending), group.name.startswith("import by ")) == (3, True)
    await world.service.undo()
    assert await inbox.count() == 0
    await world.service.redo()
    assert await waiting(inbox) == [(id_, "new") for id_ in ids]
    (group,) = await inbox.grouped(await inbox.pending(9), GroupBy.SESSION)
    assert group.name.startswith("import by ")
    await world.service.undo()
    assert await inbox.count() == 0
    await world.service.redo()
    assert await inbox.keep(dict.fromkeys(ids)) == 3
    for act, count in ((world.service.undo, 3), (world.service.undo, 0), (world.service.redo, 3)):
        await act()
        assert await inbox.count() == count


async def test_a_review_is_undone_and_redone_also_after_an_agent_wrote_again(world: World, inbox: InboxService) -> None:
    memory = await by_agent(world, "one")
    await inbox.keep({memory.id: None})
    undone = await world.service.undo()
    assert undone.summary == 'reviewed "one"'
    assert await waiting(inbox) == [("one", "new")]
    await world.service.redo()
    assert await inbox.count() == 0
    with acting_as(CLAUDE):
        await world.service.update(memory, MemoryChanges(content="two"))
    assert await waiting(inbox) == [("two", "changed")]
    pending = await inbox.pending(9)
    assert pending[0].reviewed_by == world.settings.actor
    await world.service.undo(group=(await world.service.acts.page(9)).acts[1].group)
    assert await waiting(inbox) == [("two", "new")]


async def test_a_review_of_what_an_agent_changed_meanwhile_reviews_nothing(world: World, inbox: InboxService) -> None:
    memory = await by_agent(world, "seen")
    (pending,) = await inbox.pending(9)
    with acting_as(CLAUDE):
        await world.service.update(memory, MemoryChanges(content="not seen"))
    assert await inbox.keep({memory.id: pending.last_change}) == 0
    assert await waiting(inbox) == [("not seen", "new")]


async def test_a_text_whose_points_are_not_written_was_not_there_to_be_seen(world: World, inbox: InboxService) -> None:
    memory = await by_agent(world, "shown")
    (pending,) = await inbox.pending(9)
    async with world.records.transaction() as transaction:
        await transaction.outbox.put({memory.id: pending.last_change})
    assert await inbox.keep({memory.id: pending.last_change}) == 0
    await world.service.recover()
    assert await inbox.keep({memory.id: pending.last_change}) == 1


async def test_what_a_person_decides_reviews_in_the_same_act(world: World, inbox: InboxService) -> None:
    edited, retired, gone, newer, older, tagged = [
        await by_agent(world, text) for text in ("edited", "retired", "gone", "newer", "older", "tagged")
    ]
    await world.service.edit_many([tagged.id], add_tags=["x"])
    await world.service.update(edited, MemoryChanges(content="by hand"))
    await world.service.update(retired, MemoryChanges(metadata={"expires_at": "2026-01-01T00:00:00"}))
    await world.service.delete([gone.id])
    graph = GraphService(world.vectors, world.records, world.settings)
    await graph.link_many([NewRelation(newer.id, older.id, RelationType.SUPERSEDES)])
    assert await waiting(inbox) == [("tagged", "new")]
    for left in (3, 4, 5, 6):
        await world.service.undo()
        assert await inbox.count() == min(left, 6)


async def test_deletions_by_agents_wait_unless_nobody_ever_saw_what_they_deleted(
    world: World, inbox: InboxService
) -> None:
    own, theirs = await world.service.create(MemoryDraft("mine")), await by_agent(world, "theirs")
    with acting_as(CLAUDE):
        await world.service.delete([own.id, theirs.id])
    assert await waiting(inbox) == [("mine", "deleted")]
    await world.service.restore([own.id])
    assert await inbox.count() == 0
    await world.service.undo()
    assert await waiting(inbox) == [("mine", "deleted")]


async def test_a_snoozed_memory_is_hidden_until_then(world: World, inbox: InboxService) -> None:
    memory = await by_agent(world, "later")
    now = datetime.now(UTC)
    assert await inbox.snooze([memory.id], now + timedelta(days=1)) == 1
    assert (await inbox.count(), await world.records.reviews.count(now + timedelta(days=2))) == (0, 1)
    await world.service.undo()
    assert await inbox.count() == 1


async def test_what_waits_longest_comes_first(world: World, inbox: InboxService) -> None:
    ids = [(await by_agent(world, str(number))).id for number in range(3)]
    assert [one.memory_id for one in await inbox.pending(2)] == ids[:2]


async def test_sessions_end_by_silence_and_projects_are_told_apart(world: World, inbox: InboxService) -> None:
    await by_agent(world, "a", project="api")
    with acting_as(Actor("agent:cursor")):
        await world.service.create(MemoryDraft("b"))
    await by_agent(world, "c")
    pending = await inbox.pending(9)
    named = {by: [(one.name, len(one.pending)) for one in await inbox.grouped(pending, by)] for by in GroupBy}
    assert named[GroupBy.AGENT] == named[GroupBy.SESSION] == [("claude-code", 2), ("cursor", 1)]
    assert named[GroupBy.PROJECT] == [("api", 1), ("", 2)]
    assert named[GroupBy.FINDING] == [("nothing found", 3)]


async def test_what_needs_a_look_comes_before_all_of_which_nothing_was_found(world: World, inbox: InboxService) -> None:
    world.embedder.embed_documents = alike  # type: ignore[method-assign]
    known = await world.service.create(MemoryDraft("The token of the api lives for 10 seconds"))
    mine = await world.service.create(MemoryDraft("The queue is short"))
    texts = {
        "fine": "The cache was cleared",
        "ends": "The queue is frozen",
        "twice": "The token of the api lives for 10 seconds!",
        "otherwise": "The token of the api lives for 60 seconds",
        "key": "The password: hunter2hunter2",
    }
    ends = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    made = {
        name: await by_agent(world, text, metadata={"expires_at": ends} if name == "ends" else {})
        for name, text in texts.items()
    }
    with acting_as(CLAUDE):
        await world.service.update(mine, MemoryChanges(content="The queue is long"))

    async def found() -> list[tuple[str, int]]:
        groups = await inbox.grouped(await inbox.pending(9), GroupBy.FINDING)
        return [(one.name, len(one.pending)) for one in groups]

    assert await found() == [
        ("has secrets", 1),
        ("contradicts another", 2),
        ("changed or deleted by an agent", 1),
        ("expired, or expires soon", 1),
        ("nothing found", 1),
    ]
    assert [one.contradicts for one in await inbox.near(made["twice"])] == [True, False]
    await world.service.update(made["key"], MemoryChanges(tags=("a",)))  # which reviews nothing
    await world.service.delete([made["otherwise"].id])
    assert (await found())[:2] == [("has secrets", 1), ("nearly the same as another", 1)]
    await world.service.delete([known.id])
    assert ("nearly the same as another", 1) not in await found()


async def test_a_contradiction_ends_when_one_of_the_two_is_retired_superseded_or_gone_or_both_are_kept(
    world: World, inbox: InboxService
) -> None:
    world.embedder.embed_documents = alike  # type: ignore[method-assign]
    known = await world.service.create(MemoryDraft("The access token lives 10 seconds"))
    other = await by_agent(world, "The access token lives 60 seconds")
    newer = await world.service.create(MemoryDraft("Nothing about it"))
    filters = FilterBuilder(world.vectors, world.records, writer_zone(world.settings))
    graph = GraphService(world.vectors, world.records, world.settings)
    duplicates = DuplicateService(world.vectors, world.records, world.service, graph, world.settings)

    async def told() -> tuple[int, bool, str]:
        """What the query counts, what is shown beside the memory, and why it waits."""
        where = (await filters.points(parse_query("is:contradicting", now=datetime.now(UTC), week_begins=0))).where
        number = sum([await world.vectors.count(one, some) for one, some in where.items()])
        beside = any(one.contradicts for one in await inbox.near(other))
        groups = await inbox.grouped(await inbox.pending(9), GroupBy.FINDING)
        return number, beside, groups[0].name if groups else ""

    contradicts, ended = (2, True, "contradicts another"), (0, False, "nothing found")
    await inbox.look(await inbox.pending(9))
    assert await told() == contradicts
    newest = NewRelation(newer.id, known.id, RelationType.SUPERSEDES)
    for end in (
        lambda: inbox.retire([known.id]),
        lambda: world.service.delete([known.id]),
        lambda: graph.link_many([newest]),
        lambda: duplicates.keep_apart([known, other]),
    ):
        await end()
        assert await told() == ended
        await world.service.undo()
        assert await told() == contradicts


async def test_what_was_compared_beforehand_is_not_compared_again_for_findings(
    world: World, inbox: InboxService
) -> None:
    for text in ("The queue is short", "The cache was cleared"):
        await by_agent(world, text)
    pending, steps = await inbox.pending(9), list[Progress]()
    await inbox.look(pending, steps.append)
    assert [(one.done, one.total) for one in steps] == [(0, 2)]
    groups = await inbox.grouped(pending, GroupBy.FINDING, steps.append)
    assert [(one.name, len(one.pending)) for one in groups] == [("nothing found", 2)]
    await world.service.edit_many([pending[0].memory_id], add_tags=["new"])
    await inbox.look(pending, steps.append)
    assert [(one.done, one.total) for one in steps] == [(0, 2), (0, 1)]


async def test_searches_know_what_is_reviewed(world: World, inbox: InboxService) -> None:
    await world.service.create(MemoryDraft("mine"))
    theirs = await by_agent(world, "theirs")
    filters = FilterBuilder(world.vectors, world.records, writer_zone(world.settings))

    async def found(text: str) -> int:
        query: Query = parse_query(text, now=datetime.now(UTC), week_begins=0)
        scope = await filters.points(query)
        return sum([await world.vectors.count(one, where) for one, where in scope.where.items()])

    assert [await found(one) for one in ("is:unreviewed", "is:reviewed", "-is:unreviewed")] == [1, 1, 1]
    await inbox.keep({theirs.id: None})
    assert [await found(one) for one in ("is:unreviewed", "is:reviewed")] == [0, 2]


async def test_a_purge_takes_the_review_along(world: World, inbox: InboxService) -> None:
    memory = await by_agent(world, "secret")
    await inbox.keep({memory.id: None})
    await world.service.purge([memory.id])
    assert (await inbox.count(), await world.records.reviews.unreviewed_ids()) == (0, frozenset())
    rows = await world.records.history.read("SELECT count(*) AS number FROM {log} AS log WHERE entity = 'review'")
    assert rows[0].number == 0


async def test_what_a_memory_is_like_tells_the_facts_that_differ(world: World, inbox: InboxService) -> None:
    one = await by_agent(world, "The token lives 10 seconds")
    assert await inbox.near(one) == ()


async def test_of_a_long_memory_the_chunk_is_known_that_is_alike(world: World, inbox: InboxService) -> None:
    page = await by_agent(
        world, "Rotate the key, restart the portal, wait for the alerts. Then tell Anna that it is done."
    )
    texts = chunks(page.content, world.settings.chunk_size, world.settings.chunk_overlap)
    (near,) = await inbox.near(await by_agent(world, texts[-1]))
    assert (near.memory.id, near.passage, len(texts) > 1) == (page.id, texts[-1], True)


async def test_what_has_the_same_words_is_shown_beside_it_though_their_vectors_differ(
    world: World, inbox: InboxService
) -> None:
    one = await by_agent(world, "Deploy on Friday, after lunch")
    copy = await by_agent(world, "DEPLOY on friday after lunch")
    await inbox.grouped(await inbox.pending(10), GroupBy.FINDING)
    assert [(near.memory.id, near.likeness) for near in await inbox.near(copy)] == [(one.id, 1.0)]


async def test_a_memory_that_is_merged_into_one_of_the_same_words_adds_no_text(
    world: World, inbox: InboxService
) -> None:
    kept, copy = await by_agent(world, "Deploy on Friday."), await by_agent(world, "DEPLOY ON FRIDAY", tags=("ops",))
    await inbox.merge_into(await world.service.get(copy.id), await world.service.get(kept.id))
    now = await world.service.get(kept.id)
    assert (now.content, now.tags) == ("Deploy on Friday.", ("ops",))


@pytest.mark.parametrize(
    ("here", "there", "differing"),
    [
        ("The access token lives 10 s.", "The access token lives 60 s.", [("10", "60")]),
        ("The cache is enabled in production", "The cache is not enabled in production", [("", "not")]),
        ("We deploy on Friday, 2026-05-01", "We deploy on Monday, 2026-05-01", [("Friday", "Monday")]),
        ("We deploy on Friday", "WE DEPLOY on friday", []),
        ("We deploy on Fridays", "We deploy on Mondays", [("Fridays", "Mondays")]),
        ("Gone without a trace", "Not gone without a trace", [("", "Not")]),
        ("The port is 5432", "Anna likes 7 apples", []),
        ("The port is 5432", "The port is 5432", []),
        ("A port is 1. A port is 2.", "A port is 1.\nA port is 2.", []),
        ("if (!ready) wait", "if (ready) wait", [("!", "")]),
        ("", "The port is 5432", []),
        ("The contract ends on 2026-12-31", "The contract ends on 2027-06-30", [("2026-12-31", "2027-06-30")]),
        ("It ends on 3 March 2027.", "It ends on 17 May 2027.", [("3 March 2027", "17 May 2027")]),
        ("It ends on May 3rd", "It ends on 3 May", []),
        ("They may end on 3 March", "They may end on March 3", []),
        ("The token lives twenty minutes", "The token lives thirty minutes", [("twenty", "thirty")]),
        ("The token lives twenty minutes", "The token lives 20 minutes", []),
        ("It is a cache, and losing it must never lose data.", "It is a cache; losing it must never lose data.", []),
        ("It is a cache. Losing it must never lose data.", "It is a cache, losing it must never lose data.", []),
        ("A is not on. B is on.", "A is on. B is not on.", [("not", ""), ("", "not")]),
    ],
)
def test_facts_that_differ(here: str, there: str, differing: list[tuple[str, str]]) -> None:
    assert list(differing_facts(here, there)) == differing
