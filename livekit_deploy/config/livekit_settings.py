"""Checks `livekit.settings`: livekit-server's own keys, except those that this file sets elsewhere.

An unknown key keeps a strict server from starting, so it is refused here. Two levels are known by name; what lies
deeper is passed on as it is. Source: livekit-server 1.13, config-sample.yaml and the server's configuration types.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

SECTIONS = {
    "agents": "enable_user_data_recording enable_user_data_redaction target_load",
    "api": "execution_timeout check_interval max_check_interval enable_psrpc_for_get_list_participants",
    "audio": "active_level min_percentile update_interval smooth_intervals active_red_encoding enable_loss_proxying",
    "debug_handler": "port",
    "ingress": "rtmp_base_url whip_base_url",
    "limit": """num_tracks bytes_per_sec subscription_limit_video subscription_limit_audio max_metadata_size
        max_attributes_size max_room_name_length max_participant_identity_length max_participant_name_length
        max_data_blob_key_length max_data_blobs_size max_data_track_custom_encoding_length signal_message_size_limit
        agent_signal_message_size_limit max_api_request_body_size""",
    "logging": """json level sample component_levels sample_initial sample_interval item_sample_seconds
        item_sample_initial item_sample_interval pion_level""",
    "metric": "timestamper_config collector reporter",
    "node_selector": "kind sort_by algorithm cpu_load_limit sysload_limit regions",
    "node_stats": "stats_update_interval stats_rate_measurement_intervals stats_max_delay",
    "prometheus": "port username password",
    "psrpc": "max_attempts timeout backoff buffer_size",
    "room": """auto_create enabled_codecs max_participants empty_timeout departure_timeout enable_remote_unmute
        playout_delay sync_streams create_room_timeout create_room_attempts enable_full_room_in_webhooks
        update_batch_target_size max_metadata_size max_room_name_length max_participant_identity_length
        room_configurations""",
    "rtc": """stun_servers use_stun_port_as_ice use_ice_lite interfaces ips enable_loopback_candidate use_mdns
        external_ip_only advertise_internal_ip skip_external_ip_validation batch_io sctp_min_cwnd sctp_fast_rtx_wnd
        sctp_cwnd_ca_step force_tcp turn_servers enable_warp strict_acks packet_buffer_size packet_buffer_size_video
        packet_buffer_size_audio pli_throttle congestion_control allow_tcp_fallback tcp_fallback_rtt_threshold
        allow_udp_unstable_fallback reconnect_on_publication_error reconnect_on_subscription_error
        reconnect_on_data_channel_error data_channel_max_buffered_amount datachannel_slow_threshold
        datachannel_lossy_target_latency datachannel_data_track_target_latency forward_stats
        enable_rtp_stream_restart_detection""",
    "signal_relay": "retry_timeout min_retry_interval max_retry_interval stream_buffer_size connect_attempts",
    "trace": "jaeger_url",
    "turn": """relay_range_start relay_range_end bind_addresses per_user_relay_allocation_limit ttl_seconds
        allow_restricted_peer_cidrs deny_peer_cidrs""",
    "video": "dynacast_pause_delay stream_tracker_manager codec_regression_threshold",
    "webhook": "url_notifier resource_url_notifier filter_params",
}
_KEYS = {section: frozenset(keys.split()) for section, keys in SECTIONS.items()}
#: keys that hold a value and no further keys
_VALUES = frozenset(
    """bind_addresses debug_handler_port development enable_data_tracks enable_participant_data_blob log_level
    region""".split()  # noqa: SIM905
)
_GENERATED = "it is generated, and LiveKit gets it from a Secret"
#: what this program sets itself: what to do instead
_OWNED = {
    "port": "LiveKit listens on 7880, behind its load balancer",
    "keys": _GENERATED,
    "key_file": _GENERATED,
    "redis": "use the section redis",
    "rtc.udp_port": "use livekit.rtc.udp_ports",
    "rtc.port_range_start": "use livekit.rtc.udp_ports",
    "rtc.port_range_end": "use livekit.rtc.udp_ports",
    "rtc.tcp_port": "use livekit.rtc.tcp_port",
    "rtc.use_external_ip": "media nodes are public, and LiveKit finds its address",
    "rtc.node_ip": "media nodes are public, and LiveKit finds its address",
    "prometheus_port": "use prometheus.port",
    "turn.enabled": "use livekit.turn",
    "turn.domain": "use livekit.turn.domain",
    "turn.udp_port": "use livekit.turn.udp_port",
    "turn.tls_port": "use livekit.turn.tls",
    "turn.external_tls": "use livekit.turn.tls",
    "turn.cert_file": "TLS ends at the load balancer",
    "turn.key_file": "TLS ends at the load balancer",
    "webhook.urls": "use livekit.webhook_urls",
    "webhook.api_key": _GENERATED,
}


def refused(settings: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(dotted key, what is wrong, what to do) for each setting that LiveKit does not know or that is set elsewhere."""
    for key, value in settings.items():
        if key in _OWNED:
            yield key, f"{key} is set by this program", _OWNED[key]
        elif key in _KEYS:
            yield from _in_section(key, value)
        elif key not in _VALUES:
            yield key, f"LiveKit has no setting {key!r}", _near(key, [*_KEYS, *_VALUES])


def _in_section(section: str, value: Any) -> Iterator[tuple[str, str, str]]:
    if not isinstance(value, Mapping):
        yield section, f"{section} is a section with keys of its own", f"such as {min(_KEYS[section])}"
        return
    for key in value:
        path = f"{section}.{key}"
        if path in _OWNED:
            yield path, f"{path} is set by this program", _OWNED[path]
        elif key not in _KEYS[section]:
            yield path, f"LiveKit has no setting {path!r}", _near(str(key), _KEYS[section])


def _near(key: str, known: Any) -> str:
    close = difflib.get_close_matches(str(key), sorted(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else "see livekit-server's config-sample.yaml"
