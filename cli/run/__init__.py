"""`superimpose run`: pictures made by a server, one or a folder of them."""
