"""The asset index' migration's stand-in: makes a table in art_studio's schema as the owner."""

from __future__ import annotations

import os

import psycopg

with psycopg.connect(os.environ["RMOS_POSTGRES_OWNER_DSN"]) as owner:
    owner.execute("CREATE TABLE IF NOT EXISTS art.migrations (at timestamptz DEFAULT now())")
