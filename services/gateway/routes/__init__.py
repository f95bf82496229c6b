"""The endpoints, one module per thing they are about. Each turns HTTP into one conversation of the bus and back."""
