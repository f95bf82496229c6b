SELECT tree_size, root, note FROM rmos.checkpoints ORDER BY tree_size DESC LIMIT 1
