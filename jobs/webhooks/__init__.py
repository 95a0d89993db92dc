"""Events of ended requests in Redis, from the step that ends a request to the delivery of its event."""
