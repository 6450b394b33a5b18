"""Secrets in a file: refused, and never repeated."""

from __future__ import annotations

from tests.unit.config.refused.case import Case, livekit

CASES = [
    Case(
        "a password",
        livekit("settings: {redis: {password: hunter2}}"),
        "5:22",
        "livekit.settings.redis.password",
        "a secret does not belong here",
        "generated into Secrets Manager",
        livekit("settings: {}"),
    ),
    Case(
        "a token for Redis",
        "redis: {auth_token: hunter2}",
        "3:9",
        "redis.auth_token",
        "a secret does not belong here",
        "Secrets Manager",
        "redis: {auth: true}",
    ),
    Case(
        "LiveKit's keys",
        livekit("keys: {APIhunter2: hunter2}"),
        "5:3",
        "livekit.keys",
        "a secret does not belong here",
        "Secrets Manager",
        livekit(),
    ),
    Case(
        "a secret in camel case",
        "cluster: {addons: {x: {configuration: {apiToken: hunter2}}}}",
        "3:40",
        "cluster.addons.x.configuration.apiToken",
        "a secret does not belong here",
        "remove it",
        "cluster: {addons: {x: {configuration: {tokenSeconds: 5}}}}",
    ),
    Case(
        "a list of TURN servers with a credential",
        livekit("settings: {rtc: {turn_servers: [{host: t, credential: hunter2}]}}"),
        "5:45",
        "livekit.settings.rtc.turn_servers.0.credential",
        "a secret does not belong here",
        "remove it",
        livekit("settings: {rtc: {turn_servers: [{host: t}]}}"),
    ),
    Case(
        "a password in a URL",
        livekit("webhook_urls: ['https://ada:hunter2@example.com/']"),
        "5:18",
        "livekit.webhook_urls.0",
        "a secret does not belong here",
        "remove it",
        livekit("webhook_urls: ['https://example.com/@ada']"),
    ),
    Case(
        "an AWS key under a harmless name",
        "tags: {owner: AKIAIOSFODNN7EXAMPLE}",
        "3:8",
        "tags.owner",
        "a secret does not belong here",
        "remove it",
        "tags: {owner: ada}",
    ),
]
