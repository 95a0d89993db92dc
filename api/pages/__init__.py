"""The pages: the playground at / and the documentation at /docs, without a build step or a framework.

`page` renders the playground, its form from the parameter model (`fields`); `assets` are the files they load.
"""
