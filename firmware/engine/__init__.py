"""Candidate, commit, commit-confirm, rollback and revisions."""

from firmware.engine.applier import Applier, Fastpath
from firmware.engine.engine import Actor, Committed, Engine, Listener

__all__ = ["Actor", "Applier", "Committed", "Engine", "Fastpath", "Listener"]
