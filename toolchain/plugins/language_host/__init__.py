"""The language host: what the engine asks of a project, a policy pack or a plugin that is written in Python.

``servicer`` takes the requests; each other module does one kind of work. The engine starts it as
``pulumi-language-python``; ``dynamic_provider`` is started as ``pulumi-resource-pulumi-python``.
"""
