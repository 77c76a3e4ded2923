"""The demo's own store: made, found again, thrown away. It never touches the user's stores.

Whether it is there is asked before the first paint, so what makes it is imported where it is used.
"""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.container import Services
    from services.model import Progress
    from services.ports import NewChange
    from services.records import Transaction
    from services.settings import Settings

_UNREVIEWED = 12
"""The newest memories, which wait for a review as those of an agent do."""


def demo_ready(settings: Settings) -> bool:
    """True when the demo store was made to its end."""
    return settings.demo_mark.exists()


async def load_demo(services: Services, progress: Callable[[Progress], None] = lambda _: None) -> str:
    """Writes the year into the stores; what an interrupted run left is completed. Gives one line that says what."""
    from services.demo.year import compose
    from services.records.relation_states import relation_change
    from services.times import writer_zone

    year = compose(services.clock(), writer_zone(services.settings))

    async def relations_and_sessions(transaction: Transaction) -> Sequence[NewChange]:
        made = await transaction.relations.insert(year.relations)
        rows = [relation_change(None, relation, "imported") for relation in made]
        return rows + await transaction.rows.upsert_sessions(year.sessions)

    group = await services.importing.store_drafts(year.memories, also=relations_and_sessions, progress=progress)
    by_age = sorted(year.memories, key=lambda memory: str(memory.created_at))
    await services.inbox.keep({str(memory.id): None for memory in by_age[:-_UNREVIEWED]}, group)
    return (
        f"the demo: {len(year.memories)} memories, {len(year.relations)} relations, {len(year.sessions)} work sessions"
    )


async def make_demo(services: Services) -> None:
    """Fills the demo's own store and marks it as made.

    Raises InvalidInput where memories are in it that are not the demo's: the folder is another home.
    """
    from services.demo.year import compose
    from services.errors import InvalidInput
    from services.files import write_file
    from services.model import Query
    from services.times import writer_zone

    year = await asyncio.to_thread(compose, services.clock(), writer_zone(services.settings))
    if not {memory.id for memory in year.memories}.issuperset(await services.search.ids(Query())):
        raise InvalidInput(f"{services.settings.home} holds memories that are not the demo's; take another --home")
    await load_demo(services)
    await asyncio.to_thread(write_file, services.settings.demo_mark, "")


async def erase_demo(settings: Settings) -> None:
    """Throws the demo's own store away. Raises StoreInUse while another program has it open.

    What was not made to its end stays, to be completed: it may as well be a folder that is no demo.
    """
    if not demo_ready(settings):
        return
    from services.container import erase_stores

    await erase_stores(settings)
    if settings.home.exists():
        # A command server that starts at this moment puts files into the home: under another name it finds none.
        gone = settings.home.with_name(f"{settings.home.name}.{uuid.uuid4().hex[:8]}.erased")
        settings.home.rename(gone)
        await asyncio.to_thread(shutil.rmtree, gone)
