"""What art_studio answers on the bus, over its ports."""
