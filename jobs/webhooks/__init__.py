"""Events of ended requests as they are kept in Redis, from the step that ends one until its receiver has it."""
