"""Faults to switch on in a testbed's cloud, one at a time or several at once, to see whether an audit finds them.

A fault is a ``Fault``: a name, a line for people, and a ``Change``, which has two ways, ``on`` and ``off``. Both may be
called again at any time. Put together from what is here, a fault is a few lines in the module of its area:

    QUOTA_MISSING = Fault(
        "quota-missing",
        "tenant a has no quota: it may use up the cloud",
        objects.removed("/api/v1/namespaces/{a}/resourcequotas/limits"),
    )

- ``objects.removed|changed|added|bound``: objects of the API server, put back as they were;
- ``host_files.edited``: files of hosts by scripts of sed, and who reads them anew (``host_files.unit``,
  ``control_plane.api_server``); ``host_files.commands`` for what is no file;
- ``Change(on, off)`` for what is neither; ``+`` joins two. They get a ``Cloud``: ``ssh(host, command)``,
  ``host_of(role)``, ``api``, ``services``, ``tenants``; ``record.keep(key, value)`` writes down, before anything is
  touched, what ``off`` will need (``record.kept(key)``); ``later(what, action)`` does a thing once, when all is
  switched.
"""
