"""`superimpose doctor`: checks what the service needs on this machine."""
