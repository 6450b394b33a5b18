"""A chart that is broken is noticed here: each way of breaking it that shows on the server's side, by its words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.real.livekit.kubelet import Refused
from tests.real.livekit.manifests import Manifests
from tests.real.livekit.site import BUNDLE, START_ERROR, Site, until


def service_links(given: Manifests) -> None:
    given.pod["enableServiceLinks"] = True


def service_links_by_default(given: Manifests) -> None:
    given.pod.pop("enableServiceLinks")


def wrong_startup_port(given: Manifests) -> None:
    given.container["startupProbe"]["httpGet"]["port"] = 7882


def wrong_liveness_port(given: Manifests) -> None:
    given.container["livenessProbe"]["httpGet"]["port"] = 6790


def unnamed_readiness_port(given: Manifests) -> None:
    given.container["readinessProbe"]["httpGet"]["port"] = "health"


def wrong_probe_path(given: Manifests) -> None:
    given.container["startupProbe"]["httpGet"]["path"] = "/healthz"


def read_only_path(given: Manifests) -> None:
    given.container["args"] = ["--cpuprofile", "/tmp/cpu.pprof"]


def no_keys(given: Manifests) -> None:
    secret = given.get("Secret", "livekit-api-keys")
    assert secret is not None
    secret["data"] = {}


def root(given: Manifests) -> None:
    given.container["securityContext"].pop("runAsUser")


def unknown_setting(given: Manifests) -> None:
    given.configure({**given.config, "no_such_setting": True})


def key_file(mode: int, *, group: int | None = None) -> Callable[[Manifests], None]:
    """Keys from a mounted file, as LiveKit's own chart does it; ``group`` is the pod's fsGroup and the process's."""

    def patch(given: Manifests) -> None:
        given.container["env"] = [one for one in given.container["env"] if one["name"] != "LIVEKIT_KEYS"]
        secret = {"secretName": "livekit-api-keys", "items": [{"key": "keys", "path": "keys.yaml"}]}
        given.pod["volumes"] = [{"name": "keys", "secret": {**secret, "defaultMode": mode}}]
        given.container["volumeMounts"] = [{"name": "keys", "mountPath": "/keys"}]
        given.configure({**given.config, "key_file": "/keys/keys.yaml"})
        if group is not None:
            given.pod["securityContext"] = {"fsGroup": group}
            given.container["securityContext"]["runAsGroup"] = group

    return patch


BROKEN: dict[str, tuple[Callable[[Manifests], None], str]] = {
    "service links on": (service_links, "LIVEKIT_PORT"),
    "service links left to their default": (service_links_by_default, "LIVEKIT_PORT"),
    "wrong startup port": (wrong_startup_port, "startupProbe: .*Connection refused"),
    "wrong liveness port": (wrong_liveness_port, "livenessProbe: .*Connection refused"),
    "readiness port without a name": (unnamed_readiness_port, "readinessProbe: .*no port named health"),
    "wrong probe path": (wrong_probe_path, "startupProbe: .*statuscode: 404"),
    "a path that is read-only": (read_only_path, "/tmp/cpu.pprof: read-only file system"),
    "key file for everybody": (key_file(0o644), "key file others permissions must be set to 0"),
    "key file for root alone": (key_file(0o600), "/keys/keys.yaml: permission denied"),
    "no keys": (no_keys, "CreateContainerConfigError: couldn't find key keys in secret livekit/livekit-api-keys"),
    "root": (root, "CreateContainerConfigError: container has runAsNonRoot"),
    "unknown setting": (unknown_setting, "no_such_setting"),
}


@pytest.mark.parametrize("way", BROKEN)
def test_a_broken_chart_is_noticed(newest: Site, way: str) -> None:
    broken, said = BROKEN[way]
    given = newest.manifests(newest.redis())
    broken(given)
    with pytest.raises(Refused, match=f"(?s){said}"):
        started(newest, given, wrongly_asked=said.startswith("startupProbe"))


def started(site: Site, given: Manifests, *, wrongly_asked: bool) -> None:
    """As `Container.started`; of a server that is up, and not asked where it answers, this is seen at once."""
    pod = site.start(given)
    if wrongly_asked:
        until(lambda: "starting LiveKit server" in pod.log, "server")
    pod.started(2 if wrongly_asked else 60)


def test_a_start_error_ends_with_the_code_of_its_version(site: Site) -> None:
    given = site.manifests(site.redis())
    unknown_setting(given)
    with pytest.raises(Refused, match=f"it ended with {START_ERROR[site.version]}:"):
        site.start(given).started()


def test_a_missing_authority_is_noticed(newest: Site) -> None:
    files = {path: source for path, source in newest.image.files.items() if path != BUNDLE}
    image = replace(newest.image, files=files)
    with pytest.raises(Refused, match="x509: certificate signed by unknown authority"):
        newest.start(newest.manifests(newest.redis()), image).started()


@pytest.mark.parametrize(("mode", "group"), [(0o640, 65532), (0o400, 65532)])
def test_keys_from_a_file_need_its_group_and_nobody_else(newest: Site, mode: int, group: int | None) -> None:
    given = newest.manifests(newest.redis())
    key_file(mode, group=group)(given)
    newest.start(given).started()
