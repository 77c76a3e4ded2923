"""The tools that make many memories fewer or clearer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from memoria_tui.agents.tool import Agent, Flag, Number, Offset, Question, Share, Types
from memoria_tui.agents.tool_answers import Brief, brief
from memoria_tui.agents.tools.search import lasting
from services.curation.curation_values import Depth, Style
from services.curation.reflection import MEMORIES
from services.model import MemoryType, Query, any_of

_DEPTHS = f"From how many memories: {any_of(f'{number} ({depth})' for depth, number in MEMORIES.items())}"
_MOST = 50
"""Groups, and forgotten memories, in one answer."""
_MOST_SOURCES = 10

Model = Annotated[str | None, Field(description="Another chat model of Ollama than that of the settings")]
DryRun = Annotated[Flag, Field(description="Only say what would be done")]


@dataclass(frozen=True, slots=True)
class Merged:
    kept: Brief
    others: tuple[Brief, ...]
    """They go to the trash; their texts, tags and relations are added to the kept one."""


@dataclass(frozen=True, slots=True)
class Consolidated:
    dry_run: bool
    merged: int
    """Memories that become part of another."""
    forgotten: int
    looked_at: int
    merges: tuple[Merged, ...] = ()
    forgetting: tuple[Brief, ...] = ()
    more: str = ""


async def consolidate(
    agent: Agent,
    similarity_threshold: Annotated[Share, Field(description="Least cosine of memories that are merged")] = 0.9,
    forget_days: Annotated[
        int,
        Field(ge=0, le=36_500, description="Forget what is unimportant and unused for so many days; 0: nothing"),
        Number,
    ] = 30,
    dry_run: DryRun = True,
    offset: Offset = 0,
) -> Consolidated:
    """Merge near-identical memories of one type and project, and forget unimportant ones that nobody used and nothing
    is related to. Each text with words of its own is kept, what is merged or forgotten goes to the trash, and
    memoria_undo takes all of it back. Without dry_run=false it only says what it would do: show that to the person
    first."""
    planned = await agent.services.consolidation.plan(similarity_threshold, forget_days, offset)
    if not dry_run:
        await agent.services.consolidation.carry_out(planned)
    more = "" if planned.complete else f"not all were looked at: go on with offset={planned.looked_at}. "
    if max(len(planned.merges), len(planned.forgotten)) > _MOST:
        more += f"Only the first {_MOST} are listed."
    return Consolidated(
        dry_run,
        sum(len(one.others) for one in planned.merges),
        len(planned.forgotten),
        planned.looked_at,
        tuple(
            Merged(brief(one.kept.id, one.kept), tuple(brief(other.id, other) for other in one.others))
            for one in planned.merges[:_MOST]
        ),
        tuple(brief(one.id, one) for one in planned.forgotten[:_MOST]),
        more.strip(),
    )


@dataclass(frozen=True, slots=True)
class Reflected:
    reflection: str
    sources: tuple[Brief, ...]
    """In the order of the numbers by which the text names them."""


async def reflect(
    agent: Agent,
    query: Annotated[Question, Field(description="What to think about")],
    style: Style = Style.SYNTHESIS,
    depth: Annotated[Depth, Field(description=_DEPTHS)] = Depth.THOROUGH,
    memory_types: Types = None,
    llm_model: Model = None,
) -> Reflected:
    """Let a local language model answer from the memories that a query finds. It needs a chat model of Ollama; without
    one, recall and think yourself."""
    text = " ".join(query.split())
    asked = lasting(agent, Query(raw=query, text=text, types=tuple(memory_types or ())))
    made = await agent.services.reflection.reflect(asked, style, depth, llm_model)
    return Reflected(made.text or "no memories were found for that", tuple(brief(one.id, one) for one in made.sources))


@dataclass(frozen=True, slots=True)
class Observed:
    observation: str
    source_count: int
    sources: tuple[Brief, ...]
    """The first of them."""
    stored: str = ""
    """Id of the memory that it is now."""


@dataclass(frozen=True, slots=True)
class Observations:
    dry_run: bool
    observations: tuple[Observed, ...]


async def observe(
    agent: Agent,
    memory_type: MemoryType = MemoryType.SEMANTIC,
    dry_run: DryRun = True,
    similarity_threshold: Annotated[Share, Field(description="Least cosine within a cluster")] = 0.75,
    min_cluster_size: Annotated[int, Field(ge=2, le=20), Number] = 3,
    llm_model: Model = None,
) -> Observations:
    """Let a local language model say what clusters of alike memories tell together; with dry_run=false each becomes a
    semantic memory that derives from its sources. It needs a chat model of Ollama."""
    found = await agent.services.reflection.observe(
        memory_type,
        similarity_threshold,
        min_cluster_size,
        agent.services.clock(),
        store=not dry_run,
        model=llm_model,
    )
    return Observations(
        dry_run,
        tuple(
            Observed(
                one.text,
                len(one.sources),
                tuple(brief(source.id, source) for source in one.sources[:_MOST_SOURCES]),
                one.memory_id or "",
            )
            for one in found
        ),
    )
