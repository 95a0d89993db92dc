"""`superimpose doctor`: what the service needs on this machine, tried out."""
