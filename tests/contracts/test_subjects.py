"""The subject table: who answers, who may ask, and what the bus therefore lets each user do."""

from __future__ import annotations

import re

import pytest

from contracts.log import EVENT_TYPES
from contracts.subjects import (
    CONVERSATIONS,
    DASHBOARD,
    FACT_DOMAINS,
    FACTS,
    MIGRATE,
    OPERATOR,
    SERVICES,
    SUPERVISOR,
    permissions_of,
)

USERS = (*SERVICES, MIGRATE, DASHBOARD, SUPERVISOR, OPERATOR)


def publishers_of(subject: str) -> set[str]:
    """Users who may publish exactly this subject or a wildcard over it."""
    return {user for user in USERS for pattern in permissions_of(user).publish if covers(pattern, subject)}


def covers(pattern: str, subject: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", "[^.]+").replace(">", ".+")
    return re.fullmatch(expression, subject) is not None


def test_every_subject_is_a_versioned_command_or_query_of_a_service_and_stands_once() -> None:
    pattern = rf"(cmd|query)\.({'|'.join(SERVICES)})\.[a-z][a-z0-9_]*\.v[1-9]\d*"
    subjects = [conversation.subject for conversation in CONVERSATIONS]
    assert [subject for subject in subjects if not re.fullmatch(pattern, subject)] == []
    assert len(set(subjects)) == len(subjects)


def test_a_conversation_is_started_by_users_other_than_its_answerer() -> None:
    for conversation in CONVERSATIONS:
        assert conversation.callers
        assert set(conversation.callers) <= {*SERVICES, SUPERVISOR, OPERATOR} - {conversation.service}


def test_types_of_facts_and_events_are_versioned_and_stand_once() -> None:
    facts = [(service, fact.type) for service, group in FACTS.items() for fact in group]  # type: ignore[attr-defined]
    names = [name for _, name in facts] + list(EVENT_TYPES)
    assert len(set(names)) == len(names)
    for service, name in facts:
        assert re.fullmatch(rf"{FACT_DOMAINS[service]}\.[a-z_]+\.v[1-9]\d*", name)
    assert all(re.fullmatch(r"rmos\.[a-z_]+\.v[1-9]\d*", name) for name in EVENT_TYPES)


@pytest.mark.parametrize(
    ("subject", "publishers"),
    [
        ("log.rmos.candidate_bound.v1", {"rmos"}),
        ("dead.fact.ai.call_completed.v1", {"rmos"}),
        ("fact.ai.call_completed.v1", {"ai_gateway"}),
        ("fact.art.variant_generated.v1", {"art_studio"}),
        ("fact.cam.toolpaths_generated.v1", {"cam"}),
        ("cmd.rmos.bind_candidate.v1", {"gateway"}),
        ("cmd.rmos.make_toolpaths.v1", {"gateway"}),
        ("cmd.rmos.approve.v1", {"gateway"}),
        ("cmd.cam.generate_toolpaths.v1", {"rmos"}),
        ("cmd.ai_gateway.generate_content.v1", {"art_studio", "rmos"}),
        ("cmd.rmos.redrive_dead_letter.v1", {OPERATOR}),
        ("$JS.API.STREAM.MSG.DELETE.DEAD", {MIGRATE, "rmos"}),
        ("$JS.API.STREAM.DELETE.LOG", {MIGRATE}),
        ("$JS.API.STREAM.PURGE.LOG", {MIGRATE}),
        ("$JS.API.STREAM.MSG.DELETE.LOG", {MIGRATE}),
    ],
)
def test_exactly_these_may_publish(subject: str, publishers: set[str]) -> None:
    assert publishers_of(subject) == publishers


def test_replies_come_to_an_inbox_that_no_other_user_may_read() -> None:
    for user in USERS:
        readers = {u for u in USERS for p in permissions_of(u).subscribe if covers(p, f"_INBOX.{user}.x.1")}
        assert readers == {user}


def test_each_user_may_ask_what_the_table_says_and_nothing_else() -> None:
    for user in USERS:
        asked = {subject for subject in permissions_of(user).publish if subject.startswith(("cmd.", "query."))}
        assert asked == {conversation.subject for conversation in CONVERSATIONS if user in conversation.callers}


def test_a_stranger_has_no_rights() -> None:
    with pytest.raises(KeyError):
        permissions_of("stranger")
