"""The gateway as rmos' commands ask it: JSON over HTTP, with a key."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from pydantic import Field

from runtime.settings import Settings
from services.rmos.audit.access import NothingToReach, stack_of

PATIENCE_S = 30.0
"""How long a busy or restarting system is asked again."""
_BUSY = frozenset({429, 503, 504})
_TIMEOUT_S = 150.0
_PAUSE_S = 0.2


class GatewayKey(Settings):
    key: Annotated[str, Field(alias="RMOS_API_KEY", repr=False)] = ""


@dataclass(frozen=True, slots=True)
class Gateway:
    """`address` is an http or https URL with a host; see `gateway_of`."""

    address: SplitResult
    key: str = field(repr=False)

    def asked(self, path: str, **query: str | int) -> tuple[int, dict[str, Any]]:
        """Status and body of a GET. Raises NothingToReach when there is no answer, only that it is busy, or none for
        this key."""
        return self._patiently("GET", f"{path}?{urlencode(query)}" if query else path, None, {})

    def told(self, path: str, body: dict[str, Any], command_id: str) -> tuple[int, dict[str, Any]]:
        """Status and answer of a POST, likewise. `command_id` makes asking again harmless: it is done once."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": command_id}
        return self._patiently("POST", path, json.dumps(body), headers)

    def _patiently(
        self, method: str, target: str, body: str | None, headers: dict[str, str]
    ) -> tuple[int, dict[str, Any]]:
        give_up = time.monotonic() + PATIENCE_S
        while True:
            status, answer = self._once(method, target, body, headers)
            if status not in _BUSY or time.monotonic() > give_up:
                break
            time.sleep(_PAUSE_S)
        if status in _BUSY or status in {401, 403}:
            raise NothingToReach(f"{self.address.geturl()}: {answer.get('message', status)}")
        return status, answer

    def _once(self, method: str, target: str, body: str | None, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        kind = http.client.HTTPSConnection if self.address.scheme == "https" else http.client.HTTPConnection
        connection = kind(self.address.hostname or "", self.address.port, timeout=_TIMEOUT_S)
        try:
            path = self.address.path.rstrip("/") + target
            connection.request(method, path, body, {"Authorization": f"Bearer {self.key}", **headers})
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NothingToReach(
                f"{self.address.geturl()} does not answer as it should: {type(error).__name__}"
            ) from error
        finally:
            connection.close()
        if not isinstance(answer, dict):
            raise NothingToReach(f"{self.address.geturl()} does not answer as it should: no JSON object")
        return response.status, answer


def gateway_of(home: Path | None, url: str | None, role: Literal["auditor", "admin"]) -> Gateway:
    """The stack's gateway with this role's key, or the one at this address with RMOS_API_KEY. Raises NothingToReach."""
    if url is None:
        stack = stack_of(home)
        return Gateway(_address(stack.url), stack.api_keys[role])
    key = GatewayKey.read().key
    if not key:
        raise NothingToReach(f"--url needs a key of the role {role} in RMOS_API_KEY")
    return Gateway(_address(url), key)


def _address(url: str) -> SplitResult:
    try:
        address = urlsplit(url)
        usable = address.scheme in {"http", "https"} and address.hostname and address.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise NothingToReach(f"{url!r} is no address: give http://host:port or https://host")
    return address


def attestation(gateway: Gateway, run_id: str, up_to: int) -> bytes:
    """rmos' signed statement. Raises NothingToReach with its reason when it signs none."""
    status, body = gateway.asked(f"/api/runs/{quote(run_id, safe='')}/attestation", up_to=up_to)
    if status != http.client.OK:
        raise NothingToReach(str(body.get("message", status)))
    return str(body["envelope_json"]).encode()
