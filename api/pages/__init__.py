"""The playground at / and the documentation at /docs, without a build step or a framework.

`routes` serves both; `fields` generates the playground's form from the models; `assets` reads their files.
"""
