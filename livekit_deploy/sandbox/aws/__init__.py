"""AWS: moto, put right where this program touches it.

A folder for each service, named as moto's own. In it ``corrections`` holds what moto answers otherwise than AWS, and
``additions`` the resources and settings that moto has no notion of; either is a file, or a folder with a file for each
kind of resource. What lies beside them is used by both. ``every_service`` holds what belongs to no service.

A correction is a function with the name and the arguments of moto's method, after the method itself (``original``), so
that a maintainer of moto could take its body over; it is put in by `every_service.patching`. Where moto has no more
than an outline (EKS, ElastiCache), ``operations`` replaces it as a whole. Each correction has a probe in
tests/sandbox/corrections.
"""
