"""Events of ended requests, from the step that ends one until its receiver has it, as they are kept in Redis."""
