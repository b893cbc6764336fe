"""What the router sees: lines, hosts, applications, usage."""

from firmware.monitor.monitor import Monitor

__all__ = ["Monitor"]
