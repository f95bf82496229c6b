SELECT tree_size, root, note FROM rmos.checkpoints WHERE tree_size = %(tree_size)s
