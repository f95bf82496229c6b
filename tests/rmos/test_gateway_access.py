"""A key is only ever sent to the address that was given."""

from __future__ import annotations

import pytest

from services.rmos.audit.access import NothingToReach
from services.rmos.gateway_access import gateway_of


@pytest.mark.parametrize(
    "url", ["", "rmos.example", "rmos.example:8080", "ftp://rmos.example", "http://", "http://h:x"]
)
def test_what_is_no_address_is_said_to_be_none(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RMOS_API_KEY", "a-key")
    with pytest.raises(NothingToReach, match="is no address"):
        gateway_of(None, url, "auditor")


def test_without_a_key_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RMOS_API_KEY", raising=False)
    with pytest.raises(NothingToReach, match="a key of the role admin in RMOS_API_KEY"):
        gateway_of(None, "http://127.0.0.1:1", "admin")


def test_silence_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RMOS_API_KEY", "a-key")
    with pytest.raises(NothingToReach, match="does not answer"):
        gateway_of(None, "http://127.0.0.1:1", "auditor").asked("/api/runs")
