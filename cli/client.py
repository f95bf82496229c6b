"""The command line's view of the gateway: JSON in and out, errors with what to do."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

import httpx

RETRY_STATUSES = frozenset({503, 504})
RETRY_FOR_S = 20.0


class ApiError(Exception):
    """The gateway's answer was an error; `code` is its error code, `body` the whole envelope."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{body.get('error', status)}: {body.get('message', 'no message')}")
        self.status = status
        self.code = str(body.get("error", status))
        self.body = body


class Api:
    """One key's access to a running system. Retryable refusals of idempotent calls are asked again for a while."""

    def __init__(self, url: str, key: str) -> None:
        self._client = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=httpx.Timeout(180, connect=5)
        )

    def __enter__(self) -> Api:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._client.close()

    def get(self, path: str, **params: str | int) -> dict[str, Any]:
        return self._json(self._call("GET", path, params=params))

    def get_bytes(self, path: str) -> bytes:
        return self._call("GET", path).content

    def post(self, path: str, body: dict[str, Any], idempotency_key: str) -> dict[str, Any]:
        """POST under an idempotency key, so that asking again cannot do the work twice."""
        return self._json(self._call("POST", path, json=body, headers={"Idempotency-Key": idempotency_key}))

    def _call(self, method: str, path: str, **options: Any) -> httpx.Response:
        give_up = time.monotonic() + RETRY_FOR_S
        while True:
            try:
                response = self._client.request(method, path, **options)
            except httpx.TransportError as error:
                if time.monotonic() > give_up:
                    problem = {"error": "UNREACHABLE", "message": f"{self._client.base_url} does not answer: {error}"}
                    raise ApiError(0, problem) from error
            else:
                if response.status_code not in RETRY_STATUSES or time.monotonic() > give_up:
                    return self._accepted(response)
            time.sleep(0.3)

    @staticmethod
    def _accepted(response: httpx.Response) -> httpx.Response:
        if response.is_success:
            return response
        try:
            body = response.json()
        except ValueError:
            body = {"error": "HTTP_ERROR", "message": response.text[:200]}
        raise ApiError(response.status_code, body)

    @staticmethod
    def _json(response: httpx.Response) -> dict[str, Any]:
        body: dict[str, Any] = response.json()
        return body
