"""HTTP: REST, server-sent events, OpenAPI, authentication and limits. Asks the other services; decides nothing."""
