-- The newest version of each stream; streams without events are left out.
SELECT wanted.stream, newest.version
FROM unnest(%(streams)s::text[]) AS wanted (stream)
CROSS JOIN LATERAL (
    SELECT version FROM rmos.events WHERE events.stream = wanted.stream ORDER BY version DESC LIMIT 1
) AS newest
