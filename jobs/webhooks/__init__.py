"""Events of ended requests as Redis keeps them, from the step that ends one until its receiver has it."""
