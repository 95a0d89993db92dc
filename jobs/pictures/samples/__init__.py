"""The pictures that the project ships to be tried with; ORIGIN.md says where they are from."""
