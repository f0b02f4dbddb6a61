"""Shares and faults in words, from the summaries of evaluations."""

from typing import Any

_FAULTS = 10


def share(rate: dict[str, Any]) -> str:
    """Return a share, as `Rate.summary` gives it; nothing for the share of nothing."""
    return "" if rate["value"] is None else f"{rate['value']:.2%}"


def interval(rate: dict[str, Any]) -> str:
    """Return a share's 95 % interval."""
    return f"{rate['low']:.2%} – {rate['high']:.2%}" if rate["count"] else ""


def commonest(confusions: list[dict[str, Any]]) -> str:
    """Return the commonest pairs of true and read characters."""
    return "  ".join(f"{c['true'] or '∅'}→{c['read'] or '∅'} {c['count']}" for c in confusions[:_FAULTS])
