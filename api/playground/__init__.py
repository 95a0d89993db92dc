"""The playground at /: a page to try every parameter on, without a build step or a framework.

`page` renders the document, its form from the parameter model; `assets` are the files it loads; `routes`
serves both.
"""
