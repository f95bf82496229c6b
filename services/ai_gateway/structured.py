"""Structured answers: the caller's schema made ready once, every answer checked against it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jsonschema_rs
import orjson

from contracts.errors import ErrorCode, RmosError
from services.ai_gateway.domain.strict_schema import NotStrict, schema_sha256, strict_schema
from services.ai_gateway.ports import StructuredOutput

MAX_PROBLEMS = 5
MAX_PROBLEM_LENGTH = 240


@dataclass(frozen=True, slots=True)
class Problem:
    """`place` says where, in words that hold nothing of the answer; `detail` is for the model that wrote it."""

    place: str
    detail: str


@dataclass(frozen=True, slots=True)
class PreparedSchema:
    output: StructuredOutput
    sha256: str
    validator: jsonschema_rs.Draft202012Validator

    def problem_of(self, text: str) -> Problem | None:
        """Why this answer is not what was asked, or None. NaN, Infinity and 1e999 are no JSON numbers here."""
        try:
            document = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            return Problem(f"not JSON at {where}", f"it is not one JSON document ({error.msg}). {_ONLY_JSON}")
        errors = [error for error, _ in zip(self.validator.iter_errors(document), range(MAX_PROBLEMS), strict=False)]
        if not errors:
            return None
        places = [f"{_place(error)}: {_kind(error)}" for error in errors]
        details = [f"{_place(error)}: {error.message[:MAX_PROBLEM_LENGTH]}" for error in errors]
        return Problem("; ".join(places), "it does not fit the schema. " + "; ".join(details))


_ONLY_JSON = "Write the JSON document alone: no prose before or after it, no code fence, no NaN or Infinity"


@lru_cache(maxsize=32)
def prepared(name: str, schema_json: str) -> PreparedSchema:
    """The schema ready for asking and checking. Raises RmosError(INVALID_REQUEST)."""
    try:
        schema: dict[str, Any] = orjson.loads(schema_json)
        strict = strict_schema(schema)
        validator = jsonschema_rs.Draft202012Validator(schema, pattern_options=jsonschema_rs.RegexOptions())
    except orjson.JSONDecodeError as error:
        raise RmosError(ErrorCode.INVALID_REQUEST, f"output_schema_json is not JSON: {error.msg}") from error
    except (NotStrict, ValueError) as error:
        raise RmosError(ErrorCode.INVALID_REQUEST, f"output_schema_json cannot be used: {error}") from error
    return PreparedSchema(StructuredOutput(name, schema, strict), schema_sha256(strict), validator)


def _place(error: jsonschema_rs.ValidationError) -> str:
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.instance_path)


def _kind(error: jsonschema_rs.ValidationError) -> str:
    path = [part for part in error.schema_path if isinstance(part, str)]
    return path[-1] if path else "schema"
