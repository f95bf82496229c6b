from __future__ import annotations

from services.rmos.domain.summary import MAX_KEYS, request_summary


def test_a_clients_own_verdict_is_never_kept() -> None:
    summary = request_summary({"tool_id": "flat_1_0", "feasibility": {"risk_level": "GREEN"}, "risk_level": "GREEN"})
    assert summary == {"tool_id": "flat_1_0"}


def test_at_most_eighty_keys_are_kept_in_name_order() -> None:
    summary = request_summary({f"k{number:03}": number for number in range(200)})
    assert len(summary) == MAX_KEYS
    assert list(summary) == [f"k{number:03}" for number in range(MAX_KEYS)]


def test_long_lists_and_maps_become_their_type_and_length() -> None:
    body = {"spec": {"shapes": list(range(201))}, "meta": {str(number): 1 for number in range(201)}, "few": [1, 2]}
    summary = request_summary(body)
    assert summary["spec"] == {"shapes": {"type": "list", "length": 201}}
    assert summary["meta"] == {"type": "map", "length": 201}
    assert summary["few"] == [1, 2]
