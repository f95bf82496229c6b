"""Who may do what: the keys, the roles, and the table of every endpoint's rule."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from contracts.canonical import sha256_hex
from contracts.envelope import Actor, ActorKind, Role
from contracts.errors import ErrorCode, RmosError


class Permission(StrEnum):
    READ = "read"
    DESIGN = "design"
    """Create, generate, attach, bind, evaluate."""
    DECIDE = "decide"
    """Approve, reject, require revision, override, delete, have toolpaths made."""
    AUDIT = "audit"
    """Have the record computed again."""
    ADMINISTER = "administer"
    """Add to the catalog, let old content go."""


MAY: dict[Permission, tuple[Role, ...]] = {
    Permission.READ: (Role.DESIGNER, Role.OPERATOR, Role.AUDITOR, Role.ADMIN),
    Permission.DESIGN: (Role.DESIGNER, Role.OPERATOR, Role.ADMIN),
    Permission.DECIDE: (Role.OPERATOR, Role.ADMIN),
    Permission.AUDIT: (Role.AUDITOR, Role.ADMIN),
    Permission.ADMINISTER: (Role.ADMIN,),
}

QUICK_S = 30.0
LONG_S = 120.0
"""Model calls and toolpaths."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What an endpoint asks of its caller, and how long the answer may take. No permission: open to everybody."""

    permission: Permission | None
    deadline_s: float = QUICK_S


_READ = Rule(Permission.READ)
_DESIGN = Rule(Permission.DESIGN)
_DECIDE = Rule(Permission.DECIDE)
_ADMINISTER = Rule(Permission.ADMINISTER, LONG_S)
_OPEN = Rule(None)

ENDPOINTS: dict[tuple[str, str], Rule] = {
    ("POST", "/api/runs"): _DESIGN,
    ("GET", "/api/runs"): _READ,
    ("GET", "/api/runs/{run_id}"): _READ,
    ("DELETE", "/api/runs/{run_id}"): _DECIDE,
    ("GET", "/api/runs/{run_id}/diff/{other_id}"): _READ,
    ("POST", "/api/runs/{run_id}/override"): _DECIDE,
    ("GET", "/api/runs/{run_id}/advisories"): _READ,
    ("POST", "/api/runs/{run_id}/advisories/{asset_id}/review"): _DESIGN,
    ("POST", "/api/runs/{run_id}/advisories/{asset_id}/promote"): _DESIGN,
    ("POST", "/api/runs/{run_id}/advisories/{asset_id}/reject"): _DESIGN,
    ("GET", "/api/runs/{run_id}/artifacts"): _READ,
    ("GET", "/api/runs/{run_id}/events"): _READ,
    ("POST", "/api/runs/{run_id}/attachments"): Rule(Permission.DESIGN, LONG_S),
    ("GET", "/api/runs/{run_id}/attachments"): _READ,
    ("GET", "/api/runs/{run_id}/attachments/{attachment_id}"): _READ,
    ("POST", "/api/runs/{run_id}/artifacts/bind-art-studio-candidate"): _DESIGN,
    ("GET", "/api/artifacts/{artifact_id}"): _READ,
    ("GET", "/api/artifacts/{artifact_id}/outputs/{name}"): _READ,
    ("GET", "/api/artifacts/{artifact_id}/explanation"): _READ,
    ("POST", "/api/artifacts/{artifact_id}/ai-explanation"): _DESIGN,
    ("GET", "/api/artifacts/{artifact_id}/ai-explanation"): _READ,
    ("GET", "/api/artifacts/{artifact_id}/diff/{other_id}"): _READ,
    ("POST", "/api/rmos/feasibility"): _DESIGN,
    ("POST", "/api/rmos/feasibility/batch"): Rule(Permission.DESIGN, LONG_S),
    ("POST", "/api/rmos/ai/constraint-search"): Rule(Permission.DESIGN, LONG_S),
    ("POST", "/api/rmos/ai/quick-check"): _DESIGN,
    ("GET", "/api/rmos/ai/searches/{search_id}"): _READ,
    ("DELETE", "/api/rmos/ai/searches/{search_id}"): _DESIGN,
    ("POST", "/api/rmos/toolpaths"): Rule(Permission.DECIDE, LONG_S),
    ("POST", "/api/workflow-sessions"): _DESIGN,
    ("GET", "/api/workflow-sessions"): _READ,
    ("GET", "/api/workflow-sessions/{session_id}"): _READ,
    ("PATCH", "/api/workflow-sessions/{session_id}"): _DESIGN,
    ("DELETE", "/api/workflow-sessions/{session_id}"): _DECIDE,
    ("PUT", "/api/workflow-sessions/{session_id}/design"): _DESIGN,
    ("POST", "/api/workflow-sessions/{session_id}/feasibility"): _DESIGN,
    ("POST", "/api/workflow-sessions/{session_id}/archive"): _DECIDE,
    ("GET", "/api/workflow-sessions/{session_id}/runs"): _READ,
    ("POST", "/api/rmos/workflow/approve"): _DECIDE,
    ("POST", "/api/rmos/workflow/reject"): _DECIDE,
    ("POST", "/api/rmos/workflow/require-revision"): _DECIDE,
    ("POST", "/api/art/prompt-to-svg"): Rule(Permission.DESIGN, LONG_S),
    ("POST", "/api/art-studio/svg/generate"): Rule(Permission.DESIGN, LONG_S),
    ("POST", "/api/art/prompt-to-svg/attach-to-run"): _DESIGN,
    ("GET", "/api/art/assets"): _READ,
    ("GET", "/api/art/assets/{asset_id}"): _READ,
    ("GET", "/api/catalog/{kind}"): _READ,
    ("POST", "/api/catalog"): Rule(Permission.ADMINISTER),
    ("POST", "/api/catalog/{kind}"): Rule(Permission.ADMINISTER),
    ("GET", "/api/ai/providers"): _READ,
    ("POST", "/api/admin/retention/purge"): _ADMINISTER,
    ("POST", "/api/admin/import/legacy-run"): _ADMINISTER,
    ("GET", "/api/events/stream"): _READ,
    ("GET", "/api/audit/checkpoint"): _READ,
    ("GET", "/api/audit/tile/{path}"): _READ,
    ("GET", "/api/audit/consistency"): _READ,
    ("GET", "/api/audit/key"): _READ,
    ("GET", "/api/artifacts/{artifact_id}/proof"): _READ,
    ("GET", "/api/runs/{run_id}/attestation"): Rule(Permission.AUDIT, LONG_S),
    ("GET", "/api/runs/{run_id}/replay"): Rule(Permission.AUDIT, LONG_S),
    ("GET", "/metrics"): _READ,
    ("GET", "/healthz"): _OPEN,
    ("GET", "/readyz"): _OPEN,
}
"""Every endpoint by method and path; one that is not listed here cannot be registered."""


def rule_key(method: str, path: str) -> tuple[str, str]:
    """The key in ENDPOINTS of a route: without the type of a parameter that takes several segments."""
    return method, path.replace(":path}", "}")


class Keys:
    """The API keys by role. Only their digests are kept."""

    def __init__(self, keys: Mapping[Role, str]) -> None:
        self._digests = {role: sha256_hex(key.encode()) for role, key in keys.items()}

    def actor_of(self, headers: Mapping[str, str]) -> Actor:
        """The person behind the credential. Raises UNAUTHENTICATED when there is none or it is not known."""
        presented = _presented(headers)
        digest = sha256_hex(presented.encode("utf-8", "surrogateescape"))
        found: Role | None = None
        for role, known in self._digests.items():  # all of them, always: the time taken tells nothing
            if hmac.compare_digest(digest, known):
                found = role
        if found is None:
            raise RmosError(ErrorCode.UNAUTHENTICATED, "this API key is not known here")
        return Actor(id=found.value, role=found, kind=ActorKind.PERSON)


def admit(rule: Rule, actor: Actor) -> None:
    """Raises FORBIDDEN naming the roles that may."""
    if rule.permission is None or actor.role in MAY[rule.permission]:
        return
    allowed = [role.value for role in MAY[rule.permission]]
    raise RmosError(
        ErrorCode.FORBIDDEN,
        f"the role {actor.role.value} may not do this; it takes one of {', '.join(allowed)}",
        role=actor.role.value,
        allowed_roles=allowed,
    )


def _presented(headers: Mapping[str, str]) -> str:
    given = []
    authorization = headers.get("authorization")
    if authorization is not None:
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise RmosError(ErrorCode.UNAUTHENTICATED, "the Authorization header must be: Bearer <API key>")
        given.append(key.strip())
    if (key_header := headers.get("x-api-key")) is not None:
        given.append(key_header.strip())
    if not given:
        raise RmosError(
            ErrorCode.UNAUTHENTICATED, "an API key is needed: Authorization: Bearer <key>, or X-API-Key: <key>"
        )
    if len(set(given)) > 1:
        raise RmosError(ErrorCode.UNAUTHENTICATED, "Authorization and X-API-Key hold different keys: send one")
    return given[0]
