"""Rules that refer to another group keep their description and can be changed; moto forgets the one, and not the other.

Source: EC2 API reference, AuthorizeSecurityGroupIngress and ModifySecurityGroupRules.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models import EC2Backend

from livekit_deploy.sandbox.aws.every_service.patching import Corrections, Original

corrected = Corrections()
install = corrected.install


@corrected(EC2Backend)
def authorize_security_group_ingress(original: Original, backend: EC2Backend, *args: Any, **more: Any) -> Any:
    """moto forgets what is said of a rule that refers to another group."""
    rules, group = original(*args, **more)
    said = {one.get("GroupId"): one.get("Description") for one in more.get("source_groups") or []}
    for rule in rules:
        if rule.source_group and (text := said.get(rule.source_group.get("GroupId"))):
            rule.ip_range = {"Description": text}
    return rules, group


@corrected(EC2Backend)
def modify_security_group_rules(original: Original, backend: EC2Backend, group_id: str, rules: Any) -> None:
    """moto leaves the group that a rule refers to as it was."""
    original(group_id, rules)
    group: Any = backend.get_security_group_by_name_or_id(group_id)
    for id, said in rules.items():
        if referred := said.get("ReferencedGroupId"):
            rule = group.get_rule(id)
            rule.source_group = {**rule.source_group, "GroupId": referred}
