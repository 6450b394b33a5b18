"""Nodes of the sandbox's cluster come and go with their instances."""

from __future__ import annotations

from dataclasses import replace

from tests.k8s.rig import KubeRig, Sky


def test_an_instance_with_the_name_of_one_that_is_gone_is_another_node(rig: KubeRig, sky: Sky) -> None:
    rig.wait(lambda: "node-a" in rig.objects("nodes"))
    sky.specs[0] = replace(sky.specs[0], instance_id="i-new")
    rig.wait(lambda: str(rig.objects("nodes").get("node-a", {}).get("spec")).find("i-new") > 0)
