"""The gateway as an auditor's command asks it: JSON over HTTP, with a key."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

from pydantic import Field

from runtime.settings import Settings
from services.rmos.audit.access import NothingToReach, stack_of

PATIENCE_S = 30.0
"""How long a busy or restarting system is asked again."""
_BUSY = frozenset({429, 503, 504})
_TIMEOUT_S = 150.0


class GatewayKey(Settings):
    key: Annotated[str, Field(alias="RMOS_API_KEY", repr=False)] = ""


@dataclass(frozen=True, slots=True)
class Gateway:
    url: str
    key: str = field(repr=False)

    def asked(self, path: str, **query: str | int) -> tuple[int, dict[str, Any]]:
        """Status and body of a GET. Raises NothingToReach when there is no answer, or only that it is busy."""
        give_up = time.monotonic() + PATIENCE_S
        while True:
            status, body = self._once(f"{path}?{urlencode(query)}" if query else path)
            if status not in _BUSY or time.monotonic() > give_up:
                break
            time.sleep(0.2)
        if status in _BUSY or status in {401, 403}:
            raise NothingToReach(f"{self.url}: {body.get('message', status)}")
        return status, body

    def _once(self, target: str) -> tuple[int, dict[str, Any]]:
        address = urlsplit(self.url)
        secure = address.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(address.hostname or "", address.port, timeout=_TIMEOUT_S)
        try:
            connection.request("GET", target, headers={"Authorization": f"Bearer {self.key}"})
            response = connection.getresponse()
            body: dict[str, Any] = json.loads(response.read())
            return response.status, body
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NothingToReach(f"{self.url} does not answer as it should: {type(error).__name__}") from error
        finally:
            connection.close()


def gateway_of(home: Path | None, url: str | None) -> Gateway:
    """The stack's gateway, or the one at this address. Raises NothingToReach."""
    if url is None:
        stack = stack_of(home)
        return Gateway(stack.url, stack.api_keys["auditor"])
    key = GatewayKey.read().key
    if not key:
        raise NothingToReach("--url needs a key of the role auditor in RMOS_API_KEY")
    return Gateway(url, key)


def attestation(gateway: Gateway, run_id: str, up_to: int) -> bytes:
    """rmos' signed statement. Raises NothingToReach with its reason when it signs none."""
    status, body = gateway.asked(f"/api/runs/{run_id}/attestation", up_to=up_to)
    if status != http.client.OK:
        raise NothingToReach(str(body.get("message", status)))
    return str(body["envelope_json"]).encode()
