SELECT event_id FROM rmos.events WHERE event_id = ANY (%(event_ids)s::text[])
