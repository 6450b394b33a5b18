"""Kubeconfigs: none holds a token, and what the exec plugin prints is good for as long as it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from livekit_deploy.k8s.access.kubeconfig import credential, for_people
from tests.k8s.rig import TOKEN, KubeRig


def test_people_get_a_kubeconfig_that_asks_this_program_for_the_token(rig: KubeRig) -> None:
    cluster = {"name": "livekit-uat-main", **rig.lives.outputs}
    config = for_people(cluster, ["python", "-m", "livekit_deploy", "token"], {"AWS_PROFILE": "media"})
    assert config["clusters"][0]["cluster"]["server"] == rig.cluster.endpoint
    assert config["clusters"][0]["cluster"]["certificate-authority-data"] == rig.cluster.ca_data
    plugin = config["users"][0]["user"]["exec"]
    assert [plugin["command"], *plugin["args"]] == ["python", "-m", "livekit_deploy", "token"]
    assert plugin["env"] == [{"name": "AWS_PROFILE", "value": "media"}]
    assert plugin["interactiveMode"] == "Never"
    assert config["current-context"] == config["contexts"][0]["name"] == "livekit-uat-main"
    assert rig.eks.tokens_made == 0


def test_a_token_is_good_for_less_than_a_quarter_of_an_hour(rig: KubeRig) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    said = credential(rig.cloud, "livekit-uat-main")
    assert (said["apiVersion"], said["kind"]) == ("client.authentication.k8s.io/v1", "ExecCredential")
    assert said["status"]["token"] == TOKEN
    until = datetime.fromisoformat(said["status"]["expirationTimestamp"])
    assert before + timedelta(minutes=14) <= until < before + timedelta(minutes=15)
