"""The regions that this program knows, and how a mistyped one is told from a new one."""

from __future__ import annotations

import difflib

#: regions with EKS (AWS general reference, Amazon EKS endpoints; read 2026-11)
REGIONS = frozenset(
    """af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 ap-southeast-1
    ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7 ca-central-1 ca-west-1
    cn-north-1 cn-northwest-1 eu-central-1 eu-central-2 eu-isoe-west-1 eu-north-1 eu-south-1 eu-south-2 eu-west-1
    eu-west-2 eu-west-3 eusc-de-east-1 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 us-east-2
    us-gov-east-1 us-gov-west-1 us-iso-east-1 us-iso-west-1 us-isob-east-1 us-isob-west-1 us-isof-east-1
    us-isof-south-1 us-west-1 us-west-2""".split()  # noqa: SIM905
)
_DIRECTIONS = frozenset(
    "central east north northeast northwest south southeast southwest west".split()  # noqa: SIM905
)
_AREAS = frozenset(region.rsplit("-", 2)[0] for region in REGIONS)


def nearest(region: str) -> str:
    """The known region that is written most like it; "" where none is near."""
    plain = region.strip().lower().replace("_", "-").replace(" ", "-")
    near = difflib.get_close_matches(plain, sorted(REGIONS), cutoff=0.7)
    swapped = [known for known in near if sorted(known) == sorted(plain)]
    return next(iter([*swapped, *near]), "")


def mistyped(region: str) -> bool:
    """Whether it can be no region, now or later: it names no direction, or the letters of an area in another order."""
    area, direction, _ = region.rsplit("-", 2)
    if direction not in _DIRECTIONS:
        return True
    return area not in _AREAS and any(sorted(area) == sorted(known) for known in _AREAS)
