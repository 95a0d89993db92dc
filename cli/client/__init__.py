"""A client of the API: what `superimpose run` says to a server, and how politely."""
