"""The stand-in for livekit-server: it starts, refuses to start, answers and logs as the real server of its tag does.

Source: livekit-server 1.13, cmd/server/main.go, pkg/config/config.go and pkg/service; protocol, redis/redis.go. What is
said here in its words was seen with the real program.
"""
