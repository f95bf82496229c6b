INSERT INTO rmos.checkpoints (tree_size, root, note, writer_epoch, made_at_utc)
VALUES (%(tree_size)s, %(root)s, %(note)s, %(writer_epoch)s, %(made_at_utc)s)
