"""The API client of `superimpose run`: calls, retries, uploads and downloads."""
