SELECT coalesce(max(epoch), 0) FROM rmos.writer_epochs
