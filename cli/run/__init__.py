"""`superimpose run`: renders one picture or many on a server."""
