"""The playground at /: a page to try every parameter on, without a build step or a framework.

`page` renders the document, its form from the parameter model (`fields`); `assets` are the files it loads,
the modules in `static` also as one (`bundle`); `routes` serves both.
"""
