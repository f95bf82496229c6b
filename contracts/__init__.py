"""What the services may know of each other: messages, names, canonical bytes. No I/O, no clock, no ids made here."""
