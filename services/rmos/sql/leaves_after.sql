SELECT position, leaf FROM rmos.events WHERE position > %(position)s ORDER BY position LIMIT %(limit)s
