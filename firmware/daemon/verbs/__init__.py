"""What can be asked over the control socket."""

from firmware.daemon.verbs.table import Call, Stream, Verb, verb

__all__ = ["Call", "Stream", "Verb", "verb"]
