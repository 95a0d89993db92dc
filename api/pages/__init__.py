"""The playground at / and the documentation at /docs, without a build step or a framework.

`routes` renders both; `fields` generates the playground's form from the models; `assets` serves their files.
"""
